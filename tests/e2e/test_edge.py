"""Through the edge: the story as REST with the same results and the same refusals as by gRPC, every call of the OpenAPI
document, and what the edge itself refuses, with nothing changed behind it.

The edge as files: tests/unit/tools/test_edge_files.py.
"""

import hashlib
import http.client
import json
import re
import signal
import subprocess
import urllib.error
import urllib.request
import uuid
from contextlib import contextmanager

import grpc
import jsonschema
import pytest
import yaml
from durable import different
from google.protobuf import json_format
from playing import Played, read_story
from test_bad_input import House, expect

from stafett_edge import config, openapi, rules
from stafett_stack.chart import EDGE_ADMIN_PORT
from stafett_stack.paths import CHART
from stafett_stack.procs import wait_until
from stafett_stack.services import SERVICES
from stafett_story import api as api_
from stafett_story import calls, table
from stafett_story.api import message_class
from stafett_story.calls import Caller, Refused, build
from stafett_story.rest import Reply, RestCaller, refusal_of
from stafett_story.stage import Stage

API = api_.load()
RULES = rules.public(API)
STREAMS = rules.streams(API)
DOCUMENT = yaml.safe_load(openapi.FILE.read_text())
OPERATIONS = {
    operation["operationId"]: (verb.upper(), path, operation)
    for path, operations in DOCUMENT["paths"].items()
    for verb, operation in operations.items()
}
SECONDS = 15.0


# --- the OpenAPI document, applied ------------------------------------------------------------------


def problems(schema, value):
    """What a value has that a schema of the document does not allow."""
    validator = jsonschema.Draft202012Validator(
        {**schema, "components": DOCUMENT["components"]}, format_checker=jsonschema.FormatChecker()
    )
    return [f"{error.json_path}: {error.message}" for error in validator.iter_errors(value)]


def wrong_with(call: str, reply: Reply) -> list[str]:
    """An answer must have a status of the document and the form that the document gives for it."""
    answers = OPERATIONS[call][2]["responses"]
    if str(reply.status) not in answers:
        return [f"{call}: {reply.status} is not documented: {reply.body[:200]}"]
    answer = answers[str(reply.status)]
    if "$ref" in answer:
        answer = DOCUMENT["components"]["responses"][answer["$ref"].rpartition("/")[2]]
    if reply.headers.get("content-type") != "application/json":
        return [f"{call}: {reply.status} is {reply.headers.get('content-type')}"]
    schema = answer["content"]["application/json"]["schema"]
    return [f"{call}: {reply.status}: {problem}" for problem in problems(schema, reply.json)]


def example(schema, *, full: bool):
    """A value that the schema allows; `full`: with all that is optional."""
    if "$ref" in schema:
        return example(DOCUMENT["components"]["schemas"][schema["$ref"].rpartition("/")[2]], full=full)
    if schema["type"] == "object":
        chosen = schema.get("properties", {}) if full else schema.get("required", [])
        return {name: example(schema["properties"][name], full=full) for name in chosen}
    if schema["type"] == "array":
        return [example(schema["items"], full=full)] * max(schema.get("minItems", 0), int(full))
    if schema["type"] != "string":
        return {"boolean": True, "integer": 1, "number": 1.5}[schema["type"]]
    if schema.get("format") == "uuid":
        return str(uuid.uuid4())
    return schema["enum"][-1] if "enum" in schema else "1" if "pattern" in schema else "x"


# --- a Stafett whose story came through the edge ----------------------------------------------------


class Exchanges(list):
    """(call, body, reply) of everything that a RestCaller sent."""

    def __call__(self, rule, body, reply):
        self.append((rule.rpc.name, body, reply))

    @property
    def done(self):
        return {call for call, _, reply in self if reply.status == 200}


@pytest.fixture(scope="module")
def exchanges():
    return Exchanges()


@pytest.fixture(scope="module")
def through(new_stack, exchanges):
    stack = new_stack(edge=True)
    with Stage(stack, read_story(), edge=True) as stage:
        stage.caller.told = exchanges
        yield Played(stack, stage, stage.play())


@pytest.fixture(scope="module")
def house(through):
    return House(through)


@pytest.fixture
def rest(through):
    caller = RestCaller(through.stack.edge.address, API, patience=0)
    yield caller
    caller.close()


@contextmanager
def unchanged(house):
    before = house.state()
    yield
    after = house.state()
    assert before["log"] == after["log"]
    assert {s: different(before[s], after[s]) for s in SERVICES} == {s: [] for s in SERVICES}


def concern(house, **more):
    """Target and body of a concern that would be noted."""
    target = RULES["cases.NoteConcern"].target({"child": house.child})
    return target, {"requestId": str(uuid.uuid4()), "concern": "Noe annet.", **more}


def send(rest, house, verb, target, body=None, headers=None):
    sent = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
    return rest.exchange(verb, target, sent, house.metadata() if headers is None else headers)


def is_refused(reply, status, code, reason, field=None):
    assert reply.status == status, reply
    assert reply.headers["content-type"] == "application/json"
    assert problems({"$ref": "#/components/schemas/Status"}, reply.json) == []
    expect(refusal_of(reply), code, reason, field)


def by_grpc(address, path, request, metadata):
    """The refusal of one gRPC call."""
    with grpc.insecure_channel(address) as channel, pytest.raises(grpc.RpcError) as caught:
        channel.unary_unary(path)(request, metadata=metadata, timeout=5)
    return calls.refusal_of(caught.value)


# --- the story --------------------------------------------------------------------------------------


def test_the_story_ends_as_written(through):
    assert through.result.failure == ""
    assert len(through.result.played) == len(through.stage.story.steps)


def test_by_grpc_the_story_has_the_same_table_and_the_same_refusals(through):
    stage = through.stage
    by_rest, stage.caller = stage.caller, Caller(through.stack.addresses())
    try:
        directly = stage.play(run="by gRPC")
    finally:
        stage.caller.close()
        stage.caller = by_rest
    assert directly.failure == ""
    assert table.render(through.result) == table.render(directly)
    said = [
        [(a.refusal.code, a.refusal.reason, a.refusal.fields, a.refusal.message, a.refusal.metadata)
         for a in (played.answer for played in result.played) if a is not None and a.refusal is not None]
        for result in (through.result, directly)
    ]  # fmt: skip
    assert said[0] == said[1] != []


def test_what_the_story_sent_and_got_is_as_the_document_says(through, exchanges):
    assert through.result.failure == ""
    wrong = []
    for call, body, reply in exchanges:
        operation = OPERATIONS[call][2]
        if "requestBody" in operation:
            schema = operation["requestBody"]["content"]["application/json"]["schema"]
            wrong += [f"{call} sent: {p}" for p in problems(schema, body)]
        wrong += wrong_with(call, reply)
    assert wrong == []
    assert len(exchanges) > 30
    assert len(exchanges.done) > 15


# --- every operation of the document ----------------------------------------------------------------


def actor_for(through, service):
    story = through.stage.story
    return story.actors[story.decisions[0][0] if service == "disclosure" else "teacher"]


@pytest.mark.parametrize("full", [False, True], ids=["required", "everything"])
@pytest.mark.parametrize("call", OPERATIONS)
def test_a_call_that_the_document_allows_is_answered_as_it_says(through, rest, call, full):
    """About nothing that exists, by somebody with all tokens: never a defect, never another form."""
    verb, path, operation = OPERATIONS[call]
    parameters = operation.get("parameters", [])
    values = {p["name"]: example(p["schema"], full=True) for p in parameters if full or p["required"]}
    target = re.sub(r"\{(\w+)\}", lambda found: values.pop(found[1]), path)
    target += "?" + "&".join(f"{name}={value}" for name, value in values.items()) if values else ""
    body = b""
    if "requestBody" in operation:
        schema = operation["requestBody"]["content"]["application/json"]["schema"]
        content = example(schema, full=full)
        assert problems(schema, content) == []
        body = json.dumps(content).encode()
    headers = through.stage.credentials.metadata(actor_for(through, operation["tags"][0]))
    reply = rest.exchange(verb, target, body, headers)
    assert wrong_with(call, reply) == []
    assert reply.status < 500, reply
    if reply.status == 404:  # it came to a service, and no further
        assert reply.json["details"][0]["reason"] != "NO_SUCH_CALL"


def test_the_officers_calls_by_rest(through):
    """Those that the story does not make."""
    stage, officer = through.stage, actor_for(through, "disclosure")

    def ask(call, **values):
        answer = stage.caller.call(API.rpcs[call], build(API.rpcs[call], values), stage.credentials.metadata(officer))
        assert answer.refusal is None, answer.refusal
        return answer.values

    recipients = ask("disclosure.ListRecipients")["recipients"]
    assert stage.story.recipients["school"] in {row["recipient"] for row in recipients}
    number = stage.story.number("mina")
    child = ask("cases.RegisterChild", request_id=str(uuid.uuid4()), national_number=number, name="x")
    decision = ask("disclosure.ListDecisions", child=child["child"], page_size=1)["decisions"][0]
    explained = ask("disclosure.Explain", child=child["child"], event_id=decision["event_id"],
                    recipient=decision["recipient"])  # fmt: skip
    assert explained["decision"]["rule"] == decision["rule"]


def test_a_recipient_without_grpc_can_check_the_digest_of_what_it_fetches(through, rest):
    """The JSON of the content, read with the classes of proto/ and written again, has the bytes that were sent."""
    client = through.stage.story.recipient_clients["school"]
    headers = [("authorization", f"Bearer {through.stage.credentials.client(client)}")]
    listed = rest.exchange("GET", RULES["disclosure.ListDeliveries"].target({"page_size": 200}), headers=headers)
    fetched = 0
    for delivery in listed.json["deliveries"]:
        if delivery["kind"] == "RETRACTION":
            continue
        target = RULES["disclosure.Fetch"].target({"delivery_id": delivery["deliveryId"]})
        reply = rest.exchange("POST", target, b"{}", headers)
        assert wrong_with("disclosure.Fetch", reply) == []
        assert reply.status == 200, reply
        answer = json_format.Parse(reply.body, api_.message_class(API.rpcs["disclosure.Fetch"].response)())
        assert hashlib.sha256(answer.content.value).hexdigest() == reply.json["digest"]
        fetched += 1
    assert fetched >= 5


# --- the same refusals ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "call", ["cases.NoteConcern", "cases.GetCase", "consent.ListConsents", "disclosure.ListDecisions"]
)
@pytest.mark.parametrize("what", ["foreign name", "no attestation", "expired attestation", "no scope"])
def test_a_service_refuses_by_rest_as_by_grpc(through, call, what):
    stage, rpc = through.stage, API.rpcs[call]
    actor, tokens = actor_for(through, rpc.service), through.stack.issuer.tokens
    field, pattern = next(iter(RULES[call].in_path.items()))
    values = {field: re.sub(r"\*", "x-0000", pattern), "request_id": str(uuid.uuid4()), "concern": "Noe."}
    request = build(rpc, {name: v for name, v in values.items() if name in rpc.request.fields_by_name})
    metadata = dict(stage.credentials.metadata(actor))
    if what == "no attestation":
        del metadata["stafett-attestation"]
    if what == "expired attestation":
        metadata["stafett-attestation"] = tokens.person(through.stack.known.person(actor.person), expired=True)
    if what == "no scope":
        client = through.stack.known.client(actor.client)
        metadata["authorization"] = f"Bearer {tokens.client(client, ('stafett:nothing',))}"
    directly = Caller(through.stack.addresses(), patience=0)
    try:
        answers = [caller.call(rpc, request, list(metadata.items())) for caller in (stage.caller, directly)]
    finally:
        directly.close()
    assert answers[0].refusal == answers[1].refusal is not None


# --- what the edge itself refuses -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("what", "reason"),
    [("none", "TOKEN_MISSING"), ("in the query", "TOKEN_MISSING"), ("expired", "TOKEN_EXPIRED"),
     ("for another service", "TOKEN_WRONG_AUDIENCE"), ("garbage", "TOKEN_INVALID"), ("twice", "TOKEN_INVALID")],
)  # fmt: skip
def test_a_token_that_does_not_do(house, rest, what, reason):
    target, body = concern(house)
    good = house.metadata()
    tokens = {
        "expired": house.tokens.client(house.client, expired=True),
        "for another service": dict(good)["stafett-attestation"],
        "garbage": "abc.def.ghi",
    }
    headers = [("authorization", f"Bearer {tokens[what]}"), good[1]] if what in tokens else []
    headers = [good[0], *good] if what == "twice" else headers
    if what == "in the query":
        target += f"?access_token={dict(good)['authorization'].removeprefix('Bearer ')}"
    with unchanged(house):
        reply = send(rest, house, "POST", target, body, headers)
    is_refused(reply, 401, "UNAUTHENTICATED", reason)
    assert reply.headers["www-authenticate"] == 'Bearer realm="stafett"'  # Envoy's own would repeat the path


def test_a_token_is_refused_for_grpc_as_a_service_would(through, house):
    """The edge's word and the service's, for the same token."""
    rpc = API.rpcs["cases.NoteConcern"]
    request = house.request(rpc.name, child=house.child, concern="Noe annet.").SerializeToString()
    expired = [("authorization", f"Bearer {house.tokens.client(house.client, expired=True)}")]
    told = [by_grpc(address, rpc.path, request, expired)
            for address in (through.stack.edge.address, through.stack.of("cases")[0].address)]  # fmt: skip
    assert [(t.code, t.reason) for t in told] == [("UNAUTHENTICATED", "TOKEN_EXPIRED")] * 2


def test_an_attestation_that_stands_twice_is_refused_by_the_service(house, rest):
    target, body = concern(house)
    with unchanged(house):
        reply = send(rest, house, "POST", target, body, [*house.metadata(), house.metadata()[1]])
    is_refused(reply, 401, "UNAUTHENTICATED", "TOKEN_INVALID")


def test_a_body_that_is_too_large(house, rest):
    target, body = concern(house, concern="x" * 262_144)
    with unchanged(house):
        reply = send(rest, house, "POST", target, body)
    is_refused(reply, 413, "RESOURCE_EXHAUSTED", "BODY_TOO_LARGE")


def test_a_body_that_is_far_too_large_is_not_waited_for(house, rest):
    target, body = concern(house, concern="x" * (20 << 20))
    with unchanged(house):
        try:
            assert send(rest, house, "POST", target, body).status == 413
        except Refused as refused:  # the connection was ended while we were still sending
            assert refused.refusal.code == "UNAVAILABLE"


def test_headers_that_are_too_large(house, rest):
    with unchanged(house):
        reply = send(rest, house, "POST", *concern(house), [*house.metadata(), ("x-much", "x" * 25_000)])
    is_refused(reply, 431, "INVALID_ARGUMENT", "INVALID_REQUEST")


@pytest.mark.parametrize(
    ("more", "field"),
    [
        ({"nextDato": "2027-01-01"}, "nextDato"),
        ({"child": "controllers/c/children/b"}, "child"),  # it stands in the path, and nowhere else
        ({"reminder": {}}, "reminder"),
        ({"": 1}, ""),
    ],
)
def test_a_field_that_the_call_does_not_have(house, rest, more, field):
    target, body = concern(house, **more)
    with unchanged(house):
        reply = send(rest, house, "POST", target, body)
    is_refused(reply, 400, "INVALID_ARGUMENT", "INVALID_FIELD", field or None)


def test_a_misspelt_list_of_recipients_does_not_become_all(through, house, rest):
    """The reason why unknown fields are refused: no recipients means all of them."""
    target = RULES["consent.Withdraw"].target({"consent": "controllers/c-1/consents/s-1"})
    with unchanged(house):
        body = {"requestId": str(uuid.uuid4()), "consenter": "p-mother", "recipient": ["r-1"]}
        reply = send(rest, house, "POST", target, body)
    is_refused(reply, 400, "INVALID_ARGUMENT", "INVALID_FIELD", "recipient")


def test_a_field_deep_down(house, rest):
    target = RULES["cases.WriteNote"].target({"case": house.case["name"]})
    sections = [{"text": "a", "sectionCategory": "EDUC"}, {"text": "b", "section_categori": "EDUC"}]
    with unchanged(house):
        reply = send(rest, house, "POST", target, {"requestId": str(uuid.uuid4()), "sections": sections})
    is_refused(reply, 400, "INVALID_ARGUMENT", "INVALID_FIELD", "sections[1].section_categori")


@pytest.mark.parametrize(
    "text",
    [b"{", b"{'concern': 'x'}", b"{concern: 1}", b'{"concern": "x",}', b'{"concern": "x"} {}', b"\xff\xfe", b"[]",
     b"17", b'{"concern": "a", "concern": "b"}', b'{"request_id": "a", "requestId": "b"}', b'{"conc\\u0065rn": "x"}',
     b'{"concern": {"a": 1}}', b'{"concern": 01x}', b'{"concern": ' + b"[" * 5000, b'{"concern": "\x01"}',
     b'{"concern": "\xff"}', b'{"concern": "\\ud800"}', b'{"concern": "\xed\xa0\x80"}'],
    ids=lambda text: repr(text[:24]),
)  # fmt: skip
def test_a_body_that_is_not_the_calls_json(house, rest, text):
    target, _ = concern(house)
    with unchanged(house):
        reply = send(rest, house, "POST", target, text)
    assert reply.status == 400
    assert problems({"$ref": "#/components/schemas/Status"}, reply.json) == []
    assert reply.json["code"] == 3


@pytest.mark.parametrize(
    ("query", "field"),
    [("afterr=x", "afterr"), ("after=x&after=y", "after"), ("page_size=1&pageSize=2", "pageSize"), ("=1", None),
     ("%61fter=x", "%61fter"), ("after.x=1", "after.x"), ("navn", "navn")],
)  # fmt: skip
def test_a_query_that_the_call_does_not_have(house, rest, query, field):
    is_refused(send(rest, house, "GET", f"/v1/deliveries?{query}"), 400, "INVALID_ARGUMENT", "INVALID_FIELD", field)


def test_a_query_of_another_type(house, rest):
    reply = send(rest, house, "GET", "/v1/deliveries?pageSize=many")
    is_refused(reply, 400, "INVALID_ARGUMENT", "INVALID_REQUEST")


def test_a_field_of_the_body_in_the_query(house, rest):
    target, body = concern(house)
    with unchanged(house):
        reply = send(rest, house, "POST", f"{target}?nextDate=2027-01-01", body)
    is_refused(reply, 400, "INVALID_ARGUMENT", "INVALID_FIELD", "nextDate")


@pytest.mark.parametrize(
    ("verb", "path"),
    [("GET", "/v1/nothing"), ("DELETE", "/v1/deliveries"), ("GET", "/"), ("POST", "/v1/deliveries"),
     ("POST", "/stafett.cases.v1.Cases/NoteConcern"), ("POST", "/stafett.disclosure.v1.Disclosure/AwaitFence"),
     ("POST", "/grpc.health.v1.Health/Check"), ("GET", "/v1/controllers/c-1/cases/../cases/k-1/x"),
     ("GET", "/v1//deliveries"), ("GET", "/metrics"), ("GET", "/v1/controllers/c-1/cases/k-1:openLog")],
)  # fmt: skip
def test_what_is_no_call(house, rest, verb, path):
    reply = send(rest, house, verb, path, {} if verb == "POST" else None)
    is_refused(reply, 404, "NOT_FOUND", "NO_SUCH_CALL")


def test_an_escaped_slash_does_not_make_another_name(house, rest):
    name = house.case["name"].replace("/cases/", "%2Fcases%2F")
    is_refused(send(rest, house, "GET", f"/v1/{name}"), 400, "INVALID_ARGUMENT", "INVALID_REQUEST")


def test_no_internal_call_by_grpc_not_even_with_a_services_own_token(through):
    token = [("authorization", f"Bearer {through.stack.issuer.tokens.service('svc-consent')}")]
    internal = [rpc.path for name, rpc in API.rpcs.items() if name not in RULES and name not in STREAMS]
    assert internal
    for path in [*internal, "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo"]:
        told = by_grpc(through.stack.edge.address, path, b"", token)
        assert (told.code, told.reason) == ("NOT_FOUND", "NO_SUCH_CALL")


def test_a_stream_passes_by_grpc_and_ends_as_the_service_says(through, house):
    rpc = API.rpcs["cases.WatchCase"]
    with grpc.insecure_channel(through.stack.edge.address) as channel:
        watch = channel.unary_stream(
            rpc.path,
            request_serializer=lambda message: message.SerializeToString(),
            response_deserializer=message_class(rpc.response).FromString,
        )
        name = house.case["name"]
        watched = watch(build(rpc, {"name": name}), metadata=house.metadata(), timeout=30)
        assert next(watched).name == name
        watched.cancel()
        with pytest.raises(grpc.RpcError) as caught:
            next(watch(build(rpc, {"name": name + "0"}), metadata=house.metadata(), timeout=30))
    expect(calls.refusal_of(caught.value), "PERMISSION_DENIED", "NOT_ALLOWED")


@contextmanager
def another_edge(through, name, adjust):
    edge = through.stack.new_edge(f"edge-{name}", adjust=adjust)
    edge.start()
    rest = RestCaller(edge.address, API, patience=0)
    try:
        yield rest
    finally:
        rest.close()
        edge.stop()


@pytest.mark.parametrize("limit", ["client_limit", "connection_limit"])
def test_too_many_requests(through, house, limit):
    """Others are not held up, and nothing was done for the one that asked too often."""
    with another_edge(through, limit, lambda document: config.limit(document, limit, 3)) as rest:
        for _ in range(3):
            assert send(rest, house, "GET", f"/v1/{house.case['name']}").status == 200
        with unchanged(house):
            late = send(rest, house, "POST", *concern(house))
        is_refused(late, 429, "RESOURCE_EXHAUSTED", "TOO_MANY_REQUESTS")
        assert late.headers["retry-after"] == "1"
        assert late.json["details"][-1]["retryDelay"] == "1s"
        officer = through.stage.credentials.metadata(actor_for(through, "disclosure"))
        other = RestCaller(rest.address, API) if limit == "connection_limit" else rest
        assert send(other, house, "GET", "/v1/recipients", headers=officer).status == 200
        other.close()


def test_an_issuer_that_gives_no_keys(through, house):
    """Nobody is believed meanwhile, and nobody is told that his token is wrong."""

    def elsewhere(document):
        (jwt,) = (f for f in config.connection_manager(document)["http_filters"] if "jwt_authn" in f["name"])
        uri = jwt["typed_config"]["providers"]["access"]["remote_jwks"]["http_uri"]
        uri["uri"] = uri["uri"].replace("/jwks", "/nothing")

    with another_edge(through, "no-keys", elsewhere) as rest:
        with unchanged(house):
            reply = send(rest, house, "POST", *concern(house))
        is_refused(reply, 503, "UNAVAILABLE", "ISSUER_UNAVAILABLE")


# --- when a service does not answer -----------------------------------------------------------------


def test_a_service_that_is_away_is_said_to_be_away(through, house, rest):
    (copy,) = through.stack.of("cases")
    copy.stop()
    try:
        wait_until(lambda: send(rest, house, "POST", *concern(house)).status == 503, "503", SECONDS)
        is_refused(send(rest, house, "POST", *concern(house)), 503, "UNAVAILABLE", "SERVICE_UNAVAILABLE")
    finally:
        copy.start()
        wait_until(lambda: answers(rest, house), "the edge to have noticed", SECONDS)


def answers(rest, house):
    return send(rest, house, "GET", f"/v1/{house.case['name']}").status == 200


def test_a_service_that_falls_silent_leaves_the_outcome_unknown_and_the_same_request_id_tells(through, house, rest):
    """Promise P2: never an answer that invites a second, different command."""
    def short(document):
        (host,) = config.connection_manager(document)["route_config"]["virtual_hosts"]
        for route in host["routes"]:
            route["route"]["timeout"] = "1.5s"

    (copy,) = through.stack.of("cases")
    target, body = concern(house)
    with another_edge(through, "short", short) as hasty:
        assert answers(hasty, house)
        copy.process.signal(signal.SIGSTOP)
        try:
            reply = send(hasty, house, "POST", target, body)
        finally:
            copy.process.signal(signal.SIGCONT)
            wait_until(lambda: answers(rest, house), "the edge to have noticed", SECONDS)
        is_refused(reply, 503, "UNAVAILABLE", "OUTCOME_UNKNOWN")
        again = wait_until(lambda: done(send(hasty, house, "POST", target, body)), "an answer", SECONDS)
        once_more = send(rest, house, "POST", target, body).json
        assert once_more["case"]["name"] == again["case"]["name"]
    noted = [event.name for event in through.stage.watch.events(body["requestId"])]
    assert noted == ["concern-noted"]


def done(reply):
    return reply.json if reply.status == 200 else None


def test_a_client_says_how_long_it_has_and_nothing_else_about_the_way(house, rest):
    target = f"/v1/{house.case['name']}"
    steering = [("x-envoy-upstream-rq-timeout-ms", "1"), ("x-envoy-original-path", "/"),
                ("x-forwarded-for", "10.0.0.1"), ("x-envoy-internal", "true"), ("x-came-as", "application/grpc")]  # fmt: skip
    for _ in range(20):
        assert send(rest, house, "GET", target, headers=[*house.metadata(), *steering]).status == 200
    late = send(rest, house, "GET", target, headers=[*house.metadata(), ("grpc-timeout", "50m")])
    is_refused(late, 504, "DEADLINE_EXCEEDED", "TOO_LATE")


# --- promise P8, and the trace ----------------------------------------------------------------------


def test_the_access_log_says_which_call_and_nothing_about_whom(through, rest, house):
    log = through.stack.edge.access_log
    said = [("traceparent", "Mina Fjellrypedal")]
    nobody = send(rest, house, "GET", "/v1/Mina%20Fjellrypedal?navn=Mina", headers=said)
    assert nobody.status == 401
    target = RULES["cases.GetCase"].target({"name": house.case["name"]})
    assert send(rest, house, "GET", target).status == 200
    wait_until(lambda: log.exists() and '"cases.GetCase"' in log.read_text().splitlines()[-1], "its line", SECONDS)
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    assert len(lines) > 50
    for line in lines:
        assert set(line) <= {"time", "call", "route", "status", "flags", "ms", "traceparent"}
        assert line["call"] in {*RULES, *STREAMS, None}
        assert line["route"] in {*(rule.http for rule in RULES.values()), None}
    story = through.stage.story
    names = f"{house.case['name']}/{house.child}".split("/")
    ids = {name for name in names if name not in ("controllers", "cases", "children")}
    text = log.read_text() + (through.stack.edge.directory / "edge.log").read_text()
    assert len(ids) == 3
    assert [w for w in {*story.private_strings(), *story.recipients.values(), *ids, "Mina"} if w in text] == []


def test_a_trace_goes_through_to_the_service(through, rest, house):
    trace = uuid.uuid4().hex
    target, body = concern(house)
    headers = [*house.metadata(), ("traceparent", f"00-{trace}-{trace[:16]}-01")]
    reply = send(rest, house, "POST", target, {**body, "concern": ""}, headers)
    is_refused(reply, 400, "INVALID_ARGUMENT", "INVALID_FIELD", "concern")
    (copy,) = through.stack.of("cases")
    wait_until(lambda: trace in copy.log.read_text(), "the trace in the service's log", SECONDS)
    wait_until(lambda: trace in through.stack.edge.access_log.read_text(), "the trace in the access log", SECONDS)


def test_a_copy_that_is_to_stop_says_goodbye_and_answers_until_then(through, house):
    """What the chart lets a pod do before SIGTERM, on an edge of this machine."""
    text = (CHART / "templates" / "edge.yaml").read_text()
    command = " ".join(re.search(r"- >-\n(.*?)\n          securityContext", text, re.DOTALL)[1].split())
    edge = through.stack.new_edge("edge-stopping")
    edge.start()
    kept = http.client.HTTPConnection(edge.address)
    try:
        here = command.replace(f"/{EDGE_ADMIN_PORT} ", f"/{edge.admin_port} ").replace("sleep 15", "echo waited")
        for goodbye in (None, "close"):
            kept.request("GET", f"/v1/{house.case['name']}", headers=dict(house.metadata()))
            answer = kept.getresponse()
            assert (answer.status, answer.read() != b"", answer.getheader("connection")) == (200, True, goodbye)
            if goodbye is None:
                run = subprocess.run(["/bin/bash", "-c", here], capture_output=True, text=True, timeout=15, check=False)
                assert (run.returncode, run.stdout, run.stderr) == (0, "waited\n", "")
        with pytest.raises(urllib.error.HTTPError, match="503"):
            urllib.request.urlopen(f"http://{edge.status_address}/readyz", timeout=5)
    finally:
        kept.close()
        edge.stop()
