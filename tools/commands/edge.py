"""The edge, out of proto/ and deploy/envoy.

  tools/edge openapi                    writes deploy/envoy/openapi.yaml; --check: 1 if it is not current
  tools/edge config --out FILE --listen HOST:PORT --issuer URL --jwks-url URL \\
      --service cases=HOST:PORT,… --service consent=HOST:PORT --service disclosure=HOST:PORT
                                        writes the configuration of an Envoy elsewhere
"""

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from stafett_stack import bootstrap

bootstrap.enter()

import yaml  # noqa: E402

from stafett_edge import config, openapi  # noqa: E402
from stafett_stack.issuer import AUDIENCE  # noqa: E402
from stafett_stack.procs import StackError  # noqa: E402
from stafett_story import api as api_  # noqa: E402


def write_openapi(arguments: argparse.Namespace) -> int:
    text = openapi.text(api_.load())
    current = openapi.FILE.exists() and openapi.FILE.read_text() == text
    if arguments.check:
        if not current:
            print("edge: deploy/envoy/openapi.yaml is not what proto/ says; run tools/edge openapi", file=sys.stderr)
        return 0 if current else 1
    openapi.FILE.write_text(text)
    return 0


def write_config(arguments: argparse.Namespace) -> int:
    services = dict(named.partition("=")[::2] for named in arguments.service)
    document = config.render(
        config.Place(
            listen=arguments.listen,
            status=arguments.status,
            admin_port=arguments.admin_port,
            services={name: addresses.split(",") for name, addresses in services.items()},
            issuer=arguments.issuer,
            audience=arguments.audience,
            jwks_url=arguments.jwks_url,
            access_log=arguments.access_log,
        ),
        api_.load(),
    )
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    arguments.out.write_text(yaml.safe_dump(document, sort_keys=False))
    return 0


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="tools/edge", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = parser.add_subparsers(required=True, metavar="command")
    document = commands.add_parser("openapi", help="the OpenAPI document")
    document.add_argument("--check", action="store_true", help="write nothing")
    document.set_defaults(run=write_openapi)

    place = commands.add_parser("config", help="Envoy's configuration for a place")
    place.add_argument("--out", type=Path, required=True, help="file")
    place.add_argument("--listen", required=True, help="host:port")
    place.add_argument("--status", default="127.0.0.1:9902", help="of /livez, /readyz, /metrics (default 127.0.0.1:9902)")
    place.add_argument("--admin-port", type=int, default=9901, help="on loopback (default 9901)")
    place.add_argument("--service", action="append", required=True, help="name=host:port[,host:port…] (repeatable)")
    place.add_argument("--issuer", required=True, help="of the access tokens")
    place.add_argument("--audience", default=AUDIENCE, help=f"of the access tokens (default {AUDIENCE})")
    place.add_argument("--jwks-url", required=True, help="the issuer's keys; https is verified")
    place.add_argument("--access-log", type=Path, default=Path("/dev/stdout"), help="default /dev/stdout")
    place.set_defaults(run=write_config)
    return parser.parse_args()


if __name__ == "__main__":
    chosen = parse()
    try:
        sys.exit(chosen.run(chosen))
    except StackError as error:
        sys.exit(f"edge: {error}")
