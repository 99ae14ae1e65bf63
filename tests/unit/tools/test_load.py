"""Every way in which a story file can be wrong gets its line and its reason."""

from pathlib import Path

import pytest
from stories import CONCERN, HEAD, HEAD_LINES

from stafett_stack import controllers
from stafett_story.load import Actor, StoryError, load

ROOT = Path(__file__).resolve().parents[3]


def problems(story_file, api, known, text):
    with pytest.raises(StoryError) as caught:
        load(story_file(text), api, known)
    return [(p.line, p.text) for p in caught.value.problems]


def test_a_small_story_loads(story_file, api, known):
    story = load(story_file(HEAD + CONCERN), api, known)
    assert story.title == "A small story"
    assert story.actors["teacher"] == Actor(
        "teacher", "skole-record-system", "p-teach1", "Testine Prøve"
    )
    assert story.actors["mother"].guardian and story.actors["mother"].person.startswith("p-")
    assert story.recipient_clients == {"school": "skole-record-system", "health": "helse-record-system"}
    step = story.steps[0]
    assert (step.number, step.line, step.rpc.name) == (1, HEAD_LINES + 1, "cases.NoteConcern")
    assert step.sees == {}


def test_private_strings_hold_names_numbers_and_sentences(story_file, api, known):
    story = load(story_file(HEAD + CONCERN), api, known)
    assert {"Mina Testdatter", "Testdatter", "Hun er blitt stille.", story.number("mina")} <= (
        story.private_strings()
    )
    assert story.number("mina", "1") != story.number("mina", "2")


STEP = "  - step: x\n    who: teacher\n    does: cases.NoteConcern\n"
CASE = "with: {child: c, concern: x}"


@pytest.mark.parametrize(
    ("text", "line", "reason"),
    [
        ("titel: x\n", 1, "no key 'titel' of a story; did you mean 'title'?"),
        (HEAD.replace("r-helse1", "r-hels1") + CONCERN, 8, "did you mean 'r-helse1'?"),
        (HEAD.replace("p-teach1", "p-teach2") + CONCERN, 10, "did you mean 'p-teach1'?"),
        (HEAD.replace("through: skole-record", "through: skule-record") + CONCERN, 5, "no client"),
        (HEAD.replace("r-helse1", "r-barne1") + CONCERN, 8, "no client of the controllers' files"),
        (HEAD.replace("2017-05-14", "14.5.2017") + CONCERN, 3, "is a date such as"),
        (HEAD.replace("born: 2017-05-14", "number: '10915596785'") + CONCERN, 3, "wrong check digits"),
        (HEAD.replace("  health:", "  mina:") + CONCERN, 8, "the name 'mina' is taken"),
        (HEAD.replace("  health:", "  Health Station:") + CONCERN, 8, "is no name"),
        (HEAD + STEP.replace("NoteConcern", "NotConcern"), 3, "did you mean 'cases.NoteConcern'?"),
        (HEAD + STEP.replace("teacher", "techer"), 2, "no actor 'techer' in this story; did you mean"),
        (HEAD + STEP, 3, "cases.NoteConcern needs `child` in `with`"),
        (HEAD + STEP + "    with: {child: c, concrn: x}\n", 4, "did you mean 'concern'?"),
        (HEAD + STEP + "    with: {child: '${chidl}', concern: x}\n", 4, "no name 'chidl'"),
        (HEAD + STEP + "    with: {child: '${mina}', concern: x}\n", 4, "${mina} says too little"),
        (HEAD + STEP + "    with: {child: '${mina.nr}', concern: x}\n", 4, "no field 'nr' of mina"),
        (HEAD + STEP + f"    {CASE}\n    save: {{case: cse.name}}\n", 5, "did you mean 'case'?"),
        (HEAD + STEP + f"    {CASE}\n    save: {{x: case.participants}}\n", 5, "is a list"),
        (HEAD + STEP + f"    {CASE}\n    answers: {{case: {{state: CONCERN}}}}\n", 5,
         "did you mean 'CONCERN_NOTED'?"),
        (HEAD + STEP + f"    {CASE}\n    refused: {{code: NOT_FUND}}\n", 5, "did you mean 'NOT_FOUND'?"),
        (HEAD + STEP + f"    {CASE}\n    sees: {{helth: nothing}}\n", 5, "did you mean 'health'?"),
        (HEAD + STEP + f"    {CASE}\n    sees: {{health: [note-writen]}}\n", 5,
         "did you mean 'note-written'?"),
        (HEAD + STEP + f"    {CASE}\n    sees:\n      health:\n"
         "        - {event: note-written, fields: [PLAN, EDUK]}\n", 7, "did you mean 'EDUC'?"),
        (HEAD + STEP + f"    {CASE}\n    sees: {{health: {{event: level-set, content: {{levl: x}}}}}}\n",
         5, "did you mean 'level'?"),
        (HEAD + STEP + f"    {CASE}\n    {CASE}\n", 5, "'with' stands here twice"),
        (HEAD + STEP + f"    {CASE}\n    wth: x\n", 5, "did you mean 'with'?"),
        (HEAD + CONCERN + "  - step: y\n    repeats: concer\n", 8, "did you mean 'concern'?"),
        (HEAD + "  - step: y\n    who: teacher\n", 1, "a step has one of `does`"),
        (HEAD + "  - step: y\n    opens: note-written\n    at: health\n", 1, "needs `who`"),
        (HEAD + "  - just words\n", 1, "a step is a list of"),
        (HEAD + "  - step: [unclosed\n", 2, "not YAML"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told_with_its_line(story_file, api, known, text, line, reason):
    found = problems(story_file, api, known, text)
    at = line + (HEAD_LINES if text.startswith(HEAD) else 0)
    assert any(p[0] == at and reason in p[1] for p in found), found


def test_all_problems_are_told_at_once_in_order(story_file, api, known):
    found = problems(
        story_file, api, known, HEAD + STEP.replace("teacher", "techer") + "    with: {chld: x}\n"
    )
    assert [line - HEAD_LINES for line, _ in found] == [2, 4, 4, 4]


def test_the_error_reads_file_line_reason(story_file, api, known):
    file = story_file("title: x\n")
    with pytest.raises(StoryError, match=rf"^{file}:1: a story needs `actors` and"):
        load(file, api, known)


def test_a_file_that_is_not_there(tmp_path, api, known):
    with pytest.raises(StoryError, match="cannot be read"):
        load(tmp_path / "none.yaml", api, known)


def test_never_anything_and_seeing_something_contradict(story_file, api, known):
    text = HEAD.replace("steps:", "never: {health: anything}\nsteps:") + CONCERN
    text += "    sees: {health: log-opened}\n"
    assert "`never` says" in problems(story_file, api, known, text)[0][1]


def test_a_refused_call_may_lack_what_is_required(story_file, api, known):
    text = HEAD + STEP + "    refused: {code: INVALID_ARGUMENT, field: child}\n"
    assert load(story_file(text), api, known).steps[0].refused.field == "child"


@pytest.mark.parametrize("file", sorted((ROOT / "tests/e2e/stories").glob("*.yaml")), ids=lambda f: f.name)
def test_the_stories_of_the_repository_load(file, api):
    assert load(file, api, controllers.load()).steps


def test_the_example_of_the_format_loads(story_file, api):
    readme = (ROOT / "tests" / "e2e" / "stories" / "README.md").read_text()
    (example,) = [part for part in readme.split("```") if part.startswith("yaml\ntitle:")]
    assert load(story_file(example.removeprefix("yaml\n")), api, controllers.load()).steps


@pytest.mark.parametrize(
    ("step", "line", "problem"),
    [
        ("passes: 2 weeks", 2, "`passes` is a time such as 14 days"),
        ("passes: 0 days", 2, "`passes` is a time such as 14 days"),
        ("stops: schol", 2, "no recipient 'schol' in this story; did you mean 'school'?"),
        ("passes: 3 days\n    escalates: {is: raised, awaited: BATON}", 3, "no thing awaited 'BATON' in proto/"),
        ("passes: 3 days\n    escalates: {is: risen, awaited: NEXT_DATE}", 3, "no step of an escalation 'risen'"),
        ("passes: 3 days\n    escalates: {is: raised, awaited: NEXT_DATE, to: tacher}", 3, "did you mean 'teacher'?"),
        ("passes: 3 days\n    mails: {language: nb}", 3, "a mail needs `to`"),
    ],
)
def test_what_is_wrong_about_time_is_told_with_its_line(story_file, api, known, step, line, problem):
    with pytest.raises(StoryError) as error:
        load(story_file(HEAD + f"  - step: y\n    {step}\n"), api, known)
    assert any(p.line == HEAD_LINES + line and problem in p.text for p in error.value.problems), error.value
