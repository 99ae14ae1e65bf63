"""One decision, category by category: what stands before every rule, gates, then the first row that answers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from stafett_policy.rules import CATEGORIES, PERSONS, Row, Rules

CARRIED = ("EXIST", "IDENT")  # come with whatever content is shown
EVERYTHING = frozenset(CATEGORIES)
MOST_DESCRIBED = 8
ASSURANCE = ("none", "low", "substantial", "high")
# Who may do what another may: a leader is no health professional, and no rank is assigned to a child by being one.
MAY_TOO = {
    "ANYEMP": {"CASE", "HOLDER", "PROF", "LEADER", "DISCL", "BVLEAD", "DPO"},
    "CASE": {"HOLDER"},
    "LEADER": {"BVLEAD"},
}
AGES = {f"child-under-{n}": n for n in (7, 12, 15, 16, 18)}
READER_AGES = {f"reader-under-{n}": n for n in (12, 15, 16)}
# The answer names what is nearest to a yes.
NEARNESS = (
    *("RULE", "HUMAN_DECISION", "CONDITION", "ATTESTATION", "CONSENT", "CONSENT_SCOPE"),
    *("CONSENT_EXPIRED", "CONSENT_WITHDRAWN", "OTHER_PERSON", "OBJECTION", "EXCLUDED"),
)


@dataclass(frozen=True)
class Consent:
    id: str
    recipient: str
    categories: frozenset[str]
    purpose: str
    from_ms: int
    until_ms: int
    withdrawn: bool = False
    subject: str = ""
    by: str = "parents"


@dataclass(frozen=True)
class Refusal:
    kind: str
    recipient: str
    categories: frozenset[str]


@dataclass(frozen=True)
class Question:
    origin: str
    origin_recipient: str
    categories: frozenset[str]
    purpose: str
    recipient: str
    agency: str
    start: str
    now: int
    described: Sequence[tuple[str, bool]] = ()
    placed: frozenset[str] = EVERYTHING
    active: bool = True
    role: str = "NONE"
    assurance: str = "none"
    person: str = ""
    known: bool = True
    gated: frozenset[str] = frozenset()
    yes: frozenset[str] = frozenset()
    no: frozenset[str] = frozenset()
    age: int | None = None
    consents: Sequence[Consent] = ()
    refusals: Sequence[Refusal] = ()


@dataclass
class Answer:
    verdict: str = "WITHHOLD"
    missing: str = "FACTS"
    rule: int = -1
    neither_nor: bool = False
    # (category, row, consent of the child's or -1, consents of others)
    grounds: list[tuple[str, int, int, tuple[int, ...]]] = field(default_factory=list)
    ways: list[int] = field(default_factory=list)  # rows by which a person may or must tell it

    @property
    def fields(self) -> frozenset[str]:
        return frozenset(g[0] for g in self.grounds) if self.verdict == "DISCLOSE" else frozenset()


def decide(rules: Rules, q: Question) -> Answer:
    if (obstacle := _obstacle(q)) is not None:
        return Answer(missing=obstacle)
    case = _Case(rules, q)
    answer = Answer(ways=case.ways())
    found = {} if "EXIST" in case.gated else {c: case.look(c) for c in CATEGORIES if c in q.categories - case.gated}
    for category in CATEGORIES:
        if category not in CARRIED and category in found and found[category].ground:
            answer.grounds.append((category, *found[category].ground))
    first = answer.grounds[0][1:] if answer.grounds else (found["IDENT"].ground if "IDENT" in found else None)
    for category in CARRIED:
        if category in case.gated:
            continue
        if category in found and found[category].ground:
            answer.grounds.append((category, *found[category].ground))
        elif first and "EXIST" not in case.gated:
            answer.grounds.append((category, *first))
    shown = {g[0] for g in answer.grounds}
    hidden = [found[c].missing for c in q.categories - shown - case.gated if c in found]
    nearest = max(hidden, key=NEARNESS.index, default="RULE")
    if answer.grounds:
        answer.verdict = "DISCLOSE"
        answer.missing = nearest if q.categories - shown else "NOTHING"
        answer.rule = answer.grounds[0][1]
        return answer
    answer.grounds = [(c, found[c].human, -1, ()) for c in CATEGORIES if c in found and found[c].human >= 0]
    if answer.grounds:
        answer.verdict, answer.missing, answer.rule = "HUMAN", "HUMAN_DECISION", answer.grounds[0][1]
        return answer
    answer.missing, answer.rule, answer.neither_nor = nearest, case.gate, case.form
    return answer


def _obstacle(q: Question) -> str | None:
    if not q.known:
        return "FACTS"
    if not q.active or not q.recipient or q.agency == "UNKNOWN":
        return "RECIPIENT_INACTIVE"
    if q.origin_recipient == q.recipient:
        return "OWN_INFORMATION"
    if q.origin == "UNKNOWN":
        return "RULE"
    return "OTHER_PERSON" if len(q.described) > MOST_DESCRIBED else None


@dataclass
class _Found:
    ground: tuple[int, int, tuple[int, ...]] | None = None
    human: int = -1
    missing: str = "RULE"


class _Case:
    """What holds for the whole question."""

    def __init__(self, rules: Rules, q: Question) -> None:
        self.q = q
        self.others = [p for p, child in q.described if not child and not (q.person and p == q.person)]
        self.described = bool(q.person) and any(p == q.person for p, _ in q.described)
        self.objected = self._refused("objection")
        self.excluded = self._refused("exclusion")
        self.truths = self._truths(rules)
        near = [r for r in rules.rows if q.origin in r.givers and r.from_ms <= q.now < r.to_ms]
        self.fitting = [r for r in near if self._meets(r) and (not r.purpose or r.purpose == q.purpose)]
        self._gates()

    def _refused(self, kind: str) -> frozenset[str]:
        return frozenset().union(
            *(r.categories for r in self.q.refusals if r.kind == kind and r.recipient in ("", self.q.recipient))
        )

    def _truths(self, rules: Rules) -> Mapping[str, bool]:
        """Facts that are known, and what they are."""
        q = self.q
        # A contradiction is not known, and no record of what is recorded here is a no.
        said = {f: f in q.yes for f in (q.yes ^ q.no)}
        said |= {f: False for f in rules.recorded if f not in q.yes and f not in q.no}
        worked_out = {*AGES, *READER_AGES, "reader-is-child", "reader-is-described", "only-about-reader", "objected"}
        out = {f: v for f, v in said.items() if f not in worked_out}
        child = q.agency == "CHILD"
        if q.age is not None:
            out |= {f: q.age < limit for f, limit in AGES.items()}
        for f, limit in READER_AGES.items():
            if not child:
                out[f] = False
            elif q.age is not None:
                out[f] = q.age < limit
        out["reader-is-child"] = child
        out["reader-is-described"] = self.described
        out["only-about-reader"] = self.described and all(p == q.person for p, _ in q.described)
        out["objected"] = bool(self.objected & q.categories)
        # Parental responsibility ends at 18, and nobody knows of it who does not know the age.
        if out.get("parental-responsibility") is not False:
            if q.age is None:
                out.pop("parental-responsibility", None)
            elif q.age >= 18:
                out["parental-responsibility"] = False
        return out

    def _meets(self, row: Row) -> bool:
        if self.described and "SUBJ" in row.receivers:
            return True
        if self.q.agency == "SUBJ" and row.effect.startswith("ALLOW"):
            return False  # a person in no other relation is told of itself only
        return self.q.agency in row.receivers

    def holds(self, row: Row) -> bool | None:
        """Whether the condition is met; None: it cannot be told."""
        parts = [self.truths.get(f) for f in row.all]
        parts += [None if (t := self.truths.get(f)) is None else not t for f in row.none]
        if row.any:
            some = [self.truths.get(f) for f in row.any]
            parts.append(True if True in some else None if None in some else False)
        return False if False in parts else None if None in parts else True

    def _gates(self) -> None:
        q = self.q
        self.gated, self.gate, self.form = q.gated, -1, False
        self.void: frozenset[str] = frozenset()  # here the parents' consent does not count
        felt = q.categories | {"EXIST"}
        for row in self.fitting:
            if row.effect == "NEITHER_NOR":
                self.form |= bool(row.categories & felt)
            if row.effect != "DENY" or self.holds(row) is False:
                continue
            if row.only == "parents-consent":
                self.void |= row.categories
                continue
            taken = row.categories & q.placed if row.only == "place" else row.categories
            self.gated |= taken
            if self.gate < 0 and taken & felt:
                self.gate = row.index

    def look(self, category: str) -> _Found:
        found = _Found()
        for row in self.fitting:
            if category not in row.categories or not row.trusted or not self._may_begin(row):
                continue
            if row.effect == "HUMAN_DECISION":
                if found.human < 0 and self._lacks(row) is None:
                    found.human = row.index
                continue
            if not row.effect.startswith("ALLOW"):
                continue
            missing, consent, others = self._ask(row, category)
            if missing is None:
                found.ground = (row.index, consent, others)
                return found
            if NEARNESS.index(missing) > NEARNESS.index(found.missing):
                found.missing = missing
        if found.missing == "RULE" and found.human >= 0:
            found.missing = "HUMAN_DECISION"
        return found

    def _may_begin(self, row: Row) -> bool:
        if self.q.start == "push":
            return row.start == "push" and row.effect in ("ALLOW", "ALLOW_WITH_CONSENT")
        return self.q.start == "request" and row.start in ("push", "request")

    def _lacks(self, row: Row) -> str | None:
        met = self.holds(row)
        if met is not True:
            return "CONDITION" if met is None else "RULE"
        role = not row.reader or self.q.role == row.reader or self.q.role in MAY_TOO.get(row.reader, ())
        sure = ASSURANCE.index(self.q.assurance) >= ASSURANCE.index(row.assurance)
        return None if role and sure else "ATTESTATION"

    def _ask(self, row: Row, category: str) -> tuple[str | None, int, tuple[int, ...]]:
        if (lacks := self._lacks(row)) is not None:
            return lacks, -1, ()
        consent = -1
        if row.effect == "ALLOW_WITH_CONSENT":
            missing, consent = self._consent("", category)
            if missing is not None:
                return missing, -1, ()
            if category in self.excluded:
                return "EXCLUDED", -1, ()
        if row.effect != "ALLOW" and category in self.objected:
            return "OBJECTION", -1, ()
        others: tuple[int, ...] = ()
        if not row.frees_everyone:
            asked = [self._consent(person, category) if person else ("CONSENT", -1) for person in self.others]
            if any(missing is not None for missing, _ in asked):
                return "OTHER_PERSON", -1, ()
            others = tuple(index for _, index in asked)
        return None, consent, others

    def _consent(self, subject: str, category: str) -> tuple[str | None, int]:
        """(what is missing, the consent that covers this person's information)"""
        nearest, q = "CONSENT", self.q
        for index, c in enumerate(q.consents):
            if c.subject != subject or c.recipient != q.recipient:
                continue
            if c.by == "parents" and category in self.void:
                continue
            covers = category in c.categories and bool(q.purpose) and c.purpose == q.purpose
            runs = not c.withdrawn and c.from_ms <= q.now < c.until_ms
            if covers and runs:
                return None, index
            if covers:
                ended = "CONSENT_EXPIRED" if q.now >= c.until_ms else "CONSENT"
                lacks = "CONSENT_WITHDRAWN" if c.withdrawn else ended
            else:
                lacks = "CONSENT_SCOPE" if runs else "CONSENT"
            nearest = max(nearest, lacks, key=NEARNESS.index)
        return nearest, -1

    def ways(self) -> list[int]:
        out = []
        for row in self.fitting:
            duty = row.effect == "MUST_DISCLOSE" and self.holds(row) is not False
            human = row.effect == "HUMAN_DECISION" and row.start == "duty" and row.trusted and self.holds(row) is True
            open_to = self.q.categories if duty else self.q.categories - self.gated
            if (duty or human) and row.categories & open_to:
                out.append(row.index)
        return out


def names(categories: Iterable[str]) -> str:
    held = set(categories)
    return "|".join(c for c in CATEGORIES if c in held)


def is_person(agency: str) -> bool:
    return agency in PERSONS
