"""Who calls: the machine token of a system and, for a person, an attestation. The issuer gives both."""

from __future__ import annotations

import argparse
from pathlib import Path

from stafett_cli.commands import OPERATIONS
from stafett_cli.refusal import Wrong
from stafett_stack import controllers, issuer
from stafett_stack.controllers import Client, Directory
from stafett_stack.procs import StackError

Env = dict[str, str]


def metadata(env: Env, arguments: argparse.Namespace) -> list[tuple[str, str]]:
    """Of one call: --as, --role, --unit, --organisation, --through."""
    through = client(env, arguments)
    sent = [("authorization", f"Bearer {tokens(env).client(through)}")]
    if arguments.as_:
        sent.append(("stafett-attestation", attestation(env, arguments.as_, arguments)))
    return sent


def client(env: Env, arguments: argparse.Namespace) -> Client:
    """Without --through: the only one of the person's service."""
    directory = known(env)
    if arguments.through:
        return _found(directory.client, arguments.through)
    ids = ", ".join(sorted(entry.id for entry in directory.clients)) or "none"
    if not arguments.as_:
        raise Wrong(f"who calls? --as PERSON, or --through CLIENT for a system alone; clients: {ids}")
    if arguments.role == issuer.GUARDIAN:
        raise Wrong(f"through which system does the guardian call? --through CLIENT; clients: {ids}")
    organisation = arguments.organisation or _found(directory.person, arguments.as_).organisation
    own = [entry for entry in directory.clients if entry.recipient and entry.organisation == organisation]
    own = [entry for entry in own if _may_call(entry, arguments)]
    if len(own) != 1:
        raise Wrong(f"the service of {arguments.as_} has {len(own)} clients; say --through CLIENT; clients: {ids}")
    return own[0]


def _may_call(entry: Client, arguments: argparse.Namespace) -> bool:
    """An operator's system is for what operators do, and for nothing else."""
    command = getattr(arguments, "command", None)
    operates = command is not None and command.rpc.service == OPERATIONS
    return (f"stafett:{OPERATIONS}" in entry.scopes) == operates


def attestation(env: Env, name: str, arguments: argparse.Namespace, *, expired: bool = False) -> str:
    """Of staff by id or full name; of a guardian; or of anybody whom the files do not know (for refusals)."""
    role, unit, organisation = arguments.role, arguments.unit, arguments.organisation
    if (role or unit or organisation) and not issuer.PERSON_ID.fullmatch(name):
        raise Wrong(f"a person's id is of letters, digits, '.', '_' and '-': {name!r}")
    if role == issuer.GUARDIAN:
        if unit or organisation:
            raise Wrong("a guardian has neither unit nor organisation")
        return tokens(env).guardian(name, expired=expired)
    if role or unit or organisation:
        if not (role and unit and organisation) or expired:
            raise Wrong("give --role, --unit and --organisation together, without --expired")
        return tokens(env).anybody(name, role=role, unit=unit, organisation=organisation)
    return tokens(env).person(_found(known(env).person, name), expired=expired)


def machine(env: Env, name: str, scopes: tuple[str, ...], *, expired: bool = False) -> str:
    through = _found(known(env).client, name)
    foreign = sorted(set(scopes) - set(through.scopes))
    if foreign:
        raise Wrong(f"client {through.id} has no scope {', '.join(foreign)}; it has: {' '.join(through.scopes)}")
    return tokens(env).client(through, scopes or None, expired=expired)


def known(env: Env) -> Directory:
    return controllers.load(Path(env["STAFETT_CONTROLLERS"]))


def tokens(env: Env) -> issuer.Tokens:
    return issuer.Tokens(env["STAFETT_TOKEN_ISSUER"])


def _found(find, name: str):
    """Whom nobody knows is no defect of the stack."""
    try:
        return find(name)
    except StackError as error:
        raise Wrong(str(error)) from error
