"""Cutting a partition's tail in tools/faults: just what is told to be gone is gone, and what is left stands as it was."""

import struct

import pytest

from stafett_faults import tail


def zigzag(number):
    number = (number << 1) ^ (number >> 63)
    out = b""
    while True:
        low, number = number & 0x7F, number >> 7
        out += bytes([low | (0x80 if number else 0)])
        if not number:
            return out


def batch(first, values, *, ms=1000):
    records = b""
    for i, value in enumerate(values):
        body = b"\0" + zigzag(0) + zigzag(i) + zigzag(3) + b"key" + zigzag(len(value)) + value + zigzag(0)
        records += zigzag(len(body)) + body
    head = struct.pack(">ibIhiqqqhii", 0, 2, 0, tail.APPEND_TIME, len(values) - 1, 1, ms, 7, 0, 0, len(values))
    return struct.pack(">qi", first, len(head) + len(records)) + head + records


@pytest.fixture
def partition(tmp_path):
    """Six records in four batches; the long one needs two bytes for its length."""
    kept = [batch(0, [b"a"]), batch(1, [b"b" * 200, b"c"], ms=2000), batch(3, [b"d"]), batch(4, [b"e", b"f"])]
    (tmp_path / "00000000000000000000.log").write_bytes(b"".join(kept))
    for name in ("00000000000000000000.index", "00000000000000000006.snapshot", "leader-epoch-checkpoint"):
        (tmp_path / name).touch()
    return tmp_path


def left(partition):
    return [r.value for b in tail.batches(next(partition.glob("*.log")).read_bytes()) for r in b.records]


def test_records_are_read_with_place_and_time(partition):
    data = next(partition.glob("*.log")).read_bytes()
    found = [record for one in tail.batches(data) for record in one.records]
    assert [r.offset for r in found] == [0, 1, 2, 3, 4, 5]
    assert [r.value[:1] for r in found] == [b"a", b"b", b"c", b"d", b"e", b"f"]
    assert (found[1].appended_ms, len(found[1].value)) == (2000, 200)


@pytest.mark.parametrize(
    ("records", "floor", "gone"),
    [(1, 0, "ef"), (2, 0, "ef"), (3, 0, "def"), (4, 0, "bcdef"), (99, 0, "abcdef"), (99, 2, "def"), (99, 6, "")],
)
def test_whole_batches_go_and_none_before_the_floor(partition, records, floor, gone):
    whole = left(partition)
    told = tail.cut(partition, records, floor)
    assert "".join(chr(r.value[0]) for r in told) == gone
    assert left(partition) == whole[: len(whole) - len(gone)]
    assert bool(gone) != (partition / "00000000000000000000.index").exists()
    assert (partition / "leader-epoch-checkpoint").exists()


def test_of_an_empty_partition_nothing_goes(tmp_path):
    (tmp_path / "00000000000000000000.log").touch()
    assert tail.cut(tmp_path, 5, 0) == []


def test_a_torn_batch_is_not_counted(partition):
    segment = next(partition.glob("*.log"))
    segment.write_bytes(segment.read_bytes()[:-1])
    assert [r.value[:1] for r in tail.cut(partition, 1, 0)] == [b"d"]
