"""Invented children with open logs, made by the services themselves, a wave of calls for all of them at a time."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from stafett_bench.caller import REQUEST_ID, Call, Done, Plan
from stafett_stack.procs import StackError, wait_until
from stafett_stack.stack import Stack
from stafett_story import api as api_
from stafett_story import people
from stafett_story.api import Rpc
from stafett_story.calls import Credentials, build
from stafett_story.load import Actor
from stafett_stack.services import SERVICES
from stafett_story.steinkjer import HEALTH_STATION, MACHINES, PPT, SCHOOL, TEACHER
from stafett_story.watch import Log, Marks

FIRST_BIRTH, BIRTHS = date(2009, 1, 1), 16 * 365
MOTHERS = 100  # a token each, so not as many as children
SECONDS = 60.0


@dataclass
class Child:
    name: str
    case: str
    mother: Actor
    consents: dict[str, str]  # by recipient: the consent's name


class World:
    """What calls are made of: messages, tokens, targets."""

    def __init__(self, stack: Stack, directory: Path) -> None:
        self.stack = stack
        self.directory = directory
        directory.mkdir(parents=True, exist_ok=True)
        self.api = api_.load()
        self._credentials = Credentials(stack.issuer.tokens, stack.known)
        self._plans = 0
        self._births = 0

    def call(self, name: str, who: Actor, /, **values: object) -> Call:
        rpc = self.rpc(name)
        if rpc.is_command:
            values = {"request_id": REQUEST_ID, **values}
        return Call.of(rpc.path, build(rpc, values), self._credentials.metadata(who))

    def rpc(self, name: str) -> Rpc:
        return self.api.rpcs[name]

    def target(self, name: str) -> str:
        return self.stack.target(name.partition(".")[0])

    def plan(self, calls: Sequence[Call]) -> Plan:
        self._plans += 1
        return Plan(self.directory / f"plan-{self._plans}", calls)

    def answers(self, name: str, calls: Sequence[Call], *, callers: int = 64) -> list[Any]:
        """All must be accepted. In order."""
        done = self.plan(calls).once(self.target(name), callers=callers)
        wrong = [d for d in done if d.code != 0]
        if wrong or len(done) != len(calls):
            said = wrong[0].answer.decode(errors="replace") if wrong else "unanswered"
            raise StackError(f"{name}: {len(wrong)} of {len(calls)} were refused, the first with: {said}")
        return [self.message(name, d) for d in done]

    def message(self, name: str, done: Done) -> Any:
        return self.answer(name, done.answer)

    def answer(self, name: str, answer: bytes) -> Any:
        return api_.message_class(self.rpc(name).response).FromString(answer)

    # --- children ------------------------------------------------------------------------------

    def born(self, count: int) -> list[str]:
        """National numbers of nobody, none twice."""
        numbers: list[str] = []
        for _ in range(count):
            self._births += 1
            n = self._births
            day = FIRST_BIRTH + timedelta(days=n % BIRTHS)
            # people.synthetic_number looks from a place that the seed gives; here the n-th of the day is wanted.
            numbers.append(_of_day(day, n // BIRTHS))
        return numbers

    def with_concerns(self, count: int) -> tuple[list[str], list[str], list[Actor]]:
        """Names of children, of their cases, and their mothers. No log is open."""
        mothers = [Actor("mother", "koordinering-record-system", people.opaque_id("p", f"mother-{i}"), guardian=True)
                   for i in range(min(count, MOTHERS))]  # fmt: skip
        of = [mothers[i % len(mothers)] for i in range(count)]
        registered = self.answers("cases.RegisterChild", [
            self.call("cases.RegisterChild", TEACHER, national_number=number, name=f"Oppdiktet {i}",
                      guardians=[{"person": of[i].person, "name": f"Mor {i % MOTHERS}", "relation": "MOTHER",
                                  "parental_responsibility": True}])
            for i, number in enumerate(self.born(count))
        ])  # fmt: skip
        names = [answer.child for answer in registered]
        concerns = self.answers("cases.NoteConcern", [
            self.call("cases.NoteConcern", TEACHER, child=name, concern="Er blitt stille.") for name in names
        ])  # fmt: skip
        return names, [answer.case.name for answer in concerns], of

    def with_open_logs(
        self, count: int, *, readers: Sequence[str] = (HEALTH_STATION,), timeout: float = SECONDS
    ) -> list[Child]:
        """`readers` are named by the consent and take part, but for PPT, which is named only."""
        recipients = [SCHOOL, *readers]
        names, cases, of = self.with_concerns(count)
        consents = self.consents(names, of, recipients, timeout)
        children = [Child(names[i], cases[i], of[i], dict.fromkeys(recipients, consents[i])) for i in range(count)]
        self.until_accepted("cases.OpenLog", children, lambda c: self.call(
            "cases.OpenLog", TEACHER, case=c.case, goal="Trives."))  # fmt: skip
        for reader in readers:
            if reader != PPT:
                self.answers("cases.AddParticipant", [
                    self.call("cases.AddParticipant", TEACHER, case=c.case, recipient=reader) for c in children
                ])  # fmt: skip
        return children

    def consents(
        self, names: Sequence[str], of: Sequence[Actor], recipients: Sequence[str], timeout: float
    ) -> list[str]:
        """A consent each, asked for and given. Their names."""
        scopes = [{"recipient": r, "categories": ["PLAN", "EDUC", "CONCERN"]} for r in recipients]

        self.settled(timeout)  # consent learns of a child from the log
        asked = self.answers("consent.RequestConsent", [
            self.call("consent.RequestConsent", TEACHER, child=name, purpose="follow-up", language="nb",
                      consenters=[mother.person], scopes=scopes)
            for name, mother in zip(names, of, strict=True)
        ])  # fmt: skip
        consents = [answer.consent.name for answer in asked]
        self.answers("consent.Grant", [
            self.call("consent.Grant", mother, consent=consent, consenter=mother.person, recipients=list(recipients),
                      evidence="ELECTRONIC")
            for consent, mother in zip(consents, of, strict=True)
        ])  # fmt: skip
        self.settled(timeout)
        return consents

    def until_accepted(self, name: str, children: Sequence[Child], make: Callable[[Child], Call]) -> None:
        left = list(children)

        def go() -> bool:
            nonlocal left
            done = self.plan([make(c) for c in left]).once(self.target(name))
            left = [c for c, d in zip(left, done, strict=True) if d.code]
            return not left

        wait_until(go, f"{name} to be accepted for all", SECONDS)

    def notes(self, children: Sequence[Child], *, seed: int = 1) -> Plan:
        """A note about each, for the recipients to see."""
        choose = random.Random(seed)
        return self.plan([
            self.call("cases.WriteNote", TEACHER, case=c.case, sections=[
                {"section_category": "EDUC", "text": f"Oppdiktet notat {choose.randrange(10**6):06}. " * 8}])
            for c in children
        ])  # fmt: skip

    # --- rest ----------------------------------------------------------------------------------

    def settled(self, timeout: float = SECONDS) -> None:
        """Everybody who runs has read all there is, and disclosure's outputs are with Kafka."""
        running = tuple(name for name in SERVICES if any(copy.running for copy in self.stack.of(name)))
        marks, log = Marks(self.stack.redis, running), Log(self.stack.kafka)

        def rest() -> bool:
            ends = log.ends()
            return not marks.behind({p: end - 1 for p, end in ends.items() if end}) and log.ends() == ends

        try:
            wait_until(rest, "all to have read the log", timeout)
        finally:
            log.close()

    def machine(self, recipient: str) -> Actor:
        return MACHINES[recipient]


def _of_day(day: date, nth: int) -> str:
    """The nth national number of a day (month + 80: nobody's)."""
    for individual in range(500, 1000):
        nine = f"{day.day:02}{day.month + people.SYNTHETIC_MONTH}{day.year % 100:02}{individual:03}"
        digits = people.check_digits(nine)
        if digits is not None:
            if nth == 0:
                return nine + digits
            nth -= 1
    raise ValueError(f"no more national numbers for {day}")
