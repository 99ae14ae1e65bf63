"""The checker of tools/faults. A check that has never failed proves nothing: here is one made-up history in which all
is well, and for each invariant a thing that is wrong with it, which that invariant must find."""

import importlib
import json
from dataclasses import replace

import pytest
from made_up import LEDGER, LOG, MESSAGES, MOTHER, START, note, whole

from stafett_faults import checker, report, written
from stafett_faults.checker import ELSEWHERE, INVARIANTS, Finding
from stafett_faults.history import (
    ENFORCED,
    PUBLISHED,
    STORED,
    Attempt,
    Fault,
)
from stafett_faults.oracle import Files, Oracle
from stafett_faults.seen import LANDS_MS, NEAR_LOSS_MS
from stafett_stack import paths
from stafett_story.steinkjer import HEALTH_STATION, PPT, SCHOOL


@pytest.fixture(scope="module", autouse=True)
def classes(api):
    return api


@pytest.fixture(scope="module")
def oracle():
    return Oracle(Files(paths.POLICY, paths.CONTROLLERS))


def found(run, oracle):
    return {finding.name: finding for finding in checker.check(run, oracle)}


def test_a_history_in_which_all_is_well(oracle):
    findings = found(whole().run, oracle)
    assert {name: f.violations for name, f in findings.items() if f.violations} == {}
    assert {name: f.not_checked for name, f in findings.items() if f.not_checked} == {}
    assert all(f.checked for f in findings.values())


def at(entries, event):
    return next(i for i, e in enumerate(entries) if e.type.endswith(f".{event}.v1"))


def change(entries, i, **values):
    entries[i] = replace(entries[i], **values)


def lost(hand, event, which=LOG):
    """As if it had never been: a hole in the stream, too."""
    entries = hand.run.log if which == LOG else hand.run.ledger
    del entries[at(entries, event)]


def again(hand, i=-1, **values):
    """A record once more, as another."""
    entry = hand.run.log[i]
    hand.run.log.append(replace(entry, offset=len(hand.run.log), **values))


def signal_of(hand, recipient, kind):
    return next(s for s in hand.run.signals if (s.recipient, s.kind) == (recipient, kind))


# name of the invariant -> ways to break it
BROKEN = {
    "NoAckedLoss": [lambda h: lost(h, "log-opened")],
    "NoStoredLoss": [
        lambda h: lost(h, "note-written"),
        lambda h: h.run.receipts.update({c.request_id: STORED for c in h.run.commands if STORED in c.outcomes}),
    ],
    "NoPhantom": [
        lambda h: again(h, at(h.run.log, "note-written"), version=4, request_id="nobody's"),
        lambda h: again(h, at(h.run.log, "note-written"), version=4, request_id="no"),  # it was only ever refused
        lambda h: again(h, at(h.run.log, "note-written"), version=4, request_id="", cause="e-nothing"),
    ],
    "OneEffect": [
        lambda h: again(h, at(h.run.log, "note-written"), version=4),
        lambda h: h.run.commands[2].attempts.append(Attempt(0, 1, PUBLISHED, made=("", "n/other", "", ""))),
    ],
    "Contiguous": [
        lambda h: change(h.run.log, at(h.run.log, "consent-withdrawn"), version=7),
        lambda h: again(h, at(h.run.log, "log-opened"), digest="other bytes"),
        lambda h: change(h.run.ledger, -1, partition=1),
        lambda h: h.run.ledger.append(replace(h.run.ledger[0], offset=99, digest="other bytes")),
    ],
    "TailRepaired": [
        lambda h: h.run.log.pop(),  # it did not come back
        lambda h: change(h.run.log, -1, digest="other bytes"),
        # The withdrawal and the later note, both answered PUBLISHED or better, the other way round.
        lambda h: swap(h.run.log, "consent-withdrawn", "note-written"),
        # A stream of which nothing was cut is out of its order.
        lambda h: swap(h.run.ledger, "decided", "stored-confirmed"),
    ],
    "NoGarbage": [
        lambda h: setattr(h.run, "unreadable", [(LOG, 0, 99)]),
        lambda h: setattr(h.run, "poison", [(LOG, 0, 99)]),
    ],
    "SignalsInOrder": [
        lambda h: h.run.signals.remove(signal_of(h, HEALTH_STATION, "EVENT")),
        lambda h: change(h.run.signals, -1, sequence=1),
        lambda h: change(h.run.signals, -1, sequence=9),
        lambda h: h.run.signals.append(replace(h.run.signals[0], offset=99, digest="other bytes")),
    ],
    "OutboxEqualsState": [
        lambda h: h.run.own.update({"cases/k": (2, "x")}),
        lambda h: h.run.own.update({"cases/k": (h.run.own["cases/k"][0], "other bytes")}),
        lambda h: h.run.own.pop("consent/k"),
        lambda h: h.run.own.update({"cases/unheard": (1, "x")}),
    ],
    "RebuildEqual": [lambda h: setattr(h.run, "rebuilt", {"cases": ["gone: a key"]})],
    "NoLeak": [
        # Child welfare was never asked for; PPT after the withdrawal; nobody decided it.
        lambda h: leak(h, "r-q2f8rn"),
        lambda h: leak(h, PPT),
        lambda h: h.run.signals.append(replace(h.run.signals[0], delivery_id="d-unheard", offset=99)),
        lambda h: change(h.run.signals, 0, recipient=SCHOOL),
        # More than the consent says: in the ledger, in the answer, in the content itself.
        lambda h: h.run.ledger[at(h.run.ledger, "decided")].event.lines[0].fields.append(7),
        lambda h: change(h.run.reads, 0, categories=frozenset({"HEALTHD"})),
        lambda h: change(h.run.reads, 0, shown=frozenset({"HEALTHD"})),
        lambda h: change(h.run.reads, 0, recipient=PPT),
    ],
    "NoWithheldLoss": [
        lambda h: h.run.ledger[at(h.run.ledger, "decided")].event.lines.pop(),
        lambda h: h.run.ledger[at(h.run.ledger, "decided")].event.lines[0].fields.remove(5),
        lambda h: h.run.signals.remove(signal_of(h, PPT, "RETRACTION")),
        lambda h: h.run.listed.update({HEALTH_STATION: frozenset()}),
    ],
    "Fence": [
        # An earlier epoch behind the retraction; and something new, in time, though it stands before it.
        lambda h: h.run.signals.append(replace(signal_of(h, PPT, "EVENT"), delivery_id="d-e-cases-3-r", offset=99)),
        lambda h: change(h.run.signals, h.run.signals.index(signal_of(h, PPT, "EVENT")), appended_ms=h.ms + 9),
    ],
    "FetchNow": [
        lambda h: change(h.run.reads, index_of_refused(h), refused="", shown=frozenset({"EXIST", "EDUC"})),
        lambda h: change(h.run.reads, 0, shown=frozenset({"HEALTHD"})),
    ],
    "NoFalseReceipt": [
        lambda h: h.run.kept.pop(),
        lambda h: change(h.run.kept, 0, digest="of something else"),
        lambda h: change(h.run.kept, 0, record_ref="rec-other"),
    ],
    "NoReceiptLoss": [lambda h: lost(h, "stored-confirmed", LEDGER)],
    "TimerOnce": [
        lambda h: again(h, at(h.run.log, "escalation-raised"), version=4),
        lambda h: again(h, at(h.run.log, "escalation-passed-on"), version=4),
    ],
    "NeverEarly": [
        lambda h: setattr(h.run.log[at(h.run.log, "escalation-raised")].event, "date", "2027-02-01"),
        lambda h: change(h.run.log, at(h.run.log, "consent-answered"), recorded_ms=START - 1),
    ],
    "ToldOnce": [lambda h: again(h, at(h.run.log, "message-queued"), version=2)],
    "BoundedBacklog": [
        lambda h: h.run.commands[-1].attempts.append(Attempt(START + 540, START + 550, PUBLISHED)),
        lambda h: (
            setattr(h.run, "away", {"redis": [(START + 500, START + 600)]})
            or h.run.commands[-1].attempts.append(Attempt(START + 540, START + 550, STORED))
        ),
        lambda h: setattr(h.run, "backlog", (11, 10)),
    ],
    "NoCrossTalk": [lambda h: change(h.run.commands[2].attempts, -1, about="n/other")],
    "FailClosed": [
        lambda h: change(h.run.parked, 0, child="k"),  # signals
        lambda h: setattr(h.run, "signals", []) or change(h.run.parked, 0, child="k"),  # reads
        lambda h: change(h.run.parked, 0, until_ms=START + 1),  # nobody at all was told anything
    ],
    "ConfigGuard": [
        lambda h: change(h.run.unsafe, 0, closed_ms={"cases-a": START + 2300, "cases-b": None}),
        lambda h: change(h.run.unsafe, 0, within_ms=99),
        # The next command was taken behind closed gates.
        lambda h: change(h.run.unsafe, 0, undone_ms=START + 3300),
    ],
}


def swap(log, one, other):
    """The last of each, each at the other's place."""
    a, b = (max(i for i, e in enumerate(log) if e.type.endswith(f".{event}.v1")) for event in (one, other))
    log[a], log[b] = replace(log[b], offset=log[a].offset), replace(log[a], offset=log[b].offset)


def leak(hand, recipient):
    """The last note is told to `recipient`, too."""
    written = hand.run.log[max(i for i, e in enumerate(hand.run.log) if e.type.endswith(".note-written.v1"))]
    hand.decide(written, (recipient, "EVENT", written.event_id, ["PLAN"], ["co"]))


def index_of_refused(hand):
    return next(i for i, read in enumerate(hand.run.reads) if read.refused)


def test_every_invariant_has_a_history_that_violates_it():
    assert BROKEN.keys() == INVARIANTS.keys()


@pytest.mark.parametrize(("name", "way"), [(name, i) for name, ways in BROKEN.items() for i in range(len(ways))])
def test_what_is_wrong_is_found(oracle, name, way):
    hand = whole()
    hand.run.listed.setdefault("r-q2f8rn", frozenset())
    BROKEN[name][way](hand)
    assert found(hand.run, oracle)[name].violations != []


# --- what is not wrong ----------------------------------------------------------------------------


def test_what_redis_alone_had_may_be_lost_with_its_disk_and_nothing_else(oracle):
    hand = whole()
    stored = next(c for c in hand.run.commands if STORED in c.outcomes)
    lost(hand, "note-written")
    hand.run.wiped_ms = [stored.attempts[-1].ended_ms + 1000]
    findings = found(hand.run, oracle)
    assert (findings["NoStoredLoss"].violations, findings["NoStoredLoss"].known) == ([], 1)
    hand.run.wiped_ms = [stored.attempts[-1].ended_ms + NEAR_LOSS_MS + 1]  # by then it was long published
    assert found(hand.run, oracle)["NoStoredLoss"].violations != []
    # What was answered PUBLISHED is in two stores.
    hand = whole()
    lost(hand, "log-opened")
    hand.run.wiped_ms = [hand.run.commands[2].attempts[-1].ended_ms + 1000]
    assert found(hand.run, oracle)["NoAckedLoss"].violations != []


def test_a_decision_on_its_way_when_redis_was_lost_may_land_and_its_signal_not(oracle):
    hand = whole()
    signal = hand.run.signals.pop()
    assert all(s.delivery_id != signal.delivery_id for s in hand.run.signals)
    (decided,) = (e for e in hand.run.ledger
                  if any(line.delivery_id == signal.delivery_id for line in getattr(e.event, "lines", ())))
    for after, violations in ((LANDS_MS, 0), (LANDS_MS + 1, 1)):
        hand.run.wiped_ms = [decided.appended_ms - after]
        assert len(found(hand.run, oracle)["NoWithheldLoss"].violations) == violations


def test_a_rebuild_forgets_what_was_done_a_month_ago_and_nothing_younger(oracle):
    def receipt_gone(days, wiped):
        hand = whole()
        stored = next(c for c in hand.run.commands if STORED in c.outcomes)
        hand.run.receipts[stored.request_id] = "NOT_FOUND"
        change(hand.run.log, 0, recorded_ms=hand.run.log[-1].recorded_ms + days * 24 * 3600 * 1000)
        hand.run.wiped_ms = [stored.attempts[-1].ended_ms + NEAR_LOSS_MS + 1] if wiped else []
        finding = found(hand.run, oracle)["NoStoredLoss"]
        return len(finding.violations), finding.known

    assert receipt_gone(31, wiped=True) == (0, 1)
    assert receipt_gone(29, wiped=True) == (1, 0)
    assert receipt_gone(31, wiped=False) == (1, 0)


def test_exact_repeats_are_no_fault(oracle):
    hand = whole()
    for i in range(len(hand.run.log)):
        again(hand, i)
    hand.run.signals += [replace(s, offset=s.offset + 100, appended_ms=hand.ms + 99_999) for s in hand.run.signals]
    assert {f.name: f.violations for f in checker.check(hand.run, oracle) if f.violations} == {}


def test_a_lost_tail_may_come_back_behind_what_others_wrote(oracle):
    """Lost: a withdrawal and a note behind it. Before anybody looked another note came onto the log. Who had taken the
    withdrawal tells PPT nothing of that note; who had not, does."""
    for told in (False, True):
        hand = uncut()
        behind = len(hand.run.log) - at(hand.run.log, "consent-withdrawn")
        hand.cut(behind, wrote=[("cases.WriteNote", note())])
        findings = found(hand.run, oracle)
        assert findings["TailRepaired"].violations == [] and findings["TailRepaired"].checked == behind
        assert findings["Contiguous"].violations == []
        written = next(e for e in hand.run.log if e.appended_ms > hand.run.cuts[0].at_ms)
        shown = ["EXIST", "IDENT", "PLAN", "EDUC"]
        lines = [(HEALTH_STATION, "EVENT", written.event_id, shown, ["co"])]
        hand.run.commands[-1].attempts = hand.run.commands[-1].attempts[:1]  # nobody was answered ENFORCED before that
        hand.decide(written, *lines, *([(PPT, "EVENT", written.event_id, shown, ["co"])] if told else []))
        findings = found(hand.run, oracle)
        assert (findings["NoLeak"].violations, findings["NoWithheldLoss"].violations) == ([], []), told


def test_what_was_withheld_stays_withheld_when_its_withdrawal_is_lost_and_comes_back(oracle):
    hand = uncut()
    hand.cut(len(hand.run.log) - at(hand.run.log, "consent-withdrawn"))
    assert found(hand.run, oracle)["NoLeak"].violations == []
    leak(hand, PPT)  # the note that stood behind the withdrawal
    assert found(hand.run, oracle)["NoLeak"].violations != []
    assert found(hand.run, oracle)["Fence"].violations != []


def uncut():
    """As if the log had never lost anything."""
    hand = whole()
    lost = {(e.stream, e.version): e for one in hand.run.cuts for e in one.entries}
    hand.run.log = [replace(lost.get((e.stream, e.version), e), offset=i) for i, e in enumerate(hand.run.log)]
    hand.run.cuts = []
    return hand


def test_a_read_may_rest_on_another_consent_that_was_whole_before(oracle):
    """Two consents name PPT; one is taken back, the other still lets it read what came after both."""
    consent = importlib.import_module(MESSAGES["consent"])
    hand = whole()
    first = at(hand.run.log, "log-opened")
    request = consent.ConsentRequested(
        consent_id="cp",
        purpose="follow-up",
        consenters=[MOTHER],
        until_ms=START + 10**10,
        scopes=[{"recipient": PPT, "categories": ["PLAN"]}],
        asking_recipient=SCHOOL,
    )
    answered = consent.ConsentAnswered(consent_id="cp", consenter=MOTHER, granted=[PPT])
    for event in (answered, request):
        entry = replace(
            hand.run.log[1],
            event=event,
            request_id="",
            stream="consent/other",
            version=9,
            type=f"no.stafett.consent.consent-{'requested' if event is request else 'answered'}.v1",
        )
        hand.run.log.insert(first, entry)
    hand.run.log = [
        replace(e, offset=i, version=i if e.version == 9 else e.version) for i, e in enumerate(hand.run.log)
    ]
    i = index_of_refused(hand)
    change(hand.run.reads, i, refused="", shown=frozenset({"EXIST", "PLAN"}))
    assert found(hand.run, oracle)["FetchNow"].violations == []
    change(hand.run.reads, i, shown=frozenset({"EXIST", "EDUC"}))  # which only the other one allowed
    assert found(hand.run, oracle)["FetchNow"].violations != []


# --- the report -----------------------------------------------------------------------------------


def test_what_was_not_looked_at_has_not_passed():
    findings = [Finding("A", 3), Finding("B", 1, ["x"]), Finding("C", not_checked="nothing happened")]
    assert report.count([*findings, Finding("D", not_checked="no such fault", not_tried=True)]) == (1, 2)


def test_what_is_about_one_kind_of_fault_waits_for_it(oracle):
    hand = whole()
    hand.run.cuts, hand.run.parked, hand.run.unsafe = [], [], []
    assert {name for name, f in found(hand.run, oracle).items() if f.not_tried} == checker.ABOUT.keys()
    hand.run.faults += [Fault(kind, "", START, START) for kind in checker.ABOUT.values()]
    assert not any(f.not_tried or f.passed for name, f in found(hand.run, oracle).items() if name in checker.ABOUT)


def test_the_report_names_everything(oracle):
    hand = whole()
    said = report.summary(
        hand.run,
        checker.check(hand.run, oracle),
        seed=7,
        minutes=1,
        build="release",
        machine="2 cores",
        commit="0",
        on="2027-01-15",
    )
    text = "\n".join(report.lines(said))
    for name in (*INVARIANTS, *ELSEWHERE):
        assert name in text
    assert said["faults_by_kind"] == {"freeze broker": 1}
    assert (said["lost"], said["leaked"], said["enforced"], said["unknown_still"]) == (0, 0, 1, 1)
    answers = sorted(a.ended_ms for c in hand.run.commands for a in c.attempts if a.outcome in (PUBLISHED, ENFORCED))
    assert said["longest_stall_seconds"] == round(
        max(b - a for a, b in zip(answers, answers[1:], strict=False)) / 1000, 1
    )


def test_a_history_can_be_written_down(tmp_path):
    hand = whole()
    written.write(hand.run, tmp_path / "history.json")
    read = json.loads((tmp_path / "history.json").read_text())
    assert len(read["log"]) == len(hand.run.log)
    assert read["log"][at(hand.run.log, "consent-withdrawn")]["event"]["recipients"] == [PPT]
    assert read["cuts"][0]["at_ms"] == hand.run.cuts[0].at_ms


def test_what_could_not_be_looked_at_says_so(oracle):
    """The run ended early: the rest is checked, and this has not passed."""
    run = whole().run
    run.rebuilt = run.own = None
    findings = found(run, oracle)
    for name in ("RebuildEqual", "OutboxEqualsState"):
        assert (findings[name].passed, findings[name].violations) == (False, [])
        assert findings[name].not_checked
