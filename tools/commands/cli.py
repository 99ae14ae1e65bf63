"""Stafett from a shell, against what tools/up started. `tools/stafett --help` lists the commands; the page is
tools/README.md.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from stafett_stack import bootstrap

bootstrap.enter(setup=False)

from stafett_cli.main import main  # noqa: E402

if __name__ == "__main__":
    sys.exit(main())
