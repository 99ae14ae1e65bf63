"""One Redis server with the settings of deploy/redis and a user per service."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path
from string import Template

import redis
import yaml

from stafett_stack.paths import REDIS_TEMPLATE, REDIS_USERS
from stafett_stack.procs import Process, StackError, free_port
from stafett_stack.secrets import Secrets

ADMIN = "admin"
START_SECONDS = 30.0


class Redis:
    """server = Redis(dir, secrets); server.start(); server.client("cases").ping()"""

    def __init__(
        self,
        directory: Path,
        secrets: Secrets,
        *,
        detached: bool = False,
        ports: Mapping[str, int] | None = None,
        maxmemory: str = "1gb",
    ) -> None:
        self.directory = directory
        self.secrets = secrets
        self.detached = detached
        self.maxmemory = maxmemory
        self.env: dict[str, str] = {}  # for its process (tools/faults)
        self.port = (ports or {}).get("redis") or free_port()
        self.process: Process | None = None

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    @property
    def data(self) -> Path:
        return self.directory / "data"

    @property
    def running(self) -> bool:
        return self.process is not None and self.process.running

    def start(self) -> None:
        self.begin_start()
        self.wait_ready()

    def begin_start(self) -> None:
        if self.running:
            raise StackError("Redis runs already")
        self._write_configuration()
        self.process = Process(
            "redis",
            ["redis-server", self.directory / "redis.conf"],
            self.directory / "redis.log",
            env=self.env,
            detached=self.detached,
        )

    def wait_ready(self, timeout: float = START_SECONDS) -> None:
        assert self.process is not None
        self.process.wait_until(self._answers, "no answer to PING", timeout)

    def stop(self) -> None:
        if self.process is not None:
            self.process.stop()
            self.process = None

    def kill(self) -> None:
        """kill -9."""
        if self.process is not None:
            self.process.kill()
            self.process = None

    def restart(self) -> None:
        """Stops it if it runs and starts it again, on the same port, with the same data."""
        self.stop()
        self.start()

    def wipe(self) -> None:
        """An empty disk, as after a loss. Only while it is stopped."""
        if self.running:
            raise StackError("stop Redis before wiping it")
        shutil.rmtree(self.data, ignore_errors=True)

    def client(self, user: str = ADMIN, *, decode: bool = False) -> redis.Redis:
        return redis.Redis(
            host="127.0.0.1",
            port=self.port,
            username=user,
            password=self.secrets.redis(user).read_text().strip(),
            decode_responses=decode,
            socket_timeout=10,
        )

    def _answers(self) -> bool:
        try:
            return bool(self.client().ping())
        except (redis.ConnectionError, redis.TimeoutError):  # BusyLoading is a ConnectionError
            return False

    def _write_configuration(self) -> None:
        self.data.mkdir(parents=True, exist_ok=True)
        acl = self.directory / "users.acl"
        acl.touch(mode=0o600)
        acl.write_text("\n".join(acl_lines(self.secrets)) + "\n")
        text = Template(REDIS_TEMPLATE.read_text()).substitute(
            directory=self.data, port=self.port, aclfile=acl, maxmemory=self.maxmemory
        )
        (self.directory / "redis.conf").write_text(_without_comments(text))


def acl_lines(secrets: Secrets) -> list[str]:
    document = yaml.safe_load(REDIS_USERS.read_text())

    def line(user: str, rules: str) -> str:
        return f"user {user} on #{secrets.sha256(secrets.redis(user))} {rules}"

    service = document["service"]
    lines = [f"user default {document['default']}"]
    for name in document["services"]:
        lines.append(line(name, f"{service['keys'].format(service=name)} {service['commands']}"))
    auditor = document["auditor"]
    lines.append(line(auditor["name"], f"{auditor['keys']} {auditor['commands']}"))
    return lines + [line(document["admin"]["name"], document["admin"]["rules"])]


def _without_comments(text: str) -> str:
    # Redis knows comments only on lines of their own.
    lines = (line.partition(" #")[0].rstrip() for line in text.splitlines())
    return "\n".join(line for line in lines if line and not line.startswith("#")) + "\n"
