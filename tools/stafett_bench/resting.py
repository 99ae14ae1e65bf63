"""Row `memory`: what each service holds when nobody has called it yet."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

from stafett_bench.bare import Bare
from stafett_bench.measuring import Bench
from stafett_bench.results import Budget, Line

AFTER_SECONDS = 5.0
LOOKS = 5
RECORD = 700  # bytes; nothing is sent


def memory(bench: Bench) -> Iterator[Line]:
    with bench.world() as world, Bare(world, RECORD) as bare:
        bench.say(f"nobody calls for {AFTER_SECONDS:.0f} s")
        services = [s for s in (*world.stack.services.values(), world.stack.auditor) if s is not None]
        most = dict.fromkeys((service.name for service in services), 0.0)
        floor = 0.0
        for _ in range(LOOKS):
            time.sleep(AFTER_SECONDS / LOOKS)
            floor = max(floor, megabytes(bare.pid, "VmRSS"))
            for service in services:
                assert service.process is not None
                most[service.name] = max(most[service.name], megabytes(service.process.pid, "VmRSS"))
        for name, mb in most.items():
            yield Line("memory", f"memory of {name}, idle", "MB", Budget(60.0), mb, floor,
                       "bare_path: the same libraries, nothing in them", LOOKS)  # fmt: skip


def megabytes(pid: int, what: str) -> float:
    """VmRSS, or VmHWM, which is the most it ever was."""
    return of_status(Path(f"/proc/{pid}/status").read_text(), what)


def of_status(text: str, what: str) -> float:
    for line in text.splitlines():
        name, _, value = line.partition(":")
        if name == what:
            return int(value.split()[0]) / 1024
    return 0.0  # it has ended
