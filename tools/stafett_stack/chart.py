"""The Helm chart: what of deploy/ it carries along, and rendering it without a cluster.

Helm reads only files inside the chart, so it has copies. `files()` says what they must be;
tools/chart writes them, tests/unit/charts compares. Rights and topics come out of the same
functions that give the local broker its own (rights.load, kafka.topics), for a recipient whose id
is the word {recipient}: the templates put the real ones there. So does the edge's configuration
(stafett_edge.config), with words like {grpc-port} for what the values say.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import yaml

from stafett_edge import config as edge
from stafett_edge.rules import public
from stafett_stack import controllers, rights
from stafett_stack.kafka import partition_count, topics
from stafett_stack.paths import CHART, DEPLOY, KAFKA_ACLS, POLICY, REPOSITORY, TEXTS
from stafett_stack.procs import StackError
from stafett_story import api as api_

RECIPIENT = "{recipient}"
EDGE_ADMIN_PORT = 9901  # Envoy's own, on the pod's loopback alone
COPIED = {  # folder of the chart's files/ → files
    "policy": lambda: [POLICY],
    "prometheus": lambda: (DEPLOY / "prometheus" / "rules").glob("*.yaml"),
    "texts": lambda: TEXTS.glob("*.yaml"),
    "grafana": lambda: (DEPLOY / "grafana").glob("*.json"),
}


def files() -> dict[Path, str]:
    """Every file below charts/stafett/files, as it must be."""
    wanted = {CHART / "files" / "kafka.yaml": _kafka(), CHART / "files" / "edge.yaml": _edge()}
    for folder, sources in COPIED.items():
        for source in sources():
            wanted[CHART / "files" / folder / source.name] = source.read_text()
    return wanted


def stale() -> list[str]:
    """What differs from `files()`, is missing, or should not be there."""
    wanted = files()
    there = {path for path in (CHART / "files").rglob("*") if path.is_file()}
    wrong = {path for path, text in wanted.items() if path not in there or path.read_text() != text}
    return sorted(str(path.relative_to(REPOSITORY)) for path in wrong | (there - wanted.keys()))


def write() -> list[str]:
    """Makes it so; returns what was changed."""
    changed, wanted = stale(), files()
    for name in changed:
        path = REPOSITORY / name
        if path not in wanted:
            path.unlink()
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(wanted[path])
    return changed


def controllers_values(directory: Path) -> dict:
    """Values that give the chart the controllers' files of a directory."""
    controllers.load(directory)  # complains about what is no controller's file
    return {"controllers": {"files": {f.name: f.read_text() for f in sorted(directory.glob("*.yaml"))}}}


def render(values: Mapping, *, release: str = "stafett", namespace: str = "stafett", chart: Path = CHART) -> list[dict]:
    """The manifests, as `helm template` would give them."""
    from helm_python import Chart, HelmError

    try:
        rendered = Chart.load(chart).render(dict(values), name=release, namespace=namespace)
    except HelmError as error:
        raise StackError(str(error)) from error
    return [
        document
        for name, text in sorted(rendered.items())
        if not name.endswith("NOTES.txt")
        for document in yaml.safe_load_all(text)
        if document
    ]


def lint(values: Mapping, *, chart: Path = CHART) -> list[str]:
    """What `helm lint --strict` finds."""
    from helm_python import lint as helm_lint

    report = helm_lint(chart, dict(values), strict=True)
    severe = [f"{m['path']}: {m['error']}" for m in report["messages"] if m["severity"] >= 2]
    return severe + list(report["errors"] or [])


def _kafka() -> str:
    count = partition_count("default")
    users: dict[str, list[dict]] = {}
    by_name: dict[tuple[str, str, str], list[str]] = {}
    for right in sorted(rights.load(KAFKA_ACLS, (RECIPIENT,))):
        by_name.setdefault((right.principal, right.kind, right.name), []).append(right.operation)
    for (principal, kind, name), operations in by_name.items():
        users.setdefault(principal, []).append(
            {"kind": kind.lower(), "name": name, "operations": [_camel(o) for o in operations]}
        )
    document = {
        "partitions": count,
        "topics": [
            {"name": t.topic, "partitions": t.num_partitions, "config": dict(sorted(t.config.items()))}
            for t in topics((RECIPIENT,), count)
        ],
        "users": [{"name": name, "rights": granted} for name, granted in users.items()],
    }
    return "# Written by tools/chart from deploy/kafka. {recipient} stands for each recipient.\n" + yaml.safe_dump(
        document, sort_keys=False
    )


def _edge() -> str:
    """Words with a hyphen in braces stand for values; templates/_helpers.tpl knows each of them."""
    api = api_.load()
    names = sorted({rule.rpc.service for rule in public(api).values()})
    place = edge.Place(
        listen="0.0.0.0:{edge-port}",
        status="0.0.0.0:{admin-port}",
        admin_port=EDGE_ADMIN_PORT,
        services={name: [f"{{host-of-{name}}}:{{grpc-port}}"] for name in names},
        issuer="{token-issuer}",
        audience="{token-audience}",
        jwks_url="https://{jwks-host}",
        access_log=Path("/dev/stdout"),
    )
    return "# Written by tools/chart from deploy/envoy and proto/. A word like {grpc-port} stands for a value.\n" + (
        yaml.safe_dump(edge.render(place, api), sort_keys=False, width=1000)
    )


def _camel(operation: str) -> str:
    """DESCRIBE_CONFIGS as Strimzi writes it: DescribeConfigs."""
    return "".join(word.capitalize() for word in operation.split("_"))
