"""Bad input gets the right code and an ErrorInfo, and changes nothing."""

import uuid

import grpc
import pytest
from durable import different, dump

from stafett_stack.procs import wait_until
from stafett_stack.services import SERVICES
from stafett_story.api import message_class
from stafett_story.calls import build

NOTE = "cases.NoteConcern"


class House:
    """A child with a concern in a house that has played a story, and calls with anything wrong."""

    def __init__(self, played):
        self.played = played
        self.stage = played.stage
        self.stack = played.stack
        self.tokens = played.stack.issuer.tokens
        self.teacher = played.stage.story.actors["teacher"]
        self.client = played.stack.known.client(self.teacher.client)
        number = played.stage.story.number("mina", "bad-input")
        self.child = self.good("cases.RegisterChild", national_number=number, name="Bryndis Tverrfjell",
                               guardians=[{"person": "p-badmother", "name": "Eldrid Tverrfjell",
                                           "relation": "MOTHER", "parental_responsibility": True}])["child"]  # fmt: skip
        noted = self.good(NOTE, child=self.child, concern="Noe er galt.")
        self.case = noted["case"]

    def metadata(self):
        return self.stage.credentials.metadata(self.teacher)

    def rpc(self, name):
        return self.stage.api.rpcs[name]

    def request(self, call, /, **values):
        rpc = self.rpc(call)
        if rpc.is_command:
            values.setdefault("request_id", str(uuid.uuid4()))
        return build(rpc, values)

    def good(self, call, /, **values):
        answer = self.stage.caller.call(self.rpc(call), self.request(call, **values), self.metadata())
        assert answer.refusal is None, answer.refusal
        self.quiet()
        return answer.values

    def bad(self, name, request, metadata=None):
        """The refusal of a call that must change nothing."""
        before = self.state()
        answer = self.stage.caller.call(
            self.rpc(name), request, self.metadata() if metadata is None else metadata,
            final=[code.name for code in grpc.StatusCode],
        )  # fmt: skip
        assert answer.refusal is not None, answer.message
        after = self.state()
        assert before["log"] == after["log"]
        for service in SERVICES:
            assert different(before[service], after[service]) == [], service
        return answer.refusal

    def quiet(self):
        """Waits until every service has taken what stands on the log."""
        log = self.stage.watch.log
        ends = {p: log.end("stafett.log", p) - 1 for p in range(self.stack.kafka.partitions)}
        last = {p: offset for p, offset in ends.items() if offset >= 0}
        wait_until(lambda: not self.stage.watch.marks.behind(last), "quiet", 15)

    def state(self):
        client = self.stack.redis.client()
        log = self.stage.watch.log
        partitions = range(self.stack.kafka.partitions)
        state = {service: dump(client, service) for service in SERVICES}
        state["log"] = [log.end(t, p) for t in ("stafett.log", "stafett.ledger", "stafett.identity") for p in partitions]
        return state


@pytest.fixture(scope="module")
def house(played):
    return House(played)


def expect(refusal, code, reason, field=None):
    assert (refusal.code, refusal.reason) == (code, reason), refusal
    if field:
        assert refusal.fields == (field,), refusal


def concern(house, **changes):
    return house.request(NOTE, **{"child": house.child, "concern": "Noe annet.", **changes})


@pytest.mark.parametrize("field", ["child", "concern"])
def test_a_missing_field(house, field):
    request = concern(house)
    request.ClearField(field)
    expect(house.bad(NOTE, request), "INVALID_ARGUMENT", "INVALID_FIELD", field)


@pytest.mark.parametrize("request_id", ["", "17", "not-a-uuid-but-36-characters-long-xx"])
def test_a_missing_or_wrong_request_id(house, request_id):
    expect(house.bad(NOTE, concern(house, request_id=request_id)),
           "INVALID_ARGUMENT", "INVALID_FIELD", "request_id")  # fmt: skip


@pytest.mark.parametrize("date", ["tomorrow", "2020-01-01", "2999-01-01", "2027-13-41"])
def test_a_date_that_cannot_be(house, date):
    expect(house.bad(NOTE, concern(house, next_date=date)),
           "INVALID_ARGUMENT", "INVALID_FIELD", "next_date")  # fmt: skip


def test_a_wrong_etag(house):
    request = house.request("cases.RecordConversation", case=house.case["name"], etag="999", summary="x")
    expect(house.bad("cases.RecordConversation", request), "ABORTED", "ETAG_MISMATCH")


@pytest.mark.parametrize("level", [0, 77])
def test_an_unknown_or_missing_enum_value(house, level):
    request = house.request("cases.SetLevel", case=house.case["name"], reason="x")
    request.level = level
    expect(house.bad("cases.SetLevel", request), "INVALID_ARGUMENT", "INVALID_FIELD", "level")


@pytest.mark.parametrize("category", [0, 99])
def test_an_unknown_category_in_a_consent(house, category):
    request = house.request("consent.RequestConsent", child=house.child, purpose="follow-up",
                            consenters=["p-badmother"])  # fmt: skip
    scope = request.scopes.add(recipient=house.stage.story.recipients["ppt"])
    scope.categories.append(category)
    refusal = house.bad("consent.RequestConsent", request)
    expect(refusal, "INVALID_ARGUMENT", "INVALID_FIELD", "scopes[0].categories[0]")


def test_a_text_that_is_too_long(house):
    request = concern(house, concern="x" * 8001)
    expect(house.bad(NOTE, request), "INVALID_ARGUMENT", "INVALID_FIELD", "concern")


def test_too_many_elements(house):
    request = house.request("cases.RecordConversation", case=house.case["name"], summary="x",
                            guardians=["p-badmother"] * 51)  # fmt: skip
    refusal = house.bad("cases.RecordConversation", request)
    expect(refusal, "INVALID_ARGUMENT", "INVALID_FIELD", "guardians")


def test_control_characters(house):
    expect(house.bad(NOTE, concern(house, concern="a\x00b")), "INVALID_ARGUMENT", "INVALID_FIELD", "concern")


def test_a_field_that_does_not_exist(house):
    request = concern(house)
    unknown = message_class(house.rpc(NOTE).request).FromString(
        request.SerializeToString() + bytes([0xFA, 0x3F, 1, 0x78])  # field 1023, a string
    )
    refusal = house.bad(NOTE, unknown)
    assert (refusal.code, refusal.reason) == ("INVALID_ARGUMENT", "INVALID_FIELD")


def test_a_message_that_is_too_large(house):
    refusal = house.bad(NOTE, concern(house, concern="x" * (5 << 20)))
    assert refusal.code == "RESOURCE_EXHAUSTED"


def test_not_a_protobuf_message(house):
    channel = grpc.insecure_channel(house.stack.of("cases")[0].address)
    call = channel.unary_unary(house.rpc(NOTE).path)
    before = house.state()
    with pytest.raises(grpc.RpcError) as caught:
        call(b"\xff\xff\xff\xff", metadata=house.metadata(), timeout=5)
    # Refused by gRPC itself, before any code of ours: its callback API says UNIMPLEMENTED.
    assert caught.value.code() in (grpc.StatusCode.INTERNAL, grpc.StatusCode.UNIMPLEMENTED)
    assert house.state() == before
    channel.close()


def test_the_same_request_id_with_other_content(house):
    request = concern(house)
    house.good(NOTE, request_id=request.request_id, child=house.child, concern="Noe annet.")
    request.concern = "Noe helt annet."
    expect(house.bad(NOTE, request), "ALREADY_EXISTS", "REQUEST_ID_REUSED")


def test_the_same_request_id_for_another_command(house):
    request_id = str(uuid.uuid4())
    house.good(NOTE, request_id=request_id, child=house.child, concern="Noe annet.")
    request = house.request("cases.RecordConversation", case=house.case["name"], summary="x",
                            request_id=request_id)  # fmt: skip
    expect(house.bad("cases.RecordConversation", request), "ALREADY_EXISTS", "REQUEST_ID_REUSED")


# --- tokens -----------------------------------------------------------------------------------


def headers(bearer=None, attestation=None):
    pairs = [("authorization", f"Bearer {bearer}")] if bearer else []
    return pairs + ([("stafett-attestation", attestation)] if attestation else [])


def person(house, id_="p-4tz8vq"):
    return house.stack.known.person(id_)


def test_no_token(house):
    expect(house.bad(NOTE, concern(house), []), "UNAUTHENTICATED", "TOKEN_MISSING")


def test_an_expired_token(house):
    expired = house.tokens.client(house.client, expired=True)
    metadata = headers(expired, house.tokens.person(person(house)))
    expect(house.bad(NOTE, concern(house), metadata), "UNAUTHENTICATED", "TOKEN_EXPIRED")


def test_a_forged_token(house):
    good = house.tokens.client(house.client)
    head, body, signature = good.split(".")
    forged = f"{head}.{body}.{signature[:-8]}{'A' * 8}"
    metadata = headers(forged, house.tokens.person(person(house)))
    expect(house.bad(NOTE, concern(house), metadata), "UNAUTHENTICATED", "TOKEN_INVALID")


def test_a_token_without_the_scope(house):
    narrow = house.tokens.client(house.client, ("stafett:disclosure",))
    metadata = headers(narrow, house.tokens.person(person(house)))
    refusal = house.bad(NOTE, concern(house), metadata)
    expect(refusal, "PERMISSION_DENIED", "SCOPE_MISSING")
    assert "stafett:cases" in refusal.metadata.values()


def test_no_attestation(house):
    metadata = headers(house.tokens.client(house.client))
    expect(house.bad(NOTE, concern(house), metadata), "UNAUTHENTICATED", "ATTESTATION_REQUIRED")


def test_an_expired_attestation(house):
    metadata = headers(house.tokens.client(house.client), house.tokens.person(person(house), expired=True))
    expect(house.bad(NOTE, concern(house), metadata), "UNAUTHENTICATED", "TOKEN_EXPIRED")


def test_somebody_of_another_organisation(house):
    nurse = house.tokens.person(person(house, "p-x6q9sb"))
    metadata = headers(house.tokens.client(house.client), nurse)
    expect(house.bad(NOTE, concern(house), metadata), "UNAUTHENTICATED", "ATTESTATION_MISMATCH")


def test_somebody_whom_the_controller_does_not_know(house):
    stranger = house.tokens.anybody("p-stranger", role="TEACHER", unit=person(house).unit,
                                    organisation=house.client.organisation)  # fmt: skip
    metadata = headers(house.tokens.client(house.client), stranger)
    expect(house.bad(NOTE, concern(house), metadata), "PERMISSION_DENIED", "NOT_EMPLOYED")


def test_an_access_token_is_no_attestation(house):
    token = house.tokens.client(house.client)
    refusal = house.bad(NOTE, concern(house), headers(token, token))
    expect(refusal, "UNAUTHENTICATED", "TOKEN_WRONG_AUDIENCE")


def test_a_service_of_ours_only(house):
    request = house.request("disclosure.AwaitFence", child="x", event_id="y")
    metadata = headers(house.tokens.client(house.client))
    refusal = house.bad("disclosure.AwaitFence", request, metadata)
    assert refusal.code == "PERMISSION_DENIED" and refusal.reason in ("INTERNAL_ONLY", "SCOPE_MISSING")


# --- what one may not know --------------------------------------------------------------------


def test_somebody_elses_case_and_no_case_are_one_answer(house):
    """The health station's nurse asks for the school's case, and for one that does not exist."""
    nurse = house.stage.credentials.metadata(house.stage.story.actors["nurse"])
    answers = [
        house.bad("cases.GetCase", house.request("cases.GetCase", name=name), nurse)
        for name in (house.case["name"], house.case["name"][:-4] + "zzzz")
    ]
    assert answers[0] == answers[1]
    expect(answers[0], "PERMISSION_DENIED", "NOT_ALLOWED")


def test_somebody_elses_delivery_and_none_are_one_answer(house):
    of_school = house.stage.recipients["school"].lines
    delivery = next(line["delivery_id"] for line in of_school if line["seen"] == "signal")
    token = house.stage.credentials.client(house.stage.story.recipient_clients["bup"])
    answers = [
        house.bad("disclosure.Fetch", house.request("disclosure.Fetch", delivery_id=id_), headers(token))
        for id_ in (delivery, delivery[:-4] + "zzzz")
    ]
    assert answers[0] == answers[1]
    assert answers[0].reason


def test_a_receipt_that_is_not_stored_with_another_digest(house):
    lines = house.stage.recipients["school"].lines
    stored = next(line for line in lines if line["seen"] == "stored")
    token = house.stage.credentials.client(house.stage.story.recipient_clients["school"])
    request = house.request("disclosure.ConfirmStored", delivery_id=stored["delivery_id"],
                            record_ref="rec-other", digest="0" * 64)  # fmt: skip
    refusal = house.bad("disclosure.ConfirmStored", request, headers(token))
    assert refusal.reason and refusal.code in ("FAILED_PRECONDITION", "INVALID_ARGUMENT")


def test_the_case_is_as_it_was(house):
    assert house.good("cases.GetCase", name=house.case["name"]) == house.case
