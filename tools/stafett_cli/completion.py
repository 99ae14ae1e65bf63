"""Completion for bash, written once: asking Python at every TAB would take longer than to type."""

from __future__ import annotations

from stafett_cli import commands, request
from stafett_story.api import Api

OTHERS = ("completion", "receipt", "token")  # no calls of one service
_SCRIPT = """\
_stafett() {
  local words
  case "${COMP_WORDS[*]:1:COMP_CWORD-1} " in
%s
  esac
  COMPREPLY=($(compgen -W "$words" -- "${COMP_WORDS[COMP_CWORD]}"))
}
complete -o default -F _stafett stafett
"""


def bash(api: Api) -> str:
    known = commands.all_of(api)
    verbs: dict[str, list[str]] = {}
    for command in known.values():
        verbs.setdefault(command.noun, []).append(command.verb)
    # The first that fits counts, so a command comes before its noun.
    lines = [_case(name, request.flags(command)) for name, command in known.items()]
    lines += [_case(noun, of) for noun, of in verbs.items()]
    lines += [_case("token", ("client", "person")), f'    " ") words="{" ".join(sorted((*verbs, *OTHERS)))}" ;;']
    return _SCRIPT % "\n".join(lines)


def _case(begin: str, words) -> str:
    return f'    "{begin} "*) words="{" ".join(words)}" ;;'
