"""Counts what ctest and pytest did, from their JUnit files. A skipped test counts as failed."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ElementTree
from dataclasses import dataclass, field
from pathlib import Path

_LAST = 4000  # characters of what a failed case said


@dataclass
class Count:
    passed: int = 0
    failed: int = 0
    names: list[str] = field(default_factory=list)  # of what failed or was skipped
    words: list[str] = field(default_factory=list)  # what failed binaries of ctest said

    def fail(self, name: str, times: int = 1) -> None:
        self.failed += times
        self.names.append(name)

    def add_ctest(self, report: Path, preset: str) -> None:
        """A gtest binary is one test for ctest; its own summary says how many it was."""
        for case in _cases(report):
            name = f"{preset}: {case.get('name')}"
            output = case.findtext("system-out") or ""
            passed = re.search(r"^\[  PASSED  \] (\d+) tests?", output, re.MULTILINE)
            failed = re.search(r"^\[  FAILED  \] (\d+) tests?,", output, re.MULTILINE)
            tests = sorted(set(re.findall(r"^\[  FAILED  \] ([\w/]+\.[\w/]+)", output, re.MULTILINE)))
            skipped = re.findall(r"^\[  SKIPPED \] (\w+\.[\w./]+)", output, re.MULTILINE)
            self.passed += int(passed[1]) if passed else 0
            for skip in sorted(set(skipped)):
                self.fail(f"{name}: {skip} was skipped")
            if case.get("status") == "run":
                self.passed += 0 if passed else 1
            elif failed:
                self.failed += int(failed[1])
                self.names += [f"{name}: {test}" for test in tests]
                self.words += [_said(output, test) for test in tests]
            else:
                self.fail(f"{name} ({case.get('status')})")
                self.words += [_of_no_test(output)] if output else []

    def add_pytest(self, report: Path) -> None:
        for case in _cases(report):
            name = f"{case.get('classname')}.{case.get('name')}"
            if case.find("failure") is not None or case.find("error") is not None:
                self.fail(name)
            elif case.find("skipped") is not None:
                self.fail(f"{name} was skipped")
            else:
                self.passed += 1


def _said(output: str, test: str) -> str:
    """What a test of a gtest binary printed, its end if it is long: a log of everything buries it."""
    said = output.partition(f"[ RUN      ] {test}\n")[2].partition(f"[  FAILED  ] {test}")[0]
    return f"{test}:\n{said[-_LAST:]}"


def _of_no_test(output: str) -> str:
    """What a binary that failed without a failed test said: a sanitizer's first report, or its end."""
    report = re.search(r"^(?:WARNING: \w+Sanitizer|==\d+==ERROR|.*: runtime error: )", output, re.MULTILINE)
    return output[report.start() :][:_LAST] if report else output[-_LAST:]


def _cases(report: Path) -> list[ElementTree.Element]:
    try:
        return list(ElementTree.parse(report).getroot().iter("testcase"))
    except (OSError, ElementTree.ParseError):
        return []
