"""The chart, rendered as helm would render it, with everything on."""

import copy
import sys
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[3]
sys.path.insert(0, str(ROOT / "tools"))

from stafett_stack import chart, controllers, paths  # noqa: E402
from stafett_stack.services import AUDITOR  # noqa: E402


@pytest.fixture(scope="session")
def defaults():
    return yaml.safe_load((paths.CHART / "values.yaml").read_text())


@pytest.fixture(scope="session")
def demo_values():
    demo = yaml.safe_load((paths.CHART / "ci" / "demo.yaml").read_text())
    return {**demo, **chart.controllers_values(paths.CONTROLLERS)}


@pytest.fixture
def values(demo_values):
    """To change and render anew."""
    return copy.deepcopy(demo_values)


@pytest.fixture(scope="session")
def manifests(demo_values):
    return chart.render(demo_values)


@pytest.fixture(scope="session")
def recipients():
    return controllers.load(paths.CONTROLLERS).recipients


@pytest.fixture(scope="session")
def services(defaults):
    return tuple(sorted(defaults["services"]))


@pytest.fixture(scope="session")
def processes(services):
    """The auditor too, which nobody calls."""
    return (*services, AUDITOR)
