"""Callers: several threads that send commands about several children, each until somebody answers, and keep every
answer.

What they choose is seeded; how their calls interleave is up to the machine.
"""

from __future__ import annotations

import importlib
import random
import threading
import time
import uuid
from collections.abc import Callable, Mapping
from datetime import date
from typing import Any

from google.protobuf.message import Message

from stafett_faults import history, oracle
from stafett_faults.history import Attempt, Command, Read
from stafett_faults.people import CATEGORIES, RECIPIENTS, Child
from stafett_stack.stack import Stack
from stafett_story import api as api_
from stafett_story import people
from stafett_story.calls import Answer, Caller, Credentials, build
from stafett_story.load import Actor
from stafett_story.steinkjer import HEALTH_STATION, MACHINES, NURSE, PPT, READERS, TEACHER
from stafett_story.watch import Recipient

CALLERS = 12  # most of them wait for their turn
FETCHERS = 2
CHILDREN = 10  # at the beginning; one more now and then
MOST_CHILDREN = 60
RATE = 40.0  # calls a second of all callers together
BURST = 10.0  # times as many
TWICE = 0.1  # of all accepted commands, sent again with the same request_id
PATIENCE_SECONDS = 45.0  # then the request is left for the end
PAUSE_SECONDS, LONGEST_PAUSE = 0.05, 0.8
TIMEOUTS = (1.0, 3.0, 5.0)
# Whether it was done is not known: the same request_id again.
UNSURE = {"UNAVAILABLE", "DEADLINE_EXCEEDED", "UNKNOWN", "CANCELLED", "INTERNAL"}
# Refused because somebody else has not heard yet, or was quicker: a new request may go.
NOT_YET = {"CONFLICT", "NO_CONSENT", "NOT_ALLOWED", "UNKNOWN_CHILD"}


def now_ms() -> int:
    return time.time_ns() // 1_000_000


class Pace:
    """Lets callers go, so many a second; a burst is a higher number for a while."""

    def __init__(self, rate: float) -> None:
        self._rate = rate
        self._factor = 1.0
        self._next = time.monotonic()
        self._lock = threading.Lock()

    def hurry(self, factor: float) -> None:
        with self._lock:
            self._factor = factor

    def turn(self, stop: threading.Event) -> None:
        with self._lock:
            now = time.monotonic()
            at = max(self._next, now)  # what was missed while nobody could call is not made good
            self._next = at + 1 / (self._rate * self._factor)
        stop.wait(at - now)


class Load:
    """with Load(stack, recipients, seed) as load: …; then load.ask_again() when all is healed."""

    def __init__(self, stack: Stack, recipients: Mapping[str, Recipient], seed: int, *, rate: float = RATE) -> None:
        self.api = api_.load()
        self.commands: list[Command] = []
        self.reads: list[Read] = []
        self.errors: list[BaseException] = []
        self.pace = Pace(rate)
        self._credentials = Credentials(stack.issuer.tokens, stack.known)
        self._caller = Caller(stack.addresses(), patience=0)  # one try; trying again is ours, and kept
        self._recipients = recipients
        self._seed = seed
        self._children: list[Child] = []
        self._births = 0
        self._requests: dict[str, tuple[Message, Actor]] = {}
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._threads = [
            threading.Thread(target=self._guard, args=(self._call, f"caller-{i}")) for i in range(CALLERS)
        ]
        for recipient in READERS:
            self._threads += [
                threading.Thread(target=self._guard, args=(self._fetch, recipient)) for _ in range(FETCHERS // 2)
            ]
        importlib.import_module("stafett.cases.v1.case_events_pb2")  # its messages travel in Any

    def __enter__(self) -> Load:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
        self._caller.close()

    def stop(self) -> None:
        self._stop.set()
        for thread in self._threads:
            if thread.is_alive():
                thread.join()

    def accepted(self) -> int:
        return sum(command.accepted for command in list(self.commands))

    def open_children(self) -> int:
        return sum(bool(child.case and child.consents) for child in list(self._children))

    def ask_again(self) -> None:
        """Every command whose outcome is still unknown, once more with its request_id; all is healed."""
        for command in self.commands:
            if command.attempts and command.attempts[-1].outcome == history.UNKNOWN:
                request, who = self._requests[command.request_id]
                self._until_answered(command, request, who, random.Random(0), threading.Event())

    def receipts(self) -> dict[str, str]:
        """How far the commands have come that were last answered STORED or REGISTERED."""
        found = {}
        for command in self.commands:
            if not command.outcomes & {history.STORED, history.REGISTERED}:
                continue
            service = command.call.partition(".")[0]
            answer = self._once(
                f"{service}.GetReceipt",
                self._requests[command.request_id][1],
                5.0,
                {"request_id": command.request_id},
            )
            found[command.request_id] = answer.refusal.code if answer.refusal else answer.values["state"]
        return found

    def listed(self) -> dict[str, frozenset[str]]:
        """Delivery ids by recipient, as ListDeliveries has them."""
        found = {}
        for recipient, machine in MACHINES.items():
            ids, after = set(), ""
            while True:
                answer = self._once("disclosure.ListDeliveries", machine, 5.0, {"after": after, "page_size": 200})
                assert answer.refusal is None, answer.refusal
                ids.update(delivery["delivery_id"] for delivery in answer.values["deliveries"])
                after = answer.values["next"]
                if not after:
                    break
            found[recipient] = frozenset(ids)
        return found

    def cases(self) -> dict[str, object]:
        """GetCase of every case, by its holder: what must be the same after a rebuild."""
        found = {}
        for child in self._children:
            if child.case:
                for who in (TEACHER, NURSE):
                    answer = self._once("cases.GetCase", who, 5.0, {"name": child.case})
                    found[child.case, who.alias] = answer.refusal.reason if answer.refusal else answer.values
        return found

    # --- callers -------------------------------------------------------------------------------

    def _guard(self, work: Callable[[random.Random, str], None], name: str) -> None:
        try:
            work(random.Random(f"{self._seed}-{name}"), name)
        except BaseException as error:  # noqa: BLE001 - told by whoever waits
            self.errors.append(error)

    def _call(self, choose: random.Random, _: str) -> None:
        while not self._stop.is_set():
            with self._lock:
                born = self._births < CHILDREN or (self._births < MOST_CHILDREN and choose.random() < 0.004)
                self._births += born
                number = self._births
            if born:
                self._birth(choose, number)
            elif children := [child for child in list(self._children) if child.consents]:
                child = choose.choice(children)
                choose.choices([action for action, _ in _ACTIONS], [weight for _, weight in _ACTIONS])[0](
                    self, choose, child
                )
            else:
                self._stop.wait(PAUSE_SECONDS)

    def _birth(self, choose: random.Random, number: int) -> None:
        """A child, up to its open log. Given up where somebody says no for good."""
        seed = f"{self._seed}-{number}"
        child = Child(
            people.synthetic_number(date(2013 + number % 6, 1 + number % 12, 1 + number % 28), seed),
            people.opaque_id("p", seed),
        )
        guardian = {
            "person": child.mother,
            "name": f"Mor {number}",
            "relation": "MOTHER",
            "parental_responsibility": True,
        }
        answer = self._must(
            choose,
            "cases.RegisterChild",
            TEACHER,
            national_number=child.number,
            name=f"Oppdiktet {number}",
            guardians=[guardian],
        )
        if answer is None:
            return
        child.names[TEACHER] = answer["child"]
        answer = self._must(
            choose, "cases.NoteConcern", TEACHER, child=child.names[TEACHER], concern="Er blitt stille."
        )
        if answer is None:
            return
        child.case = answer["case"]["name"]
        if choose.random() < 0.5:
            self._must(
                choose,
                "cases.RecordConversation",
                TEACHER,
                target=child.case,
                case=child.case,
                guardians=[child.mother],
                child_heard=True,
                summary="Hun gruer seg til lesing.",
            )
        self._children.append(child)
        with child.alone:
            if not self._agree(choose, child, RECIPIENTS):
                return
            of_case = {"target": child.case, "case": child.case}
            if self._must(choose, "cases.OpenLog", TEACHER, **of_case, goal="Trives."):
                # Whoever is to take the baton takes part; the other reader does not always.
                self._must(choose, "cases.AddParticipant", TEACHER, **of_case, recipient=HEALTH_STATION)
                if choose.random() < 0.5:
                    self._must(choose, "cases.AddParticipant", TEACHER, **of_case, recipient=PPT)

    def _agree(self, choose: random.Random, child: Child, recipients: tuple[str, ...]) -> bool:
        """A consent asked for by whoever holds the baton, and given."""
        if child.holder not in child.names:  # the nurse has not met the child yet
            registered = self._must(
                choose, "cases.RegisterChild", child.holder, national_number=child.number, name="Oppdiktet"
            )
            if registered is None:
                return False
            child.names[child.holder] = registered["child"]
        scopes = [
            {"recipient": r, "categories": ["PLAN", *choose.sample(CATEGORIES[1:], choose.randint(0, 2))]}
            for r in recipients
        ]
        answer = self._must(
            choose,
            "consent.RequestConsent",
            child.holder,
            child=child.names[child.holder],
            purpose="follow-up",
            consenters=[child.mother],
            language="nb",
            scopes=scopes,
        )
        if answer is None:
            return False
        consent = answer["consent"]["name"]
        granted = self._must(
            choose,
            "consent.Grant",
            child.guardian,
            consent=consent,
            consenter=child.mother,
            recipients=list(recipients),
            evidence="ELECTRONIC",
        )
        if granted is None:
            return False
        child.consents.update(dict.fromkeys(recipients, consent))
        return True

    # --- what they do --------------------------------------------------------------------------

    def _note(self, choose: random.Random, child: Child) -> None:
        self._send(
            choose, "cases.WriteNote", child.holder, target=child.case, case=child.case, sections=_sections(choose)
        )

    def _level(self, choose: random.Random, child: Child) -> None:
        wanted = choose.choice(("LEVEL_1", "LEVEL_2", "LEVEL_3"))
        self._send(
            choose,
            "cases.SetLevel",
            child.holder,
            target=child.case,
            case=child.case,
            level=wanted,
            reason="Etter samtale.",
        )

    def _bright_spot(self, choose: random.Random, child: Child) -> None:
        who = choose.choice((child.guardian, child.holder))
        self._send(
            choose,
            "cases.AddBrightSpot",
            who,
            target=child.case,
            case=child.case,
            sections=[{"section_category": "PLAN", "text": "Sang i bilen."}],
        )

    def _goal(self, choose: random.Random, child: Child) -> None:
        if child.goals and choose.random() < 0.7:
            self._send(
                choose,
                "cases.EndGoal",
                child.holder,
                target=child.case,
                case=child.case,
                goal=child.goals.pop(),
                reached=choose.random() < 0.5,
                reason="Det gikk bra.",
            )
            return
        answer = self._send(
            choose, "cases.AddGoal", child.holder, target=child.case, case=child.case, goal="Leser mer."
        )
        if answer:
            child.goals.append(answer["made"])

    def _measure(self, choose: random.Random, child: Child) -> None:
        if child.measures and choose.random() < 0.7:
            self._send(
                choose,
                "cases.EvaluateMeasure",
                child.holder,
                target=child.case,
                measure=choose.choice(child.measures),
                outcome=choose.choice(("HELPED", "DID_NOT_HELP")),
                sections=_sections(choose),
            )
            return
        answer = self._send(
            choose, "cases.StartMeasure", child.holder, target=child.case, case=child.case, title="Leselos."
        )
        if answer:
            child.measures.append(answer["made"])

    def _contribution(self, choose: random.Random, child: Child) -> None:
        """Submitted by the other service, if it takes part; accepted or declined by the holder."""
        if child.contributions and choose.random() < 0.7:
            accepts = choose.random() < 0.7
            self._send(
                choose,
                "cases.AcceptContribution" if accepts else "cases.DeclineContribution",
                child.holder,
                target=child.case,
                contribution=child.contributions.pop(),
                **({} if accepts else {"reason": "NOT_RELEVANT"}),
            )
            return
        answer = self._send(
            choose,
            "cases.SubmitContribution",
            child.other,
            target=child.case,
            case=child.case,
            sections=_sections(choose),
        )
        if answer:
            child.contributions.append(answer["made"])

    def _register_again(self, choose: random.Random, child: Child) -> None:
        self._send(choose, "cases.RegisterChild", TEACHER, national_number=child.number, name="Oppdiktet")

    def _read_case(self, choose: random.Random, child: Child) -> None:
        self.pace.turn(self._stop)
        self._once("cases.GetCase", child.holder, choose.choice(TIMEOUTS), {"name": child.case})

    def _baton(self, choose: random.Random, child: Child) -> None:
        """Offered to the other service's person, who says yes or no."""
        if not child.alone.acquire(blocking=False):
            return
        try:
            other = child.other
            if self._send(
                choose, "cases.OfferBaton", child.holder, target=child.case, case=child.case, to=other.person
            ):
                if choose.random() < 0.2:
                    self._send(
                        choose, "cases.DeclineBaton", other, target=child.case, case=child.case, reason="Ikke nå."
                    )
                elif self._must(choose, "cases.AcceptBaton", other, target=child.case, case=child.case):
                    child.holder = other
        finally:
            child.alone.release()

    def _consent(self, choose: random.Random, child: Child) -> None:
        """Taken back for PPT, or given for it again; seldom taken back for all, which ends the log."""
        if not child.alone.acquire(blocking=False):
            return
        try:
            if PPT not in child.consents:
                self._agree(choose, child, (PPT,))
                return
            if choose.random() < 0.03 and len(self._children) > CHILDREN // 2:
                for consent in sorted(set(child.consents.values())):
                    whom = [r for r, name in child.consents.items() if name == consent]
                    self._withdraw(choose, child, consent, whom)
                child.consents.clear()
                return
            self._withdraw(choose, child, child.consents.pop(PPT), [PPT])
        finally:
            child.alone.release()

    def _withdraw(self, choose: random.Random, child: Child, consent: str, recipients: list[str]) -> None:
        command = self._new("consent.Withdraw", choose, "")
        values = {
            "request_id": command.request_id,
            "consent": consent,
            "consenter": child.mother,
            "recipients": recipients,
        }
        request = build(self.api.rpcs[command.call], values)
        self._requests[command.request_id] = (request, child.guardian)
        self.pace.turn(self._stop)
        answer = self._until_answered(command, request, child.guardian, choose, self._stop)
        until = time.monotonic() + PATIENCE_SECONDS
        while answer and answer["state"] != history.ENFORCED and time.monotonic() < until and not self._stop.is_set():
            began = now_ms()
            said = self._once("consent.GetWithdrawal", child.guardian, 3.0, {"request_id": command.request_id})
            if said.refusal is None and said.values["state"] == history.ENFORCED:
                answer = said.values
                command.attempts.append(Attempt(began, now_ms(), history.ENFORCED))
            self._stop.wait(PAUSE_SECONDS)

    def _receipt(self, choose: random.Random, child: Child) -> None:
        if self.commands:
            command = choose.choice(self.commands[-200:])
            _, who = self._requests[command.request_id]
            service = command.call.partition(".")[0]
            self.pace.turn(self._stop)
            self._once(f"{service}.GetReceipt", who, choose.choice(TIMEOUTS), {"request_id": command.request_id})

    # --- sending -------------------------------------------------------------------------------

    def _must(
        self, choose: random.Random, call: str, who: Actor, *, target: str = "", **values: object
    ) -> dict | None:
        """Sent anew while others have not heard yet. None: no, for good."""
        until = time.monotonic() + PATIENCE_SECONDS
        while not self._stop.is_set() and time.monotonic() < until:
            answer, why = self._sent(choose, call, who, target, values)
            if answer is not None:
                return answer
            if why.partition("/")[2] not in NOT_YET:
                return None
            self._stop.wait(PAUSE_SECONDS)
        return None

    def _send(
        self, choose: random.Random, call: str, who: Actor, *, target: str = "", **values: object
    ) -> dict | None:
        return self._sent(choose, call, who, target, values)[0]

    def _sent(
        self, choose: random.Random, call: str, who: Actor, target: str, values: Mapping[str, object]
    ) -> tuple[dict | None, str]:
        """(the answer's values, or why there are none)"""
        self.pace.turn(self._stop)
        command = self._new(call, choose, target)
        request = build(self.api.rpcs[call], {"request_id": command.request_id, **values})
        self._requests[command.request_id] = (request, who)
        answer = self._until_answered(command, request, who, choose, self._stop)
        if answer is not None and choose.random() < TWICE:
            self._try(command, request, who, choose.choice(TIMEOUTS))
        return answer, command.attempts[-1].why if command.attempts else ""

    def _new(self, call: str, choose: random.Random, target: str) -> Command:
        command = Command(str(uuid.UUID(int=choose.getrandbits(128), version=4)), call, target)
        with self._lock:
            self.commands.append(command)
        return command

    def _until_answered(
        self, command: Command, request: Message, who: Actor, choose: random.Random, stop: threading.Event
    ) -> dict | None:
        until = time.monotonic() + PATIENCE_SECONDS
        pause = PAUSE_SECONDS
        while True:
            answer = self._try(command, request, who, choose.choice(TIMEOUTS))
            last = command.attempts[-1]
            # A receipt alone: it is done, and could not be told whole. The same request_id gives the rest.
            if last.outcome != history.UNKNOWN and (answer.refusal is not None or any(last.made)):
                return answer.values if answer.refusal is None else None
            if stop.wait(pause) or time.monotonic() >= until:
                return None
            pause = min(2 * pause, LONGEST_PAUSE)

    def _try(self, command: Command, request: Message, who: Actor, timeout: float) -> Answer:
        rpc = self.api.rpcs[command.call]
        began = now_ms()
        answer = self._caller.call(rpc, request, self._credentials.metadata(who), timeout=timeout)
        ended = now_ms()
        if answer.refusal is not None:
            why = f"{answer.refusal.code}/{answer.refusal.reason}"
            outcome = history.UNKNOWN if answer.refusal.code in UNSURE else history.REFUSED
            command.attempts.append(Attempt(began, ended, outcome, why))
            return answer
        values = answer.values
        case = values.get("case", {}).get("name", "") if isinstance(values.get("case"), dict) else ""
        named = (
            values.get("child", ""),
            case,
            values.get("made", ""),
            values.get("consent", {}).get("name", "") if isinstance(values.get("consent"), dict) else "",
        )
        outcome = values["receipt"]["state"]
        if command.call == "consent.Withdraw":
            outcome = values["state"]
        command.attempts.append(Attempt(began, ended, outcome, made=tuple(map(str, named)), about=case))
        return answer

    def _once(self, call: str, who: Actor, timeout: float, values: Mapping[str, Any]) -> Answer:
        rpc = self.api.rpcs[call]
        return self._caller.call(rpc, build(rpc, values), self._credentials.metadata(who), timeout=timeout)

    # --- readers -------------------------------------------------------------------------------

    def _fetch(self, choose: random.Random, recipient: str) -> None:
        """Fetches what the recipient's program was told of, mostly what came last: there a read and a withdrawal
        meet."""
        rpc = self.api.rpcs["disclosure.Fetch"]
        told: list[str] = []
        while not self._stop.is_set():
            told += [seen.delivery_id for seen in self._recipients[recipient].new()]
            if not told:
                self._stop.wait(PAUSE_SECONDS)
                continue
            delivery_id = choose.choice(told[-20:] if choose.random() < 0.7 else told)
            self.pace.turn(self._stop)
            began = now_ms()
            answer = self._caller.call(
                rpc,
                build(rpc, {"delivery_id": delivery_id}),
                self._credentials.metadata(MACHINES[recipient]),
                timeout=3.0,
            )
            if answer.refusal is not None:
                if answer.refusal.code not in UNSURE:
                    why = f"{answer.refusal.code}/{answer.refusal.reason}"
                    self.reads.append(Read(recipient, delivery_id, began, now_ms(), refused=why))
                continue
            name = _options().Category.Name
            content = api_.message_class(
                _pool().FindMessageTypeByName(answer.message.content.type_url.rpartition("/")[2])
            )
            shown = oracle.spread(content.FromString(answer.message.content.value))[0]
            self.reads.append(
                Read(
                    recipient, delivery_id, began, now_ms(), frozenset(name(c) for c in answer.message.fields), shown
                )
            )


def _sections(choose: random.Random) -> list[dict]:
    kinds = choose.sample(CATEGORIES, choose.randint(1, 2))
    return [{"section_category": kind, "text": f"Oppdiktet notat {choose.randrange(1000)}."} for kind in kinds]


def _options() -> Any:
    return importlib.import_module("stafett.common.v1.options_pb2")


def _pool() -> Any:
    return importlib.import_module("google.protobuf.descriptor_pool").Default()


_ACTIONS = (
    (Load._note, 10),
    (Load._level, 3),
    (Load._bright_spot, 2),
    (Load._goal, 2),
    (Load._measure, 3),
    (Load._contribution, 3),
    (Load._register_again, 1),
    (Load._read_case, 2),
    (Load._baton, 2),
    (Load._consent, 3),
    (Load._receipt, 1),
)
