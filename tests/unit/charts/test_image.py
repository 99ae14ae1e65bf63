"""The container image, as far as it can be tried without an engine: its root is laid out and a program runs in it."""

import os
import re
import subprocess
from pathlib import Path

import pytest

from stafett_stack import paths
from stafett_stack.services import AUDITOR, SERVICES

ROOT = paths.REPOSITORY
CONTAINERFILE = (ROOT / "deploy" / "Containerfile").read_text()
PROGRAM = ROOT / "build" / os.environ.get("STAFETT_PRESET", "dev") / "bin" / f"stafett-{SERVICES[0]}"


@pytest.fixture(scope="module")
def image(tmp_path_factory):
    if not PROGRAM.exists():
        pytest.skip(f"{PROGRAM} is not built")
    root = tmp_path_factory.mktemp("image")
    subprocess.run([ROOT / "deploy/image/collect", root, PROGRAM], check=True)
    return root


def in_image(image: Path, *arguments: str) -> str:
    """Runs the image's own loader, with none but the image's libraries."""
    (loader,) = image.glob("lib64/ld-linux*")
    libraries = ":".join(sorted({str(file.parent) for file in image.rglob("*.so*")}))
    command = [loader, "--inhibit-cache", "--library-path", libraries, *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def test_a_program_finds_all_it_needs_in_the_image(image):
    program = str(image / "usr/bin" / PROGRAM.name)
    found = re.findall(r" => (\S+)", in_image(image, "--list", program))
    assert len(found) > 20
    assert [path for path in found if not path.startswith(str(image))] == []
    assert "0." in in_image(image, program, "--version")


def test_nothing_else_can_be_run_in_it(image):
    programs = [f for f in image.rglob("*") if f.is_file() and os.access(f, os.X_OK) and ".so" not in f.name]
    assert [f.relative_to(image).as_posix() for f in programs] == [f"usr/bin/{PROGRAM.name}"]


def test_it_knows_whom_to_trust_and_when_a_day_begins(image):
    assert "BEGIN CERTIFICATE" in (image / "etc/ssl/certs/ca-certificates.crt").read_text()
    assert (image / "usr/share/zoneinfo/Europe/Oslo").read_bytes().startswith(b"TZif")
    assert (image / "etc/passwd").read_text().startswith("stafett:x:65532:65532:")


def stages():
    """name → lines, in the file's order."""
    found, name = {}, None
    for line in CONTAINERFILE.splitlines():
        if match := re.fullmatch(r"FROM (\S+) AS (\S+)", line):
            name = match[2]
            found[name] = [line]
        elif name and line and not line.startswith("#"):
            found[name].append(line)
    assert len(found) == len(re.findall(r"^FROM", CONTAINERFILE, re.MULTILINE))
    return found


def test_the_last_stage_is_the_programs_alone_and_not_root():
    name, lines = list(stages().items())[-1]
    assert name == "services"
    assert lines == ["FROM scratch AS services", "COPY --from=build /image /", "USER 65532:65532"]


def test_stages_copy_only_what_exists_and_no_secrets():
    ignored = (ROOT / ".dockerignore").read_text().split()
    assert {".git", ".local", "build"} <= set(ignored)
    for line in CONTAINERFILE.splitlines():
        if line.startswith("COPY ") and "--from" not in line:
            for source in line.split()[1:-1]:
                assert source != "." and (ROOT / source).exists(), line


def test_the_image_gets_every_program_that_the_chart_starts():
    """`collect` is given all of stafett-*; each is made by a line in its service's folder."""
    (collected,) = [line for line in stages()["build"] if line.startswith("RUN deploy/image/collect")]
    assert collected == "RUN deploy/image/collect /image build/release/bin/stafett-*"
    for name in (*SERVICES, AUDITOR):
        made = (ROOT / "services" / name / "CMakeLists.txt").read_text()
        assert re.search(rf"^stafett_service\({name}\b", made, re.MULTILINE), name


def test_what_the_build_reads_is_copied():
    """A folder that CMake adds and the image lacks would be found out only by an engine."""
    added = re.findall(r"^add_subdirectory\((\w+)\)", (ROOT / "CMakeLists.txt").read_text(), re.MULTILINE)
    copied = {source for line in stages()["build"] if line.startswith("COPY") for source in line.split()[1:-1]}
    assert added and set(added) <= copied


def test_setup_knows_what_the_stages_ask_of_it():
    setup = (ROOT / "tools" / "setup").read_text()
    asked = re.findall(r"tools/setup (--\w+)", CONTAINERFILE)
    assert asked and all(f"{flag})" in setup for flag in asked)
