"""The parser, and one run."""

from __future__ import annotations

import argparse
import os
import shutil
import sys
from collections.abc import Sequence
from contextlib import closing
from functools import cache
from pathlib import Path

from google.protobuf.message import Message

from stafett_cli import commands, completion, refusal, request, show, who
from stafett_cli.commands import Command
from stafett_cli.refusal import EXIT_CODES, OK, UNREACHABLE, USAGE, Wrong
from stafett_edge.rules import RuleError
from stafett_stack import paths, stack
from stafett_stack.procs import StackError
from stafett_stack.services import SERVICES
from stafett_story import api as api_
from stafett_story import comments
from stafett_story.api import message_class
from stafett_story.calls import CALL_SECONDS, UNKNOWN_OUTCOME, Caller, Refusal, Refused
from stafett_story.rest import RestCaller

TABLE, JSON = "table", "json"
ENV_FILE = "STAFETT_ENV"  # names another file than .local/env
MAX_SECONDS = 3600.0
PATIENT_SECONDS = 20.0  # a reader tries for 5 s before it sets a child aside again
INTERRUPTED = 130  # as a shell has it
ABOUT = """\
Stafett from a shell, against what tools/up started: one command per public call, a noun and a verb.

  tools/stafett child register --as p-4tz8vq --name 'Mina Fjell' --national-number @-
  tools/stafett concern note CHILD --as p-4tz8vq --concern @concern.txt
  tools/stafett case get CASE --as p-4tz8vq -o json
  tools/stafett consent grant CONSENT --help

@FILE is the text of a file and @- stdin: what is typed as an argument stays in the shell's history. Tokens come from
the mock issuer, for whoever is named.
"""


class Failed(Exception):
    """A service said no, or nobody answered; str() says what to do."""

    def __init__(self, refused: Refusal, command: Command, sent: Message) -> None:
        again = sent.request_id if command.rpc.is_command else ""
        super().__init__(refusal.text(refused, lambda path: request.flag_of(command, path), again))
        self.code = refusal.code_of(refused)


def main(words: Sequence[str] | None = None) -> int:
    try:
        arguments = parser().parse_args(words)
        arguments.run(arguments)
        sys.stdout.flush()
        return OK
    except Wrong as error:
        return _say(USAGE, str(error))
    except StackError as error:
        return _say(UNREACHABLE, str(error))
    except Failed as failed:
        return _say(failed.code, str(failed))
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:  # whoever reads us has enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return OK


def _say(code: int, text: str) -> int:
    print(f"stafett: {text}", file=sys.stderr)
    return code


# --- what a command does --------------------------------------------------------------------------


def call(arguments: argparse.Namespace) -> None:
    command: Command = arguments.command
    sent = request.build(command, arguments, api_.load())
    env = read_env()
    if command.rpc.service == commands.OPERATIONS:
        operate(command, sent, env, arguments)
        return
    with closing(caller(env, arguments)) as there:
        _reachable(env, arguments, command.rpc.service)
        metadata = _metadata(env, arguments)
        if command.rpc.method.server_streaming:
            _follow(there, command, sent, metadata, arguments)
            return
        try:
            answer = there.call(command.rpc, sent, metadata, timeout=arguments.timeout or CALL_SECONDS)
        except RuleError as error:
            raise Wrong(str(error)) from error
    if answer.refusal is not None:
        raise Failed(answer.refusal, command, sent)
    print(_shown(answer.message, arguments))


def _follow(there: Caller, command: Command, sent: Message, metadata, arguments: argparse.Namespace) -> None:
    """Each item as it comes, until the service or Ctrl-C ends it. With -o json a line each."""
    if arguments.edge:
        raise Wrong(f"{command.name} goes on, and such calls do not go through the edge")
    try:
        with closing(there.stream(command.rpc, sent, metadata, timeout=arguments.timeout)) as items:
            for item in items:
                print(_shown(item, arguments, line=True), flush=True)
    except Refused as refused:
        raise Failed(refused.refusal, command, sent) from refused
    except KeyboardInterrupt:
        print(file=sys.stderr)


def operate(command: Command, sent: Message, env: dict[str, str], arguments: argparse.Namespace) -> None:
    """Every service has its own part: the one of the name, or of --service; without, the lists of all that run."""
    if arguments.edge:
        raise Wrong(f"{command.name} is for operators, and does not go through the edge")
    metadata = _metadata(env, arguments)
    answers = {}
    for service in _parts(command, sent, arguments, env):
        with closing(Caller({commands.OPERATIONS: [env[_address(service)]]}, patience=0.0)) as there:
            answer = there.call(command.rpc, sent, metadata, timeout=arguments.timeout or PATIENT_SECONDS)
        if answer.refusal is not None:
            raise Failed(answer.refusal, command, sent)
        answers[service] = answer.message
    whole, *others = answers.values()
    for other in others:
        whole.parked.extend(other.parked)
    if others:
        whole.next_page_token = ""  # each service has its own
        for service, more in answers.items():
            if more.next_page_token:
                print(f"more: --service {service} --page-token {more.next_page_token}", file=sys.stderr)
    print(_shown(whole, arguments))


def _parts(command: Command, sent: Message, arguments: argparse.Namespace, env: dict[str, str]) -> Sequence[str]:
    if "name" in sent.DESCRIPTOR.fields_by_name:
        named = sent.name.partition("-")[0]
        if named not in SERVICES:
            raise Wrong(f"{command.name}: {sent.name!r} is no name as `parked list` gives it; one begins with {SERVICES[0]}-")
        wanted = (named,)
    else:
        wanted = (arguments.service,) if arguments.service else SERVICES
    silent = [service for service in wanted if _address(service) not in env]
    if silent:
        raise StackError(f"{silent[0]} does not run; tools/up starts it")
    return wanted


def _address(service: str) -> str:
    return f"STAFETT_{service.upper()}"


def receipt(arguments: argparse.Namespace) -> None:
    """Every service is asked, or one: which of them took the command cannot be told from its id. That it is nowhere is
    said only if all of them said so."""
    env = read_env()
    nos: list[tuple[Refusal, Command, Message]] = []
    with closing(caller(env, arguments)) as there:
        metadata = _metadata(env, arguments)
        for service, rpc in commands.receipts(api_.load()).items():
            if arguments.service not in (None, service):
                continue
            _reachable(env, arguments, service)
            sent = message_class(rpc.request)(request_id=arguments.id)
            answer = there.call(rpc, sent, metadata, timeout=arguments.timeout or CALL_SECONDS)
            if answer.refusal is None:
                if arguments.output == TABLE:
                    print(f"taken by {service}")
                print(_shown(answer.message, arguments))
                return
            nos.append((answer.refusal, Command("receipt", "get", rpc), sent))
    silent = [no for no in nos if no[0].code in UNKNOWN_OUTCOME]
    other = [no for no in nos if no[0].code != "NOT_FOUND"]
    raise Failed(*(silent or other or nos)[0])


def token_client(arguments: argparse.Namespace) -> None:
    scopes = tuple(scope for text in arguments.scope or () for scope in text.split())
    print(who.machine(read_env(), arguments.name, scopes, expired=arguments.expired))


def token_person(arguments: argparse.Namespace) -> None:
    print(who.attestation(read_env(), arguments.name, arguments, expired=arguments.expired))


def complete(_: argparse.Namespace) -> None:
    print(completion.bash(api_.load()), end="")


def read_env() -> dict[str, str]:
    file = os.environ.get(ENV_FILE)
    return stack.read_env(Path(file) if file else paths.ENV_FILE)


def caller(env: dict[str, str], arguments: argparse.Namespace) -> Caller:
    """Asks once. Whether it is sent again is for a person to say; the request id is there for it."""
    api = api_.load()
    if arguments.edge:
        if "STAFETT_EDGE" not in env:
            raise StackError("no edge runs")
        return RestCaller(env["STAFETT_EDGE"].partition("://")[2], api, patience=0.0)
    services = {rpc.service for rpc in api.rpcs.values()}
    keys = {service: f"STAFETT_{service.upper()}" for service in services}
    return Caller({service: [env[key]] for service, key in keys.items() if key in env}, patience=0.0)


def _reachable(env: dict[str, str], arguments: argparse.Namespace, service: str) -> None:
    if not arguments.edge and f"STAFETT_{service.upper()}" not in env:
        raise StackError(f"{service} does not run; tools/up starts it")


def _metadata(env: dict[str, str], arguments: argparse.Namespace) -> list[tuple[str, str]]:
    sent = who.metadata(env, arguments)
    if arguments.edge:  # by gRPC the timeout travels with the call
        sent.append(("grpc-timeout", f"{round((arguments.timeout or CALL_SECONDS) * 1000)}m"))
    return sent


def _shown(message: Message, arguments: argparse.Namespace, *, line: bool = False) -> str:
    """line: one of several."""
    if arguments.output == JSON:
        return show.as_json(message, line=line)
    room = shutil.get_terminal_size().columns if sys.stdout.isatty() else None
    return show.as_table(message, room=room) + ("\n" if line else "")


# --- the parser -----------------------------------------------------------------------------------


@cache
def parser() -> argparse.ArgumentParser:
    api = api_.load()
    top = _new(argparse.ArgumentParser, prog="tools/stafett", description=ABOUT, epilog=EXIT_CODES,
               formatter_class=argparse.RawDescriptionHelpFormatter)  # fmt: skip
    nouns = top.add_subparsers(required=True, metavar="NOUN", title="commands")
    known = commands.all_of(api)
    said = comments.read()
    for noun in sorted({command.noun for command in known.values()}):
        own = [command for command in known.values() if command.noun == noun]
        names = ", ".join(command.verb for command in own)
        verbs = _new(nouns.add_parser, noun, help=names).add_subparsers(required=True, metavar="VERB", title="verbs")
        for command in own:
            about = said.get(f"{command.rpc.method.containing_service.full_name}.{command.rpc.method.name}", "")
            about = about.replace("%", "%%")
            leaf = _new(verbs.add_parser, command.verb, help=about or " ", description=about or None,
                        usage=request.usage(command, api), epilog=f"The call is {command.rpc.name}.")  # fmt: skip
            add_options(leaf, command)
            request.add_flags(leaf, command, api, said)
            if command.name == "parked list":
                leaf.add_argument("--service", choices=SERVICES, help="of this one only; default all")
            leaf.set_defaults(run=call, command=command)
    _add_receipt(nouns, api)
    _add_token(nouns)
    _new(nouns.add_parser, "completion", help="a script for bash: source <(tools/stafett completion)").set_defaults(
        run=complete
    )
    return top


def add_options(leaf: argparse.ArgumentParser, command: Command | None = None) -> None:
    """What every command has; request.OPTIONS names them."""
    group = leaf.add_argument_group("who calls, and how")
    group.add_argument("--as", dest="as_", metavar="PERSON", help="staff by id or full name; a guardian by id")
    group.add_argument("--role", help="GUARDIAN needs nothing more; others want --unit and --organisation")
    group.add_argument("--unit", help="unit's id")
    group.add_argument("--organisation", help="organisation number")
    group.add_argument("--through", metavar="CLIENT", help="the system; default: the only one of the person's service")
    group.add_argument("--edge", action="store_true", help="as REST through the edge")
    group.add_argument("--timeout", type=_seconds, metavar="SECONDS",
                       help=f"default {CALL_SECONDS:.0f}; a call that goes on has none")  # fmt: skip
    group.add_argument("-o", "--output", choices=(TABLE, JSON), default=TABLE,
                       help="default table; json: as the edge has it")  # fmt: skip
    if command is None:
        return
    group.add_argument("--json", metavar="FILE", help="the request as protobuf JSON, - is stdin; flags win")
    if command.rpc.is_command:
        group.add_argument("--request-id", metavar="UUID", help="of an earlier try of this very command; default new")


def _add_receipt(nouns, api) -> None:
    leaf = _new(nouns.add_parser, "receipt", help="how far a command has come",
                description="How far an earlier command of this organisation has come.")  # fmt: skip
    leaf.add_argument("id", metavar="ID", help="its request id")
    leaf.add_argument("--service", choices=sorted(commands.receipts(api)), help="ask this one only")
    add_options(leaf)
    leaf.set_defaults(run=receipt)


def _add_token(nouns) -> None:
    kinds = _new(nouns.add_parser, "token", help="client, person: for calls of your own")
    token = kinds.add_subparsers(required=True, metavar="client|person")
    client = _new(token.add_parser, "client", help="a machine token of a client of the controllers' files")
    client.add_argument("name", help="the client's id")
    client.add_argument("--scope", action="append", help="only these of its scopes (repeatable)")
    client.set_defaults(run=token_client)
    person = _new(token.add_parser, "person", help="an attestation of a person")
    person.add_argument("name", help="id or full name; with --role any id")
    person.add_argument("--role", help="GUARDIAN needs nothing more; others want unit and organisation")
    person.add_argument("--unit", help="unit's id")
    person.add_argument("--organisation", help="organisation number")
    person.set_defaults(run=token_person)
    for leaf in (client, person):
        leaf.add_argument("--expired", action="store_true", help="a token that ran out in 2023")


def _new(make, *arguments, **named) -> argparse.ArgumentParser:
    """A flag is what it is called: an abbreviation could become another flag with the next call's field."""
    return make(*arguments, allow_abbrev=False, **named)


def _seconds(word: str) -> float:
    seconds = float(word)
    if not 0 < seconds <= MAX_SECONDS:
        raise argparse.ArgumentTypeError(f"{word} is not between 0 and {MAX_SECONDS:.0f}")
    return seconds
