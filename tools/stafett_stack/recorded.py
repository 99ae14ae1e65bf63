"""Reports of long runs: as JSON where it is asked for, and as the latest one of a folder of tests."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from stafett_stack import paths


def commit() -> str:
    """What was run; with a + if files were changed since."""
    command = ["git", "describe", "--always", "--dirty=+", "--abbrev=10"]
    return subprocess.run(command, cwd=paths.REPOSITORY, capture_output=True, text=True, check=False).stdout.strip()


def page(title: str, lines: Sequence[str]) -> str:
    """latest.md of a folder whose README.md explains the lines."""
    return "\n".join([f"# {title}", "", "What each line means: [README.md](README.md).", "", "```", *lines, "```"]) + "\n"


def keep(said: Mapping[str, Any], lines: Sequence[str], *, file: Path | None, latest: Path | None, title: str) -> None:
    """`file`: the whole as JSON. `latest`: the folder whose latest.md and latest.json it becomes."""
    files = [file] if file else []
    if latest:
        (latest / "latest.md").write_text(page(title, lines))
        files.append(latest / "latest.json")
    for one in files:
        one.write_text(json.dumps(said, indent=1, ensure_ascii=False) + "\n")
