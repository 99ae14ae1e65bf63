"""A recipient whose topic refuses for good is suspended, and said so; everybody else goes on. What it is not told stands
as withheld in the ledger, and is told when somebody says so, as far as it is still allowed."""

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
from direct import HEALTH_STATION, MACHINES, OFFICER, PPT, Direct, Topic, metric, readiness

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


def mend(direct):
    """The topic and the right are there again."""
    direct.stack.kafka.provision(direct.stack.known.recipients)


def verdicts(direct, child, recipient):
    """About notes, in order: verdict and how far the delivery has come."""
    answer = direct.call("disclosure.ListDecisions", OFFICER, child=direct.officers_name_of(child))
    return [
        (line["verdict"], line.get("state", ""))
        for line in answer["decisions"]
        if line["recipient"] == recipient and "note-written" in line["event_type"]
    ]


def listed(direct, child, recipient):
    """By ListDeliveries, once each, latest place."""
    found, after = {}, ""
    while True:
        page = direct.call("disclosure.ListDeliveries", MACHINES[recipient], after=after)
        for d in page.get("deliveries", []):
            if d["case_ref"] == child.case_refs[recipient]:
                found[d["delivery_id"]] = d
        after = page.get("next", "")
        if not after:
            return found


def on_the_topic(direct, recipient):
    """Signals that lie there now, read afresh: the topic may be another one than before."""
    topic = Topic(direct.stack.kafka, topic_of(recipient), 1)
    try:
        return [m for m in topic.more() if m.value() is not None]
    finally:
        topic.close()


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

    # What was decided before the refusal was heard of, and what was decided after: neither was told.
    assert verdicts(direct, child, PPT) == [("WITHHOLD", "DELIVERY_WITHHELD"), ("WITHHOLD", "DELIVERY_STATE_UNSPECIFIED")]
    known = listed(direct, child, PPT)  # what it had been told of earlier
    assert all(d["type_class"] != "NOTE" for d in known.values())

    # A withdrawal is enforced all the same, for the suspended one and for another.
    assert enforced(direct, other, PPT)
    assert enforced(direct, other, HEALTH_STATION)
    assert direct.signals_of(other, HEALTH_STATION)[-1].kind == "RETRACTION"

    # Nobody but an officer of its controller resumes it, and nobody before the topic takes signals again.
    for who in (MACHINES[PPT], MACHINES[HEALTH_STATION]):
        assert direct.ask("disclosure.ResumeRecipient", who, recipient=PPT).refusal is not None
        assert direct.ask("disclosure.ResendMissed", who, recipient=PPT).refusal is not None
    refused = direct.ask("disclosure.ResendMissed", OFFICER, recipient=PPT).refusal
    assert refused.reason == "RECIPIENT_SUSPENDED"
    refused = direct.ask("disclosure.ResumeRecipient", OFFICER, recipient=PPT, timeout=8.0).refusal
    assert refused.reason == "TOPIC_REFUSES"

    mend(direct)
    wait_until(lambda: resumed(direct), "the topic takes signals again", SECONDS)
    assert metric(disclosure, SUSPENDED) == 0
    assert statuses(direct)[PPT]["active"]
    assert listed(direct, child, PPT) == known  # resending is explicit
    lying = len(on_the_topic(direct, PPT))

    told = 0
    while True:
        answer = direct.call("disclosure.ResendMissed", OFFICER, recipient=PPT)
        told += answer.get("deliveries", 0)
        if not answer.get("more"):
            break
    direct.settle(SECONDS)
    again = {i: d for i, d in listed(direct, child, PPT).items() if i not in known}
    assert [d["type_class"] for d in again.values()] == ["NOTE", "NOTE"]
    assert all(direct.fetch(PPT, i).refusal is None for i in again)
    # The other child's consent has ended meanwhile: what PPT missed of it stays untold, but for the end itself.
    assert all(d["kind"] == "RETRACTION" for d in listed(direct, other, PPT).values() if d["state"] == "SIGNALLED")
    wait_until(lambda: len(on_the_topic(direct, PPT)) == lying + told, "the signals lie on the topic", SECONDS)
    assert direct.call("disclosure.ResendMissed", OFFICER, recipient=PPT).get("deliveries", 0) == 0  # once

    # Each of it can be explained: withheld, passed over and resent.
    for one in (child, other):
        name = direct.officers_name_of(one)
        rows = direct.call("disclosure.ListDecisions", OFFICER, child=name, page_size=500)["decisions"]
        for row in rows:
            asked = {key: row[key] for key in ("event_id", "recipient", "decision_id")}
            answer = direct.call("disclosure.Explain", OFFICER, child=name, **asked)
            assert answer["same_again"] and answer["lines"], row

    # And from now on it is told as before.
    direct.note(child)
    direct.settle()
    assert len(listed(direct, child, PPT)) == len(known) + 3


def resumed(direct):
    refusal = direct.ask("disclosure.ResumeRecipient", OFFICER, recipient=PPT, timeout=8.0).refusal
    return refusal is None


def enforced(direct, child, recipient):
    answer = direct.withdraw(child, recipient)
    if answer["state"] == "ENFORCED":
        return True
    request_id = answer["receipt"]["request_id"]
    return wait_until(lambda: direct.withdrawal(child, request_id) == "ENFORCED", "ENFORCED", SECONDS)
