"""Every service's metrics answer and are well formed."""

import re
import subprocess

import pytest

from stafett_stack.services import SERVICES

# No metric may count children, cases or deliveries of one municipality or recipient (promise P8).
FORBIDDEN_LABELS = ("recipient", "child", "case", "controller", "municipality", "person", "unit", "consent",
                    "delivery", "organisation", "client")  # fmt: skip


@pytest.mark.parametrize("service", SERVICES)
def test_promtool_finds_nothing_to_say(played, service):
    for copy in played.stack.of(service):
        metrics = copy.metrics()
        assert metrics.startswith("# HELP") and "stafett_" in metrics
        check = subprocess.run(
            ["promtool", "check", "metrics"], input=metrics, capture_output=True, text=True, check=False
        )
        assert (check.returncode, check.stdout, check.stderr) == (0, "", "")


@pytest.mark.parametrize("service", SERVICES)
def test_no_label_names_a_child_a_case_or_a_recipient(played, service):
    for copy in played.stack.of(service):
        metrics = copy.metrics()
        labels = {label for line in metrics.splitlines() if not line.startswith("#")
                  for label in re.findall(r'[{,](\w+)="', line)}  # fmt: skip
        assert not labels & set(FORBIDDEN_LABELS)
        ids = [*played.stage.story.recipients.values(), *(p.id for p in played.stack.known.people)]
        assert [id_ for id_ in ids if id_ in metrics] == []


@pytest.mark.parametrize("service", SERVICES)
def test_alive_and_ready(played, service):
    for copy in played.stack.of(service):
        assert copy.probe("/livez") and copy.probe("/readyz")
