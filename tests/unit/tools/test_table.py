"""The table of a story, and the progress line."""

import io

import pytest
from stories import CONCERN, HEAD

from stafett_story.load import load
from stafett_story.play import Decision, Played, Result
from stafett_story.progress import Progress
from stafett_story.table import render
from stafett_story.watch import Event


@pytest.fixture
def story(story_file, api, known):
    return load(story_file(HEAD + CONCERN), api, known)


def result(story):
    step = story.steps[0]
    note, concern = (
        Event(f"e{n}", f"no.stafett.cases.{kind}.v1", "k", 0, n)
        for n, kind in enumerate(("note-written", "concern-noted"))
    )
    decisions = [
        Decision("e0", "note-written", "r-helse1", "DISCLOSE", "EVENT", "T020",
                 ("EXIST", "IDENT", "PLAN", "EDUC"), "", "STORED_BY_RECIPIENT"),
        Decision("e0", "note-written", "r-ukjent", "WITHHOLD", "EVENT", "T001", (), "CONSENT",
                 "DELIVERY_STATE_UNSPECIFIED"),
    ]  # fmt: skip
    return Result(story, [Played(step, events=[note, concern])], decisions)


def test_each_decision_is_a_row_under_its_step(story):
    lines = render(result(story)).splitlines()
    at = lines.index("1. The teacher notes a concern [teacher: cases.NoteConcern]")
    assert lines[at - 2 :] == [
        "  event          recipient  decision            rule  fields      receipt",
        "  " + "─" * 71,
        "1. The teacher notes a concern [teacher: cases.NoteConcern]",
        "  note-written   health     disclosed           T020  PLAN, EDUC  stored",
        "  note-written   r-ukjent   withheld (consent)  T001  –           –",
        "  concern-noted  nobody     –                   –     –           –",
    ]


def test_colours_only_when_asked(story):
    assert "\x1b" not in render(result(story))
    assert "\x1b[32mdisclosed" in render(result(story), colours=True)


def test_progress_off_a_terminal_is_one_line_per_step(story):
    out = io.StringIO()
    progress = Progress(out, moving=False)
    progress.begin(3)
    progress.step(story.steps[0])
    progress.note("waiting")
    progress.done(story.steps[0], 0.25)
    progress.say("all ready")
    assert [line[9:] for line in out.getvalue().splitlines()] == [
        "[1/3] The teacher notes a concern (0.2 s)",
        "all ready",
    ]


def test_progress_on_a_terminal_is_one_moving_line(story):
    out = io.StringIO()
    progress = Progress(out, moving=True)
    progress.begin(1)
    progress.step(story.steps[0])
    progress.note("waiting")
    progress.end()
    assert "\n" not in out.getvalue() and "· waiting" in out.getvalue()
