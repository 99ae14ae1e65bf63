"""What every row measures with: a whole Stafett of its own, children in it, the bare path beside it."""

from __future__ import annotations

import shutil
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from confluent_kafka import TopicPartition

from stafett_bench.bare import Bare
from stafett_bench.caller import PRESET, Done, Plan
from stafett_bench.children import World
from stafett_bench.results import Rounds
from stafett_stack.procs import StackError
from stafett_stack.services import SERVICES
from stafett_stack.stack import Stack
from stafett_story.watch import LOG

PATIENCE = 600.0
MEMORY = "12gb"  # a limit of Redis; a million events want more than the small default
PUBLISHED = 2  # ReceiptState of proto/stafett/common/v1/record.proto
SAMPLED = 200  # records whose size is looked at


@dataclass
class Bench:
    directory: Path
    out: Callable[[str], None]
    quick: bool = False
    events: int = 1_000_000
    _stacks: int = field(default=0, init=False)
    _row: str = field(default="", init=False)

    def begin(self, row: str) -> None:
        self._row = row

    def say(self, text: str) -> None:
        self.out(f"{self._row}: {text}")

    def choose(self, full: float, quick: float) -> float:
        return quick if self.quick else full

    @property
    def rounds(self) -> int:
        return 2 if self.quick else 7

    @property
    def round_seconds(self) -> float:
        return 1.5 if self.quick else 3.0

    @contextmanager
    def world(self) -> Iterator[World]:
        """Everything is up. Its directory goes with it."""
        self._stacks += 1
        directory = self.directory / f"stack-{self._stacks}"
        try:
            with Stack(directory, preset=PRESET) as stack:
                stack.redis.maxmemory = MEMORY
                self.say("starting Redis, Kafka and all services")
                stack.up()
                yield World(stack, directory / "plans")
        finally:
            shutil.rmtree(directory, ignore_errors=True)

    def alternately(
        self, world: World, what: str, sides: Sequence[tuple[Plan, str]], *, callers: int
    ) -> list[Rounds]:
        """Each side (plan, target) once in every round, so that what the machine does besides falls upon all; and each
        begins when nobody has anything left to do of the one before."""
        found = [Rounds() for _ in sides]
        for n in range(self.rounds):
            self.say(f"{what}, {callers} callers: round {n + 1} of {self.rounds}")
            for side, (plan, target) in zip(found, sides, strict=True):
                world.settled(PATIENCE)
                side.add(plan.run(target, callers=callers, seconds=self.round_seconds))
        return found


@contextmanager
def beside(world: World) -> Iterator[Bare]:
    """The bare path, with a record as large as that of a note."""
    with Bare(world, record_bytes(world.stack)) as bare:
        yield bare


def alone(world: World) -> None:
    """Only cases runs on."""
    stack = world.stack
    for name in SERVICES:
        for copy in stack.of(name):
            if name != "cases":
                copy.stop()
    if stack.auditor is not None:
        stack.auditor.stop()


def together(world: World, timeout: float) -> None:
    """All run again, and are ready."""
    stack = world.stack
    stopped = [s for s in (*stack.services.values(), stack.auditor) if s is not None and not s.running]
    for service in stopped:
        service.begin_start()
    for service in stopped:
        service.wait_ready(timeout)


def not_published(world: World, done: Sequence[Done], name: str = "cases.WriteNote") -> int:
    """How many of the answers say something else than PUBLISHED: they would be quick for a wrong reason."""
    return sum(d.code != 0 or world.message(name, d).receipt.state != PUBLISHED for d in done)


def log_tail(stack: Stack, each: int) -> list[tuple[int, bytes, bytes]]:
    """(partition, key, value) of the last records of every partition of the log."""
    consumer = stack.kafka.reader()
    found = []
    try:
        left: dict[int, int] = {}
        for p in range(stack.kafka.partitions):
            end = consumer.get_watermark_offsets(TopicPartition(LOG, p), timeout=10.0)[1]
            if end:
                left[p] = end
        consumer.assign([TopicPartition(LOG, p, max(0, end - each)) for p, end in left.items()])
        deadline = time.monotonic() + 30
        while left:
            message = consumer.poll(0.5)
            if message is None or message.error():
                if time.monotonic() > deadline:
                    raise StackError("the log's end could not be read")
                continue
            p = message.partition()
            if p in left and message.offset() < left[p]:
                found.append((p, message.key(), message.value()))
                if message.offset() == left[p] - 1:
                    del left[p]
    finally:
        consumer.close()
    return found


def record_bytes(stack: Stack) -> int:
    """How large the records of the last notes are, the median."""
    for each in (SAMPLED, 100 * SAMPLED):  # others may have written much behind them
        sizes = [len(value) for _, _, value in log_tail(stack, each) if b"note-written" in value]
        if sizes:
            return int(statistics.median(sizes))
    raise StackError("no note stands on the log")
