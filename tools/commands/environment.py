"""Kafka, Redis and the token issuer in the foreground, and a configuration for each service, the auditor and the edge:
deploy/compose.yaml.

  environment.py DIRECTORY

Everything lies in DIRECTORY: data, secrets, configurations/NAME-a.yaml, edge/envoy.yaml, env with every address, and
`ready` while it is up. Services and edge listen on all addresses, on ports that never change; the rest on 127.0.0.1, so
only who shares the network namespace reaches it. Ends, and stops all, with SIGTERM.
"""

import argparse
import signal
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from stafett_stack import bootstrap

bootstrap.enter(setup=False)

from stafett_stack import stack  # noqa: E402
from stafett_stack.kafka import partition_count  # noqa: E402
from stafett_stack.procs import StackError  # noqa: E402
from stafett_stack.services import CALLS, SERVICES  # noqa: E402

EDGE_PORT = 8080
PORTS = {name: 8081 + place for place, name in enumerate(SERVICES)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("directory", type=Path)
    directory = parser.parse_args().directory
    ready = directory / "ready"
    ready.unlink(missing_ok=True)

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, end)
    with stack.Stack(directory, partitions=partition_count("small"), edge=True, progress=say) as environment:
        configure(environment)
        environment.up_environment()
        environment.write_env(directory / "env")
        ready.touch()
        say("ready")
        try:
            while True:
                signal.pause()
        finally:
            ready.unlink()
            say("stopping")


def end(*_) -> None:
    """Leaves the `with` above from wherever it is, which stops all."""
    sys.exit(0)


def configure(environment: stack.Stack) -> None:
    for service in environment.services.values():
        service.directory = environment.directory / "configurations"
        service.port = PORTS[service.name]
        service.overrides["listen"] = f"0.0.0.0:{service.port}"
    for service in environment.services.values():
        service.peers = {name: environment.target(name) for name in CALLS.get(service.name, ())}
        service.write_configuration()
    environment.auditor.directory = environment.directory / "configurations"
    environment.auditor.write_configuration()
    edge = environment.edge
    edge.services = environment.addresses()
    edge.listen_host, edge.port = "0.0.0.0", EDGE_PORT
    edge.write_configuration(access_log=Path("/dev/stdout"))


def say(text: str) -> None:
    print(f"environment: {text}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    try:
        main()
    except StackError as error:
        sys.exit(f"environment: {error}")
