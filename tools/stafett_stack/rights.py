"""Reads deploy/kafka/acls.yaml into a flat set: who may do what on which topic or group."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import yaml


@dataclass(frozen=True, order=True)
class Right:
    principal: str
    kind: str  # TOPIC or GROUP
    name: str
    operation: str  # as Kafka names it: READ, WRITE, DESCRIBE, DESCRIBE_CONFIGS


def load(file: Path, recipients: tuple[str, ...]) -> frozenset[Right]:
    document = yaml.safe_load(file.read_text())
    rights: set[Right] = set()
    for principal, entry in document["services"].items():
        for recipient in recipients or ("",):
            rights.update(_expand(principal, entry, recipient))
    for principal, entry in document["recipients"].items():
        for recipient in recipients:
            rights.update(_expand(principal, entry, recipient))
    return frozenset(rights)


def _expand(principal: str, entry: dict, recipient: str) -> set[Right]:
    return {
        Right(principal.format(recipient=recipient), kind, name.format(recipient=recipient), op)
        for kind, names in (("TOPIC", entry.get("topics")), ("GROUP", entry.get("groups")))
        for name, operations in (names or {}).items()
        for op in operations
        if recipient or "{recipient}" not in name
    }


def topic_of(recipient: str) -> str:
    return f"stafett.to.{recipient}"


def principal_of(recipient: str) -> str:
    return f"rcp-{recipient}"
