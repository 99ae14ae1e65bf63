"""What deploy/ holds for operators, as data: rules, alerts, runbooks, dashboards. For checks and tests."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import yaml

from stafett_stack.paths import DEPLOY, PROMETHEUS_RULES

RUNBOOKS = DEPLOY / "runbooks"
DASHBOARDS = DEPLOY / "grafana"
SEEN_FIRING = DEPLOY / "prometheus" / "README.md"
RULE_TESTS = DEPLOY / "prometheus" / "tests"

# What Grafana puts in for its variables, when all is chosen and little time is shown.
SHOWN = {"$__rate_interval": "1m", "$__range": "1h", "$service": ".+"}

_KEYWORDS = {"and", "or", "unless", "bool", "offset", "inf", "nan"}
_GROUPINGS = r"\b(?:by|without|on|ignoring|group_left|group_right)\b\s*(?:\([^)]*\))?"


@dataclass(frozen=True)
class Panel:
    title: str
    queries: tuple[str, ...]
    json: dict


@dataclass(frozen=True)
class Provocation:
    by: str  # what is broken
    ends: str  # when that is mended: "at once", "a minute later"; what else is there, nobody waits for


@dataclass(frozen=True)
class Dashboard:
    name: str  # of the file
    panels: tuple[Panel, ...]  # without rows
    json: dict


def rules() -> list[dict]:
    return [
        rule
        for file in sorted(PROMETHEUS_RULES.glob("*.yaml"))
        for group in yaml.safe_load(file.read_text())["groups"]
        for rule in group["rules"]
    ]


def alerts() -> dict[str, dict]:
    return {rule["alert"]: rule for rule in rules() if "alert" in rule}


def recordings() -> dict[str, dict]:
    return {rule["record"]: rule for rule in rules() if "record" in rule}


def runbooks() -> dict[str, Path]:
    return {file.stem: file for file in sorted(RUNBOOKS.glob("*.md")) if file.stem != "README"}


def provocations() -> dict[str, Provocation]:
    """By alert: how tests/e2e/test_alerts.py makes it fire."""
    return {alert: Provocation(by, ends) for alert, by, ends in _table("Seen firing", 3)}


def dashboards() -> list[Dashboard]:
    found = []
    for file in sorted(DASHBOARDS.glob("*.json")):
        document = json.loads(file.read_text())
        panels = tuple(
            Panel(panel["title"], tuple(target["expr"] for target in panel.get("targets", ())), panel)
            for panel in _panels(document)
            if panel["type"] != "row"
        )
        found.append(Dashboard(file.stem, panels, document))
    return found


def queries() -> Iterator[tuple[str, str]]:
    """(where, PromQL) of all rules and panels."""
    for rule in rules():
        yield rule.get("alert") or rule["record"], rule["expr"]
    for dashboard in dashboards():
        for panel in dashboard.panels:
            for query in panel.queries:
                yield f"{dashboard.name}, {panel.title}", as_shown(query)


def as_shown(query: str) -> str:
    for variable, text in SHOWN.items():
        query = query.replace(variable, text)
    return query


def metrics_of(query: str) -> set[str]:
    """The metrics that a PromQL expression names."""
    text = re.sub(r"\"(?:[^\"\\]|\\.)*\"|'(?:[^'\\]|\\.)*'", "", query)
    text = re.sub(r"\{[^}]*\}|\[[^\]]*\]", "", text)
    text = re.sub(_GROUPINGS, "", text)
    names = re.findall(r"(?<![\w:.])([a-zA-Z_:][\w:]*)\b(?!\s*\()", text)
    return {name for name in names if name.lower() not in _KEYWORDS}


def _panels(document: dict) -> Iterator[dict]:
    for panel in document["panels"]:
        yield panel
        yield from panel.get("panels", ())


def _table(section: str, columns: int) -> list[tuple[str, ...]]:
    """The rows that begin with an alert, of one section of a page."""
    text = re.split(rf"^## {section}$", SEEN_FIRING.read_text(), flags=re.MULTILINE)[1]
    rows = [line.strip("| ").split(" | ") for line in text.partition("\n## ")[0].splitlines() if line.startswith("|")]
    found = [(row[0].strip("`"), *row[1:]) for row in rows if row[0].startswith("`Stafett")]
    wrong = [row for row in found if len(row) != columns]
    if wrong:
        raise ValueError(f"{SEEN_FIRING.name}, {section}: {wrong[0][0]} has not {columns} columns")
    return found
