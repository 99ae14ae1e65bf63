"""Who was told what, and why: disclosure's decisions as a table, step after step, with escalations and mails.

Decisions come from disclosure's own ledger (ListDecisions), not from what the player believes; the
steps say which command caused them.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from typing import TextIO

from stafett_story import columns
from stafett_story.match import ALWAYS
from stafett_story.play import Decision, Played, Result
from stafett_story.told import Escalated, Mailed

HEADINGS = ("event", "recipient", "decision", "rule", "fields", "receipt")
RECEIPTS = {
    "SIGNALLED": "signalled",
    "FETCHED": "fetched",
    "STORED_BY_RECIPIENT": "stored",
    "OPENED": "opened",
    "DELIVERY_WITHDRAWN": "withdrawn",
}
VERDICTS = {"DISCLOSE": "disclosed", "HUMAN": "a person decides", "WITHHOLD": "withheld"}
COLOURS = {"disclosed": "32", "withheld": "33", "a person decides": "36", "taken back": "35"}
NOBODY = "–"
LEGEND = """\
decision  what disclosure decided for this recipient when the event happened, and by which rule of
          deploy/policy/rules.yaml; withheld (…): what was missing. A recipient without a line was
          no candidate: nobody asked, and nothing tells it that there is a case.
fields    kinds of information that it may see; existence and identity come with each of them.
receipt   what the recipient has said itself by now: signalled, fetched, stored (confirmed with the
          content's digest), opened (by a person); withdrawn: before it was stored.
An escalation says what was not done in time by which service, and who has it now; a mail says in which
language, and nothing of the case."""


def render(result: Result, *, colours: bool = False) -> str:
    story = result.story
    lines = [f"{story.title}", "=" * columns.width(story.title), ""]
    if story.about:
        lines += [story.about, ""]
    lines += ["Recipients: " + ", ".join(f"{a} ({id_})" for a, id_ in story.recipients.items()), ""]
    lines += [LEGEND, ""]
    blocks = [(_heading(played), _rows(result, played)) for played in result.played]
    widths = columns.widths([HEADINGS, *(row for _, rows in blocks for row in rows)])
    lines.append("  " + _line(HEADINGS, widths))
    lines.append("  " + "─" * (sum(widths) + 2 * (len(widths) - 1)))
    for heading, rows in blocks:
        lines.append(_bold(heading) if colours else heading)
        lines += ["  " + _line(row, widths, colours=colours) for row in rows]
    return "\n".join(lines) + "\n"


def may_colour(stream: TextIO) -> bool:
    return stream.isatty() and "NO_COLOR" not in os.environ


def _heading(played: Played) -> str:
    step = played.step
    who = step.who or step.at or "time"
    outcome = f" → refused: {step.refused.code} {step.refused.reason or ''}".rstrip() if step.refused else ""
    return f"{step.number}. {step.title} [{who}: {step.does}]{outcome}"


def _rows(result: Result, played: Played) -> list[tuple[str, ...]]:
    """One row per decision about the events that this step wrote; one for an event without any."""
    aliases = {id_: alias for alias, id_ in result.story.recipients.items()}
    rows = []
    for event in played.events:
        decisions = [d for d in result.decisions if d.event_id == event.event_id]
        rows += [_row(d, aliases.get(d.recipient, d.recipient)) for d in decisions]
        if not decisions:
            rows.append((event.name, "nobody", NOBODY, NOBODY, NOBODY, NOBODY))
    return rows + [_told_row(result, one) for one in played.told]


def _told_row(result: Result, one: Escalated | Mailed) -> tuple[str, ...]:
    story = result.story
    aliases = {id_: alias for alias, id_ in story.recipients.items()}
    aliases |= {actor.person: alias for alias, actor in story.actors.items() if actor.person}
    to = aliases.get(one.to, one.to) or NOBODY
    if isinstance(one, Mailed):
        return ("mail", to, f"told in {one.language}", NOBODY, NOBODY, "sent" if one.sent else "given up")
    what = one.awaited.lower().replace("_", " ")
    return (f"escalation {one.step}", to, f"{what} of {aliases.get(one.of, one.of)}", NOBODY, NOBODY, NOBODY)


def _row(decision: Decision, recipient: str) -> tuple[str, ...]:
    event = decision.event
    verdict = VERDICTS.get(decision.verdict, decision.verdict)
    if decision.kind == "RETRACTION":
        verdict = "taken back"
    elif decision.kind == "SNAPSHOT":
        event = f"{event} (snapshot)" if "snapshot" not in event else event
    if verdict == "withheld" and decision.missing:
        verdict += f" ({decision.missing.lower().replace('_', ' ')})"
    fields = ", ".join(field for field in decision.fields if field not in ALWAYS)
    has_delivery = decision.verdict == "DISCLOSE" or decision.kind == "RETRACTION"
    receipt = RECEIPTS.get(decision.state, NOBODY) if has_delivery else NOBODY
    return (event, recipient, verdict, decision.rule or NOBODY, fields or NOBODY, receipt)


def _line(cells: Sequence[str], widths: Iterable[int], *, colours: bool = False) -> str:
    padded = columns.pad(cells, widths)
    if colours:
        colour = COLOURS.get(cells[2].partition(" (")[0])
        if colour:
            padded[2] = f"\x1b[{colour}m{padded[2]}\x1b[0m"
    return columns.line(padded)


def _bold(text: str) -> str:
    return f"\x1b[1m{text}\x1b[0m"
