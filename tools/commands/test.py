"""Builds and tests. Without a label: everything. The last line is always `N passed, N failed`.

  tools/test              everything
  tools/test unit         what needs no server: C++ (preset dev: ASan, UBSan) and the tools' Python
  tools/test LABEL …      other labels of ctest (properties, redis, kafka, policy, model, simulation, mutations)
  tools/test deploy       the chart, alerts and dashboards, as files
  tools/test e2e          the whole system: stories, faults, bad input, canaries, broker rights
  tools/test faults       frozen copies, cut tails, suspended recipients, withdrawals under load, a short tools/faults
  tools/test tsan         ThreadSanitizer on lib/redis, lib/kafka and lib/gate

Every test brings its own servers on free ports. A skipped test counts as failed and is named: what
was not tried is not known to work.
"""

import argparse
import os
import re
import subprocess
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from stafett_stack import bootstrap, paths

DEPLOY, E2E, FAULTS, TSAN, UNIT = "deploy", "e2e", "faults", "tsan", "unit"
OF_DEPLOY = ("tests/unit/charts", "tests/unit/deploy")
BROKEN_ON_PURPOSE = tuple(
    f"tests/e2e/test_{name}.py"
    for name in ("copies", "receipts", "redis_disk", "repair", "suspended", "tail", "withdrawal")
)
PYTEST = {
    UNIT: ("tests/unit", "tests/docs", *(f"--ignore={folder}" for folder in OF_DEPLOY)),
    DEPLOY: OF_DEPLOY,
    E2E: ("tests/e2e", *(f"--ignore={file}" for file in BROKEN_ON_PURPOSE)),
    FAULTS: (*BROKEN_ON_PURPOSE, "tests/faults"),
}


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="tools/test", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("labels", nargs="*", metavar="LABEL")
    parser.add_argument("--preset", default="dev", help="build of the e2e tests' services (default dev)")
    parser.add_argument("-k", metavar="EXPRESSION", help="only tests whose name fits (pytest, ctest -R)")
    return parser.parse_args()


ARGUMENTS = parse()
bootstrap.enter()

from stafett_stack import build  # noqa: E402
from stafett_stack.procs import StackError  # noqa: E402
from stafett_stack.results import Count  # noqa: E402


def main() -> int:
    count = Count()
    started = time.monotonic()
    try:
        run(ARGUMENTS.labels, count)
    except StackError as error:
        print(f"test: {error}", file=sys.stderr)
        count.fail("build")
    except KeyboardInterrupt:
        count.fail("interrupted")
    if count.passed + count.failed == 0:
        count.fail("no test was found")
    say(f"{time.monotonic() - started:.0f} s")
    for words in count.words:
        print(words)
    for name in count.names:
        print(f"not passed: {name}")
    print(f"{count.passed} passed, {count.failed} failed", flush=True)
    return 1 if count.failed else 0


def run(labels: list[str], count: Count) -> None:
    everything = not labels
    if everything or set(labels) - {TSAN}:
        build.build("dev", say)
        if ARGUMENTS.preset != "dev" and (everything or {E2E, FAULTS} & set(labels)):
            build.build(ARGUMENTS.preset, say)
    known = ctest_labels("dev")
    unknown = sorted(set(labels) - known - set(PYTEST) - {TSAN})
    if unknown:
        every = ", ".join(sorted(known | set(PYTEST) | {TSAN}))
        raise StackError(f"no label {', '.join(unknown)}; there are: {every}")
    wanted = known if everything else known & set(labels)
    if wanted:
        ctest("dev", sorted(wanted) if not everything else [], count)
    for label, folders in PYTEST.items():
        if everything or label in labels:
            pytest(label, folders, count)
    if everything or TSAN in labels:
        build.build(TSAN, say)
        ctest(TSAN, [], count)


def ctest_labels(preset: str) -> set[str]:
    if not (paths.REPOSITORY / "build" / preset).exists():
        return set()
    command = ["ctest", "--test-dir", f"build/{preset}", "--print-labels"]
    out = subprocess.run(command, cwd=paths.REPOSITORY, capture_output=True, text=True, check=False)
    lines = out.stdout.partition("All Labels:")[2].splitlines()
    return {line.strip() for line in lines if line.strip()}


def ctest(preset: str, labels: list[str], count: Count) -> None:
    say(f"ctest, {preset}: {', '.join(labels) or 'all'}")
    report = paths.REPOSITORY / "build" / preset / "ctest.xml"
    report.unlink(missing_ok=True)
    # One more than there are cores: several tests wait most of their time.
    command = [
        "ctest", "--test-dir", f"build/{preset}", "--output-on-failure", "--no-tests=ignore",
        "-j", str((os.cpu_count() or 2) + 1), "--output-junit", str(report),
        "--test-output-size-passed", "4000000", "--test-output-size-failed", "4000000",
    ]  # fmt: skip
    if labels:
        command += ["-L", "^(" + "|".join(map(re.escape, labels)) + ")$"]
    if ARGUMENTS.k:
        command += ["-R", ARGUMENTS.k]
    code = subprocess.run(command, cwd=paths.REPOSITORY, check=False).returncode
    before = count.failed
    count.add_ctest(report, preset)
    if code != 0 and count.failed == before:
        count.fail(f"ctest ({preset}) ended with {code}")


def pytest(label: str, folders: tuple[str, ...], count: Count) -> None:
    say(f"pytest, {label}")
    report = paths.LOCAL / "log" / f"pytest-{label}.xml"
    report.parent.mkdir(parents=True, exist_ok=True)
    report.unlink(missing_ok=True)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *folders,
               f"--junitxml={report}", "--durations=5"]  # fmt: skip
    if ARGUMENTS.k:
        command += ["-k", ARGUMENTS.k]
    environment = {**os.environ, "STAFETT_PRESET": ARGUMENTS.preset}
    code = subprocess.run(command, cwd=paths.REPOSITORY, env=environment, check=False).returncode
    before = count.failed
    count.add_pytest(report)
    nothing_chosen = code == 5 and ARGUMENTS.k
    if code != 0 and count.failed == before and not nothing_chosen:
        count.fail(f"pytest, {label}, ended with {code}")


def say(text: str) -> None:
    print(f"test: {text}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
