from stafett_story.load import ANY, NONE, Item
from stafett_story.match import Seen, differences, seen_differences


def note(**values):
    content = {"author": "p-1", "sections": [{"section_category": "EDUC", "text": "Hun leser godt."}]}
    return Seen("d1", "note-written", frozenset({"EXIST", "IDENT", "EDUC", "PLAN"}), "T020",
                content=content, **values)  # fmt: skip


def test_expected_may_say_less_than_there_is():
    assert differences({"a": {"b": 1}}, {"a": {"b": 1, "c": 2}, "d": 3}, "") == []
    assert differences({"a": {"b": 2}}, {"a": {"b": 1}}, "") == ["a.b is 1, expected 2"]
    assert differences({"a": {"b": 2}}, {}, "") == ["a.b is None, expected 2"]


def test_lists_have_the_same_length():
    assert differences([1], [1, 2], "x") == ["x has 2 entries, expected 1: [1, 2]"]
    assert differences([{"a": 1}], [{"a": 1, "b": 2}], "x") == []


def test_any_and_none():
    assert differences({"a": ANY}, {"a": "x"}, "") == []
    assert differences({"a": ANY}, {"a": ""}, "") == ["a is empty"]
    assert differences({"a": NONE}, {"a": ""}, "") == []
    assert differences({"a": NONE}, {"a": "x"}, "") == ["a is 'x', not empty"]


def test_a_note_as_expected():
    item = Item(1, "note-written", frozenset({"PLAN", "EDUC"}), ("EDUC",), "T020", ("leser",), ("sover",),
                {"author": "p-1"})  # fmt: skip
    assert seen_differences([item], [note()]) == []


def test_each_difference_is_told():
    item = Item(1, "note-written", frozenset({"PLAN"}), ("HEALTHD",), "T062", ("sover",), ("leser",))
    assert seen_differences([item], [note()]) == [
        "note-written: fields are EDUC, PLAN, expected PLAN",
        "note-written: sections[0] is 'EDUC', expected 'HEALTHD'",
        "note-written: rule is T020, expected T062",
        "note-written: does not say 'sover'",
        "note-written: says 'leser'",
    ]


def test_existence_counts_only_when_it_is_named():
    fields = frozenset({"EXIST", "IDENT", "EDUC", "PLAN"})
    assert seen_differences([Item(1, "note-written", fields)], [note()]) == []


def test_more_or_less_than_expected():
    assert seen_differences([], [note()]) == ["must see nothing; saw note-written (EDUC, PLAN)"]
    assert seen_differences([Item(1, "log-opened")], []) == ["must see log-opened; saw nothing"]


def test_a_signal_without_content_is_something_seen():
    refused = Seen("d1", "", refused="FAILED_PRECONDITION/WITHDRAWN")
    assert "content was refused" in seen_differences([Item(1, "note-written")], [refused])[0]


def test_what_a_recipients_program_finds_wrong_is_a_difference():
    assert seen_differences([Item(1, "note-written")], [note(problem="sequence 3 where 2 was due")]) == [
        "note-written (EDUC, PLAN): sequence 3 where 2 was due"
    ]
