"""Measures, each thing beside its floor in the same run. Not a test: a machine's noise fails nothing here.

  tools/bench                      one policy decision (more to come)
  tools/bench -- --benchmark_format=json
"""

import argparse
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from stafett_stack import bootstrap, paths

bootstrap.enter()

from stafett_stack import build  # noqa: E402
from stafett_stack.procs import StackError  # noqa: E402


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="tools/bench", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("options", nargs="*", help="for Google Benchmark, behind --")
    arguments = parser.parse_args()
    try:
        build.build("bench", lambda text: print(f"bench: {text}", file=sys.stderr), targets=("policy_bench",))
    except StackError as error:
        print(f"bench: {error}", file=sys.stderr)
        return 1
    return subprocess.run([paths.REPOSITORY / "build/bench/bin/policy_bench", *arguments.options], check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
