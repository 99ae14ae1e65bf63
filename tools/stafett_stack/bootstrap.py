"""How a tool starts: install what is missing, then run under .local/venv. Standard library only.

    import bootstrap; bootstrap.enter()      # before importing anything from outside
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

_REPOSITORY = Path(__file__).resolve().parents[2]
_PYTHON = _REPOSITORY / ".local" / "venv" / "bin" / "python"


def enter(*, setup: bool = True) -> None:
    """Runs tools/setup and starts this program again with the project's own Python."""
    if Path(sys.prefix) == _PYTHON.parents[1]:
        return
    if setup or not _PYTHON.exists():
        code = subprocess.run([str(_REPOSITORY / "tools" / "setup")], check=False).returncode
        if code != 0:
            sys.exit(code)
    os.execv(_PYTHON, [str(_PYTHON), *sys.argv])
