"""Fixtures for tests that play stories on a whole Stafett of their own.

    def test_x(new_stack):   stack = new_stack(copies=2)            # up, and down after the test
    def test_y(played):      played.stack, played.stage, played.result      # one_child.yaml, once per run
                         played.stack.monitoring                       # Prometheus watched all of it; an edge stands by
"""

import os
from dataclasses import dataclass
from pathlib import Path

import pytest

from stafett_stack import controllers
from stafett_stack.stack import Stack
from stafett_story import api as api_
from stafett_story import load
from stafett_story.play import Result
from stafett_story.stage import Stage

STORIES = Path(__file__).parent / "stories"
STORY = STORIES / "one_child.yaml"
PRESET = os.environ.get("STAFETT_PRESET", "dev")


def read_story(file=STORY) -> load.Story:
    return load.load(file, api_.load(), controllers.load())


@pytest.fixture(scope="module")
def new_stack(stack_directory, request):
    """new_stack(**arguments of Stack): everything started; stopped after the module."""
    stacks = []

    def start(**arguments) -> Stack:
        name = f"{request.module.__name__}-{len(stacks)}"
        stack = Stack(stack_directory / name, preset=PRESET, **arguments)
        stacks.append(stack)
        stack.up()
        return stack

    yield start
    for stack in stacks:
        stack.down()


@dataclass
class Played:
    stack: Stack
    stage: Stage
    result: Result


@pytest.fixture(scope="session")
def played(stack_directory):
    """one_child.yaml has been played; everything still runs. For tests that only look, or that
    leave things as they were."""
    with Stack(
        stack_directory / "played", preset=PRESET, edge=True, monitoring=True, scrape_every="1s"
    ) as stack:
        stack.up()
        with Stage(stack, read_story()) as stage:
            yield Played(stack, stage, stage.play())
