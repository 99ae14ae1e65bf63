"""tools/stafett as a person uses it: as a program, against a Stafett that runs."""

import json
import os
import subprocess
import uuid
from collections import namedtuple
from datetime import date
from pathlib import Path

import pytest

from stafett_stack.procs import wait_until
from stafett_story import people

PROGRAM = Path(__file__).resolve().parents[2] / "tools" / "stafett"
TEACHER, NURSE = ("--as", "Torgunn Vikamyrdal"), ("--as", "p-x6q9sb")
SCHOOL = "r-8hq2mz"
SECONDS = 30.0
Ended = namedtuple("Ended", "code out err")


@pytest.fixture(scope="module")
def stack(new_stack):
    return new_stack(edge=True)


@pytest.fixture(scope="module")
def run(stack, tmp_path_factory):
    """run("case", "get", …): how it ended."""
    env = tmp_path_factory.mktemp("command-line") / "env"
    stack.write_env(env)

    def run(*words, stdin=""):
        done = subprocess.run(
            [PROGRAM, *words], input=stdin, capture_output=True, text=True, timeout=60, check=False,
            env={**os.environ, "STAFETT_ENV": str(env)},
        )  # fmt: skip
        return Ended(done.returncode, done.stdout, done.stderr)

    return run


@pytest.fixture(scope="module")
def stafett(run):
    """What it printed. It must have gone well, and silently."""

    def stafett(*words, stdin=""):
        ended = run(*words, stdin=stdin)
        assert (ended.code, ended.err) == (0, ""), words
        return ended.out

    return stafett


@pytest.fixture(scope="module")
def child(stafett):
    number = people.synthetic_number(date(2017, 5, 14), str(uuid.uuid4()))
    words = ("--name", "Mina Fjellrypedal", "--national-number", "@-",
             "--guardian", "person=p-mother,name=Solvor,relation=MOTHER,parental_responsibility=yes")  # fmt: skip
    registered = json.loads(stafett("child", "register", *TEACHER, *words, "-o", "json", stdin=f"{number}\n"))
    assert registered["receipt"]["state"] == "PUBLISHED"
    return registered["child"]


@pytest.fixture(scope="module")
def case(stafett, child):
    words = ("concern", "note", child, *TEACHER, "--concern", "@-", "-o", "json")
    noted = stafett(*words, stdin="Mina er stille,\nog alene.")
    return json.loads(noted)["case"]["name"]


def test_a_concern_is_noted_once_however_often_and_whichever_way_it_is_sent(stafett, child, tmp_path):
    text, request_id = tmp_path / "concern.txt", str(uuid.uuid4())
    text.write_text("Mina er blitt stille,\nog sitter alene.\n")
    words = ("concern", "note", child, *TEACHER, "--concern", f"@{text}", "--request-id", request_id)
    shown = stafett(*words)
    assert "PUBLISHED (in two durable stores)" in shown and "concern is not a report" in shown
    again = [json.loads(stafett(*words, "-o", "json", *edge)) for edge in ((), ("--edge",))]
    assert again[0] == again[1] and f"  {again[0]['case']['name']}\n" in shown
    assert stafett("receipt", request_id, *TEACHER).startswith("taken by cases\n")


def test_a_case_is_the_same_by_grpc_and_through_the_edge(stafett, case):
    known = json.loads(stafett("case", "get", case, *TEACHER, "-o", "json"))
    assert (known["name"], known["state"], known["holder"]) == (case, "CONCERN_NOTED", "p-4tz8vq")
    assert json.loads(stafett("case", "get", case, *TEACHER, "-o", "json", "--edge")) == known


def test_lists(stafett, run, child):
    assert stafett("delivery", "list", "--through", "ppt-record-system") == "no deliveries\n"
    assert stafett("escalation", "list", *TEACHER) == "no escalations\n"
    asked = ("consent", "request", child, *TEACHER, "--purpose", "follow-up", "--consenter", "p-mother",
             "--scope", f"recipient={SCHOOL},categories=PLAN,EDUC", "--request-id", str(uuid.uuid4()))  # fmt: skip
    wait_until(lambda: run(*asked).code == 0, "consent to have heard of the child", SECONDS)
    shown = stafett("consent", "list", child, *TEACHER)
    assert "p-mother" in shown and "PLAN, EDUC" in shown and "REQUESTED" in shown


@pytest.mark.parametrize("edge", [(), ("--edge",)], ids=["grpc", "edge"])
def test_a_refusal_ends_with_1_and_has_its_reason(run, case, edge):
    ended = run("case", "open-log", case, *TEACHER, "--goal", "Trives.", *edge)
    assert (ended.code, ended.out) == (1, "")
    assert ended.err.startswith("stafett: refused: FAILED_PRECONDITION NO_CONSENT\n") and "--request-id" in ended.err


def test_a_flag_that_is_wrong_is_named_by_the_refusal(run, case):
    ended = run("case", "set-level", case, *TEACHER, "--level", "level-1", "--reason", "x" * 2001)
    assert ended.code == 1 and "INVALID_ARGUMENT" in ended.err and "at        --reason\n" in ended.err


def test_what_is_hidden_and_what_is_not_there_are_told_in_the_same_words(run, case):
    other = case[:-1] + ("1" if case.endswith("0") else "0")
    hidden, nothing = (run("case", "get", name, *NURSE) for name in (case, other))
    assert hidden == nothing and hidden.code == 1 and "PERMISSION_DENIED NOT_ALLOWED" in hidden.err


def test_a_service_that_is_away_ends_with_3(run, stack, child):
    stack.services["cases-a"].stop()
    try:
        ended = run("concern", "note", child, *TEACHER, "--concern", "Stille.")
        assert (ended.code, ended.out) == (3, "") and "Stille" not in ended.err
        assert "--request-id" in ended.err and "UNAVAILABLE" in ended.err
    finally:
        stack.services["cases-a"].start()
