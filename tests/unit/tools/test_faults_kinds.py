"""The kinds of tools/faults: what may be asked for by --only is what the page names; and bits that are flipped are those
that are meant."""

import random
import re
from types import SimpleNamespace

import pytest

from stafett_faults import aof
from stafett_faults.faults import Faults
from stafett_stack import paths
from stafett_stack.procs import StackError

PAGE = paths.REPOSITORY / "tests" / "faults" / "README.md"


def faults(only=(), brokers=1):
    stack = SimpleNamespace(kafka=SimpleNamespace(nodes=[None] * brokers))
    return Faults(stack, None, {}, None, {}, 1, print, only)


def kinds(one):
    return {fault.__name__.replace("_", " ") for fault in one._shuffled()}


def test_the_page_names_every_kind():
    known = kinds(faults())
    named = set(re.findall(r"^\| `([a-z ]+)` \|", PAGE.read_text(), re.MULTILINE))
    assert named == known | {"garble redis"}


def test_each_kind_can_be_had_alone():
    for kind in kinds(faults()) | {"garble redis"}:
        assert kinds(faults(only=(kind,))) == {kind}


def test_a_kind_that_nobody_knows_is_refused():
    with pytest.raises(StackError, match="no fault is called burn redis; there are: burst, "):
        faults(only=("burn redis",))


def test_of_three_brokers_only_one_at_a_time_loses_anything():
    one, three = kinds(faults()), kinds(faults(brokers=3))
    assert one - three == {"cut log", "power cut of everything"}
    with pytest.raises(StackError):
        kinds(faults(only=("cut log",), brokers=3))


LONG = b"x" * 150
COMMANDS = b"".join(b"*2\r\n$3\r\nGET\r\n$%d\r\n%s\r\n" % (len(part), part) for part in (LONG, b"short", LONG))


@pytest.mark.parametrize("seed", range(20))
def test_one_bit_of_a_frame_or_of_what_is_stored_is_flipped(tmp_path, seed):
    file = tmp_path / "a.incr.aof"
    for flip, stored in ((aof.flip_frame, False), (aof.flip_content, True)):
        file.write_bytes(COMMANDS)
        at = flip(file, random.Random(seed))
        after = file.read_bytes()
        assert [i for i, (a, b) in enumerate(zip(COMMANDS, after, strict=True)) if a != b] == [at]
        assert (COMMANDS[at : at + 1] == b"x") is stored
        assert (COMMANDS[at] ^ after[at]).bit_count() == 1


def test_of_a_short_file_nothing_is_flipped(tmp_path):
    file = tmp_path / "a.incr.aof"
    file.write_bytes(b"*1\r\n")
    assert (aof.flip_frame(file, random.Random(1)), aof.flip_content(file, random.Random(1))) == (-1, -1)
    assert file.read_bytes() == b"*1\r\n"
