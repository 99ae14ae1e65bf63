"""Power cuts of tools/faults: what was forced to the disk stays, what was written behind it goes, and nothing else
does."""

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
