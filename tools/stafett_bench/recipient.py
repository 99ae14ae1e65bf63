"""A recipient's side that keeps times: when it had each signal, and how long each Fetch took."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Iterator

from confluent_kafka import Consumer, TopicPartition

from stafett_bench.children import World
from stafett_stack.procs import StackError, wait_until
from stafett_stack.rights import principal_of, topic_of
from stafett_story.calls import Caller, Credentials, build
from stafett_story.watch import Log

FETCHERS = 4


class Reader:
    """with Reader(world, recipient, fetch=True) as reader: …; then reader.had and reader.fetched_ms"""

    def __init__(self, world: World, recipient: str, *, fetch: bool) -> None:
        import importlib

        self._signal = importlib.import_module("stafett.disclosure.v1.signal_pb2").Signal
        self._world = world
        self._who = world.machine(recipient)
        self._consumer = Consumer({
            **world.stack.kafka.client_config(principal_of(recipient)),
            "group.id": recipient,  # the one that it has a right to; never joined
            "enable.auto.commit": False,
            "fetch.wait.max.ms": 500,
            "log_level": 0,  # what is wrong comes by poll()
        })  # fmt: skip
        self._topic = topic_of(recipient)
        self._fetch = fetch
        self._caller = Caller(world.stack.addresses(), patience=0)
        self._credentials = Credentials(world.stack.issuer.tokens, world.stack.known)
        self._over = threading.Event()
        self._to_fetch: queue.SimpleQueue[str] = queue.SimpleQueue()
        self.had: dict[tuple[str, int], int] = {}  # (case_ref, sequence) → ns since 1970
        self.fetched_ms: list[float] = []
        self.refused: list[str] = []
        self._broken: Exception | None = None
        work = [self._read, *[self._bring] * (FETCHERS if fetch else 0)]
        self._threads = [threading.Thread(target=self._guard, args=(one,)) for one in work]

    def __enter__(self) -> Reader:
        log = Log(self._world.stack.kafka)
        try:
            end = log.end(self._topic, 0)  # as it is now, not when the consumer is connected
        finally:
            log.close()
        self._consumer.assign([TopicPartition(self._topic, 0, end)])
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join()
        self._consumer.close()
        self._caller.close()

    def new_case(self, known: set[str]) -> tuple[str, int] | None:
        """A case of which there is a signal now, with its highest sequence."""
        found = [key for key in list(self.had) if key[0] not in known]
        return max(found, key=lambda key: key[1]) if found else None

    def check(self) -> None:
        """What broke one of the threads."""
        if self._broken is not None:
            raise StackError(f"the recipient's side: {self._broken}") from self._broken

    def wait_for(self, signals: int, timeout: float = 60.0) -> None:
        """Until there are so many signals, and all that is to be fetched is."""
        wait_until(lambda: len(self.had) >= signals and self._to_fetch.empty(), f"{signals} signals", timeout,
                   check=self.check)  # fmt: skip

    def _guard(self, work: Callable[[], None]) -> None:
        try:
            work()
        except Exception as error:  # noqa: BLE001 - told by check()
            self._broken = error

    def _read(self) -> None:
        while not self._over.is_set():
            for message in self._messages():
                now = time.time_ns()
                signal = self._signal.FromString(message.value())
                self.had.setdefault((signal.case_ref, signal.sequence), now)
                if self._fetch:
                    self._to_fetch.put(signal.delivery_id)

    def _messages(self) -> Iterator:
        message = self._consumer.poll(0.1)
        if message is not None:
            if message.error():
                raise StackError(f"the recipient's topic: {message.error()}")
            yield message

    def _bring(self) -> None:
        rpc = self._world.rpc("disclosure.Fetch")
        while not self._over.is_set():
            try:
                delivery_id = self._to_fetch.get(timeout=0.1)
            except queue.Empty:
                continue
            request, metadata = build(rpc, {"delivery_id": delivery_id}), self._credentials.metadata(self._who)
            began = time.perf_counter_ns()
            answer = self._caller.call(rpc, request, metadata)
            self.fetched_ms.append((time.perf_counter_ns() - began) / 1e6)
            if answer.refusal is not None:
                self.refused.append(str(answer.refusal))
