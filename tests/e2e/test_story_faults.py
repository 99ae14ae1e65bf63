"""The story ends as written although services die in the middle of it, and with two copies of each."""

import random
import threading

import pytest
from playing import read_story

from stafett_story.play import Hooks
from stafett_story.stage import Stage

SERVICES = ("cases", "consent", "disclosure")
PATIENCE = 60.0  # a step may wait for a service to come back
DELAYS = (0.0, 0.001, 0.003, 0.01, 0.05)  # before, into or behind a step's call


@pytest.fixture(scope="module")
def single(new_stack):
    with Stage(new_stack(), read_story(), patience=PATIENCE) as stage:
        yield stage


@pytest.fixture(scope="module")
def double(new_stack):
    with Stage(new_stack(copies=2), read_story(), patience=PATIENCE) as stage:
        yield stage


class Killer:
    """kill -9 of a service shortly after some steps begin; it is started again while the player
    waits. Only the main thread starts processes (stafett_stack.procs says why)."""

    def __init__(self, copy, steps, seed):
        self.copy = copy
        self.steps = steps
        self.random = random.Random(seed)
        self.kill = None
        self.kills = 0

    @property
    def hooks(self):
        return Hooks(before=self.before, after=self.after, idle=self.revive)

    def before(self, step, _):
        if step.number in self.steps:
            self.kill = threading.Timer(self.random.choice(DELAYS), self.copy.kill)
            self.kill.start()
            self.kills += 1

    def revive(self):
        if self.kill is not None and not self.kill.is_alive():
            self.kill = None
            self.copy.begin_start()

    def after(self, *_):
        if self.kill is not None:
            self.kill.join()
            self.revive()
        self.copy.wait_ready()


def steps_of(story, service):
    """Five steps that this service takes part in, over the whole story."""
    own = [s.number for s in story.steps if s.rpc and s.rpc.service == service and s.rpc.is_command]
    if service == "disclosure":
        own = [s.number for s in story.steps if any(s.sees.values())]
    withdrawal = [s.number for s in story.steps if s.id == "withdrawal"]
    return {*own[:: max(1, len(own) // 4)], *withdrawal}


@pytest.mark.parametrize("service", SERVICES)
def test_kill_9_of_one_service_in_the_middle(single, service):
    (copy,) = single.stack.of(service)
    killer = Killer(copy, steps_of(single.story, service), seed=service)
    result = single.play(hooks=killer.hooks, run=f"kill-{service}")
    assert result.failure == ""
    assert killer.kills >= 4


def test_two_copies_of_each_service_at_once(double):
    assert double.play(run="two").failure == ""


def test_two_copies_and_one_of_each_dies(double):
    middle = len(double.story.steps) // 2
    victims = [double.stack.of(service)[0] for service in SERVICES]

    def before(step, _):
        if step.number == middle:
            for victim in victims:
                victim.kill()

    result = double.play(hooks=Hooks(before=before), run="two-one-dies")
    for victim in victims:
        victim.begin_start()
    for victim in victims:
        victim.wait_ready()
    assert result.failure == ""


def test_a_recipients_program_dies_and_goes_on_where_it_was(double):
    """What it had not finished is finished after the start; nothing is lost or seen twice."""
    victim = double.recipients["health-station"]

    def before(step, _):
        if any(step.sees.get("health-station", ())):
            victim.kill()
            victim.start()

    assert double.play(hooks=Hooks(before=before), run="recipient").failure == ""
