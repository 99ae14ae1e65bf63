"""Says where a story is: one moving line on a terminal, one line per step elsewhere."""

from __future__ import annotations

import shutil
import sys
import time
from typing import TextIO

from stafett_story.load import Step


class Progress:
    def __init__(self, stream: TextIO = sys.stderr, *, moving: bool | None = None) -> None:
        self._stream: TextIO | None = stream
        self._moving = stream.isatty() if moving is None else moving
        self._started = time.monotonic()
        self._steps = 0
        self._line = ""

    @classmethod
    def silent(cls) -> Progress:
        progress = cls(sys.stderr, moving=False)
        progress._stream = None
        return progress

    def say(self, text: str) -> None:
        """A line that stays: the environment starts, a service is ready."""
        self._clear()
        self._write(f"{self._clock()} {text}\n")
        self._show()

    def begin(self, steps: int) -> None:
        self._steps = steps

    def step(self, step: Step) -> None:
        self._line = f"{self._count(step)} {step.title}"
        self._show()

    def note(self, text: str) -> None:
        """What the step is doing now; only on a terminal."""
        if self._moving and self._line:
            self._line = f"{self._line.partition(' · ')[0]} · {text}"
            self._show()

    def done(self, step: Step, seconds: float) -> None:
        self._line = ""
        if not self._moving:
            self._write(f"{self._clock()} {self._count(step)} {step.title} ({seconds:.1f} s)\n")

    def end(self) -> None:
        self._clear()
        self._line = ""

    def _count(self, step: Step) -> str:
        width = len(str(self._steps))
        return f"[{step.number:{width}}/{self._steps}]"

    def _clock(self) -> str:
        return f"{time.monotonic() - self._started:6.1f} s"

    def _show(self) -> None:
        if self._moving and self._line:
            columns = shutil.get_terminal_size().columns
            self._clear()
            self._write(f"{self._clock()} {self._line}"[: columns - 1])

    def _clear(self) -> None:
        if self._moving:
            self._write("\r\x1b[2K")

    def _write(self, text: str) -> None:
        if self._stream is not None:
            self._stream.write(text)
            self._stream.flush()
