"""The calls of a story as REST through the edge: what a record system without gRPC does.

A Caller like the other one, with the same answers and the same refusals.
"""

from __future__ import annotations

import http.client
import json
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from google.protobuf import json_format
from google.protobuf.message import Message
from google.rpc import code_pb2, status_pb2

from stafett_edge.rules import Rule, public
from stafett_story.api import Api, Rpc, message_class
from stafett_story.calls import Caller, Refusal, Refused, as_values, refusal_with


@dataclass(frozen=True)
class Reply:
    """One HTTP answer, as it came."""

    status: int
    headers: Mapping[str, str]  # names in lower case
    body: bytes

    @property
    def json(self) -> dict:
        return json.loads(self.body)


class RestCaller(Caller):
    """address: host:port of the edge."""

    def __init__(self, address: str, api: Api, *, patience: float = 15.0) -> None:
        super().__init__({}, patience=patience)
        self.rules = public(api)
        self.address = address
        self.told: Callable[[Rule, Mapping[str, object], Reply], None] = lambda *_: None  # of every answer
        self._of_thread = threading.local()  # a connection is one thread's
        self._connections: list[http.client.HTTPConnection] = []

    def close(self) -> None:
        for connection in self._connections:
            connection.close()

    def _send(
        self, rpc: Rpc, request: Message, metadata: Sequence[tuple[str, str]], timeout: float
    ) -> Message:
        rule = self.rules.get(rpc.name)
        if rule is None:
            raise LookupError(f"{rpc.name} is no public call")
        body = body_of(rule, request)
        sent = json.dumps(body).encode() if rule.has_body else b""
        reply = self.exchange(rule.verb, rule.target(as_values(request)), sent, metadata, timeout=timeout)
        self.told(rule, body, reply)
        if reply.status != 200:
            raise Refused(refusal_of(reply))
        return json_format.Parse(reply.body, message_class(rpc.response)())

    def exchange(
        self, verb: str, target: str, body: bytes = b"", headers: Sequence[tuple[str, str]] = (), *,
        timeout: float = 10.0,
    ) -> Reply:  # fmt: skip
        """Once, whatever it is. Refused with UNAVAILABLE when nobody answered."""
        connection = self._connection()
        connection.timeout = timeout
        try:
            connection.putrequest(verb, target)
            for name, value in (("content-type", "application/json"), *headers):
                connection.putheader(name, value)
            if body or verb == "POST":
                connection.putheader("content-length", str(len(body)))
            connection.endheaders(body or None)
            answer = connection.getresponse()
            names = {name.lower(): value for name, value in answer.getheaders()}
            return Reply(answer.status, names, answer.read())
        except (OSError, http.client.HTTPException) as error:
            connection.close()
            raise Refused(Refusal("UNAVAILABLE", message=f"the edge did not answer: {error}")) from error

    def _connection(self) -> http.client.HTTPConnection:
        if not hasattr(self._of_thread, "connection"):
            self._of_thread.connection = http.client.HTTPConnection(self.address)
            self._connections.append(self._of_thread.connection)
        return self._of_thread.connection


def body_of(rule: Rule, request: Message) -> dict[str, object]:
    """What does not stand in the path."""
    values = json_format.MessageToDict(request)
    return {field.json_name: values[field.json_name] for field in rule.in_body if field.json_name in values}


def refusal_of(reply: Reply) -> Refusal:
    """What the edge or a service said: google.rpc.Status as JSON, in every case."""
    try:
        status = json_format.Parse(reply.body, status_pb2.Status())
        code = code_pb2.Code.Name(status.code)
    except (json_format.ParseError, ValueError):
        return Refusal("INTERNAL", message=f"HTTP {reply.status} without a google.rpc.Status: {reply.body[:200]!r}")
    return refusal_with(code, status.message, status.details)
