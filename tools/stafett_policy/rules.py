"""The rule file as plain rows: groups, dates and conditions made explicit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, time
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import yaml

CATEGORIES = (
    *("EXIST", "IDENT", "ADDR_G", "CONCERN", "PLAN", "EDUC", "HEALTHD"),
    *("WELFARE", "SOCIAL", "THIRD", "CRIME", "CHILDSAY", "REPORT", "LOG"),
)
PERSONS = frozenset({"PAR", "PAR0", "CHILD", "SUBJ", "KIN", "REPORTER"})
EDU = frozenset({"SKOLE_K", "SKOLE_P", "PPT", "BHG_K", "BHG_P"})
HEALTH = frozenset({"HST", "HKOM", "GP", "BUP", "HOSP", "DENT"})
FVL = frozenset(
    {"BVT", "SKOLE_K", "VGS", "PPT", "BHG_K", "NAV_K", "NAV_S", "FLYK", "KE", "KON", "SLT", "FAMS", "AVL", "IKS"}
)
ANYPUB = FVL | {"POL", "HST", "HKOM", "BUP", "HOSP", "DENT"}
SERVICES = ANYPUB | EDU | HEALTH | {"KRIS", "FAMV", "SFV", "NEM", "KOMP", "FRIV"}
GROUPS = {
    "EDU": EDU,
    "HEALTH": HEALTH,
    "FVL": FVL,
    "ANYPUB": ANYPUB,
    "SERVICES": SERVICES,
    "ANY": SERVICES | PERSONS,
}
TRUSTED = frozenset("VGI")  # confidence of rows that may allow
NEVER = 1 << 62  # the first day of an act that is not in force


@dataclass(frozen=True)
class Row:
    index: int
    id: str
    effect: str
    givers: frozenset[str]
    receivers: frozenset[str]
    categories: frozenset[str]
    start: str
    only: str
    reader: str
    assurance: str
    frees_everyone: bool
    from_ms: int
    to_ms: int
    all: tuple[str, ...]
    any: tuple[str, ...]
    none: tuple[str, ...]
    purpose: str
    trusted: bool


@dataclass(frozen=True)
class Rules:
    rows: tuple[Row, ...]
    facts: tuple[str, ...]
    recorded: frozenset[str]


def read(path: Path) -> Rules:
    whole = yaml.safe_load(path.read_text())
    facts = whole.get("facts", ())
    laws = {law["id"]: (_ms(law["from"]) if "from" in law else NEVER, _end(law)) for law in whole.get("laws", ())}
    return Rules(
        tuple(_row(index, row, laws) for index, row in enumerate(whole["rules"])),
        tuple(fact["id"] for fact in facts),
        frozenset(fact["id"] for fact in facts if fact.get("recorded")),
    )


def _row(index: int, row: Mapping[str, Any], laws: Mapping[str, tuple[int, int]]) -> Row:
    law_from, law_to = laws[row["law"]] if "law" in row else (0, NEVER)
    when = row.get("when", {})
    categories = row["categories"]
    return Row(
        index,
        row["id"],
        row["effect"],
        _kinds(row["givers"]),
        _kinds(row["receivers"]),
        frozenset(CATEGORIES if "*" in categories else categories),
        row.get("start", ""),
        row.get("only", "everything"),
        row.get("reader", ""),
        row.get("assurance", "none"),
        row.get("frees") == "everyone",
        max(_ms(row["from"]), law_from),
        min(_end(row), law_to),
        tuple(when.get("all", ())),
        tuple(when.get("any", ())),
        tuple(when.get("none", ())),
        row.get("purpose", ""),
        row["confidence"] in TRUSTED,
    )


def _kinds(names: list[str]) -> frozenset[str]:
    return frozenset().union(*(GROUPS.get(name, {name}) for name in names))


def _end(entry: Mapping[str, Any]) -> int:
    return _ms(entry["to"]) if "to" in entry else NEVER


def _ms(moment: object) -> int:
    """A day begins at midnight in Oslo."""
    if isinstance(moment, date) and not isinstance(moment, datetime):
        moment = datetime.combine(moment, time(), ZoneInfo("Europe/Oslo"))
    assert isinstance(moment, datetime)
    return int(moment.timestamp() * 1000)
