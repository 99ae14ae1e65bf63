"""What became of all that a recipient was told on a day, signed: the recipient can hold it against what it has, its
controller's officer sees who is silent, nobody else sees anything, and a lost Redis changes nothing (promises P1, P3)."""

import importlib
import json
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import jwt
import pytest
from direct import HEALTH_STATION, MACHINES, OFFICER, PPT, TEACHER, Direct
from durable import lose_redis
from google.protobuf import json_format

from stafett_stack.procs import wait_until
from stafett_story.load import Actor

TYPE = "stafett-reconciliation+jws"
# The officer of the other controller.
STRANGER = Actor("stranger", "leka-koordinering-record-system", "p-tn0f1b")


@pytest.fixture(scope="module")
def direct(new_stack):
    with Direct(new_stack(), patience=60.0) as direct:
        yield direct


@pytest.fixture(scope="module")
def day():
    return datetime.now(ZoneInfo("Europe/Oslo")).date()


def opened(answer):
    """The signed day, once the signature fits and it says what stands beside it."""
    key = jwt.PyJWK.from_json(answer["key"])
    thumbprint = jwt.get_unverified_header(answer["jws"])["kid"]
    signed = jwt.api_jws.decode_complete(answer["jws"], key, algorithms=["EdDSA"])
    assert signed["header"] == {"alg": "EdDSA", "kid": thumbprint, "typ": TYPE}
    message = importlib.import_module("stafett.disclosure.v1.disclosure_service_pb2").ReconciledDay
    found = json_format.Parse(signed["payload"], message())
    assert found == json_format.ParseDict(answer["day"], message())
    return json_format.MessageToDict(found, preserving_proto_field_name=True)


def reconciled(direct, who, day, **values):
    return opened(direct.call("disclosure.GetReconciliation", who, date=day.isoformat(), **values))


def rows(found):
    return {row["delivery_id"]: (row["state"], row.get("missing", "")) for row in found.get("deliveries", [])}


def refusal(direct, who, day, **values):
    answer = direct.ask("disclosure.GetReconciliation", who, date=str(day), final=["PERMISSION_DENIED"], **values)
    assert answer.refusal is not None
    return answer.refusal


def test_a_day_says_how_far_each_delivery_has_come_and_what_is_missing(direct, day):
    machine = MACHINES[PPT]
    child = direct.child()
    direct.note(child)
    wait_until(lambda: len(direct.told(child, PPT)) == 2, "the note's signal", 60)
    first, second = (signal.delivery_id for signal in direct.told(child, PPT))
    found = reconciled(direct, machine, day)
    assert rows(found) == {first: ("SIGNALLED", "FETCHED"), second: ("SIGNALLED", "FETCHED")}
    assert found["counts"] == {"signalled": 2, "missing": 2}
    assert (found["recipient"], found["date"], found.get("day_over")) == (PPT, day.isoformat(), None)

    assert direct.fetch(PPT, first).refusal is None
    found = reconciled(direct, machine, day)
    assert rows(found) == {first: ("FETCHED", "STORED_BY_RECIPIENT"), second: ("SIGNALLED", "FETCHED")}
    assert found["counts"] == {"signalled": 2, "fetched": 1, "missing": 2}

    direct.store(PPT)
    before = reconciled(direct, machine, day)
    assert {state for state, _ in rows(before).values()} == {"STORED_BY_RECIPIENT"}
    assert (before["counts"]["fetched"], before["counts"]["stored"]) == (2, 2)

    # Taken back: nothing of it is missing but the retraction.
    direct.withdraw(child, PPT)
    wait_until(lambda: len(direct.told(child, PPT)) == 3, "the retraction", 60)
    (retraction,) = {signal.delivery_id for signal in direct.told(child, PPT)} - {first, second}
    assert rows(reconciled(direct, machine, day))[retraction] == ("SIGNALLED", "STORED_BY_RECIPIENT")
    # The other recipient has its own.
    assert not rows(reconciled(direct, MACHINES[HEALTH_STATION], day)).keys() & {first, second, retraction}
    assert rows(reconciled(direct, machine, day - timedelta(days=1))) == {}


def test_the_officer_sees_what_each_of_its_recipients_left_untouched(direct, day):
    def untouched(recipient):
        answer = direct.call("disclosure.ListRecipients", OFFICER)
        (status,) = (r for r in answer["recipients"] if r["recipient"] == recipient)
        return int(status.get("untouched_since_ms", 0))

    child = direct.child([HEALTH_STATION])
    first = direct.signals_of(child, HEALTH_STATION)[0]
    wait_until(lambda: untouched(HEALTH_STATION), "it is counted", 60)
    assert rows(reconciled(direct, OFFICER, day, recipient=HEALTH_STATION))[first.delivery_id][0] == "SIGNALLED"
    direct.store(HEALTH_STATION)
    wait_until(lambda: not untouched(HEALTH_STATION), "it is stored", 60)


def test_nobody_else_sees_a_day_and_a_wrong_one_is_named(direct, day):
    for who in (TEACHER, MACHINES[HEALTH_STATION], STRANGER):
        for recipient in (PPT, "r-nobody"):
            answer = refusal(direct, who, day, recipient=recipient)
            assert (answer.code, answer.reason) == (refusal(direct, who, day, recipient="r-nobody").code, answer.reason)
    for wrong in ("2026-02-30", day + timedelta(days=1), "today"):
        assert refusal(direct, MACHINES[PPT], wrong).reason == "INVALID_FIELD"


def test_after_a_lost_redis_it_is_the_same(direct, day):
    direct.settle()
    before = [reconciled(direct, MACHINES[r], day)["deliveries"] for r in (PPT, HEALTH_STATION)]
    lose_redis(direct.stack)
    direct.settle()
    after = [reconciled(direct, MACHINES[r], day)["deliveries"] for r in (PPT, HEALTH_STATION)]
    assert json.dumps(after) == json.dumps(before)
