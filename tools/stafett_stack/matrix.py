"""Who may do what on the broker: what the file says, and what the broker really does.

`expected` comes from deploy/kafka/acls.yaml; `tried` logs in as each principal and attempts every
operation on every topic and group. A cell is (principal, kind, name, operation) → allowed or not.

Attempts that would change something if they were wrongly allowed come last (DELETE, ALTER_CONFIGS,
…), so that one wrong right does not blur the rest.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from confluent_kafka import (
    Consumer,
    ConsumerGroupTopicPartitions,
    KafkaError,
    KafkaException,
    Producer,
    TopicPartition,
)
from confluent_kafka.admin import (
    AclBinding,
    AclBindingFilter,
    AclOperation,
    AclPermissionType,
    AdminClient,
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    NewTopic,
    ResourcePatternType,
    ResourceType,
)

from stafett_stack.kafka import Kafka
from stafett_stack.procs import StackError
from stafett_stack.rights import Right

TOPIC_OPERATIONS = (
    "DESCRIBE", "READ", "WRITE", "DESCRIBE_CONFIGS", "CREATE", "ALTER_CONFIGS", "DELETE_RECORDS",
    "DELETE",
)  # fmt: skip
GROUP_OPERATIONS = ("READ", "DESCRIBE", "DELETE")
CLUSTER_OPERATIONS = ("DESCRIBE_ACLS", "CREATE_ACLS", "CREATE_TOPIC")
SECONDS = 20.0

Cell = tuple[str, str, str, str]

_DENIED = {
    KafkaError.TOPIC_AUTHORIZATION_FAILED,
    KafkaError.GROUP_AUTHORIZATION_FAILED,
    KafkaError.CLUSTER_AUTHORIZATION_FAILED,
}

_PAST_THE_GUARD = {
    KafkaError.TOPIC_ALREADY_EXISTS,
    KafkaError.GROUP_ID_NOT_FOUND,
    KafkaError.NON_EMPTY_GROUP,
    KafkaError.POLICY_VIOLATION,  # deleting records of a compacted topic
}


@dataclass(frozen=True)
class Matrix:
    principals: tuple[str, ...]
    topics: tuple[str, ...]
    groups: tuple[str, ...]

    def cells(self) -> Iterable[Cell]:
        for principal in self.principals:
            for kind, names, operations in (
                ("TOPIC", self.topics, TOPIC_OPERATIONS),
                ("GROUP", self.groups, GROUP_OPERATIONS),
                ("CLUSTER", ("kafka-cluster",), CLUSTER_OPERATIONS),
            ):
                for name in names:
                    for operation in operations:
                        yield (principal, kind, name, operation)

    def expected(self, rights: Iterable[Right]) -> dict[Cell, bool]:
        """Literal ACLs, and Kafka's one rule of implication: READ or WRITE brings DESCRIBE."""
        granted = {(r.principal, r.kind, r.name, r.operation) for r in rights}
        implied = {
            (principal, kind, name, "DESCRIBE")
            for principal, kind, name, operation in granted
            if operation in ("READ", "WRITE")
        }
        return {cell: cell in granted | implied for cell in self.cells()}

    def tried(self, kafka: Kafka, readable: Callable[[str], str]) -> dict[Cell, bool]:
        """`readable(principal)` names a topic that the principal may read, for commits of a group:
        the broker wants the right to the topic as well."""
        result: dict[Cell, bool] = {}
        for principal in self.principals:
            attempt = Attempt(kafka, principal)
            for kind, name, operation, allowed in attempt.harmless(self, readable(principal)):
                result[principal, kind, name, operation] = allowed
        for principal in self.principals:
            attempt = Attempt(kafka, principal)
            for kind, name, operation, allowed in attempt.harmful(self):
                result[principal, kind, name, operation] = allowed
        return result


class Attempt:
    """One principal's attempts, with its own credentials."""

    def __init__(self, kafka: Kafka, principal: str) -> None:
        self._config = kafka.client_config(principal) | {"log_level": 0}
        self._admin = AdminClient(dict(self._config))

    def harmless(self, matrix: Matrix, readable: str) -> Iterable[tuple[str, str, str, bool]]:
        read, written = self._read(matrix.topics), self._write(matrix.topics)
        for topic in matrix.topics:
            yield "TOPIC", topic, "DESCRIBE", self._describe(topic)
            yield "TOPIC", topic, "READ", read[topic]
            yield "TOPIC", topic, "WRITE", written[topic]
            yield "TOPIC", topic, "DESCRIBE_CONFIGS", self._describe_configs(topic)
        for group in matrix.groups:
            yield "GROUP", group, "READ", self._commit(group, readable)
            yield "GROUP", group, "DESCRIBE", self._describe_group(group)
        yield "CLUSTER", "kafka-cluster", "DESCRIBE_ACLS", self._describe_acls()

    def harmful(self, matrix: Matrix) -> Iterable[tuple[str, str, str, bool]]:
        yield "CLUSTER", "kafka-cluster", "CREATE_ACLS", self._create_acl()
        yield "CLUSTER", "kafka-cluster", "CREATE_TOPIC", self._create("stafett.matrix-intruder")
        for group in matrix.groups:
            yield "GROUP", group, "DELETE", self._delete_group(group)
        for topic in matrix.topics:
            yield "TOPIC", topic, "CREATE", self._create(topic)
            yield "TOPIC", topic, "ALTER_CONFIGS", self._alter_configs(topic)
            yield "TOPIC", topic, "DELETE_RECORDS", self._delete_records(topic)
            yield "TOPIC", topic, "DELETE", self._delete(topic)

    def visible_topics(self) -> set[str]:
        """All topics that the broker admits to this principal when it asks for all."""
        return set(self._admin.list_topics(timeout=SECONDS).topics)

    # --- topics -------------------------------------------------------------------------------

    def _describe(self, topic: str) -> bool:
        error = self._admin.list_topics(topic, timeout=SECONDS).topics[topic].error
        return _allowed(error)

    def _read(self, topics: tuple[str, ...]) -> dict[str, bool]:
        """Fetches from partition 0 of each topic that it may describe. Of the others it is told no
        leader to fetch from, and the right to read would have brought the right to describe."""
        consumer = Consumer(
            self._config | {"group.id": "matrix", "enable.auto.commit": False,
                            "enable.partition.eof": True, "auto.offset.reset": "earliest"}
        )  # fmt: skip
        verdicts = {topic: False for topic in topics if not self._describe(topic)}
        try:
            consumer.assign([TopicPartition(t, 0, 0) for t in topics if t not in verdicts])
            deadline = time.monotonic() + SECONDS
            while set(topics) - set(verdicts):
                message = consumer.poll(0.5)
                if time.monotonic() > deadline:
                    raise StackError(f"no answer about {sorted(set(topics) - set(verdicts))}")
                if message is None:
                    continue
                error = message.error()
                if error is None or error.code() == KafkaError._PARTITION_EOF:
                    verdicts.setdefault(message.topic(), True)
                elif message.topic() and error.code() in _DENIED:
                    verdicts[message.topic()] = False
        finally:
            consumer.close()
        return verdicts

    def _write(self, topics: tuple[str, ...]) -> dict[str, bool]:
        # Without idempotence: its refusal is fatal to the producer and hides which topic it was.
        producer = Producer(self._config | {"acks": "all", "linger.ms": 0, "enable.idempotence": False})
        verdicts: dict[str, bool] = {}

        def delivered(topic: str) -> Callable[[KafkaError | None, object], None]:
            return lambda error, _: verdicts.__setitem__(topic, _allowed(error))

        for topic in topics:
            try:
                # A key, since compacted topics refuse records without one.
                producer.produce(topic, b"matrix", b"matrix", 0, on_delivery=delivered(topic))
            except KafkaException as error:
                verdicts[topic] = _allowed(error.args[0])
        if producer.flush(SECONDS) > 0:
            raise StackError(f"no answer about writing to {sorted(set(topics) - set(verdicts))}")
        return verdicts

    def idempotent_write(self, topic: str) -> bool:
        """As our services write: acks=all, idempotent. Only for principals that may write."""
        producer = Producer(self._config | {"acks": "all", "enable.idempotence": True, "linger.ms": 0})
        outcome: list[KafkaError | None] = []
        producer.produce(topic, b"matrix", b"matrix", 0, on_delivery=lambda e, _: outcome.append(e))
        producer.flush(SECONDS)
        if not outcome:
            raise StackError(f"no answer about writing to {topic}")
        return _allowed(outcome[0])

    def _describe_configs(self, topic: str) -> bool:
        resource = ConfigResource(ConfigResource.Type.TOPIC, topic)
        return _future(self._admin.describe_configs([resource], request_timeout=SECONDS))

    def _create(self, topic: str) -> bool:
        new = NewTopic(topic, 1, replication_factor=1)
        return _future(
            self._admin.create_topics([new], validate_only=True, request_timeout=SECONDS)
        )

    def _alter_configs(self, topic: str) -> bool:
        entry = ConfigEntry(
            "retention.ms", "1", incremental_operation=AlterConfigOpType.SET
        )
        resource = ConfigResource(
            ConfigResource.Type.TOPIC, topic, incremental_configs=[entry]
        )
        return _future(
            self._admin.incremental_alter_configs(
                [resource], validate_only=True, request_timeout=SECONDS
            )
        )

    def _delete_records(self, topic: str) -> bool:
        if not self._describe(topic):
            return False  # told no leader to ask; the right to delete would have brought DESCRIBE
        return _future(
            self._admin.delete_records([TopicPartition(topic, 0, 0)], request_timeout=SECONDS)
        )

    def _delete(self, topic: str) -> bool:
        return _future(self._admin.delete_topics([topic], request_timeout=SECONDS))

    # --- groups -------------------------------------------------------------------------------

    def _commit(self, group: str, readable: str) -> bool:
        # By the admin client: a consumer's commit waits for ever for a coordinator that it may not
        # ask for. The request to the broker is the same.
        place = ConsumerGroupTopicPartitions(group, [TopicPartition(readable, 0, 0)])
        return _future(
            self._admin.alter_consumer_group_offsets([place], request_timeout=SECONDS)
        )

    def _describe_group(self, group: str) -> bool:
        return _future(self._admin.describe_consumer_groups([group], request_timeout=SECONDS))

    def _delete_group(self, group: str) -> bool:
        return _future(self._admin.delete_consumer_groups([group], request_timeout=SECONDS))

    # --- the cluster --------------------------------------------------------------------------

    def _describe_acls(self) -> bool:
        every = AclBindingFilter(
            ResourceType.ANY, None, ResourcePatternType.ANY, None, None,
            AclOperation.ANY, AclPermissionType.ANY,
        )  # fmt: skip
        # The client hands out an empty list where the broker refused; there are ACLs, so an answer
        # to one who may ask is never empty.
        try:
            return bool(self._admin.describe_acls(every, request_timeout=SECONDS).result(SECONDS))
        except KafkaException as error:
            return _allowed(error.args[0])

    def _create_acl(self) -> bool:
        binding = AclBinding(
            ResourceType.TOPIC, "stafett.matrix-intruder", ResourcePatternType.LITERAL,
            "User:nobody", "*", AclOperation.READ, AclPermissionType.ALLOW,
        )  # fmt: skip
        return _future(self._admin.create_acls([binding], request_timeout=SECONDS))


def _future(futures: dict) -> bool:
    (future,) = futures.values()
    try:
        future.result(SECONDS)
        return True
    except KafkaException as error:
        return _allowed(error.args[0])


def _allowed(error: KafkaError | None) -> bool:
    """Refused, or past the guard; an answer that says neither proves nothing and is an error."""
    if error is None or error.code() in _PAST_THE_GUARD:
        return True
    if error.code() in _DENIED:
        return False
    raise StackError(f"the attempt got no verdict: {error!r}")
