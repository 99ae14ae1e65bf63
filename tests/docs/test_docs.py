"""What the pages say that a machine can check: paths, links, anchors, calls, commands, names in code.

A page that lies is worse than none. What is checked here is only that things exist, not that the
sentence about them is true.
"""

from __future__ import annotations

import os
import re
import shlex
import sys
from functools import cache
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path.insert(0, str(ROOT / "tools"))

from stafett_cli import main, request  # noqa: E402
from stafett_cli.refusal import Wrong  # noqa: E402
from stafett_story import api as api_  # noqa: E402

NOT_OURS = {".git", ".local", "build", "__pycache__", ".pytest_cache", ".cache"}
SOURCES = {".h", ".cc", ".py", ".proto", ".txt", ".cmake", ".yaml", ".json", ".tmpl", ".sh", ""}
EXTENSIONS = ("h", "cc", "py", "md", "proto", "yaml", "json", "txt", "tmpl", "cmake")
# Kept with the project, not in this repository; README says so.
ELSEWHERE = {"law.md", "events.md", "design.md", "envoyproxy/envoy"}
# Stand for what the reader adds, or for a form.
PLACEHOLDERS = {
    "MeetingHeld", "services/tasks", "proto/stafett/tasks/v1", "tests/unit/tasks", "proto_tasks", "tasks",
    "NNNN-title.md",
}  # fmt: skip


@cache
def files() -> tuple[Path, ...]:
    found = []
    for folder, folders, names in os.walk(ROOT):
        folders[:] = [f for f in folders if f not in NOT_OURS]
        found += [Path(folder, name) for name in names]
    return tuple(sorted(found))


@cache
def source_words() -> frozenset[str]:
    """Every word of every source file; a page is no source."""
    words: set[str] = set()
    for file in files():
        if file.suffix in SOURCES and HERE not in file.parents:
            words.update(re.findall(r"\w+", file.read_text(errors="replace")))
    for service in rpcs():  # keys of .local/env, put together by tools/stafett_stack/stack.py
        words.update((f"STAFETT_{service.upper()}", f"STAFETT_{service.upper()}_METRICS"))
    return frozenset(words)


@cache
def rpcs() -> dict[str, frozenset[str]]:
    """By the service's folder of proto/."""
    return {
        file.parts[-3]: frozenset(re.findall(r"^\s*rpc (\w+)\(", file.read_text(), re.MULTILINE))
        for file in files()
        if file.name.endswith("_service.proto")
    }


PAGES = [file for file in files() if file.suffix == ".md"]


def pages(*, services: bool = False):
    chosen = [p for p in PAGES if not services or p.match("services/*/README.md")]
    return pytest.mark.parametrize("page", chosen, ids=lambda p: str(p.relative_to(ROOT)))


def prose(page: Path) -> str:
    """Without fenced blocks."""
    return re.sub(r"^```.*?^```", "", page.read_text(), flags=re.MULTILINE | re.DOTALL)


def spans(page: Path) -> list[str]:
    return [span for span in re.findall(r"`([^`\n]+)`", prose(page)) if span not in PLACEHOLDERS]


def fences(page: Path, *languages: str) -> list[str]:
    blocks = re.findall(r"^```(\w*)\n(.*?)^```", page.read_text(), re.MULTILINE | re.DOTALL)
    whole = [re.sub(r"\\\n\s*", "", block) for language, block in blocks if language in languages]
    return [line for block in whole for line in block.splitlines()]


def exists(page: Path, name: str) -> bool:
    """As a path from the root, the page's folder, where headers are included from, or inside a service."""
    name = name.rstrip("/")
    bases = (ROOT, page.parent, ROOT / "services", ROOT / "services" / "cases", ROOT / "tests")
    return any((base / name).exists() for base in bases)


@pages()
def test_paths_exist(page):
    wrong = []
    for span in spans(page):
        form = re.fullmatch(r"\.?[\w.-]+(/[\w.-]+)*/?", span)
        if not form or span in ELSEWHERE or span.startswith((".local", "build/")):
            continue
        if "/" in span:
            if not exists(page, span):
                wrong.append(span)
        elif span.rpartition(".")[2] in EXTENSIONS and not any(f.name == span for f in files()):
            wrong.append(span)
    assert not wrong


@pages()
def test_links_resolve(page):
    wrong = []
    for target in re.findall(r"\]\(([^)\s]+)\)", prose(page)):
        if re.match(r"https://", target):
            continue
        path, _, anchor = target.partition("#")
        file = (page.parent / path).resolve() if path else page
        if not file.exists() or not file.is_relative_to(ROOT):
            wrong.append(target)
        elif anchor and anchor not in anchors(file):
            wrong.append(target)
    assert not wrong


def anchors(file: Path) -> set[str]:
    headings = re.findall(r"^#+ (.*)$", prose(file), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pages(services=True)
def test_a_service_names_exactly_its_calls(page):
    service = page.parent.name
    if service not in rpcs():  # the auditor, which nobody calls, and lib
        return
    section = re.search(r"^## RPCs$(.*?)^## ", page.read_text(), re.MULTILINE | re.DOTALL)
    assert section, "no section RPCs"
    rows = re.findall(r"^\| ([A-Z][\w, ]*?) \|", section[1], re.MULTILINE)
    named = [name.strip() for row in rows if row != "RPC" for name in row.split(",")]
    assert sorted(named) == sorted(rpcs()[service])


@pages(services=True)
def test_a_service_has_the_same_sections(page):
    if page.parent.name in ("lib", "policy"):  # libraries, a tool
        return
    called = ["RPCs", "Events out", "Events in"]
    assert re.findall(r"^## (.*)$", page.read_text(), re.MULTILINE) == (
        ["Owns", *called, "Redis keys", "Failure modes", "Metrics", "Run it alone"]
        if page.parent.name in rpcs()
        else ["Owns", "Reads", "Mends", "Redis keys", "Failure modes", "Metrics", "Verify", "Run it alone"]
    )


@pages()
def test_calls_written_with_their_service_exist(page):
    services = "|".join(rpcs())
    named = re.findall(rf"\b({services})\.([A-Z]\w+)", page.read_text())
    assert [f"{s}.{call}" for s, call in named if call not in rpcs()[s] and call not in source_words()] == []


@pages()
def test_names_in_code_exist(page):
    """CamelCase, snake_case and CAPITALS in backticks: calls, classes, tests, metrics, reasons."""
    forms = r"[A-Z]\w*[a-z]\w*|[a-z]+_\w+|[A-Z][A-Z0-9]*_[A-Z0-9_]+"
    names = [re.sub(r"\{.*\}$", "", span) for span in spans(page)]
    assert [n for n in names if re.fullmatch(forms, n) and n not in source_words()] == []


@pages()
def test_commands_exist(page):
    for line in fences(page, "sh", ""):
        command = re.match(r"(tools/[\w-]+|\.ci/run|stafett-\w+)\b([^#]*)", line)
        if not command:
            continue
        name, rest = command.groups()
        if name.startswith("stafett-"):
            assert (ROOT / "services" / name.removeprefix("stafett-") / "main.cc").is_file(), line
            continue
        tool = ROOT / name
        assert tool.is_file() and os.access(tool, os.X_OK), line
        if name == "tools/stafett":
            assert understood(rest), line
            continue
        source = tool.read_text()
        if behind := re.search(r"commands/run\" (\w+) ", source):
            source = (ROOT / "tools" / "commands" / f"{behind[1]}.py").read_text()
        for flag in re.findall(r"--[\w-]+", rest):
            assert f'"{flag}"' in source or f"{flag})" in source, line


def understood(words: str) -> bool:
    """By the command line itself: the command, its flags, and that none is missing. Files are not looked for."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(request, "read_file", lambda _: "{}")
        try:
            arguments = main.parser().parse_args(shlex.split(words))
            if "command" in arguments and arguments.json is None:
                request.build(arguments.command, arguments, api_.load())
        except SystemExit as end:  # argparse's way; --help is no mistake
            return end.code == 0
        except Wrong:
            return False
    return True


@pages()
def test_no_paths_of_a_machine(page):
    assert re.findall(r"(?<![\w.])/(?:work|home|root|tmp|usr|opt|mnt)/\S*", page.read_text()) == []


def test_decisions_are_numbered_without_a_gap():
    records = sorted((ROOT / "services" / "decisions").glob("*.md"))
    assert [r.name[:5] for r in records] == [f"{n:04d}-" for n in range(1, len(records) + 1)]
    for record in records:
        assert record.read_text().startswith(f"# {record.name[:4]} "), record.name
        bold = re.findall(r"^\*\*(\w+)\.\*\*", record.read_text(), re.MULTILINE)
        assert bold == ["Context", "Decision", "Alternatives", "Consequences", "Security"], record.name


def test_decisions_that_code_cites_exist():
    known = {r.name[:4] for r in (ROOT / "services" / "decisions").glob("*.md")}
    for file in files():
        # The tests of the layer check write small trees of their own, with paths that exist only there.
        if file.suffix in SOURCES and file.name not in (Path(__file__).name, "test_check_layers.py"):
            for number in re.findall(r"decisions/(\d{4})", file.read_text(errors="replace")):
                assert number in known, file


def test_paths_in_comments_and_code_exist():
    wrong = []
    for file in files():
        # The tests of the layer check write small trees of their own, with paths that exist only there.
        if file.suffix in SOURCES and file.name not in (Path(__file__).name, "test_check_layers.py"):
            for path in re.findall(r"\b((?:tests|tools|deploy|services)/[\w./-]*\w)", file.read_text(errors="replace")):
                if not list(ROOT.glob(f"{path}*")):
                    wrong.append(f"{file.relative_to(ROOT)}: {path}")
    assert not wrong
