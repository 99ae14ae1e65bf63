"""The settings on which promise P2 rests are looked at while a service runs: whoever loosens one closes the gates, which say
which it is, and open when it is mended.
"""

import pytest
from direct import LOG, TEACHER, Direct, metric, readiness

from stafett_stack.procs import wait_until

EVERY_MS = 500
SECONDS = 20.0


@pytest.fixture(scope="module")
def stack(new_stack):
    stack = new_stack()
    for service in ("cases", "disclosure"):
        (copy,) = stack.of(service)
        copy.overrides = {"limits": {"check_stores_every_ms": EVERY_MS}}
        copy.restart()
    return stack


@pytest.fixture(scope="module")
def redis_settings(stack):
    client = stack.redis.client()
    return lambda name, value: client.config_set(name, value)


@pytest.fixture(scope="module")
def topic_settings(stack):
    return lambda name, value: stack.kafka.set_of_topic(LOG, name, value, SECONDS)


@pytest.mark.parametrize(
    ("where", "name", "unsafe", "safe"),
    [
        ("redis", "appendfsync", "everysec", "always"),
        ("redis", "maxmemory-policy", "allkeys-lru", "noeviction"),
        ("redis", "no-appendfsync-on-rewrite", "yes", "no"),
        ("redis", "auto-aof-rewrite-percentage", "0", "100"),
        ("topic", "unclean.leader.election.enable", "true", "false"),
        ("topic", "retention.ms", "604800000", "-1"),
        ("topic", "flush.messages", "1000", "1"),
        ("topic", "min.insync.replicas", "2", "1"),
    ],
)
def test_an_unsafe_setting_closes_the_gates_by_name_until_it_is_mended(
    stack, redis_settings, topic_settings, where, name, unsafe, safe
):
    change = redis_settings if where == "redis" else topic_settings
    copies = [copy for service in ("cases", "disclosure") for copy in stack.of(service)]
    assert all(readiness(copy)[0] == 200 for copy in copies)
    change(name, unsafe)
    try:
        for copy in copies:
            wait_until(lambda copy=copy: readiness(copy)[0] == 503, f"{copy.instance} to be closed", SECONDS)
            wait_until(lambda copy=copy: f"{name}" in readiness(copy)[1], f"{copy.instance} to name {name}", SECONDS)
            assert "UNSAFE" in readiness(copy)[1]
            assert metric(copy, "stafett_gate_open") == 0
    finally:
        change(name, safe)
    for copy in copies:
        wait_until(lambda copy=copy: readiness(copy)[0] == 200, f"{copy.instance} to be open again", SECONDS)


def test_no_command_is_taken_meanwhile_and_all_that_were_taken_are_there(stack, redis_settings):
    (copy,) = stack.of("cases")
    with Direct(stack) as direct:
        child = direct.register()
        redis_settings("appendfsync", "everysec")
        try:
            wait_until(lambda: readiness(copy)[0] == 503, "cases to be closed", SECONDS)
            answer = direct.ask("cases.NoteConcern", TEACHER, child=child.name, concern="Stille.", final=("UNAVAILABLE",))
            assert (answer.refusal.code, answer.refusal.reason) == ("UNAVAILABLE", "RECOVERING")
        finally:
            redis_settings("appendfsync", "always")
        assert direct.call("cases.NoteConcern", TEACHER, child=child.name, concern="Stille.")["case"]["name"]
