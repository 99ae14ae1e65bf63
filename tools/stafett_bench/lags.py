"""How far the services are behind what was written, looked at again and again."""

from __future__ import annotations

from stafett_stack.services import Service
from stafett_stack.stack import Stack
from stafett_stack.watching import Watching, metric

DELAYS = {
    "fence": "stafett_fence_delay_seconds",
    "outbox": "stafett_outbox_oldest_seconds",
}
RECORDS = "stafett_reader_lag_records"


class Lags(Watching):
    """with Lags(stack) as lags: …; then lags.seconds, by service and kind."""

    def __init__(self, stack: Stack, *, every: float = 1.0) -> None:
        running = [service for service in stack.services.values() if service.running]
        super().__init__(running, self._look, every=every, missed=self._miss)
        self.seconds: dict[str, float] = {}  # "disclosure fence": the largest
        self.records: dict[str, float] = {}  # by service: the largest, of stafett.log
        self.samples = 0
        self.unanswered = 0

    @property
    def largest(self) -> float:
        return max(self.seconds.values(), default=0.0)

    def _miss(self, _: Service) -> None:
        self.unanswered += 1

    def _look(self, service: Service, text: str) -> None:
        self.samples += 1
        self.take(service.name, text)

    def take(self, name: str, text: str) -> None:
        for kind, of in DELAYS.items():
            key = f"{name} {kind}"
            self.seconds[key] = max(self.seconds.get(key, 0.0), metric(text, of))
        log = "\n".join(line for line in text.splitlines() if line.startswith(RECORDS) and 'topic="log"' in line)
        self.records[name] = max(self.records.get(name, 0.0), metric(log, RECORDS))
