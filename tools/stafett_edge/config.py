"""Envoy's configuration: deploy/envoy/envoy.yaml with everything filled in that a file of deploy/ may not hold
(addresses), or that stands elsewhere already (routes in proto/, refusals in deploy/envoy/refusals.yaml)."""

from __future__ import annotations

import base64
import copy
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import yaml
from google.protobuf import descriptor_pb2, json_format
from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.rpc import code_pb2, error_details_pb2, status_pb2  # noqa: F401 - the details travel in Any

from stafett_edge.rules import Rule, messages_below, public, streams
from stafett_stack.paths import DEPLOY
from stafett_stack.procs import StackError
from stafett_story.api import DESCRIPTORS, Api, Rpc

FOLDER = DEPLOY / "envoy"
TEMPLATE, REFUSALS, KNOWN_FIELDS = FOLDER / "envoy.yaml", FOLDER / "refusals.yaml", FOLDER / "known_fields.lua"
SYSTEM_CAS = "/etc/ssl/certs/ca-certificates.crt"
DOMAIN = "stafett.no"  # of ErrorInfo; services/lib/rpc/error_map.h
# As the transcoder answers for a service's refusal (google/rpc/code.proto).
HTTP_OF = {
    "INVALID_ARGUMENT": 400, "FAILED_PRECONDITION": 400, "UNAUTHENTICATED": 401, "PERMISSION_DENIED": 403,
    "NOT_FOUND": 404, "ABORTED": 409, "ALREADY_EXISTS": 409, "RESOURCE_EXHAUSTED": 429, "INTERNAL": 500,
    "UNAVAILABLE": 503, "DEADLINE_EXCEEDED": 504,
}  # fmt: skip


@dataclass(frozen=True)
class Place:
    """What a configuration needs to know of where it runs."""

    listen: str  # host:port
    status: str  # host:port of /livez, /readyz and /metrics
    admin_port: int  # on loopback
    services: Mapping[str, Sequence[str]]  # host:port of every copy, or of what balances them, by service
    issuer: str
    audience: str
    jwks_url: str
    access_log: Path


def render(place: Place, api: Api) -> dict:
    """A service that is not named has no routes; one that has no public call is an error."""
    rules = [rule for rule in public(api).values() if rule.rpc.service in place.services]
    document = yaml.safe_load(TEMPLATE.read_text())
    resources = document["static_resources"]
    routes = connection_manager(document)["route_config"]["virtual_hosts"][0]
    *of_call, of_stream = routes["routes"]
    routes["routes"] = [
        *(_filled(route, _of_call(rule)) for rule in rules for route in of_call),
        *(_filled(of_stream, _of_stream(rpc)) for rpc in streams(api).values() if rpc.service in place.services),
    ]
    service, *others = resources["clusters"]
    resources["clusters"] = [
        *(_filled(service, _of_service(name, place, rules)) for name in place.services), *others,
    ]  # fmt: skip
    jwks = urlsplit(place.jwks_url)
    if jwks.scheme == "https":
        others[0]["transport_socket"] = _tls_to(jwks.hostname or "")
    host, port = _split(place.listen)
    status_host, status_port = _split(place.status)
    return _filled(
        document,
        {
            "admin_port": place.admin_port,
            "listen_host": host,
            "listen_port": port,
            "status_host": status_host,
            "status_port": status_port,
            "access_log": str(place.access_log),
            "issuer": place.issuer,
            "audience": place.audience,
            "jwks_url": place.jwks_url,
            "issuer_endpoints": [_endpoint(jwks.hostname or "", jwks.port or (443 if jwks.scheme == "https" else 80))],
            "descriptors": _descriptors(),
            "grpc_services": sorted({rule.rpc.method.containing_service.full_name for rule in rules}),
            "known_fields": KNOWN_FIELDS.read_text(),
            "refusals": [m for entry in yaml.safe_load(REFUSALS.read_text()) for m in _mappers(entry)],
        },
    )


def limit(document: dict, name: str, tokens: int) -> None:
    """Narrows one of the rate limits (client_limit, connection_limit): so many at once, then one a minute (tests)."""
    (found,) = (f["typed_config"] for f in connection_manager(document)["http_filters"] if f["name"] == name)
    bucket = found["descriptors"][0]["token_bucket"] if "descriptors" in found else found["token_bucket"]
    bucket |= {"max_tokens": tokens, "tokens_per_fill": 1, "fill_interval": "60s"}


def connection_manager(document: dict) -> dict:
    """That of the calls."""
    (listener,) = (one for one in document["static_resources"]["listeners"] if one["name"] == "edge")
    return listener["filter_chains"][0]["filters"][0]["typed_config"]


def _filled(tree: object, values: Mapping[str, object]) -> object:
    """A copy with ${name} replaced where the name is known; what is replaced as a whole keeps its type."""
    if isinstance(tree, dict):
        return {key: _filled(value, values) for key, value in tree.items()}
    if isinstance(tree, list):
        return [_filled(value, values) for value in tree]
    if isinstance(tree, str) and (found := re.fullmatch(r"\$\{(\w+)\}", tree)) and found[1] in values:
        return copy.deepcopy(values[found[1]])
    return tree


# --- routes -------------------------------------------------------------------------------------------


def _of_call(rule: Rule) -> dict[str, object]:
    return {
        "call": rule.rpc.name,
        "http": rule.http,
        "method": rule.verb,
        "path": rule.regex,
        "grpc_path": rule.rpc.path,
        "service": rule.rpc.service,
        "fields": _known_fields(rule),
    }


def _of_stream(rpc: Rpc) -> dict[str, object]:
    return {"call": rpc.name, "grpc_path": rpc.path, "service": rpc.service}


def _known_fields(rule: Rule) -> dict[str, object]:
    """What deploy/envoy/known_fields.lua reads."""
    body = {}
    if rule.has_body:
        below = messages_below(rule.rpc.request).items()
        body = {name: _names(message.fields) for name, message in below if not _is_any(message)}
        body["body"] = _names(rule.in_body)
    return {"types": {"query": _names(rule.in_query), **body}}


def _names(fields: Sequence[FieldDescriptor]) -> dict[str, dict[str, object]]:
    """By both names that JSON of protobuf takes."""
    return {
        written: {"name": field.name, "type": _type(field), "many": field.is_repeated}
        for field in fields
        for written in (field.name, field.json_name)
    }


def _type(field: FieldDescriptor) -> str:
    if field.message_type is None:
        return ""
    return "*" if _is_any(field.message_type) else field.message_type.full_name


def _is_any(message: Descriptor) -> bool:
    return message.file.package == "google.protobuf" or message.GetOptions().map_entry


def _descriptors() -> str:
    """All of proto/ for the transcoder, as JSON has bytes; without comments, which are most of it."""
    found = descriptor_pb2.FileDescriptorSet.FromString(DESCRIPTORS.read_bytes())
    for file in found.file:
        file.ClearField("source_code_info")
    return base64.b64encode(found.SerializeToString(deterministic=True)).decode()


# --- clusters -----------------------------------------------------------------------------------------


def _of_service(name: str, place: Place, rules: Sequence[Rule]) -> dict[str, object]:
    services = {rule.rpc.method.containing_service.full_name for rule in rules if rule.rpc.service == name}
    if len(services) != 1:
        found = ", ".join(sorted(services)) or "none"
        raise StackError(f"{name} must have one gRPC service with public calls; it has {found}")
    return {
        "service": name,
        "grpc_service": services.pop(),
        "endpoints": [_endpoint(*_split(address)) for address in place.services[name]],
    }


def _endpoint(host: str, port: int | str) -> dict:
    return {"endpoint": {"address": {"socket_address": {"address": host, "port_value": port}}}}


def _split(address: str) -> tuple[str, int | str]:
    """A port may also be a word in braces, which the chart's template replaces (stafett_stack/chart.py)."""
    host, _, port = address.rpartition(":")
    if not host or not re.fullmatch(r"\d+|\{[a-z-]+\}", port):
        raise StackError(f"{address!r} is no host:port")
    return host, int(port) if port.isdigit() else port


def _tls_to(host: str) -> dict:
    san = {"san_type": "DNS", "matcher": {"exact": host}}
    return {
        "name": "envoy.transport_sockets.tls",
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext",
            "sni": host,
            "common_tls_context": {
                "validation_context": {
                    "trusted_ca": {"filename": SYSTEM_CAS},
                    "match_typed_subject_alt_names": [san],
                }
            },
        },
    }


# --- refusals -----------------------------------------------------------------------------------------


def _mappers(entry: Mapping) -> list[dict]:
    """An entry of refusals.yaml as Envoy's mappers of local replies: for gRPC clients in headers, else as JSON."""
    details: list[dict] = [
        _detail("ErrorInfo", reason=entry["reason"], domain=DOMAIN, metadata=entry.get("metadata", {}))
    ]
    headers = {}
    if entry["code"] == "UNAUTHENTICATED":
        headers["www-authenticate"] = 'Bearer realm="stafett"'  # Envoy's own repeats the path
    if seconds := entry.get("retry_seconds"):
        details.append(_detail("RetryInfo", retryDelay=f"{seconds}s"))
        headers["retry-after"] = str(seconds)
    status = {"code": code_pb2.Code.Value(entry["code"]), "message": entry["message"], "details": details}
    packed = json_format.ParseDict(status, status_pb2.Status()).SerializeToString()
    trailers = {
        "grpc-status": str(status["code"]),
        "grpc-status-details-bin": base64.b64encode(packed).decode().rstrip("="),
    }
    if entry.get("field"):
        violation = {"field": "%DYNAMIC_METADATA(stafett:field)%", "description": entry["message"]}
        details.append(_detail("BadRequest", fieldViolations=[violation]))
    return [
        {
            "filter": {"and_filter": {"filters": [_cause(entry), _IS_GRPC]}},
            "headers_to_add": _headers(trailers),
            "body_format_override": {"text_format_source": {"inline_string": entry["message"]}},
        },
        {
            "filter": _cause(entry),
            "status_code": entry.get("http", HTTP_OF[entry["code"]]),
            "headers_to_add": _headers(headers),
            "body_format_override": {"json_format": status},
        },
    ]


_IS_GRPC = {"header_filter": {"header": {"name": "x-came-as", "string_match": {"prefix": "application/grpc"}}}}


def _headers(values: Mapping[str, str]) -> list[dict]:
    return [
        {"header": {"key": key, "value": value}, "append_action": "OVERWRITE_IF_EXISTS_OR_ADD"}
        for key, value in values.items()
    ]


def _detail(kind: str, **values: object) -> dict:
    return {"@type": f"type.googleapis.com/google.rpc.{kind}", **values}


def _cause(entry: Mapping) -> dict:
    if "details" in entry:
        known = ", ".join(f"'{_escaped(detail)}'" for detail in entry["details"])
        return {
            "extension_filter": {
                "name": "envoy.access_loggers.extension_filters.cel",
                "typed_config": {
                    "@type": "type.googleapis.com/envoy.extensions.access_loggers.filters.cel.v3.ExpressionFilter",
                    "expression": f"response.code_details in [{known}]",
                },
            }
        }
    if "flags" in entry:
        return {"response_flag_filter": {"flags": entry["flags"]}}
    at_least = {"op": "EQ" if "status" in entry else "GE",
                "value": {"default_value": entry.get("status", 0), "runtime_key": "unused"}}  # fmt: skip
    return {"status_code_filter": {"comparison": at_least}}


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace("'", "\\'")
