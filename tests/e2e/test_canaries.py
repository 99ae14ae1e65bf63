"""No name, number or sentence of the story is anywhere but in content (promise P8)."""

import pytest
from confluent_kafka.admin import AdminClient
from durable import everything

from stafett_stack.services import SERVICES


@pytest.fixture(scope="module")
def canaries(played):
    words = played.stage.story.private_strings()
    assert len(words) > 15
    return {word: word.encode() for word in words}


def found_in(data, canaries):
    return [word for word, needle in canaries.items() if needle in data]


def files(*directories):
    for directory in directories:
        for file in sorted(directory.rglob("*")):
            if file.is_file():
                yield file


def scan(paths, canaries):
    return {str(path): found for path in paths if (found := found_in(path.read_bytes().rstrip(b"\0"), canaries))}


def test_the_scan_finds_what_is_there(played, canaries):
    """Recipients have the content: the school's own program must hold what it was given."""
    found = scan(files(played.stage.directory), canaries)
    assert any("Mina Fjellrypedal" in words for words in found.values())


def test_redis_files_hold_none(played, canaries):
    paths = list(files(played.stack.redis.data))
    assert paths
    assert scan(paths, canaries) == {}


def test_redis_keys_and_values_hold_none(played, canaries):
    data = b"\n".join(everything(played.stack.redis.client()))
    assert len(data) > 10_000
    assert found_in(data, canaries) == []


def test_kafka_files_hold_none(played, canaries):
    paths = list(files(played.stack.kafka.data))
    assert any("stafett.log" in str(path) for path in paths)
    assert scan(paths, canaries) == {}


def test_topic_names_hold_none(played, canaries):
    kafka = played.stack.kafka
    admin = AdminClient({
        "bootstrap.servers": kafka.bootstrap,
        "security.protocol": "SASL_PLAINTEXT",
        "sasl.mechanism": "SCRAM-SHA-256",
        "sasl.username": "admin",
        "sasl.password": kafka.secrets.kafka("admin").read_text().strip(),
    })  # fmt: skip
    names = "\n".join(admin.list_topics(timeout=10).topics).encode()
    assert b"stafett.log" in names
    assert found_in(names, canaries) == []


def test_logs_and_configurations_hold_none(played, canaries):
    """Of the services, the broker, Redis and the token issuer."""
    stack = played.stack
    kept_elsewhere = (stack.redis.data, stack.kafka.data, played.stage.directory)
    paths = [
        path for path in files(stack.directory) if not any(path.is_relative_to(d) for d in kept_elsewhere)
    ]
    assert {f"{service}-a.log" for service in SERVICES} <= {path.name for path in paths}
    assert scan(paths, canaries) == {}


@pytest.mark.parametrize("service", SERVICES)
def test_metrics_hold_none(played, canaries, service):
    for copy in played.stack.of(service):
        assert found_in(copy.metrics().encode(), canaries) == []


def test_signals_hold_none(played, canaries):
    """The recipients' own lines about signals: value, headers, everything but the content."""
    for recipient in played.stage.recipients.values():
        signals = [line for line in recipient.lines if line["seen"] in ("signal", "retraction", "end")]
        assert found_in(repr(signals).encode(), canaries) == []
