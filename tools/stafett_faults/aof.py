"""Bytes flipped in Redis' append-only file, near its end, as a failing disk does. Redis must be dead."""

from __future__ import annotations

import random
import re
from pathlib import Path

TAIL_BYTES = 32 * 1024  # not older than the last second or two under load
FRAME = re.compile(rb"\r\n([*$]\d+)(?=\r\n)")  # how many parts, how many bytes


def flip_frame(file: Path, choose: random.Random) -> int:
    """One bit of one byte by which Redis finds its way through the file: it stumbles over that, or takes what follows
    for torn. (A byte of what is stored is another matter: Redis has no sum over it and loads it as it stands.)
    Returns the byte's place; -1 if the file is too short to have one."""
    with open(file, "r+b") as out:
        out.seek(0, 2)
        start = max(0, out.tell() - TAIL_BYTES)
        out.seek(start)
        data = out.read()
        frames = list(FRAME.finditer(data))
        if not frames:
            return -1
        frame = choose.choice(frames)
        at = choose.randrange(frame.start(1), frame.end(1))
        out.seek(start + at)
        out.write(bytes([data[at] ^ 1 << choose.randrange(7)]))
        return start + at


def flip_content(file: Path, choose: random.Random) -> int:
    """One bit of one byte of what is stored. Returns its place; -1 if there is none."""
    with open(file, "r+b") as out:
        out.seek(0, 2)
        start = max(0, out.tell() - TAIL_BYTES)
        out.seek(start)
        data = out.read()
        long = [m for m in FRAME.finditer(data) if m[1][:1] == b"$" and int(m[1][1:]) > 100]
        if not long:
            return -1
        frame = choose.choice(long)
        at = frame.end() + 2 + choose.randrange(int(frame[1][1:]))
        if at >= len(data):
            return -1
        out.seek(start + at)
        out.write(bytes([data[at] ^ 1 << choose.randrange(7)]))
        return start + at
