"""tools/stafett as a person uses it: as a program, against a Stafett that runs."""

import json
import os
import subprocess
import uuid
from datetime import date
from pathlib import Path

import pytest

from stafett_stack.procs import wait_until
from stafett_story import people

PROGRAM = Path(__file__).resolve().parents[2] / "tools" / "stafett"
TEACHER = "Torgunn Vikamyrdal"
CONCERN = "Mina er blitt stille,\nog sitter alene."
SECONDS = 30.0


@pytest.fixture(scope="module")
def stack(new_stack):
    return new_stack(edge=True)


@pytest.fixture(scope="module")
def stafett(stack, tmp_path_factory):
    """stafett("case", "get", …, code=1): what it printed, when it ended with that code."""
    env = tmp_path_factory.mktemp("command-line") / "env"
    stack.write_env(env)

    def run(*words, code=0, stdin=""):
        done = subprocess.run(
            [PROGRAM, *words], input=stdin, capture_output=True, text=True, timeout=60, check=False,
            env={**os.environ, "STAFETT_ENV": str(env)},
        )  # fmt: skip
        assert done.returncode == code, f"{words}: {done.returncode}\n{done.stdout}\n{done.stderr}"
        assert (done.stderr == "") == (code == 0), done.stderr
        return done.stderr if code else done.stdout

    return run


def test_a_small_path(stafett, stack, tmp_path):
    number = people.synthetic_number(date(2017, 5, 14), str(uuid.uuid4()))
    registered = json.loads(stafett(
        "child", "register", "--as", TEACHER, "--name", "Mina Fjellrypedal", "--national-number", "@-",
        "--guardian", "person=p-mother,name=Solvor,relation=MOTHER,parental_responsibility=yes", "-o", "json",
        stdin=f"{number}\n",
    ))  # fmt: skip
    assert registered["receipt"]["state"] == "PUBLISHED"
    child = registered["child"]

    (tmp_path / "concern.txt").write_text(CONCERN)
    request_id = str(uuid.uuid4())
    note = ("concern", "note", child, "--as", TEACHER, "--concern", f"@{tmp_path / 'concern.txt'}",
            "--request-id", request_id)  # fmt: skip
    told = stafett(*note)
    assert "PUBLISHED (in two durable stores)" in told and "concern is not a report" in told
    (case,) = {line.split()[-1] for line in told.splitlines() if line.strip().startswith("name ")}
    assert json.loads(stafett(*note, "--edge", "-o", "json"))["case"]["name"] == case  # the same again is the same

    known = json.loads(stafett("case", "get", case, "--as", TEACHER, "-o", "json"))
    assert (known["name"], known["state"], known["holder"]) == (case, "CONCERN_NOTED", "p-4tz8vq")
    assert json.loads(stafett("case", "get", case, "--as", TEACHER, "-o", "json", "--edge")) == known
    assert "taken by cases" in stafett("receipt", request_id, "--as", TEACHER)
    assert stafett("delivery", "list", "--through", "ppt-record-system") == "no deliveries\n"
    assert "no escalations" in stafett("escalation", "list", "--as", TEACHER)

    consent_id = str(uuid.uuid4())

    def consented():  # once consent has heard of the child
        return stafett("consent", "request", child, "--as", TEACHER, "--purpose", "follow-up",
                       "--consenter", "p-mother", "--scope", "recipient=r-8hq2mz,categories=PLAN,EDUC", "--request-id", consent_id)  # fmt: skip

    assert "NO_CONSENT" in stafett("case", "open-log", case, "--as", TEACHER, "--goal", "Trives.", code=1)
    somebody = stafett("case", "get", case, "--as", "p-x6q9sb", code=1)
    nothing = stafett("case", "get", case[:-1] + "0", "--as", "p-x6q9sb", code=1)
    assert somebody == nothing and "PERMISSION_DENIED NOT_ALLOWED" in somebody
    wait_until(lambda: _goes(consented), "consent hears of the child", SECONDS)
    listed = stafett("consent", "list", child, "--as", TEACHER)
    assert "REQUESTED" in listed and "p-mother" in listed

    edge = stafett("case", "open-log", case, "--as", TEACHER, "--goal", "Trives.", "--edge", code=1)
    assert edge.splitlines()[0] == "stafett: refused: FAILED_PRECONDITION NO_CONSENT"

    stack.services["cases-a"].stop()
    away = stafett("concern", "note", child, "--as", TEACHER, "--concern", "Stille.", code=3)
    assert "--request-id" in away and "Stille" not in away
    stack.services["cases-a"].start()


def _goes(do) -> bool:
    try:
        do()
    except AssertionError:
        return False
    return True
