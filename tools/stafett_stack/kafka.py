"""A Kafka broker (KRaft, broker and controller in one), or a set of three, with SASL/SCRAM, and its topics, users and
ACLs.

Clients and the broker itself use one listener, SASL_PLAINTEXT: our services by PLAIN
(services/decisions/0003), everybody else by SCRAM-SHA-256. The controller listener wants SASL too
(PLAIN, since SCRAM credentials live behind it). No anonymous door.
"""

from __future__ import annotations

import base64
import hashlib
import os
import uuid
from collections.abc import Mapping
from pathlib import Path

import yaml
from confluent_kafka import Consumer, KafkaException
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
    ScramCredentialInfo,
    ScramMechanism,
    UserScramCredentialUpsertion,
)

from stafett_stack import rights
from stafett_stack.paths import KAFKA_ACLS, KAFKA_JARS, KAFKA_TOPICS
from stafett_stack.procs import Process, StackError, free_port, port_answers
from stafett_stack.secrets import Secrets

ADMIN = "admin"
HEAP_MB = 400
SCRAM_ITERATIONS = 4096
SERVICE_PRINCIPALS = ("svc-cases", "svc-consent", "svc-disclosure", "svc-escalation", "svc-notifications",
                      "svc-auditor")  # fmt: skip
REPLICATED_IN_SYNC = 2  # of three: what is acknowledged survives any one of them
START_SECONDS = 60.0
ADMIN_SECONDS = 30.0


class Kafka:
    """kafka = Kafka(dir, secrets, partitions=6); kafka.start(); kafka.provision(recipients)

    The ports are chosen once, so clients find a broker that was killed and started again.
    """

    def __init__(
        self,
        directory: Path,
        secrets: Secrets,
        *,
        partitions: int,
        detached: bool = False,
        ports: Mapping[str, int] | None = None,
        node: int = 1,
    ) -> None:
        self.directory = directory
        self.secrets = secrets
        self.partitions = partitions
        self.node = node
        self.nodes: list[Kafka] = [self]  # of the set that it belongs to
        self.cluster = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
        self.detached = detached
        self.env: dict[str, str] = {}  # for the broker's process (tools/faults)
        # A second listener, for clients that come through something in between: (ours, the one they are told).
        self.detour: tuple[int, int] | None = None
        ports = ports or {}
        self.port = ports.get("client") or free_port()
        self.controller_port = ports.get("controller") or free_port()
        self.process: Process | None = None
        self._admin: AdminClient | None = None
        self._format: Process | None = None

    # --- life ---------------------------------------------------------------------------------

    @property
    def bootstrap(self) -> str:
        return f"127.0.0.1:{self.port}"

    @property
    def data(self) -> Path:
        return self.directory / "data"

    @property
    def running(self) -> bool:
        return self.process is not None and self.process.running

    def start(self) -> None:
        """Formats the disk if it is new, starts the broker and waits until it answers."""
        self.begin_format()
        self.begin_start()
        self.wait_ready()

    # The three steps of start(), so that a stack can start other things meanwhile.

    def begin_format(self) -> None:
        self._write_properties()
        if (self.data / "meta.properties").exists():
            return
        command = ["format", "--config", self._properties, f"--cluster-id={self.cluster}"]  # it may begin with "-"
        self._format = self._java(
            "kafka-format",
            ["kafka.tools.StorageTool", *command, "--add-scram", self._admin_scram()],
            heap_mb=64,
        )

    def begin_start(self) -> None:
        if self.running:
            raise StackError("Kafka runs already")
        if self._format is not None:
            code = self._format.wait_exit(START_SECONDS)
            if code != 0:
                raise StackError(f"formatting Kafka's disk failed:\n{self._format.log_tail()}")
            self._format = None
        self.process = self._java("kafka", ["kafka.Kafka", self._properties], heap_mb=HEAP_MB, env=self.env)

    def wait_ready(self, timeout: float = START_SECONDS) -> None:
        assert self.process is not None
        self.process.wait_until(lambda: port_answers(self.port), "no answer on its port", timeout)
        self.process.wait_until(self._admin_answers, "the admin user cannot log in", timeout)

    def stop(self) -> None:
        self._admin = None
        if self.process is not None:
            self.process.stop()
            self.process = None

    def kill(self) -> None:
        """kill -9."""
        self._admin = None
        if self.process is not None:
            self.process.kill()
            self.process = None

    def restart(self) -> None:
        """Stops it if it runs and starts it again, on the same port, with the same data."""
        self.stop()
        self.begin_start()
        self.wait_ready()

    def partition_directory(self, topic: str, partition: int) -> Path:
        """Where a partition's segments lie (for tests that cut a log's tail by hand)."""
        return self.data / f"{topic}-{partition}"

    # --- clients ------------------------------------------------------------------------------

    def client_config(self, principal: str) -> dict[str, object]:
        """The settings with which a librdkafka client logs in as `principal`."""
        return {
            "bootstrap.servers": self.bootstrap,
            "security.protocol": "SASL_PLAINTEXT",
            "sasl.mechanism": "SCRAM-SHA-256",
            "sasl.username": principal,
            "sasl.password": self.secrets.kafka(principal).read_text().strip(),
            "reconnect.backoff.ms": 50,
            "reconnect.backoff.max.ms": 500,
            "topic.metadata.refresh.sparse": True,
        }

    def reader(self) -> Consumer:
        """A consumer of the admin's: joins no group, commits nothing. What is wrong is told by the call that fails."""
        return Consumer({
            **self.client_config(ADMIN), "group.id": "stafett-reader", "enable.auto.commit": False, "log_level": 0,
        })  # fmt: skip

    def admin(self) -> AdminClient:
        """The one admin client; topics, users and ACLs all go through it, no JVM for each."""
        if self._admin is None:
            # Connection errors are told by the call that fails, not on the terminal as well.
            self._admin = AdminClient(
                {**self.client_config(ADMIN), "log_level": 0, "error_cb": lambda _: None}
            )
        return self._admin

    def set_of_topic(self, topic: str, name: str, value: str, timeout: float) -> None:
        """A setting, while it runs: for who tries what an operator might do."""
        entry = ConfigEntry(name, value, incremental_operation=AlterConfigOpType.SET)
        resource = ConfigResource(ResourceType.TOPIC, topic, incremental_configs=[entry])
        for done in self.admin().incremental_alter_configs([resource]).values():
            done.result(timeout)

    # --- what is in it ------------------------------------------------------------------------

    def provision(self, recipients: tuple[str, ...]) -> None:
        """Topics, users and ACLs as the files say. Repeating it changes nothing."""
        self.create_topics(recipients)
        wanted = rights.load(KAFKA_ACLS, recipients)
        self.create_users(sorted({right.principal for right in wanted}))
        self.set_acls(wanted)

    def create_topics(self, recipients: tuple[str, ...]) -> None:
        existing = self.admin().list_topics(timeout=ADMIN_SECONDS).topics
        wanted = topics(recipients, self.partitions, replicas=len(self.nodes))
        for topic in wanted:
            there = existing.get(topic.topic)
            if there is not None and len(there.partitions) != topic.num_partitions:
                raise StackError(
                    f"topic {topic.topic} has {len(there.partitions)} partitions,"
                    f" {topic.num_partitions} were asked for; the number is fixed for ever"
                    f" (another directory, or wipe this one)"
                )
        new = [topic for topic in wanted if topic.topic not in existing]
        if new:
            _all_done(self.admin().create_topics(new, request_timeout=ADMIN_SECONDS))

    def create_users(self, principals: list[str]) -> None:
        if not principals:
            return
        known = self.admin().describe_user_scram_credentials().result(ADMIN_SECONDS)
        changes = [
            UserScramCredentialUpsertion(
                principal,
                ScramCredentialInfo(ScramMechanism.SCRAM_SHA_256, SCRAM_ITERATIONS),
                self.secrets.kafka(principal).read_text().strip().encode(),
            )
            for principal in principals
            if principal not in known
        ]
        if changes:
            _all_done(self.admin().alter_user_scram_credentials(changes))

    def set_acls(self, wanted: frozenset[rights.Right]) -> None:
        """Adds what is missing, removes what the file does not know."""
        existing = self._bindings()
        target = {_binding(right) for right in wanted}
        if target - existing:
            _all_done(self.admin().create_acls(list(target - existing)))
        for stale in existing - target:
            exact = AclBindingFilter(
                stale.restype, stale.name, stale.resource_pattern_type, stale.principal,
                stale.host, stale.operation, stale.permission_type,
            )  # fmt: skip
            _all_done(self.admin().delete_acls([exact]))

    def acls(self) -> frozenset[rights.Right]:
        """The rights that the broker holds now."""
        return frozenset(
            rights.Right(
                binding.principal.removeprefix("User:"),
                binding.restype.name,
                binding.name,
                binding.operation.name,
            )
            for binding in self._bindings()
        )

    # --- inside -------------------------------------------------------------------------------

    @property
    def _properties(self) -> Path:
        return self.directory / "server.properties"

    def _java(self, name: str, arguments: list, *, heap_mb: int, env: Mapping[str, str] | None = None) -> Process:
        if not KAFKA_JARS.is_dir():
            raise StackError("Kafka's jars are not there; run tools/setup")
        options = [
            f"-Xms{min(heap_mb, 256)}m",
            f"-Xmx{heap_mb}m",
            "-XX:+ExitOnOutOfMemoryError",
            "-Djava.awt.headless=true",
            "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
            "-Dorg.slf4j.simpleLogger.showDateTime=true",
            "-Dorg.slf4j.simpleLogger.dateTimeFormat=yyyy-MM-dd'T'HH:mm:ss.SSSZ",
        ]
        return Process(
            name,
            ["java", *options, "-cp", f"{KAFKA_JARS}/*", *arguments],
            self.directory / f"{name}.log",
            env=env,
            detached=self.detached,
        )

    def _admin_answers(self) -> bool:
        try:
            self.admin().list_topics(timeout=1.0)
            return True
        except KafkaException:
            return False

    def _bindings(self) -> set[AclBinding]:
        every = AclBindingFilter(
            ResourceType.ANY, None, ResourcePatternType.ANY, None, None,
            AclOperation.ANY, AclPermissionType.ANY,
        )  # fmt: skip
        return set(self.admin().describe_acls(every).result(ADMIN_SECONDS))

    def _admin_scram(self) -> str:
        # Salted here, so that the password does not stand in a process list.
        salt = os.urandom(16)
        password = self.secrets.kafka(ADMIN).read_text().strip().encode()
        salted = hashlib.pbkdf2_hmac("sha256", password, salt, SCRAM_ITERATIONS)
        text = {"salt": base64.b64encode(salt), "saltedpassword": base64.b64encode(salted)}
        return (
            f"SCRAM-SHA-256=[name={ADMIN},iterations={SCRAM_ITERATIONS},"
            f'salt="{text["salt"].decode()}",saltedpassword="{text["saltedpassword"].decode()}"]'
        )

    def _write_properties(self) -> None:
        self.directory.mkdir(parents=True, exist_ok=True)
        password = self.secrets.kafka(ADMIN).read_text().strip()
        login = f'required username="{ADMIN}" password="{password}"'
        package = "org.apache.kafka.common.security"
        plain = f"{package}.plain.PlainLoginModule required" + "".join(
            f' user_{name}="{self.secrets.kafka(name).read_text().strip()}"' for name in SERVICE_PRINCIPALS
        )
        replicas = len(self.nodes)
        in_sync = min(replicas, REPLICATED_IN_SYNC)
        properties = {
            "process.roles": "broker,controller",
            "node.id": self.node,
            "controller.quorum.voters": ",".join(f"{n.node}@127.0.0.1:{n.controller_port}" for n in self.nodes),
            "log.dirs": self.data,
            # listeners
            "listeners": f"CLIENT://127.0.0.1:{self.port},"
            f"CONTROLLER://127.0.0.1:{self.controller_port}",
            "advertised.listeners": f"CLIENT://127.0.0.1:{self.port}",
            "listener.security.protocol.map": "CLIENT:SASL_PLAINTEXT,CONTROLLER:SASL_PLAINTEXT",
            "inter.broker.listener.name": "CLIENT",
            "controller.listener.names": "CONTROLLER",
            "sasl.enabled.mechanisms": "SCRAM-SHA-256",
            "sasl.mechanism.inter.broker.protocol": "SCRAM-SHA-256",
            "sasl.mechanism.controller.protocol": "PLAIN",
            # Our services log in by PLAIN: the SCRAM of Debian's librdkafka repeats the client's nonce,
            # which Kafka 4 rightly refuses (services/decisions/0003). Recipients use SCRAM.
            "listener.name.client.sasl.enabled.mechanisms": "SCRAM-SHA-256,PLAIN",
            "listener.name.client.plain.sasl.jaas.config": f"{plain};",
            "listener.name.controller.sasl.enabled.mechanisms": "PLAIN",
            "listener.name.client.scram-sha-256.sasl.jaas.config": f"{package}.scram.ScramLoginModule {login};",
            "listener.name.controller.plain.sasl.jaas.config": f"{package}.plain.PlainLoginModule {login}"
            f' user_{ADMIN}="{password}";',
            # who may do what
            "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
            "super.users": f"User:{ADMIN}",
            "allow.everyone.if.no.acl.found": "false",
            # topics come from deploy/kafka/topics.yaml, never by accident
            "auto.create.topics.enable": "false",
            "unclean.leader.election.enable": "false",
            "min.insync.replicas": in_sync,
            "default.replication.factor": replicas,
            # internal topics have as many copies as there are nodes; a group joins without a wait
            "offsets.topic.replication.factor": replicas,
            "offsets.topic.num.partitions": 4,
            "transaction.state.log.replication.factor": replicas,
            "transaction.state.log.min.isr": in_sync,
            "transaction.state.log.num.partitions": 1,
            "share.coordinator.state.topic.replication.factor": replicas,
            "share.coordinator.state.topic.min.isr": in_sync,
            "share.coordinator.state.topic.num.partitions": 1,
            "group.initial.rebalance.delay.ms": 0,
            # A killed broker may register again only when its old session has ended: 9 s by default,
            # most of the 15 s that a restart may take.
            "broker.session.timeout.ms": 4000,
            "broker.heartbeat.interval.ms": 500,
            # small machine: two cores, 400 MB heap (the cleaner's buffer is 128 MB by default)
            "num.network.threads": 2,
            "num.io.threads": 4,
            "log.cleaner.dedupe.buffer.size": 16 * 1024 * 1024,
        }
        if self.detour is not None:
            ours, told = self.detour
            properties["listeners"] += f",DETOUR://127.0.0.1:{ours}"
            properties["advertised.listeners"] += f",DETOUR://127.0.0.1:{told}"
            properties["listener.security.protocol.map"] += ",DETOUR:SASL_PLAINTEXT"
            properties["listener.name.detour.sasl.enabled.mechanisms"] = "PLAIN"
            properties["listener.name.detour.plain.sasl.jaas.config"] = f"{plain};"
        descriptor = os.open(self._properties, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with open(descriptor, "w") as file:
            file.writelines(f"{key}={value}\n" for key, value in properties.items())


class KafkaSet(Kafka):
    """Several brokers, each with a folder of its own; to clients one Kafka. A single one of `nodes` may be killed and
    started, and all together as if they were one."""

    def __init__(
        self, directory: Path, secrets: Secrets, *, count: int, partitions: int, detached: bool = False
    ) -> None:
        super().__init__(directory, secrets, partitions=partitions, detached=detached)
        self.nodes = [
            Kafka(directory / f"{node}", secrets, partitions=partitions, detached=detached, node=node)
            for node in range(1, count + 1)
        ]
        for node in self.nodes:
            node.nodes, node.cluster = self.nodes, self.cluster
        self.process = None  # of its nodes

    @property
    def bootstrap(self) -> str:
        return ",".join(node.bootstrap for node in self.nodes)

    @property
    def running(self) -> bool:
        return any(node.running for node in self.nodes)

    def begin_format(self) -> None:
        for node in self.nodes:
            node.begin_format()

    def begin_start(self) -> None:
        for node in self.nodes:
            node.begin_start()

    def wait_ready(self, timeout: float = START_SECONDS) -> None:
        for node in self.nodes:
            node.wait_ready(timeout)

    def stop(self) -> None:
        self._admin = None
        for node in self.nodes:
            node.stop()

    def kill(self) -> None:
        self._admin = None
        for node in self.nodes:
            node.kill()

    def in_sync(self) -> bool:
        """Every replica of every partition has what its leader has."""
        try:
            topics = self.admin().list_topics(timeout=5.0).topics.values()
        except KafkaException:
            return False
        return all(len(p.isrs) == len(p.replicas) for topic in topics for p in topic.partitions.values())


def topics(recipients: tuple[str, ...], partitions: int, *, replicas: int = 1) -> list[NewTopic]:
    """What deploy/kafka/topics.yaml says, with `partitions` for P and one topic per recipient. With three replicas what
    is acknowledged is on two machines, instead of on the disk of one."""
    document = yaml.safe_load(KAFKA_TOPICS.read_text())

    def new(name: str, entry: dict) -> NewTopic:
        count = partitions if entry["partitions"] == "P" else entry["partitions"]
        config = dict(entry["config"])
        if replicas > 1:
            del config["flush.messages"]
            config["min.insync.replicas"] = str(min(replicas, REPLICATED_IN_SYNC))
        return NewTopic(name, count, replication_factor=replicas, config=config)

    named = [new(name, entry) for name, entry in document["topics"].items()]
    template = document["recipient_topic"]
    return named + [
        new(template["name"].format(recipient=recipient), template) for recipient in recipients
    ]


def partition_count(size: str) -> int:
    """`default` or `small`, as deploy/kafka/topics.yaml has them."""
    return yaml.safe_load(KAFKA_TOPICS.read_text())["partitions"][size]


def _binding(right: rights.Right) -> AclBinding:
    return AclBinding(
        ResourceType[right.kind],
        right.name,
        ResourcePatternType.LITERAL,
        f"User:{right.principal}",
        "*",
        AclOperation[right.operation],
        AclPermissionType.ALLOW,
    )


def _all_done(futures: Mapping[object, object]) -> None:
    for what, future in futures.items():
        try:
            future.result(ADMIN_SECONDS)  # type: ignore[attr-defined]
        except KafkaException as error:
            raise StackError(f"Kafka refused {what}: {error}") from error
