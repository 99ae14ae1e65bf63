"""One child's story as it is written, and what can be said of it afterwards."""

from collections import Counter

from stafett_story import table


def test_the_story_ends_as_written(played):
    assert played.result.failure == ""
    assert len(played.result.played) == len(played.stage.story.steps)


def test_every_decision_stands_in_the_table(played):
    text = table.render(played.result)
    assert len(played.result.decisions) > 10
    for decision in played.result.decisions:
        assert decision.rule in text


def test_child_welfare_was_never_a_candidate(played):
    child_welfare = played.stage.story.recipients["child-welfare"]
    assert [d for d in played.result.decisions if d.recipient == child_welfare] == []
    assert played.stage.recipients["child-welfare"].lines == [
        line for line in played.stage.recipients["child-welfare"].lines if line["seen"] == "end"
    ]


def test_the_decisions_agree_with_what_the_recipients_saw(played):
    """One disclosed decision per signal, and the receipt that the recipient gave."""
    told = Counter(d.recipient for d in played.result.decisions if d.verdict == "DISCLOSE")
    for alias, id_ in played.stage.story.recipients.items():
        assert told[id_] == sum(len(step.seen[alias]) for step in played.result.played), alias
    opened = [d.event for d in played.result.decisions if d.state == "OPENED"]
    assert opened == ["note-written", "note-written"]


def test_every_signal_has_the_same_size(played):
    sizes = {
        line["size"]
        for recipient in played.stage.recipients.values()
        for line in recipient.lines
        if line["seen"] == "signal"
    }
    assert len(sizes) == 1


def test_two_recipients_have_no_identifier_in_common(played):
    """Neither deliveries nor cases can be joined by two recipients that compare notes."""
    marks = {
        alias: {
            value
            for line in recipient.lines
            if line["seen"] == "signal"
            for value in (line["delivery_id"], line["case_ref"])
        }
        for alias, recipient in played.stage.recipients.items()
    }
    for alias, mine in marks.items():
        for other, theirs in marks.items():
            assert alias == other or not mine & theirs, (alias, other)


def test_signals_are_cloud_events(played):
    signals = [
        line
        for recipient in played.stage.recipients.values()
        for line in recipient.lines
        if line["seen"] == "signal"
    ]
    assert signals
    for line in signals:
        headers = line["headers"]
        assert headers["ce_specversion"] == "1.0" and headers["ce_id"] and headers["ce_type"]
        assert headers["ce_source"] and headers["content-type"]


def test_the_same_story_again_for_another_child(played):
    assert played.stage.play(run="again").failure == ""
