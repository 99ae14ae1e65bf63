"""Servers for the end-to-end tests: real, on free ports, in a folder of their own, one set per run.

    def test_x(broker): ...          # stafett_stack.kafka.Kafka: topics, users and rights are in it
    def test_y(redis_server): ...    # stafett_stack.redis_.Redis
    def test_z(issuer): ...          # stafett_stack.issuer.Issuer
    def test_s(played): ...          # a whole Stafett that has played one_child.yaml (playing.py)
    def test_t(new_stack): ...       # one of the test's own

They know the small invented controller of tests/e2e/controllers (`known`). A test that stops or
wipes a server brings it back, or starts its own. Keep the folder with STAFETT_KEEP=1.
"""

import os
import shutil
import sys
import tempfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tools"))

from stafett_stack import controllers  # noqa: E402
from stafett_stack.issuer import Issuer  # noqa: E402
from stafett_stack.kafka import Kafka, partition_count  # noqa: E402
from stafett_stack.redis_ import Redis  # noqa: E402
from stafett_stack.secrets import Secrets  # noqa: E402

from playing import new_stack, played  # noqa: E402, F401 - whole stacks that play stories


@pytest.fixture(scope="session")
def stack_directory():
    """Removed at the end, unless STAFETT_KEEP is set."""
    directory = Path(tempfile.mkdtemp(prefix="stafett-e2e-"))
    yield directory
    if os.environ.get("STAFETT_KEEP"):
        print(f"\nkept: {directory}", file=sys.stderr)
    else:
        shutil.rmtree(directory, ignore_errors=True)


@pytest.fixture(scope="session")
def secrets(stack_directory):
    return Secrets(stack_directory / "secrets")


@pytest.fixture(scope="session")
def known():
    """The people, clients and recipients of the invented controller."""
    return controllers.load(Path(__file__).parent / "controllers")


@pytest.fixture(scope="session")
def broker(stack_directory, secrets, known):
    kafka = Kafka(stack_directory / "kafka", secrets, partitions=partition_count("small"))
    try:
        kafka.start()
        kafka.provision(known.recipients)
        yield kafka
    finally:
        kafka.stop()


@pytest.fixture(scope="session")
def redis_server(stack_directory, secrets):
    server = Redis(stack_directory / "redis", secrets)
    try:
        server.start()
        yield server
    finally:
        server.stop()


@pytest.fixture(scope="session")
def issuer(stack_directory, secrets, known):
    server = Issuer(stack_directory / "issuer", secrets, known)
    try:
        server.start()
        yield server
    finally:
        server.stop()
