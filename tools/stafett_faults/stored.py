"""Invariants of what stands in the log, in the ledger and in Redis."""

from __future__ import annotations

from collections import Counter
from datetime import datetime
from zoneinfo import ZoneInfo

from stafett_faults.history import IN_TWO_STORES, Entry
from stafett_faults.seen import LEDGER, LOG, Finding, Seen, once
from stafett_story.api import short_name


def contiguous(seen: Seen, out: Finding) -> None:
    """In every stream 1, 2, 3… as records came to be, after repeats are dropped; repeats have equal bytes; a stream stays
    in its partition."""
    for lived in (seen.lived, seen.lived_ledger):
        last: dict[str, int] = {}
        first: dict[tuple[str, int], Entry] = {}
        partition: dict[str, int] = {}
        for entry in lived.all:
            key = entry.stream, entry.version
            if partition.setdefault(entry.stream, entry.partition) != entry.partition:
                out.violations.append(f"{entry.place} {entry.stream} stands in two partitions")
            if key in first:
                if first[key].digest != entry.digest:
                    out.violations.append(f"{entry.place} has other bytes than {first[key].place}, both {key}")
                continue
            first[key] = entry
            out.checked += 1
            due = last.get(entry.stream, 0) + 1
            if entry.version != due:
                out.violations.append(f"{entry.place} is {entry.stream}#{entry.version}, {due} was due")
            last[entry.stream] = max(due, entry.version)


def tail_repaired(seen: Seen, out: Finding) -> None:
    """What was cut off the log stands in it again, with the same bytes; what had been answered PUBLISHED comes back in
    its order, whoever's it is; and only streams of which something was cut are out of their order."""
    published = {
        command.request_id: answer.ended_ms
        for command in seen.run.commands
        if (answer := command.first(IN_TWO_STORES)) is not None
    }
    for topic, lived, log in ((LOG, seen.lived, seen.run.log), (LEDGER, seen.lived_ledger, seen.run.ledger)):
        stands = {(entry.stream, entry.version): entry for entry in reversed(once(log))}
        touched = set()
        for cut in seen.run.cuts:
            if cut.partition[0] != topic:
                continue
            before = -1
            for entry in cut.entries:
                out.checked += 1
                touched.add(entry.stream)
                now = stands.get((entry.stream, entry.version))
                if now is None or now.digest != entry.digest:
                    what = "is not there any more" if now is None else f"has other bytes at {now.place}"
                    out.violations.append(f"{entry.place} {entry.stream}#{entry.version}, cut at {cut.at_ms}, {what}")
                elif published.get(entry.request_id, cut.at_ms) < cut.at_ms:
                    if now.offset < before:
                        out.violations.append(
                            f"{entry.place}, cut at {cut.at_ms}, came back at {now.offset}, before what it followed"
                        )
                    before = now.offset
        for entry in lived.out_of_order:
            if entry.stream not in touched:
                out.violations.append(f"{entry.place} {entry.stream}#{entry.version} stands before an earlier one")


def no_garbage(seen: Seen, out: Finding) -> None:
    """What cannot be read is what the run itself put there, and all of that; the rest went on behind it."""
    out.checked = len(seen.run.poison) + len(seen.run.log)
    for place in sorted(set(seen.run.unreadable) ^ set(seen.run.poison)):
        out.violations.append(
            f"{place} " + ("is not there any more" if place in seen.run.poison else "cannot be read")
        )


def outbox_equals_state(seen: Seen, out: Finding) -> None:
    """A service's own list in Redis ends where its stream on the log ends, with the same bytes."""
    if seen.run.own is None:
        out.not_checked = "Redis was not read"
        return
    last: dict[str, Entry] = {}
    for entry in (*seen.once, *once(seen.run.ledger)):
        if entry.version > (last[entry.stream].version if entry.stream in last else 0):
            last[entry.stream] = entry
    for stream in sorted(last.keys() | seen.run.own.keys()):
        out.checked += 1
        length, digest = seen.run.own.get(stream, (0, ""))
        on_log = (last[stream].version, last[stream].digest) if stream in last else (0, "")
        if (length, digest) != on_log:
            out.violations.append(
                f"{stream}: {length} in Redis, {on_log[0]} on the log"
                + (", the last one with other bytes" if length == on_log[0] else "")
            )


def rebuild_equal(seen: Seen, out: Finding) -> None:
    """Redis, wiped when all was quiet, is as before; and what callers read is too."""
    if seen.run.rebuilt is None:
        out.not_checked = "the run ended before it"
        return
    for thing, differences in seen.run.rebuilt.items():
        out.checked += 1
        out.violations += [f"{thing}: {what}" for what in differences]


def timer_once(seen: Seen, out: Finding) -> None:
    """An escalation is raised once, each of its steps comes once, and nothing is escalated twice at a time."""
    raised: set[str] = set()
    open_: dict[tuple[str, str], str] = {}  # (child, what is awaited) -> escalation
    step: dict[str, int] = {}
    for entry in seen.once:
        if entry.service != "escalation" or entry.event is None:
            continue
        kind, event = short_name(entry.type), entry.event
        if kind == "escalation-raised":
            out.checked += 1
            if event.escalation_id in raised or (entry.child, event.awaited_id) in open_:
                out.violations.append(f"{entry.place}: {event.awaited_id} raised again")
            raised.add(event.escalation_id)
            open_[entry.child, event.awaited_id] = event.escalation_id
            step[event.escalation_id] = event.step
        elif kind == "escalation-passed-on":
            out.checked += 1
            if event.step != step.get(event.escalation_id, 0) + 1:
                out.violations.append(f"{entry.place}: step {event.step} after {step.get(event.escalation_id)}")
            step[event.escalation_id] = event.step
        elif kind == "escalation-resolved":
            open_ = {what: id_ for what, id_ in open_.items() if id_ != event.escalation_id}


def never_early(seen: Seen, out: Finding) -> None:
    """Nothing is raised before the day by which it was awaited; and in no stream does time go back, whatever clocks do.
    (What follows from another record has the broker's time, which the run's clocks do not move.)"""
    recorded: dict[str, int] = {}
    for entry in seen.once:
        if entry.cause or not entry.request_id:
            continue
        out.checked += 1
        if entry.recorded_ms < recorded.get(entry.stream, 0):
            back = recorded[entry.stream] - entry.recorded_ms
            out.violations.append(f"{entry.place} {entry.stream}#{entry.version}: {back} ms before the one before it")
        recorded[entry.stream] = max(entry.recorded_ms, recorded.get(entry.stream, 0))
    for entry in seen.once:
        if entry.type.endswith(".escalation-raised.v1"):
            out.checked += 1
            day = datetime.fromtimestamp(entry.recorded_ms / 1000, ZoneInfo("Europe/Oslo")).date().isoformat()
            if day < entry.event.date:
                out.violations.append(
                    f"{entry.place}: {entry.event.awaited_id}, due {entry.event.date}, raised {day}"
                )


def told_once(seen: Seen, out: Finding) -> None:
    """One message for one cause, person and channel."""
    queued: Counter[str] = Counter()
    for entry in seen.once:
        if entry.type.endswith(".message-queued.v1"):
            out.checked += 1
            queued[entry.event.message_id] += 1
    out.violations += [f"message {id_} was queued {n} times" for id_, n in queued.items() if n > 1]
