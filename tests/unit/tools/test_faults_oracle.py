"""The oracle of tools/faults decides by rules, consents and participants alone. Against the services it is held by every run;
here are the corners that a run may not meet."""

import importlib

import pytest
from made_up import MESSAGES, MOTHER, START, Hand

from stafett_faults.oracle import EVENT, RETRACTION, SNAPSHOT, Files, Oracle, spread
from stafett_stack import paths
from stafett_story.steinkjer import HEALTH_STATION, PPT, SCHOOL

CHILD_WELFARE = "r-q2f8rn"
PPTS_NUMBER = "317198868"
EVERYBODY = [SCHOOL, HEALTH_STATION, PPT, CHILD_WELFARE]


@pytest.fixture(scope="module")
def oracle(api):
    return Oracle(Files(paths.POLICY, paths.CONTROLLERS))


class Story(Hand):
    def __init__(self, active=EVERYBODY):
        super().__init__()
        self.cases, self.consent, ledger = (
            importlib.import_module(MESSAGES[s]) for s in ("cases", "consent", "disclosure")
        )
        self.say(ledger.PolicyActivated(active_recipients=active), organisation="")

    def ask(
        self, consent, recipients, categories=("PLAN", "EDUC"), until=START + 10**10, consenters=(MOTHER,), by=SCHOOL
    ):
        scopes = [{"recipient": r, "categories": list(categories)} for r in recipients]
        self.say(
            self.consent.ConsentRequested(
                consent_id=consent,
                purpose="follow-up",
                consenters=consenters,
                until_ms=until,
                scopes=scopes,
                asking_recipient=by,
            )
        )

    def yes(self, consent, recipients, who=MOTHER):
        return self.say(self.consent.ConsentAnswered(consent_id=consent, consenter=who, granted=recipients))

    def open_log(self):
        return self.say(
            self.cases.LogOpened(case_id="ca", holder="p", holder_recipient=SCHOOL, goal=".", level="LEVEL_2")
        )

    def note(self, *sections, **more):
        return self.say(
            self.cases.NoteWritten(
                case_id="ca",
                author="p",
                author_recipient=SCHOOL,
                sections=[{"section_category": s, "text": "."} for s in sections],
            ),
            **more,
        )


def told(oracle, story, cause):
    """recipient -> fields, of what this record leads to."""
    return {
        t.recipient: set(t.fields) for t in oracle.replay(story.run.log).told.values() if t.cause == cause.event_id
    }


def kinds(oracle, story, cause):
    return {(t.recipient, t.kind) for t in oracle.replay(story.run.log).told.values() if t.cause == cause.event_id}


def test_a_section_is_shown_whole_or_not_at_all_and_without_one_nobody_is_told(oracle):
    story = Story()
    story.ask("co", [SCHOOL, PPT])
    story.yes("co", [SCHOOL, PPT])
    story.open_log()
    assert told(oracle, story, story.note("EDUC", "HEALTHD")) == {PPT: {"EXIST", "IDENT", "PLAN", "EDUC"}}
    assert told(oracle, story, story.note("HEALTHD")) == {}


def test_nobody_without_consent_and_nobody_unless_all_have_said_yes(oracle):
    story = Story()
    story.ask("co", [SCHOOL, PPT, CHILD_WELFARE], consenters=(MOTHER, "p-father"))
    story.yes("co", [SCHOOL, PPT])
    story.open_log()
    assert told(oracle, story, story.note("EDUC")) == {}
    whole = story.yes("co", [PPT], who="p-father")
    assert kinds(oracle, story, whole) == {(PPT, SNAPSHOT)}
    assert set(told(oracle, story, story.note("EDUC"))) == {PPT}


def test_a_consent_between_two_others_shows_them_nothing_of_this_log(oracle):
    """Decision 0017. That of the second consent is one with the school, which everybody has said yes to in it."""
    story = Story()
    story.ask("co", [SCHOOL])
    story.yes("co", [SCHOOL])
    story.open_log()
    story.ask("theirs", [PPT, CHILD_WELFARE], by=PPT)
    assert kinds(oracle, story, story.yes("theirs", [PPT, CHILD_WELFARE])) == set()
    assert told(oracle, story, story.note("EDUC")) == {}
    story.ask("with the school", [SCHOOL, PPT], by=PPT)
    assert kinds(oracle, story, story.yes("with the school", [PPT])) == set()
    assert told(oracle, story, story.note("EDUC")) == {}
    schools = story.yes("with the school", [SCHOOL])
    assert (PPT, SNAPSHOT) in kinds(oracle, story, schools)
    assert set(told(oracle, story, story.note("EDUC"))) == {PPT}
    story.say(story.consent.ConsentWithdrawn(consent_id="with the school", consenter=MOTHER, recipients=[SCHOOL]))
    assert told(oracle, story, story.note("EDUC")) == {}


def test_a_consent_that_ran_out_gives_nothing(oracle):
    story = Story()
    story.ask("co", [SCHOOL, PPT], until=START + 5500)
    story.yes("co", [SCHOOL, PPT])
    assert set(told(oracle, story, story.open_log())) == {PPT}
    assert set(told(oracle, story, story.note("EDUC"))) == {PPT}
    assert told(oracle, story, story.note("EDUC")) == {}  # six seconds in


def test_a_withdrawal_retracts_from_whom_was_told_and_ends_it(oracle):
    story = Story()
    story.ask("co", [SCHOOL, PPT, HEALTH_STATION])
    story.yes("co", [SCHOOL, PPT, HEALTH_STATION])
    story.open_log()
    withdrawn = story.say(
        story.consent.ConsentWithdrawn(consent_id="co", consenter=MOTHER, recipients=[PPT, CHILD_WELFARE])
    )
    assert kinds(oracle, story, withdrawn) == {(PPT, RETRACTION)}
    assert set(told(oracle, story, story.note("EDUC"))) == {HEALTH_STATION}
    # A yes to the same consent does not bring it back; a new one does, and tells the state, not the history.
    assert kinds(oracle, story, story.yes("co", [PPT])) == set()
    story.ask("again", [PPT])
    assert kinds(oracle, story, story.yes("again", [PPT])) == {(PPT, SNAPSHOT)}


def test_the_familys_words_are_told_to_the_holder_too_by_what_the_holder_may_give(oracle):
    story = Story()
    story.ask("co", [SCHOOL, PPT])
    story.yes("co", [SCHOOL, PPT])
    story.open_log()
    spot = story.cases.BrightSpotAdded(
        case_id="ca", author=MOTHER, sections=[{"section_category": "PLAN", "text": "."}]
    )
    assert {r for r, _ in kinds(oracle, story, story.say(spot, organisation="840029212"))} == {SCHOOL, PPT}
    assert {r for r, _ in kinds(oracle, story, story.note("PLAN"))} == {PPT}  # its own it is not told


def test_a_recipient_that_is_not_active_is_told_nothing_and_a_stranger_gives_nothing(oracle):
    story = Story(active=[SCHOOL])
    story.ask("co", [SCHOOL, PPT])
    story.yes("co", [SCHOOL, PPT])
    assert told(oracle, story, story.open_log()) == {}
    story = Story()
    story.ask("co", [SCHOOL, PPT])
    story.yes("co", [SCHOOL, PPT])
    story.open_log()
    spot = story.cases.BrightSpotAdded(
        case_id="ca", author="p", author_recipient=SCHOOL, sections=[{"section_category": "EDUC", "text": "."}]
    )
    assert kinds(oracle, story, story.say(spot, organisation="")) == set()


def test_a_contribution_is_told_to_the_holder_alone_and_accepted_as_its_authors_words(oracle):
    story = Story()
    story.ask("co", [SCHOOL, PPT])
    story.yes("co", [SCHOOL, PPT])
    story.open_log()
    sections = [{"section_category": "PLAN", "text": "."}]
    submitted = story.cases.ContributionSubmitted(
        case_id="ca", contribution_id="cb", author_recipient=PPT, to_recipient=SCHOOL, sections=sections
    )
    assert set(told(oracle, story, story.say(submitted, organisation=PPTS_NUMBER))) == {SCHOOL}
    # The school has asked child welfare in, and PPT has no consent with it.
    story.ask("another", [CHILD_WELFARE])
    story.yes("another", [CHILD_WELFARE])
    written = story.cases.NoteWritten(case_id="ca", author_recipient=PPT, sections=sections)
    assert told(oracle, story, story.say(written)) == {}  # neither to who wrote it nor to who put it into the log
    story.ask("a third", [CHILD_WELFARE, PPT])
    story.yes("a third", [CHILD_WELFARE, PPT])
    assert set(told(oracle, story, story.say(written))) == {CHILD_WELFARE}


def test_a_repeat_of_a_record_changes_nothing(oracle):
    story = Story()
    story.ask("co", [SCHOOL, PPT])
    story.yes("co", [SCHOOL, PPT])
    story.open_log()
    before = oracle.replay(story.run.log).told
    assert {key[1] for key in before} == {EVENT}
    assert oracle.replay([*story.run.log, *story.run.log]).told == before


def test_what_is_in_an_event_is_read_off_its_fields(api):
    cases = importlib.import_module(MESSAGES["cases"])
    section = {"section_category": "EDUC", "text": ".", "describes": ["p-x"]}
    whole, outside, sections = spread(cases.NoteWritten(case_id="ca", author="p", sections=[section]))
    assert (whole, outside) == ({"EXIST", "PLAN", "EDUC", "THIRD"}, {"EXIST", "PLAN"})
    assert sections == ({"EDUC", "THIRD"},)
