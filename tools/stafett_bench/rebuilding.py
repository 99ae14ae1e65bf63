"""Row `rebuild`: a Redis that lost everything is filled again from the log, and is what it was."""

from __future__ import annotations

import itertools
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing

from confluent_kafka import TopicPartition

from stafett_bench.caller import refused
from stafett_bench.children import World
from stafett_bench.measuring import Bench, alone, together
from stafett_bench.resting import megabytes
from stafett_bench.results import Budget, Line, lasted
from stafett_stack import paths
from stafett_stack.procs import StackError, wait_until
from stafett_stack.rights import topic_of
from stafett_stack.services import SERVICES, Service
from stafett_stack.stack import Stack
from stafett_stack.watching import Watching, metric
from stafett_story.watch import LOG, Log, Marks

sys.path.insert(0, str(paths.REPOSITORY / "tests" / "e2e"))
from durable import digests  # noqa: E402 - what a rebuild must bring back is said there

FULL = 1_000_000  # events that the budget is about
FULL_SECONDS = 90.0
FOLDED = 100_000.0  # events a second and service
OPEN_SHARE, CHILD_SHARE = 500, 50  # of so many events one is a child with an open log; one is a child
CALLERS = 128
STEP_SECONDS = 10.0
AT_ONCE = 200  # children about whom is written in one step: people do not write about all of them at once
WRITTEN = 2000.0  # events a second, before it is known
SLOWEST = 100  # events a second: whoever is slower than that has stopped
COUNTED = ("stafett_records_restored_total", "stafett_records_applied_total")
LEDGER = "stafett.ledger"
STALLED_SECONDS = 30.0
LOOK_SECONDS = 1.0  # between two looks: each takes of the cores that are measured
Place = tuple[str, int]  # topic and partition


class Folding(Watching):
    """Looks at what each service has folded, again and again."""

    def __init__(self, stack: Stack) -> None:
        super().__init__(stack.services.values(), self._look, every=LOOK_SECONDS)
        self.looks: dict[str, list[tuple[float, float]]] = {s.name: [] for s in stack.services.values()}

    def _look(self, service: Service, text: str) -> None:
        self.looks[service.name].append((time.monotonic(), sum(metric(text, name) for name in COUNTED)))


def per_second(looks: list[tuple[float, float]]) -> tuple[float, float]:
    """(events, events a second) from the last look that saw none to the first that saw all."""
    if not looks:
        return 0.0, 0.0
    most = max(count for _, count in looks)
    none = [at for at, count in looks if count == 0]
    began = none[-1] if none else looks[0][0]
    ended = next(at for at, count in looks if count == most)
    return most, most / (ended - began) if ended > began else 0.0


def rebuild(bench: Bench) -> Iterator[Line]:
    patience = 300.0 + bench.events / SLOWEST
    with bench.world() as world:
        written = _fill(bench, world, patience)
        caught = _catch_up(bench, world, patience)
        _rest(bench, world, patience)
        ends = _ends(world)
        events = sum(end for (topic, _), end in ends.items() if topic == LOG)
        bench.say(f"{events} events; one consumer reads them and does nothing with them")
        floor = _read(world, {p: end for (topic, p), end in ends.items() if topic == LOG})
        bench.say("digests of what Redis holds")
        before = {name: digests(world.stack.redis.client(), name) for name in SERVICES}
        bench.say("everything is stopped, Redis wiped, everything started")
        took, ready, folding = _lose_and_start(bench, world, patience)
        _rest(bench, world, patience)
        bench.say("digests again")
        after = {name: digests(world.stack.redis.client(), name) for name in SERVICES}
        why = why_not(before, after, _written_again(world, ends))
        wrong = "what was rebuilt is not what it was" if why else ""
        yield Line(
            "rebuild", f"empty Redis, {events} events: until all is ready and has read all", "s",
            Budget(FULL_SECONDS) if events >= FULL else None, took, floor,
            "one consumer reads the log and does nothing", events, 0, why,
            {"ready after s": ready, "written per s, cases alone": written, "caught up after s": caught,
             "keys": sum(count for one in after.values() for count, _ in one.values())},
        )  # fmt: skip
        for name, looks in folding.looks.items():
            count, rate = per_second(looks)
            yield Line("rebuild", f"fold of {name}", "/s", Budget(FOLDED, at_least=True), rate or None, events / floor,
                       "one consumer reads the log and does nothing", int(count), 0, wrong)  # fmt: skip
        for name, mb in _peaks(world).items():
            yield Line("rebuild", f"  most memory ever, {name}", "MB", None, mb, samples=1)


def _fill(bench: Bench, world: World, patience: float) -> float:
    """Events, made by cases: most by notes about few children. How many a second, while it was alone."""
    opened = max(10, bench.events // OPEN_SHARE)
    others = max(0, bench.events // CHILD_SHARE - opened)
    bench.say(f"{others} children, and {opened} with an open log")
    children = world.with_open_logs(opened, timeout=patience)
    if others:
        world.with_concerns(others)
    world.settled(patience)
    alone(world)
    begun, took = _written(world), 0.0
    turns = itertools.cycle([children[i : i + AT_ONCE] for i in range(0, len(children), AT_ONCE)])
    while (now := _written(world)) < bench.events:
        bench.say(f"{now} of {bench.events} events")
        # New tokens each time: it may last longer than one is valid.
        so_far = (now - begun) / took if took else WRITTEN
        seconds = min(STEP_SECONDS, max(1.0, (bench.events - now) / so_far))
        done = world.notes(next(turns)).run(world.target("cases"), callers=CALLERS, seconds=seconds)
        took += lasted(done)
        if refused(done):
            raise StackError(f"{refused(done)} of {len(done)} notes were refused")
    return (now - begun) / took if took else 0.0


def _catch_up(bench: Bench, world: World, patience: float) -> dict[str, float]:
    """Seconds until each of the others had read what cases had written alone."""
    bench.say("the others catch up")
    with closing(Log(world.stack.kafka)) as log:
        last = {p: end - 1 for p, end in log.ends().items() if end}
    began = time.monotonic()
    marks = {name: Marks(world.stack.redis, (name,)) for name in SERVICES if name != "cases"}
    caught: dict[str, float] = {}
    together(world, patience)

    def all_have() -> bool:
        for name, mark in marks.items():
            if name not in caught and not mark.behind(last):
                caught[name] = time.monotonic() - began
                bench.say(f"{name} has caught up after {caught[name]:.1f} s")
        return len(caught) == len(marks)

    wait_until(all_have, "the others to catch up", patience)
    return caught


def _rest(bench: Bench, world: World, patience: float) -> None:
    """Nobody has anything more to do, or to say of its own accord."""
    marks = Marks(world.stack.redis)
    partitions = world.stack.kafka.partitions
    deadline = time.monotonic() + patience
    while True:
        wait_until(lambda: not marks.unsaid(partitions), "disclosure to say which receipts are awaited", patience)
        world.settled(patience)
        if not marks.unsaid(partitions):
            return
        if time.monotonic() > deadline:
            raise StackError("the services do not come to rest")


def _lose_and_start(bench: Bench, world: World, patience: float) -> tuple[float, dict[str, float], Folding]:
    stack = world.stack
    everybody = [s for s in (*stack.services.values(), stack.auditor) if s is not None]
    for service in everybody:
        service.stop()
    stack.redis.stop()
    stack.redis.wipe()
    stack.redis.start()
    if stack.redis.client().dbsize():
        raise StackError("Redis is not empty")
    began = time.monotonic()
    for service in everybody:
        service.begin_start()
    ready: dict[str, float] = {}
    with Folding(stack) as folding:

        def all_are() -> bool:
            time.sleep(LOOK_SECONDS)
            for service in everybody:
                assert service.process is not None
                service.process.check()
                if service.name not in ready and service.probe("/readyz"):
                    ready[service.name] = time.monotonic() - began
                    bench.say(f"{service.name} is ready after {ready[service.name]:.1f} s")
            return len(ready) == len(everybody)

        wait_until(all_are, "all to be ready", patience)
        world.settled(patience)
        took = time.monotonic() - began
    return took, ready, folding


def _written(world: World) -> int:
    with closing(Log(world.stack.kafka)) as log:
        return sum(log.ends().values())


def _ends(world: World) -> dict[Place, int]:
    """Of everything that must not be written twice."""
    stack = world.stack
    partitions = range(stack.kafka.partitions)
    with closing(Log(stack.kafka)) as log:
        places = [(topic, p) for topic in (LOG, LEDGER) for p in partitions]
        places += [(topic_of(recipient), 0) for recipient in stack.known.recipients]
        return {(topic, p): log.end(topic, p) for topic, p in places}


def _read(world: World, ends: Mapping[int, int]) -> float:
    """Seconds in which a consumer of the same library has read the whole log, from its begin to its end."""
    consumer = world.stack.kafka.reader()
    try:
        began = time.monotonic()
        consumer.assign([TopicPartition(LOG, p, 0) for p, end in ends.items() if end])
        left, patience = sum(ends.values()), began + STALLED_SECONDS
        while left > 0:
            read = sum(1 for m in consumer.consume(1000, timeout=0.1) if not m.error())
            if read:
                left, patience = left - read, time.monotonic() + STALLED_SECONDS
            elif time.monotonic() > patience:
                raise StackError("the log could not be read to its end")
        return time.monotonic() - began
    finally:
        consumer.close()


def _written_again(world: World, before: Mapping[Place, int]) -> list[str]:
    """Topics with more than before. A relay that begins tries a recipient's topic with an empty message: no signal."""
    grown = {place: (before[place], end) for place, end in _ends(world).items() if end != before[place]}
    return sorted({topic for (topic, p), (old, new) in grown.items()
                   if topic in (LOG, LEDGER) or any(_values(world, topic, p, old, new))})  # fmt: skip


def _values(world: World, topic: str, partition: int, begin: int, end: int) -> list[bytes]:
    consumer = world.stack.kafka.reader()
    found: list[bytes] = []
    try:
        consumer.assign([TopicPartition(topic, partition, begin)])

        def whole() -> bool:
            for message in consumer.consume(100, timeout=0.1):
                if not message.error() and message.offset() < end:
                    found.append(message.value() or b"")
            return len(found) >= end - begin

        wait_until(whole, f"{topic} to be read", STALLED_SECONDS)
    finally:
        consumer.close()
    return found


def _peaks(world: World) -> dict[str, float]:
    stack = world.stack
    parts = {s.name: s.process for s in (*stack.services.values(), stack.auditor) if s is not None}
    parts |= {"Redis": stack.redis.process, "the broker": stack.kafka.process}
    return {name: megabytes(process.pid, "VmHWM") for name, process in parts.items() if process is not None}


Digests = Mapping[str, Mapping[str, tuple[int, str]]]  # by service and family of keys: how many, and of all of them


def why_not(before: Digests, after: Digests, again: Sequence[str]) -> str:
    differ = [
        f"{service}:{family}"
        for service in before
        for family in sorted(before[service].keys() | after[service].keys())
        if before[service].get(family) != after[service].get(family)
    ]
    said = [f"Redis is not what it was: {', '.join(differ)}"] if differ else []
    said += [f"written again: {', '.join(again)}"] if again else []
    return "; ".join(said)
