"""What is not done in time goes to the right person, is taken over, and ends when it is done: with two copies, with one
of them killed, and with an empty Redis, each step once.

Dates are days, and nobody waits for tomorrow: escalation's clock runs ahead (test_clock_ahead_seconds), further with each
start. The other services' clocks are right.
"""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from direct import AGAIN, HEALTH_STATION, NOT_YET, PPT, READERS, SCHOOL, TEACHER, Direct, wrong_with
from durable import different, dump, lose_redis
from escalating import all_told, begin, listed, nothing, only, said, settled, steps

from stafett_stack.procs import wait_until
from stafett_story.load import Actor
from stafett_story.steinkjer import NURSE

HEAD = Actor("head", "skole-record-system", "p-b7nk2x")
COLLEAGUE = Actor("colleague", "skole-record-system", "p-m5c9rj")
HEALTH_LEADER = Actor("health-leader", "helsestasjon-record-system", "p-w5t7cy")
LAST = Actor("last", "koordinering-record-system", "p-j9c5tx")  # of the line of every service of this controller

DAY = 24 * 3600
# A baton is answered within five working days, with Easter or Christmas between them perhaps; the next date is set.
NEXT_DATE = 30
AHEAD = {"in two weeks": 14 * DAY, "in six weeks": 45 * DAY, "in nine weeks": 66 * DAY}


def today(plus=0):
    return (datetime.now(ZoneInfo("Europe/Oslo")).date() + timedelta(days=plus)).isoformat()


@pytest.fixture(scope="module")
def direct(new_stack):
    with Direct(new_stack(copies=2), patience=60.0) as direct:
        yield direct


def test_an_unanswered_baton_and_a_passed_date_find_their_owners_and_end_with_the_answer(direct):
    child = direct.child()
    case_id = child.case.rpartition("/")[2]
    direct.call("cases.AddParticipant", TEACHER, case=child.case, recipient=HEALTH_STATION)
    direct.call("cases.SetLevel", TEACHER, case=child.case, level="LEVEL_2", reason="Uro.",
                next_date=today(NEXT_DATE))  # fmt: skip
    direct.call("cases.OfferBaton", TEACHER, again=AGAIN | NOT_YET, case=child.case, to=NURSE.person)
    direct.settle()
    direct.store(*READERS)  # what is not stored is escalated too (test_unstored.py)
    direct.settle()
    for who in (HEAD, HEALTH_LEADER, LAST):
        assert listed(direct, who) == ([], [])
    assert said(direct) == []

    begin(direct, AHEAD["in two weeks"])
    baton = only(direct, HEALTH_LEADER, kind="BATON_ANSWER", owner=HEALTH_LEADER.person)
    assert (baton["about"], baton["awaited_of"], baton["step"]) == (child.case, HEALTH_STATION, 1)
    assert listed(direct, HEAD) == ([], [])
    name = baton["name"]
    # Who may not know it is told what he is told of any name.
    for call in ("Acknowledge", "TakeOver", "Resolve"):
        for who in (TEACHER, HEAD, LAST, child.guardian):
            for wrong in (name, name[:-4] + "zzzz"):
                refusal = direct.ask(f"escalation.{call}", who, escalation=wrong).refusal
                assert (refusal.code, refusal.reason) == ("PERMISSION_DENIED", "NOT_ALLOWED"), (call, who)
    answer = direct.call("escalation.Acknowledge", HEALTH_LEADER, escalation=name)
    assert answer["escalation"]["acknowledged"] is True and answer["receipt"]["state"] == "PUBLISHED"

    begin(direct, AHEAD["in six weeks"])
    date = only(direct, HEAD, kind="NEXT_DATE", owner=HEAD.person)
    assert date["about"] == child.case
    only(direct, HEALTH_LEADER, kind="BATON_ANSWER", owner=LAST.person, step=2)
    # The last in line owns what he may not see: a count and an owner, nothing else.
    assert listed(direct, LAST) == ([], [{"owner": LAST.person, "count": 1}])

    begin(direct, AHEAD["in nine weeks"])
    only(direct, HEAD, kind="NEXT_DATE", owner=LAST.person)
    wait_until(lambda: listed(direct, LAST) == ([], [{"owner": LAST.person, "count": 2}]), "both are the last one's", 60)
    hidden = direct.call("escalation.Acknowledge", LAST, escalation=date["name"])["escalation"]
    empty = ("", 0, "0", False, "AWAITED_KIND_UNSPECIFIED")
    assert {key: value for key, value in hidden.items() if value not in empty} == {
        "name": date["name"], "owner": LAST.person,
    }  # fmt: skip
    assert direct.ask("escalation.Resolve", HEAD, escalation=date["name"]).refusal.reason == "NOT_OWNER"
    taken = direct.call("escalation.TakeOver", HEAD, escalation=date["name"])["escalation"]
    assert (taken["owner"], taken["resolved"]) == (HEAD.person, False)
    assert listed(direct, LAST) == ([], [{"owner": LAST.person, "count": 1}])

    # The answer ends both: it is given, and there is a new date.
    direct.call("cases.AcceptBaton", NURSE, case=child.case, next_date=today(300))
    direct.settle()
    direct.store(SCHOOL, PPT, HEALTH_STATION)
    for who in (HEAD, HEALTH_LEADER, LAST):
        nothing(direct, who)
    direct.settle()
    assert steps(direct, f"baton/{case_id}") == [
        ("raised", HEALTH_LEADER.person), ("acknowledged", HEALTH_LEADER.person), ("passed-on", LAST.person),
        ("resolved", ""),
    ]  # fmt: skip
    assert steps(direct, f"next/{case_id}") == [
        ("raised", HEAD.person), ("passed-on", LAST.person), ("acknowledged", LAST.person), ("taken", HEAD.person),
        ("resolved", ""),
    ]  # fmt: skip


def test_a_measure_that_is_not_evaluated_goes_to_the_leader_of_who_is_responsible(direct):
    child = direct.child()
    direct.call("cases.AddParticipant", TEACHER, case=child.case, recipient=HEALTH_STATION)
    direct.call("cases.SetLevel", TEACHER, case=child.case, level="LEVEL_2", reason="Uro.", next_date=today(300))
    started = direct.call("cases.StartMeasure", TEACHER, case=child.case, title="Frokost på skolen.",
                          responsible=NURSE.person, evaluation_date=today(7))  # fmt: skip
    measure = started["made"]
    direct.settle()
    direct.store(*READERS)
    only(direct, HEALTH_LEADER, kind="EVALUATION", owner=HEALTH_LEADER.person, about=measure, awaited_of=HEALTH_STATION)

    # Who is responsible finds it by the name that he was told, and needs no other.
    evaluated = direct.call("cases.EvaluateMeasure", NURSE, measure=measure, outcome="HELPED_PARTLY",
                            sections=[{"section_category": "PLAN", "text": "Noen dager."}],
                            evaluation_date=today(300))  # fmt: skip
    assert evaluated["case"]["name"].rpartition("/")[2] == child.case.rpartition("/")[2]
    assert not evaluated["case"].get("holder")  # nothing more of a case that is not his
    direct.settle()
    direct.store(SCHOOL, PPT, HEALTH_STATION)
    for who in (HEAD, HEALTH_LEADER, LAST):
        nothing(direct, who)
    direct.settle()
    assert steps(direct, f"evaluation/{measure.rpartition('/')[2]}") == [
        ("raised", HEALTH_LEADER.person), ("resolved", ""),
    ]  # fmt: skip


def test_a_contribution_that_is_not_answered_goes_to_the_leader_of_the_holder(direct):
    """The nurse's record system knows the case by the name that it was told, and needs no other."""
    child = direct.child()
    direct.call("cases.AddParticipant", TEACHER, case=child.case, recipient=HEALTH_STATION)
    direct.call("cases.SetLevel", TEACHER, case=child.case, level="LEVEL_2", reason="Uro.", next_date=today(300))
    controller = child.case.split("/")[1]
    told = f"controllers/{controller}/cases/{child.case_refs[HEALTH_STATION]}"
    submitted = direct.call("cases.SubmitContribution", NURSE, case=told,
                            sections=[{"section_category": "PLAN", "text": "Frokost hver fredag."}])  # fmt: skip
    assert submitted["case"]["name"].rpartition("/")[2] == told.rpartition("/")[2]
    contribution = submitted["made"]
    # Under the name of another service there is no such case.
    other = f"controllers/{controller}/cases/{child.case_refs[PPT]}"
    refusal = direct.ask("cases.SubmitContribution", NURSE, case=other,
                         sections=[{"section_category": "PLAN", "text": "Frokost."}]).refusal  # fmt: skip
    assert (refusal.code, refusal.reason) == ("PERMISSION_DENIED", "NOT_ALLOWED")
    direct.settle()
    direct.store(*READERS, SCHOOL)
    only(direct, HEAD, kind="CONTRIBUTION_ANSWER", owner=HEAD.person, about=contribution, awaited_of=SCHOOL)
    nothing(direct, HEALTH_LEADER)

    accepted = direct.call("cases.AcceptContribution", TEACHER, contribution=contribution)
    assert [c["state"] for c in accepted["case"]["contributions"]] == ["ACCEPTED"]
    direct.settle()
    direct.store(SCHOOL, PPT, HEALTH_STATION)
    for who in (HEAD, HEALTH_LEADER, LAST):
        nothing(direct, who)
    direct.settle()
    assert steps(direct, f"contribution/{contribution.rpartition('/')[2]}") == [
        ("raised", HEAD.person), ("resolved", ""),
    ]  # fmt: skip


def test_copies_that_die_and_an_empty_redis_forget_nothing_and_repeat_nothing(direct):
    stack = direct.stack
    for copy in stack.of("escalation"):
        copy.stop()
    concerns = set()
    for _ in range(8):
        child = direct.register()
        noted = direct.call("cases.NoteConcern", TEACHER, child=child.name, concern="Stille.", next_date=today())
        concerns.add(f"next/{noted['case']['name'].rpartition('/')[2]}")

    def raised():
        return [event.awaited_id for kind, event in said(direct) if kind == "raised" and event.awaited_id in concerns]

    for copy in stack.of("escalation"):
        copy.begin_start()
    first, second = stack.of("escalation")
    wait_until(raised, "the first of them is raised", 60)
    first.kill()
    second.wait_ready()
    wait_until(lambda: set(raised()) == concerns, "all are raised, by the other copy", 60)
    first.start()
    direct.settle()
    assert sorted(raised()) == sorted(concerns)
    assert wrong_with(direct.log()) == []

    all_told(direct)
    settled(direct, AHEAD["in nine weeks"])
    client = stack.redis.client()
    before, words = dump(client, "escalation"), said(direct)
    ends = direct.ends()
    seen = listed(direct, HEAD)
    assert len(seen[0]) == len(concerns)
    lose_redis(stack)
    client = stack.redis.client()
    new = [(entry.record.type, entry.record.stream.partition("/")[0]) for entry in direct.log()
           if entry.offset >= ends[entry.partition]]  # fmt: skip
    assert new == [], "somebody wrote meanwhile, which moves escalation's marks"
    # The clock is nine weeks ahead: requests of the first tests are older than a rebuild remembers (kForgotten).
    differences = different(before, dump(client, "escalation"))
    assert [one for one in differences if not one.startswith("gone: escalation:cmd:")] == []
    settled(direct, AHEAD["in nine weeks"])  # every child was looked at again
    assert said(direct) == words
    assert listed(direct, HEAD) == seen


def test_pages_hold_each_escalation_once(direct):
    pages, token = [], ""
    while True:
        answer = direct.call("escalation.ListEscalations", HEAD, page_size=3, page_token=token)
        pages.append([one["name"] for one in answer.get("escalations", [])])
        token = answer.get("next_page_token", "")
        if not token:
            break
    assert [len(page) for page in pages] == [3, 3, 2]
    assert len({name for page in pages for name in page}) == 8
    assert sum(pages, []) == [one["name"] for one in listed(direct, HEAD)[0]]
