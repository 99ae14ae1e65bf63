"""Row `restart`: from the start of what was killed until a command is answered PUBLISHED."""

from __future__ import annotations

import itertools
import statistics
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Sequence

import grpc

from stafett_bench.bare import Bare
from stafett_bench.caller import REQUEST_ID, Call
from stafett_bench.children import World
from stafett_bench.measuring import PUBLISHED, Bench, beside
from stafett_bench.results import Budget, Line
from stafett_stack.procs import StackError

CHILDREN = 100
EVERY = 0.05  # seconds between two calls, whether the first was answered or not
PATIENCE = 60.0
BOUNDS = {"cases": 5.0, "Redis": 5.0, "the broker": 15.0}
CHANNEL = [
    ("grpc.initial_reconnect_backoff_ms", 50),
    ("grpc.min_reconnect_backoff_ms", 5000),  # how long one attempt may take
    ("grpc.max_reconnect_backoff_ms", 100),
    ("grpc.use_local_subchannel_pool", 1),
]


class Probe:
    """Calls again and again, each with a request_id of its own, and none waits for another."""

    def __init__(self, target: str, calls: Sequence[Call], good: Callable[[bytes], bool]) -> None:
        self._channel = grpc.insecure_channel(target, options=CHANNEL)
        self._calls = itertools.cycle(calls)
        self._good = good
        self._lock = threading.Lock()
        self.answered: float | None = None  # time.monotonic of the first good answer

    def call(self) -> None:
        planned = next(self._calls)
        body = planned.body.replace(REQUEST_ID.encode(), str(uuid.uuid4()).encode())
        future = self._channel.unary_unary(planned.path).future(body, metadata=planned.metadata, timeout=PATIENCE)
        future.add_done_callback(self._note)

    def close(self) -> None:
        self._channel.close()

    def _note(self, future: grpc.Future) -> None:
        now = time.monotonic()
        try:
            good = self._good(future.result())
        except (grpc.RpcError, grpc.FutureCancelledError):
            return
        with self._lock:
            if good and self.answered is None:
                self.answered = now


def first_answers(probes: Sequence[Probe]) -> list[float]:
    """When each had its first good answer."""
    deadline = time.monotonic() + PATIENCE
    try:
        while any(probe.answered is None for probe in probes):
            if time.monotonic() > deadline:
                raise StackError(f"no good answer within {PATIENCE:.0f} s")
            for probe in probes:
                if probe.answered is None:
                    probe.call()
            time.sleep(EVERY)
        return [probe.answered for probe in probes if probe.answered is not None]
    finally:
        for probe in probes:
            probe.close()


def restart(bench: Bench) -> Iterator[Line]:
    times = 2 if bench.quick else 5
    with bench.world() as world:
        bench.say(f"{CHILDREN} children")
        notes = world.notes(world.with_open_logs(CHILDREN))
        notes.once(world.target("cases"))
        with beside(world) as bare:

            def of_cases() -> Probe:
                return Probe(world.target("cases"), notes.calls, lambda answer: _is_published(world, answer))

            def of_bare() -> Probe:
                return Probe(bare.target, bare.plan("Path").calls, lambda _: True)

            for what, again in (
                ("cases", lambda: _service(world, bare, of_cases, of_bare)),
                ("Redis", lambda: _redis(world, of_cases, of_bare)),
                ("the broker", lambda: _broker(world, of_cases, of_bare)),
            ):
                found = []
                for n in range(times):
                    bench.say(f"kill -9 of {what}: {n + 1} of {times}")
                    found.append(again())
                    for service in world.stack.services.values():
                        service.wait_ready()
                    world.settled()
                yield from _lines(what, [took for took, _ in found], [took for _, took in found])


def _service(world: World, bare: Bare, of_cases: Callable[[], Probe], of_bare: Callable[[], Probe]):
    (cases,) = world.stack.of("cases")
    cases.kill()
    began = time.monotonic()
    cases.begin_start()
    took = first_answers([of_cases()])[0] - began
    bare.kill()
    began = time.monotonic()
    bare.start()
    return took, first_answers([of_bare()])[0] - began


def _redis(world: World, of_cases: Callable[[], Probe], of_bare: Callable[[], Probe]):
    world.stack.redis.kill()
    began = time.monotonic()
    world.stack.redis.begin_start()
    cases, bare = first_answers([of_cases(), of_bare()])
    return cases - began, bare - began


def _broker(world: World, of_cases: Callable[[], Probe], of_bare: Callable[[], Probe]):
    kafka = world.stack.kafka
    kafka.kill()
    began = time.monotonic()
    kafka.begin_start()
    cases, bare = first_answers([of_cases(), of_bare()])
    kafka.wait_ready()
    return cases - began, bare - began


def _lines(what: str, took: Sequence[float], floor: Sequence[float]) -> Iterator[Line]:
    for name, of in (("median", statistics.median), ("worst", max)):
        yield Line(
            "restart", f"kill -9 of {what}, until the first PUBLISHED, {name}", "s", Budget(BOUNDS[what]),
            of(took), of(floor), f"the bare path, {name}", len(took), also={"each": sorted(took)},
        )  # fmt: skip


def _is_published(world: World, answer: bytes) -> bool:
    return world.answer("cases.WriteNote", answer).receipt.state == PUBLISHED
