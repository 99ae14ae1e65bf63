"""What proto/ says in comments, which generated classes have lost: of services, calls, messages and fields."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from pathlib import Path

from google.protobuf import descriptor_pb2

from stafett_story.api import DESCRIPTORS


@cache
def read(descriptors: Path = DESCRIPTORS) -> dict[str, str]:
    """By full name, in one line each. `api.load()` comes first: it writes the file."""
    files = descriptor_pb2.FileDescriptorSet.FromString(descriptors.read_bytes()).file
    return {name: words for file in files if file.package.startswith("stafett.") for name, words in _comments(file)}


def _comments(file: descriptor_pb2.FileDescriptorProto) -> Iterable[tuple[str, str]]:
    for location in file.source_code_info.location:
        words = " ".join((location.leading_comments or location.trailing_comments).split())
        name = _named(file, list(location.path))
        if words and name:
            yield f"{file.package}.{name}", words


def _named(file: descriptor_pb2.FileDescriptorProto, path: list[int]) -> str:
    """Which message, field, service or call a location speaks of; "" for anything else."""
    thing: object = file
    names = []
    for field, index in zip(path[::2], path[1::2], strict=False):
        kind = thing.DESCRIPTOR.fields_by_number[field].name  # type: ignore[attr-defined]
        if kind not in ("message_type", "nested_type", "field", "service", "method"):
            return ""
        thing = getattr(thing, kind)[index]
        names.append(thing.name)
    return ".".join(names) if names and len(path) % 2 == 0 else ""
