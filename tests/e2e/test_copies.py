"""Two copies of every service, kill -9 of any of them at any moment, callers that repeat a command until
they are answered: every accepted command has one effect, and the log is whole (P2, design §3)."""

import collections
import random
import threading
import uuid

import pytest
from direct import AGAIN, HEALTH_STATION, PPT, TEACHER, Direct, effects, new_signals, wrong_with

from stafett_stack.procs import wait_until
from stafett_stack.services import SERVICES

CALLERS = 6
CHILDREN = 6
KILLS = 6  # of a copy of each service in turn, the other one lives
COMMANDS_BETWEEN = 12


@pytest.fixture(scope="module")
def direct(new_stack):
    with Direct(new_stack(copies=2), patience=60.0) as direct:
        yield direct


class Callers:
    """Mixed commands about all children, each with a request_id of its own, until stopped. What is
    refused (a conflict, a baton that was not offered) must have no effect, what is accepted one."""

    def __init__(self, direct, children, seed):
        self.direct = direct
        self.children = children
        self.seed = seed
        self.accepted = collections.Counter()  # request_id -> how often it was answered
        self.calls = {}  # request_id -> call
        self.refused = set()
        self.errors = []
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._guard, args=(i,)) for i in range(CALLERS)]

    def __enter__(self):
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def wait_accepted(self, more):
        target = len(self.accepted) + more
        wait_until(lambda: len(self.accepted) >= target or self.errors, f"{more} more commands", 120)
        assert self.errors == []

    def _guard(self, index):
        try:
            choose = random.Random(f"{self.seed}-{index}")
            while not self._stop.is_set():
                self._one(choose)
        except Exception as error:  # noqa: BLE001 - told by wait_accepted and by the test
            self.errors.append(error)

    def _one(self, choose):
        child = choose.choice(self.children)
        call, who, values = choose.choice(COMMANDS)(child, choose)
        request_id = str(uuid.UUID(int=choose.getrandbits(128), version=4))
        for _ in range(choose.choice((1, 1, 1, 2))):  # some are sent again although they were answered
            answer = self.direct.ask(call, who, request_id=request_id, **values)
            with self._lock:
                self.calls[request_id] = call
                if answer.refusal is None:
                    self.accepted[request_id] += 1
                else:
                    self.refused.add(request_id)
                    assert answer.refusal.reason in EXPECTED | AGAIN, f"{call}: {answer.refusal}"


# What one caller may be told because others were quicker.
EXPECTED = {"SAME_LEVEL", "TOO_MANY_CONSENTS"}


def note(child, choose):
    text = f"Notat {choose.randrange(1000)}."
    return "cases.WriteNote", TEACHER, {"case": child.case, "sections": [{"section_category": "EDUC", "text": text}]}


def level(child, choose):
    wanted = choose.choice(("LEVEL_1", "LEVEL_2", "LEVEL_3"))
    return "cases.SetLevel", TEACHER, {"case": child.case, "level": wanted, "reason": "Etter samtale."}


def register(child, choose):
    return "cases.RegisterChild", TEACHER, {"national_number": child.number, "name": "Oppdiktet"}


def ask_for_more(child, choose):
    scopes = [{"recipient": choose.choice((PPT, HEALTH_STATION)), "categories": ["PLAN"]}]
    return "consent.RequestConsent", TEACHER, {
        "child": child.name, "purpose": "follow-up", "consenters": [child.mother], "language": "nb", "scopes": scopes,
    }  # fmt: skip


COMMANDS = (note, note, note, level, register, ask_for_more)


@pytest.mark.parametrize("seed", [1, 2])
def test_every_accepted_command_has_one_effect(direct, seed):
    children = direct.children(CHILDREN)
    choose = random.Random(seed)
    with Callers(direct, children, seed) as callers:
        for _ in range(KILLS):
            callers.wait_accepted(COMMANDS_BETWEEN + choose.randrange(COMMANDS_BETWEEN))
            victims = [choose.choice(direct.stack.of(name)) for name in choose.sample(SERVICES, k=len(SERVICES))]
            for victim in victims:
                victim.kill()
                callers.wait_accepted(choose.randrange(4))
            for victim in victims:
                victim.begin_start()
            for victim in victims:
                victim.wait_ready()
    assert callers.errors == []
    direct.settle(60)

    log = direct.log()
    assert wrong_with(log) == []
    assert wrong_with(direct.ledger()) == []
    found = effects(log)
    for request_id in callers.accepted:
        versions = found.get(request_id, set())
        assert len(versions) == 1, (callers.calls[request_id], versions)
    for request_id in callers.refused - callers.accepted.keys():
        assert request_id not in found, callers.calls[request_id]
    assert sum(n > 1 for n in callers.accepted.values()) > 0

    # What the recipients were told is each thing once, too, and nothing is missing.
    for child in children:
        for recipient in (PPT, HEALTH_STATION):
            signals = direct.signals_of(child, recipient)
            first = {}
            for one in signals:
                first.setdefault(one.delivery_id, one)
            assert [one.sequence for one in first.values()] == list(range(1, len(first) + 1))
            assert new_signals(signals, list(first.values())) == []
