"""All that one caller can observe, written down so that two runs can be compared line by line.

    eyes = Eyes(direct, MACHINES[PPT])
    eyes.ask("cases.GetCase", name=case)          # the answer or the refusal, its size, what gRPC says beside it
    eyes.pages("disclosure.ListDeliveries", ...)  # page by page, with the tokens
    eyes.stream("disclosure.WatchDeliveries", 3)  # the first three messages
    eyes.lines                                    # the whole observation

What differs by its nature is named by the order in which this caller first met it: random ids and digests, each with its
length. Moments are left out, and how far a command has come to Kafka, which is the broker's haste. Nothing else: numbers,
tokens, cursors, versions, orders and sizes stand as they came.
"""

from __future__ import annotations

import json
import os
import re
import time
from collections.abc import Sequence
from dataclasses import dataclass

import grpc
from direct import Direct

from stafett_stack.procs import StackError
from stafett_story.api import message_class
from stafett_story.calls import PAUSE_SECONDS, UNKNOWN_OUTCOME, as_values, build, refusal_of
from stafett_story.load import Actor

SECONDS = 30.0
AROUND = 120  # characters of a difference that are shown
# services/lib/base/id.h: a prefix and 26 digits, of random bytes or of a keyed block.
OPAQUE = re.compile(
    r"\b(?P<id>[a-z]{1,3}-[0-9a-hjkmnp-tv-z]{26})\b"
    r"|\b(?P<digest>[0-9a-f]{64})\b"
    r"|\b(?P<request>[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})\b"
    r"|\b(?P<moment>\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ)\b"
)
MOMENTS = {"recorded_ms", "happened_ms", "decided_at_ms", "decided_ms", "made_ms", "since_ms", "untouched_since_ms",
           "queued_ms", "due_ms", "ended_ms", "admitted_ms"}  # fmt: skip
SIGNED = {"jws", "key"}  # what it says stands beside it


class Names:
    """One per caller and run: the first delivery that it meets is d#1, in both runs."""

    def __init__(self) -> None:
        self._known: dict[str, str] = {}
        self._count: dict[str, int] = {}

    def text(self, text: str) -> str:
        return OPAQUE.sub(self._name, text)

    def _name(self, found: re.Match) -> str:
        if found["moment"]:
            return "<moment>"
        word = found[0]
        if word not in self._known:
            kind = word.partition("-")[0] if found["id"] else found.lastgroup
            self._count[kind] = self._count.get(kind, 0) + 1
            self._known[word] = f"<{kind}#{self._count[kind]} of {len(word)}>"
        return self._known[word]

    def value(self, value: object, field: str = "") -> object:
        if isinstance(value, dict):
            if field == "receipt":  # PUBLISHED or STORED
                value = {key: inner for key, inner in value.items() if key != "state"}
            return {key: self.value(inner, key) for key, inner in value.items()}
        if isinstance(value, list | tuple):
            return [self.value(inner, field) for inner in value]
        if field in MOMENTS and value not in (0, "0", ""):
            return f"<moment of {len(str(value))}>"
        if field in SIGNED and value:
            return f"<{field} of {len(str(value))}>"
        return self.text(value) if isinstance(value, str) else value


@dataclass(frozen=True)
class Seen:
    """One answer as it came over the wire."""

    code: str
    values: dict  # of an answer
    bytes: int
    message: str  # of a refusal
    refusal: dict
    beside: tuple  # metadata before and behind: names, and lengths of values

    def described(self, names: Names) -> str:
        return json.dumps(
            {
                "code": self.code,
                "values": names.value(self.values),
                "bytes": self.bytes,
                "message": names.text(self.message),
                "refusal": names.value(self.refusal),
                "beside": self.beside,
            },
            ensure_ascii=False,
            sort_keys=True,
        )


class Wire:
    """Calls at the first copy of each service, bytes and metadata as they come."""

    def __init__(self, direct: Direct) -> None:
        self.direct = direct
        self._channels: dict[str, grpc.Channel] = {}

    def close(self) -> None:
        for channel in self._channels.values():
            channel.close()

    def send(self, call: str, who: Actor, **values: object) -> Seen:
        """Once more while the service is busy: that is told to everybody alike."""
        deadline = time.monotonic() + SECONDS
        while True:
            seen = self.once(call, who, **values)
            if seen.code not in UNKNOWN_OUTCOME or time.monotonic() >= deadline:
                return seen
            time.sleep(PAUSE_SECONDS)

    def once(self, call: str, who: Actor, **values: object) -> Seen:
        rpc = self.direct.api.rpcs[call]
        unary = self._channel(rpc.service).unary_unary(
            rpc.path, request_serializer=lambda message: message.SerializeToString(), response_deserializer=bytes
        )
        credentials = self.direct.credentials.metadata(who)
        try:
            raw, state = unary.with_call(build(rpc, values), metadata=credentials, timeout=10.0)
        except grpc.RpcError as error:
            return _refused(error)
        answer = as_values(message_class(rpc.response).FromString(raw))
        return Seen("OK", answer, len(raw), "", {}, _beside(state))

    def stream(self, call: str, who: Actor, count: int, **values: object) -> tuple[list[tuple[dict, int]], Seen | None]:
        """The first `count` messages with their sizes; or fewer, and how it ended."""
        rpc = self.direct.api.rpcs[call]
        messages = self._channel(rpc.service).unary_stream(
            rpc.path, request_serializer=lambda message: message.SerializeToString(), response_deserializer=bytes
        )(build(rpc, values), metadata=self.direct.credentials.metadata(who), timeout=SECONDS)
        said: list[tuple[dict, int]] = []
        try:
            while len(said) < count:
                raw = next(messages)
                said.append((as_values(message_class(rpc.response).FromString(raw)), len(raw)))
        except StopIteration:
            raise StackError(f"{call} ended by itself") from None
        except grpc.RpcError as error:
            return said, _refused(error)
        finally:
            messages.cancel()
        return said, None

    def _channel(self, service: str) -> grpc.Channel:
        if service not in self._channels:
            address = self.direct.stack.of(service)[0].address
            self._channels[service] = grpc.insecure_channel(
                address,
                options=[("grpc.use_local_subchannel_pool", 1), ("grpc.initial_reconnect_backoff_ms", 50),
                         ("grpc.min_reconnect_backoff_ms", 5000), ("grpc.max_reconnect_backoff_ms", 500)],
            )  # fmt: skip
        return self._channels[service]


def _refused(error: grpc.RpcError) -> Seen:
    refusal = refusal_of(error)
    details = {"reason": refusal.reason, "fields": list(refusal.fields), "metadata": dict(refusal.metadata)}
    return Seen(error.code().name, {}, 0, error.details() or "", details, _beside(error))


def _beside(state: grpc.Call) -> tuple:
    return tuple(
        (where, key, len(value))
        for where, metadata in (("before", state.initial_metadata()), ("behind", state.trailing_metadata()))
        for key, value in sorted(metadata or ())
    )


class Eyes:
    """What one caller observes in one run, in the order in which it looks."""

    def __init__(self, wire: Wire, who: Actor) -> None:
        self.wire = wire
        self.who = who
        self.lines: list[str] = []
        self.names = Names()

    def anew(self) -> None:
        """Ids from here on are named afresh: two lists whose orders are random, and unknown to each other."""
        self.names = Names()

    def note(self, what: str, thing: object) -> None:
        self.lines.append(f"{what}: {json.dumps(self.names.value(thing), ensure_ascii=False, sort_keys=True)}")

    def ask(self, call: str, **values: object) -> Seen:
        seen = self.wire.send(call, self.who, **values)
        asked = self.names.value({key: value for key, value in values.items() if key != "request_id"})
        asked = json.dumps(asked, ensure_ascii=False, sort_keys=True)
        self.lines.append(f"{self.who.alias}: {call} {asked} → {seen.described(self.names)}")
        return seen

    def pages(self, call: str, items: str, size: int, *, token: str = "page_token", following: str = "next_page_token",
              **values: object) -> list[dict]:  # fmt: skip
        """Page by page to the end."""
        found: list[dict] = []
        at = ""
        while True:
            seen = self.ask(call, **{**values, "page_size": size, token: at})
            if seen.code != "OK":
                return found
            found += seen.values[items]
            at = seen.values[following]
            if not at:
                return found

    def stream(self, call: str, count: int, **values: object) -> list[dict]:
        said, refused = self.wire.stream(call, self.who, count, **values)
        for message, size in said:
            self.note(f"{self.who.alias}: {call} says {size} bytes", message)
        if refused is not None:
            self.lines.append(f"{self.who.alias}: {call} ends → {refused.described(self.names)}")
        return [message for message, _ in said]


def differences(without: Sequence[str], with_: Sequence[str]) -> list[str]:
    """Where two observations part, and what stands around it. Empty: nobody can tell them apart."""
    out = []
    for place in range(max(len(without), len(with_))):
        one = without[place] if place < len(without) else "(nothing)"
        other = with_[place] if place < len(with_) else "(nothing)"
        if one != other:
            at = len(os.path.commonprefix([one, other]))
            part = slice(max(at - AROUND, 0), at + AROUND)
            out.append(f"{place}. {one[:60]}…\n   without: …{one[part]}…\n   with:    …{other[part]}…")
    return out
