"""Unit tests of the tools: no servers but a stub inside the test process."""

import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
sys.path.insert(0, str(ROOT / "tools"))

from stafett_stack import controllers  # noqa: E402
from stafett_story import api as api_  # noqa: E402


@pytest.fixture(scope="session")
def api():
    return api_.load()


@pytest.fixture(scope="session")
def known():
    """The small invented controller, with a school, a health station and a child welfare service."""
    return controllers.load(ROOT / "tests" / "e2e" / "controllers")


@pytest.fixture
def story_file(tmp_path):
    """story_file(text): a file with that story in it."""

    def write(text: str) -> Path:
        file = tmp_path / "story.yaml"
        file.write_text(text, encoding="utf-8")
        return file

    return write
