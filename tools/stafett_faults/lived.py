"""A topic as it came to be. Where the end of a partition was cut off and its records came back, they may stand behind what
others wrote meanwhile; those who had taken them before took them in the earlier order.

    the log was       a b c d e
    its end is cut    a b c            Cut(d, e)
    others wrote      a b c x
    it is mended      a b c x d e      came to be: a b c d e x; stands: a b c x d e
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import cached_property

from stafett_faults.history import Cut, Entry


class Lived:
    """Of one topic. `cuts`: of its partitions."""

    def __init__(self, entries: Iterable[Entry], cuts: Sequence[Cut]) -> None:
        self._stands = sorted(entries, key=lambda entry: (entry.partition, entry.offset))
        self._cut = [entry for cut in cuts for entry in cut.entries]
        self._cuts: dict[int, list[int]] = {}
        for cut in cuts:
            self._cuts.setdefault(cut.partition[1], []).append(cut.at_ms)
        for times in self._cuts.values():
            times.sort()

    @cached_property
    def all(self) -> list[Entry]:
        """Every record, repeats and what was cut too, in the order in which they were appended. Between two cuts of a
        partition offsets say that; which two, the broker's time does."""
        return sorted([*self._cut, *self._stands], key=self._came)

    @cached_property
    def once(self) -> list[Entry]:
        """What stands in the topic, without repeats, as it was when it was first appended."""
        there = {(entry.stream, entry.version) for entry in self._stands}
        first: dict[tuple[str, int], Entry] = {}
        for entry in self.all:
            key = entry.stream, entry.version
            if key in there:
                first.setdefault(key, entry)
        return list(first.values())

    @cached_property
    def numbered(self) -> list[Entry]:
        """`once`, for who reads by offset."""
        return [replace(entry, offset=i) for i, entry in enumerate(self.once)] if self.moved else self.once

    @cached_property
    def moved(self) -> bool:
        """Whether records stand in another order than they came to be."""
        return [(e.stream, e.version) for e in self.once] != [(e.stream, e.version) for e in self._standing]

    @cached_property
    def out_of_order(self) -> list[Entry]:
        """What stands before an earlier record of its stream."""
        found = []
        last: dict[str, int] = {}
        for entry in self._standing:
            if entry.version != last.get(entry.stream, 0) + 1:
                found.append(entry)
            last[entry.stream] = max(entry.version, last.get(entry.stream, 0))
        return found

    @cached_property
    def _standing(self) -> list[Entry]:
        first: dict[tuple[str, int], Entry] = {}
        for entry in self._stands:
            first.setdefault((entry.stream, entry.version), entry)
        return list(first.values())

    def _came(self, entry: Entry) -> tuple[int, int, int]:
        epoch = bisect_right(self._cuts.get(entry.partition, ()), entry.appended_ms)
        return entry.partition, epoch, entry.offset
