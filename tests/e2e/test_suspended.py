"""A recipient whose topic refuses for good is suspended, and said so; everybody else goes on."""

import json

import pytest
from confluent_kafka.admin import (
    AclBinding,
    AclBindingFilter,
    AclOperation,
    AclPermissionType,
    ResourcePatternType,
    ResourceType,
)
from direct import HEALTH_STATION, OFFICER, PPT, Direct, metric, readiness

from stafett_stack.procs import wait_until
from stafett_stack.rights import topic_of

SUSPENDED = "stafett_recipients_suspended"
# librdkafka asks for a topic that is gone for half a minute before it believes it.
SECONDS = 90.0


@pytest.fixture
def direct(new_stack):
    stack = new_stack()
    with Direct(stack, patience=60.0) as direct:
        yield direct
    stack.down()


def take_right_away(direct, recipient):
    """disclosure may no longer write to the recipient's topic."""
    binding = (ResourceType.TOPIC, topic_of(recipient), ResourcePatternType.LITERAL, "User:svc-disclosure", "*")
    every = AclBindingFilter(*binding, AclOperation.WRITE, AclPermissionType.ANY)
    deleted = [b for f in direct.stack.kafka.admin().delete_acls([every]).values() for b in f.result(30)]
    assert [type(b) for b in deleted] == [AclBinding]


def delete_topic(direct, recipient):
    for future in direct.stack.kafka.admin().delete_topics([topic_of(recipient)]).values():
        future.result(30)


def statuses(direct):
    return {r["recipient"]: r for r in direct.call("disclosure.ListRecipients", OFFICER)["recipients"]}


@pytest.mark.parametrize("how", [take_right_away, delete_topic])
def test_a_recipient_that_refuses_is_suspended_and_the_others_go_on(direct, how):
    child = direct.child()
    other = direct.child()
    (disclosure,) = direct.stack.of("disclosure")
    assert metric(disclosure, SUSPENDED) == 0
    assert all(status["active"] for status in statuses(direct).values())

    how(direct, PPT)
    before = len(direct.signals_of(child, HEALTH_STATION))
    assert direct.note(child)["receipt"]["state"] == "PUBLISHED"  # cases knows nothing of it
    wait_until(lambda: metric(disclosure, SUSPENDED) == 1, "the recipient is suspended", SECONDS)
    direct.settle(SECONDS)  # the fence went on

    # Said so: to the officer why, in the log as an error.
    status = statuses(direct)
    assert not status[PPT]["active"] and status[PPT]["suspended_because"]
    assert [r for r, s in status.items() if not s["active"]] == [PPT]
    lines = [json.loads(line) for line in disclosure.log.read_text().splitlines() if line.startswith("{")]
    told = [line for line in lines if line["body"] == "recipient.suspended"]
    assert told and all(line["attributes"]["recipient"] == PPT for line in told)
    assert all(readiness(service)[0] == 200 for service in direct.stack.services.values())

    # The others go on, with the note that met the refusal and with the next.
    direct.note(child)
    direct.settle()
    signals = direct.signals_of(child, HEALTH_STATION)[before:]
    assert len({s.delivery_id for s in signals}) == 2
    assert all(direct.fetch(HEALTH_STATION, s.delivery_id).refusal is None for s in signals)

    # A withdrawal is enforced all the same, for the suspended one and for another.
    assert enforced(direct, child, PPT)
    assert enforced(direct, other, HEALTH_STATION)
    assert direct.signals_of(other, HEALTH_STATION)[-1].kind == "RETRACTION"


def enforced(direct, child, recipient):
    answer = direct.withdraw(child, recipient)
    if answer["state"] == "ENFORCED":
        return True
    request_id = answer["receipt"]["request_id"]
    return wait_until(lambda: direct.withdrawal(child, request_id) == "ENFORCED", "ENFORCED", SECONDS)
