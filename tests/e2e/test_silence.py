"""What is not done in time finds its owner, by mail, once: the second story, as it is written, through the edge, with two
copies of everything, and while escalation and notifications are killed again and again."""

import random

import pytest
from playing import STORIES, read_story

from stafett_story.play import Hooks
from stafett_story.stage import Stage

STORY = STORIES / "two_municipalities.yaml"
PATIENCE = 60.0  # a step may wait for a service to come back


@pytest.fixture(scope="module")
def stack(new_stack):
    return new_stack(copies=2, edge=True)


def play(stack, run, *, hooks=None, edge=False):
    """For another child, with recipients' programs of its own: two of one recipient would share its files."""
    with Stage(stack, read_story(STORY), patience=PATIENCE, edge=edge) as stage:
        return stage.play(run=run, hooks=hooks)


class Killer:
    """kill -9 of one of these services' copies again and again while the player waits, each time at another moment; it is
    started again at once. The player's own thread does it, so nothing dies inside of a call that the player makes."""

    MOST = 12

    def __init__(self, stack, services, seed):
        self.copies = [copy for service in services for copy in stack.of(service)]
        self.random = random.Random(seed)
        self.left = 1
        self.kills = 0

    @property
    def hooks(self):
        return Hooks(idle=self.idle, after=self.after, mails_may_repeat=True)

    def idle(self):
        self.left -= 1
        if self.left <= 0 and self.kills < self.MOST:
            copy = self.random.choice(self.copies)
            copy.kill()
            copy.begin_start()
            self.kills += 1
            self.left = self.random.choice((1, 5, 25, 100))

    def after(self, step, _):
        for copy in self.copies:
            copy.wait_ready()
        if step.passes:  # what it leads to is over; kill in the next step that waits
            self.left = 1


def test_silence_finds_the_leader_by_mail_in_her_language(stack):
    assert play(stack, "two").failure == ""
    assert [len(copies) for copies in stack.mail.by_message().values()] == [1, 1]


@pytest.mark.parametrize("services", [("escalation",), ("notifications",), ("escalation", "notifications")])
def test_kill_9_again_and_again_loses_no_escalation_and_repeats_none(stack, services):
    killer = Killer(stack, services, seed="+".join(services))
    result = play(stack, "+".join(services), hooks=killer.hooks)
    assert result.failure == ""
    assert killer.kills >= 4


def test_through_the_edge_it_is_the_same(stack):
    assert play(stack, "edge", edge=True).failure == ""
