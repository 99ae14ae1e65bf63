"""Which call is which noun and verb.

Out of the call's path: the last collection in it is the noun, what stands behind the colon the verb:
/v1/{case=controllers/*/cases/*}:openLog is `case open-log`. So a new call has a command without anybody writing one.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property

from google.api import annotations_pb2
from google.protobuf.descriptor import FieldDescriptor

from stafett_edge.rules import Rule
from stafett_story.api import Api, Rpc

# Where the path would make a clumsy name.
NAMES = {
    "cases.NoteConcern": "concern note",  # child note-concern
    "consent.RequestConsent": "consent request",  # child request-consent
    "consent.Preview": "consent preview",  # child preview-consent
    # For operators, and by gRPC alone: without a path.
    "operations.ListParked": "parked list",
    "operations.GetParked": "parked show",
    "operations.ReplayParked": "parked replay",
    "operations.DiscardParked": "parked discard",
}
OPERATIONS = "operations"  # served by each service for its own part
# Every service has this call; `tools/stafett receipt` asks them all.
RECEIPT = "receipt get"
_PLAIN = {"POST": "create", "PUT": "replace", "PATCH": "update", "DELETE": "delete"}


class Clash(ValueError):
    """Two calls would have one command: NAMES has to tell them apart."""


@dataclass(frozen=True)
class Command:
    noun: str  # "case"
    verb: str  # "open-log"
    rpc: Rpc

    @property
    def name(self) -> str:
        return f"{self.noun} {self.verb}"

    @cached_property
    def places(self) -> tuple[FieldDescriptor, ...]:
        """Fields that are given without a flag: which thing it is about."""
        fields = self.rpc.request.fields
        rule = path_of(self.rpc)
        if rule is not None:
            return tuple(field for field in fields if field.name in rule.in_path)
        return tuple(field for field in fields if field.name in (self.noun.replace("-", "_"), "name"))[:1]


def all_of(api: Api) -> dict[str, Command]:
    """By name, without receipts; internal calls have none."""
    found: dict[str, Command] = {}
    for rpc in api.rpcs.values():
        name = name_of(rpc)
        if name is None or name == RECEIPT:
            continue
        if name in found:
            raise Clash(f"{rpc.name} and {found[name].rpc.name} are both {name!r}: name one of them in NAMES")
        found[name] = Command(*name.split(" "), rpc)
    return dict(sorted(found.items()))


def receipts(api: Api) -> dict[str, Rpc]:
    """By service: the call that says how far a command has come."""
    return {rpc.service: rpc for rpc in api.rpcs.values() if name_of(rpc) == RECEIPT}


def name_of(rpc: Rpc) -> str | None:
    """None: the call is internal, as it has no path and is no stream to its caller."""
    if rpc.name in NAMES:
        return NAMES[rpc.name]
    rule = path_of(rpc)
    if rule is not None:
        return _by_path(rule)
    return _by_name(rpc) if rpc.method.server_streaming else None


def path_of(rpc: Rpc) -> Rule | None:
    """As proto/ has it; whether the edge serves it is for the edge to say (rules.rule_of)."""
    http = rpc.method.GetOptions().Extensions[annotations_pb2.http]
    verb = http.WhichOneof("pattern")
    return Rule(rpc, verb.upper(), getattr(http, verb), http.body == "*") if verb else None


def _by_path(rule: Rule) -> str:
    path, _, verb = rule.shape.partition(":")
    segments = path.strip("/").split("/")[1:]  # without the version
    noun = singular(kebab([segment for segment in segments if segment != "*"][-1]))
    if not verb:
        verb = _PLAIN.get(rule.verb) or ("get" if segments[-1] == "*" else "list")
    return f"{noun} {kebab(verb)}"


def _by_name(rpc: Rpc) -> str:
    """WatchCase is `case watch`."""
    verb, _, noun = kebab(rpc.method.name).partition("-")
    return f"{singular(noun or rpc.service)} {verb}"


def kebab(name: str) -> str:
    """openLog, next_date → open-log, next-date"""
    return re.sub(r"(?<=[a-z0-9])([A-Z])", r"-\1", name).replace("_", "-").lower()


def singular(noun: str) -> str:
    """children → child, deliveries → delivery, measures → measure"""
    if noun.endswith("children"):
        return noun.removesuffix("ren")
    if noun.endswith("ies"):
        return noun.removesuffix("ies") + "y"
    return noun.removesuffix("s") if not noun.endswith(("ss", "us")) else noun
