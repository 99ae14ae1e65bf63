"""Who may learn what, decided again from the log by code of its own: rules and controllers as the files say, consents
and participants as the records say. It knows nothing of services/disclosure and reads none of its ledger.

Written from deploy/policy/README.md and design §4, with stafett_policy to read a rule; it covers what the router may begin (start `push`), which is all
that recipients are ever told. Not covered: expiry of facts other than consents, and a controller's own rules (there
are none)."""

from __future__ import annotations

import importlib
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from stafett_faults.history import Entry
from stafett_policy.decide import Consent, Question, decide
from stafett_policy.rules import read
from stafett_story import api as api_

EVENT, SNAPSHOT, RETRACTION = "EVENT", "SNAPSHOT", "RETRACTION"
CARRIED = frozenset({"EXIST", "IDENT"})  # come with whatever content is shown
PURPOSE = "follow-up"


@dataclass(frozen=True)
class Told:
    """What one recipient is to be told because of one record."""

    cause: str  # event id of that record
    offset: int
    child: str
    case: str
    recipient: str
    kind: str
    item: str
    fields: frozenset[str] = frozenset()
    consents: frozenset[str] = frozenset()  # that it rests on
    # Every consent for this recipient that was whole by then, with its categories: a later read may rest on any.
    may_rest_on: Mapping[str, frozenset[str]] = field(default_factory=dict, compare=False)

    @property
    def key(self) -> tuple[str, str, str]:
        return self.recipient, self.kind, self.item


@dataclass(frozen=True)
class Withdrawal:
    event_id: str
    child: str
    consent: str
    recipients: frozenset[str]
    offset: int


@dataclass
class Verdicts:
    told: dict[tuple[str, str, str], Told] = field(default_factory=dict)
    withdrawals: list[Withdrawal] = field(default_factory=list)


class Files:
    """Rules and recipients."""

    def __init__(self, policy: Path, controllers: Path) -> None:
        self.rules = read(policy)
        self.agencies: dict[str, str] = {}
        self.recipient_of: dict[str, str] = {}  # by organisation number
        for file in sorted(controllers.glob("*.yaml")):
            for recipient in yaml.safe_load(file.read_text()).get("recipients", ()):
                self.agencies[recipient["id"]] = recipient["agency"]
                self.recipient_of[str(recipient["organisation_number"])] = recipient["id"]


@dataclass
class _Scope:
    categories: frozenset[str]
    yes: set[str] = field(default_factory=set)
    whole_at: int | None = None  # offset of the last yes that was missing
    whole_ms: int = 0
    withdrawn: bool = False
    withdrawn_at: int = 0  # its offset


@dataclass
class _Consent:
    purpose: str
    asked_by: str
    until_ms: int
    consenters: frozenset[str]
    scopes: dict[str, _Scope]

    def covers(self, giver: str, offset: int) -> bool:
        """It lifts this service's confidentiality: it asked, or everybody had said yes to it by then, and nobody had taken
        it out again."""
        scope = self.scopes.get(giver)
        if scope is not None and scope.withdrawn and scope.withdrawn_at <= offset:
            return False
        return giver == self.asked_by or (scope is not None and scope.whole_at is not None and scope.whole_at <= offset)


@dataclass
class _Case:
    open: bool
    holder: str
    participants: set[str] = field(default_factory=set)


@dataclass
class _Child:
    cases: dict[str, _Case] = field(default_factory=dict)
    consents: dict[str, _Consent] = field(default_factory=dict)
    told: list[Told] = field(default_factory=list)
    latest_ms: int = 0


@dataclass(frozen=True)
class _Item:
    id: str
    case: str
    giver: str
    family: bool
    whole: frozenset[str]
    outside: frozenset[str]
    sections: tuple[frozenset[str], ...]
    writer: str = ""  # who put it on the log, perhaps for another
    only_to: str | None = None  # None: whoever may be thought of


class Oracle:
    def __init__(self, files: Files) -> None:
        self._files = files

    def replay(self, log: Iterable[Entry]) -> Verdicts:
        """In the order of offsets, each record once."""
        verdicts = Verdicts()
        children: dict[str, _Child] = defaultdict(_Child)
        active: dict[int, set[str]] = defaultdict(set)
        seen: set[tuple[str, int]] = set()
        for entry in sorted(log, key=lambda e: (e.partition, e.offset)):
            if (entry.stream, entry.version) in seen:
                continue
            seen.add((entry.stream, entry.version))
            if entry.type.endswith(".policy-activated.v1") and entry.event is not None:
                active[entry.partition] = set(entry.event.active_recipients)
            elif entry.service in ("cases", "consent") and entry.event is not None:
                self._take(entry, children[entry.child], active[entry.partition], verdicts)
        return verdicts

    def _take(self, entry: Entry, child: _Child, active: set[str], verdicts: Verdicts) -> None:
        child.latest_ms = max(child.latest_ms, entry.appended_ms)
        whole = _learn(entry, child)
        told: list[Told] = []
        if entry.type.endswith(".consent-withdrawn.v1"):
            withdrawal = Withdrawal(
                entry.event_id, entry.child, entry.event.consent_id, frozenset(entry.event.recipients), entry.offset
            )
            verdicts.withdrawals.append(withdrawal)
            told += _retractions(entry, child, withdrawal)
        if (item := self._item(entry, child)) is not None:
            wanted = self._candidates(child, item.case, item.giver, entry.offset)
            if item.only_to is not None:
                wanted &= {item.only_to}
            told += self._offer(entry, child, item, EVENT, wanted, active)
        if whole:
            for name, case in sorted(child.cases.items()):
                if case.open:
                    snapshot = _Item(
                        f"{entry.event_id}/{name}",
                        name,
                        case.holder,
                        False,
                        frozenset({"EXIST", "PLAN"}),
                        frozenset({"EXIST", "PLAN"}),
                        (),
                    )
                    to = set(whole) | _let_by_the_holder(child.consents[entry.event.consent_id], case.holder, whole)
                    wanted = to & self._candidates(child, name, case.holder, entry.offset)
                    told += self._offer(entry, child, snapshot, SNAPSHOT, wanted, active)
        child.told += told
        verdicts.told.update({one.key: one for one in told})

    def _item(self, entry: Entry, child: _Child) -> _Item | None:
        options = _options()
        if not entry.event.DESCRIPTOR.GetOptions().Extensions[options.disclosable]:
            return None
        family = entry.type.endswith(".bright-spot-added.v1") and not entry.event.author_recipient
        case = child.cases.get(entry.subject)
        writer = self._files.recipient_of.get(entry.organisation, "")
        giver = writer
        if family and case is not None:
            giver = case.holder
        if entry.type.endswith(".note-written.v1"):  # the holder may have put another's words into the log
            giver = entry.event.author_recipient or writer
        only_to = next(
            (
                getattr(entry.event, f.name)
                for f in entry.event.DESCRIPTOR.fields
                if f.GetOptions().Extensions[options.addressee]
            ),
            None,
        )
        whole, outside, sections = spread(entry.event)
        return _Item(entry.event_id, entry.subject, giver, family, whole, outside, sections, writer, only_to)

    def _candidates(self, child: _Child, name: str, giver: str, offset: int) -> set[str]:
        case = child.cases.get(name)
        if case is None:
            return set()
        named = {
            recipient
            for consent in child.consents.values()
            if consent.covers(case.holder, offset) and consent.covers(giver, offset)
            for recipient, scope in consent.scopes.items()
            if scope.whole_at is not None and not scope.withdrawn and child.latest_ms < consent.until_ms
        }
        return (case.participants | {case.holder} | named) - {""}

    def _offer(
        self, entry: Entry, child: _Child, item: _Item, kind: str, to: set[str], active: set[str]
    ) -> list[Told]:
        told = []
        for recipient in sorted(to):
            own = recipient in (item.giver, item.writer) and not item.family
            if recipient not in active or own:
                continue
            consents = _whole(child, item.giver, recipient, entry.offset)
            fields, grounds = self._decide(item, item.whole, recipient, consents, child.latest_ms)
            if fields and item.sections:
                shown = frozenset().union(*(s for s in item.sections if s <= fields))
                if not shown:
                    continue
                narrowed = item.whole & (shown | item.outside | CARRIED) & fields
                fields, grounds = self._decide(item, narrowed, recipient, consents, child.latest_ms)
            if not fields:
                continue
            may = {name: scope.categories for name, consent, scope in consents if consent.purpose == PURPOSE}
            told.append(
                Told(
                    entry.event_id,
                    entry.offset,
                    entry.child,
                    item.case,
                    recipient,
                    kind,
                    item.id,
                    fields,
                    grounds,
                    may,
                )
            )
        return told

    def _decide(
        self,
        item: _Item,
        asked: frozenset[str],
        recipient: str,
        consents: Sequence[tuple[str, _Consent, _Scope]],
        now_ms: int,
    ) -> tuple[frozenset[str], frozenset[str]]:
        """(what may be shown, the consents that this rests on)"""
        giver, receiver = self._files.agencies.get(item.giver, ""), self._files.agencies.get(recipient, "")
        if not giver or not receiver:
            return frozenset(), frozenset()
        # A service asks by a machine that attests nobody, and nothing is said of the child but its consents.
        question = Question(
            origin=giver,
            origin_recipient="",
            categories=asked,
            purpose=PURPOSE,
            recipient=recipient,
            agency=receiver,
            start="push",
            now=now_ms,
            consents=[
                Consent(name, recipient, s.categories, c.purpose, s.whole_ms, c.until_ms, s.withdrawn)
                for name, c, s in consents
            ],
        )
        answer = decide(self._files.rules, question)
        indexes = {i for _, _, consent, others in answer.grounds for i in (consent, *others) if i >= 0}
        return answer.fields, frozenset(question.consents[i].id for i in indexes)


def _whole(child: _Child, giver: str, recipient: str, offset: int) -> list[tuple[str, _Consent, _Scope]]:
    """Consents between the two that were whole by then, withdrawn ones too, by id."""
    return [
        (name, consent, consent.scopes[recipient])
        for name, consent in sorted(child.consents.items())
        if recipient in consent.scopes
        and consent.covers(giver, offset)
        and consent.scopes[recipient].whole_at is not None
        and consent.scopes[recipient].whole_at <= offset
    ]


def _let_by_the_holder(consent: _Consent, holder: str, whole: Sequence[str]) -> set[str]:
    """Whom the holder may tell the state because of his own yes, theirs having come before."""
    if holder not in whole or holder == consent.asked_by:
        return set()
    return {r for r, scope in consent.scopes.items() if scope.whole_at is not None and not scope.withdrawn}


def _retractions(entry: Entry, child: _Child, withdrawal: Withdrawal) -> list[Told]:
    """To whoever was told anything under it, once for each case."""
    pairs = {
        (one.recipient, one.case)
        for one in child.told
        if one.recipient in withdrawal.recipients and withdrawal.consent in one.consents and one.kind != RETRACTION
    }
    return [
        Told(entry.event_id, entry.offset, entry.child, case, recipient, RETRACTION, f"{entry.event_id}/{case}")
        for recipient, case in sorted(pairs)
    ]


def _learn(entry: Entry, child: _Child) -> list[str]:
    """Recipients whose consent became whole by this record."""
    event, kind = entry.event, api_.short_name(entry.type)
    case = child.cases.get(getattr(event, "case_id", ""))
    if kind == "log-opened":
        known = child.cases.setdefault(event.case_id, _Case(True, event.holder_recipient))
        known.open, known.holder = True, event.holder_recipient
    elif kind in ("log-suspended", "case-closed") and case is not None:
        case.open = False
    elif kind == "participant-added" and case is not None:
        case.participants.add(event.recipient)
    elif kind == "participant-removed" and case is not None:
        case.participants.discard(event.recipient)
    elif kind == "baton-accepted" and case is not None:
        case.participants.add(case.holder)
        case.participants.discard(event.holder_recipient)
        case.holder = event.holder_recipient
    elif kind == "consent-requested":
        name = _options().Category.Name
        child.consents[event.consent_id] = _Consent(
            event.purpose,
            event.asking_recipient,
            event.until_ms,
            frozenset(event.consenters),
            {s.recipient: _Scope(frozenset(name(c) for c in s.categories)) for s in event.scopes},
        )
    elif kind == "consent-answered" and event.consent_id in child.consents:
        return _answered(entry, child, child.consents[event.consent_id])
    elif kind == "consent-withdrawn" and event.consent_id in child.consents:
        for recipient in event.recipients:
            scope = child.consents[event.consent_id].scopes.get(recipient)
            if scope is not None and not scope.withdrawn:
                scope.withdrawn, scope.withdrawn_at = True, entry.offset
    return []


def _answered(entry: Entry, child: _Child, consent: _Consent) -> list[str]:
    whole = []
    for recipient in entry.event.granted:
        scope = consent.scopes.get(recipient)
        if scope is None:
            continue
        scope.yes.add(entry.event.consenter)
        if scope.yes >= consent.consenters and scope.whole_at is None and not scope.withdrawn:
            scope.whole_at, scope.whole_ms = entry.offset, child.latest_ms
            whole.append(recipient)
    for recipient in entry.event.refused:
        if scope := consent.scopes.get(recipient):
            scope.yes.discard(entry.event.consenter)
            scope.whole_at = None
    return whole


def spread(message: Any) -> tuple[frozenset[str], frozenset[str], tuple[frozenset[str], ...]]:
    """Categories of what is set in an event: (all, outside of sections, of each section)."""
    if message.DESCRIPTOR.name == "Section":
        needs = {_options().Category.Name(message.section_category)} | ({"THIRD"} if message.describes else set())
        return frozenset(needs), frozenset(), (frozenset(needs),)
    whole: set[str] = set()
    outside: set[str] = set()
    sections: list[frozenset[str]] = []
    for descriptor, value in message.ListFields():
        if descriptor.message_type is None:
            category = _options().Category.Name(descriptor.GetOptions().Extensions[_options().category])
            whole.add(category)
            outside.add(category)
            continue
        for part in value if descriptor.is_repeated else (value,):
            inner = spread(part)
            whole |= inner[0]
            outside |= inner[1]
            sections += inner[2]
    return frozenset(whole), frozenset(outside), tuple(sections)


@cache
def _options() -> Any:
    api_.load()
    return importlib.import_module("stafett.common.v1.options_pb2")
