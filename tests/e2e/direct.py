"""Direct calls on a running Stafett, for tests that are no story: many children, many callers, and the
topics read as they lie on the broker.

    with Direct(stack) as direct:
        child = direct.child()                       # registered, consented to, its log open
        direct.note(child)                           # the answer's values; Refused if it was refused
        direct.signals(PPT)                          # everything on the recipient's topic

Who acts: a teacher of the school writes; one mother consents; health station and PPT read.
"""

from __future__ import annotations

import hashlib
import importlib
import itertools
import threading
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date

from confluent_kafka import Consumer, KafkaException, TopicPartition

from stafett_stack.kafka import Kafka
from stafett_stack.procs import StackError, wait_until
from stafett_stack.rights import topic_of
from stafett_stack.services import SERVICES, Service
from stafett_stack.stack import Stack
from stafett_stack.watching import series
from stafett_story import api as api_
from stafett_story import people
from stafett_story.calls import Answer, Caller, Credentials, Refusal, build
from stafett_story.load import Actor
from stafett_story.steinkjer import HEALTH_STATION, MACHINES, PPT, READERS, SCHOOL, TEACHER
from stafett_story.watch import Marks

LOG, LEDGER = "stafett.log", "stafett.ledger"
OFFICER = Actor("officer", "koordinering-record-system", "p-v3s7pd")
# Refused, nothing was done, and the next try may go: others wrote at the same time; another service
# has not yet heard of what this one needs.
AGAIN = {"CONFLICT"}
NOT_YET = {"NO_CONSENT", "NOT_ALLOWED", "UNKNOWN_CHILD"}
SECONDS = 30.0

_births = itertools.count()


class Refused(AssertionError):
    def __init__(self, call: str, refusal: Refusal, calls: int) -> None:
        super().__init__(f"{call} was refused: {refusal} (sent {calls} times)")
        self.refusal = refusal


@dataclass
class Child:
    name: str  # as the school names it: controllers/…/children/…
    mother: str
    number: str
    case: str = ""
    consent: str = ""
    child: str = ""  # opaque, as on the log
    partition: int = -1
    case_refs: dict[str, str] = field(default_factory=dict)  # by recipient: its pseudonym of the case

    @property
    def guardian(self) -> Actor:
        return Actor("mother", "koordinering-record-system", self.mother, guardian=True)


@dataclass(frozen=True)
class Signal:
    """A message on a recipient's topic."""

    offset: int
    appended_ms: int  # by the broker
    delivery_id: str
    case_ref: str
    kind: str
    epoch: int
    sequence: int
    value: bytes


@dataclass(frozen=True)
class LogRecord:
    partition: int
    offset: int
    key: str
    value: bytes
    record: object  # stafett.common.v1.Record


class Topic:
    """Reads one topic from its beginning, again and again, as the broker's admin. One thread."""

    def __init__(self, kafka: Kafka, topic: str, partitions: int) -> None:
        self.topic = topic
        settings = {
            **kafka.client_config("admin"),
            "group.id": "stafett-direct",  # never joined, never committed
            "enable.auto.commit": False,
            "log_level": 0,
        }
        # Two connections: on one, a question would wait behind a fetch that waits for data.
        self._consumer = Consumer(settings)
        self._asker = Consumer(settings)
        self._next = dict.fromkeys(range(partitions), 0)
        self._consumer.assign([TopicPartition(topic, p, 0) for p in self._next])

    def close(self) -> None:
        self._consumer.close()
        self._asker.close()

    def ends(self, timeout: float = SECONDS) -> dict[int, int]:
        deadline = time.monotonic() + timeout
        while True:
            try:
                return {
                    p: self._asker.get_watermark_offsets(TopicPartition(self.topic, p), timeout=5.0)[1]
                    for p in self._next
                }
            except KafkaException as error:
                if time.monotonic() >= deadline:
                    raise StackError(f"Kafka does not say where {self.topic} ends: {error}") from error

    def more(self, timeout: float = SECONDS) -> list:
        """What was appended since the last call, up to the ends as they are now."""
        ends = self.ends(timeout)
        messages = []
        deadline = time.monotonic() + timeout
        while any(self._next[p] < end for p, end in ends.items()):
            if time.monotonic() >= deadline:
                raise StackError(f"{self.topic} could not be read to its end")
            message = self._consumer.poll(0.2)
            if message is None or message.error():
                continue
            self._next[message.partition()] = message.offset() + 1
            messages.append(message)
        return messages


class Direct:
    def __init__(self, stack: Stack, *, patience: float = SECONDS) -> None:
        self.stack = stack
        self.api = api_.load()
        self.credentials = Credentials(stack.issuer.tokens, stack.known)
        self.patience = patience
        self.marks = Marks(stack.redis)
        self._redis = stack.redis.client()
        self._callers: list[Caller] = []
        self.all_copies()
        self._topics: dict[str, Topic] = {}
        self._read: dict[str, list] = {}
        self._lock = threading.Lock()
        self._stored: set[str] = set()  # deliveries that store() has confirmed
        signal = importlib.import_module("stafett.disclosure.v1.signal_pb2")
        kinds = importlib.import_module("stafett.disclosure.v1.ledger_events_pb2")
        self._signal, self._kind_name = signal.Signal, kinds.DeliveryKind.Name
        self._record = importlib.import_module("stafett.common.v1.record_pb2").Record

    def __enter__(self) -> Direct:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        for caller in self._callers:
            caller.close()
        for topic in self._topics.values():
            topic.close()

    # --- calls ---------------------------------------------------------------------------------

    def only(self, *instances: str) -> None:
        """From now on asks these copies alone (the others are frozen, and would be waited for)."""
        self._caller = self._new_caller(set(instances))
        self._callers.append(self._caller)  # the one before may still be in use

    def all_copies(self) -> None:
        self.only(*self.stack.services)

    def _new_caller(self, instances: set[str]) -> Caller:
        addresses = {
            name: [copy.address for copy in self.stack.of(name) if copy.instance in instances]
            for name in SERVICES
        }
        return Caller({name: found for name, found in addresses.items() if found}, patience=self.patience)

    def ask(self, call: str, who: Actor, *, final: Sequence[str] = (), timeout: float = 10.0, **values) -> Answer:
        """One call, repeated with the same request_id while its outcome is unknown."""
        rpc = self.api.rpcs[call]
        if rpc.is_command:
            values.setdefault("request_id", str(uuid.uuid4()))
        request = build(rpc, values)
        return self._caller.call(rpc, request, self.credentials.metadata(who), final=final, timeout=timeout)

    def call(self, call: str, who: Actor, *, again: frozenset[str] | set[str] = AGAIN, **values) -> dict:
        """The answer's values. Repeated while others were quicker, or a service has not heard yet."""
        rpc = self.api.rpcs[call]
        if rpc.is_command:
            values.setdefault("request_id", str(uuid.uuid4()))
        deadline = time.monotonic() + self.patience
        while True:
            answer = self.ask(call, who, **values)
            if answer.refusal is None:
                return answer.values
            if answer.refusal.reason not in again or time.monotonic() >= deadline:
                raise Refused(call, answer.refusal, answer.calls)
            time.sleep(0.02)

    # --- a child's life ------------------------------------------------------------------------

    def register(self) -> Child:
        born = next(_births)
        mother = f"p-{uuid.uuid4().hex[:12]}"
        number = people.synthetic_number(date(2013 + born % 6, 1 + born % 12, 1 + born % 28), str(uuid.uuid4()))
        request_id = str(uuid.uuid4())
        answer = self.call(
            "cases.RegisterChild", TEACHER, request_id=request_id, national_number=number,
            name=f"Oppdiktet {born}",
            guardians=[{"person": mother, "name": f"Mor {born}", "relation": "MOTHER",
                        "parental_responsibility": True}],
        )  # fmt: skip
        child = Child(answer["child"], mother, number)
        for entry in self.log():
            if entry.record.request_id == request_id:
                child.child, child.partition = entry.record.child, entry.partition
        assert child.child, "the registration is not on the log"
        return child

    def officers_name_of(self, child: Child) -> str:
        """The child as the disclosure officer's service names it."""
        answer = self.call("cases.RegisterChild", OFFICER, national_number=child.number, name="Oppdiktet")
        return answer["child"]

    def child(self, recipients: Sequence[str] = READERS, *, partition: int | None = None) -> Child:
        """A child whose log is open; `recipients` have been told so (and no other child meanwhile)."""
        child = self.register()
        while partition not in (None, child.partition):
            child = self.register()
        child.case = self.call("cases.NoteConcern", TEACHER, child=child.name, concern="Stille.")["case"]["name"]
        self.consent(child, recipients)
        before = {recipient: self._case_refs(recipient) for recipient in recipients}
        self.call("cases.OpenLog", TEACHER, again=AGAIN | NOT_YET, case=child.case, goal="Trives.")
        for recipient in recipients:
            def new(recipient: str = recipient) -> set[str]:
                return self._case_refs(recipient) - before[recipient]

            wait_until(new, f"{recipient} is not told of an open log", self.patience)
            (child.case_refs[recipient],) = new()
        return child

    def consent(self, child: Child, recipients: Sequence[str] = READERS) -> None:
        child.consent = self.call(
            "consent.RequestConsent", TEACHER, again=AGAIN | NOT_YET, child=child.name, purpose="follow-up",
            consenters=[child.mother], language="nb",
            scopes=[{"recipient": r, "categories": ["PLAN", "EDUC"]} for r in (SCHOOL, *recipients)],
        )["consent"]["name"]  # fmt: skip
        self.call("consent.Grant", child.guardian, consent=child.consent, consenter=child.mother,
                  recipients=[SCHOOL, *recipients], evidence="ELECTRONIC")  # fmt: skip

    def children(self, count: int, recipients: Sequence[str] = READERS) -> list[Child]:
        return [self.child(recipients) for _ in range(count)]

    def note(self, child: Child, text: str = "Leser bedre.", **values) -> dict:
        sections = [{"section_category": "EDUC", "text": text}]
        return self.call("cases.WriteNote", TEACHER, case=child.case, sections=sections, **values)

    def withdraw(self, child: Child, recipient: str, **values) -> dict:
        return self.call("consent.Withdraw", child.guardian, consent=child.consent, consenter=child.mother,
                         recipients=[recipient], **values)  # fmt: skip

    def withdrawal(self, child: Child, request_id: str) -> str:
        """REGISTERED or ENFORCED."""
        return self.call("consent.GetWithdrawal", child.guardian, request_id=request_id)["state"]

    def fetch(self, recipient: str, delivery_id: str, *, final: Sequence[str] = ()) -> Answer:
        return self.ask("disclosure.Fetch", MACHINES[recipient], delivery_id=delivery_id, final=final, timeout=3.0)

    def store(self, *recipients: str) -> None:
        """As their programs would: whatever they were told and have not stored, they fetch and confirm."""
        for recipient in recipients:
            for signal in {s.delivery_id: s for s in self.signals(recipient)}.values():
                if signal.delivery_id in self._stored:
                    continue
                digest = hashlib.sha256(b"").hexdigest()  # a retraction has no content
                if signal.kind != "RETRACTION":
                    answer = self.fetch(recipient, signal.delivery_id)
                    if answer.refusal is not None:  # taken back meanwhile
                        continue
                    digest = answer.values["digest"]
                self.call("disclosure.ConfirmStored", MACHINES[recipient], delivery_id=signal.delivery_id,
                          record_ref=f"ref-{signal.delivery_id}", digest=digest)  # fmt: skip
                self._stored.add(signal.delivery_id)

    # --- what lies on the broker ---------------------------------------------------------------

    def signals(self, recipient: str) -> list[Signal]:
        """All that was ever appended to the recipient's topic, in order; repeats too."""
        return self._all(topic_of(recipient), 1, self._to_signal)

    def signals_of(self, child: Child, recipient: str) -> list[Signal]:
        return [s for s in self.signals(recipient) if s.case_ref == child.case_refs[recipient]]

    def told(self, child: Child, recipient: str) -> list[Signal]:
        """The same as the recipient takes them: each delivery once. A relay that has lost its broker or its lease while
        signals were under way sends them again (services/lib/gate/relay.h, R3 and R8), byte by byte."""
        first: dict[str, Signal] = {}
        for signal in self.signals_of(child, recipient):
            was = first.setdefault(signal.delivery_id, signal)
            assert was.value == signal.value, f"{signal.delivery_id} was told in two ways"
        return list(first.values())

    def log(self) -> list[LogRecord]:
        return self._all(LOG, self.stack.kafka.partitions, self._to_record)

    def ledger(self) -> list[LogRecord]:
        return self._all(LEDGER, self.stack.kafka.partitions, self._to_record)

    def _case_refs(self, recipient: str) -> set[str]:
        return {signal.case_ref for signal in self.signals(recipient)}

    def _all(self, name: str, partitions: int, make: Callable) -> list:
        with self._lock:
            found = [make(message) for message in self._topic(name, partitions).more() if message.value()]
            self._read[name] += found
            return list(self._read[name])

    def _to_signal(self, message) -> Signal:
        s = self._signal.FromString(message.value())
        return Signal(message.offset(), message.timestamp()[1], s.delivery_id, s.case_ref,
                      self._kind_name(s.kind), s.epoch, s.sequence, message.value())  # fmt: skip

    def _to_record(self, message) -> LogRecord:
        return LogRecord(message.partition(), message.offset(), (message.key() or b"").decode(),
                         message.value(), self._record.FromString(message.value()))  # fmt: skip

    # --- waiting -------------------------------------------------------------------------------

    def settle(self, timeout: float = SECONDS) -> None:
        """Returns when every service has taken all of the log, and all that follows is on Kafka: nothing more comes."""
        partitions = self.stack.kafka.partitions
        while True:
            wait_until(lambda: not self.marks.unsaid(partitions), "all words about receipts to be said", timeout)
            ends = self.ends()
            last = {p: end - 1 for p, end in ends.items() if end > 0}
            try:
                wait_until(lambda last=last: not self.marks.behind(last), "all services to come past the log's end", timeout)
            except StackError as error:
                raise StackError(f"{error}: {self.marks.behind(last)}") from error
            if not self.marks.unsaid(partitions) and self.ends() == ends:
                return

    def lag(self) -> int:
        """Records of the log that disclosure has not decided yet."""
        ends = self.ends()
        keys = [f"disclosure:{{p{partition:02}}}:mark:log" for partition in ends]
        marks = self._redis.mget(keys)
        return sum(max(0, end - int(mark or 0)) for end, mark in zip(ends.values(), marks, strict=True))

    def ends(self, topic: str = LOG) -> dict[int, int]:
        """Next offset of each partition of log or ledger."""
        with self._lock:
            return self._topic(topic, self.stack.kafka.partitions).ends()

    def _topic(self, name: str, partitions: int) -> Topic:
        if name not in self._topics:
            self._topics[name] = Topic(self.stack.kafka, name, partitions)
            self._read[name] = []
        return self._topics[name]


# --- one service as an operator sees it -----------------------------------------------------------


def readiness(service: Service) -> tuple[int, str]:
    return service.answer("/readyz")


def metric(service: Service, name: str) -> float:
    """The sum over all labels."""
    values = series(service.metrics(), name)
    assert values, f"{service.instance} has no metric {name}"
    return sum(values)


# --- what must be true of any log ----------------------------------------------------------------


def wrong_with(records: Sequence[LogRecord]) -> list[str]:
    """Versions of a stream are contiguous; the same (stream, version) has always the same bytes, and
    always stands in the same partition. Repeats are allowed: a relay may send again what it sent."""
    problems = []
    first: dict[tuple[str, int], LogRecord] = {}
    last: dict[str, int] = {}
    for entry in records:
        key = (entry.record.stream, entry.record.version)
        if key in first:
            if first[key].value != entry.value:
                problems.append(f"{key} has other bytes at offset {entry.offset} than at {first[key].offset}")
            continue
        first[key] = entry
        if key[1] != last.get(key[0], 0) + 1:
            problems.append(f"{key} after version {last.get(key[0], 0)}")
        last[key[0]] = max(key[1], last.get(key[0], 0))
    partitions: dict[str, set[int]] = {}
    for entry in records:
        partitions.setdefault(entry.record.stream, set()).add(entry.partition)
    problems += [f"{stream} stands in partitions {sorted(p)}" for stream, p in partitions.items() if len(p) > 1]
    return problems


def effects(records: Sequence[LogRecord]) -> dict[str, set[tuple[str, int]]]:
    """request_id -> the events (stream, version) that it led to, each once."""
    found: dict[str, set[tuple[str, int]]] = {}
    for entry in records:
        if entry.record.request_id:
            found.setdefault(entry.record.request_id, set()).add((entry.record.stream, entry.record.version))
    return found


def new_signals(after: Sequence[Signal], known: Sequence[Signal]) -> list[Signal]:
    """Those of `after` that are no exact repeats of a known one."""
    bytes_of = {signal.delivery_id: signal.value for signal in known}
    return [signal for signal in after if bytes_of.get(signal.delivery_id) != signal.value]


