"""Compares the engine of services/lib/policy with the one here, decision by decision, over made-up situations.

  .local/venv/bin/python -m stafett_policy.compare --engine build/dev/bin/policy_decide --count 1000000

Prints how the decisions fall, and which rows were reached; ends with 1 at the first that differs, and prints both
answers and the question, as a line that policy_decide reads."""

from __future__ import annotations

import argparse
import json
import random
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from multiprocessing import Pool
from pathlib import Path

from stafett_policy.decide import Answer, Consent, Question, Refusal, decide, is_person, names
from stafett_policy.rules import CATEGORIES, GROUPS, NEVER, Row, Rules, read

DAY = 24 * 3600 * 1000
BIT = {category: 1 << (place + 1) for place, category in enumerate(CATEGORIES)}
KINDS = sorted(GROUPS["ANY"])
ROLES = ("NONE", "SYS", "ANYEMP", "CASE", "HOLDER", "PROF", "LEADER", "DISCL", "BVLEAD", "DPO", "SUBJ")
PEOPLE = ("child", "mother", "father", "sister")
BATCH = 5000


class Maker:
    """Situations around one row each, so that most of them come near to an answer; then disturbed at random."""

    def __init__(self, rules: Rules, seed: int) -> None:
        self._rules = rules
        self._random = random.Random(seed)
        self._days = sorted({t for row in rules.rows for t in (row.from_ms, row.to_ms) if t < NEVER})

    def question(self) -> Question:
        r = self._random
        row = r.choice(self._rules.rows)
        origin, agency = self._mostly(r.choice(sorted(row.givers))), self._mostly(r.choice(sorted(row.receivers)))
        recipient = "r-a" if r.random() > 0.01 else ""
        person = r.choice(("mother", "father", "child")) if is_person(agency) and r.random() > 0.1 else ""
        categories = self._categories(row)
        purpose = row.purpose or r.choice(("follow-up", "follow-up", "health-care", ""))
        yes, no = self._facts(row)
        described = self._described(person)
        now = self._now()
        return Question(
            origin=origin,
            origin_recipient="r-a" if r.random() < 0.02 else r.choice(("r-b", "")),
            categories=categories,
            purpose=purpose,
            recipient=recipient,
            agency=agency,
            start=r.choice(("push", "request", "request", "request")) if r.random() > 0.01 else "duty",
            now=now,
            described=described,
            placed=frozenset(CATEGORIES) if r.random() < 0.6 else self._some(0.2),
            active=r.random() > 0.02,
            role=row.reader if row.reader and r.random() < 0.8 else r.choice(ROLES),
            assurance="high" if r.random() < 0.7 else r.choice(("none", "low", "substantial")),
            person=person,
            known=r.random() > 0.02,
            gated=frozenset() if r.random() < 0.8 else self._some(0.1),
            yes=yes,
            no=no,
            age=None if r.random() < 0.15 else r.choice((5, 6, 7, 11, 12, 13, 14, 15, 16, 17, 18, 19)),
            consents=self._consents(described, now),
            refusals=[self._refusal() for _ in range(r.choice((0, 0, 0, 0, 1, 2)))],
        )

    def _mostly(self, kind: str) -> str:
        r = self._random
        return kind if r.random() > 0.1 else r.choice([*KINDS, "UNKNOWN"])

    def _some(self, part: float) -> frozenset[str]:
        return frozenset(c for c in CATEGORIES if self._random.random() < part)

    def _categories(self, row: Row) -> frozenset[str]:
        r = self._random
        own = sorted(row.categories)
        return frozenset(r.sample(own, min(len(own), r.randint(1, 4)))) | self._some(r.choice((0.0, 0.1, 0.3)))

    def _facts(self, row: Row) -> tuple[frozenset[str], frozenset[str]]:
        """What the row asks for is mostly so; the rest is no, unknown or yes."""
        r = self._random
        yes, no = set(), set()
        wanted = {**dict.fromkeys((*row.all, *row.any), True), **dict.fromkeys(row.none, False)}
        if row.effect == "DENY" and r.random() < 0.5:
            wanted = {}
        for fact in self._rules.facts:
            chance = r.random()
            if fact in wanted and chance < 0.8:
                (yes if wanted[fact] else no).add(fact)
            elif chance < 0.6:
                no.add(fact)
            elif chance < 0.7:
                yes.add(fact)
            elif chance < 0.71:
                yes.add(fact)
                no.add(fact)
        return frozenset(yes), frozenset(no)

    def _described(self, person: str) -> list[tuple[str, bool]]:
        r = self._random
        if r.random() < 0.5:
            return []
        if r.random() < 0.01:
            return [(f"p{i}", False) for i in range(9)]
        some = r.sample(PEOPLE, r.randint(1, 3)) + ([person] if person and r.random() < 0.3 else [])
        return [(one if r.random() > 0.01 else "", one == "child") for one in dict.fromkeys(some)]

    def _consents(self, described: list[tuple[str, bool]], now: int) -> list[Consent]:
        r = self._random
        subjects = ["", *(p for p, child in described if not child)]
        out = [self._consent(s, now) for s in subjects if r.random() < 0.85]
        return out + [self._consent(r.choice(subjects), now) for _ in range(r.choice((0, 0, 1, 2, 3)))]

    def _consent(self, subject: str, now: int) -> Consent:
        r = self._random
        return Consent(
            "k",
            "r-a" if r.random() < 0.85 else "r-b",
            frozenset(CATEGORIES) if r.random() < 0.5 else self._some(0.5),
            "follow-up" if r.random() < 0.8 else "health-care",
            0 if r.random() < 0.9 else now + r.choice((-DAY, -1, 0, 1, DAY)),
            NEVER if r.random() < 0.9 else now + r.choice((-DAY, -1, 0, 1, DAY)),
            r.random() < 0.1,
            subject,
            r.choice(("parents", "self")),
        )

    def _refusal(self) -> Refusal:
        r = self._random
        return Refusal(r.choice(("objection", "exclusion")), r.choice(("", "r-a", "r-b")), self._some(0.4))

    def _now(self) -> int:
        r = self._random
        if r.random() < 0.1:
            return r.choice(self._days) + r.choice((-1, 0, 1))
        return self._days[-1] + r.randint(0, 300) * DAY


def as_line(q: Question) -> str:
    return json.dumps(
        {
            **{k: getattr(q, k) for k in ("origin", "origin_recipient", "purpose", "recipient", "agency", "start")},
            **{k: getattr(q, k) for k in ("now", "active", "role", "assurance", "person", "known", "age", "described")},
            **{k: _bits(getattr(q, k)) for k in ("categories", "placed", "gated")},
            "yes": sorted(q.yes),
            "no": sorted(q.no),
            "consents": [
                (c.id, c.recipient, _bits(c.categories), c.purpose, c.from_ms, c.until_ms, c.withdrawn, c.subject, c.by)
                for c in q.consents
            ],
            "refusals": [(x.kind, x.recipient, _bits(x.categories)) for x in q.refusals],
        }
    )


def as_answer(a: Answer) -> str:
    grounds = "".join(":".join(map(str, (c, row, consent, *others))) + "," for c, row, consent, others in a.grounds)
    form = "neither" if a.neither_nor else "-"
    ways = "".join(f"{way}," for way in a.ways)
    return f"{a.verdict} {names(a.fields)} {a.missing} {a.rule} {form} {grounds} {ways}"


def _bits(categories: frozenset[str]) -> int:
    return sum(BIT[c] for c in categories)


def _batch(work: tuple[str, str, int, int]) -> tuple[Counter[str], Counter[int], str]:
    """(how the decisions fell, rows reached, the first difference)"""
    path, engine, seed, count = work
    rules = read(Path(path))
    maker = Maker(rules, seed)
    questions = [maker.question() for _ in range(count)]
    lines = [as_line(q) for q in questions]
    run = subprocess.run([engine, path], input="\n".join(lines) + "\n", capture_output=True, text=True, check=True)
    fell: Counter[str] = Counter()
    reached: Counter[int] = Counter()
    said = run.stdout.splitlines()
    if len(said) != count:
        return fell, reached, f"seed {seed}: {len(said)} answers to {count} questions"
    for question, line, theirs in zip(questions, lines, said, strict=True):
        answer = decide(rules, question)
        if (ours := as_answer(answer)) != theirs:
            return fell, reached, f"seed {seed}\n  question {line}\n  engine   {theirs}\n  second   {ours}"
        fell[answer.verdict if answer.verdict != "WITHHOLD" else f"WITHHOLD {answer.missing}"] += 1
        reached.update({g[1] for g in answer.grounds} | {answer.rule} | set(answer.ways))
    return fell, reached, ""


def work(path: Path, engine: Path, count: int, seed: int) -> Iterator[tuple[str, str, int, int]]:
    for start in range(0, count, BATCH):
        yield str(path), str(engine), seed + start, min(BATCH, count - start)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rules", type=Path, default=Path("deploy/policy/rules.yaml"))
    parser.add_argument("--engine", type=Path, required=True, help="the program policy_decide")
    parser.add_argument("--count", type=int, default=50_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--processes", type=int, default=2)
    options = parser.parse_args()
    fell: Counter[str] = Counter()
    reached: Counter[int] = Counter()
    with Pool(options.processes) as pool:
        jobs = work(options.rules, options.engine, options.count, options.seed)
        for of_batch, rows, difference in pool.imap_unordered(_batch, jobs):
            fell += of_batch
            reached += rows
            if difference:
                print(f"the engines differ: {difference}", file=sys.stderr)
                pool.terminate()
                return 1
    for verdict, count in fell.most_common():
        print(f"{count:10,}  {verdict}")
    rows = read(options.rules).rows
    silent = [f"{row.id}({row.index})" for row in rows if not reached[row.index]]
    print(f"rows that answered: {len(rows) - len(silent)} of {len(rows)}; not: {' '.join(silent) or 'none'}")
    print(f"{fell.total():,} decisions agree")
    return 0


if __name__ == "__main__":
    sys.exit(main())
