"""What a run came to: a table for people, JSON for programs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from stafett_faults import history
from stafett_faults.checker import ELSEWHERE, Finding
from stafett_faults.faults import kinds
from stafett_faults.history import IN_TWO_STORES, Run

SHOWN = 5  # violations of one invariant in the table, the first line of each; JSON has all
NEW_LINE = "\n"


def summary(run: Run, findings: Sequence[Finding], **about: Any) -> dict[str, Any]:
    by_name = {finding.name: finding for finding in findings}

    def wrong(*names: str) -> int:
        return sum(len(by_name[name].violations) for name in names if name in by_name)

    commands = list(run.commands)
    attempts = [attempt for command in commands for attempt in command.attempts]
    return {
        **about,
        "faults": len(run.faults),
        "faults_by_kind": kinds(run.faults),
        "commands": len(commands),
        "sent": len(attempts),
        "published": sum(command.first(IN_TWO_STORES) is not None for command in commands),
        "accepted_by_call": dict(Counter(command.call for command in commands if command.accepted).most_common()),
        "enforced": sum(history.ENFORCED in command.outcomes for command in commands),
        "stored_at_first": sum(bool(command.outcomes & {history.STORED, history.REGISTERED}) for command in commands),
        "refused": sum(command.outcomes == {history.REFUSED} for command in commands),
        "unknown_at_first": sum(history.UNKNOWN in command.outcomes for command in commands),
        "unknown_still": sum(command.outcomes <= {history.UNKNOWN} for command in commands),
        "answers_that_are_no_yes": dict(Counter(a.why for a in attempts if a.why).most_common()),
        "records": len(run.log),
        "signals": len(run.signals),
        "reads": sum(not read.refused for read in run.reads),
        "reads_refused": dict(Counter(read.refused for read in run.reads if read.refused)),
        "confirmed_by_recipients": sum(kept.confirmed for kept in run.kept),
        "lost": wrong("NoAckedLoss", "NoStoredLoss"),
        "duplicated": wrong("OneEffect", "NoPhantom"),
        "out_of_order": wrong("Contiguous", "SignalsInOrder"),
        "leaked": wrong("NoLeak", "Fence", "FetchNow"),
        "false_receipts": wrong("NoFalseReceipt"),
        "longest_stall_seconds": round(longest_stall_ms(run) / 1000, 1),
        "stall_around": stall_around(run),
        "stalls_by_kind_seconds": stalls_by_kind(run),
        "most_entries_waiting": run.backlog[0] if run.backlog else None,
        "invariants": {
            finding.name: {
                "checked": finding.checked,
                "violations": finding.violations,
                "known": finding.known,
                **({"not_checked": finding.not_checked} if finding.not_checked else {}),
            }
            for finding in findings
        },
        "elsewhere": dict(ELSEWHERE),
    }


def _answers(run: Run) -> list[int]:
    """When anything was answered PUBLISHED or ENFORCED, in order."""
    return sorted(a.ended_ms for c in run.commands for a in c.attempts if a.outcome in IN_TWO_STORES)


def longest_stall_ms(run: Run) -> int:
    """The longest time in which nobody was answered PUBLISHED, between the first such answer and the last."""
    answers = _answers(run)
    return max((later - earlier for earlier, later in zip(answers, answers[1:], strict=False)), default=0)


def stall_around(run: Run) -> str:
    """Which fault the longest stall fell upon."""
    answers = _answers(run)
    gaps = [(later - earlier, earlier, later) for earlier, later in zip(answers, answers[1:], strict=False)]
    if not gaps:
        return ""
    _, began, ended = max(gaps)
    return "; ".join(f"{f.kind} ({f.target})" for f in run.faults if f.began_ms < ended and f.ended_ms > began)


def stalls_by_kind(run: Run) -> dict[str, float]:
    """The longest time without any PUBLISHED that met a fault of this kind."""
    answers = _answers(run)
    gaps = [(later - earlier, earlier, later) for earlier, later in zip(answers, answers[1:], strict=False)]
    longest: dict[str, float] = {}
    for fault in run.faults:
        met = [gap for gap, began, ended in gaps if fault.began_ms < ended and fault.ended_ms > began]
        longest[fault.kind] = max(longest.get(fault.kind, 0.0), round(max(met, default=0) / 1000, 1))
    return dict(sorted(longest.items()))


def count(findings: Sequence[Finding]) -> tuple[int, int]:
    """(passed, failed) of the last line: what was not looked at is not known to hold, so it counts as failed. Unless the
    run had no fault of the kind that it is about."""
    tried = [finding for finding in findings if not finding.not_tried]
    passed = sum(finding.passed for finding in tried)
    return passed, len(tried) - passed


def lines(said: Mapping[str, Any]) -> list[str]:
    """For a terminal, and for a page as it is."""
    out = [
        f"{said['on']}, commit {said['commit']}, seed {said['seed']}, {said['minutes']:g} minutes of faults,"
        f" build {said['build']}, {said['machine']} for everything"
        + (f", {said['brokers']} brokers" if said.get("brokers", 1) > 1 else ""),
        "",
        f"faults         {said['faults']}; with the longest time without any PUBLISHED that met one:",
        *(
            f"    {kind:26} {n:3} {said['stalls_by_kind_seconds'][kind]:6.1f} s"
            for kind, n in said["faults_by_kind"].items()
        ),
        f"commands       {said['commands']}, sent {said['sent']} times: {said['published']} published,"
        f" {said['enforced']} of them withdrawals enforced; {said['stored_at_first']} stored at first;"
        f" {said['refused']} refused; {said['unknown_at_first']} unknown at first, {said['unknown_still']} still",
        "accepted       " + ", ".join(f"{call.partition('.')[2]} {n}" for call, n in said["accepted_by_call"].items()),
        f"recipients     {said['signals']} signals, {said['reads']} reads by callers,"
        f" {sum(said['reads_refused'].values())} refused, {said['confirmed_by_recipients']} stored and confirmed",
        f"lost {said['lost']}, duplicated {said['duplicated']}, out of order {said['out_of_order']},"
        f" leaked {said['leaked']}, false receipts {said['false_receipts']}",
        f"longest time without any PUBLISHED: {said['longest_stall_seconds']} s"
        + (f", at {said['stall_around']}" if said["stall_around"] else ""),
        "",
        f"{'invariant':20} {'checked':>8} {'violations':>10}  known",
    ]
    for name, finding in said["invariants"].items():
        if "not_checked" in finding and not finding["violations"]:
            out.append(f"{name:20} not checked: {finding['not_checked']}")
            continue
        out.append(
            f"{name:20} {finding['checked']:8} {len(finding['violations']):10}  {finding['known'] or ''}".rstrip()
        )
        out += [f"    {what.partition(NEW_LINE)[0]}" for what in finding["violations"][:SHOWN]]
        if len(finding["violations"]) > SHOWN:
            out.append(f"    and {len(finding['violations']) - SHOWN} more")
    out += [f"{name:20} not checked: {why}" for name, why in said["elsewhere"].items()]
    if any(finding["known"] for finding in said["invariants"].values()):
        out += ["", 'known: what was in Redis alone when its disk was lost (README, "What is not there yet")']
    return out
