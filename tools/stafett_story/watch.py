"""Watches a running Stafett from outside: the recipients' programs, the log, the services' marks.

"Nothing more will come" is known, not guessed by sleeping. A command's events are found on
stafett.log by their request_id; when every service's mark and disclosure's fence have passed them,
all that they lead to is on the recipients' topics; when every recipient has read its topic to its
end and finished what it found there, what it has now is all that it gets. What time leads to
(escalations, mails) stands on the log too: `told` is what is there once all have read all of it.
"""

from __future__ import annotations

import importlib
import json
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import redis
from confluent_kafka import KafkaException, TopicPartition

from stafett_stack.kafka import Kafka
from stafett_stack.mail import MailServer
from stafett_stack.paths import REPOSITORY
from stafett_stack.procs import POLL_SECONDS, StackError, wait_until
from stafett_stack.redis_ import Redis
from stafett_stack.rights import principal_of, topic_of
from stafett_stack.secrets import Secrets
from stafett_stack.services import SERVICES
from stafett_story import api as api_
from stafett_story.load import EVERYTHING, RETRACTION
from stafett_story.match import Seen
from stafett_story.told import Escalated, Mailed, Told, with_texts

PROGRAM = REPOSITORY / "tests" / "e2e" / "recipient" / "recipient.py"
KAFKA_SECONDS = 10.0
LOG = "stafett.log"


@dataclass(frozen=True)
class Event:
    """A record of the log, by its clear envelope."""

    event_id: str
    type: str  # "no.stafett.cases.note-written.v1"
    child: str
    partition: int
    offset: int

    @property
    def name(self) -> str:
        return api_.short_name(self.type)


class Watch(Protocol):
    """What the player needs to see. `Outside` is the real one."""

    idle: Callable[[], None]

    def begin(self) -> None: ...  # a story begins: what was seen before is of earlier ones
    def events(self, request_id: str) -> list[Event]: ...
    def settle(self, events: Sequence[Event]) -> None: ...
    def told(self) -> list[Escalated | Mailed]: ...  # everything, of all children, in the log's order
    def quiet(self) -> None: ...  # until nobody has anything more to say by itself
    def stop(self, alias: str) -> None: ...  # the recipient's program
    def start(self, alias: str) -> None: ...
    def new(self, alias: str) -> list[Seen]: ...
    def earlier(self, alias: str) -> set[str]: ...  # delivery ids
    def ask(self, alias: str, event: str, attestation: str = "") -> list[Seen]: ...


class Outside:
    """with Outside(stack…) as watch: …; one recipient program per alias."""

    def __init__(
        self,
        log: Log,
        marks: Marks,
        recipients: Mapping[str, Recipient],
        mail: MailServer,
        *,
        patience: float = 15.0,
    ) -> None:
        self.log = log
        self.marks = marks
        self.recipients = recipients
        self.mail = mail
        self.patience = patience
        self.idle: Callable[[], None] = lambda: None  # runs again and again while it waits
        self._earlier: dict[str, set[str]] = {}

    def __enter__(self) -> Outside:
        try:
            for recipient in self.recipients.values():
                recipient.start()
            for recipient in self.recipients.values():
                recipient.wait_ready()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        for recipient in self.recipients.values():
            recipient.stop()
        self.log.close()

    def events(self, request_id: str) -> list[Event]:
        return self.log.events(request_id)

    def settle(self, events: Sequence[Event]) -> None:
        """Returns when all that `events` lead to has arrived; StackError if it does not."""
        last: dict[int, int] = {}
        for event in events:
            last[event.partition] = max(event.offset, last.get(event.partition, -1))
        self._pass(last)
        for recipient in self.recipients.values():
            if not recipient.running:
                continue
            end = self.log.end(topic_of(recipient.id), 0)
            wait_until(
                lambda r=recipient, e=end: r.is_through(e),
                _Text(lambda r=recipient, e=end: f"{r.id} did not finish its topic: {r.why_not(e)}"),
                self.patience,
                check=lambda r=recipient: (self.idle(), r.check()),
            )

    def told(self) -> list[Escalated | Mailed]:
        """Until nobody has anything more to say: all have read the log to its end and it is still its end, and
        every mail that was queued has its fate."""
        deadline = time.monotonic() + self.patience
        while True:
            ends = self.log.ends()
            self._pass({partition: end - 1 for partition, end in ends.items() if end})
            told = self.log.told()
            if ends == self.log.ends() and not told.under_way:
                break
            self.idle()
            if time.monotonic() >= deadline:
                mails = f"; {len(told.under_way)} mails are still to be sent" if told.under_way else ""
                raise StackError(f"the services still write after {self.patience:.0f} s{mails}")
            time.sleep(POLL_SECONDS)
        return with_texts(told.all, self.mail.by_message()) if told.all else []

    def _pass(self, last: Mapping[int, int]) -> None:
        """Returns when every service has read the log up to these offsets."""
        wait_until(
            lambda: not self.marks.behind(last),
            _Text(lambda: f"not all services came past the event: {self.marks.behind(last)}"),
            self.patience,
            check=self.idle,
        )

    def quiet(self) -> None:
        """Returns when disclosure has said what is not stored up to now, and all have read that."""
        partitions = len(self.log.ends())
        wait_until(
            lambda: not self.marks.unsaid(partitions),
            "disclosure has not said which receipts are awaited",
            self.patience,
            check=self.idle,
        )
        self.told()

    def stop(self, alias: str) -> None:
        self.recipients[alias].stop()

    def start(self, alias: str) -> None:
        self.recipients[alias].start()
        self.recipients[alias].wait_ready()

    def new(self, alias: str) -> list[Seen]:
        return self.recipients[alias].new()

    def begin(self) -> None:
        for alias, recipient in self.recipients.items():
            recipient.new()
            self._earlier[alias] = recipient.known()

    def earlier(self, alias: str) -> set[str]:
        return self._earlier[alias]

    def ask(self, alias: str, event: str, attestation: str = "") -> list[Seen]:
        return self.recipients[alias].ask(event, attestation, self.patience, self.idle)


class _Text:
    """A text that is made when it is shown."""

    def __init__(self, make) -> None:  # noqa: ANN001
        self._make = make

    def __str__(self) -> str:
        return self._make()


class Log:
    """Reads stafett.log's envelopes as the broker's admin. Bodies are sealed and stay so."""

    def __init__(self, kafka: Kafka) -> None:
        self._record_class = _record_class()
        # Two connections: on one, a question would wait behind a fetch that waits for data.
        self._consumer = kafka.reader()
        self._asker = kafka.reader()
        self._next = dict.fromkeys(range(kafka.partitions), 0)
        self._by_request: dict[str, list[Event]] = {}
        self._told = Told()
        self._consumer.assign([TopicPartition(LOG, p, 0) for p in self._next])

    def close(self) -> None:
        self._consumer.close()
        self._asker.close()

    def end(self, topic: str, partition: int) -> int:
        place = TopicPartition(topic, partition)
        deadline = time.monotonic() + KAFKA_SECONDS
        while True:
            try:
                return self._asker.get_watermark_offsets(place, timeout=5.0)[1]
            except KafkaException as error:
                if time.monotonic() >= deadline:
                    raise StackError(f"Kafka does not say where {topic} ends: {error}") from error

    def events(self, request_id: str) -> list[Event]:
        """All events of a command whose answer has come, in the log's order."""
        self._read_to_end()
        return self._by_request.get(request_id, [])

    def told(self) -> Told:
        """What escalation and notifications have said up to now."""
        self._read_to_end()
        return self._told

    def ends(self) -> dict[int, int]:
        return {partition: self.end(LOG, partition) for partition in self._next}

    def _read_to_end(self) -> None:
        ends = self.ends()
        deadline = time.monotonic() + KAFKA_SECONDS
        while any(self._next[p] < end for p, end in ends.items()):
            if time.monotonic() >= deadline:
                raise StackError(f"{LOG} could not be read to its end")
            message = self._consumer.poll(0.2)
            if message is None or message.error():
                continue
            self._next[message.partition()] = message.offset() + 1
            record = self._record_class.FromString(message.value())
            self._told.take(record)
            if record.request_id:
                event = Event(record.event_id, record.type, record.child,
                              message.partition(), message.offset())  # fmt: skip
                self._by_request.setdefault(record.request_id, []).append(event)


class Marks:
    """How far the services are, read from Redis as its admin (services/lib/gate/keys.h)."""

    def __init__(self, redis_: Redis, services: Sequence[str] = SERVICES) -> None:
        self._redis = redis_
        self._services = services
        self._client: redis.Redis | None = None

    def behind(self, last: Mapping[int, int]) -> list[str]:
        """Which marks have not passed these offsets."""
        keys = [
            (f"{service}:{{p{partition:02}}}:{mark}", offset)
            for partition, offset in last.items()
            for service, mark in self._watched()
        ]
        if not keys:
            return []
        try:
            self._client = self._client or self._redis.client()
            values = self._client.mget([key for key, _ in keys])
        except redis.RedisError as error:
            self._client = None
            return [f"Redis: {type(error).__name__}"]
        return [
            f"{key}={int(value or 0)}, waiting for {offset + 1}"
            for (key, offset), value in zip(keys, values, strict=True)
            if int(value or 0) <= offset
        ]

    def unsaid(self, partitions: int) -> bool:
        """Whether disclosure may still say of its own accord that a receipt is awaited, or is not any more: it does so a
        moment after what it decided (services/disclosure/adapters/awaited_receipts.h)."""
        try:
            self._client = self._client or self._redis.client()
            clock = int(self._client.get("disclosure:clock") or 0)  # which may run ahead
            soon = max(self._client.time()[0] * 1000, clock) + 60_000
            keys = [f"disclosure:{{p{partition:02}}}:ix:receipts" for partition in range(partitions)]
            return any(self._client.zcount(key, "-inf", soon) for key in keys)
        except redis.RedisError:
            self._client = None
            return True

    def _watched(self) -> list[tuple[str, str]]:
        marks = [(service, "mark:log") for service in self._services]
        return [*marks, ("disclosure", "fence")] if "disclosure" in self._services else marks


@dataclass
class _Delivery:
    signal: dict
    content: dict | None = None
    end: dict | None = None  # stored or refused: nothing more will happen by itself
    problems: list[str] = field(default_factory=list)


class Recipient:
    """A recipient's program and what it has written."""

    def __init__(
        self,
        id_: str,
        directory: Path,
        secrets: Secrets,
        *,
        client_id: str,
        bootstrap: str,
        disclosure: str,
        token_url: str,
        stubs: Path = api_.STUBS,
    ) -> None:
        self.id = id_
        self.out = directory / f"{id_}.jsonl"
        self.log = directory / f"{id_}.log"
        directory.mkdir(parents=True, exist_ok=True)
        principal = principal_of(id_)
        self._command = [
            sys.executable, PROGRAM, "--id", id_, "--bootstrap", bootstrap,
            "--kafka-user", principal, "--password-file", secrets.kafka(principal),
            "--disclosure", disclosure, "--token-url", token_url, "--client-id", client_id,
            "--out", self.out, "--store", directory / f"{id_}.db", "--stubs", stubs,
        ]  # fmt: skip
        self._process: subprocess.Popen | None = None
        self._read = 0  # bytes of `out`
        self._deliveries: dict[str, _Delivery] = {}
        self._shown: set[str] = set()
        self._answers: list[dict] = []
        self._end = -1  # offset behind the last message read
        self.lines: list[dict] = []

    # --- the program ---------------------------------------------------------------------------

    @property
    def running(self) -> bool:
        """It was started, and not stopped since."""
        return self._process is not None

    def start(self) -> None:
        # Not stafett_stack.procs.Process: this one is spoken to on its standard input.
        with open(self.log, "ab") as log:
            self._process = subprocess.Popen(
                ["setpriv", "--pdeathsig", "KILL", "--", *map(str, self._command)],
                stdin=subprocess.PIPE, stdout=log, stderr=log, text=True, start_new_session=True,
            )  # fmt: skip

    def wait_ready(self, timeout: float = 30.0) -> None:
        def has_read() -> bool:
            self._update()
            return self._end >= 0

        wait_until(has_read, f"{self.id} reads nothing", timeout, check=self.check)

    def check(self) -> None:
        if self._process is None or self._process.poll() is not None:
            tail = self.log.read_text(errors="replace")[-1500:] if self.log.exists() else ""
            raise StackError(f"the program of recipient {self.id} has ended; {self.log}:\n{tail}")

    def stop(self) -> None:
        if self._process is not None:
            if self._process.stdin:
                self._process.stdin.close()
            try:
                self._process.wait(10)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait(10)
            self._process = None

    def kill(self) -> None:
        """kill -9; start() goes on where it was."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(10)
            self._process = None

    def signal(self, number: int) -> None:
        """To the program alone (SIGSTOP and SIGCONT)."""
        if self._process is not None:
            self._process.send_signal(number)

    # --- what it has seen ----------------------------------------------------------------------

    def is_through(self, end: int) -> bool:
        """True when it has read its topic up to `end` and finished everything found there."""
        self._update()
        return self._end >= end and all(d.end for d in self._deliveries.values())

    def why_not(self, end: int) -> str:
        open_ = [d.signal["delivery_id"] for d in self._deliveries.values() if not d.end]
        trouble = next((x["what"] for x in reversed(self.lines) if x["seen"] == "trouble"), "none")
        return f"read {self._end} of {end}, unfinished {open_}, last trouble: {trouble}"

    def new(self) -> list[Seen]:
        """What it has seen since the last time it was asked, in the order of its signals."""
        self._update()
        fresh = [key for key in self._deliveries if key not in self._shown]
        self._shown.update(fresh)
        return [self._seen(self._deliveries[key]) for key in fresh]

    def known(self) -> set[str]:
        return set(self._deliveries)

    def ask(
        self, event: str, attestation: str, timeout: float, idle: Callable[[], None] = lambda: None
    ) -> list[Seen]:
        """Opens (with an attestation) or fetches (without) the latest `event`, or everything."""
        self._update()
        known = [d for d in self._deliveries.values() if d.content]
        chosen = known if event == EVERYTHING else [d for d in known if _event(d.content) == event][-1:]
        if not chosen:
            raise LookupError(f"{self.id} has never had {event}")
        verb = "open" if attestation else "fetch"
        return [self._ask_one(verb, d, attestation, timeout, idle) for d in chosen]

    def _ask_one(
        self, verb: str, delivery: _Delivery, attestation: str, timeout: float, idle: Callable[[], None]
    ) -> Seen:
        assert self._process is not None and self._process.stdin is not None
        before = len(self._answers)
        delivery_id = delivery.signal["delivery_id"]
        self._process.stdin.write(f"{verb} {delivery_id} {attestation}".rstrip() + "\n")
        self._process.stdin.flush()

        def has_answered() -> bool:
            self._update()
            return len(self._answers) > before

        check = lambda: (idle(), self.check())  # noqa: E731
        wait_until(has_answered, f"{self.id} to {verb}", timeout, check=check)
        answer = self._answers[-1]
        if answer["seen"] == "refused":
            return Seen(delivery_id, _event(delivery.content), refused=_refusal(answer))
        if verb == "open":
            return Seen(delivery_id, _event(delivery.content))
        return self._seen(_Delivery(delivery.signal, content=answer))

    def _seen(self, delivery: _Delivery) -> Seen:
        delivery_id, kind = delivery.signal["delivery_id"], delivery.signal["kind"]
        problem = "; ".join(delivery.problems)
        if kind == RETRACTION.upper():
            return Seen(delivery_id, RETRACTION, problem=problem)
        if delivery.end is not None and delivery.end["seen"] == "refused":
            return Seen(delivery_id, _event(delivery.content), refused=_refusal(delivery.end),
                        problem=problem)  # fmt: skip
        content = delivery.content or {}
        return Seen(
            delivery_id,
            _event(content),
            fields=frozenset(content.get("fields", ())),
            rule=content.get("rule", ""),
            origin=content.get("origin", ""),
            child=content.get("child", {}),
            content=content.get("content", {}),
            problem=problem,
        )

    def _update(self) -> None:
        """Reads the whole lines that have been added to `out`."""
        try:
            with open(self.out, "rb") as file:
                file.seek(self._read)
                data = file.read()
        except FileNotFoundError:
            return
        whole = data[: data.rfind(b"\n") + 1]
        self._read += len(whole)
        for line in whole.decode().splitlines():
            self._take(json.loads(line))

    def _take(self, line: dict) -> None:
        self.lines.append(line)
        seen, delivery = line["seen"], self._deliveries.get(line.get("delivery_id", ""))
        if "offset" in line:
            behind = line["offset"] + (0 if seen == "end" else 1)
            self._end = max(self._end, behind)
        if seen == "signal":
            self._deliveries[line["delivery_id"]] = _Delivery(line)
        elif line.get("asked"):
            self._answers.append(line)
        elif delivery is None:
            return
        elif seen == "content":
            delivery.content = line
        elif seen in ("stored", "refused"):
            delivery.end = line
        elif seen == "problem":
            delivery.problems.append(line["what"])


def _event(content: Mapping | None) -> str:
    return api_.short_name(content["event"]) if content else ""


def _refusal(line: Mapping) -> str:
    return f"{line['code']}/{line['reason']}"


def _record_class() -> type:
    api_.load()
    return importlib.import_module("stafett.common.v1.record_pb2").Record
