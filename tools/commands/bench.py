"""The budget table, measured: each row beside its floor in the same run. Not a test: a machine's noise fails nothing
here, and the exit code is 0 whether a budget holds or not.

  tools/bench                      every row, about an hour; wants a machine that does nothing else
  tools/bench --only published --only fetch
  tools/bench --quick              short rounds, few events: whether it works, not how fast it is
  tools/bench -- --benchmark_filter=Seal        the parts that need no server, with options of Google Benchmark"""

import argparse
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from stafett_stack import bootstrap, paths

EVENTS, QUICK_EVENTS = 1_000_000, 50_000
LATEST = paths.REPOSITORY / "tests" / "bench"


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="tools/bench", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", action="append", default=[], metavar="ROW", help="may be repeated; --list names them")
    parser.add_argument("--list", action="store_true", help="the rows")
    parser.add_argument("--quick", action="store_true", help="short rounds")
    parser.add_argument("--events", type=int, metavar="N", help=f"of the row rebuild; default {EVENTS:,}")
    parser.add_argument("--json", type=Path, metavar="FILE", help="the whole report")
    parser.add_argument("--record", action="store_true", help="the report as latest.md and latest.json of tests/bench")
    parser.add_argument("--no-build", action="store_true", help="with what is built")
    parser.add_argument("options", nargs="*", help="for Google Benchmark, behind --")
    return parser.parse_args()


ARGUMENTS = parse()  # before anything is installed: --help needs nothing
bootstrap.enter()

from stafett_bench import report  # noqa: E402
from stafett_bench.caller import PRESET  # noqa: E402
from stafett_bench.deciding import PROGRAMS  # noqa: E402
from stafett_bench.measuring import Bench  # noqa: E402
from stafett_bench.rows import ROWS, measure  # noqa: E402
from stafett_stack import build, recorded  # noqa: E402
from stafett_stack.procs import StackError  # noqa: E402
from stafett_stack.services import binaries  # noqa: E402

STARTED = time.monotonic()


def main() -> int:
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(130))
    if ARGUMENTS.list:
        print("\n".join(f"{name:12} {what}" for name, (what, _) in ROWS.items()))
        return 0
    unknown = [name for name in ARGUMENTS.only if name not in ROWS]
    if unknown:
        print(f"bench: no row is called {', '.join(unknown)}; there are: {', '.join(ROWS)}", file=sys.stderr)
        return 2
    if ARGUMENTS.record and (ARGUMENTS.quick or ARGUMENTS.only):
        print("bench: --record wants a whole run, without --quick and --only", file=sys.stderr)
        return 2
    try:
        if not ARGUMENTS.no_build:
            build.build(PRESET, say)
        return by_google() if ARGUMENTS.options else table()
    except StackError as error:
        print(f"bench: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("bench: interrupted", file=sys.stderr)
        return 130


def by_google() -> int:
    codes = [
        subprocess.run([binaries(PRESET) / program, *ARGUMENTS.options], check=False).returncode for program in PROGRAMS
    ]
    return max(codes, key=abs)


def table() -> int:
    load = os.getloadavg()[0]
    paths.LOCAL.mkdir(exist_ok=True)
    directory = Path(tempfile.mkdtemp(prefix="bench-", dir=paths.LOCAL))
    events = ARGUMENTS.events or (QUICK_EVENTS if ARGUMENTS.quick else EVENTS)
    bench = Bench(directory, say, ARGUMENTS.quick, events)
    try:
        lines = measure(bench, [name for name in ROWS if name in ARGUMENTS.only or not ARGUMENTS.only])
    finally:
        shutil.rmtree(directory, ignore_errors=True)
    said = report.summary(
        lines,
        on=time.strftime("%Y-%m-%d"),
        commit=recorded.commit(),
        cores=os.cpu_count(),
        load_before=load,
        quick=ARGUMENTS.quick,
        minutes=round((time.monotonic() - STARTED) / 60, 1),
    )
    text = report.text(said, lines)
    latest = LATEST if ARGUMENTS.record else None
    recorded.keep(said, text, file=ARGUMENTS.json, latest=latest, title="The last full run of tools/bench")
    print("\n".join(text), flush=True)
    return 0


def say(text: str) -> None:
    print(f"bench: {time.monotonic() - STARTED:7.1f} s  {text}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
