"""What tools/bench makes of numbers: a wrong median or a verdict that cannot say no would be believed."""

import json
import math
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import grpc
import pytest

from stafett_bench import commanding, rebuilding, report, resting, restarting, withdrawing
from stafett_bench.bare import body
from stafett_bench.caller import REQUEST_ID, Call, Done, codes, quantile, refused
from stafett_bench.deciding import medians
from stafett_bench.lags import Lags
from stafett_bench.matching import match
from stafett_bench.results import (
    DOES_NOT_HOLD,
    HOLDS,
    NO_BUDGET,
    NOT_MEASURED,
    Budget,
    Line,
    Rounds,
    lasted,
)
from stafett_stack import paths
from stafett_stack.procs import StackError

sys.path.insert(0, str(paths.REPOSITORY / "tests" / "e2e"))
import durable  # noqa: E402

MS = 1_000_000


def done(due_ms, took_ms, index=0, code=0, answer=b""):
    return Done(round(due_ms * MS), round(took_ms * MS), index, code, answer)


# --- numbers -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("q", "expected"), [(0.0, 1), (0.5, 50), (0.501, 51), (0.99, 99), (0.991, 100), (1.0, 100)]
)
def test_a_quantile_is_the_smallest_value_that_so_many_do_not_exceed(q, expected):
    assert quantile(list(range(100, 0, -1)), q) == expected


def test_nothing_has_no_quantile():
    with pytest.raises(StackError):
        quantile([], 0.5)


def test_what_counts_is_the_median_of_the_rounds_and_not_of_all_calls():
    rounds = Rounds()
    for ms in ([1.0], [9.0] * 100, [2.0]):  # one round in which the machine did something else
        rounds.add([done(0, x) for x in ms])
    assert rounds.at(0.5) == 2.0
    assert rounds.spread(0.5) == [1.0, 2.0, 9.0]
    assert rounds.samples == 102


def test_refused_calls_are_counted_and_their_times_are_not():
    rounds = Rounds()
    rounds.add([done(0, 5), done(1, 0.1, code=14)])
    assert (rounds.refused, rounds.samples, rounds.at(0.5)) == (1, 1, 5.0)
    assert refused([done(0, 5), done(1, 0.1, code=14)]) == 1
    assert codes([done(0, 5), done(1, 0.1, code=14)]) == {"UNAVAILABLE": 1}


def test_a_rate_counts_until_the_last_answer():
    late = [done(0, 10), done(500, 1500)]  # due within a second; it took two
    assert lasted(late) == pytest.approx(2.0)
    rounds = Rounds()
    rounds.add(late)
    assert rounds.per_second() == pytest.approx(1.0)
    assert lasted([]) == 0.0


# --- verdicts ------------------------------------------------------------------------------------


def line(budget=None, **values):
    return Line("row", "what", "ms", budget, **{"measured": 8.0, "floor": 4.0, "samples": 10, **values})


@pytest.mark.parametrize(
    ("budget", "verdict"),
    [
        (Budget(8.0), HOLDS),
        (Budget(7.9), DOES_NOT_HOLD),
        (Budget(8.0, at_least=True), HOLDS),
        (Budget(8.1, at_least=True), DOES_NOT_HOLD),
        (Budget(2.0, of_floor=True), HOLDS),
        (Budget(1.9, of_floor=True), DOES_NOT_HOLD),
        (Budget(2.0, at_least=True, of_floor=True), HOLDS),
        (Budget(2.1, at_least=True, of_floor=True), DOES_NOT_HOLD),
        (None, NO_BUDGET),
    ],
)
def test_verdict(budget, verdict):
    assert line(budget).verdict == verdict


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ({"refused": 1}, "1 calls were refused"),
        ({"measured": None}, "nothing was measured"),
        ({"floor": None}, "no floor was measured"),
        ({"why_not": "no broker"}, "no broker"),
    ],
)
def test_what_was_not_measured_does_not_hold_by_chance(values, reason):
    found = line(Budget(100.0, of_floor=True), **values)
    assert (found.verdict, found.reason) == (NOT_MEASURED, reason)


def test_a_withdrawal_that_is_only_registered_is_without_end():
    class World:
        def message(self, _name, one):
            return type("Response", (), {"state": one.answer[0]})

    answers = [done(0, 5, answer=bytes([withdrawing.ENFORCED])), done(0, 5, answer=b"\x01"), done(0, 5, code=14)]
    ms, late = withdrawing.enforced(World(), answers)
    assert (ms, late) == ([5.0, math.inf], 1)
    assert line(Budget(250.0), measured=quantile(ms, 0.99)).verdict == DOES_NOT_HOLD


@pytest.mark.parametrize(
    ("rate", "lag", "held"), [(1000, 0.2, True), (990, 1.0, True), (989, 0.2, False), (1000, 1.01, False)]
)
def test_a_rate_holds_when_it_is_reached_and_nobody_falls_behind(rate, lag, held):
    assert commanding.keeps_up(rate, 1000, lag) is held


# --- signals and commands ------------------------------------------------------------------------


def test_the_kth_note_about_a_child_is_the_kth_signal_of_its_case():
    notes = [done(200, 1, index=0), done(100, 1, index=0), done(150, 1, index=1)]  # as they were answered
    last = {0: ("a", 7), 1: ("b", 1)}
    had = {("a", 7): 0, ("a", 8): 103 * MS, ("a", 9): 209 * MS, ("b", 1): 0, ("b", 2): 155 * MS}
    found = match(notes, last, had)
    assert found.ms == [3.0, 9.0, 5.0]
    assert (found.missing, found.surplus) == (0, 0)


def test_signals_that_do_not_fit_the_notes_are_counted():
    last = {0: ("a", 1)}
    assert match([done(0, 1)], last, {}).missing == 1
    assert match([done(0, 1, index=5)], last, {}).missing == 1  # a child whose case nobody knows
    assert match([], last, {("a", 2): 0}).surplus == 1
    assert match([], last, {("other", 1): 0}).surplus == 1
    assert match([done(0, 1, code=14)], last, {("a", 2): 0}).surplus == 1  # refused, and told all the same


# --- what others print ---------------------------------------------------------------------------


def test_of_google_benchmark_the_medians_in_microseconds():
    runs = [{"run_type": "iteration", "run_name": "Seal/bytes:300", "iterations": 10}] * 3
    median = {"run_type": "aggregate", "aggregate_name": "median", "run_name": "Seal/bytes:300", "cpu_time": 1500.0,
              "time_unit": "ns"}  # fmt: skip
    mean = {**median, "aggregate_name": "mean", "cpu_time": 9.0}
    assert medians({"benchmarks": [*runs, mean, median]}) == {"Seal/bytes:300": (1.5, 30)}


def test_the_largest_lag_of_each_service_is_kept():
    class NoStack:
        services = {}

    lags = Lags(NoStack())
    for delay, records in ((0.5, 10), (0.25, 30)):
        lags.take("cases", f'stafett_fence_delay_seconds {delay}\nstafett_outbox_oldest_seconds 0.1\n'
                           f'stafett_reader_lag_records{{topic="log"}} {records}\n'
                           f'stafett_reader_lag_records{{topic="keys"}} 99\n')  # fmt: skip
    assert lags.seconds == {"cases fence": 0.5, "cases outbox": 0.1}
    assert (lags.largest, lags.records) == (0.5, {"cases": 30})


def test_memory_is_read_from_the_kernel():
    text = "Name:\tcases\nVmHWM:\t   65536 kB\nVmRSS:\t   32768 kB\n"
    assert (resting.of_status(text, "VmRSS"), resting.of_status(text, "VmHWM")) == (32.0, 64.0)


def test_folding_lasts_from_the_last_look_that_saw_none():
    looks = [(1.0, 0.0), (2.0, 0.0), (3.0, 500.0), (4.0, 1000.0), (5.0, 1000.0)]
    assert rebuilding.per_second(looks) == (1000.0, 500.0)
    assert rebuilding.per_second([]) == (0.0, 0.0)


@pytest.mark.parametrize("size", [1, 127, 128, 700, 20_000])
def test_the_bare_path_is_sent_a_record_of_the_size_that_was_asked_for(size):
    number, shift, at = 0, 0, 2 + 36 + 1
    text = body(size)
    while True:
        number |= (text[at] & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if not text[at - 1] & 0x80:
            break
    assert (number, len(text) - at) == (size, size)


# --- restarting ----------------------------------------------------------------------------------


def test_the_first_good_answer_counts_and_each_call_has_a_request_id_of_its_own():
    said = iter([b"stored", None, b"stored", b"published"])
    bodies = []

    def answer(body, context):
        bodies.append(body)
        word = next(said, b"published")
        if word is None:
            context.abort(grpc.StatusCode.UNAVAILABLE, "not yet")
        return word

    handler = grpc.method_handlers_generic_handler("t.S", {"M": grpc.unary_unary_rpc_method_handler(answer)})
    server = grpc.server(ThreadPoolExecutor(1), handlers=[handler])
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        call = Call("/t.S/M", b"id=" + REQUEST_ID.encode())
        probe = restarting.Probe(f"127.0.0.1:{port}", [call], lambda body: body == b"published")
        began = time.monotonic()
        (at,) = restarting.first_answers([probe])
        assert began < at <= time.monotonic()
        assert len(bodies) >= 4 and len(set(bodies)) == len(bodies)
    finally:
        server.stop(None)


# --- rebuilding ----------------------------------------------------------------------------------


class Store:
    """As much of a Redis client as digests ask for."""

    def __init__(self, keys, order=sorted, *, twice=False):
        self.keys, self.order, self.twice = keys, order, twice
        self.asked = []

    def scan_iter(self, **_):
        names = self.order(self.keys)
        return iter([*names, names[0]] if self.twice else names)

    def pipeline(self, **_):
        return Store(self.keys)

    def type(self, name):
        self.asked.append({bytes: b"string", dict: b"hash", list: b"list"}[type(self.keys[name])])

    def get(self, name):
        self.asked.append(self.keys[name])

    hgetall = get

    def hscan_iter(self, name, **_):
        return iter(self.keys.get(name.encode(), {}).items())

    def lrange(self, name, *_):
        self.get(name)

    def execute(self):
        return self.asked


KEYS = {
    b"cases:{p00}:own:ch-1": [b"one", b"two"],
    b"cases:{p01}:own:ch-2": [b"three"],
    b"cases:cmd:x": b"7\n0\nch-1\n1\nhash",
    b"cases:{p00}:ob:n": b"4",  # volatile
    b"cases:g:to:r-1": [b"b", b"a"],  # in no order that would matter
}


def test_equal_stores_have_equal_digests_in_whatever_order_they_are_read():
    found = durable.digests(Store(KEYS), "cases")
    # A command that a rebuild gave back is one like any other.
    restored = {key: value for key, value in KEYS.items() if key != b"cases:cmd:x"}
    restored[b"cases:cmds"] = {b"x": b"0\n0\nch-1\n1\nhash"}
    assert durable.digests(Store(restored), "cases") == found
    assert {family: count for family, (count, _) in found.items()} == {"cmd": 1, "g": 1, "own": 2}
    assert durable.digests(Store(KEYS, lambda keys: sorted(keys, reverse=True), twice=True), "cases") == found


@pytest.mark.parametrize(
    ("key", "value", "families"),
    [
        (b"cases:{p00}:own:ch-1", [b"two", b"one"], {"own"}),
        (b"cases:{p01}:own:ch-2", [b"other"], {"own"}),
        (b"cases:cmd:x", b"7\n0\nch-1\n2\nhash", {"cmd"}),
        (b"cases:cmds", {b"x": b"0\n0\nch-1\n2\nhash"}, set()),  # it has a key of its own
        (b"cases:cmds", {b"y": b"0\n0\nch-1\n2\nhash"}, {"cmd"}),
        (b"cases:cmd:x", b"8\n0\nch-1\n1\nhash", set()),
        (b"cases:{p00}:ob:n", b"5", set()),
        (b"cases:g:to:r-1", [b"a", b"b"], set()),
        (b"cases:g:to:r-1", [b"a", b"a"], {"g"}),
        (b"cases:{p02}:own:ch-3", [b"new"], {"own"}),
    ],
)
def test_digests_differ_where_the_stores_do(key, value, families):
    before, after = durable.digests(Store(KEYS), "cases"), durable.digests(Store({**KEYS, key: value}), "cases")
    assert {family for family in before if before[family] != after[family]} == families
    why = rebuilding.why_not({"cases": before}, {"cases": after}, [])
    assert bool(why) == bool(families)


def test_what_is_sent_twice_is_named():
    assert rebuilding.why_not({}, {}, ["stafett.to.r-1"]) == "written again: stafett.to.r-1"
    assert rebuilding.why_not({}, {}, []) == ""


# --- the table -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "text"),
    [(None, ""), (0.0, "0"), (0.01234, "0.0123"), (1.5, "1.5"), (12.345, "12.3"), (123456.7, "123,457"),
     (math.inf, "never")],
)  # fmt: skip
def test_numbers_have_three_digits_that_mean_something(value, text):
    assert report.number(value) == text


def test_the_table_says_budget_ratio_and_verdict_and_why_something_was_not_measured():
    good = line(Budget(1.9, of_floor=True))
    bad = line(Budget(10.0), refused=3)
    head, first, second, why = report.table([good, bad])
    assert head.split() == ["budget", "measured", "floor", "ratio", "verdict", "samples"]
    assert "≤ 1.9 × floor" in first and "8 ms" in first and "2 ×" in first and "does not hold" in first
    assert "not measured" in second
    assert why.strip() == "not measured: 3 calls were refused"


def test_what_does_not_end_has_no_unit():
    assert "never ms" not in report.table([line(Budget(1.0), measured=math.inf)])[1]


def test_json_has_no_infinity():
    said = report.summary([line(Budget(1.0), measured=math.inf, also={"each": [math.inf, 1.23456]})], quick=True)
    back = json.loads(json.dumps(said, allow_nan=False))
    assert back["quick"] is True
    assert back["lines"][0]["measured"] is None
    assert back["lines"][0]["verdict"] == DOES_NOT_HOLD
    assert back["lines"][0]["also"] == {"each": [None, 1.2346]}
