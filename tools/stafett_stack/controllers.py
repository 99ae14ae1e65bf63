"""Reads deploy/controllers/*.yaml: whom the broker and the token issuer must know.

Only what the environment needs; the services check the files in full.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import yaml

from stafett_stack.paths import CONTROLLERS
from stafett_stack.procs import StackError


@dataclass(frozen=True)
class Person:
    id: str
    name: str
    role: str
    unit: str
    organisation: str  # organisation number of the recipient that the unit belongs to


@dataclass(frozen=True)
class Client:
    id: str
    recipient: str  # "" for a client of no recipient
    scopes: tuple[str, ...]
    organisation: str
    supplier: str  # organisation number of a system supplier, or ""


@dataclass(frozen=True)
class Directory:
    recipients: tuple[str, ...]
    people: tuple[Person, ...]
    clients: tuple[Client, ...]

    def client(self, name: str) -> Client:
        return _one("client", name, [c for c in self.clients if c.id == name], self.clients)

    def person(self, name: str) -> Person:
        """By id, or by full name in any case."""
        found = [p for p in self.people if p.id == name]
        found = found or [p for p in self.people if p.name.casefold() == name.casefold()]
        return _one("person", name, found, self.people)


def _one(kind: str, name: str, found: list, known: tuple):
    if len(found) == 1:
        return found[0]
    if found:
        raise StackError(f"{kind} {name!r} is not unique; use one id of: " + _ids(found))
    raise StackError(f"no {kind} {name!r} in the controllers' files; known: " + _ids(known))


def _ids(entries) -> str:
    return ", ".join(sorted(entry.id for entry in entries)) or "none"


def load(directory: Path = CONTROLLERS) -> Directory:
    recipients: list[str] = []
    people: list[Person] = []
    clients: list[Client] = []
    files = sorted(directory.glob("*.yaml"))
    if not files:
        raise StackError(f"no controllers' files in {directory}")
    for file in files:
        try:
            _read(yaml.safe_load(file.read_text()), recipients, people, clients)
        except (KeyError, TypeError, AttributeError, yaml.YAMLError) as error:
            raise StackError(f"{file}: {type(error).__name__}: {error}") from error
    for kind, ids in (
        ("recipient", recipients),
        ("person", [p.id for p in people]),
        ("client", [c.id for c in clients]),
    ):
        twice = sorted({entry for entry in ids if ids.count(entry) > 1})
        if twice:
            raise StackError(f"{kind} ids stand twice in {directory}: {', '.join(twice)}")
    return Directory(tuple(recipients), tuple(people), tuple(clients))


def _read(
    document: dict, recipients: list[str], people: list[Person], clients: list[Client]
) -> None:
    organisation_of: dict[str, str] = {}
    for recipient in document.get("recipients") or []:
        recipients.append(recipient["id"])
        organisation_of[recipient["id"]] = str(recipient["organisation_number"])
        for unit in recipient.get("units") or []:
            for person in unit.get("people") or []:
                people.append(
                    Person(
                        id=person["id"],
                        name=person["name"],
                        role=person["role"],
                        unit=unit["id"],
                        organisation=organisation_of[recipient["id"]],
                    )
                )
    for client in document.get("clients") or []:
        recipient = client.get("recipient", "")
        clients.append(
            Client(
                id=client["id"],
                recipient=recipient,
                scopes=tuple(client.get("scopes") or ()),
                organisation=organisation_of[recipient]
                if recipient
                else str(document["organisation_number"]),
                supplier=str(client.get("supplier", "")),
            )
        )
