"""Three brokers as one Kafka: each knows the others, everything has three copies, and two of them hold what is
acknowledged before it is. No broker is started."""

import pytest

from stafett_stack.kafka import Kafka, KafkaSet, topics
from stafett_stack.secrets import Secrets


def properties(node):
    node._write_properties()
    lines = (node.directory / "server.properties").read_text().splitlines()
    return dict(line.split("=", 1) for line in lines)


@pytest.fixture
def three(tmp_path):
    return KafkaSet(tmp_path / "kafka", Secrets(tmp_path / "secrets"), count=3, partitions=6)


def test_each_knows_the_others(three):
    found = [properties(node) for node in three.nodes]
    assert [one["node.id"] for one in found] == ["1", "2", "3"]
    assert len({one["controller.quorum.voters"] for one in found}) == 1
    assert found[0]["controller.quorum.voters"].count("@") == 3
    assert len({one["log.dirs"] for one in found}) == 3
    assert len({node.cluster for node in three.nodes}) == 1
    assert three.bootstrap.split(",") == [node.bootstrap for node in three.nodes]


def test_two_of_three_hold_what_is_acknowledged(three):
    for node in three.nodes:
        found = properties(node)
        assert (found["default.replication.factor"], found["min.insync.replicas"]) == ("3", "2")
        assert (found["offsets.topic.replication.factor"], found["transaction.state.log.min.isr"]) == ("3", "2")
    for topic in topics(("r-one",), 6, replicas=3):
        assert (topic.replication_factor, topic.config["min.insync.replicas"]) == (3, "2")
        assert "flush.messages" not in topic.config  # else a copy more would prove nothing
        assert topic.config["unclean.leader.election.enable"] == "false"


def test_one_alone_flushes(tmp_path):
    alone = Kafka(tmp_path / "kafka", Secrets(tmp_path / "secrets"), partitions=6)
    found = properties(alone)
    assert (found["default.replication.factor"], found["min.insync.replicas"]) == ("1", "1")
    assert found["controller.quorum.voters"].count("@") == 1
    assert all(t.replication_factor == 1 and t.config["flush.messages"] == "1" for t in topics(("r-one",), 6))
