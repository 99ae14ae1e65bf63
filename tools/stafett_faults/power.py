"""Disks that fail. Power cuts: what a server had written and not yet forced to the disk is gone. And full ones: writing
is refused.

A small library (powercut.c) is preloaded into the server. It notes how much of each file was forced; after kill -9,
`cut` takes away the rest of its append-only files. Only those: Kafka mends its indexes by itself from the segments.
"""

from __future__ import annotations

import subprocess
from collections.abc import Iterable
from pathlib import Path

from stafett_stack.procs import StackError

SOURCE = Path(__file__).with_name("powercut.c")


def compile_library(directory: Path) -> Path:
    library = directory / "powercut.so"
    command = [
        "cc",
        "-O2",
        "-Wall",
        "-Wextra",
        "-Werror",
        "-shared",
        "-fPIC",
        str(SOURCE),
        "-o",
        str(library),
        "-ldl",
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise StackError(f"powercut.c does not compile:\n{done.stderr}")
    return library


class Disk:
    """The append-only files of one server."""

    def __init__(self, library: Path, journal: Path) -> None:
        self._journal = journal
        self._full = journal.with_name(f"{journal.name}.full")
        self.fill(False)
        self.env = {
            "LD_PRELOAD": str(library),
            "POWERCUT_JOURNAL": str(journal),
            "POWERCUT_FULL": str(self._full),
        }
        self.dropped = 0  # bytes, of all cuts

    def cut(self, files: Iterable[Path]) -> int:
        """The server is dead. Returns how many bytes were lost."""
        forced = self._forced()
        dropped = 0
        for file in files:
            length = file.stat().st_size
            kept = min(length, forced.get(str(file.resolve()), 0))
            if kept < length:
                with open(file, "r+b") as out:
                    out.truncate(kept)
                dropped += length - kept
        self.dropped += dropped
        return dropped

    def fill(self, full: bool = True) -> None:
        """There is no room any more, or room again, for a server that runs as for one that starts."""
        with open(self._full, "r+b" if self._full.exists() else "wb") as file:  # the server has mapped it: in place
            file.write(b"1" if full else b"0")

    def forget(self) -> None:
        """The disk is a new one; the server is dead."""
        self._journal.unlink(missing_ok=True)

    def _forced(self) -> dict[str, int]:
        """By path, the last word: a file never grows by being forgotten, and a cut one is noted anew."""
        found: dict[str, int] = {}
        if self._journal.exists():
            for line in self._journal.read_text(errors="surrogateescape").splitlines():
                length, _, path = line.partition(" ")
                found[path] = int(length)
        return found
