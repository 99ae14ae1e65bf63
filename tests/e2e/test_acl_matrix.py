"""Who may read what, enforced by the broker: principals × topics × operations, tried for real."""

import socket

import pytest
from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient

from stafett_stack import rights
from stafett_stack.kafka import ADMIN, topics
from stafett_stack.matrix import Attempt, Matrix
from stafett_stack.paths import KAFKA_ACLS
from stafett_stack.procs import wait_until

SCHOOL = "r-skole1"


@pytest.fixture(scope="module")
def wanted(known):
    return rights.load(KAFKA_ACLS, known.recipients)


@pytest.fixture(scope="module")
def matrix(known, wanted):
    principals = sorted({right.principal for right in wanted})
    names = [topic.topic for topic in topics(known.recipients, 1)]
    groups = sorted({right.name for right in wanted if right.kind == "GROUP"})
    # Names near a granted one: an ACL that is a prefix by mistake would let them in.
    near = [f"{SCHOOL}x", f"{SCHOOL}.replay.more", "svc-disclosure", "anything"]
    return Matrix(tuple(principals), (*names, "__consumer_offsets"), (*groups, *near))


@pytest.fixture(scope="module")
def tried(matrix, broker, wanted):
    def readable(principal):
        return next(
            right.name
            for right in sorted(wanted)
            if right.principal == principal and right.operation == "READ" and right.kind == "TOPIC"
        )

    # A first commit makes the broker create __consumer_offsets, which is tried as well.
    owner = Consumer(broker.client_config(rights.principal_of(SCHOOL)) | {"group.id": SCHOOL})

    def coordinated():
        try:
            return owner.committed([TopicPartition(rights.topic_of(SCHOOL), 0)], timeout=30)
        except KafkaException as error:  # the broker is still making it
            if error.args[0].code() not in (KafkaError.NOT_COORDINATOR, KafkaError.COORDINATOR_LOAD_IN_PROGRESS):
                raise
            return None

    wait_until(coordinated, "the group to have a coordinator", 60)
    owner.close()
    return matrix.tried(broker, readable)


def test_broker_grants_exactly_what_the_file_says(matrix, tried, wanted):
    expected = matrix.expected(wanted)
    assert expected.keys() == tried.keys()
    wrong = {
        " ".join(cell): f"expected {'allowed' if expected[cell] else 'refused'}"
        for cell in expected
        if expected[cell] != tried[cell]
    }
    assert not wrong
    # A matrix that refuses (or allows) everything would compare equal to a broken file.
    assert 0 < sum(tried.values()) < len(tried)


def test_a_school_has_its_own_topic_and_groups_and_nothing_else(tried):
    """Written without acls.yaml, so that a wrong file is seen too."""
    principal = rights.principal_of(SCHOOL)
    allowed = {cell[1:] for cell, yes in tried.items() if yes and cell[0] == principal}
    own = rights.topic_of(SCHOOL)
    assert allowed == {
        ("TOPIC", own, "READ"),
        ("TOPIC", own, "DESCRIBE"),
        ("GROUP", SCHOOL, "READ"),
        ("GROUP", SCHOOL, "DESCRIBE"),
        ("GROUP", f"{SCHOOL}.replay", "READ"),
        ("GROUP", f"{SCHOOL}.replay", "DESCRIBE"),
    }


def test_only_disclosure_writes_signals(tried):
    writers = {
        cell[0]
        for cell, yes in tried.items()
        if yes and cell[2].startswith("stafett.to.") and cell[3] == "WRITE"
    }
    assert writers == {"svc-disclosure"}


def test_services_need_no_right_but_write_for_the_idempotent_producer(broker, wanted):
    for right in sorted(wanted):
        if right.operation == "WRITE":
            assert Attempt(broker, right.principal).idempotent_write(right.name), right


def test_nobody_but_admin_may_change_topics_or_rights(tried):
    operations = {"CREATE", "ALTER_CONFIGS", "DELETE_RECORDS", "DELETE", "DESCRIBE_ACLS",
                  "CREATE_ACLS", "CREATE_TOPIC"}  # fmt: skip
    assert not [cell for cell, yes in tried.items() if yes and cell[3] in operations]


def test_a_recipient_does_not_even_learn_that_other_topics_exist(broker, known):
    for recipient in known.recipients:
        attempt = Attempt(broker, rights.principal_of(recipient))
        assert attempt.visible_topics() == {rights.topic_of(recipient)}


def test_a_topic_that_does_not_exist_looks_like_one_that_may_not_be_seen(broker):
    admin = AdminClient(broker.client_config(rights.principal_of(SCHOOL)))

    def answer(topic):
        return admin.list_topics(topic, timeout=20).topics[topic].error.code()

    assert answer("stafett.to.r-nobody") == answer("stafett.ledger")


@pytest.mark.parametrize("port", ["port", "controller_port"])
@pytest.mark.parametrize("how", ["no login", "wrong password", "unknown user"])
def test_no_door_without_a_login(broker, port, how):
    address = {"bootstrap.servers": f"127.0.0.1:{getattr(broker, port)}", "log_level": 0}
    with socket.create_connection(("127.0.0.1", getattr(broker, port)), timeout=5):
        pass  # it listens; what follows is a refusal, not an absence
    settings = {
        "no login": address | {"security.protocol": "PLAINTEXT"},
        "wrong password": broker.client_config(ADMIN) | address | {"sasl.password": "wrong"},
        "unknown user": broker.client_config(ADMIN) | address | {"sasl.username": "nobody"},
    }[how]
    if port == "controller_port" and how != "no login":
        settings["sasl.mechanism"] = "PLAIN"
    with pytest.raises(KafkaException):
        AdminClient(settings | {"error_cb": lambda _: None}).list_topics(timeout=2)


def test_provisioning_again_changes_nothing_and_removes_what_is_not_in_the_file(broker, known, wanted):
    stray = rights.Right("rcp-stray", "TOPIC", "stafett.ledger", "READ")
    broker.set_acls(frozenset(wanted | {stray}))
    broker.provision(known.recipients)
    assert broker.acls() == wanted
