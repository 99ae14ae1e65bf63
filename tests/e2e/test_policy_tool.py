"""stafett-policy as whoever writes rules uses it: as a program, on the real files."""

import hashlib
import subprocess
from collections import namedtuple

import pytest
import yaml
from changed_rules import no_educ, rules_with
from playing import PRESET

from stafett_stack.paths import POLICY, REPOSITORY

LINES = REPOSITORY / "tests" / "policy"
TEN_YEARS_OLD = LINES / "location_shield" / "ten_year_old.yaml"
Ended = namedtuple("Ended", "code out err")


def policy(*words):
    program = REPOSITORY / "build" / PRESET / "bin" / "stafett-policy"
    done = subprocess.run([program, *words], capture_output=True, text=True, timeout=60, check=False)
    return Ended(done.returncode, done.stdout, done.stderr)


@pytest.fixture
def less(tmp_path):
    """The rules, but that T020 carries no EDUC."""
    return rules_with(tmp_path / "less.yaml", no_educ)


@pytest.fixture
def overrides(tmp_path):
    """A controller that tightens one row."""
    file = tmp_path / "town.yaml"
    file.write_text(yaml.safe_dump({
        "policy": 1, "rules": hashlib.sha256(POLICY.read_bytes()).hexdigest(),
        "overrides": [{"id": "T022", "off": True, "reason": "we ask first", "approved_by": ["p-1"]}],
    }))  # fmt: skip
    return file


def test_a_good_file_is_named_by_its_hash():
    rows = len(yaml.safe_load(POLICY.read_text())["rules"])
    hash_ = hashlib.sha256(POLICY.read_bytes()).hexdigest()
    assert policy("check", POLICY) == (0, f"{rows} rows, sha256 {hash_}\n", "")


def test_a_broken_one_is_refused_with_line_and_reason(tmp_path):
    file = tmp_path / "rules.yaml"
    file.write_text(POLICY.read_text().replace("  - id: T002\n", "  - id: T002\n    colour: red\n", 1))
    refused = policy("check", file)
    line = file.read_text().splitlines().index("    colour: red") + 1
    assert (refused.code, refused.out) == (2, "")
    assert refused.err.startswith(f"{file}:{line}: ") and "colour" in refused.err


def test_what_differs_is_told_row_by_row(less):
    assert policy("diff", POLICY, less) == (3, "~ T020\n    categories: CONCERN|PLAN|EDUC -> CONCERN|PLAN\n", "")
    assert policy("diff", POLICY, POLICY) == (0, "the same file\n", "")
    less.write_text(POLICY.read_text() + "# read by the lawyer\n")
    assert policy("diff", POLICY, less) == (0, "the same rows and floors in another text\n", "")


def test_a_floor_that_is_lowered_is_a_difference(less):
    text = POLICY.read_text()
    assert "T002" in text.partition("floors:")[2].partition("\n")[0]
    less.write_text(text.replace("floors: [T001, T002", "floors: [T001", 1))
    assert less.read_text() != text
    assert policy("diff", POLICY, less) == (3, "other floors: what no file may be without\n", "")


def test_other_rules_and_a_controllers_are_one_thing_too_many(less, overrides):
    both = policy("diff", POLICY, less, "--overrides", overrides)
    assert (both.code, both.out) == (2, "") and "one of both" in both.err


def test_what_a_controller_has_changed_is_told_too(overrides):
    changed = policy("diff", POLICY, "--overrides", overrides)
    assert changed.code == 3 and changed.out.startswith("~ T022\n    to: (nothing) -> ")
    assert policy("check", POLICY, "--overrides", overrides).code == 0
    overrides.write_text(overrides.read_text().replace("T022", "T002"))
    refused = policy("check", POLICY, "--overrides", overrides)
    assert refused.code == 2 and refused.err.startswith(f"{overrides}:") and "T002" in refused.err


def test_every_line_of_the_tests_holds_and_with_other_rules_some_do_not(less):
    files = len(list(LINES.rglob("*.yaml")))
    well = policy("test", POLICY, LINES)
    assert (well.code, well.err) == (0, "")
    assert well.out.startswith(f"{files} files, ") and well.out.endswith(": all hold\n")
    other = policy("test", less, LINES)
    assert other.code == 3
    *failures, last = other.out.splitlines()
    assert last.endswith(f"{len(failures)} do not hold") and failures
    assert all(failure.startswith(f"{LINES}/") for failure in failures)
    assert any("by T020" in failure for failure in failures)


def test_each_answer_is_explained_in_sentences_and_to_the_reader_without_what_is_withheld():
    reader, officer = policy("explain", POLICY, TEN_YEARS_OLD), policy("explain", POLICY, TEN_YEARS_OLD, "--officer")
    assert (reader.code, officer.code) == (0, 0)
    asked = [line for line in reader.out.splitlines() if not line.startswith(" ")]
    assert asked and all(line.startswith(f"{TEN_YEARS_OLD}:") for line in asked)
    assert [line for line in officer.out.splitlines() if not line.startswith(" ")] == asked
    assert len(officer.out) > len(reader.out)
    english = policy("explain", POLICY, TEN_YEARS_OLD, "--language", "en")
    assert english.code == 0 and english.out != reader.out


@pytest.mark.parametrize("words", [(), ("check",), ("check", "nowhere.yaml"), ("diff", POLICY), ("judge", POLICY)])
def test_who_asks_for_nothing_is_told_what_there_is(words):
    ended = policy(*words)
    assert (ended.code, ended.out) == (2, "")
    assert ended.err
