"""Invented people: synthetic national numbers (month + 80, as Tenor's) and opaque ids."""

from __future__ import annotations

import hashlib
import re
from datetime import date

_K1 = (3, 7, 6, 1, 8, 9, 4, 5, 2)
_K2 = (5, 4, 3, 2, 7, 6, 5, 4, 3, 2)
SYNTHETIC_MONTH = 80


def check_digits(first_nine: str) -> str | None:
    """The two check digits, or None if these nine digits have none (a remainder of 10)."""
    k1 = -_weighted(first_nine, _K1) % 11
    if k1 == 10:
        return None
    k2 = -_weighted(f"{first_nine}{k1}", _K2) % 11
    return None if k2 == 10 else f"{k1}{k2}"


def synthetic_number(born: date, seed: str) -> str:
    """A national number of nobody, always the same for the same birth date and seed."""
    # 500–999 are the individual numbers of those born 2000–2039, 000–499 of those born 1900–1999.
    first = 500 if born.year >= 2000 else 0
    start = int.from_bytes(hashlib.sha256(seed.encode()).digest()[:4], "big")
    for step in range(500):
        individual = first + (start + step) % 500
        nine = f"{born.day:02}{born.month + SYNTHETIC_MONTH}{born.year % 100:02}{individual:03}"
        digits = check_digits(nine)
        if digits is not None:
            return nine + digits
    raise ValueError(f"no national number for {born}")


def why_not_synthetic(number: str) -> str | None:
    """The reason why `number` may not stand in a story; None if it may."""
    if not re.fullmatch(r"\d{11}", number):
        return "a national number has eleven digits"
    if not 81 <= int(number[2:4]) <= 92:
        return "only synthetic national numbers (month + 80) may stand in a story"
    digits = check_digits(number[:9])
    if digits is None:
        return f"no national number begins with {number[:9]}"
    if digits != number[9:]:
        return f"wrong check digits: {number[:9]} ends in {digits}"
    return None


def opaque_id(prefix: str, *parts: str) -> str:
    digest = hashlib.sha256("\0".join(parts).encode()).hexdigest()
    return f"{prefix}-{digest[:12]}"


def _weighted(digits: str, weights: tuple[int, ...]) -> int:
    return sum(int(digit) * weight for digit, weight in zip(digits, weights, strict=True))
