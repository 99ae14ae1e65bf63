"""Plays children's stories through the real thing and prints who was told what, and why.

  tools/demo                                  all of tests/e2e/stories, one after the other
  tools/demo my_story.yaml                    any files of that format (tests/e2e/stories/README.md)
  tools/demo --direct                         by gRPC, past the edge

Installs and builds what is missing, starts Redis, Kafka, the token issuer, a mail server, the services, the
edge and one program per recipient, plays, prints the tables and stops everything. Actors come through the
edge by REST, recipients by gRPC.

Exit code: 0 the stories ended as written · 1 one did not, and its first difference is told
           2 a file is wrong (file:line: reason) · 3 they could not be started
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

STORIES = paths.REPOSITORY / "tests" / "e2e" / "stories"
AS_WRITTEN, DIFFERENT, WRONG_FILE, NOT_STARTED, INTERRUPTED = 0, 1, 2, 3, 130


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="tools/demo", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("stories", nargs="*", type=Path, default=sorted(STORIES.glob("*.yaml")), metavar="story")
    parser.add_argument("--copies", type=int, default=1, help="copies of each service (default 1)")
    parser.add_argument("--direct", action="store_true", help="play by gRPC, past the edge")
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
        stories = [load.load(file, api.load(), controllers.load()) for file in arguments.stories]
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
        results = play(directory, stories, arguments, progress)
        keep = arguments.keep or any(result.failure for result in results)
    except StackError as error:
        return not_started(error, directory)
    except KeyboardInterrupt:
        keep = False
        print("demo: interrupted; everything is stopped", file=sys.stderr)
        return INTERRUPTED
    finally:
        if not keep:
            shutil.rmtree(directory, ignore_errors=True)
    for result in results:
        print(table.render(result, colours=table.may_colour(sys.stdout)))
        if result.failure:
            print(f"{result.story.title}: did not end as written. The first difference:\n{result.failure}\n"
                  f"Logs and what each recipient has seen: {directory}\n", flush=True)  # fmt: skip
        else:
            print(f"{result.story.title}: ended as written, {len(result.played)} steps.\n", flush=True)
    return DIFFERENT if any(result.failure for result in results) else AS_WRITTEN


def play(
    directory: Path, stories: list[load.Story], arguments: argparse.Namespace, progress: Progress
) -> list[Result]:
    edge = not arguments.direct
    stack = Stack(directory, copies=arguments.copies, preset=arguments.preset, edge=edge, progress=progress.say)
    results = []
    with stack:
        stack.up()
        for story in stories:
            progress.say(f"{story.title}: starting one program per recipient")
            with Stage(stack, story, edge=edge) as stage:
                results.append(stage.play(progress=progress))
        progress.say("stopping")
    return results


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
