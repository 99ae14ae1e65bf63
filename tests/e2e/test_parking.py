"""What nobody can read is set aside, and operators do something about it, by the command line: the child waits, the others do
not; a replay without a cure changes nothing; each service leaves the record out when those that it rests on have said that it
is none of theirs; and a lost Redis does not bring it back.
"""

import json
import os
import re
import subprocess
import uuid
from collections import namedtuple
from pathlib import Path

import pytest
from confluent_kafka import Producer
from direct import LOG, PPT, Direct, metric
from durable import different, dump, lose_redis

from stafett_stack.procs import wait_until
from stafett_stack.services import SERVICES

PROGRAM = Path(__file__).resolve().parents[2] / "tools" / "stafett"
OPERATOR = ("--as", "Ingvalda Rånbekkhaug")
TICKET = ("--reason", "not-of-stafett", "--reference", "INC-2026-17")
SECONDS = 30.0
Ended = namedtuple("Ended", "code out err")


@pytest.fixture(scope="module")
def stack(new_stack):
    return new_stack()


@pytest.fixture(scope="module")
def direct(stack):
    with Direct(stack) as direct:
        yield direct


@pytest.fixture(scope="module")
def run(stack, tmp_path_factory):
    env = tmp_path_factory.mktemp("parking") / "env"
    stack.write_env(env)

    def run(*words, who=OPERATOR):
        done = subprocess.run(
            [PROGRAM, "parked", *words, *who, "-o", "json"], capture_output=True, text=True, timeout=60, check=False,
            env={**os.environ, "STAFETT_ENV": str(env)},
        )  # fmt: skip
        said.append(done.stdout + done.stderr)
        return Ended(done.returncode, done.stdout, done.stderr)

    run.said = said = []
    return run


@pytest.fixture(scope="module")
def stafett(run):
    def stafett(*words):
        ended = run(*words)
        assert (ended.code, ended.err) == (0, ""), words
        return json.loads(ended.out)

    return stafett


@pytest.fixture(scope="module")
def poisoned(stack, direct, stafett):
    """A child with a record on the log that is none; another one of the same partition; where it stands."""
    child = direct.child()
    other = direct.child(partition=child.partition)
    direct.settle()
    at = direct.ends()[child.partition]
    producer = Producer(stack.kafka.client_config("admin"))
    # It parses, and is no record: neither event, nor stream, nor version.
    producer.produce(LOG, key=child.child, value=b"\x12\x01x", partition=child.partition)
    assert producer.flush(SECONDS) == 0
    names = {service: f"{service}-{child.partition:02}-{at}" for service in SERVICES}

    def everywhere():
        return {row["name"] for row in stafett("list")["parked"]} == set(names.values())

    wait_until(everywhere, "every service to set it aside", SECONDS)
    return child, other, names


def told(direct, child):
    return len({signal.delivery_id for signal in direct.signals_of(child, PPT)})


def test_the_child_waits_and_the_others_do_not(direct, poisoned):
    child, other, _ = poisoned
    before, before_other = told(direct, child), told(direct, other)
    direct.note(child)
    direct.note(other)
    wait_until(lambda: told(direct, other) > before_other, "the other child's note to be told", SECONDS)
    assert told(direct, child) == before
    assert direct.fetch(PPT, direct.signals_of(child, PPT)[0].delivery_id).refusal is not None


def test_it_is_shown_with_its_cause_and_with_a_trace_that_the_logs_have(stack, stafett, poisoned):
    child, _, names = poisoned
    shown = {service: stafett("show", name) for service, name in names.items()}
    for service, row in shown.items():
        assert (row["cause"], row["partition"], row["writer"]) == ("UNREADABLE", child.partition, "")
        assert row["discardable"] == (service == "consent")
        assert row["explanation"]
        (copy,) = stack.of(service)
        lines = [json.loads(line) for line in copy.log.read_text().splitlines() if "child.parked" in line]
        assert [line["attributes"]["cause"] for line in lines if line["trace_id"] == row["traceId"]][0] == "UNREADABLE"
        wait_until(lambda copy=copy: metric(copy, "stafett_children_set_aside") == 1, "it to be counted", SECONDS)
    assert len({row["traceId"] for row in shown.values()}) == 1
    assert shown["disclosure"]["waiting"] >= 1
    assert shown["disclosure"]["hindrance"].startswith("NOT_VOUCHED: it may be a record of cases")


def test_a_replay_without_a_cure_sets_it_aside_again(stafett, poisoned):
    _, _, names = poisoned
    for name in names.values():
        again = stafett("replay", name)
        assert (again["outcome"], again["parked"]["name"]) == ("SET_ASIDE_AGAIN", name)


@pytest.mark.parametrize(
    ("who", "reason"),
    [
        (("--as", "Ingvalda Rånbekkhaug", "--through", "koordinering-record-system"), "SCOPE_MISSING"),
        (("--as", "p-v3s7pd", "--through", "drift-operations"), "NOT_ALLOWED"),
        (("--through", "drift-operations"), "ATTESTATION_REQUIRED"),
    ],
)
def test_it_is_for_operators_alone(run, poisoned, who, reason):
    _, _, names = poisoned
    for service, name in names.items():
        for words in (("list", "--service", service), ("show", name), ("replay", name), ("discard", name, *TICKET)):
            ended = run(*words, who=who)
            refused = ended.code == 1 and ended.err.splitlines()[0].endswith(reason)
            assert refused, f"{service} {words}: {ended.code}\n{ended.out}{ended.err}"


def test_words_do_not_come_onto_the_log(run, poisoned):
    _, _, names = poisoned
    ended = run("discard", names["consent"], "--reason", "damaged", "--reference", "barnet heter noe")
    assert ended.code == 1 and "--reference" in ended.err


def test_it_is_left_out_where_nothing_can_be_opened_by_that_and_the_child_goes_on(direct, run, stafett, poisoned):
    child, _, names = poisoned
    for service in ("disclosure", "cases", "escalation", "notifications"):  # each rests on one that has said nothing yet
        ended = run("discard", names[service], *TICKET)
        assert ended.code == 1 and ended.err.startswith("stafett: refused: FAILED_PRECONDITION NOT_VOUCHED\n"), ended
    before = told(direct, child)
    request = ("--request-id", str(uuid.uuid4()))
    assert stafett("discard", names["consent"], *TICKET, *request)["outcome"] == "WENT_ON"
    again = stafett("discard", names["consent"], *TICKET, *request)
    assert (again["outcome"], again["receipt"]["state"]) == ("WENT_ON", "PUBLISHED")
    assert run("show", names["consent"]).code == 1

    for service, hindered_by in (("cases", "consent"), ("disclosure", "cases"), ("escalation", "cases"),
                                 ("notifications", "escalation")):  # fmt: skip
        # What the other has said comes by the log.
        wait_until(lambda name=names[service]: stafett("show", name)["discardable"], f"{hindered_by} to be heard", SECONDS)
        assert stafett("discard", names[service], *TICKET)["outcome"] == "WENT_ON"
    assert stafett("list")["parked"] == []
    wait_until(lambda: told(direct, child) > before, "the note that waited to be told", SECONDS)
    said = [e.record for e in direct.log() if e.record.type == "no.stafett.operations.record-discarded.v1"]
    assert sorted(record.stream.partition("/")[0] for record in said) == sorted(SERVICES)
    assert {record.actor.person for record in said} == {"p-h5x2wd"}
    assert {record.child for record in said} == {""}


def test_a_lost_redis_does_not_bring_it_back(stack, direct, stafett, poisoned):
    child, _, _ = poisoned
    direct.settle()
    client = stack.redis.client()
    before = {service: dump(client, service) for service in SERVICES}
    lose_redis(stack)
    client = stack.redis.client()
    for service in SERVICES:
        assert different(before[service], dump(client, service)) == [], service
    assert stafett("list")["parked"] == []
    for service in SERVICES:
        (copy,) = stack.of(service)
        assert metric(copy, "stafett_records_parked_total") == 0, service  # it was known before it was met
    # And what takes something away is heard as ever.
    delivery = direct.signals_of(child, PPT)[0].delivery_id
    request_id = str(uuid.uuid4())
    direct.withdraw(child, PPT, request_id=request_id)
    wait_until(lambda: direct.withdrawal(child, request_id) == "ENFORCED", "the withdrawal to be enforced", SECONDS)
    assert direct.fetch(PPT, delivery).refusal.reason == "WITHDRAWN"


def test_nothing_of_the_child_was_said(run, poisoned):
    child, _, _ = poisoned
    for text in run.said:
        assert child.child not in text and not re.search(r"\bch-", text)
