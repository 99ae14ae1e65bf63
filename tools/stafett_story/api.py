"""proto/ as Python: the calls, messages and events that a story may name.

`load()` generates the classes into .local/gen at first use and whenever a file of proto/ changes, and the descriptors
that the edge reads beside them.
"""

from __future__ import annotations

import fcntl
import hashlib
import importlib
import shutil
import sys
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import google.rpc
from google.protobuf import message_factory
from google.protobuf.descriptor import Descriptor, MethodDescriptor
from grpc_tools import protoc

from stafett_stack.paths import LOCAL, REPOSITORY
from stafett_stack.procs import StackError

PROTO = REPOSITORY / "proto"
STUBS = LOCAL / "gen"
DESCRIPTORS = STUBS / "stafett.binpb"  # every file of proto/ and what it imports, with its comments
GOOGLEAPIS = Path(next(iter(google.rpc.__path__))).parents[1]  # google/api, google/rpc
# Travels in answers without being named in a file of proto/.
REFUSALS = "google/rpc/error_details.proto"


@dataclass(frozen=True)
class Rpc:
    name: str  # "cases.NoteConcern"
    method: MethodDescriptor

    @property
    def service(self) -> str:
        return self.name.partition(".")[0]

    @property
    def path(self) -> str:
        return f"/{self.method.containing_service.full_name}/{self.method.name}"

    @property
    def request(self) -> Descriptor:
        return self.method.input_type

    @property
    def response(self) -> Descriptor:
        return self.method.output_type

    @property
    def is_command(self) -> bool:
        """A command changes something and carries a request_id of its own; GetReceipt and
        GetWithdrawal carry the one of an earlier command."""
        return "request_id" in self.request.fields_by_name and not self.method.name.startswith("Get")


@dataclass
class Api:
    rpcs: dict[str, Rpc] = field(default_factory=dict)
    events: dict[str, Descriptor] = field(default_factory=dict)  # disclosable, by short name
    categories: tuple[str, ...] = ()
    awaited: tuple[str, ...] = ()  # what escalation watches over: "BATON_ANSWER", …
    options: object = None  # module stafett.common.v1.options_pb2

    def is_required(self, field_descriptor: object) -> bool:
        return field_descriptor.GetOptions().Extensions[self.options.required]


def message_class(descriptor: Descriptor) -> type:
    return message_factory.GetMessageClass(descriptor)


def short_name(event_type: str) -> str:
    """no.stafett.cases.note-written.v1 → note-written"""
    return event_type.split(".")[-2] if event_type.count(".") >= 2 else event_type


@cache
def load(proto: Path = PROTO, stubs: Path = STUBS) -> Api:
    generate(proto, stubs)
    if str(stubs) not in sys.path:
        sys.path.insert(0, str(stubs))
    api = Api()
    files = [importlib.import_module(name) for name in _modules(proto)]
    api.options = importlib.import_module("stafett.common.v1.options_pb2")
    api.categories = tuple(api.options.Category.keys()[1:])
    api.awaited = tuple(importlib.import_module("stafett.common.v1.record_pb2").AwaitedKind.keys()[1:])
    for descriptor in (module.DESCRIPTOR for module in files):
        package = descriptor.package.split(".")[1]  # stafett.<service>.v1
        for service in descriptor.services_by_name.values():
            for method in service.methods:
                name = f"{package}.{method.name}"
                api.rpcs[name] = Rpc(name, method)
        for message in descriptor.message_types_by_name.values():
            options = message.GetOptions()
            if options.Extensions[api.options.disclosable]:
                api.events[short_name(options.Extensions[api.options.event_type])] = message
    return api


def generate(proto: Path = PROTO, stubs: Path = STUBS) -> None:
    """Python classes of proto/ in `stubs`; does nothing when they are as new as the files and this one."""
    files = sorted(proto.rglob("*.proto"))
    digest = hashlib.sha256(Path(__file__).read_bytes())
    for file in files:
        digest.update(f"{file.relative_to(proto)}\0".encode() + file.read_bytes())
    stamp = stubs / ".stamp"
    stubs.parent.mkdir(parents=True, exist_ok=True)
    with open(stubs.with_name(stubs.name + ".lock"), "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # several programs may come here first
        if stamp.exists() and stamp.read_text() == digest.hexdigest():
            return
        draft = stubs.with_name(stubs.name + ".new")
        shutil.rmtree(draft, ignore_errors=True)
        draft.mkdir()
        include = Path(protoc.__file__).parent / "_proto"
        names = [str(file.relative_to(proto)) for file in files]
        folders = [f"-I{proto}", f"-I{GOOGLEAPIS}", f"-I{include}"]
        classes = [f"--python_out={draft}", f"--grpc_python_out={draft}", *names]
        descriptors = [f"--descriptor_set_out={draft / DESCRIPTORS.name}", "--include_imports",
                       "--include_source_info", *names, REFUSALS]  # fmt: skip
        for arguments in (classes, descriptors):
            if protoc.main(["protoc", *folders, *arguments]) != 0:
                raise StackError(f"could not generate Python classes from {proto}")
        (draft / ".stamp").write_text(digest.hexdigest())
        shutil.rmtree(stubs, ignore_errors=True)
        draft.rename(stubs)


def _modules(proto: Path) -> list[str]:
    names = (file.relative_to(proto).with_suffix("") for file in sorted(proto.rglob("*.proto")))
    return [".".join(name.parts) + "_pb2" for name in names]
