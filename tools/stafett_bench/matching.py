"""Which signal a note led to. A recipient is not told whose note it was: it knows a case by a name of its own and
counts, and so do we."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from stafett_bench.caller import Done

Key = tuple[str, int]  # the recipient's name of a case, and the signal's sequence in it


@dataclass
class Matched:
    ms: list[float] = field(default_factory=list)  # from when a note was due until its signal was had
    missing: int = 0  # notes without a signal
    surplus: int = 0  # signals without a note


def match(done: Sequence[Done], last: Mapping[int, Key], had: Mapping[Key, int]) -> Matched:
    """The k-th accepted note about a child is the k-th signal of its case that came after `last` (by the call's index
    in the plan: each is about another child)."""
    matched = Matched()
    by_child: dict[int, list[Done]] = {}
    for one in done:
        if one.code == 0:
            by_child.setdefault(one.index, []).append(one)
    expected = set()
    for index, (case, sequence) in last.items():
        notes = sorted(by_child.pop(index, []), key=lambda d: d.due_ns)
        for k, note in enumerate(notes, start=1):
            key = case, sequence + k
            expected.add(key)
            if key in had:
                matched.ms.append((had[key] - note.due_ns) / 1e6)
            else:
                matched.missing += 1
    matched.missing += sum(map(len, by_child.values()))  # about children whose case nobody knows
    latest = {case: sequence for case, sequence in last.values()}
    matched.surplus = sum(
        key not in expected for key in had if key[0] not in latest or key[1] > latest[key[0]]
    )
    return matched
