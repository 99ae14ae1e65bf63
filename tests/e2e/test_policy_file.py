"""The rule file while everything runs: one that is refused changes nothing and is told of; a good one comes into force
without a restart; and a disclosure that starts on a refused one goes on by what the log says is in force."""

import json

import pytest
from direct import LOG, PPT, TEACHER, Direct, metric, readiness
from playing import PRESET
from rights_taken import without_right

from stafett_stack import paths
from stafett_stack.procs import wait_until
from stafett_stack.stack import Stack

REFUSED = "stafett_policy_refused"
ACTIVATED = "no.stafett.disclosure.policy-activated.v1"
REMARK, LATER = "# read again by the lawyer\n", "# and again\n"
SECONDS = 60.0


class File:
    def __init__(self, path):
        self.path = path
        self.good()

    def good(self, remark=""):
        self.path.write_text(paths.POLICY.read_text() + remark)

    def looser(self):
        self.path.write_text(looser(self.path.read_text()))


def looser(rules):
    """The rules, but that a controller may loosen T002, which keeps graded addresses from everybody."""
    before, row, after = rules.partition("  - id: T002\n")
    assert row
    return before + row + after.replace('loosen: "NO"', 'loosen: "YES"', 1)


@pytest.fixture(scope="module")
def file(stack_directory):
    return File(stack_directory / "rules-of-test-policy-file.yaml")


@pytest.fixture(scope="module")
def direct(new_stack, file):
    with Direct(new_stack(policy=file.path)) as direct:
        yield direct


@pytest.fixture(scope="module")
def child(direct):
    return direct.child()


def activations(direct):
    return [r for r in direct.log() if r.record.type == ACTIVATED]


def last_in_all(direct, known, remark):
    """Since `known` activations, each partition was given rules, and with this remark last."""
    last = {r.partition: remark.encode() in r.value for r in activations(direct)[known:]}
    return len(last) == direct.stack.kafka.partitions and all(last.values())


def refuses(direct, *services):
    for service in services:
        (copy,) = direct.stack.of(service)
        wait_until(lambda copy=copy: metric(copy, REFUSED) == 1, f"{service} to refuse the file", SECONDS)


def is_told(direct, child):
    """PPT of a new note, by the rules that are in force."""
    before = len(direct.signals_of(child, PPT))
    direct.note(child)
    wait_until(lambda: len(direct.signals_of(child, PPT)) > before, "PPT to be told", SECONDS)


def test_a_looser_t002_is_refused_and_what_is_in_force_stays(direct, child, file):
    known = len(activations(direct))
    assert metric(*direct.stack.of("disclosure"), REFUSED) == 0
    file.looser()
    refuses(direct, "disclosure", "consent")
    (disclosure,) = direct.stack.of("disclosure")
    assert "T002 may not be loosened" in disclosure.log.read_text()
    is_told(direct, child)
    assert len(activations(direct)) == known
    assert readiness(disclosure)[0] == 200


def test_who_starts_on_a_refused_file_goes_on_by_what_the_log_has_in_force(direct, child, file):
    known = len(activations(direct))
    for service in ("disclosure", "consent"):
        (copy,) = direct.stack.of(service)
        copy.stop()
        copy.start()
    refuses(direct, "disclosure", "consent")
    is_told(direct, child)
    assert len(activations(direct)) == known
    # Consent knows the rules from the file alone: what it would answer a parent by is not there.
    asked = direct.ask("consent.Preview", TEACHER, child=child.name, purpose="follow-up",
                       scopes=[{"recipient": PPT, "categories": ["EDUC"]}])  # fmt: skip
    assert asked.refusal.reason == "POLICY_REFUSED"


def test_mended_it_comes_into_force_without_a_restart(direct, child, file):
    known = len(activations(direct))
    file.good(REMARK)

    def partitions():
        return {r.partition for r in activations(direct)[known:] if REMARK.encode() in r.value}

    wait_until(lambda: len(partitions()) == direct.stack.kafka.partitions, "the new rules in every partition", SECONDS)
    for service in ("disclosure", "consent"):
        (copy,) = direct.stack.of(service)
        wait_until(lambda copy=copy: metric(copy, REFUSED) == 0, f"{service} to read the file", SECONDS)
    is_told(direct, child)


def test_put_back_before_it_is_in_force_it_is_put_back_on_the_log(direct, child, file):
    """Disclosure does not read the log meanwhile: what is in force there is the remark's, what was written last is not."""
    known = len(activations(direct))
    with without_right(direct.stack.kafka, "svc-disclosure", LOG, "READ"):
        for remark in (LATER, REMARK):
            file.good(remark)
            wait_until(lambda remark=remark: last_in_all(direct, known, remark), "it to be on the log", SECONDS)
    is_told(direct, child)


def test_without_anything_in_force_a_refused_file_keeps_it_from_being_ready(stack_directory):
    first = File(stack_directory / "rules-of-a-first-start.yaml")
    first.looser()
    with Stack(stack_directory / "first-start", preset=PRESET, policy=first.path, services=("disclosure",)) as stack:
        stack.up_environment()
        (disclosure,) = stack.of("disclosure")
        disclosure.begin_start()
        wait_until(lambda: failing(disclosure) == {"policy": "POLICY_REFUSED"}, "only the rules to be missing", SECONDS)
        first.good()
        disclosure.wait_ready()


def failing(service):
    """Checks that fail, and why; none also when it does not answer."""
    status, text = readiness(service)
    return {check["name"]: check["reason"] for check in json.loads(text)["failing"]} if status == 503 else {}
