"""The end of a partition, lost although it was forced to the disk: cut off its segment file while the broker is dead, as
a disk does that lied about a flush.

Pure but for the files: what was cut is told record by record, so that the checker knows what has to come back.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

HEADER_BYTES = 61  # of a record batch, format 2
BESIDE = ("*.index", "*.timeindex", "*.snapshot")  # what Kafka keeps beside a segment and makes again from it
APPEND_TIME, CONTROL = 1 << 3, 1 << 5  # bits of a batch's attributes


@dataclass(frozen=True)
class Raw:
    """A record as it lies in the segment."""

    offset: int
    appended_ms: int
    value: bytes


@dataclass(frozen=True)
class Batch:
    position: int  # in the file
    first: int  # offset
    last: int
    records: tuple[Raw, ...]


def batches(data: bytes) -> Iterator[Batch]:
    """Up to the first that is not whole. Our producers compress nothing (services/lib/kafka/producer.cc)."""
    at = 0
    while at + HEADER_BYTES <= len(data):
        first, length = struct.unpack_from(">qi", data, at)
        attributes, last_delta = struct.unpack_from(">hi", data, at + 21)
        base_ms, max_ms = struct.unpack_from(">qq", data, at + 27)
        end = at + 12 + length
        if length <= 0 or end > len(data):
            return
        if attributes & 7:
            raise ValueError("a compressed batch")
        records = []
        place = at + HEADER_BYTES
        while place < end and not attributes & CONTROL:
            size, place = _varint(data, place)
            offset, ms, value = _record(data, place)
            records.append(Raw(first + offset, max_ms if attributes & APPEND_TIME else base_ms + ms, value))
            place += size
        yield Batch(at, first, first + last_delta, tuple(records))
        at = end


def cut(directory: Path, records: int, floor: int) -> list[Raw]:
    """Takes away the last `records` records of a partition, whole batches, and none before `floor`; returns them. The
    broker must be dead: it believes what is left when nothing beside the segment contradicts it."""
    segment = max(directory.glob("*.log"), key=lambda file: file.name)  # the active one
    all_ = list(batches(segment.read_bytes()))
    if not all_:
        return []
    least = max(floor, all_[-1].last + 1 - records)
    gone = [batch for batch in all_ if batch.first >= floor and batch.last >= least]
    if not gone:
        return []
    with open(segment, "r+b") as file:
        file.truncate(gone[0].position)
    for pattern in BESIDE:
        for file in directory.glob(pattern):
            file.unlink()
    return [record for batch in gone for record in batch.records]


def _record(data: bytes, at: int) -> tuple[int, int, bytes]:
    """(offset, milliseconds, both beside the batch's first; value)"""
    ms, at = _varint(data, at + 1)  # behind the attributes, of which there are none
    offset, at = _varint(data, at)
    size, at = _varint(data, at)  # of the key
    at += max(size, 0)
    size, at = _varint(data, at)
    return offset, ms, data[at : at + max(size, 0)]


def _varint(data: bytes, at: int) -> tuple[int, int]:
    """(zigzag number, where it ends)"""
    number, shift = 0, 0
    while True:
        byte = data[at]
        at += 1
        number |= (byte & 0x7F) << shift
        if not byte & 0x80:
            return (number >> 1) ^ -(number & 1), at
        shift += 7
