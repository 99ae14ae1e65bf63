"""Plays a child's story through the real thing and prints who was told what, and why.

  tools/demo                                  tests/e2e/stories/one_child.yaml
  tools/demo --edge                           the same through Envoy: actors by REST, recipients by gRPC
  tools/demo my_story.yaml                    any file of that format (tests/e2e/stories/README.md)

Installs and builds what is missing, starts Redis, Kafka, the token issuer, the services and one
program per recipient, plays, prints the table and stops everything.

Exit code: 0 the story ended as written · 1 it did not, and the first difference is told
           2 the file is wrong (file:line: reason) · 3 it could not be started
"""

import argparse
import shutil
import signal
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from stafett_stack import bootstrap

from stafett_stack import paths

DEFAULT = paths.REPOSITORY / "tests" / "e2e" / "stories" / "one_child.yaml"
AS_WRITTEN, DIFFERENT, WRONG_FILE, NOT_STARTED, INTERRUPTED = 0, 1, 2, 3, 130


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="tools/demo", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("story", nargs="?", type=Path, default=DEFAULT)
    parser.add_argument("--copies", type=int, default=1, help="copies of each service (default 1)")
    parser.add_argument("--edge", action="store_true", help="play through the edge")
    parser.add_argument("--preset", default="release", help="which build to play with (default release)")
    parser.add_argument("--no-build", action="store_true", help="play with what is built")
    parser.add_argument("--keep", action="store_true", help="keep data and logs of the run")
    return parser.parse_args()


ARGUMENTS = parse()  # before anything is installed: --help needs nothing
try:
    bootstrap.enter()
except SystemExit as failed:
    sys.exit(NOT_STARTED if failed.code else AS_WRITTEN)

from stafett_stack import build, controllers  # noqa: E402
from stafett_stack.procs import StackError  # noqa: E402
from stafett_stack.stack import Stack  # noqa: E402
from stafett_story import api, load, table  # noqa: E402
from stafett_story.play import Result  # noqa: E402
from stafett_story.progress import Progress  # noqa: E402
from stafett_story.stage import Stage  # noqa: E402


def main() -> int:
    arguments = ARGUMENTS
    progress = Progress()
    try:
        story = load.load(arguments.story, api.load(), controllers.load())
    except load.StoryError as error:
        print(error, file=sys.stderr)
        return WRONG_FILE
    except StackError as error:
        return not_started(error)
    try:
        if not arguments.no_build:
            build.build(arguments.preset, progress.say)
        paths.LOCAL.mkdir(exist_ok=True)
        directory = Path(tempfile.mkdtemp(prefix="demo-", dir=paths.LOCAL))
    except StackError as error:
        return not_started(error)
    keep = True
    try:
        result = play(directory, story, arguments, progress)
        keep = arguments.keep or bool(result.failure)
    except StackError as error:
        return not_started(error, directory)
    except KeyboardInterrupt:
        keep = False
        print("demo: interrupted; everything is stopped", file=sys.stderr)
        return INTERRUPTED
    finally:
        if not keep:
            shutil.rmtree(directory, ignore_errors=True)
    print(table.render(result, colours=table.may_colour(sys.stdout)))
    if result.failure:
        print(f"The story did not end as written. The first difference:\n{result.failure}\n"
              f"Logs and what each recipient has seen: {directory}", flush=True)  # fmt: skip
        return DIFFERENT
    print(f"The story ended as written: {len(result.played)} steps.", flush=True)
    return AS_WRITTEN


def play(directory: Path, story: load.Story, arguments: argparse.Namespace, progress: Progress) -> Result:
    stack = Stack(
        directory, copies=arguments.copies, preset=arguments.preset, edge=arguments.edge, progress=progress.say
    )
    with stack:
        stack.up()
        progress.say("starting one program per recipient")
        with Stage(stack, story, edge=arguments.edge) as stage:
            try:
                return stage.play(progress=progress)
            finally:
                progress.say("stopping")


def not_started(error: StackError, directory: Path | None = None) -> int:
    print(f"demo: {error}", file=sys.stderr)
    if directory is not None:
        print(f"demo: logs are in {directory}", file=sys.stderr)
    return NOT_STARTED


def interrupt(*_: object) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, interrupt)  # stop like Ctrl-C: everything that was started
    sys.exit(main())
