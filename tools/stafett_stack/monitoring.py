"""Prometheus and Alertmanager with the files of deploy/, scraping a stack's services and edge.

The deploy files hold no addresses: this writes the target files (file_sd) that they name.
"""

from __future__ import annotations

import json
import re
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterable, Mapping
from pathlib import Path

import yaml

from stafett_edge.process import Edge
from stafett_stack.paths import ALERTMANAGER_CONFIG, PROMETHEUS_CONFIG, PROMETHEUS_RULES
from stafett_stack.procs import Process, StackError, free_port
from stafett_stack.services import Service

START_SECONDS = 30.0
KEEP = "15d"


class Alertmanager:
    """Shows and groups alerts; sends none: the receivers of deploy/ are placeholders."""

    def __init__(self, directory: Path, *, detached: bool = False) -> None:
        self.directory = directory
        self.detached = detached
        self.port = free_port()
        self.process: Process | None = None

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    @property
    def url(self) -> str:
        return f"http://{self.address}"

    def begin_start(self) -> None:
        self.directory.mkdir(parents=True, exist_ok=True)
        config = yaml.safe_load(ALERTMANAGER_CONFIG.read_text())
        config["receivers"] = [{"name": receiver["name"]} for receiver in config["receivers"]]
        file = self.directory / "alertmanager.yaml"
        file.write_text(yaml.safe_dump(config, sort_keys=False))
        self.process = Process(
            "alertmanager",
            ["prometheus-alertmanager", f"--config.file={file}", f"--storage.path={self.directory / 'data'}",
             f"--web.listen-address={self.address}", "--cluster.listen-address="],
            self.directory / "alertmanager.log",
            detached=self.detached,
        )  # fmt: skip

    def wait_ready(self, timeout: float = START_SECONDS) -> None:
        assert self.process is not None
        self.process.wait_until(lambda: _answers(f"{self.url}/-/ready"), "is not ready", timeout)

    def history(self, expression: str, seconds: int, step: int = 5) -> list[dict]:
        """The same at each step of the last seconds: `values` of each series."""
        now = time.time()
        return self.api("query_range", query=expression, start=str(now - seconds), end=str(now), step=str(step))["result"]

    def alerts(self) -> list[dict]:
        return _get(f"{self.url}/api/v2/alerts")

    def stop(self) -> None:
        if self.process is not None:
            self.process.stop()
            self.process = None


class Prometheus:
    """prometheus.query("sum(up)") -> [{"metric": {…}, "value": [time, "1"]}]"""

    def __init__(
        self,
        directory: Path,
        services: Iterable[Service],
        edges: Iterable[Edge],
        alertmanager: Alertmanager,
        *,
        every: str | None = None,  # scrape and evaluate so often, instead of what deploy/ says
        hasty: bool = False,  # what has to hold for minutes before it fires, for as many seconds (tests)
        detached: bool = False,
    ) -> None:
        self.directory = directory
        self.services = services
        self.edges = edges
        self.alertmanager = alertmanager
        self.every = every
        self.hasty = hasty
        self.detached = detached
        self.port = free_port()
        self.process: Process | None = None

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    @property
    def url(self) -> str:
        return f"http://{self.address}"

    def begin_start(self) -> None:
        config = yaml.safe_load(PROMETHEUS_CONFIG.read_text())
        if self.every:
            config["global"] = dict.fromkeys(config["global"], self.every)
        config["rule_files"] = [str(self._rules() / "*.yaml")]
        self.write_targets()
        file = self.directory / "prometheus.yaml"
        file.write_text(yaml.safe_dump(config, sort_keys=False))
        self.process = Process(
            "prometheus",
            ["prometheus", f"--config.file={file}", f"--storage.tsdb.path={self.directory / 'data'}",
             f"--storage.tsdb.retention.time={KEEP}", f"--web.listen-address={self.address}", "--log.level=warn"],
            self.directory / "prometheus.log",
            detached=self.detached,
        )  # fmt: skip

    def _rules(self) -> Path:
        if not self.hasty:
            return PROMETHEUS_RULES
        folder = self.directory / "rules"
        folder.mkdir(parents=True, exist_ok=True)
        for file in PROMETHEUS_RULES.glob("*.yaml"):
            (folder / file.name).write_text(hastened(file.read_text()))
        return folder

    def write_targets(self) -> None:
        targets = {
            "stafett": [
                _target(service.admin_address, service=service.name, instance=service.instance)
                for service in self.services
            ],
            "edge": [
                _target(edge.status_address, service="edge", instance=edge.directory.name) for edge in self.edges
            ],
            "prometheus": [_target(self.address, instance="prometheus")],
            "alertmanager": [_target(self.alertmanager.address, instance="alertmanager")],
        }
        folder = self.directory / "targets"
        folder.mkdir(parents=True, exist_ok=True)
        for job, groups in targets.items():
            draft = folder / f".{job}.new"
            draft.write_text(json.dumps(groups, indent=1))
            draft.rename(folder / f"{job}.json")

    def wait_ready(self, timeout: float = START_SECONDS) -> None:
        assert self.process is not None
        self.process.wait_until(lambda: _answers(f"{self.url}/-/ready"), "is not ready", timeout)

    def query(self, expression: str) -> list[dict]:
        return self.api("query", query=expression)["result"]

    def history(self, expression: str, seconds: int, step: int = 5) -> list[dict]:
        """The same at each step of the last seconds: `values` of each series."""
        now = time.time()
        return self.api("query_range", query=expression, start=str(now - seconds), end=str(now), step=str(step))["result"]

    def alerts(self) -> list[dict]:
        """Pending and firing ones."""
        return self.api("alerts")["alerts"]

    def api(self, what: str, **parameters: str) -> dict:
        """The data of an answer; StackError with Prometheus' own words if it is no success."""
        return _get(f"{self.url}/api/v1/{what}?{urllib.parse.urlencode(parameters, doseq=True)}")["data"]

    def stop(self) -> None:
        if self.process is not None:
            self.process.stop()
            self.process = None


def hastened(rules: str) -> str:
    """A rule file in which `for: 2m` is `for: 2s`, and nothing else is other than it was."""
    return re.sub(r"^(\s+for: \d+)m$", r"\1s", rules, flags=re.MULTILINE)


class Monitoring:
    """Both together, over the copies of a stack."""

    def __init__(
        self,
        directory: Path,
        services: Mapping[str, Service],
        edges: Iterable[Edge],
        *,
        every: str | None = None,
        hasty: bool = False,
        detached: bool = False,
    ) -> None:
        self.alertmanager = Alertmanager(directory / "alertmanager", detached=detached)
        self.prometheus = Prometheus(
            directory / "prometheus", services.values(), edges, self.alertmanager, every=every, hasty=hasty,
            detached=detached,
        )  # fmt: skip

    @property
    def processes(self) -> list[Process]:
        return [part.process for part in (self.prometheus, self.alertmanager) if part.process is not None]

    def begin_start(self) -> None:
        self.alertmanager.begin_start()
        self.prometheus.begin_start()

    def wait_ready(self) -> None:
        self.alertmanager.wait_ready()
        self.prometheus.wait_ready()

    def stop(self) -> None:
        self.prometheus.stop()
        self.alertmanager.stop()


def _target(address: str, **labels: str) -> dict:
    return {"targets": [address], "labels": labels}


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=2):
            return True
    except OSError:
        return False


def _get(url: str):
    try:
        with urllib.request.urlopen(url, timeout=10) as response:
            return json.load(response)
    except urllib.error.HTTPError as error:
        raise StackError(f"{url}: {error.read().decode(errors='replace')[:500]}") from error
    except OSError as error:
        raise StackError(f"{url} does not answer: {error}") from error
