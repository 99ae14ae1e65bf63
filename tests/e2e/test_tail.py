"""Kafka's log loses its tail (P2, design §3.7): it is noticed by every service, relays and readers of that
partition stop, and metric and readiness say so. Nothing is answered PUBLISHED that is not on the log.

The tail is cut by hand while the broker is dead, as a disk does that lied about a flush. No auditor runs: a stack whose
log was cut stays as it is, so each test has its own. What the auditor does about it: test_repair.py.
"""

import struct
import uuid

import pytest
from direct import HEALTH_STATION, LEDGER, LOG, TEACHER, Direct, metric, readiness

from stafett_stack.procs import wait_until
from stafett_stack.services import SERVICES
from stafett_story.calls import UNKNOWN_OUTCOME

HALTED = "stafett_partitions_halted"
SECONDS = 60.0


@pytest.fixture
def direct(new_stack):
    stack = new_stack(auditor=False)
    with Direct(stack, patience=SECONDS) as direct:
        yield direct
    stack.down()


def batches(segment):
    """(position, first offset, last offset) of each record batch of a segment file."""
    data, at = segment.read_bytes(), 0
    while at + 61 <= len(data):
        first, length = struct.unpack_from(">qi", data, at)
        (last_delta,) = struct.unpack_from(">i", data, at + 23)
        if length <= 0:
            return
        yield at, first, first + last_delta
        at += 12 + length


def cut(kafka, topic, partition, records):
    """The partition's last `records` records are gone from the disk; the broker must be dead. Returns
    the new end. What Kafka keeps beside the segment is taken away too, so that it believes the segment."""
    directory = kafka.partition_directory(topic, partition)
    (segment,) = directory.glob("*.log")  # a test's log is small: one segment
    all_ = list(batches(segment))
    end = all_[-1][2] + 1
    position, first, _ = next(b for b in all_ if b[2] >= end - records)
    with open(segment, "r+b") as file:
        file.truncate(position)
    for pattern in ("*.index", "*.timeindex", "*.snapshot"):
        for file in directory.glob(pattern):
            file.unlink()
    (kafka.data / ".kafka_cleanshutdown").unlink(missing_ok=True)
    return first


def cut_and_restart(direct, topic, partition, records):
    direct.stack.kafka.kill()
    end = cut(direct.stack.kafka, topic, partition, records)
    direct.stack.kafka.restart()
    return end


def two_children(direct):
    """Of different partitions."""
    child = direct.child()
    while True:
        other = direct.child()
        if other.partition != child.partition:
            return child, other


def write(direct, child, timeout=5.0):
    """One try of a note: its receipt's state, or the code of its refusal."""
    sections = [{"section_category": "EDUC", "text": "Etter tapet."}]
    answer = direct.ask("cases.WriteNote", TEACHER, final=UNKNOWN_OUTCOME, timeout=timeout,
                        request_id=str(uuid.uuid4()), case=child.case, sections=sections)  # fmt: skip
    return answer.refusal.code if answer.refusal else answer.values["receipt"]["state"]


def noticed_by(direct, services):
    """Metric and readiness of each say so, with the check's name and the reason."""
    for service in services:
        def says_so(service=service):
            status, text = readiness(service)
            return status == 503 and '"log"' in text and "TAIL_LOST" in text

        wait_until(says_so, f"{service.instance} is not ready, because of its log", SECONDS)
        assert metric(service, HALTED) == 1


def marks(direct, partition):
    client = direct.stack.redis.client(decode=True)
    keys = [f"{service}:{{p{partition:02}}}:mark:log" for service in SERVICES]
    return dict(zip(keys, client.mget(keys), strict=True))


def test_a_lost_tail_of_the_log_stops_its_partition_and_is_said(direct):
    child, other = two_children(direct)
    for _ in range(4):
        direct.note(child)
    direct.settle()
    services = list(direct.stack.services.values())
    before = direct.ends(LOG)[child.partition]
    end = cut_and_restart(direct, LOG, child.partition, 3)
    assert end == before - 3
    wait_until(lambda: direct.ends(LOG)[child.partition] == end, "the shorter log", SECONDS)

    noticed_by(direct, services)

    # Relays of that partition stop: what is written now is in one store, and says so.
    stood = marks(direct, child.partition)
    assert write(direct, child) == "STORED"
    # Readers too: nothing of it was taken, and the log did not grow over the gap.
    assert direct.ends(LOG)[child.partition] == end
    assert marks(direct, child.partition) == stood
    # No content on a view that cannot be trusted.
    told = direct.signals_of(child, HEALTH_STATION)[-1]
    wait_until(lambda: direct.fetch(HEALTH_STATION, told.delivery_id, final=UNKNOWN_OUTCOME).refusal is not None,
               "fetches of that partition are refused", 15)  # fmt: skip
    answer = direct.fetch(HEALTH_STATION, told.delivery_id, final=UNKNOWN_OUTCOME)
    assert (answer.refusal.code, answer.refusal.reason) == ("UNAVAILABLE", "STALE_VIEW")

    # The other partitions go on, all the way to the recipient.
    count = len(direct.signals_of(other, HEALTH_STATION))
    assert write(direct, other) == "PUBLISHED"
    wait_until(lambda: len(direct.signals_of(other, HEALTH_STATION)) > count, "the other child's signal", SECONDS)
    told = direct.signals_of(other, HEALTH_STATION)[-1]
    assert direct.fetch(HEALTH_STATION, told.delivery_id).refusal is None

    # A restart forgets nothing of it: the log is as short as before.
    for service in services:
        service.stop()
        service.begin_start()
    noticed_by(direct, services)
    assert direct.ends(LOG)[child.partition] == end


def test_a_lost_tail_of_the_ledger_stops_its_partition_and_is_said(direct):
    child, _ = two_children(direct)
    for _ in range(4):
        direct.note(child)
    direct.settle()
    (disclosure,) = direct.stack.of("disclosure")
    before = len(direct.signals_of(child, HEALTH_STATION))
    cut_and_restart(direct, LEDGER, child.partition, 3)
    noticed_by(direct, [disclosure])
    # cases and consent do not read it and go on; but nobody is told anything that is not in the ledger.
    assert write(direct, child) == "PUBLISHED"
    cases = direct.stack.of("cases")[0]
    assert metric(cases, HALTED) == 0
    answer = direct.withdraw(child, HEALTH_STATION)
    assert answer["state"] == "REGISTERED"
    assert len(direct.signals_of(child, HEALTH_STATION)) == before


def test_a_tail_that_is_lost_while_commands_wait_is_noticed_by_all(direct):
    """The hard case: while the broker was away, more commands were stored than records were lost. When
    it is back, the log may soon be as long as it was, with other records at the same offsets."""
    child, _ = two_children(direct)
    # The tail is of the service whose commands wait: concerns are told to nobody, so disclosure adds no word to them.
    direct.settle()
    for _ in range(4):
        direct.call("cases.NoteConcern", TEACHER, child=child.name, concern="Stille igjen.")
    direct.settle()
    direct.stack.kafka.kill()
    waiting = 8
    for _ in range(waiting):
        assert write(direct, child, timeout=1.0) == "STORED"
    cut(direct.stack.kafka, LOG, child.partition, 2)
    direct.stack.kafka.restart()
    noticed_by(direct, list(direct.stack.services.values()))
