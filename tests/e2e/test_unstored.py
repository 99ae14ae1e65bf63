"""What a recipient was told and has not stored finds an owner there, and ends when it is stored (promise P3): whether it
never fetched, a copy died, or Redis was lost in between; each step once.

Escalation's clock runs ahead; the recipients have no programs here, and do what the test lets them do.
"""

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
from direct import HEALTH_STATION, PPT, TEACHER, Direct, metric, wrong_with
from durable import different, dump, lose_redis
from escalating import all_told, begin, listed, nothing, only, said, settled, steps

from stafett_stack.procs import wait_until
from stafett_story.load import Actor
from stafett_story.steinkjer import NURSE

HEAD = Actor("head", "skole-record-system", "p-b7nk2x")
HEALTH_LEADER = Actor("health-leader", "helsestasjon-record-system", "p-w5t7cy")
LAST = Actor("last", "koordinering-record-system", "p-j9c5tx")
HOUR = 3600
# The controller's file: four hours from the moment when it was told, and then a working day.
BEFORE, BEHIND = int(3.5 * HOUR), 5 * HOUR


@pytest.fixture(scope="module")
def direct(new_stack):
    with Direct(new_stack(copies=2), patience=60.0) as direct:
        yield direct


def words(direct):
    """All that disclosure has said of receipts on the log, in clear: (record, word), repeats left out."""
    out, seen = [], set()
    for entry in direct.log():
        record = entry.record
        if not record.stream.startswith("disclosure/receipts-") or (record.stream, record.version) in seen:
            continue
        seen.add((record.stream, record.version))
        assert entry.key == record.child and record.WhichOneof("content") == "clear"
        out += [(record, word) for word in record.awaited]
    return out


def awaited(direct):
    """delivery -> the word that stands open."""
    out = {}
    for _, word in words(direct):
        delivery = word.id.removeprefix("stored/")
        if word.done:
            del out[delivery]
        else:
            out[delivery] = word
    return out


def told(direct, child, recipient):
    return {signal.delivery_id: signal for signal in direct.signals_of(child, recipient)}


def seen_by(direct, who):
    return {one["about"].rpartition("/")[2]: one for one in listed(direct, who)[0]}


def once(direct, delivery):
    """It was raised to the leader, and it ended, each once."""
    wanted = [("raised", HEALTH_LEADER.person), ("resolved", "")]
    wait_until(lambda: steps(direct, f"stored/{delivery}")[1:], "its end is on the log", 60)
    direct.settle()
    assert steps(direct, f"stored/{delivery}") == wanted


def test_what_is_not_stored_goes_to_the_leader_of_its_recipient_until_it_is_stored(direct):
    stack = direct.stack
    child = direct.child()
    first, second = stack.of("disclosure")
    first.kill()  # perhaps before it has said what is awaited
    direct.store(PPT)
    direct.note(child)
    wait_until(lambda: len(told(direct, child, PPT)) == 2, "the note's signal", 60)
    direct.store(PPT)
    direct.settle(60)
    first.start()

    mine = told(direct, child, HEALTH_STATION)
    assert len(mine) == 2
    open_ = awaited(direct)
    assert open_.keys() == mine.keys()  # of PPT nobody waits any more
    for delivery, word in open_.items():
        assert word.recipient == HEALTH_STATION and word.person == ""
        assert abs(word.at_ms - mine[delivery].appended_ms) < 60_000  # the signal may have been sent again
        moment = datetime.fromtimestamp(word.at_ms / 1000, ZoneInfo("Europe/Oslo"))
        assert word.date == moment.date().isoformat()
    for record, _ in words(direct):  # nothing that escalation has no need of
        nobody = record.actor
        assert not (record.subject or record.cause or record.purpose or nobody.person or nobody.organisation)

    begin(direct, BEFORE)
    wait_until(lambda: metric(stack.of("escalation")[0], "stafett_gate_open") == 1, "escalation works", 60)
    direct.settle()
    settled(direct, BEFORE)
    assert said(direct) == []

    begin(direct, BEHIND)
    wait_until(lambda: seen_by(direct, HEALTH_LEADER).keys() == mine.keys(), "their leader has both", 60)
    for one in seen_by(direct, HEALTH_LEADER).values():
        assert (one["kind"], one["owner"], one["awaited_of"], one["step"]) == (
            "DELIVERY_STORED", HEALTH_LEADER.person, HEALTH_STATION, 1)  # fmt: skip
    # Whoever wrote it, and who could have stored it alone, hear nothing of it.
    for who in (HEAD, TEACHER, NURSE, LAST):
        assert listed(direct, who) == ([], []), who.name

    # Redis is lost.
    all_told(direct)
    settled(direct, BEHIND)
    client = stack.redis.client()
    before = {name: dump(client, name) for name in ("disclosure", "escalation")}
    log_words, log_steps, seen = words(direct), said(direct), listed(direct, HEALTH_LEADER)
    lose_redis(stack)
    client = stack.redis.client()
    for name, what in before.items():
        assert different(what, dump(client, name)) == [], name
    wait_until(lambda: not direct.marks.unsaid(stack.kafka.partitions), "every child was looked at again", 60)
    settled(direct, BEHIND)
    assert (words(direct), said(direct)) == (log_words, log_steps)
    assert listed(direct, HEALTH_LEADER) == seen

    # Fetched is not stored.
    late, kept = mine
    assert direct.fetch(HEALTH_STATION, late).refusal is None
    direct.settle()
    assert listed(direct, HEALTH_LEADER) == seen
    direct.store(HEALTH_STATION)
    nothing(direct, HEALTH_LEADER)
    direct.settle()
    assert awaited(direct) == {}
    for delivery in (late, kept):
        once(direct, delivery)
    assert wrong_with(direct.log()) == []


def test_a_withdrawal_ends_it_and_its_retraction_is_to_be_stored(direct):
    child = direct.child([HEALTH_STATION])
    (delivery,) = told(direct, child, HEALTH_STATION)
    # Escalation's clock stands hours ahead, so each is raised as soon as it is said.
    only(direct, HEALTH_LEADER, kind="DELIVERY_STORED")
    assert direct.fetch(HEALTH_STATION, delivery).refusal is None
    direct.withdraw(child, HEALTH_STATION)
    wait_until(lambda: len(told(direct, child, HEALTH_STATION)) == 2, "the retraction", 60)
    (retraction,) = told(direct, child, HEALTH_STATION).keys() - {delivery}
    wait_until(lambda: seen_by(direct, HEALTH_LEADER).keys() == {retraction}, "only the retraction is awaited", 60)
    once(direct, delivery)
    direct.store(HEALTH_STATION)
    nothing(direct, HEALTH_LEADER)
    direct.settle()
    assert awaited(direct) == {}


def test_deliveries_that_nobody_touches_are_measured(direct):
    def gauge(state):
        name = f'stafett_deliveries{{state="{state}"}} '
        lines = [line for c in direct.stack.of("disclosure") for line in c.metrics().splitlines()]
        return {float(line.removeprefix(name)) for line in lines if line.startswith(name)}

    child = direct.child([HEALTH_STATION])
    direct.note(child)
    wait_until(lambda: gauge("signalled") == {2}, "both copies count both", 60)
    first, _ = told(direct, child, HEALTH_STATION)
    assert direct.fetch(HEALTH_STATION, first).refusal is None
    wait_until(lambda: gauge("signalled") == gauge("fetched") == {1}, "one was fetched", 60)
    (copy, _) = direct.stack.of("disclosure")
    oldest = metric(copy, "stafett_delivery_oldest_seconds")
    wait_until(lambda: metric(copy, "stafett_delivery_oldest_seconds") > oldest, "they grow older", 60)
    direct.store(HEALTH_STATION)
    wait_until(lambda: gauge("signalled") == gauge("fetched") == {0}, "all are stored", 60)
