"""What was seen from outside: the checker reads nothing else. Plain values, so that a test can make up a history.

Times are milliseconds since 1970, of this machine: callers, broker and faults are on one clock.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

# Said yes, by how much was promised.
STORED, REGISTERED, PUBLISHED, ENFORCED = "STORED", "REGISTERED", "PUBLISHED", "ENFORCED"
ACCEPTED = frozenset({STORED, REGISTERED, PUBLISHED, ENFORCED})
IN_TWO_STORES = frozenset({PUBLISHED, ENFORCED})
REFUSED, UNKNOWN = "REFUSED", "UNKNOWN"


@dataclass(frozen=True)
class Attempt:
    """One sending of a command. UNKNOWN: it may have been done or not."""

    began_ms: int
    ended_ms: int
    outcome: str
    why: str = ""  # code and reason of what was not accepted
    made: tuple[str, ...] = ()  # what the answer names that must be the same in every answer
    about: str = ""  # the case that the answer tells of


@dataclass
class Command:
    """All sendings with one request_id."""

    request_id: str
    call: str  # "cases.WriteNote"
    target: str = ""  # the case that it names
    attempts: list[Attempt] = field(default_factory=list)

    @property
    def outcomes(self) -> set[str]:
        return {attempt.outcome for attempt in self.attempts}

    @property
    def accepted(self) -> bool:
        return bool(self.outcomes & ACCEPTED)

    def first(self, outcomes: frozenset[str]) -> Attempt | None:
        """The earliest answer of these, by when it came."""
        found = [attempt for attempt in self.attempts if attempt.outcome in outcomes]
        return min(found, key=lambda attempt: attempt.ended_ms, default=None)


@dataclass(frozen=True)
class Read:
    """One Fetch of a recipient's machine that was answered, with content or with a no."""

    recipient: str
    delivery_id: str
    began_ms: int
    ended_ms: int
    categories: frozenset[str] = frozenset()  # that the answer says it shows
    shown: frozenset[str] = frozenset()  # of what is in it, by proto's options
    refused: str = ""  # code and reason


@dataclass(frozen=True)
class Kept:
    """A delivery in a recipient's own store, as its program left it."""

    recipient: str
    delivery_id: str
    record_ref: str
    digest: str
    confirmed: bool  # the program was answered that the confirmation is stored


@dataclass(frozen=True)
class Entry:
    """A record of stafett.log or stafett.ledger, opened."""

    topic: str
    partition: int
    offset: int
    appended_ms: int
    event_id: str
    type: str
    child: str
    stream: str
    version: int
    digest: str  # of its bytes
    request_id: str = ""
    cause: str = ""
    organisation: str = ""
    subject: str = ""
    recorded_ms: int = 0
    awaited: tuple[Mapping[str, Any], ...] = ()
    event: Any = None  # the protobuf message; None if the type is unknown

    @property
    def service(self) -> str:
        return self.stream.partition("/")[0]

    @property
    def place(self) -> str:
        return f"{self.topic}[{self.partition}]@{self.offset}"


@dataclass(frozen=True)
class Signal:
    """A message on a recipient's topic."""

    recipient: str
    offset: int
    appended_ms: int
    delivery_id: str
    case_ref: str
    kind: str
    epoch: int
    sequence: int
    digest: str


@dataclass(frozen=True)
class Fault:
    kind: str
    target: str
    began_ms: int
    ended_ms: int  # healed: what was stopped answers again


@dataclass(frozen=True)
class Cut:
    """The end of a partition, gone from the broker's disk."""

    at_ms: int  # the broker was dead
    entries: tuple[Entry, ...]  # as they stood, in their order; of one partition

    @property
    def partition(self) -> tuple[str, int]:
        return self.entries[0].topic, self.entries[0].partition


@dataclass(frozen=True)
class Parked:
    """A child with something on the log that nobody can read: set aside by every service between these times."""

    child: str
    from_ms: int
    until_ms: int


@dataclass(frozen=True)
class Unsafe:
    """A setting of a store, loosened by the run."""

    setting: str
    set_ms: int
    closed_ms: Mapping[str, int | None]  # instance -> when it said so by that name; None: it did not
    undone_ms: int
    within_ms: int  # that it was to say so


@dataclass
class Run:
    """Everything that the checker may look at."""

    commands: Sequence[Command] = ()
    reads: Sequence[Read] = ()
    kept: Sequence[Kept] = ()
    log: Sequence[Entry] = ()
    ledger: Sequence[Entry] = ()
    signals: Sequence[Signal] = ()
    faults: Sequence[Fault] = ()
    # stream -> (length, digest of the last record) of the service's own list in Redis
    own: Mapping[str, tuple[int, str]] | None = None
    # request_id -> state, asked when all was quiet, of commands that had been answered STORED
    receipts: Mapping[str, str] | None = None
    # recipient -> delivery ids that it is listed, asked when all was quiet
    listed: Mapping[str, frozenset[str]] | None = None
    # What a wiped and rebuilt Redis holds otherwise, per thing compared; None: was not tried
    rebuilt: Mapping[str, Sequence[str]] | None = None
    # Highest number of entries that waited in the outboxes of one service, and the limit
    backlog: tuple[int, int] | None = None
    # store -> when nothing of it ran
    away: Mapping[str, Sequence[tuple[int, int]]] = field(default_factory=dict)
    wiped_ms: Sequence[int] = ()  # Redis' disk was lost then
    unreadable: Sequence[tuple[str, int, int]] = ()  # (topic, partition, offset)
    poison: Sequence[tuple[str, int, int]] = ()  # what the run itself put there
    cuts: Sequence[Cut] = ()
    parked: Sequence[Parked] = ()
    unsafe: Sequence[Unsafe] = ()
