"""Rules, alerts, their tests, their runbooks, and who is told: as files. On a running system: tests/e2e/test_operators.py."""

import re
import subprocess

import pytest
import yaml

from stafett_stack import operating
from stafett_stack.paths import ALERTMANAGER_CONFIG, PROMETHEUS_CONFIG, PROMETHEUS_RULES, REPOSITORY

ALERTS = operating.alerts()
SEVERITIES = {"critical": "on-call", "warning": "desk", "none": "dead-man"}  # and who is told of it
RUNBOOK_SECTIONS = ["What it means", "Look at", "Do", "It is over when"]


def run(*command):
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr


# --- rules ------------------------------------------------------------------------------------------


def test_promtool_accepts_configuration_and_rules():
    code, said = run("promtool", "check", "config", "--syntax-only", PROMETHEUS_CONFIG)
    assert code == 0, said
    code, said = run("promtool", "check", "rules", *sorted(PROMETHEUS_RULES.glob("*.yaml")))
    assert code == 0, said


def test_the_configuration_holds_no_address():
    assert re.findall(r"localhost|\d+\.\d+\.\d+\.\d+|:\d{2,5}\b", PROMETHEUS_CONFIG.read_text()) == []


@pytest.mark.parametrize("file", sorted(operating.RULE_TESTS.glob("*.yaml")), ids=lambda f: f.stem)
def test_alerts_fire_when_they_should_and_not_otherwise(file):
    code, said = run("promtool", "test", "rules", file)
    assert code == 0, said


def test_every_alert_is_tested_firing_and_silent():
    asked = {}
    for file in operating.RULE_TESTS.glob("*.yaml"):
        for story in yaml.safe_load(file.read_text())["tests"]:
            for check in story["promql_expr_test"]:
                (alert,) = re.findall(r'^ALERTS\{alertname="(\w+)", alertstate="firing"\}$', check["expr"])
                asked.setdefault(alert, set()).add(bool(check["exp_samples"]))
    assert asked == dict.fromkeys(ALERTS, {True, False})


def test_every_alert_is_seen_firing_on_a_running_stafett():
    assert set(operating.provocations()) == set(ALERTS)


@pytest.mark.parametrize("name", ALERTS)
def test_an_alert_tells_what_how_severe_and_where_to_read_on(name):
    alert = ALERTS[name]
    assert name.startswith("Stafett")
    assert set(alert["labels"]) == {"severity"} and alert["labels"]["severity"] in SEVERITIES
    assert set(alert["annotations"]) == {"summary", "description", "runbook"}
    assert alert["annotations"]["runbook"] == f"deploy/runbooks/{name}.md"
    assert len(alert["annotations"]["summary"]) <= 100
    labels = set(re.findall(r"\$labels\.(\w+)", str(alert["annotations"])))
    assert labels <= {"service", "instance", "topic"}  # what tells of no child (promise P8)


def test_no_rule_groups_by_what_could_be_one_child():
    grouped = {label.strip() for _, query in operating.queries()
               for labels in re.findall(r"\bby\s*\(([^)]*)\)", query) for label in labels.split(",")}  # fmt: skip
    assert "service" in grouped
    assert grouped <= {"service", "instance", "topic", "le", "code", "outcome", "step", "kind", "state", "alertname", "severity",
                       "envoy_response_code_class", "envoy_cluster_name"}  # five classes; services and the issuer


# --- runbooks ---------------------------------------------------------------------------------------


def test_every_alert_has_its_runbook_and_every_runbook_its_alert():
    assert sorted(operating.runbooks()) == sorted(ALERTS)


@pytest.mark.parametrize("name", operating.runbooks())
def test_a_runbook_is_one_page_with_the_same_sections(name):
    text = operating.runbooks()[name].read_text()
    assert text.splitlines()[0].startswith(f"# {name}: ")
    assert re.findall(r"^## (.+)$", text, re.MULTILINE) == RUNBOOK_SECTIONS
    assert len(text.splitlines()) <= 60
    assert f"`{ALERTS[name]['labels']['severity']}`" in text  # says whether anybody was woken
    metrics = {metric for metric in operating.metrics_of(ALERTS[name]["expr"]) if metric.startswith("stafett_")}
    assert all(metric in text for metric in metrics), metrics


@pytest.mark.parametrize("name", operating.runbooks())
def test_what_a_runbook_says_to_look_for_in_the_logs_is_said_there(name):
    events = set()
    for file in (REPOSITORY / "services").rglob("*.cc"):
        events |= set(re.findall(r'Log\(\s*(?:\w+::)?Severity::\w+,\s*"([\w.]+)"', file.read_text()))
    assert len(events) > 10
    settings = {"stafett", "limits", "notifications", "smtp", "networkPolicy"}  # topics; keys of configurations
    spans = re.findall(r"`([a-z]\w*)\.([a-z_]+)`", operating.runbooks()[name].read_text())
    named = {f"{first}.{second}" for first, second in spans if first not in settings}
    assert named - events == set()


def test_the_index_lists_every_runbook():
    index = (operating.RUNBOOKS / "README.md").read_text()
    assert sorted(re.findall(r"\]\((Stafett\w+)\.md\)", index)) == sorted(ALERTS)


# --- Alertmanager -----------------------------------------------------------------------------------


def test_amtool_accepts_the_configuration():
    code, said = run("amtool", "check-config", ALERTMANAGER_CONFIG)
    assert code == 0, said


@pytest.mark.parametrize(("severity", "receiver"), SEVERITIES.items())
def test_a_severity_reaches_its_receiver(severity, receiver):
    code, said = run("amtool", "config", "routes", "test", f"--config.file={ALERTMANAGER_CONFIG}",
                     f"--verify.receivers={receiver}", f"severity={severity}", "alertname=X", "service=cases")  # fmt: skip
    assert code == 0, said


def test_inhibitions_name_alerts_that_exist():
    named = set(re.findall(r"Stafett\w+", ALERTMANAGER_CONFIG.read_text()))
    assert named and named <= set(ALERTS)


def test_addresses_are_placeholders():
    """What a municipality fills in is marked, and reaches nobody until then."""
    lines = ALERTMANAGER_CONFIG.read_text().splitlines()
    addresses = [line for line in lines if re.search(r"://|@|:\d+\b", line) and not line.lstrip().startswith("#")]
    assert addresses and all("example.invalid" in line and "FILL IN" in line for line in addresses)


# --- the reading of queries, on which the tests above and those on a running system rest --------------


@pytest.mark.parametrize(("query", "metrics"), [
    ("up == 0", {"up"}),
    ('sum by (service) (rate(a_total{code=~"X|Y (z)"}[5m])) / on (service) group_left b', {"a_total", "b"}),
    ('service:a:sum > 0 and histogram_quantile(0.9, sum by (le) (increase(c_bucket[1h]))) offset 5m',
     {"service:a:sum", "c_bucket"}),
    ("time() - a_seconds{service=~'.+'} or vector(0)", {"a_seconds"}),
])  # fmt: skip
def test_metrics_of_a_query(query, metrics):
    assert operating.metrics_of(query) == metrics


def test_every_rule_file_is_named_by_the_tests():
    for file in operating.RULE_TESTS.glob("*.yaml"):
        named = {(file.parent / name).resolve() for name in yaml.safe_load(file.read_text())["rule_files"]}
        assert named == set(PROMETHEUS_RULES.glob("*.yaml")), file.relative_to(REPOSITORY)
