"""What awaits whom, and what happened in a case: listed for whoever may know it, page by page, with two copies."""

import pytest
from direct import AGAIN, HEALTH_STATION, NOT_YET, PPT, TEACHER, Direct, Refused

from stafett_story.load import Actor
from stafett_story.steinkjer import NURSE

HEAD = Actor("head", "skole-record-system", "p-b7nk2x")
COLLEAGUE = Actor("colleague", "skole-record-system", "p-m5c9rj")
HEALTH_LEADER = Actor("health-leader", "helsestasjon-record-system", "p-w5t7cy")


@pytest.fixture(scope="module")
def direct(new_stack):
    with Direct(new_stack(copies=2), patience=60.0) as direct:
        yield direct


def due(direct, who, **values):
    """All pages."""
    found, token = [], ""
    while True:
        answer = direct.call("cases.ListDue", who, page_token=token, **values)
        found += answer["due"]
        token = answer["next_page_token"]
        if not token:
            return found


def timeline(direct, who, case, **values):
    found, token = [], ""
    while True:
        answer = direct.call("cases.ListTimeline", who, case=case, page_token=token, **values)
        found += answer["entries"]
        token = answer["next_page_token"]
        if not token:
            return found


def kinds(entries):
    return [entry["event_type"].split(".")[-2] for entry in entries]


def offered(direct):
    """A case whose baton the school's teacher has offered to the nurse."""
    child = direct.child()
    for recipient in (HEALTH_STATION, PPT):
        direct.call("cases.AddParticipant", TEACHER, again=AGAIN | NOT_YET, case=child.case, recipient=recipient)
    direct.call("cases.OfferBaton", TEACHER, case=child.case, to=NURSE.person)
    return child


def test_what_awaits_whom_follows_the_baton(direct):
    child = offered(direct)

    def of(who):
        return [(d["kind"], d["person"]) for d in due(direct, who) if d["case"] == child.case]

    # The health station names the case by its own controller, which is the same here.
    assert of(TEACHER) == of(HEAD) == [("NEXT_DATE", TEACHER.person)]
    assert of(NURSE) == of(HEALTH_LEADER) == [("BATON_ANSWER", NURSE.person)]
    assert of(COLLEAGUE) == []
    direct.call("cases.AcceptBaton", NURSE, case=child.case, next_date="")
    assert of(TEACHER) == of(HEAD) == []
    assert of(NURSE) == of(HEALTH_LEADER) == [("NEXT_DATE", NURSE.person)]
    direct.call("cases.CloseCase", NURSE, case=child.case, reason="Det går bra.")
    assert of(NURSE) == of(HEALTH_LEADER) == []


def test_all_that_awaits_a_service_by_date_whatever_the_pages_are(direct):
    for _ in range(3):
        direct.call("cases.NoteConcern", TEACHER, child=direct.register().name, concern="Stille.")
    whole = due(direct, HEAD)
    assert len(whole) >= 3
    assert [d["date"] for d in whole] == sorted(d["date"] for d in whole)
    assert due(direct, HEAD, page_size=2) == whole
    assert [d for d in whole if d["person"] == TEACHER.person] == due(direct, TEACHER, page_size=1)


def test_a_case_tells_whole_what_happened_while_ones_service_held_it(direct):
    child = offered(direct)
    direct.note(child, "Før.")
    before = ["concern-noted", "log-opened", "participant-added", "participant-added", "baton-offered", "note-written"]
    entries = timeline(direct, TEACHER, child.case)
    assert kinds(entries) == before
    assert entries == timeline(direct, HEAD, child.case, page_size=2)
    assert entries[::-1] == timeline(direct, TEACHER, child.case, page_size=4, newest_first=True)
    assert [e["etag"] for e in entries] == [str(n) for n in range(1, len(before) + 1)]
    assert entries[-1]["content"]["sections"][0]["text"] == "Før."
    assert entries[-1]["person"] == TEACHER.person
    direct.call("cases.AcceptBaton", NURSE, case=child.case, next_date="")
    with pytest.raises(Refused, match="NOT_ALLOWED"):
        timeline(direct, TEACHER, child.case)
    # What the school wrote before, the health station is told by disclosure, cut to what it may see.
    assert kinds(timeline(direct, NURSE, child.case)) == ["baton-accepted"]


def test_a_page_goes_on_where_the_one_before_ended_whatever_was_written_between(direct):
    child = direct.child()
    for n in range(3):
        direct.note(child, f"Notat {n}.")
    first = direct.call("cases.ListTimeline", TEACHER, case=child.case, page_size=2, newest_first=True)
    direct.note(child, "Midt imellom.")
    second = direct.call("cases.ListTimeline", TEACHER, case=child.case, page_size=3, newest_first=True,
                         page_token=first["next_page_token"])  # fmt: skip
    assert [e["etag"] for e in first["entries"] + second["entries"]] == ["5", "4", "3", "2", "1"]
    assert second["next_page_token"] == ""
