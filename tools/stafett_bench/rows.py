"""The rows of the budget table, by their names."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from stafett_bench import report
from stafett_bench.arriving import fetch, signal
from stafett_bench.commanding import published, throughput
from stafett_bench.deciding import decision, parts
from stafett_bench.measuring import Bench
from stafett_bench.rebuilding import rebuild
from stafett_bench.restarting import restart
from stafett_bench.results import Line
from stafett_bench.resting import memory
from stafett_bench.withdrawing import withdrawal
from stafett_stack.procs import StackError

Row = Callable[[Bench], Iterator[Line]]
ROWS: dict[str, tuple[str, Row]] = {
    "published": ("command to PUBLISHED, 1 caller", published),
    "throughput": ("commands a second, and how far everybody is behind", throughput),
    "signal": ("command to the recipient's consumer having the signal", signal),
    "withdrawal": ("withdrawal to ENFORCED", withdrawal),
    "fetch": ("Fetch", fetch),
    "decision": ("one policy decision", decision),
    "rebuild": ("rebuild of an empty Redis", rebuild),
    "restart": ("restart to first PUBLISHED", restart),
    "memory": ("memory of one service, idle", memory),
    "parts": ("parts that need no server", parts),
}


def measure(bench: Bench, names: Sequence[str]) -> list[Line]:
    """A row that cannot be measured says why, and the others go on."""
    found: list[Line] = []
    for place, name in enumerate(names, start=1):
        what, row = ROWS[name]
        bench.begin(f"[{place}/{len(names)}] {name}")
        try:
            for line in row(bench):
                found.append(line)
                bench.say(report.brief(line))
        except Exception as error:  # noqa: BLE001 - half an hour of other rows is not thrown away for one
            found.append(Line(name, what, why_not=why(error)))
            bench.say(f"not measured: {error}")
    return found


def why(error: Exception) -> str:
    """In one line of the table."""
    first = (str(error).splitlines() or [""])[0][:300]
    return first if isinstance(error, StackError) else f"{type(error).__name__}: {first}"
