"""What is done to the processes, one thing after the other in a seeded order, each undone before the next.

Only the main thread starts processes (stafett_stack.procs says why), so faults run there.
"""

from __future__ import annotations

import random
import signal
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from confluent_kafka import Message, Producer

from stafett_faults.history import Fault
from stafett_faults.load import BURST, Load, now_ms
from stafett_faults.people import RECIPIENTS
from stafett_faults.power import Disk
from stafett_faults.proxy import Proxy
from stafett_stack.procs import Process, StackError, wait_until
from stafett_stack.rights import topic_of
from stafett_stack.services import SERVICES, Service
from stafett_stack.stack import Stack
from stafett_story.watch import Recipient

READY_SECONDS = 90.0
SHORT = (2.0, 6.0)  # how long something is away, in seconds
LONG = 30.0
LONG_SHARE = 0.1  # of freezes of services
BURST_SECONDS = 3.0
GAP = (0.5, 2.5)  # seconds between two faults: load alone
DAYS = (1, 3, 16)  # a concern's next date is 14 days ahead; the first jump is the longest
PROXY_MODES = ("delay", "slice", "hold", "cut", "deaf")


class NotHealed(RuntimeError):
    pass


class Faults:
    def __init__(
        self,
        stack: Stack,
        load: Load,
        recipients: Mapping[str, Recipient],
        proxy: Proxy,
        disks: Mapping[str, Disk],
        seed: int,
        say: Callable[[str], None],
        only: Sequence[str] = (),  # kinds; otherwise all
    ) -> None:
        self.stack = stack
        self.load = load
        self.recipients = recipients
        self.proxy = proxy
        self.disks = disks
        self.done: list[Fault] = []
        self.away: dict[str, list[tuple[int, int]]] = {"redis": [], "kafka": []}
        self.wiped_ms: list[int] = []
        self.poison: list[tuple[str, int, int]] = []  # (topic, partition, offset)
        self._choose = random.Random(f"{seed}-faults")
        self._say = say
        self._wait = threading.Event()  # never set: a wait of a fault's length
        self._only = set(only)
        if unknown := self._only - {_kind(fault) for fault in self._kinds()}:
            known = ", ".join(sorted({_kind(fault) for fault in self._kinds()}))
            raise StackError(f"no fault is called {', '.join(sorted(unknown))}; there are: {known}")
        self._bag: list[Callable[[], str]] = [self._clock_jump]  # first, so that every run has timers under faults

    def run(self, until: Callable[[], bool]) -> None:
        """Until time is up; NotHealed when something did not come back."""
        while not until():
            self._bag = self._bag or self._shuffled()
            self.one(self._bag.pop())
            self._last(self._choose.uniform(*GAP))

    def one(self, fault: Callable[[], str]) -> None:
        kind = _kind(fault)
        began = now_ms()
        target = fault()
        self._healed(kind, target)
        self.done.append(Fault(kind, target, began, now_ms()))
        self._say(f"{len(self.done):3}. {kind}: {target}, {(now_ms() - began) / 1000:.1f} s")

    def _shuffled(self) -> list[Callable[[], str]]:
        bag = [fault for fault in self._kinds() if not self._only or _kind(fault) in self._only]
        self._choose.shuffle(bag)
        return bag

    def _kinds(self) -> list[Callable[[], str]]:
        """Every kind once, the cheap ones more often."""
        rare = [
            self._kill_redis,
            self._freeze_redis,
            self._wipe_redis,
            self._power_cut_of_redis,
            self._kill_broker,
            self._freeze_broker,
            self._power_cut_of_broker,
            self._power_cut_of_everything,
            self._clock_jump,
            self._kill_both_copies,
            self._burst,
            self._poison,
        ]
        often = [
            self._kill_service,
            self._freeze_service,
            self._proxy_to_redis,
            self._proxy_to_broker,
            self._duplicate_instance,
            self._recipient_frozen,
        ]
        return rare + often * 2

    # --- services ------------------------------------------------------------------------------

    def _kill_service(self) -> str:
        victim = self._copy()
        victim.kill()
        self._last(self._choose.uniform(0, 2))
        victim.begin_start()
        return victim.instance

    def _kill_both_copies(self) -> str:
        name = self._choose.choice(SERVICES)
        for copy in self.stack.of(name):
            copy.kill()
        self._last(self._choose.uniform(0, 2))
        for copy in self.stack.of(name):
            copy.begin_start()
        return name

    def _freeze_service(self) -> str:
        victim = self._copy()
        seconds = LONG if self._choose.random() < LONG_SHARE else self._choose.uniform(*SHORT)
        self._frozen(victim.process, seconds)
        return f"{victim.instance} {seconds:.0f} s"

    def _duplicate_instance(self) -> str:
        """A third copy comes and is killed, wherever it is by then: catching up, or at work."""
        name = self._choose.choice(SERVICES)
        model = self.stack.of(name)[0]
        third = Service(name, f"{name}-c", model.directory, replace(model.wiring))
        third.peers, third.overrides = dict(model.peers), dict(model.overrides)
        try:
            third.begin_start()
            self._last(self._choose.uniform(*SHORT))
        finally:
            third.kill()
        return third.instance

    def _clock_jump(self) -> str:
        """Every service starts again, later: what was to be done meanwhile was not."""
        days = self._choose.choice(DAYS[:-1]) if self.done else DAYS[-1]
        self.stack.let_days_pass(days)
        return f"{days} days ahead"

    def _burst(self) -> str:
        self.load.pace.hurry(BURST)
        self._last(BURST_SECONDS)
        self.load.pace.hurry(1.0)
        return f"{BURST:.0f} times the load"

    def _recipient_frozen(self) -> str:
        id_ = self._choose.choice(sorted(self.recipients))
        recipient = self.recipients[id_]
        if self._choose.random() < 0.3:
            recipient.kill()
            recipient.start()
            return f"{id_} killed"
        recipient.signal(signal.SIGSTOP)
        try:
            self._last(self._choose.uniform(*SHORT))
        finally:
            recipient.signal(signal.SIGCONT)
        return f"{id_} frozen"

    # --- Redis ---------------------------------------------------------------------------------

    def _kill_redis(self) -> str:
        self._without_redis(lambda: "")
        return "redis"

    def _wipe_redis(self) -> str:
        """Its disk is lost: all comes back from the log."""

        def wipe() -> str:
            self.wiped_ms.append(now_ms())
            self.stack.redis.wipe()
            self.disks["redis"].forget()
            return ""

        self._without_redis(wipe)
        return "redis"

    def _power_cut_of_redis(self) -> str:
        return f"redis, {self._without_redis(self._cut_redis)} bytes gone"

    def _freeze_redis(self) -> str:
        seconds = self._choose.uniform(*SHORT)
        self._frozen(self.stack.redis.process, seconds, "redis")
        return f"redis {seconds:.0f} s"

    def _proxy_to_redis(self) -> str:
        return self._detour(self.stack.redis.port)

    def _without_redis(self, meanwhile: Callable[[], object]) -> object:
        self.stack.redis.kill()
        began = now_ms()
        said = meanwhile()
        self._last(self._choose.uniform(0, 2))
        self.away["redis"].append((began, now_ms()))
        self.stack.redis.start()
        return said

    def _cut_redis(self) -> int:
        return self.disks["redis"].cut((self.stack.redis.data / "appendonlydir").glob("*.incr.aof"))

    # --- the broker ----------------------------------------------------------------------------

    def _kill_broker(self) -> str:
        self._without_broker(lambda: "")
        return "kafka"

    def _power_cut_of_broker(self) -> str:
        return f"kafka, {self._without_broker(self._cut_broker)} bytes gone"

    def _freeze_broker(self) -> str:
        seconds = self._choose.uniform(*SHORT)
        self._frozen(self.stack.kafka.process, seconds, "kafka")
        return f"kafka {seconds:.0f} s"

    def _proxy_to_broker(self) -> str:
        return self._detour(self.stack.kafka.detour[0])

    def _without_broker(self, meanwhile: Callable[[], object]) -> object:
        self.stack.kafka.kill()
        began = now_ms()
        said = meanwhile()
        self.away["kafka"].append((began, now_ms()))
        self.stack.kafka.begin_start()
        self.stack.kafka.wait_ready()
        return said

    def _cut_broker(self) -> int:
        return self.disks["kafka"].cut(self.stack.kafka.data.glob("*/*.log"))

    def _poison(self) -> str:
        """What nobody can read, on the log, under the key of a child that does not exist; and on a recipient's
        topic."""
        kafka = self.stack.kafka
        producer = Producer({**kafka.client_config("admin"), "acks": "all", "log_level": 0})
        places = [
            ("stafett.log", self._choose.randrange(kafka.partitions)),
            (topic_of(self._choose.choice(RECIPIENTS)), 0),
        ]

        def put(error: object, message: Message) -> None:
            if error is None:
                self.poison.append((message.topic(), message.partition(), message.offset()))

        for topic, partition in places:
            producer.produce(
                topic, b"\xff" * 40, key=f"ch-poison-{len(self.poison)}", partition=partition, on_delivery=put
            )
        before = len(self.poison)
        producer.flush(READY_SECONDS)
        if len(self.poison) < before + len(places):
            raise NotHealed("the broker did not take the poison")
        return ", ".join(topic for topic, _ in places)

    # A tail that is lost although it was forced (tests/e2e/test_repair.py) has its place here. Records that come back behind
    # what others wrote meanwhile stand out of their order: the checker has to know where.

    # --- all of it -----------------------------------------------------------------------------

    def _power_cut_of_everything(self) -> str:
        for service in self.stack.services.values():
            service.kill()
        self.stack.redis.kill()
        self.stack.kafka.kill()
        began = now_ms()
        dropped = self._cut_redis() + self._cut_broker()
        for intervals in self.away.values():
            intervals.append((began, now_ms()))
        self.stack.redis.begin_start()
        self.stack.kafka.begin_start()
        for service in self.stack.services.values():
            service.begin_start()
        self.stack.redis.wait_ready()
        self.stack.kafka.wait_ready()
        return f"{dropped} bytes gone"

    # --- inside --------------------------------------------------------------------------------

    def _copy(self) -> Service:
        return self._choose.choice(list(self.stack.services.values()))

    def _last(self, seconds: float) -> None:
        """As long as the fault lasts: not a wait for anything."""
        self._wait.wait(seconds)
        if self.load.errors:
            raise self.load.errors[0]

    def _frozen(self, process: Process | None, seconds: float, away: str = "") -> None:
        assert process is not None
        process.signal(signal.SIGSTOP)
        try:
            wait_until(lambda: _state(process.pid) == "T", f"{process.name} stands still", 5)
            began = now_ms()
            self._last(seconds)
            if away:
                self.away[away].append((began, now_ms()))
        finally:
            process.signal(signal.SIGCONT)

    def _detour(self, target: int) -> str:
        mode = self._choose.choice(PROXY_MODES)
        self.proxy.set(target, mode)
        try:
            self._last(self._choose.uniform(*SHORT))
        finally:
            self.proxy.set(target, "pass")
        return mode

    def _healed(self, kind: str, target: str) -> None:
        """All that runs is ready again."""
        for service in self.stack.services.values():
            try:
                service.wait_ready(READY_SECONDS)
            except StackError as error:
                raise NotHealed(f"after {kind} ({target}): {error}") from error


def _kind(fault: Callable[[], str]) -> str:
    return fault.__name__.strip("_").replace("_", " ")


def _state(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return ""


def kinds(done: Sequence[Fault]) -> dict[str, int]:
    counted: dict[str, int] = {}
    for fault in done:
        counted[fault.kind] = counted.get(fault.kind, 0) + 1
    return dict(sorted(counted.items()))
