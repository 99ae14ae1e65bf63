"""Dashboards as files: Grafana takes them, and a person understands them. Whether they show anything:
tests/e2e/test_operators.py."""

import json
import re

import pytest

from stafett_stack import operating

DASHBOARDS = operating.dashboards()
SCHEMA_VERSION = 39  # of Grafana 11; later versions migrate it themselves
UNITS = {"short", "s", "reqps", "ops", "cps", "percentunit"}
SOURCE = {"type": "prometheus", "uid": "${datasource}"}
each = pytest.mark.parametrize("dashboard", DASHBOARDS, ids=lambda d: d.name)
each_panel = pytest.mark.parametrize(
    ("dashboard", "panel"), [(d, p) for d in DASHBOARDS for p in d.panels], ids=lambda x: getattr(x, "title", "")
)


def test_there_is_one_for_those_responsible_and_one_for_operators():
    assert {d.json["uid"]: d.json["title"] for d in DASHBOARDS} == {
        "stafett-waiting": "Stafett: Is any child waiting?",
        "stafett-machine-room": "Stafett: Machine room",
    }


@each
def test_grafana_knows_its_form(dashboard):
    document = dashboard.json
    assert document["schemaVersion"] == SCHEMA_VERSION
    assert re.fullmatch(r"[a-z0-9-]{1,40}", document["uid"])
    assert document["description"] and document["refresh"] and document["time"]["to"] == "now"
    assert "id" not in document  # of one installation's database
    variables = {v["name"]: v for v in document["templating"]["list"]}
    assert (variables["datasource"]["type"], variables["datasource"]["query"]) == ("datasource", "prometheus")
    # One source for everything, chosen by whoever looks: no installation's own stands in the file.
    assert set(re.findall(r'"uid": "([^"]+)"', json.dumps(document))) == {document["uid"], SOURCE["uid"]}
    used = set(re.findall(r"\$\{?(\w+)", " ".join(q for p in dashboard.panels for q in p.queries)))
    assert {name for name in used if not name.startswith("__")} <= set(variables)


@each
def test_panels_have_ids_of_their_own_and_do_not_overlap(dashboard):
    ids = [panel["id"] for panel in dashboard.json["panels"]]
    assert len(set(ids)) == len(ids)
    taken = set()
    for panel in dashboard.json["panels"]:
        g = panel["gridPos"]
        assert g["x"] + g["w"] <= 24
        cells = {(x, y) for x in range(g["x"], g["x"] + g["w"]) for y in range(g["y"], g["y"] + g["h"])}
        assert not cells & taken, panel["title"]
        taken |= cells


@each_panel
def test_a_panel_says_what_it_shows_in_which_unit_and_when_it_is_bad(dashboard, panel):
    assert len(panel.json["description"]) > 15 and panel.json["description"].endswith(".")
    defaults = panel.json["fieldConfig"]["defaults"]
    assert defaults["unit"] in UNITS
    steps = defaults["thresholds"]["steps"]
    assert steps[0]["value"] is None and [s["value"] for s in steps[1:]] == sorted(s["value"] for s in steps[1:])
    assert panel.json["type"] != "stat" or len(steps) > 1  # a coloured number without a limit says nothing
    assert panel.json["datasource"] == SOURCE
    targets = panel.json["targets"]
    assert [t["refId"] for t in targets] == [chr(ord("A") + i) for i in range(len(targets))] and targets
    assert all(t["legendFormat"] and t["datasource"] == SOURCE for t in targets)


def test_those_responsible_see_nothing_by_service_of_a_municipality():
    """Numbers of the whole system: in a place of 571 people a smaller one is a child (promise P8)."""
    (dashboard,) = [d for d in DASHBOARDS if d.json["uid"] == "stafett-waiting"]
    grouped = {label.strip() for p in dashboard.panels for q in p.queries
               for labels in re.findall(r"\bby\s*\(([^)]*)\)", q) for label in labels.split(",")}  # fmt: skip
    assert grouped <= {"le", "step", "outcome", "kind", "state", "alertname", "severity"}
    assert [v["name"] for v in dashboard.json["templating"]["list"]] == ["datasource"]  # nothing to choose by
