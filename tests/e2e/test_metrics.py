"""Every service's metrics answer and are well formed; so does what it says of its life."""

import json
import re
import subprocess
import urllib.request

import pytest

from stafett_stack.services import AUDITOR, SERVICES

# No metric may count children, cases or deliveries of one municipality or recipient (promise P8).
FORBIDDEN_LABELS = ("recipient", "child", "case", "controller", "municipality", "person", "unit", "consent",
                    "delivery", "organisation", "client")  # fmt: skip
PROCESSES = (*SERVICES, AUDITOR)


def copies(stack, process):
    return [stack.auditor] if process == AUDITOR else stack.of(process)


@pytest.mark.parametrize("service", PROCESSES)
def test_promtool_finds_nothing_to_say(played, service):
    for copy in copies(played.stack, service):
        metrics = copy.metrics()
        assert metrics.startswith("# HELP") and "stafett_" in metrics
        check = subprocess.run(
            ["promtool", "check", "metrics"], input=metrics, capture_output=True, text=True, check=False
        )
        assert (check.returncode, check.stdout, check.stderr) == (0, "", "")


@pytest.mark.parametrize("service", PROCESSES)
def test_no_label_names_a_child_a_case_or_a_recipient(played, service):
    for copy in copies(played.stack, service):
        metrics = copy.metrics()
        labels = {label for line in metrics.splitlines() if not line.startswith("#")
                  for label in re.findall(r'[{,](\w+)="', line)}  # fmt: skip
        assert not labels & set(FORBIDDEN_LABELS)
        ids = [*played.stage.story.recipients.values(), *(p.id for p in played.stack.known.people)]
        assert [id_ for id_ in ids if id_ in metrics] == []


@pytest.mark.parametrize("service", PROCESSES)
def test_alive_and_ready(played, service):
    for copy in copies(played.stack, service):
        assert copy.probe("/livez") and copy.probe("/readyz")


# Of every service; then the topics that each follows besides the log.
LOOPS = {"supervisor", "settings", "shards", "acks", "acks-expiry", "relay", "relay-noter", "watch", "producer", "redis",
         "redis-streams", "issuer-keys", "reader-log"}  # fmt: skip
FOLLOWS = {"cases": {"reader-keys", "reader-identity", "streams"}, "consent": {"reader-keys", "rule-file"},
           "disclosure": {"reader-keys", "reader-ledger", "fence", "receipts", "streams", "rule-file", "activation"},
           "escalation": {"timers"}, "notifications": {"mail"}}  # fmt: skip
AUDITS = {"auditor", "shards", "redis", "redis-streams"}  # a producer comes with the first record that it publishes


@pytest.mark.parametrize("service", PROCESSES)
def test_livez_knows_every_loop_and_none_stands_still(played, service):
    for copy in copies(played.stack, service):
        with urllib.request.urlopen(f"http://{copy.admin_address}/livez", timeout=5) as response:
            page = json.load(response)
        assert page["live"] is True and page["stalled"] == []
        assert {loop["name"] for loop in page["loops"]} == (AUDITS if service == AUDITOR else LOOPS | FOLLOWS[service])
