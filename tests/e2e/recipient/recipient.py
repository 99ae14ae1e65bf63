#!/usr/bin/env python3
"""A recipient of Stafett: what a record system of a school, a health station, a PPT has to do.

It knows proto/ and nothing else of Stafett. Copy it. README.md says what each step is for.

  signal from its own topic → remembered → Fetch → digest checked → stored → ConfirmStored

Nothing is ever "received" before it is in the store, and no signal is lost: the Kafka offset is
committed after the signal is on the disk, and everything unfinished is taken up again at start.

Commands on standard input, one per line:
  open DELIVERY_ID ATTESTATION    a person has opened it (ConfirmOpened)
  fetch DELIVERY_ID               Fetch once more, and say what came
  quit                            (or end of input)
"""

from __future__ import annotations

import argparse
import hashlib
import json
import queue
import signal
import sqlite3
import sys
import threading
import time
import urllib.parse
import urllib.request
import uuid
from pathlib import Path

# --- the arguments come first: the generated classes are where --stubs says -------------------


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--id", required=True, help="recipient id: r-…")
    parser.add_argument("--bootstrap", required=True, help="Kafka: host:port")
    parser.add_argument("--kafka-user", required=True)
    parser.add_argument("--password-file", required=True, type=Path, help="of the Kafka user")
    parser.add_argument("--disclosure", required=True, help="gRPC target, such as host:port or ipv4:a:1,b:2")
    parser.add_argument("--token-url", required=True)
    parser.add_argument("--client-id", required=True, help="of the machine that fetches and confirms")
    parser.add_argument("--client-secret-file", type=Path)
    parser.add_argument("--scope", default="stafett:disclosure")
    parser.add_argument("--out", required=True, type=Path, help="one JSON line per thing seen")
    parser.add_argument("--store", required=True, type=Path, help="SQLite file: the record system")
    parser.add_argument("--stubs", type=Path, default=Path(".local/gen"),
                        help="classes generated from proto/ (README.md has the command)")  # fmt: skip
    return parser.parse_args()


ARGUMENTS = arguments()
sys.path.insert(0, str(ARGUMENTS.stubs))

import grpc  # noqa: E402
from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition  # noqa: E402
from google.protobuf import descriptor_pool, json_format, message_factory  # noqa: E402
from google.rpc import error_details_pb2, status_pb2  # noqa: E402
from stafett.cases.v1 import case_events_pb2  # noqa: E402, F401 - its messages travel in Any
from stafett.common.v1 import options_pb2  # noqa: E402
from stafett.disclosure.v1 import (  # noqa: E402
    disclosure_service_pb2 as api,
    disclosure_service_pb2_grpc as api_grpc,
    ledger_events_pb2 as kinds,
    signal_pb2,
)

CALL_SECONDS = 5.0
NOTHING = hashlib.sha256(b"").hexdigest()  # digest of what has no content: a retraction
FIRST_PAUSE, LONGEST_PAUSE = 0.05, 2.0
# Nobody said no: ask again, for as long as it takes.
TRY_AGAIN = {
    grpc.StatusCode.UNAVAILABLE,
    grpc.StatusCode.DEADLINE_EXCEEDED,
    grpc.StatusCode.RESOURCE_EXHAUSTED,
    grpc.StatusCode.ABORTED,
    grpc.StatusCode.INTERNAL,
    grpc.StatusCode.UNKNOWN,
}


class Out:
    """One JSON line per thing seen; whoever reads it never sees half a line."""

    def __init__(self, file: Path) -> None:
        self._file = open(file, "a", encoding="utf-8")  # noqa: SIM115 - as long as the program

    def say(self, seen: str, **values: object) -> None:
        line = json.dumps({"seen": seen, **values}, ensure_ascii=False, sort_keys=False)
        self._file.write(line + "\n")
        self._file.flush()


class Store:
    """The record system. A delivery is in one of the states below; the first two are unfinished."""

    SIGNALLED, KEPT, STORED, REFUSED = range(4)

    def __init__(self, file: Path) -> None:
        self._db = sqlite3.connect(file, isolation_level=None)
        self._db.row_factory = sqlite3.Row
        self._db.execute("pragma journal_mode = wal")
        self._db.execute("pragma synchronous = full")
        self._db.executescript(
            """
            create table if not exists deliveries (
              delivery_id text primary key, case_ref text not null, kind text not null,
              epoch integer not null, sequence integer not null, state integer not null,
              record_ref text, digest text, type_url text, content blob, retracted integer default 0);
            create table if not exists cases (
              case_ref text primary key, epoch integer not null, sequence integer not null);
            """
        )

    def remember(self, signal_: signal_pb2.Signal, kind: str) -> tuple[bool, str]:
        """(is new, what is wrong with its place in the row). In one transaction."""
        with self._transaction():
            known = self._db.execute(
                "select 1 from deliveries where delivery_id = ?", (signal_.delivery_id,)
            ).fetchone()
            if known:
                return False, ""
            wrong = self._place(signal_)
            self._db.execute(
                "insert into deliveries (delivery_id, case_ref, kind, epoch, sequence, state)"
                " values (?, ?, ?, ?, ?, ?)",
                (signal_.delivery_id, signal_.case_ref, kind, signal_.epoch, signal_.sequence,
                 self.SIGNALLED),
            )  # fmt: skip
            if kind == "RETRACTION":
                # What came before may no longer be used. What the law lets us keep is the record
                # system's matter; this one marks it. There is nothing to fetch, so it is kept now.
                self._db.execute(
                    "update deliveries set retracted = 1 where case_ref = ? and epoch < ?",
                    (signal_.case_ref, signal_.epoch),
                )
                self._db.execute(
                    "update deliveries set state = ?, record_ref = ?, digest = ? where delivery_id = ?",
                    (self.KEPT, _new_record_ref(), NOTHING, signal_.delivery_id),
                )
            return True, wrong

    def _place(self, signal_: signal_pb2.Signal) -> str:
        """Sequences of one case are 1, 2, 3… over all its epochs. An epoch begins when something was
        taken back, and never falls. Anything else: a signal is missing, or came twice as two."""
        last = self._db.execute(
            "select epoch, sequence from cases where case_ref = ?", (signal_.case_ref,)
        ).fetchone()
        self._db.execute(
            "insert into cases values (?, ?, ?) on conflict (case_ref) do update"
            " set epoch = excluded.epoch, sequence = excluded.sequence",
            (signal_.case_ref, signal_.epoch, signal_.sequence),
        )
        if last is not None and signal_.epoch < last["epoch"]:
            return f"epoch {signal_.epoch} after epoch {last['epoch']}"
        due = last["sequence"] + 1 if last else 1
        return "" if signal_.sequence == due else f"sequence {signal_.sequence} where {due} was due"

    def unfinished(self) -> list[sqlite3.Row]:
        """In the order in which they came."""
        return self._db.execute(
            "select * from deliveries where state in (?, ?) order by rowid", (self.SIGNALLED, self.KEPT)
        ).fetchall()

    def keep(self, answer: api.FetchResponse) -> str:
        """The content, before anybody is told that we have it. Gives our own record's id."""
        record_ref = _new_record_ref()
        self._db.execute(
            "update deliveries set state = ?, record_ref = ?, digest = ?, type_url = ?, content = ?"
            " where delivery_id = ?",
            (self.KEPT, record_ref, answer.digest, answer.content.type_url, answer.content.value,
             answer.delivery_id),
        )  # fmt: skip
        return record_ref

    def set_state(self, delivery_id: str, state: int) -> None:
        self._db.execute(
            "update deliveries set state = ? where delivery_id = ?", (state, delivery_id)
        )

    def _transaction(self) -> _Transaction:
        return _Transaction(self._db)


def _new_record_ref() -> str:
    return f"rec-{uuid.uuid4()}"


class _Transaction:
    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db

    def __enter__(self) -> None:
        self._db.execute("begin immediate")

    def __exit__(self, kind: object, *_: object) -> None:
        self._db.execute("rollback" if kind else "commit")


class Refused(Exception):
    def __init__(self, code: str, reason: str) -> None:
        super().__init__(f"{code}/{reason}")
        self.code, self.reason = code, reason


class TryLater(Exception):
    pass


class Disclosure:
    """The only door to content. Every call either answers, or is refused, or is to be tried later."""

    def __init__(self, target: str, token_url: str, client_id: str, secret: str, scope: str) -> None:
        options = [
            ("grpc.service_config", json.dumps({"loadBalancingConfig": [{"round_robin": {}}]})),
            ("grpc.initial_reconnect_backoff_ms", 100),
            ("grpc.max_reconnect_backoff_ms", 2000),
        ]
        self._stub = api_grpc.DisclosureStub(grpc.insecure_channel(target, options=options))
        self._token_url = token_url
        self._form = {"grant_type": "client_credentials", "client_id": client_id,
                      "client_secret": secret, "scope": scope}  # fmt: skip
        self._token, self._token_at, self._token_until = "", 0.0, 0.0

    def fetch(self, delivery_id: str) -> api.FetchResponse:
        return self._call(self._stub.Fetch, api.FetchRequest(delivery_id=delivery_id))

    def confirm_stored(self, delivery_id: str, record_ref: str, digest: str) -> None:
        self._call(
            self._stub.ConfirmStored,
            api.ConfirmStoredRequest(delivery_id=delivery_id, record_ref=record_ref, digest=digest),
        )

    def confirm_opened(self, delivery_id: str, attestation: str) -> None:
        request = api.ConfirmOpenedRequest(delivery_id=delivery_id)
        self._call(self._stub.ConfirmOpened, request, ("stafett-attestation", attestation))

    def _call(self, method, request, *more: tuple[str, str]):
        try:
            metadata = [("authorization", f"Bearer {self._bearer()}"), *more]
            return method(request, metadata=metadata, timeout=CALL_SECONDS)
        except grpc.RpcError as error:
            code = error.code()
            # A token is refused when it has run out or the issuer has a new key. With a new one we
            # ask again; but somebody else's attestation is no better the second time.
            attested = bool(more) and time.monotonic() - self._token_at < CALL_SECONDS
            if code is grpc.StatusCode.UNAUTHENTICATED and not attested:
                self._token = ""
                raise TryLater(code.name) from error
            if code in TRY_AGAIN:
                raise TryLater(code.name) from error
            raise Refused(code.name, _reason(error)) from error

    def _bearer(self) -> str:
        if not self._token or time.monotonic() > self._token_until:
            try:
                data = urllib.parse.urlencode(self._form).encode()
                with urllib.request.urlopen(self._token_url, data, timeout=CALL_SECONDS) as response:
                    answer = json.load(response)
            except (OSError, ValueError) as error:
                raise TryLater(f"token: {type(error).__name__}") from error
            self._token, self._token_at = answer["access_token"], time.monotonic()
            # Half its life: never sent at its last second.
            self._token_until = self._token_at + float(answer.get("expires_in", 120)) / 2
        return self._token


def _reason(error: grpc.RpcError) -> str:
    """ErrorInfo.reason: stable, for programs. The message is for people."""
    for key, value in error.trailing_metadata() or ():
        if key == "grpc-status-details-bin":
            for detail in status_pb2.Status.FromString(value).details:
                info = error_details_pb2.ErrorInfo()
                if detail.Unpack(info):
                    return info.reason
    return ""


class Recipient:
    def __init__(self, options: argparse.Namespace) -> None:
        self.topic = f"stafett.to.{options.id}"
        self.out = Out(options.out)
        self.store = Store(options.store)
        secret = options.client_secret_file
        self.disclosure = Disclosure(
            options.disclosure, options.token_url, options.client_id,
            secret.read_text().strip() if secret else "unchecked", options.scope,
        )  # fmt: skip
        self.consumer = Consumer(
            {
                "bootstrap.servers": options.bootstrap,
                "security.protocol": "SASL_PLAINTEXT",
                "sasl.mechanism": "SCRAM-SHA-256",
                "sasl.username": options.kafka_user,
                "sasl.password": options.password_file.read_text().strip(),
                "group.id": options.id,  # the broker lets us use this one only
                "auto.offset.reset": "earliest",
                "enable.auto.commit": False,
                "on_commit": self._committed,
                "enable.partition.eof": True,
                # A copy that was killed is missed after 6 s, not 45, and the next one may read.
                "session.timeout.ms": 6000,
                "heartbeat.interval.ms": 2000,
                "reconnect.backoff.max.ms": 1000,
            }
        )
        self.commands: queue.Queue[list[str]] = queue.Queue()
        self.stopping = threading.Event()
        self._pause, self._not_before = FIRST_PAUSE, 0.0

    def run(self) -> None:
        threading.Thread(target=self._read_commands, daemon=True).start()
        self.consumer.subscribe([self.topic])
        try:
            while not self.stopping.is_set():
                self._take(self.consumer.poll(0.02))
                self._work()
                self._obey()
        finally:
            self.consumer.close()

    # --- signals -------------------------------------------------------------------------------

    def _take(self, message) -> None:
        if message is None:
            return
        error = message.error()
        if error is not None:
            if error.code() == KafkaError._PARTITION_EOF:
                self.out.say("end", offset=message.offset())
            else:  # a broker that is away comes back; librdkafka goes on by itself
                self.out.say("trouble", what=f"Kafka: {error.name()}")
            return
        if message.value():  # an empty one is a probe: may our topic be written to?
            self._signal(message)
        # Its answer is not waited for: a broker that froze and lost its lease has none, and whoever does not poll
        # meanwhile hears of no other. What was not committed comes again, and is known.
        try:
            place = TopicPartition(message.topic(), message.partition(), message.offset() + 1)
            self.consumer.commit(offsets=[place], asynchronous=True)
        except KafkaException as problem:
            self._committed(problem.args[0], [])

    def _committed(self, error, _places) -> None:
        if error is not None:
            self.out.say("trouble", what=f"Kafka: {error.name()}")

    def _signal(self, message) -> None:
        signal_ = signal_pb2.Signal()
        try:
            signal_.ParseFromString(message.value())
        except Exception:  # noqa: BLE001 - one bad message must not stop the others
            self.out.say("problem", what="a signal that cannot be read", offset=message.offset())
            return
        if not signal_.delivery_id:
            return
        kind = kinds.DeliveryKind.Name(signal_.kind)
        is_new, wrong = self.store.remember(signal_, kind)
        headers = {key: (value or b"").decode(errors="replace") for key, value in message.headers() or ()}
        self.out.say(
            "signal" if is_new else "repeat",
            delivery_id=signal_.delivery_id,
            case_ref=signal_.case_ref,
            kind=kind,
            type_class=signal_.type_class,
            ground=signal_.ground,
            epoch=signal_.epoch,
            sequence=signal_.sequence,
            offset=message.offset(),
            size=len(message.value()),
            headers=headers,
        )
        if wrong:
            self.out.say("problem", delivery_id=signal_.delivery_id, what=wrong)
        if is_new and kind == "RETRACTION":
            self.out.say("retraction", delivery_id=signal_.delivery_id, case_ref=signal_.case_ref)

    # --- content -------------------------------------------------------------------------------

    def _work(self) -> None:
        """Everything unfinished, in order; at the first that must wait, all wait."""
        if time.monotonic() < self._not_before:
            return
        try:
            for row in self.store.unfinished():
                self._bring_home(row)
            self._pause = FIRST_PAUSE
        except TryLater as problem:
            self.out.say("trouble", what=str(problem))
            self._not_before = time.monotonic() + self._pause
            self._pause = min(self._pause * 2, LONGEST_PAUSE)

    def _bring_home(self, row: sqlite3.Row) -> None:
        delivery_id = row["delivery_id"]
        try:
            if row["state"] == Store.SIGNALLED:
                answer = self.disclosure.fetch(delivery_id)
                if hashlib.sha256(answer.content.value).hexdigest() != answer.digest:
                    self.out.say("problem", delivery_id=delivery_id, what="digest differs from content")
                    raise TryLater("digest")
                record_ref, digest = self.store.keep(answer), answer.digest
                self.out.say("content", delivery_id=delivery_id, **as_json(answer))
            else:  # a retraction, or we stopped between keeping and confirming
                record_ref, digest = row["record_ref"], row["digest"]
            self.disclosure.confirm_stored(delivery_id, record_ref, digest)
        except Refused as refused:
            # Withdrawn meanwhile, or superseded: there is nothing to wait for.
            self.store.set_state(delivery_id, Store.REFUSED)
            call = "Fetch" if row["state"] == Store.SIGNALLED else "ConfirmStored"
            self.out.say("refused", call=call, delivery_id=delivery_id,
                         code=refused.code, reason=refused.reason)  # fmt: skip
            return
        self.store.set_state(delivery_id, Store.STORED)
        self.out.say("stored", delivery_id=delivery_id, record_ref=record_ref, digest=digest)

    # --- commands ------------------------------------------------------------------------------

    def _read_commands(self) -> None:
        for line in sys.stdin:
            if line.split():
                self.commands.put(line.split())
        self.commands.put(["quit"])

    def _obey(self) -> None:
        try:
            command, *rest = self.commands.get_nowait()
        except queue.Empty:
            return
        if command == "quit":
            self.stopping.set()
        elif command == "open" and len(rest) == 2:
            self._asked("ConfirmOpened", rest[0], lambda: self._open(*rest))
        elif command == "fetch" and len(rest) == 1:
            self._asked("Fetch", rest[0], lambda: self._fetch_again(*rest))
        else:
            self.out.say("trouble", what=f"no such command: {command}")

    def _asked(self, call: str, delivery_id: str, do) -> None:
        pause = FIRST_PAUSE
        while not self.stopping.is_set():
            try:
                do()
                return
            except Refused as refused:
                self.out.say("refused", call=call, delivery_id=delivery_id, asked=True,
                             code=refused.code, reason=refused.reason)  # fmt: skip
                return
            except TryLater as problem:
                self.out.say("trouble", what=str(problem))
                time.sleep(pause)
                pause = min(pause * 2, LONGEST_PAUSE)

    def _open(self, delivery_id: str, attestation: str) -> None:
        self.disclosure.confirm_opened(delivery_id, attestation)
        self.out.say("opened", delivery_id=delivery_id, asked=True)

    def _fetch_again(self, delivery_id: str) -> None:
        answer = self.disclosure.fetch(delivery_id)
        self.out.say("content", delivery_id=delivery_id, asked=True, **as_json(answer))


def as_json(answer: api.FetchResponse) -> dict[str, object]:
    """What was fetched, for people and tests; the store keeps the bytes."""
    content: dict[str, object] = {}
    event = ""
    if answer.content.value or answer.content.type_url:
        name = answer.content.type_url.rpartition("/")[2]
        descriptor = descriptor_pool.Default().FindMessageTypeByName(name)
        message = message_factory.GetMessageClass(descriptor).FromString(answer.content.value)
        content = json_format.MessageToDict(message, preserving_proto_field_name=True)
        event = descriptor.GetOptions().Extensions[options_pb2.event_type]
    return {
        "event": event,
        "case_ref": answer.case_ref,
        "fields": [options_pb2.Category.Name(category) for category in answer.fields],
        "rule": answer.rule,
        "origin": answer.origin,
        "happened_ms": answer.happened_ms,
        "digest": answer.digest,
        "child": json_format.MessageToDict(answer.child, preserving_proto_field_name=True),
        "content": content,
    }


def main() -> None:
    recipient = Recipient(ARGUMENTS)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: recipient.stopping.set())
    recipient.run()


if __name__ == "__main__":
    main()
