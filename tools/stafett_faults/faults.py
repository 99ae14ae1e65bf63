"""What is done to the processes, one thing after the other in a seeded order, each undone before the next. Each public
method of the classes below is a kind, by its name; it returns what it was done to."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from stafett_faults.ground import Ground, NotHealed
from stafett_faults.history import Fault
from stafett_faults.load import Load, now_ms
from stafett_faults.of_operators import OfOperators
from stafett_faults.of_redis import OfRedis
from stafett_faults.of_services import OfServices
from stafett_faults.power import Disk
from stafett_faults.proxy import Proxy
from stafett_stack.procs import StackError
from stafett_stack.stack import Stack
from stafett_story.watch import Recipient

GAP = (0.5, 2.5)  # seconds between two faults: load alone

__all__ = ["Faults", "NotHealed", "kinds"]


class Faults(OfServices, OfRedis, OfOperators):
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
        Ground.__init__(self, stack, load, recipients, proxy, disks, seed, say)
        self._only = set(only)
        if unknown := self._only - {_kind(fault) for fault in [*self._kinds(), *self._asked_for()]}:
            known = ", ".join(sorted({_kind(fault) for fault in [*self._kinds(), *self._asked_for()]}))
            raise StackError(f"no fault is called {', '.join(sorted(unknown))}; there are: {known}")
        self._bag: list[Callable[[], str]] = [self.clock_jump]  # first, so that every run has timers under faults

    def run(self, until: Callable[[], bool]) -> None:
        """Until time is up; NotHealed when something did not come back."""
        while not until():
            self._bag = self._bag or self._shuffled()
            self.one(self._bag.pop())
            self.last(self.choose.uniform(*GAP))

    def one(self, fault: Callable[[], str]) -> None:
        kind = _kind(fault)
        began, lost = now_ms(), len(self.wiped_ms)
        target = fault()
        self.all_ready(f"{kind} ({target})")
        if len(self.wiped_ms) > lost:
            self.raise_floor()
        self.done.append(Fault(kind, target, began, now_ms()))
        self.say(f"{len(self.done):3}. {kind}: {target}, {(now_ms() - began) / 1000:.1f} s")

    def power_cut_of_everything(self) -> str:
        for service in self.everybody():
            service.kill()
        self.stack.redis.kill()
        self.stack.kafka.kill()
        began = now_ms()
        dropped = self.cut_redis() + self.cut_broker(self.stack.kafka)
        for intervals in self.away.values():
            intervals.append((began, now_ms()))
        self.stack.redis.begin_start()
        self.stack.kafka.begin_start()
        for service in self.everybody():
            service.begin_start()
        self.stack.redis.wait_ready()
        self.stack.kafka.wait_ready()
        return f"{dropped} bytes gone"

    # --- inside --------------------------------------------------------------------------------

    def _shuffled(self) -> list[Callable[[], str]]:
        asked = self._asked_for() if self._only else []
        bag = [fault for fault in [*self._kinds(), *asked] if not self._only or _kind(fault) in self._only]
        if len(self.stack.kafka.nodes) > 1:
            # What is acknowledged is on two of three brokers, and none of them forces it: all at once would lose it.
            bag = [fault for fault in bag if fault not in (self.power_cut_of_everything, self.cut_log)]
        if not bag:
            raise StackError("with three brokers there is none of these faults")
        self.choose.shuffle(bag)
        return bag

    def _kinds(self) -> list[Callable[[], str]]:
        """Every kind once, the cheap ones and the one with the most ways to go wrong more often."""
        rare = [
            self.kill_redis,
            self.freeze_redis,
            self.wipe_redis,
            self.power_cut_of_redis,
            self.full_disk_of_redis,
            self.flip_bytes_of_redis,
            self.kill_broker,
            self.freeze_broker,
            self.power_cut_of_broker,
            self.full_disk_of_broker,
            self.power_cut_of_everything,
            self.clock_jump,
            self.clock_backwards,
            self.kill_both_copies,
            self.kill_auditor,
            self.freeze_auditor,
            self.burst,
            self.poison,
            self.poison_a_child,
            self.unsafe_setting,
        ]
        often = [
            self.kill_service,
            self.freeze_service,
            self.proxy_to_redis,
            self.proxy_to_broker,
            self.duplicate_instance,
            self.recipient_frozen,
            self.slow_consumer,
        ]
        return rare + [self.cut_log] * 2 + often * 3

    def _asked_for(self) -> list[Callable[[], str]]:
        """Not in the ordinary mix: README says why."""
        return [self.garble_redis]


def _kind(fault: Callable[[], str]) -> str:
    return fault.__name__.replace("_", " ")


def kinds(done: Sequence[Fault]) -> dict[str, int]:
    counted: dict[str, int] = {}
    for fault in done:
        counted[fault.kind] = counted.get(fault.kind, 0) + 1
    return dict(sorted(counted.items()))
