"""Rows `published` and `throughput`: a command beside the bare path, its legs, and how many of them there may be."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from stafett_bench.bare import LEGS, Bare
from stafett_bench.caller import Plan, codes, quantile, refused
from stafett_bench.children import World
from stafett_bench.lags import Lags
from stafett_bench.measuring import PATIENCE, Bench, alone, beside, not_published, together
from stafett_bench.results import Budget, Line, Rounds, lasted
from stafett_stack.procs import StackError

CHILDREN = 300
CALLERS = 128
PATH = "the bare path"
RATES = (250, 500, 1000)
WANTED = 1000  # commands a second
LAG_SECONDS = 1.0
REACHED = 0.99  # of a rate; less, and the callers were kept waiting


def published(bench: Bench) -> Iterator[Line]:
    """One caller, who sends when he was answered."""
    with bench.world() as world:
        bench.say(f"{CHILDREN} children")
        plan = world.notes(world.with_open_logs(CHILDREN))
        plan.once(world.target("cases"))  # the path is warm, and records are there
        with beside(world) as bare:
            yield from _one_caller(bench, world, bare, plan, "everything running")
            world.settled(PATIENCE)
            alone(world)
            yield from _one_caller(bench, world, bare, plan, "cases alone")


def _one_caller(bench: Bench, world: World, bare: Bare, plan: Plan, where: str) -> Iterator[Line]:
    target = world.target("cases")
    wrong = not_published(world, world.plan(plan.calls[:100]).once(target, callers=1))
    sides = [(plan, target), *((bare.plan(leg), bare.target) for leg in reversed(LEGS))]
    note, path, *legs = bench.alternately(world, where, sides, callers=1)
    also: dict[str, Any] = {f"{leg} p50 ms": r.at(0.5) for leg, r in zip(reversed(LEGS[:-1]), legs, strict=True)}
    for name, q, bound in (("p50", 0.5, 1.6), ("p99", 0.99, 4.0)):
        yield Line(
            "published", f"command to PUBLISHED, 1 caller, {where}, {name}", "ms", Budget(bound, of_floor=True),
            note.at(q), path.at(q), f"{PATH}, {name}", note.samples, note.refused + path.refused, _unpublished(wrong),
            {"rounds": note.spread(q), "rounds of the floor": path.spread(q)} | (also if name == "p50" else {}),
        )  # fmt: skip
    for leg, rounds in zip(reversed(LEGS[:-1]), legs, strict=True):
        yield Line("published", f"  leg {leg}, {where}, p50", "ms", None, rounds.at(0.5), None, "", rounds.samples,
                   rounds.refused, also={"p99": rounds.at(0.99)})  # fmt: skip


def throughput(bench: Bench) -> Iterator[Line]:
    """Many callers, and a rate that is kept up."""
    with bench.world() as world:
        bench.say(f"{CHILDREN} children")
        plan = world.notes(world.with_open_logs(CHILDREN))
        yield from _held(bench, world, plan)
        world.settled(PATIENCE)
        with beside(world) as bare:
            alone(world)
            target = world.target("cases")
            wrong = not_published(world, plan.once(target, callers=CALLERS))
            note, path = bench.alternately(
                world, "cases alone", [(plan, target), (bare.plan("Path"), bare.target)], callers=CALLERS
            )
        yield _per_second(note, path, wrong)
        bench.say("the others catch up")
        together(world, PATIENCE)
        world.settled(PATIENCE)


def _per_second(note: Rounds, path: Rounds, wrong: int) -> Line:
    return Line(
        "throughput", f"cases alone, {CALLERS} callers", "/s", Budget(0.5, at_least=True, of_floor=True),
        note.per_second(), path.per_second(), PATH, note.samples, note.refused + path.refused, _unpublished(wrong),
        {"rounds": note.spread_per_second(), "rounds of the floor": path.spread_per_second(),
         "p50 ms": note.at(0.5), "p99 ms": note.at(0.99)},
    )  # fmt: skip


def _held(bench: Bench, world: World, plan: Plan) -> Iterator[Line]:
    """Calls that are due whether the last was answered or not, with everybody reading along."""
    held, samples = 0.0, 0
    tried: dict[str, Any] = {}
    for wanted in RATES:
        seconds = bench.choose(60 if wanted == WANTED else 20, 8)
        bench.say(f"everything running, {wanted} commands/s for {seconds:.0f} s")
        with Lags(world.stack) as lags:
            done = plan.run(world.target("cases"), rate=wanted, seconds=seconds)
        rate = len(done) / lasted(done)
        if lags.samples == 0:
            raise StackError("no metrics were answered")
        if keeps_up(rate, wanted, lags.largest) and not refused(done):
            held = max(held, rate)
        samples += len(done)
        ms = [d.ms for d in done]
        tried[f"at {wanted}/s"] = {
            "reached": rate, "refused": codes(done), "p50 ms": quantile(ms, 0.5), "p99 ms": quantile(ms, 0.99),
            "largest lag s": lags.largest, "lags s": lags.seconds, "lags records": lags.records,
        }  # fmt: skip
        world.settled(PATIENCE)
    yield Line("throughput", "everything running, highest rate tried that held, with lags ≤ 1 s", "/s",
               Budget(REACHED * WANTED, at_least=True), held, samples=samples, also=tried)  # fmt: skip
    yield Line("throughput", f"everything running, rate reached at {WANTED}/s", "/s",
               Budget(REACHED * WANTED, at_least=True), rate, None, "", len(done), refused(done))  # fmt: skip
    yield Line("throughput", f"everything running, largest lag at {WANTED}/s", "s", Budget(LAG_SECONDS),
               lags.largest, None, "", lags.samples, refused(done),
               also={"of": max(lags.seconds, key=lambda k: lags.seconds[k]), "lags": lags.seconds,
                     "records": lags.records})  # fmt: skip


def keeps_up(rate: float, wanted: float, lag: float) -> bool:
    return rate >= REACHED * wanted and lag <= LAG_SECONDS


def _unpublished(wrong: int) -> str:
    return f"{wrong} answers of the sample did not say PUBLISHED" if wrong else ""
