"""Rows `decision` and `parts`: what needs no server, by Google Benchmark (tests/bench/*_bench.cc)."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator, Mapping
from typing import Any

from stafett_bench.caller import PRESET
from stafett_bench.measuring import Bench
from stafett_bench.results import Budget, Line
from stafett_stack.procs import StackError
from stafett_stack.services import binaries

PROGRAMS = ("policy_bench", "cut_bench", "envelope_bench", "seal_bench")
FLOOR = "Floor"  # Decision has the floor Floor, SealNote the floor FloorOfSealNote, each with the same argument
JUDGED = "consents_of_others:12"
REPETITIONS, QUICK_REPETITIONS = 9, 3


def decision(bench: Bench) -> Iterator[Line]:
    found = medians(_run(bench, "policy_bench"))
    also = {name: us for name, (us, _) in found.items() if name.startswith("Decision/")}
    measured, n = found.get(f"Decision/{JUDGED}", (None, 0))
    floor, _ = found.get(f"{FLOOR}/{JUDGED}", (None, 0))
    yield Line("decision", "one policy decision", "µs", Budget(2.0), measured, floor,
               "each rule and consent is read once, nothing is decided", n, also=also)  # fmt: skip


def parts(bench: Bench) -> Iterator[Line]:
    for program in PROGRAMS[1:]:
        found = medians(_run(bench, program))
        for name, (us, n) in found.items():
            if not name.startswith(FLOOR):
                floor, _ = found.get(f"{FLOOR}Of{name}", (None, 0))
                yield Line("parts", name, "µs", None, us, floor, f"{FLOOR}Of{name} of {program}", n)


def _run(bench: Bench, program: str) -> Mapping[str, Any]:
    bench.say(program)
    command = [
        str(binaries(PRESET) / program), "--benchmark_format=json",
        f"--benchmark_repetitions={QUICK_REPETITIONS if bench.quick else REPETITIONS}",
        f"--benchmark_min_time={0.05 if bench.quick else 0.3}", "--benchmark_enable_random_interleaving=true",
    ]  # fmt: skip
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    if run.returncode != 0:
        raise StackError(f"{program} failed: {run.stderr[-500:]}")
    return json.loads(run.stdout)


def medians(report: Mapping[str, Any]) -> dict[str, tuple[float, int]]:
    """µs of the processor, and how many times it was done; by name."""
    done: dict[str, int] = {}
    for one in report["benchmarks"]:
        if one["run_type"] == "iteration":
            done[one["run_name"]] = done.get(one["run_name"], 0) + one["iterations"]
    to_us = {"ns": 1e-3, "us": 1.0, "ms": 1e3, "s": 1e6}
    return {
        one["run_name"]: (one["cpu_time"] * to_us[one["time_unit"]], done[one["run_name"]])
        for one in report["benchmarks"]
        if one["run_type"] == "aggregate" and one["aggregate_name"] == "median"
    }
