"""Stops what tools/up started. The data stays, unless --wipe."""

import argparse
import shutil
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from stafett_stack import bootstrap

bootstrap.enter()

from stafett_stack import paths, stack  # noqa: E402
from stafett_stack.procs import StackError  # noqa: E402

DIRECTORY = paths.LOCAL / "up"


def main() -> int:
    parser = argparse.ArgumentParser(prog="tools/down", description=__doc__)
    parser.add_argument("--wipe", action="store_true", help="remove data, secrets and logs too")
    arguments = parser.parse_args()
    if stack.stop_recorded_stack(DIRECTORY, say) == 0:
        say("nothing was running")
    paths.ENV_FILE.unlink(missing_ok=True)
    if arguments.wipe:
        shutil.rmtree(DIRECTORY, ignore_errors=True)
        say("wiped")
    return 0


def say(text: str) -> None:
    print(f"down: {text}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    try:
        sys.exit(main())
    except StackError as error:
        sys.exit(f"down: {error}")
