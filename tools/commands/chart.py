"""The Helm chart charts/stafett: its copies of deploy/, and rendering it without helm or a cluster.

  tools/chart write             copies and generates charts/stafett/files from deploy/
  tools/chart check             ends with 1 if they are not current
  tools/chart values DIRECTORY  controllers' files as values, for helm's --values
  tools/chart render            the manifests; like lint, with --values FILE as often as wanted
  tools/chart lint              what helm lint --strict finds; ends with 1 if anything
"""

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from stafett_stack import bootstrap

bootstrap.enter()

import yaml  # noqa: E402

from stafett_stack import chart  # noqa: E402
from stafett_stack.procs import StackError  # noqa: E402


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="tools/chart", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    verbs = parser.add_subparsers(dest="verb", required=True)
    verbs.add_parser("write")
    verbs.add_parser("check")
    verbs.add_parser("values").add_argument("directory", type=Path)
    for verb in ("render", "lint"):
        sub = verbs.add_parser(verb)
        sub.add_argument("--values", action="append", default=[], type=Path, metavar="FILE")
        sub.add_argument("--chart", default=chart.CHART, type=Path)
    arguments = parser.parse_args()
    return VERBS[arguments.verb](arguments)


def write(_) -> int:
    for name in chart.write():
        print(name)
    return 0


def check(_) -> int:
    wrong = chart.stale()
    for name in wrong:
        print(f"{name}: not as deploy/ has it; tools/chart write")
    return 1 if wrong else 0


def values(arguments) -> int:
    print(yaml.safe_dump(chart.controllers_values(arguments.directory), allow_unicode=True), end="")
    return 0


def render(arguments) -> int:
    print(yaml.safe_dump_all(chart.render(merged(arguments.values), chart=arguments.chart), sort_keys=False), end="")
    return 0


def lint(arguments) -> int:
    found = chart.lint(merged(arguments.values), chart=arguments.chart)
    for line in found:
        print(line)
    return 1 if found else 0


def merged(files: list[Path]) -> dict:
    """As helm merges several --values: later ones win, key by key."""
    result: dict = {}
    for file in files:
        overlay(result, yaml.safe_load(file.read_text()) or {})
    return result


def overlay(under: dict, over: dict) -> None:
    for key, value in over.items():
        if isinstance(value, dict) and isinstance(under.get(key), dict):
            overlay(under[key], value)
        else:
            under[key] = value


VERBS = {"write": write, "check": check, "values": values, "render": render, "lint": lint}

if __name__ == "__main__":
    try:
        sys.exit(main())
    except StackError as error:
        sys.exit(f"chart: {error}")
