"""Configures and builds a preset, with ninja's own [n/m] as progress."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from stafett_stack.paths import LOCAL, REPOSITORY
from stafett_stack.procs import StackError

TAIL_LINES = 40


def build(preset: str, say: Callable[[str], None], *, targets: tuple[str, ...] = ()) -> None:
    """Nothing to do takes a second. On a terminal the output is shown as it comes; elsewhere it
    goes to .local/log/build-<preset>.log and its end is shown if it fails."""
    if not (REPOSITORY / "build" / preset / "build.ninja").exists():
        say(f"configuring ({preset})")
        _run(["cmake", "--preset", preset], preset)
    say(f"building ({preset})")
    _run(["cmake", "--build", "--preset", preset, *(("--target", *targets) if targets else ())], preset)


def _run(command: list[str], preset: str) -> None:
    if sys.stderr.isatty():
        run = subprocess.run(command, cwd=REPOSITORY, stdout=sys.stderr, check=False)
        if run.returncode != 0:
            raise StackError(f"{' '.join(command)} failed")
        return
    log = LOCAL / "log" / f"build-{preset}.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    with open(log, "wb") as out:
        run = subprocess.run(
            command, cwd=REPOSITORY, stdout=out, stderr=subprocess.STDOUT, check=False
        )
    if run.returncode != 0:
        raise StackError(f"{' '.join(command)} failed; whole output: {log}\n{_tail(log)}")


def _tail(log: Path) -> str:
    return "\n".join(log.read_text(errors="replace").splitlines()[-TAIL_LINES:])
