"""What was not done in time and whom that was told to: escalation's and notifications' records on the log, which are in
clear, and the mails that the mail server took.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

# Of escalation's records, as a story names them.
RAISED, PASSED_ON, ACKNOWLEDGED, TAKEN, RESOLVED = "raised", "passed-on", "acknowledged", "taken", "resolved"
STEPS = (RAISED, PASSED_ON, ACKNOWLEDGED, TAKEN, RESOLVED)
_PACKAGES = {"escalation": "escalation_events", "notifications": "notification_events"}


@dataclass(frozen=True)
class Escalated:
    """One record of escalation."""

    child: str
    escalation: str
    step: str  # of STEPS
    awaited: str  # "BATON_ANSWER"
    of: str  # id of the service that was to do it
    to: str  # id of the person who has it now; who did it, of the last three; empty: what was awaited has come


@dataclass(frozen=True)
class Mailed:
    """A mail that was handed over, or given up (without a text)."""

    child: str
    message: str  # opaque id
    to: str  # id of its reader
    sent: bool
    language: str = ""
    text: str = ""  # subject and body
    times: int = 0  # how often the mail server took it


@dataclass
class Told:
    """Reads records in the log's order; `all` has what they tell, `under_way` the mails without a fate."""

    all: list[Escalated | Mailed] = field(default_factory=list)
    under_way: set[str] = field(default_factory=set)
    _seen: set[tuple[str, int]] = field(default_factory=set)
    _escalations: dict[str, Escalated] = field(default_factory=dict)
    _mails: dict[str, Mailed] = field(default_factory=dict)
    _types: dict[str, type] = field(default_factory=dict)

    def take(self, record) -> None:  # noqa: ANN001 - stafett.common.v1.Record
        service = record.stream.partition("/")[0]
        if service not in _PACKAGES or (record.stream, record.version) in self._seen:
            return
        self._seen.add((record.stream, record.version))
        event = self._event(service, record)
        if event is None:
            return
        if service == "escalation":
            self._escalated(record.child, event)
        else:
            self._mailed(record.child, event)

    def _escalated(self, child: str, event) -> None:  # noqa: ANN001
        step = _words(type(event).__name__.removeprefix("Escalation"))
        id_ = event.escalation_id
        before = self._escalations.get(id_, Escalated(child, id_, step, "", "", ""))
        now = replace(before, step=step, to=getattr(event, "owner", "") or getattr(event, "by", ""))
        if step == RAISED:
            kind = event.DESCRIPTOR.fields_by_name["kind"].enum_type.values_by_number[event.kind].name
            now = replace(now, awaited=kind, of=event.awaited_of)
        self._escalations[id_] = now
        self.all.append(now)

    def _mailed(self, child: str, event) -> None:  # noqa: ANN001
        name, id_ = type(event).__name__, event.message_id
        if name == "MessageQueued":
            if event.DESCRIPTOR.fields_by_name["channel"].enum_type.values_by_number[event.channel].name == "EMAIL":
                self._mails[id_] = Mailed(child, id_, event.person, False)
                self.under_way.add(id_)
            return
        final = name in ("MessageSent", "MessageDropped") or (name == "MessageFailed" and event.again_ms == 0)
        if id_ not in self._mails or not final:
            return
        self.under_way.discard(id_)
        if name != "MessageDropped":
            self.all.append(replace(self._mails[id_], sent=name == "MessageSent"))

    def _event(self, service: str, record):  # noqa: ANN001, ANN202
        name = "".join(word.capitalize() for word in record.type.split(".")[-2].split("-"))
        if name not in self._types:
            module = importlib.import_module(f"stafett.{service}.v1.{_PACKAGES[service]}_pb2")
            self._types[name] = getattr(module, name, None)
        of = self._types[name]
        return of.FromString(record.clear) if of is not None else None


def with_texts(told: Iterable[Escalated | Mailed], mails: Mapping[str, list]) -> list[Escalated | Mailed]:
    """Adds to each mail what the mail server has of it; `mails`: by message id."""
    return [_with_text(one, mails.get(one.message, ())) if isinstance(one, Mailed) else one for one in told]


def _with_text(mail: Mailed, kept) -> Mailed:  # noqa: ANN001
    if not kept:
        return mail
    message = kept[0].message
    text = f"{message['Subject']}\n{kept[0].text}"
    return replace(mail, language=str(message["Content-Language"] or ""), text=text, times=len(kept))


def _words(name: str) -> str:
    return "".join(f"-{letter.lower()}" if letter.isupper() else letter for letter in name).strip("-")
