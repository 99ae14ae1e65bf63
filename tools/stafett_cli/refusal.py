"""What went wrong, what to do about it, and the exit code."""

from __future__ import annotations

from collections.abc import Callable

from stafett_cli.show import clean
from stafett_story.calls import UNKNOWN_OUTCOME, Refusal

OK, REFUSED, USAGE, UNREACHABLE = 0, 1, 2, 3
EXIT_CODES = """\
exit codes:
  0  done, or read
  1  refused by a service: code, reason and what to do are on stderr
  2  wrong usage; nothing was sent
  3  nothing runs, or nobody answered in time: what to do is on stderr"""

AGAIN = "send it again in a moment"
# By reason, else by code. A service's README lists its reasons.
ADVICE = {
    "OUTCOME_UNKNOWN": "send it again with the same request id: it is done once",
    "ETAG_MISMATCH": "somebody was quicker: read it again, and decide again",
    "ATTESTATION_REQUIRED": "say for whom: --as PERSON",
    "SCOPE_MISSING": "this system may not use this service; another one: --through CLIENT",
    "NOT_ALLOWED": "whoever asks may not, or there is no such thing; which of them is never told",
    "STALE_VIEW": AGAIN,
    "CONFLICT": AGAIN,
    "INVALID_ARGUMENT": "mend what is named above; nothing was done",
    "UNAUTHENTICATED": "the token does not do: is .local/env of the stack that runs? tools/up says so",
    "PERMISSION_DENIED": "somebody else has to do it; the service's README says who may",
    "NOT_FOUND": "there is no such thing, or it is not for whoever asks",
    "FAILED_PRECONDITION": "not as things stand; the service's README says when. Nothing was done",
    "ABORTED": AGAIN,
    "RESOURCE_EXHAUSTED": "too much at once; wait, then send it again",
    "UNAVAILABLE": "is it up? tools/up says so. Send it again when it is",
    "DEADLINE_EXCEEDED": "send it again, or give it longer: --timeout",
    "INTERNAL": "a defect of ours: the service's log has the cause",
}


class Wrong(Exception):
    """The command cannot be sent as it was given."""


def code_of(refusal: Refusal) -> int:
    return UNREACHABLE if refusal.code in UNKNOWN_OUTCOME else REFUSED


def text(refusal: Refusal, flag_of: Callable[[str], str], request_id: str = "") -> str:
    """flag_of: a request's field as the command line writes it."""
    lines = [f"refused: {refusal.code}" + (f" {refusal.reason}" if refusal.reason else "")]
    rows = [("message", refusal.message)] if refusal.message else []
    rows += [("at", flag_of(field)) for field in refusal.fields]
    rows += sorted(refusal.metadata.items())
    advice = ADVICE.get(refusal.reason) or ADVICE.get(refusal.code)
    if advice:
        rows.append(("do", advice))
    if request_id:
        rows.append(("again", f"the same command with --request-id {request_id} is done once at most"))
    return "\n".join([*lines, *(f"  {name:<9} {clean(value)}" for name, value in rows)])
