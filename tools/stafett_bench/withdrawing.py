"""Row `withdrawal`: from Withdraw to ENFORCED, among notes."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from confluent_kafka import Producer

from stafett_bench.caller import Done, Plan, quantile, refused
from stafett_bench.children import Child, World
from stafett_bench.measuring import Bench, beside, log_tail
from stafett_bench.results import Budget, Line
from stafett_stack.procs import StackError, wait_until
from stafett_stack.watching import metric
from stafett_story.steinkjer import HEALTH_STATION, PPT
from stafett_story.watch import LOG

ENFORCED = 2  # WithdrawalState of proto/stafett/consent/v1/consent_service.proto
SHARE = 0.1  # of all commands are withdrawals
NOTED = 300  # children that notes are about; nobody withdraws anything of theirs
SET_ASIDE = "stafett_children_set_aside"
ALL_OF_IT = 1_000_000  # records of the log


def withdrawal(bench: Bench) -> Iterator[Line]:
    seconds = bench.choose(30, 8)
    each = {rate: round(rate * SHARE * seconds) for rate in (50, 300)}
    with bench.world() as world:
        count = NOTED + each[50] + 2 * each[300]
        bench.say(f"{count} children, {count - NOTED} of them to withdraw")
        children = world.with_open_logs(count, readers=(HEALTH_STATION, PPT))
        notes, left = world.notes(children[:NOTED]), children[NOTED:]
        world.settled()
        slow, left = left[: each[50]], left[each[50] :]
        yield from _at(bench, world, notes, slow, 50, seconds, "", {0.5: 30.0, 0.99: None})
        quick, left = left[: each[300]], left[each[300] :]
        yield from _at(bench, world, notes, quick, 300, seconds, "", {0.5: None, 0.99: 250.0})
        bench.say("one child more, whose next record nobody can read")
        _set_one_aside(world)
        yield from _at(bench, world, notes, left, 300, seconds, ", another child parked", {0.5: None, 0.99: 250.0})


def _at(
    bench: Bench, world: World, notes: Plan, children: Sequence[Child], rate: int, seconds: float, where: str,
    bounds: dict[float, float | None],
) -> Iterator[Line]:  # fmt: skip
    world.settled()
    bench.say(f"{rate} commands/s{where}: {rate * SHARE:.0f} withdrawals/s for {seconds:.0f} s")
    plan = world.plan([
        world.call("consent.Withdraw", child.mother, consent=child.consents[PPT], consenter=child.mother.person,
                   recipients=[PPT])
        for child in children
    ])  # fmt: skip
    noting = notes.start(world.target("cases"), rate=rate * (1 - SHARE), seconds=seconds)
    try:
        done = plan.run(world.target("consent"), rate=rate * SHARE, once=True, answers=True)
        noted = noting.result()
    finally:
        noting.stop()
    if not noted:
        raise StackError("no notes were written meanwhile")
    ms, late = enforced(world, done)
    world.settled()
    with beside(world) as bare:
        floor = [d.ms for d in bare.plan("Path").run(bare.target, rate=rate, seconds=bench.choose(10, 4))]
    for q, bound in bounds.items():
        name = f"p{q * 100:.0f}"
        yield Line(
            "withdrawal", f"withdrawal to ENFORCED, {rate} commands/s{where}, {name}", "ms",
            Budget(bound) if bound else None, quantile(ms, q), quantile(floor, q), f"the bare path at {rate}/s, {name}",
            len(done), refused(done) + refused(noted),
            also={"answered REGISTERED": late, "notes meanwhile": len(noted), "largest ms": max(ms)},
        )  # fmt: skip


def enforced(world: World, done: Sequence[Done]) -> tuple[list[float], int]:
    """The time of each; who is only told REGISTERED is told nothing yet, so that his is without end."""
    ms = []
    for one in done:
        if one.code == 0:
            state = world.message("consent.Withdraw", one).state
            ms.append(one.ms if state == ENFORCED else math.inf)
    return ms, sum(map(math.isinf, ms))


def _set_one_aside(world: World) -> None:
    """What nobody can read, behind the records of a child like the others."""
    world.settled()
    before = {key for _, key, _ in log_tail(world.stack, ALL_OF_IT)}
    world.with_open_logs(1, readers=(HEALTH_STATION, PPT))
    new = {(p, key) for p, key, _ in log_tail(world.stack, ALL_OF_IT) if key not in before}
    if len(new) != 1:
        raise StackError(f"{len(new)} new keys on the log where one child was made")
    partition, key = new.pop()
    producer = Producer({**world.stack.kafka.client_config("admin"), "acks": "all", "log_level": 0})
    producer.produce(LOG, b"\xff" * 40, key=key, partition=partition)
    if producer.flush(30.0):
        raise StackError("the broker did not take the unreadable record")

    def aside() -> bool:
        return all(metric(copy.metrics(), SET_ASIDE) >= 1 for copy in world.stack.of("disclosure"))

    wait_until(aside, "disclosure to set the child aside", 30.0)
