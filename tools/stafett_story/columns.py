"""Texts in columns, as a terminal shows them: a wide character takes two, a combining one none."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence

GAP = "  "


def width(text: str) -> int:
    """Columns on a terminal."""
    wide = (2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text
            if not unicodedata.combining(c))  # fmt: skip
    return sum(wide)


def widths(rows: Iterable[Sequence[str]]) -> list[int]:
    """Of each column, the widest cell."""
    return [max(map(width, column)) for column in zip(*rows, strict=True)]


def pad(cells: Sequence[str], to: Iterable[int]) -> list[str]:
    return [cell + " " * (columns - width(cell)) for cell, columns in zip(cells, to, strict=True)]


def line(cells: Sequence[str]) -> str:
    return GAP.join(cells).rstrip()
