"""What operators stand on, on a running Stafett that has played a story under Prometheus: every query of rules and
dashboards finds its metrics, nothing is alarmed while all is well, and what breaks is.

Rules, runbooks and dashboards as files: tests/unit/deploy.
"""

import re
import signal
import urllib.error
import urllib.request

import pytest
from test_metrics import FORBIDDEN_LABELS

from stafett_stack import operating
from stafett_stack.procs import StackError, wait_until
from stafett_stack.services import AUDITOR, SERVICES
from stafett_story.calls import build

ALWAYS = ("StafettWatchdog", "")
BY_LOAD = {"StafettRpcSlow", "StafettWithdrawalsLate"}  # what a busy machine alone can cause
DASHBOARDS = operating.dashboards()
PANELS = [(d.name, p.title, q) for d in DASHBOARDS for p in d.panels for q in p.queries]
CANARY = "controllers/c-canary"
SCRAPES = 3  # a rate wants two points
SECONDS = 20.0


@pytest.fixture(scope="module")
def monitoring(played):
    """Every copy has been scraped, each service and the edge have been called just now, and the rules have looked at it."""
    monitoring = played.stack.monitoring
    calls = {rpc.service: rpc for rpc in played.stage.api.rpcs.values() if not rpc.is_command}

    def seen():
        for service in SERVICES:  # without a token: refused, which is an answer as any other
            rpc = calls[service]
            played.stage.caller.call(rpc, build(rpc, {}))
        refused_by(played.stack.edge)
        scraped = value(monitoring, f"count_over_time(up{{job='stafett'}}[5m]) >= {SCRAPES}")
        called = value(monitoring, "service:stafett_rpc_handled:rate5m > 0")
        # Envoy gives times of calls every five seconds.
        edge = value(monitoring, "edge:tokens_refused:rate5m > 0 and edge:requests_slow:ratio_rate5m >= 0")
        return len(scraped) == len(SERVICES) + 1 and len(called) == len(SERVICES) and edge  # the auditor is called by nobody

    wait_until(seen, "every copy to be scraped", SECONDS)
    return monitoring


def refused_by(edge):
    """One call without a token, its path with what may stand in no metric."""
    try:
        with urllib.request.urlopen(f"{edge.url}/v1/{CANARY}", timeout=5):
            raise AssertionError("a call without a token was answered")
    except urllib.error.HTTPError as error:
        assert error.code == 401


def value(monitoring, expression):
    return monitoring.prometheus.query(expression)


def active(monitoring):
    """Alerts whose condition holds now, whether or not they have waited long enough to be sent."""
    found = {(a["labels"]["alertname"], a["labels"].get("service", "")) for a in monitoring.prometheus.alerts()}
    return {(alert, service) for alert, service in found if alert not in BY_LOAD}


# --- queries ----------------------------------------------------------------------------------------


def test_every_copy_is_scraped(monitoring):
    up = {(s["metric"]["service"], s["value"][1]) for s in value(monitoring, 'up{job="stafett"}')}
    assert up == {(service, "1") for service in (*SERVICES, AUDITOR)}


def test_the_edge_is_scraped_and_only_to_be_looked_at(played, monitoring):
    edge = played.stack.edge
    up = [(s["metric"]["service"], s["metric"]["instance"], s["value"][1]) for s in value(monitoring, 'up{job="stafett-edge"}')]
    assert up == [("edge", "edge", "1")]
    base = f"http://{edge.status_address}"
    for path in ("/livez", "/readyz", "/metrics"):
        with urllib.request.urlopen(f"{base}{path}", timeout=5) as response:
            assert response.status == 200
    asked = [urllib.request.Request(f"{base}{path}") for path in ("/", "/stats", "/config_dump", "/quitquitquit", "/ready")]
    asked += [urllib.request.Request(f"{base}{path}", data=b"", method="POST") for path in ("/metrics", "/readyz")]
    for request in asked:
        with pytest.raises(urllib.error.HTTPError, match="404"):
            urllib.request.urlopen(request, timeout=5)


def test_the_edge_counts_by_nothing_that_a_caller_says(played, monitoring):
    """Names and values of labels are Envoy's own words, our services' names, and numbers (promise P8)."""
    text = played.stack.edge.metrics()
    labels = dict.fromkeys(re.findall(r'(\w+)="([^"]*)"', text))
    allowed = {
        "envoy_cluster_name": {*SERVICES, "issuer", "admin"},
        "envoy_http_conn_manager_prefix": {"edge"},
        "envoy_local_http_ratelimit_prefix": {"edge_client", "edge_connection"},
        "envoy_response_code_class": set("12345"),
    }
    assert {name for name, _ in labels} == {*allowed, "le"}
    assert [(name, text) for name, text in labels if name != "le" and text not in allowed[name]] == []
    assert "canary" not in text


def test_prometheus_evaluates_every_rule_without_an_error(monitoring):
    def evaluated():
        rules = [rule for group in monitoring.prometheus.api("rules")["groups"] for rule in group["rules"]]
        return rules if all(rule["health"] != "unknown" for rule in rules) else []

    rules = wait_until(evaluated, "every rule to be evaluated", SECONDS)
    assert {rule["name"] for rule in rules} == {*operating.alerts(), *operating.recordings()}
    assert [(rule["name"], rule.get("lastError")) for rule in rules if rule["health"] != "ok"] == []


def test_every_metric_that_a_rule_or_a_panel_names_exists(monitoring):
    known = set(monitoring.prometheus.api("label/__name__/values"))
    named = {(where, metric) for where, query in operating.queries() for metric in operating.metrics_of(query)}
    assert len(named) > 20
    assert sorted((where, metric) for where, metric in named if metric not in known) == []


@pytest.mark.parametrize(("dashboard", "panel", "query"), PANELS, ids=lambda text: text[:40])
def test_every_panel_shows_something(monitoring, dashboard, panel, query):
    expression = operating.as_shown(query)
    # As whoever looks at the last hour: the story may be over for longer than the five minutes of a rate.
    series = monitoring.prometheus.history(expression, 3600)
    assert series, f"{dashboard}, {panel}: no data for {expression}"
    values = [text for s in series for _, text in s["values"]]
    assert any(text != "NaN" for text in values), f"{dashboard}, {panel}: nothing but NaN for {expression}"


# --- promise P8 -------------------------------------------------------------------------------------


def test_no_metric_and_no_label_tells_of_one_child_or_place(played, monitoring):
    """Over all that Prometheus has got, alerts and its own numbers too."""
    prometheus = monitoring.prometheus
    labels = set(prometheus.api("labels"))
    assert {"service", "instance", "method"} <= labels
    assert not labels & set(FORBIDDEN_LABELS)
    metrics = set(prometheus.api("label/__name__/values"))
    assert [m for m in metrics if re.search(r"(per|by|of)_(recipient|municipality|controller|child|case)", m)] == []
    ids = {*played.stage.story.recipients.values(), *(p.id for p in played.stack.known.people)}
    values = {v for label in labels for v in prometheus.api(f"label/{label}/values")}
    assert sorted(v for v in values for id_ in ids if id_ in v) == []


# --- alerts -----------------------------------------------------------------------------------------


def all_is_well(monitoring):
    """Only the watchdog, within the minute that some rules look back."""
    try:
        wait_until(lambda: active(monitoring) == {ALWAYS}, "all alerts to end", 80.0)
    except StackError as error:
        raise AssertionError(f"{error}; still active: {active(monitoring) - {ALWAYS}}") from error


def test_nothing_is_alarmed_while_all_is_well(monitoring):
    all_is_well(monitoring)


def test_alerts_reach_alertmanager(monitoring):
    def reached():
        return [a for a in monitoring.alertmanager.alerts() if a["labels"]["alertname"] == ALWAYS[0]]

    (alert,) = wait_until(reached, "the watchdog to reach Alertmanager", SECONDS)
    assert [receiver["name"] for receiver in alert["receivers"]] == ["dead-man"]


def test_a_service_that_is_gone_is_noticed(played, monitoring):
    (copy,) = played.stack.of("consent")
    copy.kill()
    try:
        wanted = {("StafettNoCopyReady", "consent"), ("StafettCopyDown", "consent")}
        wait_until(lambda: wanted <= active(monitoring), f"{wanted} to become active", SECONDS)
        assert {service for _, service in active(monitoring)} == {"", "consent"}
        texts = [text for alert in monitoring.prometheus.alerts() for text in alert["annotations"].values()]
        assert [t for t in texts if "error" in t or "no value" in t or "{{" in t] == []
    finally:
        copy.start()
    all_is_well(monitoring)


def test_a_broker_that_stands_still_is_noticed(played, monitoring):
    broker = played.stack.kafka.process
    broker.signal(signal.SIGSTOP)
    try:
        wanted = {("StafettLogUnseen", service) for service in SERVICES}
        wait_until(lambda: wanted <= active(monitoring), f"{wanted} to become active", 2 * SECONDS)
    finally:
        broker.signal(signal.SIGCONT)
    all_is_well(monitoring)
