"""What services say of themselves: one metric, and all of them again and again."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable

from stafett_stack.services import Service


def series(text: str, name: str) -> list[float]:
    """The values of a metric's series; none if there is no such metric."""
    return [float(x.rpartition(" ")[2]) for x in text.splitlines() if x.startswith((f"{name} ", f"{name}{{"))]


def metric(text: str, name: str) -> float:
    """The sum of a metric's series."""
    return sum(series(text, name))


class Watching:
    """with Watching(services, take, every=1.0): take(service, text of its metrics), on a thread, in every round; `missed`
    of who does not answer: killed, frozen, or not yet there."""

    def __init__(
        self,
        services: Iterable[Service],
        take: Callable[[Service, str], None],
        *,
        every: float,
        missed: Callable[[Service], None] = lambda _: None,
    ) -> None:
        self._services = list(services)
        self._take = take
        self._missed = missed
        self._every = every
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Watching:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._over.wait(self._every):
            for service in self._services:
                try:
                    text = service.metrics()
                except OSError:
                    self._missed(service)
                    continue
                self._take(service, text)
