"""The invariants, by the names of the project's list. Each looks at a Run (history.py) and says how many things it
looked at and which were wrong. No server, no clock: what a test makes up is checked the same way.

What a lost Redis disk takes with it is known (README, "What is not there yet"); it is counted as `known`, not as
wrong, and only near the loss."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cached_property
from zoneinfo import ZoneInfo

from stafett_faults import history
from stafett_faults.history import ACCEPTED, ENFORCED, IN_TWO_STORES, Entry, Run, Signal
from stafett_faults.lived import Lived
from stafett_faults.oracle import CARRIED, RETRACTION, Oracle, Told, Verdicts
from stafett_story.api import short_name

NEAR_LOSS_MS = 30_000  # what was in Redis alone when its disk was lost was not older than this
LOG, LEDGER = "stafett.log", "stafett.ledger"
CALLED = ("cases", "consent")  # services that callers command
AWAY_PROMISES = {"redis": ACCEPTED, "kafka": IN_TWO_STORES}  # what nobody can promise anew while it is away


@dataclass
class Finding:
    name: str
    checked: int = 0
    violations: list[str] = field(default_factory=list)
    known: int = 0  # lost together with Redis' disk, as documented
    not_checked: str = ""
    not_tried: bool = False  # the run had no fault of the kind that it is about: neither passed nor failed

    @property
    def passed(self) -> bool:
        return not self.violations and not self.not_checked


@dataclass(frozen=True)
class Delivery:
    """A line of the ledger that something was told."""

    id: str
    child: str
    recipient: str
    kind: str
    item: str
    fields: frozenset[str]
    consents: frozenset[str]
    epoch: int
    appended_ms: int

    @property
    def key(self) -> tuple[str, str, str]:
        return self.recipient, self.kind, self.item


class Seen:
    """What several invariants need of a run, each made once."""

    def __init__(self, run: Run, oracle: Oracle) -> None:
        self.run = run
        self._oracle = oracle

    @cached_property
    def lived(self) -> Lived:
        return Lived(self.run.log, [cut for cut in self.run.cuts if cut.partition[0] == LOG])

    @cached_property
    def lived_ledger(self) -> Lived:
        return Lived(self.run.ledger, [cut for cut in self.run.cuts if cut.partition[0] != LOG])

    @cached_property
    def once(self) -> list[Entry]:
        """The log without repeats, in the order in which it came to be."""
        return self.lived.once

    @cached_property
    def verdicts(self) -> Verdicts:
        """By the order in which the log came to be. Where a tail was cut, others may have come onto it before the lost
        records were back, and who had not taken these yet met them later. So what may be told is what the one order
        allows or the other, and what must be told is what both do (`must`)."""
        return self._oracle.replay(self.lived.numbered)

    @cached_property
    def as_it_stands(self) -> Verdicts:
        return self.verdicts if not self.lived.moved else self._oracle.replay(self.run.log)

    def may(self, key: tuple[str, str, str]) -> Told | None:
        one, other = self.verdicts.told.get(key), self.as_it_stands.told.get(key)
        if one is None or other is None or one is other:
            return one or other
        rest = {
            consent: one.may_rest_on.get(consent, frozenset()) | other.may_rest_on.get(consent, frozenset())
            for consent in one.may_rest_on.keys() | other.may_rest_on.keys()
        }
        return replace(one, fields=one.fields | other.fields, may_rest_on=rest)

    @cached_property
    def must(self) -> list[Told]:
        other = self.as_it_stands.told
        return [
            replace(told, fields=told.fields & other[key].fields)
            for key, told in self.verdicts.told.items()
            if key in other
        ]

    @cached_property
    def by_request(self) -> dict[str, list[Entry]]:
        found: dict[str, list[Entry]] = defaultdict(list)
        for entry in self.once:
            if entry.request_id:
                found[entry.request_id].append(entry)
        return found

    @cached_property
    def deliveries(self) -> dict[str, Delivery]:
        found = {}
        for entry in _once(self.run.ledger):
            if not entry.type.endswith(".decided.v1"):
                continue
            kinds, categories = _enums(entry.event)
            for line in entry.event.lines:
                if line.delivery_id:
                    found[line.delivery_id] = Delivery(
                        line.delivery_id,
                        entry.child,
                        line.recipient,
                        kinds[line.kind],
                        line.item,
                        frozenset(categories[c] for c in line.fields),
                        frozenset(line.consents),
                        line.epoch,
                        entry.appended_ms,
                    )
        return found

    @cached_property
    def first_signals(self) -> dict[str, Signal]:
        """By delivery, without exact repeats."""
        found: dict[str, Signal] = {}
        for signal in sorted(self.run.signals, key=lambda s: (s.recipient, s.offset)):
            found.setdefault(signal.delivery_id, signal)
        return found

    @cached_property
    def enforced_ms(self) -> dict[tuple[str, str], int]:
        """(consent, recipient) -> when ENFORCED was first answered."""
        found: dict[tuple[str, str], int] = {}
        request_of = {entry.event_id: entry.request_id for entry in self.once}
        answered = {command.request_id: command.first(frozenset({ENFORCED})) for command in self.run.commands}
        for withdrawal in self.verdicts.withdrawals:
            answer = answered.get(request_of.get(withdrawal.event_id, ""))
            if answer is not None:
                for recipient in withdrawal.recipients:
                    key = withdrawal.consent, recipient
                    found[key] = min(answer.ended_ms, found.get(key, answer.ended_ms))
        return found

    def near_loss(self, ms: int) -> bool:
        return any(ms <= wiped <= ms + NEAR_LOSS_MS for wiped in self.run.wiped_ms)


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
            if state != history.PUBLISHED:
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
        stands = {(entry.stream, entry.version): entry for entry in reversed(_once(log))}
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


def signals_in_order(seen: Seen, out: Finding) -> None:
    """Each recipient is told of a case 1, 2, 3…, epochs never fall, and repeats are equal. A number is missing only
    where a signal was lost with Redis' disk."""
    by_case: dict[tuple[str, str], list[Signal]] = defaultdict(list)
    for signal in seen.run.signals:
        if seen.first_signals[signal.delivery_id].digest != signal.digest:
            out.violations.append(
                f"{signal.recipient}@{signal.offset} has other bytes than {signal.delivery_id} had before"
            )
    for signal in seen.first_signals.values():
        by_case[signal.recipient, signal.case_ref].append(signal)
    for (recipient, case), signals in by_case.items():
        last, epoch = 0, 0
        for signal in sorted(signals, key=lambda s: s.offset):
            out.checked += 1
            if signal.sequence <= last or signal.epoch < epoch:
                out.violations.append(
                    f"{recipient}@{signal.offset}: {case} {signal.sequence}/{signal.epoch} after {last}/{epoch}"
                )
            elif signal.sequence > last + 1:
                if seen.run.wiped_ms:
                    out.known += signal.sequence - last - 1
                else:
                    out.violations.append(
                        f"{recipient}@{signal.offset}: {case} {signal.sequence} where {last + 1} was due"
                    )
            last, epoch = max(last, signal.sequence), max(epoch, signal.epoch)


def outbox_equals_state(seen: Seen, out: Finding) -> None:
    """A service's own list in Redis ends where its stream on the log ends, with the same bytes."""
    if seen.run.own is None:
        out.not_checked = "Redis was not read"
        return
    last: dict[str, Entry] = {}
    for entry in (*seen.once, *_once(seen.run.ledger)):
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


def no_leak(seen: Seen, out: Finding) -> None:
    """Whatever a recipient was signalled, or was shown, the oracle allows."""
    for signal in seen.first_signals.values():
        out.checked += 1
        delivery = seen.deliveries.get(signal.delivery_id)
        if delivery is None or delivery.recipient != signal.recipient:
            out.violations.append(f"{signal.recipient}@{signal.offset}: {signal.delivery_id} is not in the ledger")
        elif seen.may(delivery.key) is None:
            out.violations.append(f"{signal.recipient}@{signal.offset}: {delivery.kind} of {delivery.item}")
    for delivery in seen.deliveries.values():
        out.checked += 1
        told = seen.may(delivery.key)
        if told is not None and not delivery.fields <= told.fields:
            extra = sorted(delivery.fields - told.fields)
            out.violations.append(f"{delivery.recipient}: {delivery.item} with {extra}")
    for read in seen.run.reads:
        if read.refused:
            continue
        out.checked += 1
        allowed = _allowed(seen, read.recipient, read.delivery_id)
        if allowed is None:
            out.violations.append(f"{read.recipient} fetched {read.delivery_id}, which is none of its")
        elif not read.shown | read.categories <= allowed.fields:
            extra = sorted((read.shown | read.categories) - allowed.fields)
            out.violations.append(f"{read.recipient} was shown {extra} of {allowed.item}")


def no_withheld_loss(seen: Seen, out: Finding) -> None:
    """Whatever the oracle allows was decided so, was signalled, and is listed."""
    decided = {delivery.key: delivery for delivery in seen.deliveries.values()}
    for told in seen.must:
        out.checked += 1
        delivery = decided.get(told.key)
        if delivery is None:
            out.violations.append(f"{told.recipient} was to be told {told.kind} of {told.item}; nobody decided so")
            continue
        if not told.fields <= delivery.fields:
            out.violations.append(f"{told.recipient}: {told.item} without {sorted(told.fields - delivery.fields)}")
        if delivery.id not in seen.first_signals:
            if seen.near_loss(delivery.appended_ms):
                out.known += 1
            else:
                out.violations.append(f"{told.recipient}: {delivery.kind} {delivery.id} was never signalled")
        if seen.run.listed is not None and delivery.id not in seen.run.listed.get(told.recipient, ()):
            out.violations.append(f"{told.recipient}: {delivery.kind} {delivery.id} is not listed")


def fence(seen: Seen, out: Finding) -> None:
    """By the topic's order: behind a retraction nothing new of an earlier epoch. By the broker's time: after ENFORCED
    nothing new that rests on that consent."""
    taken_back: dict[tuple[str, str], Signal] = {}
    for signal in sorted(seen.first_signals.values(), key=lambda s: s.offset):
        case = signal.recipient, signal.case_ref
        if case in taken_back and signal.epoch < taken_back[case].epoch:
            why = f"epoch {signal.epoch} behind retraction {taken_back[case].epoch}"
            out.violations.append(f"{signal.recipient}@{signal.offset}: {why}")
        if signal.kind == RETRACTION:
            out.checked += 1
            taken_back[case] = signal
    for (consent, recipient), ms in seen.enforced_ms.items():
        out.checked += 1
        for signal in seen.first_signals.values():
            if signal.recipient != recipient or signal.appended_ms <= ms:
                continue
            delivery = seen.deliveries.get(signal.delivery_id)
            if delivery is not None and consent in delivery.consents:
                out.violations.append(
                    f"{recipient}@{signal.offset}: rests on {consent}, {signal.appended_ms - ms} ms after ENFORCED"
                )


def fetch_now(seen: Seen, out: Finding) -> None:
    """A read that began after ENFORCED shows nothing that only that consent allowed."""
    for read in seen.run.reads:
        told = _allowed(seen, read.recipient, read.delivery_id)
        if told is None:
            continue
        out.checked += 1
        ended = {
            c for c in told.may_rest_on if seen.enforced_ms.get((c, read.recipient), read.began_ms) < read.began_ms
        }
        live = [categories for consent, categories in told.may_rest_on.items() if consent not in ended]
        extra = read.shown - CARRIED - frozenset().union(*live)
        if not read.refused and (not live or extra):
            out.violations.append(
                f"{read.recipient} was shown {sorted(read.shown)} of {read.delivery_id}; ended: {sorted(ended)}"
            )


def no_false_receipt(seen: Seen, out: Finding) -> None:
    """The ledger says stored only where the recipient has stored just that."""
    kept = {(k.recipient, k.delivery_id): (k.record_ref, k.digest) for k in seen.run.kept}
    for entry in _once(seen.run.ledger):
        if entry.type.endswith(".stored-confirmed.v1"):
            out.checked += 1
            said = entry.event.record_ref, entry.event.digest
            if kept.get((entry.event.recipient, entry.event.delivery_id)) != said:
                out.violations.append(
                    f"{entry.place}: {entry.event.recipient} has not stored {entry.event.delivery_id}"
                )


def no_receipt_loss(seen: Seen, out: Finding) -> None:
    """A confirmation that was taken is in the ledger, unless Redis' disk was lost."""
    said = {e.event.delivery_id for e in _once(seen.run.ledger) if e.type.endswith(".stored-confirmed.v1")}
    for kept in seen.run.kept:
        if kept.confirmed:
            out.checked += 1
            if kept.delivery_id not in said:
                if seen.run.wiped_ms:
                    out.known += 1
                else:
                    out.violations.append(f"{kept.recipient}: {kept.delivery_id}")


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


def fail_closed(seen: Seen, out: Finding) -> None:
    """While something about a child stands on the log that nobody can read, nobody is told anything of that child, by
    signal or by Fetch; and others are."""
    child_of = {delivery.id: delivery.child for delivery in seen.deliveries.values()}
    for parked in seen.run.parked:
        out.checked += 1
        others = 0
        for signal in seen.first_signals.values():
            if not parked.from_ms < signal.appended_ms < parked.until_ms:
                continue
            others += 1
            if child_of.get(signal.delivery_id) == parked.child:
                out.violations.append(f"{signal.recipient}@{signal.offset}: told while its child was set aside")
        for read in seen.run.reads:
            if parked.from_ms < read.began_ms and read.ended_ms < parked.until_ms and not read.refused:
                out.checked += 1
                if child_of.get(read.delivery_id) == parked.child:
                    out.violations.append(f"{read.recipient} fetched {read.delivery_id} while its child was set aside")
        if not others:
            out.violations.append(f"nobody was told anything, of any child, from {parked.from_ms} to {parked.until_ms}")


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


INVARIANTS: Mapping[str, Callable[[Seen, Finding], None]] = {
    "NoAckedLoss": no_acked_loss,
    "NoStoredLoss": no_stored_loss,
    "NoPhantom": no_phantom,
    "OneEffect": one_effect,
    "Contiguous": contiguous,
    "TailRepaired": tail_repaired,
    "NoGarbage": no_garbage,
    "SignalsInOrder": signals_in_order,
    "OutboxEqualsState": outbox_equals_state,
    "RebuildEqual": rebuild_equal,
    "NoLeak": no_leak,
    "NoWithheldLoss": no_withheld_loss,
    "Fence": fence,
    "FetchNow": fetch_now,
    "NoFalseReceipt": no_false_receipt,
    "NoReceiptLoss": no_receipt_loss,
    "TimerOnce": timer_once,
    "NeverEarly": never_early,
    "ToldOnce": told_once,
    "BoundedBacklog": bounded_backlog,
    "NoCrossTalk": no_cross_talk,
    "FailClosed": fail_closed,
    "ConfigGuard": config_guard,
}
# What only a fault of that kind gives anything to look at.
ABOUT = {"TailRepaired": "cut log", "FailClosed": "poison a child", "ConfigGuard": "unsafe setting"}
# Of the list, and not looked at here.
ELSEWHERE = {
    "NoSideChannel": "wants two histories; tests/e2e/test_bad_input.py has equal answers, times are not compared",
    "AclExact": "tests/e2e/test_acl_matrix.py",
    "ErasureHolds": "no call erases a child yet",
}


def check(run: Run, oracle: Oracle) -> list[Finding]:
    seen = Seen(run, oracle)
    findings = []
    for name, invariant in INVARIANTS.items():
        finding = Finding(name)
        invariant(seen, finding)
        if not finding.checked and not finding.violations and not finding.not_checked:
            finding.not_checked = "nothing to look at happened"
            finding.not_tried = name in ABOUT and ABOUT[name] not in {fault.kind for fault in run.faults}
            if finding.not_tried:
                finding.not_checked = f"no {ABOUT[name]} in this run"
        findings.append(finding)
    return findings


def _once(entries: Iterable[Entry]) -> list[Entry]:
    """Without repeats, by where they stand."""
    return Lived(entries, ()).once


def _allowed(seen: Seen, recipient: str, delivery_id: str) -> Told | None:
    delivery = seen.deliveries.get(delivery_id)
    if delivery is None or delivery.recipient != recipient:
        return None
    return seen.may(delivery.key)


def _enums(decided: object) -> tuple[Mapping[int, str], Mapping[int, str]]:
    """Names of kinds and categories, by number."""
    line = decided.DESCRIPTOR.fields_by_name["lines"].message_type  # type: ignore[attr-defined]
    return tuple(  # type: ignore[return-value]
        {value.number: value.name for value in line.fields_by_name[name].enum_type.values}
        for name in ("kind", "fields")
    )


def violations(findings: Sequence[Finding]) -> int:
    return sum(len(finding.violations) for finding in findings)
