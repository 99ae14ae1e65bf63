"""Disks that fail in tools/faults. After a power cut what was forced to the disk stays, what was written behind it goes,
and nothing else does; on a full one nothing can be written until there is room."""

import os
import subprocess
import sys

import pytest

from stafett_faults.power import Disk, compile_library

# Each letter written to the file; "!" forces it, by one call or the other.
WRITER = """
import os, sys
file = os.open(sys.argv[1], os.O_WRONLY | os.O_CREAT | os.O_APPEND)
for i, letter in enumerate(sys.argv[2]):
    if letter == "!":
        (os.fsync, os.fdatasync)[i % 2](file)
    else:
        os.write(file, letter.encode())
"""


@pytest.fixture(scope="module")
def library(tmp_path_factory):
    return compile_library(tmp_path_factory.mktemp("power"))


@pytest.fixture
def disk(library, tmp_path):
    return Disk(library, tmp_path / "journal")


def write(disk, file, letters):
    subprocess.run([sys.executable, "-c", WRITER, file, letters], env={**os.environ, **disk.env}, check=True)


@pytest.mark.parametrize(("letters", "left"), [("ab!cd", "ab"), ("ab!cd!", "abcd"), ("abcd", ""), ("a!b!c", "ab")])
def test_what_was_not_forced_is_gone(disk, tmp_path, letters, left):
    file = tmp_path / "data.log"
    write(disk, file, letters)
    assert disk.cut([file]) == len(letters.replace("!", "")) - len(left)
    assert file.read_text() == left


def test_a_cut_file_grows_and_is_cut_again(disk, tmp_path):
    file = tmp_path / "data.log"
    write(disk, file, "ab!cd")
    disk.cut([file])
    write(disk, file, "e!f")
    disk.cut([file])
    assert (file.read_text(), disk.dropped) == ("abe", 3)


def test_of_a_new_disk_nothing_is_remembered(disk, tmp_path):
    file = tmp_path / "data.log"
    write(disk, file, "abcdef!")
    file.unlink()
    disk.forget()
    write(disk, file, "xy")
    assert disk.cut([file]) == 2
    assert file.read_text() == ""


def test_other_files_stay(disk, tmp_path):
    one, other = tmp_path / "one.log", tmp_path / "other.index"
    write(disk, one, "a!b")
    write(disk, other, "cd")
    disk.cut([one])
    assert (one.read_text(), other.read_text()) == ("a", "cd")


# Writes a letter per line that it is sent, by the call that the line names, and says how it went.
FILLER = """
import os, sys
file = os.open(sys.argv[1], os.O_WRONLY | os.O_CREAT | os.O_APPEND)
for line in sys.stdin:
    try:
        call = line.strip()
        print({"write": lambda: os.write(file, b"abcd"), "pwrite": lambda: os.pwrite(file, b"abcd", 0),
               "writev": lambda: os.writev(file, [b"abcd", b"ef"])}[call](), flush=True)
    except OSError as error:
        print(error.strerror, flush=True)
"""


@pytest.fixture
def filler(disk, tmp_path):
    process = subprocess.Popen(
        [sys.executable, "-c", FILLER, tmp_path / "data.log"],
        env={**os.environ, **disk.env},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )

    def ask(call):
        process.stdin.write(call + "\n")
        process.stdin.flush()
        return process.stdout.readline().strip()

    yield ask
    process.stdin.close()
    process.wait(10)


NO_ROOM = "No space left on device"


@pytest.mark.parametrize(("call", "whole"), [("write", "4"), ("pwrite", "4"), ("writev", "6")])
def test_a_full_disk_takes_half_and_then_nothing_until_there_is_room(disk, filler, tmp_path, call, whole):
    assert filler(call) == whole
    disk.fill()
    assert filler(call) == (NO_ROOM if call == "writev" else "2")  # what gathers pieces is refused whole
    assert [filler(call), filler(call)] == [NO_ROOM, NO_ROOM]
    disk.fill(False)
    assert filler(call) == whole


def test_who_starts_on_a_full_disk_writes_nothing(disk, filler, tmp_path):
    disk.fill()
    assert [filler("write"), filler("write")] == ["2", NO_ROOM]
    assert (tmp_path / "data.log").read_text() == "ab"
