"""Stafett from a shell, against what tools/up started.

  tools/stafett token client skole-record-system
  tools/stafett token client skole-record-system --scope stafett:cases
  tools/stafett token person p-4f8k2m
  tools/stafett token person p-mother --role GUARDIAN
"""

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from stafett_stack import bootstrap

bootstrap.enter(setup=False)

from stafett_stack import controllers, issuer, stack  # noqa: E402
from stafett_stack.procs import StackError  # noqa: E402


def token_client(arguments: argparse.Namespace) -> str:
    env = stack.read_env()
    client = known(env).client(arguments.name)
    scopes = tuple(scope for text in arguments.scope or () for scope in text.split())
    foreign = sorted(set(scopes) - set(client.scopes))
    if foreign:
        raise StackError(
            f"client {client.id} has no scope {', '.join(foreign)}; it has: {' '.join(client.scopes)}"
        )
    return tokens(env).client(client, scopes or None, expired=arguments.expired)


def token_person(arguments: argparse.Namespace) -> str:
    env = stack.read_env()
    role, unit, organisation = arguments.role, arguments.unit, arguments.organisation
    if role == issuer.GUARDIAN:
        if unit or organisation:
            raise StackError("a guardian has neither unit nor organisation")
        return tokens(env).guardian(arguments.name, expired=arguments.expired)
    if role or unit or organisation:
        if not (role and unit and organisation) or arguments.expired:
            raise StackError("give --role, --unit and --organisation together, without --expired")
        return tokens(env).anybody(arguments.name, role=role, unit=unit, organisation=organisation)
    return tokens(env).person(known(env).person(arguments.name), expired=arguments.expired)


def known(env: dict[str, str]) -> controllers.Directory:
    return controllers.load(Path(env["STAFETT_CONTROLLERS"]))


def tokens(env: dict[str, str]) -> issuer.Tokens:
    return issuer.Tokens(env["STAFETT_TOKEN_ISSUER"])


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="tools/stafett", description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    commands = parser.add_subparsers(required=True, metavar="command")
    token = commands.add_parser("token", help="print a token").add_subparsers(
        required=True, metavar="client|person"
    )

    client = token.add_parser("client", help="a machine token of a client of the controllers' files")
    client.add_argument("name", help="the client's id")
    client.add_argument("--scope", action="append", help="only these of its scopes (repeatable)")
    client.set_defaults(run=token_client)

    person = token.add_parser("person", help="an attestation of a person")
    person.add_argument("name", help="id or full name; with --role any id")
    person.add_argument("--role", help="GUARDIAN needs nothing more; others want unit and organisation")
    person.add_argument("--unit", help="unit's id")
    person.add_argument("--organisation", help="organisation number")
    person.set_defaults(run=token_person)

    for command in (client, person):
        command.add_argument("--expired", action="store_true", help="a token that ran out in 2023")
    return parser.parse_args()


if __name__ == "__main__":
    chosen = parse()
    try:
        print(chosen.run(chosen))
    except StackError as error:
        sys.exit(f"stafett: {error}")
