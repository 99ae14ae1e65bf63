"""Log, ledger and recipients' topics as plain values: read as the broker's admin, opened with the stack's own keys.

Nothing here is shared with the services but proto/ and the written format (services/lib/seal/box.cc).
"""

from __future__ import annotations

import ctypes
import ctypes.util
import hashlib
import importlib
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from confluent_kafka import Consumer, KafkaException, TopicPartition
from google.protobuf import json_format

from stafett_faults.history import Entry, Signal
from stafett_stack.kafka import Kafka
from stafett_stack.procs import StackError, wait_until
from stafett_stack.rights import topic_of
from stafett_story import api as api_

LOG, LEDGER, KEYS = "stafett.log", "stafett.ledger", "stafett.keys"
READ_SECONDS = 120.0


class Topics:
    """Reads whole topics. Each call is a reading from the beginning, up to the end as it is then."""

    def __init__(self, kafka: Kafka) -> None:
        self._kafka = kafka

    def read(self, topic: str, partitions: int) -> list:
        reader, asker = self._kafka.reader(), self._kafka.reader()
        try:
            ends = {p: end_of(asker, topic, p) for p in range(partitions)}
            reader.assign([TopicPartition(topic, p, 0) for p in ends])
            next_ = dict.fromkeys(ends, 0)
            found = []

            def all_read() -> bool:
                for message in reader.consume(1000, timeout=0.2):
                    if message.error() is None:
                        next_[message.partition()] = message.offset() + 1
                        found.append(message)
                places = {p.partition: p.offset for p in reader.position([TopicPartition(topic, p) for p in ends])}
                return all(max(next_[p], places[p]) >= end for p, end in ends.items())

            wait_until(all_read, f"{topic} could not be read to its end", READ_SECONDS)
            return sorted(found, key=lambda message: (message.partition(), message.offset()))
        finally:
            reader.close()
            asker.close()


def end_of(asker: Consumer, topic: str, partition: int) -> int:
    def ask() -> tuple[int, int] | None:
        try:
            return asker.get_watermark_offsets(TopicPartition(topic, partition), timeout=5.0)
        except KafkaException:
            return None

    return wait_until(ask, f"Kafka does not say where {topic} ends", READ_SECONDS)[1]


class Vault:
    """Opens what is sealed with a child's key: key-encryption key of the stack, wrapped keys of stafett.keys."""

    def __init__(self, kek: bytes, wrapped: Sequence[Any]) -> None:
        self._keys: dict[str, bytes] = {}  # by key id
        for one in wrapped:  # stafett.common.v1.WrappedKey
            bound = f"stafett.wrap1|{len(one.key_id)}:{one.key_id}{len(one.child)}:{one.child}".encode()
            nonce, box = one.wrapped[1:25], one.wrapped[25:]
            self._keys[one.key_id] = _decrypt(kek, nonce, box, bound)

    def open(self, record: Any) -> bytes:
        sealed = record.sealed
        bound = f"{record.stream}\n{record.version}\n{record.type}".encode()
        return _decrypt(self._keys[sealed.key_id], sealed.nonce, sealed.ciphertext, bound)


def _decrypt(key: bytes, nonce: bytes, box: bytes, bound: bytes) -> bytes:
    out = ctypes.create_string_buffer(max(1, len(box) - 16))
    written = ctypes.c_ulonglong()
    code = _sodium().crypto_aead_xchacha20poly1305_ietf_decrypt(
        out,
        ctypes.byref(written),
        None,
        box,
        ctypes.c_ulonglong(len(box)),
        bound,
        ctypes.c_ulonglong(len(bound)),
        nonce,
        key,
    )
    if code != 0:
        raise StackError("a sealed record does not open with its child's key")
    return out.raw[: written.value]


@cache
def _sodium() -> ctypes.CDLL:
    name = ctypes.util.find_library("sodium")
    if name is None:
        raise StackError("libsodium is not there; run tools/setup")
    library = ctypes.CDLL(name)
    if library.sodium_init() < 0:
        raise StackError("libsodium cannot start")
    return library


@cache
def _messages() -> tuple[Any, Mapping[str, type], Any, Any]:
    """(record_pb2, event type -> message class, signal_pb2, ledger_events_pb2)"""
    api_.load()
    options = importlib.import_module("stafett.common.v1.options_pb2")
    events: dict[str, type] = {}
    for module in (
        "cases.v1.case_events",
        "consent.v1.consent_events",
        "disclosure.v1.ledger_events",
        "escalation.v1.escalation_events",
        "notifications.v1.notification_events",
    ):
        for descriptor in importlib.import_module(f"stafett.{module}_pb2").DESCRIPTOR.message_types_by_name.values():
            if name := descriptor.GetOptions().Extensions[options.event_type]:
                events[name] = api_.message_class(descriptor)
    return (
        importlib.import_module("stafett.common.v1.record_pb2"),
        events,
        importlib.import_module("stafett.disclosure.v1.signal_pb2"),
        importlib.import_module("stafett.disclosure.v1.ledger_events_pb2"),
    )


def vault(kafka: Kafka, partitions: int) -> Vault:
    record_pb2 = _messages()[0]
    messages = Topics(kafka).read(KEYS, partitions)
    wrapped = [record_pb2.WrappedKey.FromString(m.value()) for m in messages if m.value()]
    return Vault(bytes.fromhex(kafka.secrets.value("kek")), wrapped)


Place = tuple[str, int, int]  # (topic, partition, offset)


def entries(kafka: Kafka, topic: str, partitions: int, opener: Vault) -> tuple[list[Entry], list[Place]]:
    """(records, places of messages that are none)"""
    found, unreadable = [], []
    for message in Topics(kafka).read(topic, partitions):
        place = (topic, message.partition(), message.offset())
        one = entry(place, message.timestamp()[1], message.value() or b"", opener)
        if one is None:
            unreadable.append(place)
        else:
            found.append(one)
    return found, unreadable


def is_record(value: bytes) -> bool:
    return _parsed(value) is not None


def entry(place: Place, appended_ms: int, value: bytes, opener: Vault) -> Entry | None:
    """None: it is no record."""
    record = _parsed(value)
    if record is None:
        return None
    cls = _messages()[1].get(record.type)
    body = opener.open(record) if record.HasField("sealed") else record.clear
    return Entry(
        *place,
        appended_ms,
        record.event_id,
        record.type,
        record.child,
        record.stream,
        record.version,
        hashlib.sha256(value).hexdigest(),
        request_id=record.request_id,
        cause=record.cause,
        organisation=record.actor.organisation,
        subject=record.subject,
        recorded_ms=record.recorded_ms,
        awaited=tuple(
            json_format.MessageToDict(w, preserving_proto_field_name=True, always_print_fields_with_no_presence=True)
            for w in record.awaited
        ),
        event=cls.FromString(body) if cls else None,
    )


def _parsed(value: bytes) -> Any:
    try:
        record = _messages()[0].Record.FromString(value)
    except Exception:  # noqa: BLE001 - whatever it is, it is no record
        return None
    return record if record.stream and record.version else None


def signals(kafka: Kafka, recipient: str) -> tuple[list[Signal], list[Place]]:
    """All that was ever appended to the recipient's topic, repeats too; and the places of messages that are none."""
    _, _, signal_pb2, ledger = _messages()
    found, unreadable = [], []
    for message in Topics(kafka).read(topic_of(recipient), 1):
        if not message.value():
            continue  # a probe
        try:
            s = signal_pb2.Signal.FromString(message.value())
        except Exception:  # noqa: BLE001 - whatever it is, it is no signal
            unreadable.append((message.topic(), message.partition(), message.offset()))
            continue
        digest = hashlib.sha256(message.value()).hexdigest()
        found.append(
            Signal(
                recipient,
                message.offset(),
                message.timestamp()[1],
                s.delivery_id,
                s.case_ref,
                ledger.DeliveryKind.Name(s.kind),
                s.epoch,
                s.sequence,
                digest,
            )
        )
    return found, unreadable
