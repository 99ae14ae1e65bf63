"""An answer as a table for people, or as protobuf JSON for programs.

The table leaves out what is empty. It is for eyes: its form may change. What others wrote stands in it, so whatever
could steer a terminal is shown as an escape.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from datetime import datetime

from google.protobuf import descriptor_pool, json_format, message_factory
from google.protobuf.any_pb2 import Any
from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import DecodeError, Message

from stafett_cli.commands import kebab
from stafett_story import columns

INDENT = "  "
RECEIPT = "stafett.common.v1.Receipt"
RECEIPTS = {
    "STORED": "in one durable store; tools/stafett receipt tells when it is in two",
    "PUBLISHED": "in two durable stores",
}
# What a list's answer says of the page behind it → the field of the request that asks for it.
NEXT_PAGE = {"next_page_token": "page_token", "next": "after"}
_BIDI = re.compile("[\u202a-\u202e\u2066-\u2069\u200e\u200f]")
_MILLISECONDS = "_ms"


def as_json(message: Message, *, line: bool = False) -> str:
    """As the edge would answer."""
    indent = None if line else 2
    return json_format.MessageToJson(message, indent=indent, always_print_fields_with_no_presence=True)


def as_table(message: Message, *, room: int | None = None) -> str:
    """room: columns of the terminal. A list that is wider is told entry by entry."""
    listed = _list_of(message.DESCRIPTOR)
    if listed is None:
        return "\n".join(_detail(message)) or "nothing"
    items = getattr(message, listed.name)
    lines = _items(items, room) if items else [f"no {_label(listed)}"]
    rest = [field for field in message.DESCRIPTOR.fields if field is not listed]
    below = _detail(message, rest)
    return "\n".join([*lines, *([""] if below else []), *below])


def clean(text: str) -> str:
    """Without what steers a terminal or turns the direction of reading. Line ends stay."""
    shown = (c if c in "\n\t" or unicodedata.category(c) != "Cc" else ascii(c)[1:-1] for c in text)
    return _BIDI.sub(lambda found: ascii(found[0])[1:-1], "".join(shown))


def moment(milliseconds: int) -> str:
    """In this machine's time zone."""
    return datetime.fromtimestamp(milliseconds / 1000).astimezone().strftime("%Y-%m-%d %H:%M:%S %z")


def _list_of(message: Descriptor) -> FieldDescriptor | None:
    """The field that a list's answer is about."""
    first = message.fields[0] if message.fields else None
    return first if first is not None and first.is_repeated and first.message_type is not None else None


def _items(items: Sequence[Message], room: int | None = None) -> list[str]:
    """A row each; a block each if one holds more than a row can show."""
    fields = [field for field in items[0].DESCRIPTOR.fields if any(_has(item, field) for item in items)]
    if any(field.message_type is not None for field in fields):
        return _blocks(items)
    rows = [[_label(field) for field in fields]]
    rows += [[_value(item, field).replace("\n", " ") or "–" for field in fields] for item in items]
    widths = columns.widths(rows)
    if room is not None and sum(widths) + len(columns.GAP) * (len(widths) - 1) > room:
        return _blocks(items)
    return [columns.line(columns.pad(row, widths)) for row in rows]


def _blocks(items: Sequence[Message]) -> list[str]:
    return [line for item in items for line in ("", *_detail(item))][1:]


def _detail(message: Message, fields: Iterable[FieldDescriptor] | None = None) -> list[str]:
    """A line per field; messages below their name."""
    chosen = [f for f in (message.DESCRIPTOR.fields if fields is None else fields) if _has(message, f)]
    flat = [field for field in chosen if _is_flat(field)]
    room = max((columns.width(_label(field)) for field in flat), default=0)
    lines: list[str] = []
    for field in chosen:
        if _is_flat(field):
            # A text of several lines stays below its beginning.
            value = _value(message, field).replace("\n", "\n" + " " * (room + len(columns.GAP)))
            lines.append(columns.line([*columns.pad([_label(field)], [room]), value]))
            continue
        below = getattr(message, field.name)
        title = _label(field)
        if field.is_repeated:
            inside = _items(below)
        else:
            if isinstance(below, Any):
                below = _opened(below)
                title += f" ({kebab(below.DESCRIPTOR.name)})"
            inside = _detail(below)
        lines += [f"{title}:", *((INDENT + line).rstrip() for text in inside for line in text.split("\n"))]
    return lines


def _has(message: Message, field: FieldDescriptor) -> bool:
    """Something is there to be shown. A no is said too."""
    if field.type == FieldDescriptor.TYPE_BOOL and not field.is_repeated:
        return True
    if field.is_repeated:
        return bool(getattr(message, field.name))
    return message.HasField(field.name) if field.has_presence else bool(getattr(message, field.name))


def _is_flat(field: FieldDescriptor) -> bool:
    return field.message_type is None or field.message_type.full_name == RECEIPT


def _label(field: FieldDescriptor) -> str:
    if field.name in NEXT_PAGE:
        return "more"
    name = field.name
    if field.cpp_type == FieldDescriptor.CPPTYPE_INT64:
        name = name.removesuffix(_MILLISECONDS)
    return name.replace("_", " ")


def _value(message: Message, field: FieldDescriptor) -> str:
    value = getattr(message, field.name)
    if field.is_repeated:
        return ", ".join(_one(each, field) for each in value)
    if field.name in NEXT_PAGE:
        return f"--{kebab(NEXT_PAGE[field.name])} {_one(value, field)}" if value else ""
    return _one(value, field)


def _one(value: object, field: FieldDescriptor) -> str:
    if field.message_type is not None:
        return _receipt(value)
    if field.enum_type is not None:
        known = field.enum_type.values_by_number.get(value)
        return "" if not value else known.name if known is not None else str(value)
    if field.type == FieldDescriptor.TYPE_BOOL:
        return "yes" if value else "no"
    if field.type == FieldDescriptor.TYPE_BYTES:
        return value.hex()
    if field.name.endswith(_MILLISECONDS) and field.cpp_type == FieldDescriptor.CPPTYPE_INT64:
        return moment(value) if value else ""
    return clean(str(value)) if value or field.cpp_type != FieldDescriptor.CPPTYPE_STRING else ""


def _receipt(receipt: Message) -> str:
    state = _one(receipt.state, receipt.DESCRIPTOR.fields_by_name["state"])
    return f"{state} ({RECEIPTS.get(state, 'not known here')}), request id {clean(receipt.request_id)}"


def _opened(message: Any) -> Message:
    """What it holds; itself if it is of a type that proto/ does not have."""
    try:
        kind = descriptor_pool.Default().FindMessageTypeByName(message.TypeName())
        inside = message_factory.GetMessageClass(kind)()
        return inside if message.Unpack(inside) else message
    except (KeyError, DecodeError):
        return message
