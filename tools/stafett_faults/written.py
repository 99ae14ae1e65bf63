"""A run's history as a file, to look at when something did not hold: one JSON object, everything that the checker had.
Children are invented; it stays where the run's data is."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping, Set
from pathlib import Path

from google.protobuf import json_format
from google.protobuf.message import Message

from stafett_faults.history import Run


def write(run: Run, file: Path) -> None:
    file.write_text(json.dumps(_plain(run), indent=0))


def _plain(value: object) -> object:
    if isinstance(value, Message):
        return json_format.MessageToDict(value, preserving_proto_field_name=True)
    if dataclasses.is_dataclass(value):
        return {field.name: _plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {str(key): _plain(one) for key, one in value.items()}
    if isinstance(value, Set):
        return sorted(_plain(one) for one in value)  # type: ignore[type-var]
    if isinstance(value, (list, tuple)):
        return [_plain(one) for one in value]
    return value
