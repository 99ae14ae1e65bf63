"""What was measured, held against a budget. Nothing here knows how."""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from stafett_bench.caller import Done, quantile

HOLDS, DOES_NOT_HOLD, NOT_MEASURED, NO_BUDGET = "holds", "does not hold", "not measured", "no budget"


@dataclass(frozen=True)
class Budget:
    """A bound of what is measured, or of its ratio to the floor."""

    bound: float
    at_least: bool = False
    of_floor: bool = False

    def holds(self, value: float) -> bool:
        return value >= self.bound if self.at_least else value <= self.bound


@dataclass(frozen=True)
class Line:
    """One line of the table."""

    row: str  # as --only names it
    what: str
    unit: str = ""
    budget: Budget | None = None  # none: a leg, or a part that has no budget of its own
    measured: float | None = None
    floor: float | None = None
    floor_is: str = ""
    samples: int = 0
    refused: int = 0  # calls that were not answered as they had to be
    why_not: str = ""  # not measured, because
    also: Mapping[str, object] = field(default_factory=dict)

    @property
    def ratio(self) -> float | None:
        return self.measured / self.floor if self.measured is not None and self.floor else None

    @property
    def reason(self) -> str:
        """Why it was not measured; empty if it was."""
        if self.why_not:
            return self.why_not
        if self.refused:
            return f"{self.refused} calls were refused"
        if self.measured is None:
            return "nothing was measured"
        if self.budget and self.budget.of_floor and self.ratio is None:
            return "no floor was measured"
        return ""

    @property
    def verdict(self) -> str:
        if self.reason:
            return NOT_MEASURED
        if self.budget is None:
            return NO_BUDGET
        value = self.ratio if self.budget.of_floor else self.measured
        assert value is not None
        return HOLDS if self.budget.holds(value) else DOES_NOT_HOLD


@dataclass
class Rounds:
    """The same thing, measured several times: what counts is the median of the rounds."""

    seconds: list[float] = field(default_factory=list)
    rounds: list[list[float]] = field(default_factory=list)  # ms of each call
    refused: int = 0

    def add(self, done: Sequence[Done]) -> None:
        ok = [d for d in done if d.code == 0]
        self.refused += len(done) - len(ok)
        self.rounds.append([d.ms for d in ok])
        self.seconds.append(lasted(done))

    @property
    def samples(self) -> int:
        return sum(map(len, self.rounds))

    def at(self, q: float) -> float:
        return statistics.median(self._each(q))

    def per_second(self) -> float:
        return statistics.median(self._rates())

    def spread(self, q: float) -> list[float]:
        return sorted(round(x, 3) for x in self._each(q))

    def spread_per_second(self) -> list[float]:
        return sorted(round(x, 1) for x in self._rates())

    def _each(self, q: float) -> list[float]:
        return [quantile(ms, q) for ms in self.rounds]

    def _rates(self) -> list[float]:
        return [len(ms) / s for ms, s in zip(self.rounds, self.seconds, strict=True) if s]


def lasted(done: Sequence[Done]) -> float:
    """Seconds from when the first call was due until the last was answered: a caller that falls behind is not given
    a rate that it did not reach."""
    if not done:
        return 0.0
    return (max(d.due_ns + d.took_ns for d in done) - min(d.due_ns for d in done)) / 1e9


def finite(value: float | None) -> float | None:
    """For JSON, which has no infinity."""
    return value if value is not None and math.isfinite(value) else None
