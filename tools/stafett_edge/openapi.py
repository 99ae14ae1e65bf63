"""The OpenAPI document of the edge, out of proto/: what it says is what the descriptors say, comments too.

Limits that JSON Schema can say are in it; `max_bytes` counts bytes, so a text within its maxLength may still be
refused.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

import yaml
from google.protobuf.descriptor import Descriptor, EnumDescriptor, FieldDescriptor

from stafett_edge.config import FOLDER
from stafett_edge.rules import Rule, messages_below, public
from stafett_story import comments
from stafett_story.api import Api

FILE = FOLDER / "openapi.yaml"
# services/lib/host/validate.cc
TEXT_BYTES, LIST_ELEMENTS = 200, 50
HEADER = "# Out of proto/ by `tools/edge openapi`: do not edit.\n"
ABOUT = """\
Calls of Stafett for record systems, as REST. The same calls by gRPC, at the same address, have the same answers.

Every command has a requestId (UUID). The same again with the same content is the same command, for 7 days: it gives the
same answer and changes nothing. After 503 OUTCOME_UNKNOWN send it again. Fields that a call does not have are refused.

Content of deliveries is protobuf as JSON; its digest is over the protobuf bytes. Whoever wants to check it parses the
JSON with the classes of proto/ and serializes it, or fetches by gRPC."""
REFUSALS = {
    400: "INVALID_ARGUMENT, with the field where there is one; or FAILED_PRECONDITION: not as things stand",
    401: "UNAUTHENTICATED: no token, or one that does not do; or the call is made for a person and no attestation came",
    403: "PERMISSION_DENIED: a scope is missing, or it is not yours; whether it exists is not told",
    404: "NOT_FOUND: no such call, or nothing there that you may know of",
    409: "ABORTED: somebody else was first, read again; or ALREADY_EXISTS",
    413: "RESOURCE_EXHAUSTED: more than 256 KiB",
    429: "RESOURCE_EXHAUSTED: too many calls, or too much under way; nothing was done",
    500: "INTERNAL: a defect of ours",
    503: "UNAVAILABLE: SERVICE_UNAVAILABLE, nothing was done; or OUTCOME_UNKNOWN, send it again",
    504: "DEADLINE_EXCEEDED: nothing was done",
}
_INTEGERS = {FieldDescriptor.CPPTYPE_INT32, FieldDescriptor.CPPTYPE_UINT32}
_LONG = {FieldDescriptor.CPPTYPE_INT64: "int64", FieldDescriptor.CPPTYPE_UINT64: "uint64"}
_NUMBERS = {FieldDescriptor.CPPTYPE_DOUBLE, FieldDescriptor.CPPTYPE_FLOAT}


def text(api: Api) -> str:
    return HEADER + yaml.dump(Document(api).tree(), Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=120)


class Document:
    def __init__(self, api: Api) -> None:
        self.api = api
        self.rules = public(api)
        self.comments = comments.read()
        asked: dict[str, Descriptor] = {}
        answered: dict[str, Descriptor] = {}
        for rule in self.rules.values():
            asked |= messages_below(rule.rpc.request)
            answered |= {rule.rpc.response.full_name: rule.rpc.response, **messages_below(rule.rpc.response)}
        self.asked, self.messages = asked, {**answered, **asked}

    def tree(self) -> dict:
        paths: dict[str, dict] = {}
        for rule in self.rules.values():
            paths.setdefault(path_of(rule), {})[rule.verb.lower()] = self.operation(rule)
        return {
            "openapi": "3.1.0",
            "info": {"title": "Stafett", "version": "v1", "description": ABOUT},
            "servers": [{"url": "/"}],
            "security": [{"access": []}, {"access": [], "attestation": []}],
            "tags": [
                {"name": service, "description": self.comments.get(full_name, "")}
                for service, full_name in sorted(
                    {(r.rpc.service, r.rpc.method.containing_service.full_name) for r in self.rules.values()}
                )
            ],
            "paths": dict(sorted(paths.items())),
            "components": {
                "securitySchemes": _SECURITY,
                "responses": {f"Refused{status}": _refused(words) for status, words in sorted(REFUSALS.items())},
                "schemas": {
                    **{name_of(m): self.message(m) for _, m in sorted(self.messages.items()) if not _is_any(m)},
                    **_STATUS,
                },
            },
        }

    def operation(self, rule: Rule) -> dict:
        described = self.comments.get(f"{rule.rpc.method.containing_service.full_name}.{rule.rpc.method.name}", "")
        result: dict = {"operationId": rule.rpc.name, "tags": [rule.rpc.service]}
        if described:
            result["description"] = described
        parameters = [*_path_parameters(rule), *(self.query_parameter(field) for field in rule.in_query)]
        if parameters:
            result["parameters"] = parameters
        if rule.has_body:
            schema = self.object(rule.in_body, strict=True)
            result["requestBody"] = {"required": True, "content": {"application/json": {"schema": schema}}}
        answer = {"schema": {"$ref": f"#/components/schemas/{name_of(rule.rpc.response)}"}}
        result["responses"] = {
            "200": {"description": "Done, or read.", "content": {"application/json": answer}},
            **{str(s): {"$ref": f"#/components/responses/Refused{s}"} for s in sorted(REFUSALS)},
        }
        return result

    def query_parameter(self, field: FieldDescriptor) -> dict:
        required = self.api.is_required(field)
        return {"name": field.json_name, "in": "query", "required": required, **self._about(field),
                "schema": self.field(field, strict=True)}  # fmt: skip

    # --- schemas ------------------------------------------------------------------------------

    def message(self, message: Descriptor) -> dict:
        schema = self.object(message.fields, strict=message.full_name in self.asked)
        described = self.comments.get(message.full_name)
        return {"description": described, **schema} if described else schema

    def object(self, fields: Sequence[FieldDescriptor], *, strict: bool) -> dict:
        """strict: as a request, with its limits."""
        result: dict = {
            "type": "object",
            "properties": {f.json_name: self.field(f, strict=strict) | self._about(f) for f in fields},
        }
        required = [f.json_name for f in fields if strict and self.api.is_required(f)]
        if required:
            result["required"] = required
        if strict:
            result["additionalProperties"] = False
        return result

    def field(self, field: FieldDescriptor, *, strict: bool) -> dict:
        required = strict and self.api.is_required(field)
        one = self.value(field, strict=strict, not_empty=required or (strict and field.is_repeated))
        if not field.is_repeated:
            return one
        limits = {"maxItems": LIST_ELEMENTS} if strict else {}
        return {"type": "array", "items": one, **limits, **({"minItems": 1} if required else {})}

    def value(self, field: FieldDescriptor, *, strict: bool, not_empty: bool) -> dict:
        kind = field.cpp_type
        if field.message_type is not None:
            below = field.message_type
            return _ANY if _is_any(below) else {"$ref": f"#/components/schemas/{name_of(below)}"}
        if field.enum_type is not None:
            return {"type": "string", "enum": _words(field.enum_type, zero=not not_empty)}
        if kind == FieldDescriptor.CPPTYPE_BOOL:
            return {"type": "boolean"}
        if kind in _INTEGERS:
            return {"type": "integer", "format": "int32"}
        if kind in _LONG:  # JSON's numbers cannot hold them
            return {"type": "string", "format": _LONG[kind], "pattern": "^-?[0-9]{1,20}$"}
        if kind in _NUMBERS:
            return {"type": "number"}
        if field.type == FieldDescriptor.TYPE_BYTES:
            return {"type": "string", "contentEncoding": "base64"}
        result: dict = {"type": "string"}
        if strict:
            if field.name == "request_id":
                result["format"] = "uuid"
            limit = field.GetOptions().Extensions[self.api.options.max_bytes]
            result |= {"minLength": 1} if not_empty else {}
            result["maxLength"] = limit or TEXT_BYTES
        return result

    def _about(self, field: FieldDescriptor) -> dict:
        described = self.comments.get(f"{field.containing_type.full_name}.{field.name}")
        return {"description": described} if described else {}


def path_of(rule: Rule) -> str:
    """/v1/{case=controllers/*/cases/*}:openLog → /v1/controllers/{controller}/cases/{case}:openLog"""
    path = re.sub(r"\{(\w+)\}", r"{\1=*}", rule.template)
    return re.sub(r"\{(\w+)=([^}]+)\}", lambda found: "/".join(_segments(found[1], found[2])), path)


def _segments(field: str, pattern: str) -> Iterable[str]:
    before = field
    for segment in pattern.split("/"):
        yield f"{{{_one_of(before)}}}" if segment == "*" else segment
        before = segment


def _one_of(collection: str) -> str:
    """controllers → controller"""
    return {"children": "child"}.get(collection, collection.removesuffix("s"))


def _path_parameters(rule: Rule) -> list[dict]:
    id_ = {"type": "string", "minLength": 1, "maxLength": 100, "pattern": "^[A-Za-z0-9._~-]+$"}
    uuid = {"type": "string", "format": "uuid"}
    return [
        {"name": name, "in": "path", "required": True, "schema": uuid if name == "request_id" else id_}
        for name in re.findall(r"\{(\w+)\}", path_of(rule))
    ]


def name_of(message: Descriptor) -> str:
    """stafett.cases.v1.Case → cases.Case"""
    return f"{message.file.package.split('.')[1]}.{message.full_name.removeprefix(message.file.package + '.')}"


def _words(enum: EnumDescriptor, *, zero: bool) -> list[str]:
    return [value.name for value in enum.values if zero or value.number]


def _is_any(message: Descriptor) -> bool:
    return message.file.package == "google.protobuf"


def _refused(words: str) -> dict:
    schema = {"$ref": "#/components/schemas/Status"}
    return {"description": words, "content": {"application/json": {"schema": schema}}}


_ANY = {
    "type": "object",
    "description": "a message of proto/, named by @type",
    "properties": {"@type": {"type": "string"}},
}
_SECURITY = {
    "access": {
        "type": "http", "scheme": "bearer", "bearerFormat": "JWT",
        "description": "The organisation's system, with scope stafett:<service>; as Maskinporten gives it.",
    },
    "attestation": {
        "type": "apiKey", "in": "header", "name": "stafett-attestation",
        "description": "A signed attestation of the person for whom the call is made; fetching and storing need none.",
    },
}  # fmt: skip
_STATUS = {
    "Status": {
        "description": "google.rpc.Status; the first ErrorInfo's reason is stable, the message is for people.",
        "type": "object",
        "required": ["code", "message", "details"],
        "properties": {
            "code": {"type": "integer", "description": "google.rpc.Code"},
            "message": {"type": "string"},
            "details": {
                "type": "array",
                "items": _ANY,
                "contains": {"$ref": "#/components/schemas/ErrorInfo"},
            },
        },
    },
    "ErrorInfo": {
        "type": "object",
        "required": ["@type", "reason", "domain"],
        "properties": {
            "@type": {"const": "type.googleapis.com/google.rpc.ErrorInfo"},
            "reason": {"type": "string", "pattern": "^[A-Z][A-Z0-9_]+$"},
            "domain": {"const": "stafett.no"},
            "metadata": {"type": "object", "additionalProperties": {"type": "string"}},
        },
    },
}


class _Dumper(yaml.SafeDumper):
    """Without anchors, and with texts of several lines as they are."""

    def ignore_aliases(self, _: object) -> bool:
        return True


def _text(dumper: yaml.SafeDumper, value: str) -> yaml.Node:
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style="|" if "\n" in value else None)


_Dumper.add_representer(str, _text)
