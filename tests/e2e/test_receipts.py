"""No false receipt and no loss (P2, P3) while the broker or the store is away: STORED says that it is
in one durable store, UNAVAILABLE that nothing was done, and neither is a lie afterwards."""

import time
import uuid

import pytest
from direct import HEALTH_STATION, MACHINES, PPT, READERS, TEACHER, Direct, effects, metric, readiness, wrong_with
from durable import different, dump

from stafett_stack.procs import wait_until
from stafett_stack.services import SERVICES
from stafett_story.calls import UNKNOWN_OUTCOME

STORED_SECONDS = 2.0  # design §3.5
MACHINE_SECONDS = 1.5  # what a busy machine may add


@pytest.fixture(scope="module")
def direct(new_stack):
    with Direct(new_stack(), patience=60.0) as direct:
        yield direct


@pytest.fixture
def child(direct):
    return direct.child()


def receipt(direct, request_id):
    return direct.call("cases.GetReceipt", TEACHER, request_id=request_id)["state"]


def write(direct, child, request_id, text="Mens noe er borte."):
    """One try of a note, not repeated."""
    sections = [{"section_category": "EDUC", "text": text}]
    return direct.ask("cases.WriteNote", TEACHER, final=UNKNOWN_OUTCOME, request_id=request_id,
                      case=child.case, sections=sections)  # fmt: skip


def all_ready(direct, timeout=60.0):
    for service in direct.stack.services.values():
        service.wait_ready(timeout)


def test_without_the_broker_a_command_is_stored_and_published_later(direct, child):
    before = {recipient: len(direct.signals_of(child, recipient)) for recipient in READERS}
    request_ids = [str(uuid.uuid4()) for _ in range(3)]
    direct.stack.kafka.kill()
    try:
        for request_id in request_ids:
            started = time.monotonic()
            answer = write(direct, child, request_id)
            took = time.monotonic() - started
            assert answer.refusal is None, answer.refusal
            assert answer.values["receipt"] == {"request_id": request_id, "state": "STORED"}
            assert took < STORED_SECONDS + MACHINE_SECONDS
            assert receipt(direct, request_id) == "STORED"
        # The same command again is still one command, and still only stored.
        again = write(direct, child, request_ids[0])
        assert again.refusal is None and again.values["receipt"]["state"] == "STORED"
        (cases,) = direct.stack.of("cases")
        assert metric(cases, "stafett_outbox_waiting_entries") >= len(request_ids)
    finally:
        direct.stack.kafka.restart()
    for request_id in request_ids:
        wait_until(lambda r=request_id: receipt(direct, r) == "PUBLISHED", "PUBLISHED after the broker is back", 60)
    direct.settle(60)
    log = direct.log()
    assert wrong_with(log) == []
    found = effects(log)
    assert [len(found[request_id]) for request_id in request_ids] == [1, 1, 1]
    for recipient in READERS:
        told = {s.delivery_id for s in direct.signals_of(child, recipient)[before[recipient] :]}
        assert len(told) == len(request_ids)
        assert all(direct.fetch(recipient, delivery_id).refusal is None for delivery_id in told)


def test_a_withdrawal_without_the_broker_is_registered_and_enforced_later(direct, child):
    request_id = str(uuid.uuid4())
    direct.stack.kafka.kill()
    try:
        answer = direct.withdraw(child, PPT, request_id=request_id)
        assert (answer["state"], answer["receipt"]["state"]) == ("REGISTERED", "STORED")
        assert direct.withdrawal(child, request_id) == "REGISTERED"
    finally:
        direct.stack.kafka.restart()
    wait_until(lambda: direct.withdrawal(child, request_id) == "ENFORCED", "ENFORCED", 60)
    assert direct.signals_of(child, PPT)[-1].kind == "RETRACTION"
    assert direct.note(child)["receipt"]["state"]
    direct.settle(60)
    assert direct.signals_of(child, PPT)[-1].kind == "RETRACTION"
    assert direct.signals_of(child, HEALTH_STATION)[-1].kind == "EVENT"


def test_without_redis_nothing_is_half_done(direct, child):
    direct.settle()
    request_id = str(uuid.uuid4())
    before = {service: dump(direct.stack.redis.client(), service) for service in SERVICES}
    log = len(direct.log())
    direct.stack.redis.stop()
    try:
        answer = write(direct, child, request_id)
        assert answer.refusal is not None and answer.refusal.code in UNKNOWN_OUTCOME, answer
        assert len(direct.log()) == log
    finally:
        direct.stack.redis.start()
    all_ready(direct)
    client = direct.stack.redis.client()
    for service in SERVICES:
        assert different(before[service], dump(client, service)) == [], service
    answer = direct.call("cases.WriteNote", TEACHER, request_id=request_id, case=child.case,
                         sections=[{"section_category": "EDUC", "text": "Mens noe er borte."}])  # fmt: skip
    assert answer["receipt"]["state"] == "PUBLISHED"
    direct.settle()
    assert len(effects(direct.log())[request_id]) == 1


def test_without_redis_every_service_says_unavailable_in_time(direct, child):
    """Design §8: Redis away: UNAVAILABLE. Not silence until the caller gives up; and not "ready"."""
    services = list(direct.stack.services.values())
    direct.stack.redis.stop()
    try:
        answers = {
            "cases": write(direct, child, str(uuid.uuid4())),
            "consent": direct.ask("consent.ListConsents", TEACHER, final=UNKNOWN_OUTCOME, child=child.name),
            "disclosure": direct.ask("disclosure.ListDeliveries", MACHINES[PPT], final=UNKNOWN_OUTCOME),
            "escalation": direct.ask("escalation.ListEscalations", TEACHER, final=UNKNOWN_OUTCOME),
            "notifications": direct.ask("notifications.ListInbox", TEACHER, final=UNKNOWN_OUTCOME),
        }
        said = {name: (answer.refusal.code, bool(answer.refusal.reason)) for name, answer in answers.items()}
        ready = {service.instance: readiness(service)[0] for service in services}
    finally:
        direct.stack.redis.start()
        all_ready(direct)
    assert said == dict.fromkeys(SERVICES, ("UNAVAILABLE", True))
    assert ready == {service.instance: 503 for service in services}


def test_what_is_stored_alone_survives_a_restart_of_redis(direct, child):
    """STORED means: in one durable store. With the broker away that is Redis' disk and nothing else."""
    direct.settle()
    request_ids = [str(uuid.uuid4()) for _ in range(2)]
    direct.stack.kafka.kill()
    try:
        for request_id in request_ids:
            assert write(direct, child, request_id).values["receipt"]["state"] == "STORED"
        for stop in (direct.stack.redis.kill, direct.stack.redis.stop):
            keys = direct.stack.redis.client().dbsize()
            stop()
            direct.stack.redis.start()
            # Leases and the like run out; nothing else may be gone.
            assert direct.stack.redis.client().dbsize() > 0.8 * keys
    finally:
        direct.stack.kafka.restart()
    all_ready(direct)
    for request_id in request_ids:
        wait_until(lambda r=request_id: receipt(direct, r) == "PUBLISHED", "PUBLISHED", 60)
    assert [len(effects(direct.log())[request_id]) for request_id in request_ids] == [1, 1]


def test_redis_dies_in_the_middle_of_a_command(direct, child):
    """kill -9 while commands are under way: whatever the answer was, the same request_id leads to one
    event, and to the same answer as ever after."""
    request_ids = [str(uuid.uuid4()) for _ in range(8)]
    for i, request_id in enumerate(request_ids):
        if i == 4:
            direct.stack.redis.kill()
            first = write(direct, child, request_id)
            assert first.refusal is not None and first.refusal.code in UNKNOWN_OUTCOME, first
            direct.stack.redis.start()
        answer = direct.call("cases.WriteNote", TEACHER, request_id=request_id, case=child.case,
                             sections=[{"section_category": "EDUC", "text": "Mens noe er borte."}])  # fmt: skip
        assert answer["receipt"]["state"] in ("PUBLISHED", "STORED")
    all_ready(direct)
    direct.settle(60)
    log = direct.log()
    assert wrong_with(log) == []
    assert [len(effects(log)[request_id]) for request_id in request_ids] == [1] * len(request_ids)


def test_flushall_is_noticed_and_everything_comes_back(direct, child):
    """Somebody empties the running Redis: no restart, no broken connection. The store's id is gone, so
    nothing that was decided before is written, and the log gives everything back."""
    request_id = str(uuid.uuid4())
    told = write(direct, child, request_id).values
    assert told["receipt"]["state"] == "PUBLISHED"
    direct.settle()
    client = direct.stack.redis.client()
    before = {service: dump(client, service) for service in SERVICES}
    signals = {recipient: len(direct.signals(recipient)) for recipient in READERS}
    restored = {s.instance: metric(s, "stafett_records_restored_total") for s in direct.stack.services.values()}
    client.flushall()
    for service in direct.stack.services.values():
        if not any(":own:" in key for key in before[service.name]):
            continue  # nothing came to it that it had to say something about: what it has read is compared below
        # By what it did: readiness may come and go between two looks.
        wait_until(lambda s=service: metric(s, "stafett_records_restored_total") > restored[s.instance],
                   f"{service.instance} notices and restores", 30)  # fmt: skip
    all_ready(direct)
    direct.settle(60)
    for service in SERVICES:
        wait_until(lambda s=service: different(before[s], dump(client, s)) == [], f"{service} is as it was", 30)
    # Nothing was sent to anybody because of it.
    assert {recipient: len(direct.signals(recipient)) for recipient in READERS} == signals
    # What had been answered is still known: the same command again changes nothing.
    log = len(direct.log())
    again = write(direct, child, request_id).values
    assert again["receipt"]["state"] == "PUBLISHED" and again["case"] == told["case"]
    assert len(direct.log()) == log
    assert direct.note(child)["receipt"]["state"] == "PUBLISHED"
    direct.settle()
    assert wrong_with(direct.log()) == []
    for service in direct.stack.services.values():
        assert readiness(service)[0] == 200
