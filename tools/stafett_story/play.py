"""Plays a story, step after step, and stops at the first difference.

    result = Player(story, api, caller, credentials, watch).play()

Each step: the call as its actor, with a request_id that is the same in every run of this story; the
answer compared; then everything that it leads to awaited; then every recipient must have seen
exactly what the step says, and those that it does not name nothing at all; and what was escalated and
mailed must be exactly what it says.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Protocol
from zoneinfo import ZoneInfo

from google.protobuf import json_format

from stafett_story.api import Api, short_name
from stafett_story.calls import UNKNOWN_OUTCOME, Answer, Caller, Credentials, Refusal, as_values, build
from stafett_story.load import Actor, Refused, Step, Story, resolve_all
from stafett_story.match import (
    Seen,
    differences,
    escalation_differences,
    mail_differences,
    seen_differences,
    words,
)
from stafett_story.progress import Progress
from stafett_story.told import Escalated, Mailed
from stafett_story.watch import Event, Watch

NAMESPACE = uuid.UUID("6f2d6a52-3f6e-5d0a-9a3c-5b1f0c1de1f7")
EVENTUALLY_PAUSE = 0.1


class StoryFailed(Exception):
    """str() says which step of which line, and each difference on a line of its own."""

    def __init__(self, story: Story, step: Step | None, problems: Sequence[str]) -> None:
        self.step = step
        self.problems = list(problems)
        where = f"{story.file}:{step.line}: step {step.number}, {step.title!r}" if step else "at the end"
        super().__init__(where + "".join(f"\n  {problem}" for problem in self.problems))


def _nothing(_: Step, __: Player) -> None:
    pass


@dataclass
class Hooks:
    """What a test does to Stafett while a story is played. `before` runs before a step's call,
    `after` when the step has been checked, `idle` again and again while the player waits for an
    answer or for what follows from it. All in the player's own thread."""

    before: Callable[[Step, Player], None] = _nothing
    after: Callable[[Step, Player], None] = _nothing
    idle: Callable[[], None] = lambda: None
    # A copy of notifications that dies between handing a mail over and writing that down hands it over again, with
    # the same Message-ID: no sender can know what the server took (RFC 1047).
    mails_may_repeat: bool = False


class Clock(Protocol):
    """The services' time. `Stack` is the real one."""

    days_passed: int

    def let_days_pass(self, days: int) -> None: ...


@dataclass
class Played:
    step: Step
    answer: Answer | None = None
    events: list[Event] = field(default_factory=list)  # that the step wrote
    seen: dict[str, list[Seen]] = field(default_factory=dict)
    told: list[Escalated | Mailed] = field(default_factory=list)  # what came since the step before
    seconds: float = 0.0


@dataclass(frozen=True)
class Decision:
    """A row of disclosure's ListDecisions."""

    event_id: str
    event: str
    recipient: str  # id
    verdict: str
    kind: str
    rule: str
    fields: tuple[str, ...]
    missing: str
    state: str


@dataclass
class Result:
    story: Story
    played: list[Played] = field(default_factory=list)
    decisions: list[Decision] = field(default_factory=list)
    failure: str = ""  # empty: the story ended as written


class Player:
    def __init__(
        self,
        story: Story,
        api: Api,
        caller: Caller,
        credentials: Credentials,
        watch: Watch,
        *,
        hooks: Hooks | None = None,
        progress: Progress | None = None,
        run: str = "1",
        today: date | None = None,
        clock: Clock | None = None,
    ) -> None:
        self.story = story
        self.api = api
        self.caller = caller
        self.credentials = credentials
        self.watch = watch
        self.hooks = hooks or Hooks()
        self.progress = progress or Progress.silent()
        self.run = run
        self.clock = clock
        # Dates of the law are dates in Norway.
        self._began = today or datetime.now(ZoneInfo("Europe/Oslo")).date()
        self._children: set[str] = set()  # opaque ids of this story's
        self._told = 0  # of all that was told of anybody
        self.values = story.values(run)
        self.result = Result(story)

    @property
    def today(self) -> date:
        return self._began + timedelta(days=self.clock.days_passed if self.clock else 0)

    def play(self) -> Result:
        """Never raises for a story that went otherwise: `failure` says what is different."""
        self.caller.idle = self.watch.idle = self.hooks.idle
        self.watch.begin()
        try:
            self.progress.begin(len(self.story.steps))
            for step in self.story.steps:
                self._play(step)
            self._at_the_end()
        except StoryFailed as failed:
            self.result.failure = str(failed)
        finally:
            self.progress.end()
        try:
            self.result.decisions = self._decisions()
        except StoryFailed as failed:
            self.result.failure = self.result.failure or str(failed)
        return self.result

    # --- one step ------------------------------------------------------------------------------

    def _play(self, step: Step) -> None:
        started = time.monotonic()
        self.progress.step(step)
        played = Played(step)
        self.result.played.append(played)
        self.hooks.before(step, self)
        if step.rpc is not None:
            problems = self._call(step, played)
        else:
            problems = self._happen(step)
        if problems:
            raise StoryFailed(self.story, step, problems)
        self.progress.note("waiting for what follows")
        self._children |= {event.child for event in played.events}
        self.watch.settle(played.events)
        problems = self._told_differences(step, played)
        for alias in self.story.recipients:
            played.seen[alias] = self.watch.new(alias)
            problems += [f"{alias}: {problem}" for problem in self._look(step, alias, played.seen[alias])]
        if problems:
            raise StoryFailed(self.story, step, problems)
        self.hooks.after(step, self)
        played.seconds = time.monotonic() - started
        self.progress.done(step, played.seconds)

    def _call(self, step: Step, played: Played) -> list[str]:
        assert step.rpc is not None
        values = resolve_all(step.request, self.values, self.today)
        assert isinstance(values, dict)
        if step.rpc.is_command:
            values.setdefault("request_id", self.request_id(step.repeats or step.number))
        request_id = values.get("request_id", "")
        try:
            request = build(step.rpc, values)
        except json_format.ParseError as error:
            return [f"the request cannot be made: {error}"]
        final = (step.refused.code,) if step.refused else ()
        deadline = time.monotonic() + self.caller.patience
        while True:
            metadata = self.credentials.metadata(self._actor(step))
            answer = self.caller.call(step.rpc, request, metadata, final=final)
            problems = self._compare(step, answer)
            if not problems or not step.eventually or time.monotonic() >= deadline:
                break
            self.hooks.idle()
            time.sleep(EVENTUALLY_PAUSE)
        played.answer = answer
        if step.rpc.is_command:
            if not problems and answer.message is not None:
                problems = self._await_published(step, request_id, answer)
            events = self.watch.events(request_id)
            first = self.result.played[step.repeats - 1].events if step.repeats else []
            played.events = events[len(first) :]
            if played.events and (step.refused or step.repeats):
                kinds = ", ".join(event.name for event in played.events)
                problems.append(f"should have changed nothing, and yet {kinds} stands on the log")
        if not problems:
            self._remember(step, request_id, answer)
        return problems

    def _compare(self, step: Step, answer: Answer) -> list[str]:
        if step.refused is not None:
            return refusal_differences(step.refused, answer)
        if answer.refusal is not None:
            tried = f" (sent {answer.calls} times)" if answer.refusal.code in UNKNOWN_OUTCOME else ""
            return [f"was refused: {answer.refusal}{tried}"]
        if step.same:
            first = self.result.played[step.repeats - 1].answer
            assert first is not None
            return differences(_without_receipt(first.values), _without_receipt(answer.values), "the answer")
        expected = resolve_all(step.answers or {}, self.values, self.today)
        return differences(expected, answer.values, "")

    def _await_published(self, step: Step, request_id: str, answer: Answer) -> list[str]:
        """STORED means that the events come on the log later: only then can they be followed."""
        assert step.rpc is not None
        rpc = self.api.rpcs.get(f"{step.rpc.service}.GetReceipt")
        state = answer.values.get("receipt", {}).get("state")  # type: ignore[attr-defined]
        deadline = time.monotonic() + self.caller.patience
        while rpc is not None and state == "STORED":
            if time.monotonic() >= deadline:
                return ["is STORED and does not become PUBLISHED"]
            self.progress.note("stored; waiting for the log")
            self.hooks.idle()
            time.sleep(EVENTUALLY_PAUSE)
            metadata = self.credentials.metadata(self._actor(step))
            receipt = self.caller.call(rpc, build(rpc, {"request_id": request_id}), metadata)
            if receipt.refusal is not None:
                return [f"GetReceipt was refused: {receipt.refusal}"]
            state = receipt.values["state"]
        return []

    def _remember(self, step: Step, request_id: str, answer: Answer) -> None:
        if step.id:
            self.values[step.id] = {"request_id": request_id}
        for alias, path in step.save.items():
            value: object = answer.values
            for part in path:
                value = value[part]  # type: ignore[index]
            self.values[alias] = value

    def _happen(self, step: Step) -> list[str]:
        """What nobody calls for."""
        if step.passes:
            if self.clock is None:
                return ["nothing here lets time pass"]
            self.watch.quiet()  # what was not stored today has been waited for since today
            self.progress.note("all services start again, their clocks ahead")
            self.clock.let_days_pass(step.passes)
        elif step.stops:
            self.watch.stop(step.stops)
        elif step.starts:
            self.watch.start(step.starts)
            self.watch.settle([])
        else:
            return self._ask(step)
        return []

    def _told_differences(self, step: Step, played: Played) -> list[str]:
        """What was escalated and mailed since the last step; asked again while something that is to come has not."""
        ids = {**self.story.recipients, **{alias: actor.person for alias, actor in self.story.actors.items()}}
        never = self.story.private_strings(self.run)
        deadline = time.monotonic() + self.caller.patience
        while True:
            told = self.watch.told()
            fresh = [one for one in told[self._told :] if one.child in self._children]
            escalated = [one for one in fresh if isinstance(one, Escalated)]
            mailed = [one for one in fresh if isinstance(one, Mailed)]
            problems = escalation_differences(step.escalates, escalated, ids)
            problems += mail_differences(step.mails, mailed, ids, never, may_repeat=self.hooks.mails_may_repeat)
            to_come = len(step.escalates) > len(escalated) or len(step.mails) > len(mailed)
            if not to_come or time.monotonic() >= deadline:
                break
            self.hooks.idle()
            time.sleep(EVENTUALLY_PAUSE)
        self._told = len(told)
        played.told = fresh
        return problems

    def _ask(self, step: Step) -> list[str]:
        """A recipient opens, or fetches again, what it has been told of."""
        attestation = self.credentials.attestation(self._actor(step)) if step.opens else ""
        try:
            answers = self.watch.ask(step.at, step.opens or step.fetches, attestation)
        except LookupError as error:
            return [str(error)]
        problems = []
        for seen in answers:
            if step.refused is None:
                problems += [f"{seen.event} was refused: {seen.refused}"] if seen.refused else []
                continue
            wanted = f"{step.refused.code}/{step.refused.reason or ''}"
            if not seen.refused:
                problems.append(f"{seen.event} should have been refused; {step.at} has it")
            elif not seen.refused.startswith(wanted.rstrip("/")):
                problems.append(f"{seen.event} was refused with {seen.refused}, expected {wanted}")
        return problems

    def _look(self, step: Step, alias: str, seen: Sequence[Seen]) -> list[str]:
        """What one recipient must have seen after a step, and must never see."""
        items = step.sees.get(alias, ())
        expected = [self._resolved(item) for item in items]
        problems = seen_differences(expected, seen)
        forbidden = self.story.never.get(alias, ())
        text = "\n".join(word for one in seen for part in (one.content, one.child) for word in words(part))
        if forbidden is None:
            problems += [f"must never see anything; saw {one}" for one in seen]
        else:
            never = resolve_all(forbidden, self.values, self.today)
            problems += [f"must never see {word!r}" for word in never if word in text]  # type: ignore[attr-defined]
        return problems

    def _resolved(self, item):  # noqa: ANN001, ANN202 - Item to Item
        parts = {
            name: resolve_all(getattr(item, name), self.values, self.today)
            for name in ("has", "has_not", "content", "child")
            if getattr(item, name) is not None
        }
        return type(item)(**{**item.__dict__, **parts})

    def _actor(self, step: Step) -> Actor:
        return self.story.actors[step.who]

    def request_id(self, step_number: int) -> str:
        return str(uuid.uuid5(NAMESPACE, f"{self.run}/{self.story.file.stem}/{step_number}"))

    # --- the end -------------------------------------------------------------------------------

    def _at_the_end(self) -> None:
        """What a recipient could poll is what it was signalled: no more, no less."""
        problems = []
        for alias in self.story.recipients:
            signalled = {seen.delivery_id for played in self.result.played for seen in played.seen[alias]}
            listed = self._deliveries(alias)
            problems += [
                f"{alias}: can poll delivery {delivery_id}, and was never signalled it"
                for delivery_id in listed.keys() - signalled - self.watch.earlier(alias)
            ]
            problems += [
                f"{alias}: was signalled delivery {delivery_id}, and cannot poll it"
                for delivery_id in signalled - listed.keys()
            ]
        if problems:
            raise StoryFailed(self.story, None, problems)

    def _deliveries(self, alias: str) -> dict[str, str]:
        """Delivery ids and states, page by page, with the recipient's own token."""
        token = self.credentials.client(self.story.recipient_clients[alias])
        rpc = self.api.rpcs["disclosure.ListDeliveries"]
        found: dict[str, str] = {}
        after = ""
        while True:
            request = build(rpc, {"after": after, "page_size": 200})
            answer = self.caller.call(rpc, request, [("authorization", f"Bearer {token}")])
            if answer.refusal is not None:
                raise StoryFailed(self.story, None, [f"{alias}: ListDeliveries: {answer.refusal}"])
            page = answer.values
            found |= {row["delivery_id"]: row["state"] for row in page["deliveries"]}  # type: ignore[index, attr-defined]
            after = str(page["next"])
            if not after:
                return found

    def _decisions(self) -> list[Decision]:
        """Every decision about the story's children, as disclosure officers read them, each those of his controller."""
        rpc = self.api.rpcs["disclosure.ListDecisions"]
        found: list[Decision] = []
        for officer, reference in self.story.decisions:
            metadata = self.credentials.metadata(self.story.actors[officer])
            try:
                child = resolve_all(reference, self.values, self.today)
            except (KeyError, TypeError):
                continue  # the story ended before the step that saves it
            token = ""
            while True:
                request = build(rpc, {"child": child, "page_size": 200, "page_token": token})
                answer = self.caller.call(rpc, request, metadata)
                if answer.refusal is not None:
                    raise StoryFailed(self.story, None, [f"ListDecisions: {answer.refusal}"])
                page = answer.values
                found += [_decision(row) for row in page["decisions"]]  # type: ignore[attr-defined]
                token = str(page["next_page_token"])
                if not token:
                    break
        return found


def refusal_differences(expected: Refused, answer: Answer) -> list[str]:
    wanted = f"{expected.code}/{expected.reason}" if expected.reason else expected.code
    if answer.refusal is None:
        return [f"should have been refused with {wanted}; the answer was {as_values(answer.message)!r}"]
    refusal: Refusal = answer.refusal
    if refusal.code != expected.code or expected.reason not in (None, refusal.reason):
        return [f"should have been refused with {wanted}; was refused with {refusal}"]
    if expected.field is not None and expected.field not in refusal.fields:
        return [f"should have named the field {expected.field}; was refused with {refusal}"]
    if not refusal.reason:
        return [f"was refused with {refusal.code} without an ErrorInfo"]
    return []


def _without_receipt(values: Mapping[str, object]) -> dict[str, object]:
    # A command that is sent again may be further on its way: STORED then, PUBLISHED now.
    return {key: value for key, value in values.items() if key != "receipt"}


def _decision(row: Mapping) -> Decision:
    return Decision(
        event_id=row["event_id"],
        event=short_name(row["event_type"]),
        recipient=row["recipient"],
        verdict=row["verdict"],
        kind=row["kind"],
        rule=row["rule"],
        fields=tuple(row["fields"]),
        missing=row["missing"],
        state=row["state"],
    )
