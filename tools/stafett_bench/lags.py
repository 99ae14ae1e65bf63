"""How far the services are behind what was written, looked at again and again."""

from __future__ import annotations

import threading

from stafett_bench.children import metric
from stafett_stack.stack import Stack

DELAYS = {
    "fence": "stafett_fence_delay_seconds",
    "outbox": "stafett_outbox_oldest_seconds",
}
RECORDS = "stafett_reader_lag_records"


class Lags:
    """with Lags(stack) as lags: …; then lags.worst_seconds, by service and kind."""

    def __init__(self, stack: Stack, *, every: float = 1.0) -> None:
        self._services = [service for service in stack.services.values() if service.running]
        self._every = every
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self.seconds: dict[str, float] = {}  # "disclosure fence": the largest
        self.records: dict[str, float] = {}  # by service: the largest, of stafett.log
        self.samples = 0
        self.unanswered = 0

    def __enter__(self) -> Lags:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    @property
    def largest(self) -> float:
        return max(self.seconds.values(), default=0.0)

    def _run(self) -> None:
        while not self._over.wait(self._every):
            for service in self._services:
                try:
                    text = service.metrics()
                except OSError:
                    self.unanswered += 1
                    continue
                self.samples += 1
                self.take(service.name, text)

    def take(self, name: str, text: str) -> None:
        for kind, of in DELAYS.items():
            key = f"{name} {kind}"
            self.seconds[key] = max(self.seconds.get(key, 0.0), metric(text, of))
        log = "\n".join(line for line in text.splitlines() if line.startswith(RECORDS) and 'topic="log"' in line)
        self.records[name] = max(self.records.get(name, 0.0), metric(log, RECORDS))
