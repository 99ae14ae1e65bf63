"""The floor: tests/bench/bare_path on the same Redis and broker, as the user that cases is."""

from __future__ import annotations

import subprocess
import time

import grpc
from confluent_kafka.admin import (
    AclBinding,
    AclOperation,
    AclPermissionType,
    NewTopic,
    ResourcePatternType,
    ResourceType,
)

from stafett_bench.caller import PRESET, REQUEST_ID, Call, Plan
from stafett_bench.children import World
from stafett_stack.procs import POLL_SECONDS, StackError
from stafett_stack.services import binaries

TOPIC = "bench.bare"
LEGS = ("Call", "Store", "Publish", "Path")
PLANNED = 128  # as many callers as there will ever be


class Bare:
    """with Bare(world, size) as bare: bare.plan("Path").run(bare.target, callers=1, seconds=3)"""

    def __init__(self, world: World, size: int) -> None:
        self._stack = world.stack
        self._world = world
        self._body = body(size)
        self._process: subprocess.Popen[str] | None = None
        self._plans: dict[str, Plan] = {}
        self._log = world.directory / "bare_path.log"
        self.target = ""

    def __enter__(self) -> Bare:
        self._provide()
        self.start()
        try:
            self.answers(30.0)
            self.plan("Path").once(self.target, callers=8)  # all its connections are there
        except BaseException:
            self.kill()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def start(self) -> None:
        stack = self._stack
        command = [
            binaries(PRESET) / "bare_path",
            "--redis", stack.redis.port, "--redis-user", "cases", "--redis-password-file", stack.secrets.redis("cases"),
            "--kafka", stack.kafka.bootstrap, "--kafka-user", "svc-cases",
            "--kafka-password-file", stack.secrets.kafka("svc-cases"),
            "--topic", TOPIC, "--partitions", stack.kafka.partitions,
        ]  # fmt: skip
        with open(self._log, "ab") as log:
            self._process = subprocess.Popen(
                ["setpriv", "--pdeathsig", "KILL", "--", *map(str, command)],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, text=True, start_new_session=True,
            )  # fmt: skip
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise StackError(f"bare_path did not start: {self._log.read_text(errors='replace')[-300:]}")
        self.target = f"127.0.0.1:{int(line)}"

    def kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.communicate()
            self._process = None

    def plan(self, leg: str) -> Plan:
        if leg not in self._plans:
            self._plans[leg] = self._world.plan([Call(f"/stafett.bench.Bare/{leg}", self._body)] * PLANNED)
        return self._plans[leg]

    def answers(self, patience: float) -> float:
        """When the whole path was answered for the first time (time.monotonic)."""
        deadline = time.monotonic() + patience
        while time.monotonic() < deadline:
            with grpc.insecure_channel(self.target, options=[("grpc.use_local_subchannel_pool", 1)]) as channel:
                try:
                    channel.unary_unary("/stafett.bench.Bare/Path")(self._body, timeout=10)
                    return time.monotonic()
                except grpc.RpcError:
                    time.sleep(POLL_SECONDS)
        raise StackError(f"the bare path did not answer within {patience:.0f} s")

    def _provide(self) -> None:
        kafka = self._stack.kafka
        topic = NewTopic(TOPIC, kafka.partitions, 1,
                         config={"flush.messages": "1", "message.timestamp.type": "LogAppendTime"})  # fmt: skip
        if TOPIC not in kafka.admin().list_topics(timeout=10.0).topics:
            for future in kafka.admin().create_topics([topic]).values():
                future.result()
        for operation in ("WRITE", "DESCRIBE"):
            right = AclBinding(ResourceType.TOPIC, TOPIC, ResourcePatternType.LITERAL, "User:svc-cases", "*",
                               AclOperation[operation], AclPermissionType.ALLOW)  # fmt: skip
            for future in kafka.admin().create_acls([right]).values():
                future.result()


def body(size: int) -> bytes:
    """A bench.Payload (tests/bench/bare.proto) with a record of so many bytes."""
    id_ = REQUEST_ID.encode()
    return b"\x0a" + bytes([len(id_)]) + id_ + b"\x12" + _varint(size) + b"x" * size


def _varint(number: int) -> bytes:
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*out, number])
