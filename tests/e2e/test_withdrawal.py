"""Withdrawal first (promise P4): from ENFORCED on, no new signal and no content under that consent.

Under load; with the copy that works on the child's partition frozen and thawed again; and with the
fence taken out, which the same scenario must notice (tests/mutations).
"""

import os
import random
import signal
import statistics
import threading
import time
import uuid
from dataclasses import replace
from pathlib import Path

import pytest
from direct import HEALTH_STATION, PPT, Direct, metric, new_signals
from playing import PRESET

from stafett_stack.procs import wait_until
from stafett_stack.services import binaries
from stafett_story.calls import UNKNOWN_OUTCOME

# Mutations are part of the tests' own build; what a municipality runs has none (preset release).
MUTATIONS = Path(os.environ.get("STAFETT_MUTATIONS") or binaries("dev" if PRESET == "release" else PRESET))
WITHOUT_FENCE = MUTATIONS / "stafett-disclosure-without-fence"

REFUSED = "FAILED_PRECONDITION/WITHDRAWN"
WRITERS, FETCHERS, CHILDREN = 6, 2, 8
NOTES_BETWEEN = 20  # that the writers get through between two withdrawals
LAG = 30  # records that disclosure may be behind: writers that outran it would measure a queue
PINNED_MS = 120_000


@pytest.fixture(scope="module")
def direct(new_stack):
    with Direct(new_stack(copies=2)) as direct:
        yield direct


def outcome(answer):
    return f"{answer.refusal.code}/{answer.refusal.reason}" if answer.refusal else "content"


def now_ms():
    """As the broker's append times are taken: the same machine, the same clock."""
    return time.time_ns() // 1_000_000


def withdraw(direct, child, timeout=10.0):
    """(moment of the answer in ms, seconds until ENFORCED, reads that were under way)"""
    request_id = str(uuid.uuid4())
    started = time.monotonic()
    answer = direct.withdraw(child, PPT, request_id=request_id, timeout=timeout)
    if answer["state"] != "ENFORCED":
        wait_until(lambda: direct.withdrawal(child, request_id) == "ENFORCED", "ENFORCED", 30)
    return now_ms(), time.monotonic() - started


def told_after(direct, child, enforced_ms):
    """What the recipient was told of this child that it must not have been told."""
    signals = direct.signals_of(child, PPT)
    retraction = next((i for i, s in enumerate(signals) if s.kind == "RETRACTION"), None)
    if retraction is None:
        return ["no retraction was sent"]
    late = new_signals(signals[retraction + 1 :], signals[: retraction + 1])
    problems = [f"{s.kind} of epoch {s.epoch} behind the retraction, at offset {s.offset}" for s in late]
    if signals[retraction].appended_ms > enforced_ms:
        problems.append("the retraction was sent after ENFORCED had been said")
    before = [s for s in signals if s.appended_ms <= enforced_ms]
    late = new_signals([s for s in signals if s.appended_ms > enforced_ms], before)
    problems += [f"{s.kind} at offset {s.offset} after ENFORCED had been said" for s in late]
    epochs = [s.epoch for s in signals[:retraction]]
    assert all(epoch < signals[retraction].epoch for epoch in epochs)
    return problems


def repeats(signals, before):
    return len(signals) - len(new_signals(signals, before))


def content_after(direct, child, *, at_once=False):
    """Deliveries of this child that are not refused as withdrawn. `at_once`: whatever the answer is, it
    is not waited for a better one, and only content counts."""
    ids = {s.delivery_id for s in direct.signals_of(child, PPT) if s.kind != "RETRACTION"}
    assert ids
    final = UNKNOWN_OUTCOME if at_once else ()
    answers = {delivery_id: outcome(direct.fetch(PPT, delivery_id, final=final)) for delivery_id in ids}
    wrong = {id_: answer for id_, answer in answers.items() if answer != REFUSED}
    return [f"{id_}: {answer}" for id_, answer in wrong.items() if not at_once or answer == "content"]


def in_order(signals):
    """Sequences 1, 2, 3…, each delivery once but for exact repeats."""
    first = {}
    for one in signals:
        first.setdefault(one.delivery_id, one)
    sequences = [one.sequence for one in first.values()]
    return sequences == list(range(1, len(first) + 1)) and not new_signals(signals, list(first.values()))


# --- (a) under load ------------------------------------------------------------------------------


class Load:
    """Notes about all children by concurrent callers, and their fetching by the recipient, until
    stopped. Errors of the threads come out of stop()."""

    def __init__(self, direct, children, seed):
        self.direct = direct
        self.children = children
        self.random = random.Random(seed)
        self.written = 0
        self.fetches = []  # (began: monotonic, case_ref, outcome)
        self.errors = []
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._guard, args=(self._write, i)) for i in range(WRITERS)]
        self._threads += [threading.Thread(target=self._guard, args=(self._fetch, i)) for i in range(FETCHERS)]
        self._threads += [threading.Thread(target=self._guard, args=(self._pace, 0))]
        self._go = threading.Event()

    def __enter__(self):
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self._stop.set()
        for thread in self._threads:
            thread.join()
        assert self.errors == []

    def wait_written(self, more):
        target = self.written + more
        wait_until(lambda: self.written >= target or self.errors, f"{more} more notes", 60)
        assert self.errors == []

    def _guard(self, work, index):
        try:
            work(random.Random(self.random.random() + index))
        except Exception as error:  # noqa: BLE001 - told by stop()
            self.errors.append(error)

    def _write(self, choose):
        while not self._stop.is_set():
            self.direct.note(choose.choice(self.children))
            self.written += 1
            self._go.wait()

    def _pace(self, _):
        """As much as this machine carries, and no more."""
        try:
            while not self._stop.wait(0.02):
                if self.direct.lag() <= LAG:
                    self._go.set()
                else:
                    self._go.clear()
        finally:
            self._go.set()  # whoever still waits may end

    def _fetch(self, choose):
        while not self._stop.is_set():
            child = choose.choice(self.children)
            # Mostly what has just come: that is where a fetch and a withdrawal meet.
            told = [s for s in self.direct.signals_of(child, PPT) if s.kind == "EVENT"][-5:]
            began = time.monotonic()
            answer = self.direct.fetch(PPT, choose.choice(told).delivery_id)
            self.fetches.append((began, child.case_refs[PPT], outcome(answer)))


def test_under_load_nothing_comes_after_enforced(direct, capsys):
    """Several children of one partition and some of others; a guardian of each withdraws while many
    notes are being written about all of them."""
    children = direct.children(CHILDREN)
    moments, seconds = {}, []
    with Load(direct, children, seed=4) as load:
        load.wait_written(NOTES_BETWEEN)
        for child in children[:-1]:
            enforced_ms, took = withdraw(direct, child)
            moments[child.case_refs[PPT]] = (child, enforced_ms, time.monotonic())
            seconds.append(took)
            load.wait_written(NOTES_BETWEEN)
    direct.settle()
    with capsys.disabled():
        print(
            f"\n  withdrawal to ENFORCED under load ({len(seconds)}, {load.written} notes):"
            f" p50 {statistics.median(seconds) * 1000:.0f} ms, max {max(seconds) * 1000:.0f} ms"
        )
    for child, enforced_ms, _ in moments.values():
        assert told_after(direct, child, enforced_ms) == []
        assert content_after(direct, child) == []
        # The other recipient goes on: every note of this child came to it.
        other = direct.signals_of(child, HEALTH_STATION)
        later = [s for s in other if s.appended_ms > enforced_ms]
        assert later and outcome(direct.fetch(HEALTH_STATION, later[-1].delivery_id)) == "content"
        assert in_order(other)
    before = [o for began, ref, o in load.fetches if ref not in moments or began < moments[ref][2]]
    after = [o for began, ref, o in load.fetches if ref in moments and began >= moments[ref][2]]
    assert "content" in before and after, "nothing was fetched before, or after"
    assert set(after) == {REFUSED}
    # Nobody has taken back anything for the last child.
    last = children[-1]
    assert {s.kind for s in direct.signals_of(last, PPT)} == {"EVENT"}
    assert outcome(direct.fetch(PPT, direct.signals_of(last, PPT)[-1].delivery_id)) == "content"


# --- (b) takeover and zombies --------------------------------------------------------------------


def holder_of(direct, partition):
    """(the copy that works on the partition, the other one)"""
    key = f"disclosure:{{p{partition:02}}}:lease"
    client = direct.stack.redis.client(decode=True)
    name = wait_until(lambda: client.get(key), f"nobody holds {key}", 10)
    (other,) = (copy for copy in direct.stack.of("disclosure") if copy.instance != name)
    return direct.stack.services[name], other


class Frozen:
    """SIGSTOP of the copy that holds the child's partition. With `pinned`, its lease does not run out
    before `release`: however slow this machine is, nobody else works on the partition until then. With
    `busy`, it is frozen while entries of the partition's outbox are on their way to the broker."""

    def __init__(self, direct, child, *, pinned=False, busy=False):
        self.direct = direct
        prefix = f"disclosure:{{p{child.partition:02}}}:"
        self.lease, self.outbox = prefix + "lease", (prefix + "ob:n", prefix + "acked")
        self.busy = busy
        self.zombie, self.other = holder_of(direct, child.partition)
        self.client = direct.stack.redis.client()
        self.pinned = pinned

    def __enter__(self):
        if self.busy:
            wait_until(self._sending, "signals under way", 30)
        self.zombie.process.signal(signal.SIGSTOP)
        if self.pinned:
            assert self.client.pexpire(self.lease, PINNED_MS), "the lease ran out too early"
        others = [name for name in self.direct.stack.services if name != self.zombie.instance]
        self.direct.only(*others)
        return self

    def _sending(self):
        appended, acknowledged = map(int, self.client.mget(*self.outbox))
        return appended > acknowledged

    def release(self):
        if self.pinned:
            self.client.delete(self.lease)

    def thaw(self):
        """The zombie wakes up in the belief that it still works on the partition. Returns when it has
        learnt better, and all that it had in its hands has reached the broker."""
        self.zombie.process.signal(signal.SIGCONT)
        self.direct.all_copies()
        self.zombie.wait_ready()
        wait_until(self._has_learnt_better, "the zombie gives up", 20)
        wait_until(lambda: metric(self.zombie, "stafett_outbox_waiting_entries") == 0, "its last sends", 20)

    def _has_learnt_better(self):
        held = sum(metric(copy, "stafett_partitions_held") for copy in (self.zombie, self.other))
        return held <= self.direct.stack.kafka.partitions

    def __exit__(self, *_):
        self.release()
        self.zombie.process.signal(signal.SIGCONT)
        self.direct.all_copies()


def withdraw_past_a_zombie(direct, *, pinned):
    """What goes wrong when the copy that works on the partition is frozen just before notes are
    written and consent is withdrawn, and wakes up after ENFORCED."""
    child = direct.child()
    request_id = str(uuid.uuid4())
    with Frozen(direct, child, pinned=pinned) as frozen:
        for i in range(5):
            assert direct.note(child, f"Note {i}.")["receipt"]["state"] == "PUBLISHED"
        state = direct.withdraw(child, PPT, request_id=request_id)["state"]
        for _ in range(4):  # consent asks the copies in turn: the frozen one does not answer
            if state != "ENFORCED":
                state = direct.withdrawal(child, request_id)
        problems = content_after(direct, child, at_once=True) if state == "ENFORCED" else []
        enforced_ms = now_ms()
        frozen.release()
        if state != "ENFORCED":
            wait_until(lambda: direct.withdrawal(child, request_id) == "ENFORCED", "ENFORCED", 30)
            enforced_ms = now_ms()
        problems += content_after(direct, child)
        direct.settle()
        appended = len(direct.signals_of(child, PPT))
        frozen.thaw()
    # What is written now goes the whole way, behind whatever the zombie still sent.
    direct.note(child, "Afterwards.")
    direct.settle()
    repeated = len(direct.signals_of(child, PPT)) - appended
    return problems + told_after(direct, child, enforced_ms) + content_after(direct, child), repeated


@pytest.mark.parametrize("pinned", [False, True])
def test_a_zombie_wakes_up_after_enforced(direct, pinned, capsys):
    problems, repeated = withdraw_past_a_zombie(direct, pinned=pinned)
    with capsys.disabled():
        print(f"\n  the zombie sent {repeated} signals again")
    assert problems == []


@pytest.mark.parametrize("seed", [1, 2, 3, 4])
def test_a_zombie_with_full_hands_under_load(direct, seed, capsys):
    """Frozen in the middle of the load, with whatever it had read, decided and sent just then."""
    children = direct.children(4)
    withdrawn = children[seed % 2]
    with Load(direct, children, seed) as load:
        load.wait_written(NOTES_BETWEEN + random.Random(seed).randrange(20))
        with Frozen(direct, withdrawn, busy=True) as frozen:
            enforced_ms, _ = withdraw(direct, withdrawn)
            assert content_after(direct, withdrawn) == []
            appended = len(direct.signals(PPT))
            frozen.thaw()
        repeated = repeats(direct.signals(PPT)[appended:], direct.signals(PPT)[:appended])
        load.wait_written(NOTES_BETWEEN)
    direct.settle()
    with capsys.disabled():
        print(f"\n  the zombie sent {repeated} signals again")
    assert told_after(direct, withdrawn, enforced_ms) == []
    assert content_after(direct, withdrawn) == []
    for child in children:
        assert in_order(direct.signals_of(child, HEALTH_STATION))


# --- (c) without the fence -----------------------------------------------------------------------


@pytest.fixture
def without_fence(direct, tmp_path):
    """Both copies of disclosure run with the fence taken out; afterwards as they were."""
    assert WITHOUT_FENCE.exists(), f"{WITHOUT_FENCE} is not built (preset dev, tests/mutations)"
    (tmp_path / "stafett-disclosure").symlink_to(WITHOUT_FENCE)
    copies = direct.stack.of("disclosure")
    real = copies[0].wiring
    run_as(copies, replace(real, binaries=tmp_path))
    yield
    run_as(copies, real)


def run_as(copies, wiring):
    for copy in copies:
        copy.stop()
        copy.wiring = wiring
    for copy in copies:
        copy.begin_start()
    for copy in copies:
        copy.wait_ready()


def test_without_the_fence_it_would_be_noticed(direct, without_fence):
    problems, _ = withdraw_past_a_zombie(direct, pinned=True)
    assert any(p.startswith("EVENT") and p.endswith("after ENFORCED had been said") for p in problems), problems


def test_nothing_came_later_either(direct):
    """Of all children of this file, with whatever zombies and restarts came after them: no signal behind
    a retraction. (Those of the run without the fence have theirs in the right order too.)"""
    by_case = {}
    for one in direct.signals(PPT):
        by_case.setdefault(one.case_ref, []).append(one)
    retracted = 0
    for signals in by_case.values():
        at = next((i for i, s in enumerate(signals) if s.kind == "RETRACTION"), None)
        if at is not None:
            retracted += 1
            assert new_signals(signals[at + 1 :], signals[: at + 1]) == []
    assert retracted > CHILDREN
