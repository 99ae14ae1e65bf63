"""Faults of services and recipients' programs: killed, frozen, slow, too many, at another time; and a burst of calls."""

from __future__ import annotations

import signal
import time
from dataclasses import replace

from stafett_faults.ground import SHORT, Ground
from stafett_faults.load import BURST
from stafett_stack.services import SERVICES, Service
from stafett_stack.stack import DAY_SECONDS

LONG = 30.0
LONG_SHARE = 0.1  # of freezes of services
BURST_SECONDS = 3.0
DAYS = (1, 3, 16)  # a concern's next date is 14 days ahead; the first jump is the longest
BACK_SECONDS = (3600, DAY_SECONDS, 2 * DAY_SECONDS)
SLOW_RUNS, SLOW_STANDS = 0.05, 0.45  # seconds: a tenth of the time


class OfServices(Ground):
    def kill_service(self) -> str:
        victim = self.a_copy()
        self._killed(victim)
        return victim.instance

    def kill_both_copies(self) -> str:
        name = self.choose.choice(SERVICES)
        for copy in self.stack.of(name):
            copy.kill()
        self.last(self.choose.uniform(0, 2))
        for copy in self.stack.of(name):
            copy.begin_start()
        return name

    def kill_auditor(self) -> str:
        self._killed(self.auditor())
        return self.auditor().instance

    def freeze_service(self) -> str:
        return self._stands_still(self.a_copy())

    def freeze_auditor(self) -> str:
        return self._stands_still(self.auditor())

    def duplicate_instance(self) -> str:
        """A third copy comes and is killed, wherever it is by then: catching up, or at work."""
        name = self.choose.choice(SERVICES)
        model = self.stack.of(name)[0]
        third = Service(name, f"{name}-c", model.directory, replace(model.wiring))
        third.peers, third.overrides = dict(model.peers), dict(model.overrides)
        try:
            third.begin_start()
            self.last(self.a_while())
        finally:
            third.kill()
        return third.instance

    # --- time ----------------------------------------------------------------------------------

    def clock_jump(self) -> str:
        """Every service starts again, later: what was to be done meanwhile was not."""
        days = self.choose.choice(DAYS[:-1]) if self.done else DAYS[-1]
        self.stack.let_days_pass(days)
        return f"{days} days ahead"

    def clock_backwards(self) -> str:
        """Every service starts again, a day or two earlier, and later where it was: what was put off by a moment then
        would otherwise wait for days (tests/faults/README.md). Or one copy of each is behind the other."""
        seconds = self.choose.choice(BACK_SECONDS)
        if self.choose.random() < 0.5:
            days = min(max(1, seconds // DAY_SECONDS), self.stack.days_passed)
            self.stack.let_days_pass(-days)
            self.last(self.a_while())
            self.stack.let_days_pass(days)
            return f"all, {days} days back"
        behind = [copy for copy in self.stack.services.values() if copy.instance.endswith("-b")]
        for copy in behind:
            ahead = int(copy.overrides.get("test_clock_ahead_seconds", 0))  # type: ignore[call-overload]
            self._restarted_at(copy, max(0, ahead - seconds))
        self.last(self.a_while())
        for copy in behind:
            self._restarted_at(copy, self.stack.days_passed * DAY_SECONDS)
        return f"one copy of each, {seconds / 3600:.0f} h behind"

    # --- load and recipients -------------------------------------------------------------------

    def burst(self) -> str:
        self.load.pace.hurry(BURST)
        self.last(BURST_SECONDS)
        self.load.pace.hurry(1.0)
        return f"{BURST:.0f} times the load"

    def recipient_frozen(self) -> str:
        id_ = self.choose.choice(sorted(self.recipients))
        recipient = self.recipients[id_]
        if self.choose.random() < 0.3:
            recipient.kill()
            recipient.start()
            return f"{id_} killed"
        recipient.signal(signal.SIGSTOP)
        try:
            self.last(self.a_while())
        finally:
            recipient.signal(signal.SIGCONT)
        return f"{id_} frozen"

    def slow_consumer(self) -> str:
        """A recipient's program, or a copy of a service, has a tenth of the time that it wants."""
        if self.choose.random() < 0.5:
            name = self.choose.choice(sorted(self.recipients))
            send = self.recipients[name].signal
        else:
            victim = self.a_copy()
            assert victim.process is not None
            name, send = victim.instance, victim.process.signal
        until = time.monotonic() + self.choose.uniform(*SHORT)
        try:
            while time.monotonic() < until:
                send(signal.SIGSTOP)
                self.last(SLOW_STANDS)
                send(signal.SIGCONT)
                self.last(SLOW_RUNS)
        finally:
            send(signal.SIGCONT)
        return name

    # --- inside --------------------------------------------------------------------------------

    def _killed(self, victim: Service) -> None:
        victim.kill()
        self.last(self.choose.uniform(0, 2))
        victim.begin_start()

    def _stands_still(self, victim: Service) -> str:
        seconds = LONG if self.choose.random() < LONG_SHARE else self.a_while()
        self.frozen(victim.process, seconds)
        return f"{victim.instance} {seconds:.0f} s"

    @staticmethod
    def _restarted_at(copy: Service, ahead_seconds: int) -> None:
        copy.overrides["test_clock_ahead_seconds"] = ahead_seconds
        copy.stop()
        copy.begin_start()
