"""A whole Stafett under load while its parts are killed, frozen, wiped, cut off and cut short; then a check, by
programs of their own, of everything that was promised meanwhile. Two copies of each service, one Redis, one broker
(or three), three recipients.

  tools/faults                     one minute, seed 1
  tools/faults --minutes 10 --seed 7 --json FILE

The seed gives the order of faults and what callers choose; how their calls interleave is up to the machine. Exit code
0: every invariant was looked at and held. The last line is always `N passed, N failed`."""

import argparse
import os
import shutil
import signal
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from stafett_stack import bootstrap, paths


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="tools/faults", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--minutes", type=float, default=1.0, help="of faults; start, rest and check come on top")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", type=Path, metavar="FILE", help="the whole report")
    parser.add_argument("--record", action="store_true", help="the report as tests/faults/latest.md and latest.json")
    parser.add_argument("--preset", default="release", help="which build (default release)")
    parser.add_argument("--rate", type=float, default=None, help="calls a second of all callers together")
    parser.add_argument(
        "--only", action="append", default=[], metavar="KIND", help='such as "wipe redis"; may be repeated'
    )
    parser.add_argument("--brokers", type=int, choices=(1, 3), default=1, help="three: each holds a copy, none forces it")
    parser.add_argument("--no-build", action="store_true", help="with what is built")
    parser.add_argument("--keep", action="store_true", help="keep data and logs, also when all held")
    return parser.parse_args()


LATEST = paths.REPOSITORY / "tests" / "faults"
ARGUMENTS = parse()  # before anything is installed: --help needs nothing
bootstrap.enter()

from stafett_faults import report  # noqa: E402
from stafett_faults.load import RATE  # noqa: E402
from stafett_faults.run import Settings, play  # noqa: E402
from stafett_stack import build, recorded  # noqa: E402
from stafett_stack.procs import StackError  # noqa: E402


def main() -> int:
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(130))
    settings = Settings(
        ARGUMENTS.minutes,
        ARGUMENTS.seed,
        ARGUMENTS.preset,
        ARGUMENTS.rate or RATE,
        tuple(ARGUMENTS.only),
        ARGUMENTS.brokers,
    )
    paths.LOCAL.mkdir(exist_ok=True)
    directory = Path(tempfile.mkdtemp(prefix="faults-", dir=paths.LOCAL))
    failed = 1
    try:
        if not ARGUMENTS.no_build:
            build.build(settings.preset, say)
        run, findings = play(settings, directory, say)
        said = report.summary(
            run,
            findings,
            seed=settings.seed,
            minutes=settings.minutes,
            brokers=settings.brokers,
            build=settings.preset,
            machine=f"{os.cpu_count()} cores",
            commit=recorded.commit(),
            on=time.strftime("%Y-%m-%d"),
        )
        lines = report.lines(said)
        latest = LATEST if ARGUMENTS.record else None
        recorded.keep(said, lines, file=ARGUMENTS.json, latest=latest, title="The last long run of tools/faults")
        print("\n".join(lines))
        passed, failed = report.count(findings)
    except StackError as error:
        print(f"faults: {error}", file=sys.stderr)
        passed = 0
    except KeyboardInterrupt:
        print("faults: interrupted", file=sys.stderr)
        passed = 0
    finally:
        if failed or ARGUMENTS.keep:
            say(f"kept: {directory}")
        else:
            shutil.rmtree(directory, ignore_errors=True)
    print(f"{passed} passed, {failed} failed", flush=True)
    return 1 if failed else 0


def say(text: str) -> None:
    print(f"faults: {text}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
