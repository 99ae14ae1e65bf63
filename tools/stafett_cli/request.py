"""A call's flags, out of the fields of its request, and the request that they say."""

from __future__ import annotations

import argparse
import difflib
import re
import sys
import uuid
from collections.abc import Callable, Mapping
from pathlib import Path

from google.protobuf import json_format
from google.protobuf.descriptor import Descriptor, EnumDescriptor, FieldDescriptor
from google.protobuf.message import Message

from stafett_cli.commands import Command, kebab, singular
from stafett_cli.refusal import Wrong
from stafett_story.api import Api, message_class

MAX_FILE_BYTES = 256 * 1024  # what a service takes as a whole
DEST = "field_"  # in argparse's namespace, apart from the options of every command
REQUEST_ID = "request_id"
_WORDS = {"yes": True, "true": True, "no": False, "false": False}
_KEY = re.compile(r"\s*(\w+)=(.*)", re.DOTALL)
_WHOLE = (FieldDescriptor.CPPTYPE_INT32, FieldDescriptor.CPPTYPE_INT64,
          FieldDescriptor.CPPTYPE_UINT32, FieldDescriptor.CPPTYPE_UINT64)  # fmt: skip


def add_flags(parser: argparse.ArgumentParser, command: Command, api: Api, comments: Mapping[str, str]) -> None:
    """The options of every command stand in the parser already."""
    for field in command.rpc.request.fields:
        if _is_general(command, field) or not can_be_flag(field):
            continue
        required = api.is_required(field)
        about = [comments.get(f"{field.containing_type.full_name}.{field.name}", ""), _form(field)]
        about.append("required" if required else "")
        help_ = "; ".join(part for part in about if part).replace("%", "%%")
        if field in command.places:
            parser.add_argument(DEST + field.name, nargs="?", metavar=_place(field), type=reader(field), help=help_)
        elif field.type == FieldDescriptor.TYPE_BOOL and not field.is_repeated:
            parser.add_argument(flag(command, field), dest=DEST + field.name, default=None, help=help_ or " ",
                                action=argparse.BooleanOptionalAction)  # fmt: skip
        else:
            parser.add_argument(flag(command, field), dest=DEST + field.name, type=reader(field), help=help_ or " ",
                                metavar=_metavar(field), action="append" if field.is_repeated else "store")  # fmt: skip


def build(command: Command, arguments: argparse.Namespace, api: Api) -> Message:
    """Of --json and the flags; a flag wins. Wrong if it is not whole: nothing is sent that a service must refuse."""
    request = message_class(command.rpc.request)()
    try:
        if arguments.json is not None:
            json_format.Parse(read_file(arguments.json), request)
        given = {field.name: getattr(arguments, DEST + field.name, None) for field in command.rpc.request.fields}
        json_format.ParseDict({name: value for name, value in given.items() if value is not None}, request)
    except (json_format.ParseError, argparse.ArgumentTypeError) as error:
        raise Wrong(f"{command.name}: {error}") from error
    if command.rpc.is_command:
        request.request_id = arguments.request_id or request.request_id or str(uuid.uuid4())
    there = {field.name for field, _ in request.ListFields()}
    missing = [f for f in command.rpc.request.fields if api.is_required(f) and f.name not in there]
    if missing:
        raise Wrong(f"{command.name}: {', '.join(written(command, field) for field in missing)} is missing")
    return request


def written(command: Command, field: FieldDescriptor) -> str:
    """As the command line has it."""
    if field in command.places:
        return _place(field)
    return flag(command, field) if can_be_flag(field) else f"{field.name} (by --json)"


def flag_of(command: Command, path: str) -> str:
    """For a field as a refusal names it: sections[0].text → --section, text (sections[0].text)"""
    field = command.rpc.request.fields_by_name.get(re.match(r"\w*", path)[0])
    if field is None:
        return path
    here = written(command, field)
    return here if path == field.name else f"{here} ({path})"


def flag(command: Command, field: FieldDescriptor) -> str:
    """Given once for each element of a list, so in the singular."""
    if field.name == REQUEST_ID:
        return "--request-id"
    name = kebab(field.name)
    name = singular(name) if field.is_repeated else name
    return f"--{name}" if name not in OPTIONS else f"--{command.noun}-{name}"


def flags(command: Command) -> list[str]:
    """All of them, for completion."""
    fields = [f for f in command.rpc.request.fields if f not in command.places and can_be_flag(f)]
    return sorted({flag(command, field) for field in fields} | {f"--{option}" for option in OPTIONS})


def can_be_flag(field: FieldDescriptor) -> bool:
    """Bytes, maps and messages of others are given by --json."""
    if field.message_type is not None:
        return field.message_type.file.package.startswith("stafett.") and not field.message_type.GetOptions().map_entry
    return field.type != FieldDescriptor.TYPE_BYTES


# What every command has; add_options and this agree (a parser with a flag twice is an error).
OPTIONS = frozenset({"as", "role", "unit", "organisation", "through", "edge", "timeout", "json", "output", "help"})


# --- values -------------------------------------------------------------------------------------


def reader(field: FieldDescriptor) -> Callable[[str], object]:
    """From the command line's word to a value of protobuf JSON."""
    if field.message_type is not None:
        return lambda word: _message(field.message_type, word)
    if field.enum_type is not None:
        return lambda word: _enum(field.enum_type, word)
    if field.cpp_type == FieldDescriptor.CPPTYPE_STRING:
        return text
    if field.cpp_type == FieldDescriptor.CPPTYPE_BOOL:
        return _bool
    return int if field.cpp_type in _WHOLE else float


def text(word: str) -> str:
    """@file and @- are read; @@ is one @."""
    if word.startswith("@@"):
        return word[1:]
    return read_file(word[1:]).removesuffix("\n") if word.startswith("@") else word


def read_file(name: str) -> str:
    """- is stdin."""
    try:
        if name == "-":
            data = sys.stdin.buffer.read(MAX_FILE_BYTES + 1)
        else:
            with Path(name).open("rb") as file:
                data = file.read(MAX_FILE_BYTES + 1)
        if len(data) > MAX_FILE_BYTES:
            raise argparse.ArgumentTypeError(f"{name} has more than {MAX_FILE_BYTES} bytes")
        return data.decode()
    except OSError as error:
        raise argparse.ArgumentTypeError(f"cannot read {name}: {error.strerror}") from error
    except UnicodeDecodeError:
        raise argparse.ArgumentTypeError(f"{name} is not UTF-8") from None


def words_of(enum: EnumDescriptor) -> list[str]:
    return [value.name for value in enum.values if value.number]


def _enum(enum: EnumDescriptor, word: str) -> str:
    """In any case; - is as good as _."""
    wanted = word.upper().replace("-", "_")
    known = words_of(enum)
    if wanted in known:
        return wanted
    near = difflib.get_close_matches(wanted, known, n=1, cutoff=0.5)
    guess = f"; did you mean {near[0]}?" if near else ""
    raise argparse.ArgumentTypeError(f"{word!r} is none of {', '.join(known)}{guess}")


def _bool(word: str) -> bool:
    if word.lower() not in _WORDS:
        raise argparse.ArgumentTypeError(f"{word!r} is neither yes nor no")
    return _WORDS[word.lower()]


def _message(message: Descriptor, word: str) -> dict[str, object]:
    """field=value,field=value; or JSON. A comma belongs to the value before it, unless a field comes behind it: so a
    list is categories=PLAN,EDUC, and a sentence may have commas."""
    if word.lstrip().startswith("{"):
        draft = message_class(message)()
        try:
            return json_format.MessageToDict(json_format.Parse(word, draft), preserving_proto_field_name=True)
        except json_format.ParseError as error:
            raise argparse.ArgumentTypeError(str(error)) from error
    said: dict[str, str] = {}
    name = ""
    for piece in word.split(","):
        pair = _KEY.fullmatch(piece)
        if pair is None:
            if not name:
                raise argparse.ArgumentTypeError(f"{piece!r} is no field=value; {_fields(message)}")
            said[name] += f",{piece}"
            continue
        name = pair[1].replace("-", "_")
        if name not in message.fields_by_name:
            near = difflib.get_close_matches(name, message.fields_by_name, n=1)
            guess = f"; did you mean {near[0]}?" if near else ""
            raise argparse.ArgumentTypeError(f"there is no {name!r}{guess} {_fields(message)}; texts with '=': as JSON")
        if name in said:
            raise argparse.ArgumentTypeError(f"{name} is there twice")
        said[name] = pair[2]
    return {name: _of_message(message.fields_by_name[name], value) for name, value in said.items()}


def _of_message(field: FieldDescriptor, word: str) -> object:
    if field.message_type is not None:
        raise argparse.ArgumentTypeError(f"{field.name} is a message: give the whole as JSON, {{…}}")
    read = reader(field)
    try:
        return [read(each) for each in word.split(",")] if field.is_repeated else read(word)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{field.name}: {error}") from error


# --- help ---------------------------------------------------------------------------------------


def usage(command: Command, api: Api) -> str:
    """What cannot be left out."""
    needed = [_place(field) for field in command.places]
    for field in command.rpc.request.fields:
        if api.is_required(field) and field not in command.places and not _is_general(command, field):
            needed.append(f"{flag(command, field)} {_metavar(field)}")
    return " ".join(["tools/stafett", command.name, *needed, "[flags]"]).replace("%", "%%")


def _is_general(command: Command, field: FieldDescriptor) -> bool:
    """Every command has a --request-id, with a default."""
    return command.rpc.is_command and field.name == REQUEST_ID


def _place(field: FieldDescriptor) -> str:
    return field.name.upper()


def _metavar(field: FieldDescriptor) -> str:
    if field.message_type is not None:
        return f"{field.message_type.name.upper()}"
    if field.enum_type is not None:
        return field.enum_type.name.upper()
    if field.cpp_type == FieldDescriptor.CPPTYPE_STRING:
        return "DATE" if field.name.endswith("date") else "TEXT"
    return "N"


def _form(field: FieldDescriptor) -> str:
    form = ""
    if field.message_type is not None:
        form = f"as {_fields(field.message_type)}, or as JSON"
    elif field.enum_type is not None:
        form = f"one of {', '.join(words_of(field.enum_type))}"
    return "; ".join(part for part in (form, "may be given several times" if field.is_repeated else "") if part)


def _fields(message: Descriptor) -> str:
    def value(field: FieldDescriptor) -> str:
        if field.enum_type is not None:
            return f"{field.enum_type.name.upper()},…" if field.is_repeated else field.enum_type.name.upper()
        return "yes|no" if field.type == FieldDescriptor.TYPE_BOOL else "…"

    return ",".join(f"{field.name}={value(field)}" for field in message.fields)
