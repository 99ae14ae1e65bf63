"""What a run came to: a table for people, JSON for programs."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from stafett_bench.results import DOES_NOT_HOLD, HOLDS, NOT_MEASURED, Budget, Line, finite

COLUMNS = ("", "budget", "measured", "floor", "ratio", "verdict", "samples")


def summary(lines: Sequence[Line], **about: Any) -> dict[str, Any]:
    return {
        **about,
        "lines": [
            {
                "row": line.row,
                "what": line.what.strip(),
                "unit": line.unit,
                "budget": bound(line.budget, line.unit),
                "measured": finite(line.measured),
                "floor": finite(line.floor),
                "floor_is": line.floor_is,
                "ratio": finite(line.ratio),
                "verdict": line.verdict,
                "reason": line.reason,
                "samples": line.samples,
                "refused": line.refused,
                "also": plain(line.also),
            }
            for line in lines
        ],
    }


def plain(value: Any) -> Any:
    """As JSON can say it."""
    if isinstance(value, Mapping):
        return {str(key): plain(one) for key, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(one) for one in value]
    if isinstance(value, float):
        return round(value, 4) if math.isfinite(value) else None
    return value


def bound(budget: Budget | None, unit: str) -> str:
    if budget is None:
        return ""
    sign = "≥" if budget.at_least else "≤"
    return f"{sign} {number(budget.bound)} × floor" if budget.of_floor else f"{sign} {number(budget.bound)} {unit}"


def number(value: float | None) -> str:
    """Three digits that mean something."""
    if value is None:
        return ""
    if not math.isfinite(value):
        return "never"
    if value == 0 or abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.{max(0, 2 - math.floor(math.log10(abs(value))))}f}".rstrip("0").rstrip(".")


def table(lines: Sequence[Line]) -> list[str]:
    rows = [list(COLUMNS)]
    for line in lines:
        rows.append([
            line.what,
            bound(line.budget, line.unit),
            _with_unit(line.measured, line.unit),
            _with_unit(line.floor, line.unit),
            _with_unit(line.ratio, "×") if finite(line.ratio) else "",
            line.verdict if line.budget or line.reason else "",
            f"{line.samples:,}" if line.samples else "",
        ])  # fmt: skip
    left = {0, 1, 5}
    widths = [max(len(row[i]) for row in rows) for i in range(len(COLUMNS))]
    out = []
    for row, line in zip(rows, [None, *lines], strict=True):
        cells = [c.ljust(w) if i in left else c.rjust(w) for i, (c, w) in enumerate(zip(row, widths, strict=True))]
        out.append("  ".join(cells).rstrip())
        if line is not None and line.reason:
            out.append(f"    not measured: {line.reason}")
    return out


def brief(line: Line) -> str:
    """While it runs."""
    return f"{line.what.strip()} {_with_unit(line.measured, line.unit)}, {line.reason or line.verdict}"


def text(said: Mapping[str, Any], lines: Sequence[Line]) -> list[str]:
    verdicts = [line.verdict for line in lines]
    counts = {verdict: verdicts.count(verdict) for verdict in (HOLDS, DOES_NOT_HOLD, NOT_MEASURED)}
    return [
        f"{said['on']}, commit {said['commit']}, {said['cores']} cores for everything, load {said['load_before']:.1f}"
        f" before{', quick' if said['quick'] else ''}; {said['minutes']:.0f} minutes",
        "",
        *table(lines),
        "",
        ", ".join(f"{count} {verdict}" for verdict, count in counts.items()),
    ]


def _with_unit(value: float | None, unit: str) -> str:
    if value is None or not math.isfinite(value):
        return number(value)
    return f"{number(value)} {unit}"
