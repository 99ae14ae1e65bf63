"""What several invariants need of a run, each made once."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property

from stafett_faults.history import ENFORCED, Entry, Run, Signal
from stafett_faults.lived import Lived
from stafett_faults.oracle import Oracle, Told, Verdicts

LOG, LEDGER = "stafett.log", "stafett.ledger"
# A decision that had left Redis when it was wiped is appended, its signal may not be. Nothing is decided anew so soon.
LANDS_MS = 2_000
NEAR_LOSS_MS = 30_000  # what was in Redis alone when its disk was lost was not older than this
FORGOTTEN_MS = 30 * 24 * 3600 * 1000  # kForgotten, services/lib/gate/commit.h


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
        for entry in once(self.run.ledger):
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

    def near_loss(self, ms: int, lands: int = 0) -> bool:
        """`lands`: what was on its way then may arrive so much later."""
        return any(ms - lands <= wiped <= ms + NEAR_LOSS_MS for wiped in self.run.wiped_ms)

    def forgotten(self, request_id: str, answered_ms: int) -> bool:
        """A rebuild does not remember what was done so long ago, by the clock of who did it."""
        newest = max(entry.recorded_ms for entry in self.once)
        return max(self.run.wiped_ms, default=0) > answered_ms and all(
            newest - entry.recorded_ms > FORGOTTEN_MS for entry in self.by_request[request_id]
        )


def once(entries: Iterable[Entry]) -> list[Entry]:
    """Without repeats, by where they stand."""
    return Lived(entries, ()).once


def allowed(seen: Seen, recipient: str, delivery_id: str) -> Told | None:
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
