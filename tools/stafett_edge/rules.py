"""The REST form of the calls: google.api.http options of proto/, read.

A call is public when it has a rule, or streams its answer (by gRPC only: deploy/envoy/README.md); to others the edge has
no route. Here rules have one binding, a
`body: "*"` or none, and paths of names: /v1/{case=controllers/*/cases/*}:openLog
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from urllib.parse import quote, urlencode

from google.api import annotations_pb2
from google.protobuf.descriptor import Descriptor, FieldDescriptor

from stafett_story.api import Api, Rpc

_VARIABLE = re.compile(r"\{(?P<field>\w+)(?:=(?P<pattern>[^}]+))?\}")
SEGMENT = "[^/:]+"  # what a * may stand for: one id


class RuleError(ValueError):
    """A rule that the edge cannot serve, or a request that has no REST form."""


@dataclass(frozen=True)
class Rule:
    rpc: Rpc
    verb: str  # "POST"
    template: str  # "/v1/{case=controllers/*/cases/*}:openLog"
    has_body: bool

    @cached_property
    def in_path(self) -> dict[str, str]:
        """Fields that stand in the path, with their patterns."""
        return {found["field"]: found["pattern"] or "*" for found in _VARIABLE.finditer(self.template)}

    @property
    def in_query(self) -> list[FieldDescriptor]:
        return [] if self.has_body else self.elsewhere

    @property
    def in_body(self) -> list[FieldDescriptor]:
        return self.elsewhere if self.has_body else []

    @property
    def elsewhere(self) -> list[FieldDescriptor]:
        """The request's fields that do not stand in the path."""
        return [field for field in self.rpc.request.fields if field.name not in self.in_path]

    @property
    def http(self) -> str:
        return f"{self.verb} {self.template}"

    @cached_property
    def shape(self) -> str:
        """The path with a * for every id: /v1/controllers/*/cases/*:openLog"""
        return _VARIABLE.sub(lambda found: found["pattern"] or "*", self.template)

    @property
    def regex(self) -> str:
        return SEGMENT.join(re.escape(part) for part in self.shape.split("*"))

    def collides(self, other: Rule) -> bool:
        """Some path fits both."""
        if self.verb != other.verb:
            return False
        mine, theirs = (_pieces(rule.shape) for rule in (self, other))
        return len(mine) == len(theirs) and all(a == b or "*" in (a, b) for a, b in zip(mine, theirs, strict=True))

    def target(self, values: Mapping[str, object]) -> str:
        """Path and query of a request whose values are named as in proto/ (calls.as_values)."""

        def segment(found: re.Match) -> str:
            value = str(values.get(found["field"], ""))
            pattern = SEGMENT.join(re.escape(part) for part in (found["pattern"] or "*").split("*"))
            if not re.fullmatch(pattern, value):
                raise RuleError(f"{self.rpc.name}: {found['field']} is no {found['pattern'] or 'id'}")
            return quote(value, safe="/")

        path = _VARIABLE.sub(segment, self.template)
        query = {f.json_name: values[f.name] for f in self.in_query if values.get(f.name)}
        return f"{path}?{urlencode(query, doseq=True)}" if query else path


def _pieces(shape: str) -> list[str]:
    """Segments, and the verb behind the colon."""
    path, _, verb = shape.partition(":")
    return [*path.split("/"), f":{verb}"]


def rule_of(rpc: Rpc) -> Rule | None:
    """None: the call is not public."""
    options = rpc.method.GetOptions()
    if not options.HasExtension(annotations_pb2.http):
        return None
    if rpc.method.client_streaming or rpc.method.server_streaming:
        raise RuleError(f"{rpc.name}: streams have no REST form")
    http = options.Extensions[annotations_pb2.http]
    verb = http.WhichOneof("pattern")
    if verb in (None, "custom") or http.additional_bindings or http.body not in ("", "*") or http.response_body:
        raise RuleError(f"{rpc.name}: one method, one path, body \"*\" or none; nothing else is served")
    rule = Rule(rpc, verb.upper(), getattr(http, verb), http.body == "*")
    for field in rule.in_path:
        known = rpc.request.fields_by_name.get(field)
        if known is None or known.type != FieldDescriptor.TYPE_STRING or known.is_repeated:
            raise RuleError(f"{rpc.name}: {{{field}}} is no text of {rpc.request.name}")
    if "{" in _VARIABLE.sub("", rule.template) or "**" in rule.shape:
        raise RuleError(f"{rpc.name}: {rule.template} cannot be read")
    if any(field.message_type for field in rule.in_query):
        raise RuleError(f"{rpc.name}: a message cannot stand in a query")
    return rule


def public(api: Api) -> dict[str, Rule]:
    """The rules of all public calls, by the calls' names."""
    rules = {name: rule_of(rpc) for name, rpc in api.rpcs.items()}
    return {name: rule for name, rule in rules.items() if rule is not None}


def streams(api: Api) -> dict[str, Rpc]:
    """The calls that stream their answer, by name: public as gRPC."""
    return {name: rpc for name, rpc in api.rpcs.items() if rpc.method.server_streaming and rule_of(rpc) is None}


def messages_below(message: Descriptor) -> dict[str, Descriptor]:
    """Every message that stands in a message's fields, by full name, without itself."""
    found: dict[str, Descriptor] = {}
    todo = [message]
    while todo:
        for field in todo.pop().fields:
            if field.message_type is not None and field.message_type.full_name not in found:
                found[field.message_type.full_name] = field.message_type
                todo.append(field.message_type)
    return found
