"""Our own services: one config file and one process per copy."""

from __future__ import annotations

import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import yaml

from stafett_stack.issuer import AUDIENCE, Tokens
from stafett_stack.kafka import Kafka
from stafett_stack.mail import MailServer
from stafett_stack.paths import REPOSITORY, TEXTS
from stafett_stack.procs import Process, StackError, free_port, wait_until
from stafett_stack.redis_ import Redis
from stafett_stack.secrets import Secrets

SERVICES = ("cases", "consent", "disclosure", "escalation", "notifications")
AUDITOR = "auditor"  # a process beside them that nobody calls
CALLS = {"consent": ("disclosure",)}  # who calls whom by gRPC
KEYLESS = ("escalation", "notifications")  # can open and seal nothing (design §3.9)
KEY_FILES = {"kek_file": "kek", "identity_key_file": "identity_key", "alias_key_file": "alias_key"}
READY_SECONDS = 60.0


def binaries(preset: str) -> Path:
    return REPOSITORY / "build" / preset / "bin"


@dataclass(frozen=True)
class Wiring:
    """What every service is connected to."""

    kafka: Kafka
    redis: Redis
    tokens: Tokens
    secrets: Secrets
    controllers: Path
    policy: Path
    binaries: Path
    mail: MailServer | None = None
    mode: str = "development"
    detached: bool = False


class Service:
    """One copy of one service. Its ports stay the same over restarts."""

    def __init__(
        self,
        name: str,
        instance: str,
        directory: Path,
        wiring: Wiring,
        *,
        ports: Mapping[str, int] | None = None,
    ) -> None:
        self.name = name
        self.instance = instance
        self.directory = directory
        self.wiring = wiring
        ports = ports or {}
        self.port = ports.get(instance) or free_port()
        self.admin_port = ports.get(f"{instance}-admin") or free_port()
        self.overrides: dict[str, object] = {}  # merged into the config's top level (tests)
        self.peers: dict[str, str] = {}
        self.process: Process | None = None

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    @property
    def admin_address(self) -> str:
        return f"127.0.0.1:{self.admin_port}"

    @property
    def config_file(self) -> Path:
        return self.directory / f"{self.instance}.yaml"

    @property
    def log(self) -> Path:
        return self.directory / f"{self.instance}.log"

    @property
    def running(self) -> bool:
        return self.process is not None and self.process.running

    def configuration(self) -> dict[str, object]:
        wiring = self.wiring
        principal = f"svc-{self.name}"
        config: dict[str, object] = {
            "service": self.name,
            "instance": self.instance,
            "mode": wiring.mode,
            "admin_listen": self.admin_address,
            "partitions": wiring.kafka.partitions,
            "redis": {
                "host": "127.0.0.1",
                "port": wiring.redis.port,
                "user": self.name,
                "password_file": str(wiring.secrets.redis(self.name)),
            },
            "kafka": {
                "bootstrap": wiring.kafka.bootstrap,
                "user": principal,
                "password_file": str(wiring.secrets.kafka(principal)),
                # Debian's librdkafka cannot do SCRAM with Kafka 4 (services/decisions/0003).
                "mechanism": "PLAIN",
            },
        }
        config |= {"auditor": {"services": list(SERVICES)}} if self.name == AUDITOR else self._serving()
        return {**config, **self.overrides}

    def _serving(self) -> dict[str, object]:
        """What only processes have that are called."""
        wiring = self.wiring
        principal = f"svc-{self.name}"
        config: dict[str, object] = {
            "listen": self.address,
            "tokens": {
                "issuer": wiring.tokens.url,
                "jwks_url": wiring.tokens.jwks_url,
                "audience": AUDIENCE,
            },
            "controllers": str(wiring.controllers),
            "policy": str(wiring.policy),
        }
        if self.name not in KEYLESS:
            config["keys"] = {key: str(wiring.secrets.path(name)) for key, name in KEY_FILES.items()}
        if self.name in CALLS:
            config["peers"] = dict(self.peers)
            config["service_token"] = {
                "url": wiring.tokens.token_url,
                "client_id": principal,
                "client_secret_file": str(wiring.secrets.client(principal)),
            }
        if self.name == "notifications" and wiring.mail is not None:
            config["notifications"] = {
                "texts": str(TEXTS),
                "link": "https://stafett.example.no/",
                "smtp": {
                    "host": wiring.mail.host,
                    "port": wiring.mail.port,
                    "ca_file": str(wiring.mail.certificate),
                    "from": "ikke-svar@stafett.example.no",
                },
            }
        return config

    def write_configuration(self) -> None:
        self.directory.mkdir(parents=True, exist_ok=True)
        self.config_file.write_text(yaml.safe_dump(self.configuration(), sort_keys=False))

    def start(self) -> None:
        self.begin_start()
        self.wait_ready()

    def begin_start(self) -> None:
        if self.running:
            raise StackError(f"{self.instance} runs already")
        binary = self.binary()
        self.write_configuration()
        self.process = Process(
            self.instance,
            [binary, "--config", self.config_file],
            self.log,
            detached=self.wiring.detached,
        )

    def binary(self) -> Path:
        binary = self.wiring.binaries / f"stafett-{self.name}"
        if not binary.exists():
            raise StackError(f"{binary} is not built")
        return binary

    def wait_ready(self, timeout: float = READY_SECONDS) -> None:
        assert self.process is not None
        self.process.wait_until(lambda: self.probe("/readyz"), "is not ready", timeout)

    def wait_unready(self, timeout: float = READY_SECONDS) -> None:
        wait_until(lambda: not self.probe("/readyz"), f"{self.instance} is still ready", timeout)

    def probe(self, path: str) -> bool:
        """True if the admin address answers `path` with 200."""
        return self.answer(path)[0] == 200

    def answer(self, path: str) -> tuple[int, str]:
        """Status and text of the admin address; (0, "") if nobody answers."""
        try:
            with urllib.request.urlopen(f"http://{self.admin_address}{path}", timeout=2) as response:
                return response.status, response.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()
        except OSError:
            return 0, ""

    def metrics(self) -> str:
        with urllib.request.urlopen(f"http://{self.admin_address}/metrics", timeout=5) as response:
            return response.read().decode()

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
        self.stop()
        self.start()


def grpc_target(addresses: list[str]) -> str:
    """One address as it is; several in gRPC's own notation, for its load balancing."""
    return addresses[0] if len(addresses) == 1 else "ipv4:" + ",".join(addresses)
