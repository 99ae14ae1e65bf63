"""Counts what ctest and pytest did, from their JUnit files. A skipped test counts as failed."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ElementTree
from dataclasses import dataclass, field
from pathlib import Path


@dataclass
class Count:
    passed: int = 0
    failed: int = 0
    names: list[str] = field(default_factory=list)  # of what failed or was skipped

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
            skipped = re.findall(r"^\[  SKIPPED \] (\w+\.[\w./]+)", output, re.MULTILINE)
            self.passed += int(passed[1]) if passed else 0
            for skip in sorted(set(skipped)):
                self.fail(f"{name}: {skip} was skipped")
            if case.get("status") == "run":
                self.passed += 0 if passed else 1
            elif failed:
                self.fail(name, int(failed[1]))
            else:
                self.fail(f"{name} ({case.get('status')})")

    def add_pytest(self, report: Path) -> None:
        for case in _cases(report):
            name = f"{case.get('classname')}.{case.get('name')}"
            if case.find("failure") is not None or case.find("error") is not None:
                self.fail(name)
            elif case.find("skipped") is not None:
                self.fail(f"{name} was skipped")
            else:
                self.passed += 1


def _cases(report: Path) -> list[ElementTree.Element]:
    try:
        return list(ElementTree.parse(report).getroot().iter("testcase"))
    except (OSError, ElementTree.ParseError):
        return []
