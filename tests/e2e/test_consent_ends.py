"""A service whose consent is withdrawn stops: the one that takes part, and the one that holds the log."""

import pytest
from direct import PPT, SCHOOL, TEACHER, Direct, Refused

from stafett_stack.procs import wait_until


@pytest.fixture(scope="module")
def direct(new_stack):
    with Direct(new_stack(), patience=60.0) as direct:
        yield direct


def case_of(direct, child):
    return direct.call("cases.GetCase", TEACHER, name=child.case)


def test_who_takes_part_is_taken_out_and_the_log_goes_on(direct):
    child = direct.child()
    direct.call("cases.AddParticipant", TEACHER, case=child.case, recipient=PPT)
    assert case_of(direct, child)["participants"] == [PPT]
    direct.withdraw(child, PPT)
    wait_until(lambda: not case_of(direct, child).get("participants"), "PPT takes part no longer", 30)
    direct.note(child)


def test_who_holds_writes_no_more_stays_responsible_and_may_open_it_again(direct):
    child = direct.child()
    direct.withdraw(child, SCHOOL)
    wait_until(lambda: case_of(direct, child)["state"] == "LOG_SUSPENDED", "the log is suspended", 30)
    assert case_of(direct, child)["holder"] == TEACHER.person
    with pytest.raises(Refused) as refused:
        direct.note(child)
    assert refused.value.refusal.reason == "NO_CONSENT"
    told = {recipient: len(direct.signals(recipient)) for recipient in child.case_refs}
    direct.consent(child)
    direct.call("cases.OpenLog", TEACHER, again={"NO_CONSENT"}, case=child.case, goal="Trives.")
    assert case_of(direct, child)["state"] == "LOG_OPEN"
    direct.note(child)
    for recipient, before in told.items():
        wait_until(lambda r=recipient, n=before: len(direct.signals(r)) > n, f"{recipient} is told again", 30)
