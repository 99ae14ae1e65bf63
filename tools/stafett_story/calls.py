"""One gRPC call by its name, with the actor's tokens, repeated with the same request_id until a
service answers. Several copies of a service are asked in turn."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import grpc
from google.protobuf import any_pb2, json_format
from google.protobuf.message import Message
from google.rpc import error_details_pb2
from grpc_status import rpc_status

from stafett_stack.controllers import Directory
from stafett_stack.issuer import Tokens
from stafett_story.api import Rpc, message_class
from stafett_story.load import Actor

CALL_SECONDS = 10.0
PAUSE_SECONDS = 0.05
# The service may or may not have done it: the same request_id again, perhaps at another copy.
UNKNOWN_OUTCOME = ("UNAVAILABLE", "DEADLINE_EXCEEDED")


@dataclass(frozen=True)
class Refusal:
    code: str
    reason: str = ""
    message: str = ""
    fields: tuple[str, ...] = ()  # that google.rpc.BadRequest names
    metadata: Mapping[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        where = f" ({', '.join(self.fields)})" if self.fields else ""
        return f"{self.code}/{self.reason or 'no reason'}{where}: {self.message}"


class Refused(Exception):
    def __init__(self, refusal: Refusal) -> None:
        super().__init__(str(refusal))
        self.refusal = refusal


@dataclass(frozen=True)
class Answer:
    """Either `message` or `refusal`."""

    message: Message | None = None
    refusal: Refusal | None = None
    calls: int = 1  # how often it had to be sent

    @property
    def values(self) -> dict[str, object]:
        assert self.message is not None
        return as_values(self.message)


def as_values(message: Message) -> dict[str, object]:
    return json_format.MessageToDict(
        message, preserving_proto_field_name=True, always_print_fields_with_no_presence=True
    )


def build(rpc: Rpc, values: Mapping[str, object]) -> Message:
    return json_format.ParseDict(dict(values), message_class(rpc.request)())


def refusal_of(error: grpc.RpcError) -> Refusal:
    """What a service said, out of the status and its google.rpc details."""
    try:
        status = rpc_status.from_call(error)
    except ValueError:  # details that contradict the status; the status counts
        status = None
    return refusal_with(error.code().name, error.details() or "", status.details if status else ())


def refusal_with(code: str, message: str, details: Iterable[any_pb2.Any]) -> Refusal:
    reason, fields, metadata = "", [], {}
    for detail in details:
        info = error_details_pb2.ErrorInfo()
        bad = error_details_pb2.BadRequest()
        if detail.Unpack(info):
            reason, metadata = info.reason, dict(info.metadata)
        elif detail.Unpack(bad):
            fields = [violation.field for violation in bad.field_violations]
    return Refusal(code, reason, message, tuple(fields), metadata)


class Credentials:
    """Tokens of a story's actors, kept while they last."""

    KEEP_SECONDS = 1200

    def __init__(self, tokens: Tokens, known: Directory) -> None:
        self._tokens = tokens
        self._known = known
        self._kept: dict[tuple[str, str], tuple[float, str]] = {}

    def metadata(self, actor: Actor) -> list[tuple[str, str]]:
        result = [("authorization", f"Bearer {self.client(actor.client)}")]
        if actor.person:
            result.append(("stafett-attestation", self.attestation(actor)))
        return result

    def client(self, client_id: str) -> str:
        client = self._known.client(client_id)
        return self._once("client", client_id, lambda: self._tokens.client(client))

    def attestation(self, actor: Actor) -> str:
        if actor.guardian:
            return self._once("guardian", actor.person, lambda: self._tokens.guardian(actor.person))
        person = self._known.person(actor.person)
        return self._once("person", actor.person, lambda: self._tokens.person(person))

    def _once(self, kind: str, name: str, ask: Callable[[], str]) -> str:
        until, token = self._kept.get((kind, name), (0.0, ""))
        if time.monotonic() >= until:
            token = ask()
            self._kept[kind, name] = (time.monotonic() + self.KEEP_SECONDS, token)
        return token


class Caller:
    """addresses: host:port of every copy, by service."""

    def __init__(self, addresses: Mapping[str, Sequence[str]], *, patience: float = 15.0) -> None:
        self.patience = patience
        self.idle: Callable[[], None] = lambda: None  # runs before each repetition
        self._channels = {
            service: [_channel(address) for address in copies]
            for service, copies in addresses.items()
        }
        self._turn = dict.fromkeys(self._channels, 0)

    def close(self) -> None:
        for channels in self._channels.values():
            for channel in channels:
                channel.close()

    def call(
        self,
        rpc: Rpc,
        request: Message,
        metadata: Sequence[tuple[str, str]] = (),
        *,
        final: Sequence[str] = (),
        timeout: float = CALL_SECONDS,
    ) -> Answer:
        """Sent again while its outcome is unknown. Codes in `final` are taken as the answer."""
        deadline = time.monotonic() + self.patience
        calls = 0
        while True:
            calls += 1
            try:
                return Answer(self._send(rpc, request, metadata, timeout), calls=calls)
            except Refused as refused:
                refusal = refused.refusal
            over = time.monotonic() >= deadline
            if refusal.code not in UNKNOWN_OUTCOME or refusal.code in final or over:
                return Answer(refusal=refusal, calls=calls)
            self.idle()
            time.sleep(PAUSE_SECONDS)

    def _send(
        self, rpc: Rpc, request: Message, metadata: Sequence[tuple[str, str]], timeout: float
    ) -> Message:
        """Once. Refused: what was said, or UNAVAILABLE when nobody answered."""
        unary = self._next_channel(rpc).unary_unary(rpc.path, **_coding(rpc))
        try:
            return unary(request, metadata=metadata, timeout=timeout)
        except grpc.RpcError as error:
            raise Refused(refusal_of(error)) from error

    def stream(
        self, rpc: Rpc, request: Message, metadata: Sequence[tuple[str, str]] = (), *, timeout: float | None = None
    ) -> Iterator[Message]:
        """What a call says that goes on, as it comes. Once; Refused when a refusal ends it."""
        answers = self._next_channel(rpc).unary_stream(rpc.path, **_coding(rpc))(
            request, metadata=metadata, timeout=timeout
        )
        try:
            yield from answers
        except grpc.RpcError as error:
            raise Refused(refusal_of(error)) from error
        finally:
            answers.cancel()

    def _next_channel(self, rpc: Rpc) -> grpc.Channel:
        channels = self._channels[rpc.service]
        self._turn[rpc.service] += 1
        return channels[(self._turn[rpc.service] - 1) % len(channels)]


def _coding(rpc: Rpc) -> dict[str, Callable]:
    return {
        "request_serializer": lambda message: message.SerializeToString(),
        "response_deserializer": message_class(rpc.response).FromString,
    }


def _channel(address: str) -> grpc.Channel:
    return grpc.insecure_channel(
        address,
        options=[
            # A service that was killed comes back within seconds.
            ("grpc.initial_reconnect_backoff_ms", 50),
            ("grpc.max_reconnect_backoff_ms", 500),
            # In spite of its name: how long one attempt may take.
            ("grpc.min_reconnect_backoff_ms", 5000),
            # Copies are told apart by their address; a shared connection pool would hide that.
            ("grpc.use_local_subchannel_pool", 1),
        ],
    )
