"""Broker, Redis, token issuer, services and edge together: one directory, one up(), one down()."""

from __future__ import annotations

import json
import string
import time
from collections.abc import Callable
from pathlib import Path

from stafett_edge.process import Edge
from stafett_stack import controllers as controllers_
from stafett_stack import paths, procs
from stafett_stack.issuer import Issuer
from stafett_stack.kafka import Kafka, KafkaSet, partition_count
from stafett_stack.mail import MailServer
from stafett_stack.monitoring import Monitoring
from stafett_stack.procs import Process, StackError
from stafett_stack.redis_ import Redis
from stafett_stack.secrets import Secrets
from stafett_stack.services import AUDITOR, SERVICES, Service, Wiring, binaries, grpc_target

Progress = Callable[[str], None]
DAY_SECONDS = 24 * 3600


class Stack:
    """with Stack(directory) as stack: stack.up()

    The directory keeps everything: secrets, data, configs, logs, and stack.json with ports and
    pids. The same directory again is the same stack with its data. detached=True lets it live on
    after this program; `stop_recorded_stack` ends it.
    """

    def __init__(
        self,
        directory: Path,
        *,
        partitions: int | None = None,
        services: tuple[str, ...] = SERVICES,
        copies: int = 1,
        preset: str = "release",
        controllers: Path = paths.CONTROLLERS,
        policy: Path = paths.POLICY,
        auditor: bool = True,
        brokers: int = 1,  # or three; such a stack is not detached
        edge: bool = False,  # Envoy in front of the services
        monitoring: bool = False,  # Prometheus and Alertmanager too
        scrape_every: str | None = None,  # "1s"; otherwise as deploy/prometheus says
        hasty_alerts: bool = False,  # monitoring.hastened
        detached: bool = False,
        progress: Progress = lambda _: None,
    ) -> None:
        self.directory = directory.resolve()
        self.directory.mkdir(parents=True, exist_ok=True)
        self._refuse_if_running()
        self.progress = progress
        self.known = controllers_.load(controllers)
        self.secrets = Secrets(self.directory / "secrets")
        partitions = partitions or partition_count("small")
        self.kafka = (
            Kafka(self.directory / "kafka", self.secrets, partitions=partitions, detached=detached)
            if brokers == 1
            else KafkaSet(self.directory / "kafka", self.secrets, count=brokers, partitions=partitions)
        )
        self.redis = Redis(self.directory / "redis", self.secrets, detached=detached)
        self.issuer = Issuer(
            self.directory / "issuer", self.secrets, self.known, detached=detached
        )
        self.mail = MailServer(self.directory / "mail", self.secrets, detached=detached)
        self.wiring = Wiring(
            kafka=self.kafka,
            redis=self.redis,
            tokens=self.issuer.tokens,
            secrets=self.secrets,
            controllers=controllers,
            policy=policy,
            binaries=binaries(preset),
            mail=self.mail,
            detached=detached,
        )
        self.services: dict[str, Service] = {}  # by instance: cases-a, cases-b, consent-a, …
        for name in services:
            for letter in string.ascii_lowercase[:copies]:
                instance = f"{name}-{letter}"
                self.services[instance] = Service(
                    name, instance, self.directory / "services", self.wiring
                )
        for service in self.services.values():
            service.peers = {"disclosure": self.target("disclosure")} if self.of("disclosure") else {}
        self.auditor: Service | None = None  # where there are services
        if auditor and services:
            self.auditor = Service(AUDITOR, f"{AUDITOR}-a", self.directory / "services", self.wiring)
        self.days_passed = 0  # of let_days_pass
        self.edge = self.new_edge(detached=detached) if edge else None
        self.monitoring: Monitoring | None = None
        if monitoring:
            self.monitoring = Monitoring(
                self.directory, self._audited(), [self.edge] if self.edge else [], every=scrape_every,
                hasty=hasty_alerts, detached=detached,
            )  # fmt: skip

    def __enter__(self) -> Stack:
        return self

    def __exit__(self, *_: object) -> None:
        self.down()

    # --- life ---------------------------------------------------------------------------------

    def up(self) -> None:
        """Everything up and ready, or an exception and everything down."""
        try:
            self.up_environment()
            self.up_services()
        except BaseException:
            self.down()
            raise

    def up_environment(self) -> None:
        """Broker with topics, users and ACLs; Redis; token issuer; mail server. Their starts overlap."""
        started = time.monotonic()
        self.progress("starting Redis, Kafka and the token issuer")
        self.kafka.begin_format()
        self.redis.begin_start()
        self.issuer.begin_start()
        self.mail.begin_start()
        self.kafka.begin_start()
        self._record()
        self.redis.wait_ready()
        self.progress(f"Redis answers on {self.redis.address}")
        self.issuer.wait_ready()
        self.progress(f"token issuer answers on {self.issuer.url}")
        self.mail.wait_ready()
        self.progress(f"mail server answers on {self.mail.address}")
        self.kafka.wait_ready()
        self.progress(f"Kafka answers on {self.kafka.bootstrap}; topics, users, rights")
        self.kafka.provision(self.known.recipients)
        self.progress(f"environment ready in {time.monotonic() - started:.1f} s")

    def up_services(self) -> None:
        for service in self._audited().values():
            service.begin_start()
        if self.monitoring is not None:
            self.monitoring.begin_start()
        self._record()
        for service in self.services.values():
            service.wait_ready()
            self.progress(f"{service.instance} ready on {service.address}")
        if self.auditor is not None:
            self.auditor.wait_ready()
        if self.edge is not None:
            self.edge.begin_start()
            self._record()
            self.edge.wait_ready()
            self.progress(f"the edge answers on {self.edge.url}")
        if self.monitoring is not None:
            self.monitoring.wait_ready()
            self.progress(f"Prometheus answers on {self.monitoring.prometheus.url}")

    def let_days_pass(self, days: int) -> None:
        """Every service starts again with its clock so much further ahead (test_clock_ahead_seconds). Clocks of the
        broker, the token issuer and the mail server stay."""
        self.days_passed += days
        for service in self.services.values():
            service.overrides["test_clock_ahead_seconds"] = self.days_passed * DAY_SECONDS
        self.restart_services()

    def restart_services(self, between: Callable[[], None] = lambda: None) -> None:
        """All are stopped, the auditor too, `between` is done while none runs, and all are ready again."""
        for service in self._audited().values():
            service.stop()
        between()
        for service in self._audited().values():
            service.begin_start()
        self._record()
        for service in self._audited().values():
            service.wait_ready()

    def down(self) -> None:
        """Stops all, services before what they stand on; the data stays. Safe to repeat, and on half a stack."""
        if self.monitoring is not None:
            self.monitoring.stop()  # first: what is stopped on purpose is no alarm
        if self.edge is not None:
            self.edge.stop()
        for service in self._audited().values():
            service.stop()
        self.issuer.stop()
        self.mail.stop()
        self.kafka.stop()
        self.redis.stop()
        _state_file(self.directory).unlink(missing_ok=True)

    # --- where things are ---------------------------------------------------------------------

    def of(self, name: str) -> list[Service]:
        """The copies of one service."""
        return [service for service in self.services.values() if service.name == name]

    def target(self, name: str) -> str:
        """What a gRPC client dials to reach any copy of a service."""
        return grpc_target([service.address for service in self.of(name)])

    def addresses(self) -> dict[str, list[str]]:
        """Of every copy, by service."""
        return {name: [copy.address for copy in self.of(name)] for name in self._names()}

    def new_edge(self, name: str = "edge", **arguments) -> Edge:
        """Not started. More than one may stand before the same services."""
        return Edge(self.directory / name, self.addresses(), self.issuer.tokens, **arguments)

    def env(self) -> dict[str, str]:
        """Every address, as .local/env has them."""
        values = {
            "STAFETT_DIRECTORY": str(self.directory),
            "STAFETT_SECRETS": str(self.secrets.directory),
            "STAFETT_CONTROLLERS": str(self.wiring.controllers),
            "STAFETT_KAFKA": self.kafka.bootstrap,
            "STAFETT_REDIS": self.redis.address,
            "STAFETT_TOKEN_ISSUER": self.issuer.url,
            "STAFETT_TOKEN_URL": self.issuer.tokens.token_url,
            "STAFETT_JWKS_URL": self.issuer.tokens.jwks_url,
            "STAFETT_SMTP": self.mail.address,
            "STAFETT_MAILS": str(self.mail.kept),
        }
        for name in self._names():
            copies = self.of(name)
            values[f"STAFETT_{name.upper()}"] = self.target(name)
            values[f"STAFETT_{name.upper()}_METRICS"] = ",".join(
                f"http://{copy.admin_address}/metrics" for copy in copies
            )
        if self.auditor is not None:
            values["STAFETT_AUDITOR_METRICS"] = f"http://{self.auditor.admin_address}/metrics"
        if self.edge is not None:
            values["STAFETT_EDGE"] = self.edge.url
        if self.monitoring is not None:
            values["STAFETT_PROMETHEUS"] = self.monitoring.prometheus.url
            values["STAFETT_ALERTMANAGER"] = self.monitoring.alertmanager.url
        return values

    def write_env(self, file: Path = paths.ENV_FILE) -> None:
        file.parent.mkdir(parents=True, exist_ok=True)
        draft = file.with_suffix(".new")
        draft.write_text("".join(f"{key}={value}\n" for key, value in self.env().items()))
        draft.rename(file)

    # --- inside -------------------------------------------------------------------------------

    def _names(self) -> list[str]:
        return list(dict.fromkeys(service.name for service in self.services.values()))

    def _audited(self) -> dict[str, Service]:
        """The services by instance, and the auditor."""
        return self.services | ({self.auditor.instance: self.auditor} if self.auditor is not None else {})

    def _processes(self) -> list[Process]:
        parts = [*self._audited().values(), self.issuer, self.mail, self.kafka, self.redis]
        parts = [self.edge, *parts] if self.edge is not None else parts
        watching = self.monitoring.processes if self.monitoring is not None else []
        return [*watching, *(part.process for part in parts if part.process is not None)]

    def _record(self) -> None:
        state = {"processes": [process.identity() for process in self._processes()]}
        _state_file(self.directory).write_text(json.dumps(state, indent=1))

    def _refuse_if_running(self) -> None:
        alive = running_processes(self.directory)
        if alive:
            raise StackError(f"a stack runs already in {self.directory}: {', '.join(alive)}")


def _state_file(directory: Path) -> Path:
    return directory / "stack.json"


def _recorded(directory: Path) -> list[dict]:
    try:
        return json.loads(_state_file(directory).read_text())["processes"]
    except FileNotFoundError:
        return []


def running_processes(directory: Path) -> list[str]:
    """Names of the processes of a recorded stack that are alive."""
    return [str(r["name"]) for r in _recorded(directory) if procs.is_recorded_alive(r)]


def stop_recorded_stack(directory: Path, progress: Progress = lambda _: None) -> int:
    """Stops what an earlier program left running there; returns how many processes there were."""
    stopped = 0
    for record in _recorded(directory):
        if procs.stop_recorded(record):
            stopped += 1
            progress(f"stopped {record['name']}")
    _state_file(directory).unlink(missing_ok=True)
    return stopped


def read_env(file: Path = paths.ENV_FILE) -> dict[str, str]:
    """The addresses that tools/up wrote."""
    try:
        lines = file.read_text().splitlines()
    except FileNotFoundError:
        raise StackError("nothing is up (no .local/env); start with tools/up") from None
    return dict(line.split("=", 1) for line in lines if "=" in line)
