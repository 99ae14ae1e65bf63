"""The player against a stub of the services, and a watch that says what the test wants seen."""

from dataclasses import replace
from datetime import date

import pytest
from stories import CONCERN, HEAD
from stub import No, Stub

from stafett_story import calls
from stafett_story.calls import Caller
from stafett_story.load import load
from stafett_story.match import Seen
from stafett_story.play import Hooks, Player
from stafett_story.told import Escalated, Mailed
from stafett_story.watch import Event

TODAY = date(2026, 11, 22)
NOTE = Seen("d1", "note-written", frozenset({"EXIST", "IDENT", "EDUC"}), "T020",
            content={"sections": [{"section_category": "EDUC", "text": "Hun leser."}]})  # fmt: skip


class FakeWatch:
    def __init__(self):
        self.on_log = {}  # request_id → events
        self.coming = {}  # alias → what it sees after the next step
        self.answers = []
        self.asked = []
        self.settled = []
        self.rounds = []  # what has been told, each time that it is asked; the last for ever
        self.programs = []

    def begin(self):
        pass

    def events(self, request_id):
        return self.on_log.get(request_id, [])

    def settle(self, events):
        self.settled.append(list(events))

    def new(self, alias):
        return self.coming.pop(alias, [])

    def told(self):
        return (self.rounds.pop(0) if len(self.rounds) > 1 else self.rounds[0]) if self.rounds else []

    def quiet(self):
        self.programs.append(("quiet", ""))

    def stop(self, alias):
        self.programs.append(("stop", alias))

    def start(self, alias):
        self.programs.append(("start", alias))

    def earlier(self, alias):
        return set()

    def ask(self, alias, event, attestation=""):
        self.asked.append((alias, event, attestation))
        if not self.answers:
            raise LookupError(f"{alias} has never had {event}")
        return self.answers


class FakeClock:
    days_passed = 0

    def let_days_pass(self, days):
        self.days_passed += days


class FakeCredentials:
    def metadata(self, actor):
        return [("authorization", f"Bearer {actor.client}"), ("stafett-attestation", actor.person)]

    def client(self, client_id):
        return client_id

    def attestation(self, actor):
        return f"attestation-{actor.person}"


@pytest.fixture
def stub(api):
    stub = Stub(api)
    stub.answers["cases.NoteConcern"] = lambda *_: {"case": {"name": "controllers/c-1/cases/7"}}
    yield stub
    stub.stop()


@pytest.fixture
def watch():
    return FakeWatch()


@pytest.fixture
def play(api, known, story_file, stub, watch):
    callers = []

    def run(text, *, hooks=None, patience=1.0, addresses=None):
        story = load(story_file(HEAD + text), api, known)
        targets = addresses or [stub.address]
        caller = Caller(dict.fromkeys(("cases", "consent", "disclosure"), targets), patience=patience)
        callers.append(caller)
        player = Player(
            story, api, caller, FakeCredentials(), watch, hooks=hooks, today=TODAY, clock=FakeClock()
        )
        return player.play()

    yield run
    for caller in callers:
        caller.close()


def test_a_story_that_ends_as_written(play, stub):
    result = play(CONCERN)
    assert result.failure == ""
    name, request, metadata = stub.calls[0]
    assert name == "cases.NoteConcern"
    assert request["concern"] == "Hun er blitt stille." and len(request["request_id"]) == 36
    assert metadata["authorization"] == "Bearer skole-record-system"
    assert metadata["stafett-attestation"] == "p-teach1"


def test_saved_values_dates_and_people_are_filled_in(play, stub):
    step = """\
  - step: y
    who: teacher
    does: cases.RecordConversation
    with:
      case: ${case.name}
      guardians: ["${mother}"]
      summary: "Om ${mina.name}"
      next_date: ${today+9}
"""
    assert play(CONCERN + step).failure == ""
    request = stub.calls[1][1]
    assert request["case"] == "controllers/c-1/cases/7"
    assert request["summary"] == "Om Mina Testdatter"
    assert request["next_date"] == "2026-12-01"
    assert request["guardians"][0].startswith("p-")


def test_request_ids_are_the_same_in_every_run_and_differ_between_steps(play, stub):
    play(CONCERN + CONCERN.replace("id: concern", "id: concern2"))
    first = [call[1]["request_id"] for call in stub.calls if call[0] == "cases.NoteConcern"]
    stub.calls.clear()
    play(CONCERN + CONCERN.replace("id: concern", "id: concern2"))
    assert first == [call[1]["request_id"] for call in stub.calls if call[0] == "cases.NoteConcern"]
    assert first[0] != first[1]


def test_a_wrong_answer_fails_with_file_line_and_step(play):
    result = play(CONCERN + "    answers: {case: {holder: '${teacher}'}}\n")
    assert "story.yaml:12: step 1, 'The teacher notes a concern'" in result.failure
    assert "case.holder is '', expected 'p-teach1'" in result.failure


def test_whoever_is_not_named_must_see_nothing(play, watch):
    watch.coming["health"] = [NOTE]
    assert "health: must see nothing; saw note-written (EDUC)" in play(CONCERN).failure


def test_what_is_named_must_be_seen(play, watch):
    watch.coming["health"] = [NOTE]
    stub_list = "    sees: {health: {event: note-written, fields: [EDUC], has: leser}}\n"
    # It must be pollable too: the stub lists nothing.
    assert "was signalled delivery d1, and cannot poll it" in play(CONCERN + stub_list).failure


def test_pages_of_deliveries_are_read_to_the_end(play, watch, stub):
    pages = {"": {"deliveries": [], "next": "1"}, "1": {"deliveries": [{"delivery_id": "d1"}]}}
    empty = {"deliveries": []}
    stub.answers["disclosure.ListDeliveries"] = lambda request, metadata: (
        pages[request.get("after", "")] if "helse" in metadata["authorization"] else empty
    )
    watch.coming["health"] = [NOTE]
    assert play(CONCERN + "    sees: {health: note-written}\n").failure == ""


def test_a_delivery_that_was_never_signalled_is_found(play, stub):
    stub.answers["disclosure.ListDeliveries"] = lambda *_: {"deliveries": [{"delivery_id": "d9"}]}
    assert "can poll delivery d9, and was never signalled it" in play(CONCERN).failure


def test_an_expected_refusal(play, stub):
    def no(*_):
        raise No("INVALID_ARGUMENT", "INVALID_FIELD", "concern")

    stub.answers["cases.NoteConcern"] = no
    step = CONCERN.replace("    save: {case: case}\n", "")
    assert play(step + "    refused: {code: INVALID_ARGUMENT, field: concern}\n").failure == ""
    wrong_reason = play(step + "    refused: {code: INVALID_ARGUMENT, reason: OTHER}\n").failure
    assert "should have been refused with INVALID_ARGUMENT/OTHER" in wrong_reason
    wrong_field = play(step + "    refused: {code: INVALID_ARGUMENT, field: child}\n").failure
    assert "should have named the field child" in wrong_field
    assert "was refused: INVALID_ARGUMENT/INVALID_FIELD (concern)" in play(step).failure


def test_an_answer_where_a_refusal_was_expected(play):
    step = CONCERN.replace("    save: {case: case}\n", "")
    assert "should have been refused with NOT_FOUND" in play(step + "    refused: {code: NOT_FOUND}\n").failure


def test_a_refusal_without_error_info_is_a_difference(play, stub):
    def no(*_):
        raise No("NOT_FOUND")

    stub.answers["cases.NoteConcern"] = no
    step = CONCERN.replace("    save: {case: case}\n", "")
    assert "without an ErrorInfo" in play(step + "    refused: {code: NOT_FOUND}\n").failure


def test_a_refused_command_that_left_an_event_is_found(play, stub, watch):
    def no(request, _):
        watch.on_log[request["request_id"]] = [Event("e1", "no.stafett.cases.concern-noted.v1", "k", 0, 5)]
        raise No("NOT_FOUND", "X")

    stub.answers["cases.NoteConcern"] = no
    step = CONCERN.replace("    save: {case: case}\n", "")
    assert "and yet concern-noted stands on the log" in play(step + "    refused: {code: NOT_FOUND}\n").failure


def test_an_unknown_outcome_is_repeated_with_the_same_request_id(play, stub):
    def second_time(*_):
        if len(stub.calls) < 3:
            raise No("UNAVAILABLE", "OUTCOME_UNKNOWN")
        return {"case": {"name": "x"}}

    stub.answers["cases.NoteConcern"] = second_time
    assert play(CONCERN).failure == ""
    ids = {call[1]["request_id"] for call in stub.calls if call[0] == "cases.NoteConcern"}
    assert len(ids) == 1 and len(stub.calls) >= 3


def test_a_service_that_stays_away_fails_the_story(play, stub):
    stub.stop()
    assert "was refused: UNAVAILABLE" in play(CONCERN, patience=0.2).failure


def test_another_copy_answers_when_one_is_away(play, stub, api):
    gone = Stub(api)
    gone.stop()
    assert play(CONCERN, addresses=[gone.address, stub.address]).failure == ""


def test_a_repeated_step_sends_the_same_and_expects_the_same(play, stub, watch):
    again = "  - step: again\n    repeats: concern\n    answers: same\n"
    assert play(CONCERN + again).failure == ""
    first, second = (call for call in stub.calls if call[0] == "cases.NoteConcern")
    assert first == second

    names = iter(["one", "two"])
    stub.answers["cases.NoteConcern"] = lambda *_: {"case": {"name": next(names)}}
    assert "the answer.case.name is 'two', expected 'one'" in play(CONCERN + again).failure


def test_a_repeated_step_that_writes_again_is_found(play, stub, watch):
    def writes(request, _):
        events = watch.on_log.setdefault(request["request_id"], [])
        events.append(Event(f"e{len(events)}", "no.stafett.cases.concern-noted.v1", "k", 0, len(events)))
        return {"case": {"name": "x"}}

    stub.answers["cases.NoteConcern"] = writes
    again = "  - step: again\n    repeats: concern\n"
    assert "should have changed nothing, and yet concern-noted" in play(CONCERN + again).failure


def test_eventually_asks_until_it_is_so(play, stub, monkeypatch):
    monkeypatch.setattr("stafett_story.play.EVENTUALLY_PAUSE", 0.001)
    states = iter(["CONCERN_NOTED", "CONCERN_NOTED", "LOG_SUSPENDED"])
    stub.answers["cases.GetCase"] = lambda *_: {"state": next(states)}
    step = """\
  - step: y
    who: teacher
    does: cases.GetCase
    with: {name: x}
    answers: {state: LOG_SUSPENDED}
    eventually: yes
"""
    assert play(step).failure == ""


def test_what_is_only_stored_is_awaited(play, stub, watch, monkeypatch):
    """Its events are on the log only when the receipt says PUBLISHED."""
    monkeypatch.setattr("stafett_story.play.EVENTUALLY_PAUSE", 0.001)
    states = iter(["STORED", "STORED", "PUBLISHED"])
    stub.answers["cases.NoteConcern"] = lambda *_: {"case": {"name": "x"}, "receipt": {"state": "STORED"}}
    stub.answers["cases.GetReceipt"] = lambda *_: {"state": next(states)}
    assert play(CONCERN).failure == ""
    asked = [call[1]["request_id"] for call in stub.calls if call[0] == "cases.GetReceipt"]
    assert len(asked) == 3 and set(asked) == {stub.calls[0][1]["request_id"]}

    stub.answers["cases.GetReceipt"] = lambda *_: {"state": "STORED"}
    assert "does not become PUBLISHED" in play(CONCERN, patience=0.05).failure


OPENS = "  - step: y\n    who: teacher\n    at: school\n    opens: note-written\n"
FETCHES = "  - step: y\n    at: school\n    fetches: everything\n    refused: {code: FAILED_PRECONDITION}\n"


def test_a_person_opens(play, watch):
    watch.answers = [NOTE]
    assert play(OPENS).failure == ""
    assert watch.asked == [("school", "note-written", "attestation-p-teach1")]


def test_nothing_to_open(play):
    assert "school has never had note-written" in play(OPENS).failure


def test_fetching_what_was_withdrawn(play, watch):
    watch.answers = [Seen("d1", "note-written", refused="FAILED_PRECONDITION/WITHDRAWN")]
    assert play(FETCHES).failure == ""
    watch.answers = [NOTE]
    assert "note-written should have been refused; school has it" in play(FETCHES).failure


def test_words_that_must_never_be_seen(play, watch, api, known, story_file, stub):
    text = HEAD.replace("steps:", "never: {health: [leser]}\nsteps:") + CONCERN
    watch.coming["health"] = [NOTE]
    story = load(story_file(text + "    sees: {health: note-written}\n"), api, known)
    caller = Caller({"cases": [stub.address], "disclosure": [stub.address]})
    failure = Player(story, api, caller, FakeCredentials(), watch).play().failure
    assert "health: must never see 'leser'" in failure


def test_hooks_run_around_each_step(play):
    seen = []
    hooks = Hooks(
        before=lambda step, player: seen.append(("before", step.number)),
        after=lambda step, player: seen.append(("after", step.number)),
    )
    play(CONCERN, hooks=hooks)
    assert seen == [("before", 1), ("after", 1)]


def test_events_of_a_step_are_awaited(play, stub, watch):
    event = Event("e1", "no.stafett.cases.concern-noted.v1", "k", 2, 5)

    def writes(request, _):
        watch.on_log[request["request_id"]] = [event]
        return {"case": {"name": "x"}}

    stub.answers["cases.NoteConcern"] = writes
    result = play(CONCERN)
    assert watch.settled == [[event]] and result.played[0].events == [event]


def test_a_deadline_of_a_call_counts_as_an_unknown_outcome():
    assert set(calls.UNKNOWN_OUTCOME) == {"UNAVAILABLE", "DEADLINE_EXCEEDED"}


# --- time, escalations, mails ------------------------------------------------------------------------

RAISED = Escalated("k", "es-1", "raised", "EVALUATION", "r-skole1", "p-teach1")
MAIL = Mailed("k", "m-1", "p-teach1", True, "nn", "Nokon ventar\nLogg inn", 1)
PASSES = """\
  - step: Two weeks pass
    passes: 14 days
    escalates: {is: raised, awaited: EVALUATION, of: school, to: teacher}
    mails: {to: teacher, language: nn, has: Logg inn}
"""


def concern_of(watch, stub):
    """The concern's event is of child k."""
    event = Event("e1", "no.stafett.cases.concern-noted.v1", "k", 0, 1)

    def answer(request, _):
        watch.on_log[request["request_id"]] = [event]
        return {"case": {"name": "controllers/c-1/cases/7"}}

    stub.answers["cases.NoteConcern"] = answer


def test_time_passes_and_today_is_later(play, stub, watch):
    concern_of(watch, stub)
    watch.rounds = [[], [RAISED, MAIL]]
    step = """\
  - step: y
    who: teacher
    does: cases.RecordConversation
    with: {case: "${case.name}", summary: x, next_date: "${today+1}"}
"""
    assert play(CONCERN + PASSES + step).failure == ""
    (request,) = [request for name, request, _ in stub.calls if name == "cases.RecordConversation"]
    assert request["next_date"] == "2026-12-07"
    assert watch.programs == [("quiet", "")]  # before time passes, all is said that is to be said today


def test_what_is_to_be_told_is_waited_for(play, stub, watch):
    concern_of(watch, stub)
    watch.rounds = [[], [], [RAISED], [RAISED, MAIL]]
    result = play(CONCERN + PASSES)
    assert result.failure == ""
    assert [played.told for played in result.played] == [[], [RAISED, MAIL]]


@pytest.mark.parametrize(
    ("told", "problem"),
    [
        ([MAIL], "EVALUATION was not raised to teacher"),
        ([replace(RAISED, to="p-other", of="r-helse1"), MAIL], "EVALUATION was raised to p-other, awaited of health"),
        ([RAISED, RAISED, MAIL], "EVALUATION was raised to teacher, awaited of school, and is not named"),
        ([RAISED], "no mail to teacher in nn"),
        ([RAISED, replace(MAIL, language="nb")], "no mail to teacher in nn"),
        ([RAISED, MAIL, replace(MAIL, to="p-other")], "a mail in nn to p-other is not named"),
        ([RAISED, replace(MAIL, text="Hei")], "the mail to teacher does not say 'Logg inn'"),
        ([RAISED, replace(MAIL, text="Logg inn, Mina Testdatter")], "the mail to teacher says 'Mina Testdatter'"),
        ([RAISED, replace(MAIL, sent=False)], "the mail to teacher was given up"),
        ([RAISED, replace(MAIL, times=2)], "the mail to teacher was sent 2 times"),
    ],
)
def test_what_is_told_must_be_what_the_step_says(play, stub, watch, told, problem):
    concern_of(watch, stub)
    watch.rounds = [[], told]
    assert problem in play(CONCERN + PASSES, patience=0.2).failure


def test_what_is_not_named_must_not_be_told(play, stub, watch):
    concern_of(watch, stub)
    watch.rounds = [[RAISED]]
    assert "EVALUATION was raised to teacher, awaited of school, and is not named" in play(CONCERN).failure


def test_what_is_told_of_others_is_not_this_storys(play, stub, watch):
    concern_of(watch, stub)
    watch.rounds = [[replace(RAISED, child="other")]]
    assert play(CONCERN).failure == ""


def test_a_recipients_system_stops_and_is_back(play, watch):
    steps = "  - {step: x, stops: health}\n  - {step: y, starts: health}\n"
    assert play(steps).failure == ""
    assert watch.programs == [("stop", "health"), ("start", "health")]
