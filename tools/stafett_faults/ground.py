"""What all faults stand on: the stack under load, seeded choices, how long something lasts, and when all is well again."""

from __future__ import annotations

import random
import signal
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from stafett_faults import tail
from stafett_faults.history import Command, Fault, Parked, Unsafe
from stafett_faults.load import Load, now_ms
from stafett_faults.power import Disk
from stafett_faults.proxy import Proxy
from stafett_stack.kafka import KafkaSet
from stafett_stack.procs import Process, StackError, wait_until
from stafett_stack.services import Service
from stafett_stack.stack import Stack
from stafett_story.watch import Recipient

READY_SECONDS = 90.0
SHORT = (2.0, 6.0)  # how long something is away, in seconds
PROXY_MODES = ("delay", "slice", "hold", "cut", "deaf")
LOG, LEDGER = "stafett.log", "stafett.ledger"


class NotHealed(RuntimeError):
    pass


@dataclass(frozen=True)
class Lost:
    """What was cut off one partition; run.py opens it when the keys are at hand."""

    topic: str
    partition: int
    at_ms: int
    records: tuple[tail.Raw, ...]


class Ground:
    """Only the main thread starts processes (stafett_stack.procs says why), so faults run there."""

    def __init__(
        self,
        stack: Stack,
        load: Load,
        recipients: Mapping[str, Recipient],
        proxy: Proxy,
        disks: Mapping[str, Disk],
        seed: int,
        say: Callable[[str], None],
    ) -> None:
        self.stack = stack
        self.load = load
        self.recipients = recipients
        self.proxy = proxy
        self.disks = disks
        self.done: list[Fault] = []
        self.away: dict[str, list[tuple[int, int]]] = {"redis": [], "kafka": []}
        self.wiped_ms: list[int] = []
        self.poisoned: list[tuple[str, int, int]] = []  # (topic, partition, offset)
        self.lost: list[Lost] = []
        self.parked: list[Parked] = []
        self.unsafe: list[Unsafe] = []
        self.commands: list[Command] = []  # of operators
        # (topic, partition) -> records from here on are in outboxes: behind the last loss of Redis' disk
        self.floor: dict[tuple[str, int], int] = {}
        self.choose = random.Random(f"{seed}-faults")
        self.say = say
        self._wait = threading.Event()  # never set: a wait of a fault's length

    # --- who -----------------------------------------------------------------------------------

    def a_copy(self) -> Service:
        return self.choose.choice(list(self.stack.services.values()))

    def auditor(self) -> Service:
        assert self.stack.auditor is not None
        return self.stack.auditor

    def everybody(self) -> list[Service]:
        return [*self.stack.services.values(), self.auditor()]

    # --- how long ------------------------------------------------------------------------------

    def last(self, seconds: float) -> None:
        """As long as the fault lasts: not a wait for anything."""
        self._wait.wait(seconds)
        if self.load.errors:
            raise self.load.errors[0]

    def a_while(self) -> float:
        return self.choose.uniform(*SHORT)

    def frozen(self, process: Process | None, seconds: float, away: str = "") -> None:
        assert process is not None
        process.signal(signal.SIGSTOP)
        try:
            wait_until(lambda: _state(process.pid) == "T", f"{process.name} stands still", 5)
            began = now_ms()
            self.last(seconds)
            if away:
                self.away[away].append((began, now_ms()))
        finally:
            process.signal(signal.SIGCONT)

    def detour(self, target: int) -> str:
        mode = self.choose.choice(PROXY_MODES)
        self.proxy.set(target, mode)
        try:
            self.last(self.a_while())
        finally:
            self.proxy.set(target, "pass")
        return mode

    # --- well again ----------------------------------------------------------------------------

    def all_ready(self, after: str) -> None:
        for service in self.everybody():
            try:
                service.wait_ready(READY_SECONDS)
            except StackError as error:
                raise NotHealed(f"after {after}: {error}") from error
        kafka = self.stack.kafka
        if isinstance(kafka, KafkaSet):  # else the next fault would take the second of three
            try:
                wait_until(kafka.in_sync, "brokers that lag behind", READY_SECONDS)
            except StackError as error:
                raise NotHealed(f"after {after}: {error}") from error


def _state(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return ""
