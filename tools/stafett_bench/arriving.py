"""Rows `signal` and `fetch`: until the recipient's consumer has the signal, and its Fetch of what it is about."""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType

from stafett_bench.caller import Done, Plan, quantile, refused
from stafett_bench.children import Child, World
from stafett_bench.matching import Key, match
from stafett_bench.measuring import PATIENCE, Bench, beside
from stafett_bench.recipient import Reader
from stafett_bench.results import Budget, Line
from stafett_stack.procs import StackError, wait_until
from stafett_story.calls import Caller, Credentials, build
from stafett_story.steinkjer import HEALTH_STATION, TEACHER

CHILDREN = 300
RATES = (50, 300)  # commands a second: one that leaves room, and the one of the budget
JUDGED = 300
SIGNAL_MS = {0.5: 10.0, 0.99: 100.0}
FETCH_MS = {0.5: None, 0.99: 20.0}


def signal(bench: Bench) -> Iterator[Line]:
    seconds = bench.choose(30, 8)
    with bench.world() as world:
        children, plan = _children(bench, world)
        for rate in RATES:
            with Reader(world, HEALTH_STATION, fetch=False) as reader:
                bench.say("which case the recipient knows each child by")
                last = _learn(world, children, reader)
                bench.say(f"{rate} commands/s for {seconds:.0f} s")
                done = plan.run(world.target("cases"), rate=rate, seconds=seconds)
                reader.wait_for(len(children) + len(done) - refused(done))
                world.settled()
            found = match(done, last, reader.had)
            floor = _floor(bench, world, rate, seconds)
            why = ""
            if found.missing or found.surplus:
                why = f"{found.missing} notes without a signal, {found.surplus} signals without a note"
            yield from _lines("signal", "command to the recipient's consumer having the signal", rate, found.ms, floor,
                              SIGNAL_MS, refused(done) + refused(floor), why)  # fmt: skip


def fetch(bench: Bench) -> Iterator[Line]:
    seconds = bench.choose(30, 8)
    with bench.world() as world:
        _, plan = _children(bench, world)
        for rate in RATES:
            with Reader(world, HEALTH_STATION, fetch=True) as reader:
                bench.say(f"{rate} commands/s for {seconds:.0f} s, and a Fetch for each signal")
                began = time.monotonic()
                done = plan.run(world.target("cases"), rate=rate, seconds=seconds)
                accepted = len(done) - refused(done)
                reader.wait_for(accepted)
                wait_until(lambda: len(reader.fetched_ms) >= accepted, "all to be fetched", 60.0,  # noqa: B023
                           check=reader.check)  # fmt: skip
                took = time.monotonic() - began
            floor = _floor(bench, world, rate, seconds)
            why = ""
            if wrong := reader.refused:
                why = f"{len(wrong)} of {len(reader.fetched_ms)} were refused, the first with {wrong[0]}"
            also = {"fetched per s": len(reader.fetched_ms) / took}
            yield from _lines("fetch", "Fetch", rate, reader.fetched_ms, floor, FETCH_MS,
                              refused(done) + refused(floor), why, also)  # fmt: skip


def _children(bench: Bench, world: World) -> tuple[list[Child], Plan]:
    bench.say(f"{CHILDREN} children")
    children = world.with_open_logs(CHILDREN)
    world.settled(PATIENCE)
    return children, world.notes(children)


def _learn(world: World, children: Sequence[Child], reader: Reader) -> dict[int, Key]:
    """One note about one child at a time: the case that is told of is his."""
    rpc = world.rpc("cases.WriteNote")
    metadata = Credentials(world.stack.issuer.tokens, world.stack.known).metadata(TEACHER)
    caller = Caller(world.stack.addresses())
    known: set[str] = set()
    last: dict[int, Key] = {}
    try:
        for index, child in enumerate(children):
            sections = [{"section_category": "EDUC", "text": "Hvem er hvem."}]
            values = {"request_id": str(uuid.uuid4()), "case": child.case, "sections": sections}
            answer = caller.call(rpc, build(rpc, values), metadata)
            if answer.refusal is not None:
                raise StackError(f"WriteNote: {answer.refusal}")
            wait_until(lambda: reader.new_case(known), "the signal of a note", 30.0, check=reader.check)
            key = reader.new_case(known)
            assert key is not None
            known.add(key[0])
            last[index] = key
    finally:
        caller.close()
    return last


def _floor(bench: Bench, world: World, rate: int, seconds: float) -> list[Done]:
    world.settled(PATIENCE)
    bench.say(f"the bare path at {rate}/s")
    with beside(world) as bare:
        return bare.plan("Path").run(bare.target, rate=rate, seconds=min(seconds, 10))


def _lines(
    row: str, what: str, rate: int, ms: Sequence[float], floor: Sequence[Done], bounds: Mapping[float, float | None],
    refusals: int, why: str, also: Mapping[str, object] = MappingProxyType({}),
) -> Iterator[Line]:  # fmt: skip
    if not ms:
        raise StackError(why or "nothing arrived")
    under = [d.ms for d in floor]
    for q, bound in bounds.items():
        name = f"p{q * 100:.0f}"
        yield Line(
            row, f"{what}, {rate} commands/s, {name}", "ms", Budget(bound) if bound and rate == JUDGED else None,
            quantile(ms, q), quantile(under, q), f"the bare path at {rate}/s, {name}", len(ms), refusals, why,
            {"largest ms": max(ms), **also},
        )  # fmt: skip
