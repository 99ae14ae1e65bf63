"""Starts Stafett and leaves it running: Redis, Kafka, the token issuer, the services, the edge, Prometheus,
Alertmanager.

Writes .local/env with every address. tools/down stops it; the data stays until `tools/down --wipe`.
"""

import argparse
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from stafett_stack import bootstrap

bootstrap.enter()

from stafett_stack import paths, stack  # noqa: E402
from stafett_stack.kafka import partition_count  # noqa: E402
from stafett_stack.procs import StackError  # noqa: E402

DIRECTORY = paths.LOCAL / "up"


def main() -> int:
    parser = argparse.ArgumentParser(prog="tools/up", description=__doc__.splitlines()[0])
    parser.add_argument("--copies", type=int, default=1, help="copies of each service (default 1)")
    parser.add_argument("--partitions", type=int, help="of the log, for a new directory (default 24)")
    parser.add_argument("--preset", default="release", help="which build to run (default release)")
    parser.add_argument("--no-build", action="store_true", help="run what is built")
    parser.add_argument("--only-environment", action="store_true", help="start no services")
    arguments = parser.parse_args()

    running = stack.running_processes(DIRECTORY)
    if running:
        say(f"already up ({', '.join(running)}); addresses in .local/env; stop with tools/down")
        return 0
    if not arguments.only_environment and not arguments.no_build:
        build(arguments.preset)
    new = stack.Stack(
        DIRECTORY,
        partitions=arguments.partitions or partition_count("default"),
        services=() if arguments.only_environment else stack.SERVICES,
        copies=arguments.copies,
        preset=arguments.preset,
        edge=not arguments.only_environment,
        monitoring=not arguments.only_environment,
        detached=True,
        progress=say,
    )
    new.up()
    new.write_env()
    say("up; addresses in .local/env:")
    for key, value in new.env().items():
        print(f"  {key}={value}")
    return 0


def build(preset: str) -> None:
    say(f"building ({preset})")
    for step in (["--preset", preset], ["--build", "--preset", preset]):
        log = paths.LOCAL / "log" / "build.log"
        log.parent.mkdir(parents=True, exist_ok=True)
        with open(log, "wb") as out:
            run = subprocess.run(
                ["cmake", *step], cwd=paths.REPOSITORY, stdout=out, stderr=subprocess.STDOUT,
                check=False,
            )  # fmt: skip
        if run.returncode != 0:
            tail = "\n".join(log.read_text(errors="replace").splitlines()[-30:])
            raise StackError(f"the build failed; whole output: .local/log/build.log\n{tail}")


def say(text: str) -> None:
    print(f"up: {text}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    try:
        sys.exit(main())
    except StackError as error:
        sys.exit(f"up: {error}")
    except KeyboardInterrupt:
        sys.exit("up: interrupted; all stopped")
