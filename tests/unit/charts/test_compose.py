"""deploy/compose.yaml: valid, every service in it, nothing published but the edge and gRPC, on this machine."""

import copy
import json
from pathlib import Path

import jsonschema
import pytest
import yaml

from stafett_stack import paths
from stafett_stack.services import AUDITOR, SERVICES

SCHEMA = json.loads((Path(__file__).parent / "schemas" / "compose-spec.json").read_text())
EDGE_PORT, FIRST_PORT = 8080, 8081  # tools/commands/environment.py
PROCESSES = (*SERVICES, AUDITOR)


@pytest.fixture(scope="module")
def compose():
    return yaml.safe_load((paths.DEPLOY / "compose.yaml").read_text())


def test_it_is_a_compose_file(compose):
    jsonschema.validate(compose, SCHEMA)


@pytest.mark.parametrize("key, value", [("comand", ["x"]), ("cap_drop", "ALL"), ("read_only", [])])
def test_the_schema_does_refuse(compose, key, value):
    wrong = copy.deepcopy(compose)
    wrong["services"]["cases"][key] = value
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(wrong, SCHEMA)


def test_every_service_runs_its_program_closed_in(compose):
    assert compose["services"].keys() == {"environment", "edge", *PROCESSES}
    for name in (*PROCESSES, "edge"):
        service = compose["services"][name]
        if name == "edge":
            assert service["entrypoint"][:3] == ["/usr/local/bin/envoy", "--config-path", "/state/edge/envoy.yaml"]
        else:
            assert service["command"] == [
                f"/usr/bin/stafett-{name}", "--config", f"/state/configurations/{name}-a.yaml"
            ]  # fmt: skip
        assert service["network_mode"] == "service:environment"
        assert service["depends_on"]["environment"]["condition"] == "service_healthy"
        assert service["read_only"] is True
        assert "ports" not in service


def test_nobody_is_root_or_may_become_it(compose):
    for service in compose["services"].values():
        assert service["user"] == "65532:65532"
        assert service["cap_drop"] == ["ALL"]
        assert service["security_opt"] == ["no-new-privileges:true"]
        assert "privileged" not in service and "environment" not in service


def test_only_the_edge_and_grpc_are_published_and_on_this_machine_alone(compose):
    ports = [EDGE_PORT, *(FIRST_PORT + place for place in range(len(SERVICES)))]
    assert compose["services"]["environment"]["ports"] == [f"127.0.0.1:{port}:{port}" for port in ports]
    program = (paths.REPOSITORY / "tools/commands/environment.py").read_text()
    assert f"{FIRST_PORT} + place" in program and f"EDGE_PORT = {EDGE_PORT}\n" in program


def test_images_are_stages_of_the_containerfile(compose):
    text = (paths.DEPLOY / "Containerfile").read_text()
    built = {name: service for name, service in compose["services"].items() if "build" in service}
    assert built.keys() == compose["services"].keys() - {"edge"}  # Envoy's own image: test_chart.py has its version
    for service in built.values():
        build = service["build"]
        assert (paths.DEPLOY / build["context"] / build["dockerfile"]).resolve() == paths.DEPLOY / "Containerfile"
        assert f" AS {build['target']}\n" in text


def test_files_lie_where_the_configurations_say(compose):
    """environment.py writes paths of its own container; services must find the same there."""
    assert compose["services"]["edge"]["volumes"] == ["state:/state:ro"]
    for name in ("environment", *PROCESSES):
        service = compose["services"][name]
        targets = {volume.split(":")[1]: volume.split(":")[0] for volume in service["volumes"]}
        assert targets == {
            "/state": "state",
            "/stafett/deploy/controllers": "./controllers",
            "/stafett/deploy/policy": "./policy",
            "/stafett/deploy/texts": "./texts",
        }
