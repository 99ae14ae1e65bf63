"""Kafka's log loses its tail and the auditor gives it back (P2, design §3.7): in its order, at its places, and nothing
that was withheld is told by it. What is lost is cut off by hand while the broker is dead (test_tail.py)."""

import subprocess
from contextlib import contextmanager

import pytest
import redis
from direct import HEALTH_STATION, LEDGER, LOG, PPT, TEACHER, Direct, metric
from durable import lose_redis
from test_tail import cut, cut_and_restart, two_children, write

from stafett_stack.procs import StackError, wait_until
from stafett_stack.services import SERVICES
from stafett_story.calls import UNKNOWN_OUTCOME

HALTED, REPAIRS = "stafett_partitions_halted", "stafett_log_repairs_total"
SECONDS = 60.0
WELL = "Everything that outboxes hold stands in the log as it was sent."


@pytest.fixture(scope="module")
def direct(new_stack):
    """One for all: whatever a test cuts is whole again when it ends."""
    with Direct(new_stack(), patience=SECONDS) as direct:
        yield direct


def log_of(direct, partition, topic=LOG):
    """(offset, value) of every record, read afresh."""
    with Direct(direct.stack, patience=SECONDS) as fresh:
        records = fresh.log() if topic == LOG else fresh.ledger()
        return [(r.offset, r.value) for r in records if r.partition == partition]


@contextmanager
def mended(direct):
    """What is cut within is mended behind it."""
    auditor = direct.stack.auditor
    before = metric(auditor, REPAIRS)
    yield
    wait_until(lambda: metric(auditor, REPAIRS) > before, "the log to be mended", SECONDS)
    goes_on(direct)


def goes_on(direct):
    for service in direct.stack.services.values():
        wait_until(lambda s=service: s.probe("/readyz") and metric(s, HALTED) == 0, f"{service.instance} goes on", SECONDS)


def all_told(direct, child, count):
    """PPT has been told so many things of the child, each once or again."""
    try:
        wait_until(lambda: len(direct.told(child, PPT)) == count, f"PPT to be told {count} things", SECONDS)
    except StackError as error:
        aside = direct.stack.redis.client().hgetall(f"disclosure:{{p{child.partition:02}}}:ix:parked")
        raise StackError(f"{error}: {len(direct.told(child, PPT))}; set aside: {aside}") from error


def verify(direct):
    """Exit code and last line of `stafett-auditor --verify`."""
    auditor = direct.stack.auditor
    done = subprocess.run([auditor.binary(), "--config", auditor.config_file, "--verify"],
                          capture_output=True, text=True, timeout=120, check=False)  # fmt: skip
    return done.returncode, done.stdout.strip().splitlines()[-1] if done.stdout else done.stderr.strip()


def test_a_withdrawal_and_a_later_note_come_back_and_what_was_withheld_stays_withheld(direct):
    child, _ = two_children(direct)
    direct.note(child)
    direct.settle()
    told = direct.signals_of(child, HEALTH_STATION)
    start = direct.ends(LOG)[child.partition]
    assert direct.withdraw(child, HEALTH_STATION)["state"] == "ENFORCED"
    direct.note(child, "Etter tilbakekallet.")
    direct.settle()
    before = log_of(direct, child.partition)
    health, ppt = direct.signals_of(child, HEALTH_STATION), direct.told(child, PPT)
    assert len(health) == len(told) + 1  # the retraction
    lost = direct.ends(LOG)[child.partition] - start
    assert lost >= 2
    with mended(direct):
        cut_and_restart(direct, LOG, child.partition, lost)

    assert log_of(direct, child.partition) == before
    assert write(direct, child) == "PUBLISHED"
    direct.settle()
    # The note is told to those who may see it, and nothing is told twice, or anew.
    assert direct.signals_of(child, HEALTH_STATION) == health
    assert len(direct.told(child, PPT)) == len(ppt) + 1
    for signal in told:
        answer = direct.fetch(HEALTH_STATION, signal.delivery_id, final=UNKNOWN_OUTCOME)
        assert answer.refusal is not None and answer.refusal.reason == "WITHDRAWN"
    assert verify(direct) == (0, WELL)

    # Redis is lost too: the mended log gives all of it back, and tells nobody anything.
    lose_redis(direct.stack)
    direct.settle()
    assert direct.signals_of(child, HEALTH_STATION) == health
    assert len(direct.told(child, PPT)) == len(ppt) + 1
    for signal in told:
        answer = direct.fetch(HEALTH_STATION, signal.delivery_id, final=UNKNOWN_OUTCOME)
        assert answer.refusal is not None and answer.refusal.reason == "WITHDRAWN"


def test_a_lost_tail_of_the_ledger_comes_back_and_nothing_is_decided_twice(direct):
    child, _ = two_children(direct)
    for _ in range(3):
        direct.note(child)
    direct.settle()
    before = log_of(direct, child.partition, LEDGER)
    signals = {recipient: direct.signals_of(child, recipient) for recipient in (HEALTH_STATION, PPT)}
    ppt = len(direct.told(child, PPT))
    with mended(direct):
        cut_and_restart(direct, LEDGER, child.partition, 3)
    assert log_of(direct, child.partition, LEDGER) == before
    assert {recipient: direct.signals_of(child, recipient) for recipient in signals} == signals
    direct.note(child)
    all_told(direct, child, ppt + 1)


def test_others_wrote_behind_the_lost_tail_before_anybody_looked(direct):
    """More commands were stored while the broker was away than records were lost."""
    child, _ = two_children(direct)
    direct.settle()
    for _ in range(4):
        direct.note(child)
    direct.settle()
    ppt = len(direct.told(child, PPT))
    with mended(direct):
        direct.stack.kafka.kill()
        for _ in range(8):
            assert write(direct, child, timeout=1.0) == "STORED"
        cut(direct.stack.kafka, LOG, child.partition, 3)
        direct.stack.kafka.restart()
    all_told(direct, child, ppt + 8)
    direct.settle()
    # Each stream is whole, and one content stands under each version.
    with Direct(direct.stack, patience=SECONDS) as fresh:
        contents, versions = {}, {}
        for entry in fresh.log():
            record = entry.record
            assert contents.setdefault((record.stream, record.version), entry.value) == entry.value
            versions.setdefault(record.stream, set()).add(record.version)
    assert all(seen == set(range(1, len(seen) + 1)) for seen in versions.values())
    assert verify(direct) == (0, WELL)
    lose_redis(direct.stack)
    direct.settle()
    assert len(direct.told(child, PPT)) == ppt + 8
    assert write(direct, child) == "PUBLISHED"


def test_verify_says_what_differs(direct):
    child = direct.child()
    direct.note(child)
    direct.settle()
    auditor = direct.stack.auditor
    assert verify(direct) == (0, WELL)
    auditor.stop()
    direct.stack.kafka.kill()
    cut(direct.stack.kafka, LOG, child.partition, 1)
    direct.stack.kafka.restart()
    assert verify(direct) == (3, "The log is not as it was sent.")
    auditor.start()
    wait_until(lambda: metric(auditor, REPAIRS) >= 1, "the log to be mended", SECONDS)
    goes_on(direct)
    assert verify(direct) == (0, WELL)


def test_the_auditor_alone_trims_what_is_verified_and_older_than_a_day(direct):
    child = direct.child()
    for _ in range(5):
        direct.note(child)
    direct.settle()
    admin = direct.stack.redis.client()
    outbox = f"cases:{{p{child.partition:02}}}:ob"
    held = admin.xlen(outbox)
    assert held >= 6
    for service in SERVICES:
        with pytest.raises(redis.exceptions.NoPermissionError):
            direct.stack.redis.client(service).xtrim(f"{service}:{{p00}}:ob", maxlen=0)
    auditor = direct.stack.auditor
    wait_until(lambda: metric(auditor, "stafett_audit_lag_records") == 0, "all is verified", SECONDS)
    assert metric(auditor, "stafett_audit_trimmed_total") == 0
    auditor.stop()
    auditor.overrides = {"test_clock_ahead_seconds": 25 * 3600}
    auditor.start()
    wait_until(lambda: admin.xlen(outbox) == 0, "a day later it is gone", SECONDS)
    # Nobody misses it: commands, receipts, a lost Redis.
    direct.note(child)
    lose_redis(direct.stack)
    assert write(direct, child) == "PUBLISHED"
