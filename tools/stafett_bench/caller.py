"""Runs tests/bench/load: what is called is written into a plan, what came of it read from its output."""

from __future__ import annotations

import math
import subprocess
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import grpc
from google.protobuf.message import Message

from stafett_stack.procs import StackError
from stafett_stack.services import binaries

REQUEST_ID = "00000000-0000-4000-8000-000000000000"  # load puts a new one at each sending
PRESET = "bench"


@dataclass(frozen=True)
class Call:
    path: str  # /package.Service/Method
    body: bytes
    metadata: tuple[tuple[str, str], ...] = ()

    @classmethod
    def of(cls, path: str, request: Message, metadata: Iterable[tuple[str, str]]) -> Call:
        return cls(path, request.SerializeToString(), tuple(metadata))


@dataclass(frozen=True)
class Done:
    due_ns: int  # since 1970
    took_ns: int
    index: int  # in the plan
    code: int  # of gRPC
    answer: bytes = b""

    @property
    def ms(self) -> float:
        return self.took_ns / 1e6


class Plan:
    """Calls, as a file that may be run many times."""

    def __init__(self, file: Path, calls: Sequence[Call]) -> None:
        self.file = file
        self.calls = calls
        with open(file, "w") as out:
            for call in calls:
                out.write(f"call {call.path}\n")
                out.writelines(f"with {key} {value}\n" for key, value in call.metadata)
                out.write(f"body {call.body.hex()}\n\n")

    def start(
        self,
        target: str,
        *,
        callers: int = 0,
        rate: float = 0,
        seconds: float = 0,
        once: bool = False,
        answers: bool = False,
    ) -> Running:
        out = self.file.with_name(f"{self.file.stem}-{next(_numbers)}.out")
        command = [binaries(PRESET) / "load", "--target", target, "--plan", self.file, "--out", out]
        command += ["--rate", rate] if rate else ["--callers", callers or 1]
        command += ["--seconds", seconds] if seconds else []
        command += ["--once"] if once else []
        command += ["--answers"] if answers else []
        # It ends with this program, however that ends.
        argv = ["setpriv", "--pdeathsig", "KILL", "--", *map(str, command)]
        return Running(subprocess.Popen(argv, stderr=subprocess.PIPE, text=True, start_new_session=True), out)

    def run(self, target: str, **how) -> list[Done]:
        return self.start(target, **how).result()

    def once(self, target: str, *, callers: int = 64) -> list[Done]:
        """Every call one time; answers in the plan's order."""
        done = self.run(target, callers=callers, once=True, answers=True)
        return sorted(done, key=lambda d: d.index)


_numbers = iter(range(1_000_000))


class Running:
    def __init__(self, process: subprocess.Popen, out: Path) -> None:
        self._process = process
        self._out = out

    def result(self) -> list[Done]:
        try:
            _, error = self._process.communicate()
        except BaseException:
            self.stop()
            raise
        if self._process.returncode != 0:
            raise StackError(f"load failed: {error[-500:]}")
        found = []
        with open(self._out) as lines:
            for line in lines:
                due, took, index, code, *answer = line.split(" ")
                found.append(
                    Done(int(due), int(took), int(index), int(code), bytes.fromhex(answer[0]) if answer else b"")
                )
        self._out.unlink()
        return found

    def stop(self) -> None:
        """Whatever comes of it. Safe to repeat, and after result()."""
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait()
        if self._process.stderr is not None:
            self._process.stderr.close()


def quantile(values: Sequence[float], q: float) -> float:
    """The smallest value that is not less than a share q of all (nearest rank)."""
    if not values:
        raise StackError("nothing was measured")
    ordered = sorted(values)
    return ordered[max(0, math.ceil(q * len(ordered)) - 1)]


def refused(done: Sequence[Done]) -> int:
    return sum(d.code != 0 for d in done)


def codes(done: Sequence[Done]) -> dict[str, int]:
    """With which codes of gRPC, and how often."""
    names = {code.value[0]: code.name for code in grpc.StatusCode}
    return dict(Counter(names.get(d.code, str(d.code)) for d in done if d.code))
