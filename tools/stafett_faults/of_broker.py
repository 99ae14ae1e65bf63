"""Faults of the broker: killed, frozen, cut off; its disk loses what was not forced and what was, and has no room; what
nobody can read stands on its topics."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from hashlib import sha256

from confluent_kafka import Message, Producer, TopicPartition

from stafett_faults import tail
from stafett_faults.ground import LEDGER, LOG, READY_SECONDS, Ground, Lost, NotHealed
from stafett_faults.load import now_ms
from stafett_faults.people import RECIPIENTS
from stafett_faults.power import Disk
from stafett_faults.records import end_of, is_record
from stafett_stack.kafka import Kafka
from stafett_stack.procs import StackError, wait_until
from stafett_stack.rights import topic_of
from stafett_stack.watching import metric

FULL_SECONDS = 20.0  # by then somebody has written
MOST_CUT = 20  # records of one partition
HALTED = "stafett_partitions_halted"
UNREADABLE = b"\xff" * 40


class OfBroker(Ground):
    """Of three brokers one is the victim, and the others serve: Kafka is not away then."""

    def kill_broker(self) -> str:
        node = self._a_broker()
        self._without(node, lambda: "")
        return _named(node)

    def power_cut_of_broker(self) -> str:
        node = self._a_broker()
        return f"{_named(node)}, {self._without(node, lambda: self.cut_broker(node))} bytes gone"

    def freeze_broker(self) -> str:
        seconds, node = self.a_while(), self._a_broker()
        self.frozen(node.process, seconds, self._store(node))
        return f"{_named(node)} {seconds:.0f} s"

    def proxy_to_broker(self) -> str:
        node = self._a_broker()
        assert node.detour is not None
        return f"{_named(node)}, {self.detour(node.detour[0])}"

    def full_disk_of_broker(self) -> str:
        """It gives up its only disk, and itself; and starts when there is room."""
        node = self._a_broker()
        disk = self._disk(node)
        disk.fill()
        try:
            wait_until(lambda: not node.running, "the broker takes writes on a full disk", FULL_SECONDS)
            began = now_ms()
            node.kill()
            self.last(self.a_while())
            self._was_away(node, began)
        finally:
            disk.fill(False)
        node.begin_start()
        node.wait_ready()
        return _named(node)

    def poison(self) -> str:
        """What nobody can read, on the log, under the key of a child that does not exist; and on a recipient's
        topic."""
        log = LOG, self.choose.randrange(self.stack.kafka.partitions), f"ch-poison-{len(self.poisoned)}"
        recipient = topic_of(self.choose.choice(RECIPIENTS)), 0, ""
        for topic, partition, key in (log, recipient):
            self.put(topic, partition, key, UNREADABLE)
        return f"{LOG}, {recipient[0]}"

    def cut_log(self) -> str:
        """The ends of some partitions are gone although they were forced to the disk. Whoever was away, the auditor too,
        comes back to a log that has other records, or none, where they stood."""
        kafka = self.stack.kafka
        partitions = self.choose.sample(range(kafka.partitions), kafka.partitions)
        topics = self.choose.choice(((LOG,), (LOG,), (LEDGER,), (LOG, LEDGER)))
        wanted, most = self.choose.randint(1, 3), self.choose.choice((1, 3, MOST_CUT))
        found: list[Lost] = []

        def cut() -> None:
            at = now_ms()
            for partition in partitions:
                for topic in topics:
                    if records := self._cut_off(topic, partition, self.choose.randint(1, most)):
                        found.append(Lost(topic, partition, at, records))
                if len({lost.partition for lost in found}) == wanted:
                    return

        alone = self.choose.random() < 0.25
        if alone:
            self.auditor().kill()
        self._without(kafka, cut, patience=self.a_while() if self.choose.random() < 0.5 else 0)
        if alone:
            self.last(self.choose.uniform(0, 2))
            self.auditor().begin_start()
        self.lost += found
        for lost in found:
            self._comes_back(lost)
        self._goes_on()
        said = [f"{len(lost.records)} of {lost.topic}[{lost.partition}]" for lost in found]
        return ", ".join(said or ["nothing that outboxes hold"]) + (", no auditor" if alone else "")

    def cut_broker(self, node: Kafka) -> int:
        return self._disk(node).cut(node.data.glob("*/*.log"))

    def raise_floor(self) -> None:
        """All has come back from the log to a Redis that had lost it: outboxes hold nothing of that."""
        with closing(self.stack.kafka.reader()) as reader:
            for topic in (LOG, LEDGER):
                for partition in range(self.stack.kafka.partitions):
                    self.floor[topic, partition] = end_of(reader, topic, partition)

    def put(self, topic: str, partition: int, key: str, value: bytes) -> tuple[str, int, int]:
        """Something of ours on a topic; returns where it stands."""
        kafka = self.stack.kafka
        producer = Producer({**kafka.client_config("admin"), "acks": "all", "log_level": 0})
        places = []

        def note(error: object, message: Message) -> None:
            if error is None:
                places.append((message.topic(), message.partition(), message.offset()))

        producer.produce(topic, value, key=key, partition=partition, on_delivery=note)
        producer.flush(READY_SECONDS)
        if not places:
            raise NotHealed("the broker did not take what nobody can read")
        self.poisoned += places
        return places[0]

    # --- inside --------------------------------------------------------------------------------

    def _a_broker(self) -> Kafka:
        return self.choose.choice(self.stack.kafka.nodes)

    def _disk(self, node: Kafka) -> Disk:
        return self.disks[_named(node)]

    @staticmethod
    def _store(node: Kafka) -> str:
        """What is away when it is."""
        return "kafka" if len(node.nodes) == 1 else ""

    def _was_away(self, node: Kafka, began: int) -> None:
        if store := self._store(node):
            self.away[store].append((began, now_ms()))

    def _without(self, node: Kafka, meanwhile: Callable[[], object], patience: float = 0) -> object:
        node.kill()
        began = now_ms()
        said = meanwhile()
        if patience:
            self.last(patience)
        self._was_away(node, began)
        node.begin_start()
        node.wait_ready()
        return said

    def _cut_off(self, topic: str, partition: int, records: int) -> tuple[tail.Raw, ...]:
        directory = self.stack.kafka.partition_directory(topic, partition)
        gone = tail.cut(directory, records, self.floor.get((topic, partition), 0))
        ours = {(topic, partition, raw.offset) for raw in gone}
        self.poisoned = [place for place in self.poisoned if place not in ours]
        return tuple(raw for raw in gone if is_record(raw.value))

    def _comes_back(self, lost: Lost) -> None:
        """All of it stands in the log again, wherever."""
        missing = {sha256(raw.value).digest() for raw in lost.records}
        place = TopicPartition(lost.topic, lost.partition, lost.records[0].offset)
        with closing(self.stack.kafka.reader()) as reader:
            reader.assign([place])

            def back() -> bool:
                for message in reader.consume(1000, timeout=0.2):
                    if message.error() is None:
                        missing.discard(sha256(message.value() or b"").digest())
                return not missing

            try:
                wait_until(back, "", READY_SECONDS)
            except StackError as error:
                text = f"{len(missing)} of {len(lost.records)} records cut off {lost.topic}[{lost.partition}]"
                raise NotHealed(f"{text} from {lost.records[0].offset} on did not come back") from error

    def _goes_on(self) -> None:
        for service in self.stack.services.values():

            def halted(service=service) -> bool:
                try:
                    return metric(service.metrics(), HALTED) > 0
                except OSError:
                    return True

            try:
                wait_until(lambda halted=halted: not halted(), f"{service.instance} stands still", READY_SECONDS)
            except StackError as error:
                raise NotHealed(f"after cut log: {error}") from error


def _named(node: Kafka) -> str:
    return "kafka" if len(node.nodes) == 1 else f"kafka-{node.node}"
