"""Redis is lost; the log gives everything back (promise P2)."""

import pytest
from durable import different, digest, dump, lose_redis
from playing import read_story

from stafett_stack.procs import wait_until
from stafett_stack.services import SERVICES
from stafett_story.calls import build
from stafett_story.stage import Stage
from stafett_story.watch import LOG


@pytest.fixture(scope="module")
def stage(new_stack):
    with Stage(new_stack(), read_story(), patience=60.0) as stage:
        assert stage.play().failure == ""
        yield stage


def deliveries(stage, alias):
    rpc = stage.api.rpcs["disclosure.ListDeliveries"]
    token = stage.credentials.client(stage.story.recipient_clients[alias])
    answer = stage.caller.call(rpc, build(rpc, {"page_size": 200}), [("authorization", f"Bearer {token}")])
    assert answer.refusal is None, answer.refusal
    # The order over all children, and so the cursors, begin anew after a rebuild.
    rows = [{**row, "cursor": ""} for row in answer.values["deliveries"]]
    return sorted(rows, key=lambda row: row["delivery_id"])


def signals(recipient):
    return [line for line in recipient.lines if line["seen"] in ("signal", "repeat")]


def test_wipe_redis_and_everything_is_back(stage):
    stack = stage.stack
    client = stack.redis.client()
    # What nobody stored is said a moment later, by itself.
    wait_until(lambda: not stage.watch.marks.unsaid(stack.kafka.partitions), "all words to be said", 30)
    ends = {p: stage.watch.log.end(LOG, p) - 1 for p in range(stack.kafka.partitions)}
    last = {p: offset for p, offset in ends.items() if offset >= 0}
    wait_until(lambda: not stage.watch.marks.behind(last), "all services to come to the log's end", 30)
    before = {service: dump(client, service) for service in SERVICES}
    digests = {service: digest(client, service) for service in SERVICES}
    told = {alias: deliveries(stage, alias) for alias in stage.recipients}
    lines = {alias: len(signals(recipient)) for alias, recipient in stage.recipients.items()}
    assert all(before.values())

    lose_redis(stack)

    client = stack.redis.client()
    for service in SERVICES:
        assert different(before[service], dump(client, service)) == [], service
        assert digest(client, service) == digests[service]
    assert {alias: deliveries(stage, alias) for alias in stage.recipients} == told
    # A rebuild sends nothing, not even what had been sent before.
    stage.watch.settle([])
    assert {alias: len(signals(recipient)) for alias, recipient in stage.recipients.items()} == lines


def test_the_wiped_house_can_be_lived_in(stage):
    """After the rebuild the same commands are known, and another child's story ends as written."""
    first = stage.story.steps[0]
    player = stage.player()
    request = build(
        first.rpc,
        {
            "request_id": player.request_id(first.number),
            "national_number": stage.story.number("mina"),
            "name": "Noen Andre",
        },
    )
    answer = stage.caller.call(first.rpc, request, stage.credentials.metadata(stage.story.actors["teacher"]))
    assert answer.refusal is not None and answer.refusal.reason == "REQUEST_ID_REUSED"
    assert stage.play(run="after").failure == ""
