"""Invariants of what callers were answered."""

from __future__ import annotations

from stafett_faults import history
from stafett_faults.history import ACCEPTED, IN_TWO_STORES
from stafett_faults.seen import Finding, Seen

CALLED = ("cases", "consent")  # services that callers command
AWAY_PROMISES = {"redis": ACCEPTED, "kafka": IN_TWO_STORES}  # what nobody can promise anew while it is away


def no_acked_loss(seen: Seen, out: Finding) -> None:
    """What was answered PUBLISHED or ENFORCED is on the log."""
    for command in seen.run.commands:
        if command.first(IN_TWO_STORES):
            out.checked += 1
            if command.request_id not in seen.by_request:
                out.violations.append(f"{command.call} {command.request_id} was answered {sorted(command.outcomes)}")


def no_stored_loss(seen: Seen, out: Finding) -> None:
    """What was answered STORED or REGISTERED is on the log when all is healed, unless Redis' disk was lost; and its
    receipt says PUBLISHED then."""
    for command in seen.run.commands:
        answer = command.first(frozenset({history.STORED, history.REGISTERED}))
        if answer is None:
            continue
        out.checked += 1
        if command.request_id in seen.by_request:
            state = (seen.run.receipts or {}).get(command.request_id, history.PUBLISHED)
            if state == "NOT_FOUND" and seen.forgotten(command.request_id, answer.ended_ms):
                out.known += 1
            elif state != history.PUBLISHED:
                out.violations.append(f"{command.call} {command.request_id} is on the log, its receipt says {state}")
        elif seen.near_loss(answer.ended_ms):
            out.known += 1
        else:
            out.violations.append(f"{command.call} {command.request_id}, answered at {answer.ended_ms}")


def no_phantom(seen: Seen, out: Finding) -> None:
    """Every record of a called service belongs to a command that was not merely refused, or to a record that is
    there."""
    commands = {command.request_id: command for command in seen.run.commands}
    events = {entry.event_id for entry in seen.once}
    for entry in seen.once:
        if entry.service not in CALLED:
            continue
        out.checked += 1
        if entry.cause:
            if entry.cause not in events:
                out.violations.append(f"{entry.place} {entry.type} comes of {entry.cause}, which is not on the log")
        elif entry.request_id not in commands:
            out.violations.append(f"{entry.place} {entry.type}: nobody sent {entry.request_id or 'it'}")
        elif commands[entry.request_id].outcomes == {history.REFUSED}:
            out.violations.append(f"{entry.place} {entry.type}: {entry.request_id} was only ever refused")


def one_effect(seen: Seen, out: Finding) -> None:
    """However often one request was sent: records of one commit, and one answer."""
    for command in seen.run.commands:
        made = {attempt.made for attempt in command.attempts if attempt.outcome in ACCEPTED and any(attempt.made)}
        if len(made) > 1:
            out.violations.append(f"{command.call} {command.request_id} was answered in {len(made)} ways")
        entries = seen.by_request.get(command.request_id, [])
        if not entries:
            continue
        out.checked += 1
        versions = sorted(entry.version for entry in entries)
        whole = versions == list(range(versions[0], versions[0] + len(versions)))
        if len({e.stream for e in entries}) > 1 or len({e.type for e in entries}) < len(entries) or not whole:
            what = [f"{e.stream}#{e.version}" for e in entries]
            out.violations.append(f"{command.call} {command.request_id} led to {what}")


def bounded_backlog(seen: Seen, out: Finding) -> None:
    """While a store is away nothing new is promised to be in it, and what waits stays within its limit."""
    for store, intervals in seen.run.away.items():
        for began, ended in intervals:
            for command in seen.run.commands:
                if not command.attempts or not began < command.attempts[0].began_ms < ended:
                    continue
                out.checked += 1
                answer = command.first(AWAY_PROMISES[store])
                if answer is not None and answer.ended_ms < ended:
                    out.violations.append(
                        f"{command.call} {command.request_id} was answered {answer.outcome}, {store} away"
                    )
    if seen.run.backlog is not None:
        most, limit = seen.run.backlog
        out.checked += 1
        if most > limit:
            out.violations.append(f"{most} entries waited, the limit is {limit}")


def no_cross_talk(seen: Seen, out: Finding) -> None:
    """An answer tells of the case that was asked about."""
    for command in seen.run.commands:
        for attempt in command.attempts:
            if command.target and attempt.about:
                out.checked += 1
                if attempt.about != command.target:
                    out.violations.append(f"{command.call} {command.request_id} was answered with another case")


def config_guard(seen: Seen, out: Finding) -> None:
    """A setting that was loosened closes every gate in time, by its name; and behind closed gates nothing is taken."""
    for unsafe in seen.run.unsafe:
        for instance, closed in unsafe.closed_ms.items():
            out.checked += 1
            if closed is None or closed - unsafe.set_ms > unsafe.within_ms:
                late = "never" if closed is None else f"{closed - unsafe.set_ms} ms later"
                out.violations.append(f"{instance} closed because of {unsafe.setting} {late}")
        if None in unsafe.closed_ms.values():
            continue
        all_closed = max(ms for ms in unsafe.closed_ms.values() if ms is not None)
        for command in seen.run.commands:
            answer = command.first(ACCEPTED)
            if answer is None or not command.attempts[0].began_ms > all_closed:
                continue
            if answer.ended_ms < unsafe.undone_ms:
                out.violations.append(
                    f"{command.call} {command.request_id} was answered {answer.outcome}, {unsafe.setting} unsafe"
                )
