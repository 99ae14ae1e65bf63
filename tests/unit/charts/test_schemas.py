"""Every rendered manifest against the schema of its kind; a key that the schema does not know is an error."""

import copy
import json
import re
from pathlib import Path

import jsonschema
import kubernetes_validate
import pytest
from kubernetes_validate import utils

from rendered import one
from stafett_stack import paths

SCHEMAS = Path(__file__).parent / "schemas"
VERSIONS = ("1.30", utils.major_minor(utils.latest_version()))  # the oldest that Chart.yaml allows, and the newest known


def strict(node):
    """The API server prunes unknown keys without a word. Here they are mistakes."""
    if isinstance(node, list):
        return [strict(item) for item in node]
    if not isinstance(node, dict):
        return node
    node = {key: strict(value) for key, value in node.items()}
    if isinstance(node.get("pattern"), str):
        node["pattern"] = re.sub(r"^\^\(\?i\)", "(?i)^", node["pattern"])  # Go's place for a flag, and Python's
    if isinstance(node.get("properties"), dict) and "additionalProperties" not in node:
        if not node.get("x-kubernetes-preserve-unknown-fields"):
            node["additionalProperties"] = False
    return node


OURS = {kind: strict(json.loads((SCHEMAS / f"{kind}.json").read_text()))
        for kind in ("KafkaTopic", "KafkaUser", "ServiceMonitor", "PrometheusRule")}  # fmt: skip
GROUPS = {"KafkaTopic": "kafka.strimzi.io/v1", "KafkaUser": "kafka.strimzi.io/v1",
          "ServiceMonitor": "monitoring.coreos.com/v1", "PrometheusRule": "monitoring.coreos.com/v1"}  # fmt: skip


def check(manifest, version):
    kind = manifest["kind"]
    if kind in OURS:
        assert manifest["apiVersion"] == GROUPS[kind]
        jsonschema.validate(manifest, OURS[kind], cls=jsonschema.Draft202012Validator)
    else:
        kubernetes_validate.validate(manifest, version, strict=True)


@pytest.mark.parametrize("version", VERSIONS)
def test_manifests_are_valid(manifests, version):
    assert version in {utils.major_minor(known) for known in utils.all_versions()}
    for manifest in manifests:
        check(manifest, version)


def test_rules_of_deploy_are_among_them(manifests):
    files = list((paths.DEPLOY / "prometheus" / "rules").glob("*.yaml"))
    rules = [m for m in manifests if m["kind"] == "PrometheusRule"]
    assert files and len(rules) == len(files)


@pytest.mark.parametrize(
    "kind, service, path, value",
    [
        ("Deployment", "cases", ["spec", "template", "spec", "containers", 0, "livenesProbe"], {}),
        ("Deployment", "cases", ["spec", "template", "spec", "securityContext", "runAsUser"], "65532"),
        ("PodDisruptionBudget", "consent", ["spec", "maxUnavailible"], 1),
        ("NetworkPolicy", "consent", ["spec", "egres"], []),
        ("KafkaUser", None, ["spec", "authorization", "acls", 0, "operations"], ["Reed"]),
        ("KafkaUser", None, ["spec", "authorization", "acls", 0, "operation"], "Read"),  # of v1beta2
        ("KafkaTopic", None, ["spec", "partitons"], 24),
        ("ServiceMonitor", None, ["spec", "endpoints", 0, "prot"], "admin"),
    ],
    ids=lambda v: v if isinstance(v, str) else None,
)
def test_the_schemas_do_refuse(manifests, kind, service, path, value):
    manifest = one(manifests, kind, service) if service else next(m for m in manifests if m["kind"] == kind)
    wrong = copy.deepcopy(manifest)
    node = wrong
    for step in path[:-1]:
        node = node[step]
    node[path[-1]] = value
    with pytest.raises(jsonschema.ValidationError):
        check(wrong, VERSIONS[-1])
