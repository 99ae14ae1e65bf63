"""Nobody learns anything that no rule lets him know, existence included (promise P1): children live through the same
days twice, on two Stafetts, and in the second run things happen beside that the observers may not know. All that they can
observe is equal: lists, counts, pages, cursors, tokens, contents, sizes, sequences, streams, what lies on their topic,
refusals, receipts, escalations, inboxes.

What happens beside: other services register the child, note concerns, open logs of their own; parents are asked about
others, say yes, say no and take it back; notes and bright spots are written whose words the observers may not see, also
beside words that they may; contributions that are not for them, answered and unanswered; what others fetch, store and open.

Of times, only how often the store is asked: that is the same on every machine. Metrics are in test_metrics.py and
test_operators.py.
"""

import hashlib
import uuid
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from direct import AGAIN, HEALTH_STATION, MACHINES, OFFICER, PPT, SCHOOL, TEACHER, Direct, Topic
from escalating import begin, settled
from observing import Eyes, Names, Wire, differences

from stafett_stack.procs import wait_until
from stafett_stack.rights import topic_of
from stafett_stack.services import SERVICES
from stafett_story.load import Actor
from stafett_story.people import synthetic_number
from stafett_story.steinkjer import NURSE

SECONDS = 60.0
DAY = 24 * 3600
NOTHING = hashlib.sha256(b"").hexdigest()  # a retraction has no content
SCHOOL_2, CHILD_WELFARE, KINDERGARTEN = "r-3vt9ka", "r-q2f8rn", "r-6npx4d"
REFUGEES, COORDINATION, BUP = "r-z9d3hy", "r-5mb7tc", "r-x6g4wp"

# Who observes.
PPT_MACHINE, HEALTH_MACHINE = MACHINES[PPT], MACHINES[HEALTH_STATION]
ADVISER = Actor("adviser", "ppt-record-system", "p-7hn4vz")
PPT_LEADER = Actor("ppt's leader", "ppt-record-system", "p-c9k2xe")
HEALTH_LEADER = Actor("health leader", "helsestasjon-record-system", "p-w5t7cy")
TEACHER_2 = Actor("teacher 2", "skole2-record-system", "p-9kx3wd")
HEAD_2 = Actor("head 2", "skole2-record-system", "p-e6v2zt")
SCHOOL_2_MACHINE = Actor("school 2", "skole2-record-system")
OTHER_OFFICER = Actor("other officer", "naroysund-koordinering-record-system", "p-58yad5")
STRANGER = Actor("stranger", "leka-helsestasjon-record-system", "p-vk33f7")
# Who does things beside.
CASE_WORKER = Actor("case worker", "barnevern-record-system", "p-s4b8jt")
WELFARE_MACHINE = Actor("child welfare", "barnevern-record-system")
KINDERGARTEN_MACHINE = Actor("kindergarten", "barnehage-record-system")
REFUGEE_WORKER = Actor("refugee worker", "flyktning-record-system", "p-d8w3fm")
PSYCHOLOGIST = Actor("psychologist", "bup-record-system", "p-f5j8mb")
BUP_LEADER = Actor("bup's leader", "bup-record-system", "p-z7d4qs")

TODAY = datetime.now(ZoneInfo("Europe/Oslo")).date()
AHEAD = 30  # days that escalation's clock runs ahead at the end


def day(days):
    return (TODAY + timedelta(days=days)).isoformat()


def section(category, text):
    return {"section_category": category, "text": text}


def scope(recipient, *categories):
    return {"recipient": recipient, "categories": list(categories)}


def parent(of, which):
    return Actor(which, "koordinering-record-system", f"p-{which}-of-{of}", guardian=True)


class Life:
    """One run on a Stafett of its own. `beside`: whether what the observers may not know happens too."""

    def __init__(self, stack, beside):
        self.beside = beside
        self.direct = Direct(stack, patience=SECONDS)
        self.wire = Wire(self.direct)
        self.looking = {}  # by caller: what it has observed so far
        self._names = {}  # of children
        self.case = {}
        self.secret = {}  # ids of what happened beside
        self.redis = stack.redis.client()
        self.marker = stack.redis.client()  # while the other one listens

    def close(self):
        self.wire.close()
        self.direct.close()

    def name(self, key, who):
        """The child as the caller's service, or this guardian, names it."""
        return self._names[key, who.person if who.guardian else who.client]

    # --- doing ---------------------------------------------------------------------------------

    def do(self, call, who, **values):
        answer = self.direct.call(call, who, again=AGAIN, **values)
        self.quiet()
        return answer

    def eyes(self, who):
        return self.looking.setdefault(who, Eyes(self.wire, who))

    def does(self, call, who, **values):
        """As `do`, by somebody who observes: the answer too is compared."""
        seen = self.eyes(who).ask(call, request_id=str(uuid.uuid4()), **values)
        assert seen.code == "OK", (call, who.alias, seen)
        self.quiet()
        return seen.values

    def quiet(self):
        """Every service has taken all of the log, and all that follows is on Kafka: so the order in which anybody is told
        is the order of this file."""
        direct = self.direct
        outboxes = [f"{service}:{{p{p:02}}}:" for service in SERVICES for p in range(direct.stack.kafka.partitions)]

        def published():
            acked = self.redis.mget([f"{outbox}acked" for outbox in outboxes])
            last = self.redis.mget([f"{outbox}ob:n" for outbox in outboxes])
            return all(int(a or 0) >= int(n or 0) for a, n in zip(acked, last, strict=True))

        while True:
            ends = direct.ends()
            last = {p: end - 1 for p, end in ends.items() if end > 0}
            wait_until(lambda last=last: not direct.marks.behind(last) and published(), "quiet", SECONDS)
            if direct.ends() == ends:
                return

    def register(self, key, who, *, name="", fathers_too=False, observed=False):
        """The same child whoever registers it: its number, its name, its guardians."""
        born = date(2014, 5, 1 + "abcdef".index(key))
        guardians = [(parent(key, "mother"), True), (parent(key, "father"), fathers_too)]
        answer = (self.does if observed else self.do)(
            "cases.RegisterChild", who, national_number=synthetic_number(born, f"leaks {key}"),
            name=name or f"Oppdiktet {key.upper()}",
            guardians=[{"person": p.person, "name": f"{p.alias} {key}", "relation": p.alias.upper(),
                        "parental_responsibility": responsible} for p, responsible in guardians],
        )  # fmt: skip
        self._names[key, who.client] = answer["child"]

    def concern(self, key, who, **values):
        noted = self.do("cases.NoteConcern", who, child=self.name(key, who), concern="Stille.", **values)
        return noted["case"]["name"]

    def asks(self, key, who, *scopes, days=300):
        """Asks the mother; the name of the consent, and her name of the child."""
        return self.do(
            "consent.RequestConsent", who, child=self.name(key, who), purpose="follow-up", language="nb",
            consenters=[parent(key, "mother").person], scopes=list(scopes), until=day(days),
        )["consent"]["name"]  # fmt: skip

    def says_yes(self, key, consent, *recipients):
        mother = parent(key, "mother")
        answer = self.do("consent.Grant", mother, consent=consent, consenter=mother.person, recipients=list(recipients),
                         evidence="ELECTRONIC")  # fmt: skip
        self._names[key, mother.person] = answer["consent"]["child"]

    def takes_back(self, key, consent, recipient):
        mother, request_id = parent(key, "mother"), str(uuid.uuid4())
        self.do("consent.Withdraw", mother, consent=consent, consenter=mother.person, recipients=[recipient],
                request_id=request_id)  # fmt: skip
        return request_id

    def opens(self, key, who, *recipients):
        case = self.case[key]
        self.do("cases.OpenLog", who, case=case, goal="Trives.", next_date=day(20))
        for recipient in recipients:
            self.do("cases.AddParticipant", who, case=case, recipient=recipient)

    def writes(self, key, who, *sections):
        self.do("cases.WriteNote", who, case=self.case[key], sections=list(sections))

    def takes(self, machine, *, reader=None):
        """As its program would: fetches and stores all that it was told and has not stored. `reader` opens it."""
        eyes = self.eyes(machine)
        for told in eyes.pages("disclosure.ListDeliveries", "deliveries", 200, token="after", following="next"):
            if told["state"] != "SIGNALLED":
                continue
            delivery, digest = told["delivery_id"], NOTHING
            if told["kind"] != "RETRACTION":
                digest = eyes.ask("disclosure.Fetch", delivery_id=delivery).values["digest"]
            stored = eyes.ask("disclosure.ConfirmStored", delivery_id=delivery, record_ref="rec-1", digest=digest)
            assert stored.code == "OK", stored
            if reader is not None:
                self.eyes(reader).ask("disclosure.ConfirmOpened", delivery_id=delivery)

    def told(self, machine):
        """Its deliveries, looked at by nobody."""
        return self.wire.send("disclosure.ListDeliveries", machine, page_size=200).values["deliveries"]

    def events_of(self, request_id):
        return [entry.record for entry in self.direct.log() if entry.record.request_id == request_id]

    def opaque(self, case):
        """The child of a case as it stands on the log and in the store."""
        id_ = case.rpartition("/")[2]
        return next(entry.record.child for entry in self.direct.log() if entry.record.subject == id_)

    def case_for(self, machine, key):
        """As PPT or the health station names it: each hears of its cases in this order."""
        refs = list(dict.fromkeys(told["case_ref"] for told in self.told(machine)))
        return f"controllers/c-5k2v9q/cases/{refs[{PPT_MACHINE: 'abe', HEALTH_MACHINE: 'acd'}[machine].index(key)]}"


# --- the days ---------------------------------------------------------------------------------------


def days_of_a(life):
    """A log with three services beside the school's. PPT takes part until the mother takes it back; it never learns of the
    kindergarten, nor of what child welfare contributes."""
    if life.beside:
        life.register("a", REFUGEE_WORKER)
        life.secret["case"] = life.concern("a", REFUGEE_WORKER)
    life.register("a", TEACHER)
    for who in (ADVISER, NURSE, STRANGER, OTHER_OFFICER):
        life.register("a", who, observed=True)
    life.case["a"] = life.concern("a", TEACHER)
    consent = life.asks("a", TEACHER, *(scope(r, "PLAN", "EDUC") for r in (SCHOOL, HEALTH_STATION, PPT, CHILD_WELFARE)))
    life.says_yes("a", consent, SCHOOL, HEALTH_STATION, PPT, CHILD_WELFARE)
    if life.beside:
        more = life.asks("a", TEACHER, scope(KINDERGARTEN, "PLAN", "EDUC", "CONCERN"), days=200)
        life.says_yes("a", more, KINDERGARTEN)
        mother = parent("a", "mother")
        refused = life.asks("a", REFUGEE_WORKER, scope(BUP, "PLAN"), days=100)
        life.do("consent.Refuse", mother, consent=refused, consenter=mother.person)
        life.secret["consent"] = more
        life.secret["child"] = life.name("a", REFUGEE_WORKER)
    life.opens("a", TEACHER, HEALTH_STATION, PPT, CHILD_WELFARE)
    words = [section("EDUC", "Leser bedre.")]
    if life.beside:
        words.insert(0, section("CONCERN", "Det er noe hjemme som ingen andre skal vite om."))
        life.writes("a", TEACHER, section("CONCERN", "Gråt i garderoben."))
        life.do("cases.AddBrightSpot", mother, case=life.case["a"], sections=[section("CONCERN", "Sover bedre.")])
    life.writes("a", TEACHER, *words)
    life.takes(PPT_MACHINE, reader=ADVISER)
    life.takes(HEALTH_MACHINE, reader=NURSE)
    if life.beside:
        life.takes(KINDERGARTEN_MACHINE)
        life.takes(WELFARE_MACHINE, reader=CASE_WORKER)
        submitted = uuid.uuid4()
        contributions = [
            life.do("cases.SubmitContribution", CASE_WORKER, case=life.case["a"], request_id=str(request_id),
                    sections=[section("WELFARE", text)])["made"]
            for request_id, text in ((submitted, "Hjelp i hjemmet."), (uuid.uuid4(), "Ny samtale."), (uuid.uuid4(), "Mer."))
        ]  # fmt: skip
        life.do("cases.DeclineContribution", TEACHER, contribution=contributions[0], reason="NOT_RELEVANT")
        life.do("cases.AcceptContribution", TEACHER, contribution=contributions[1])
        life.secret["contribution"], life.secret["request"] = contributions[2], str(submitted)
    life.do("cases.SetLevel", TEACHER, case=life.case["a"], level="LEVEL_2", reason="To tjenester.", next_date=day(20))
    life.do("cases.StartMeasure", TEACHER, case=life.case["a"], title="Leseplan.", responsible=ADVISER.person,
            start=day(0), evaluation_date=day(40))  # fmt: skip
    case = life.case_for(PPT_MACHINE, "a")
    words = [section("PLAN", "Ti minutter hver dag.")]
    offered = life.does("cases.SubmitContribution", ADVISER, case=case, sections=words)
    life.does("cases.AddBrightSpot", ADVISER, case=case, sections=[section("EDUC", "Leste høyt.")])
    life.do("cases.AcceptContribution", TEACHER, contribution=offered["made"])
    if life.beside:
        life.secret["withdrawal"] = life.takes_back("a", more, KINDERGARTEN)
        life.takes_back("a", consent, CHILD_WELFARE)
    life.writes("a", TEACHER, section("EDUC", "Regner også bedre."))
    life.takes(PPT_MACHINE)
    life.takes_back("a", consent, PPT)
    life.writes("a", TEACHER, section("EDUC", "Har fått en venn."))
    life.takes(PPT_MACHINE)
    life.takes(HEALTH_MACHINE)


def days_of_b(life):
    """A log whose consents the mother knows all of. She and PPT do not know what school and child welfare write."""
    life.register("b", TEACHER)
    life.register("b", ADVISER, observed=True)
    life.case["b"] = life.concern("b", TEACHER)
    consent = life.asks("b", TEACHER, scope(SCHOOL, "PLAN", "EDUC"), scope(PPT, "PLAN", "EDUC"),
                        scope(CHILD_WELFARE, "PLAN", "EDUC", "CONCERN"))  # fmt: skip
    life.says_yes("b", consent, SCHOOL, PPT, CHILD_WELFARE)
    life.opens("b", TEACHER, PPT, CHILD_WELFARE)
    life.writes("b", TEACHER, section("EDUC", "Kommer på skolen."))
    if life.beside:
        life.register("b", REFUGEE_WORKER)
        life.concern("b", REFUGEE_WORKER)
        life.writes("b", TEACHER, section("CONCERN", "Uten mat."))
        life.takes(WELFARE_MACHINE, reader=CASE_WORKER)
        made = life.do("cases.SubmitContribution", CASE_WORKER, case=life.case["b"],
                       sections=[section("WELFARE", "Vi kommer på besøk.")])["made"]  # fmt: skip
        life.do("cases.DeclineContribution", TEACHER, contribution=made, reason="ALREADY_IN_THE_LOG")
        life.do("cases.AddBrightSpot", CASE_WORKER, case=life.case["b"], sections=[section("WELFARE", "Smilte.")])
    words = [section("PLAN", "Vi baker.")]
    life.does("cases.AddBrightSpot", parent("b", "mother"), case=life.case["b"], sections=words)
    if life.beside:
        life.writes("b", TEACHER, section("CONCERN", "Uten ski."))
    life.writes("b", TEACHER, section("EDUC", "Har begynt i koret."))
    life.takes(PPT_MACHINE)


def days_of_c(life):
    """A log of another school, told to the health station by its words on schooling alone. The hospital trust follows the
    child up too, with child welfare, and neither the schools nor the municipality's disclosure officer are in it."""
    if life.beside:
        life.register("c", PSYCHOLOGIST)
        life.concern("c", PSYCHOLOGIST)
    for who in (TEACHER_2, NURSE, OFFICER, OTHER_OFFICER):
        life.register("c", who, observed=True)
    noted = life.does("cases.NoteConcern", TEACHER_2, child=life.name("c", TEACHER_2), concern="Stille.",
                      next_date=day(15))  # fmt: skip
    life.case["c"] = noted["case"]["name"]
    consent = life.asks("c", TEACHER_2, scope(SCHOOL_2, "EDUC"), scope(HEALTH_STATION, "EDUC"))
    life.says_yes("c", consent, SCHOOL_2, HEALTH_STATION)
    case = life.case["c"]
    life.does("cases.OpenLog", TEACHER_2, case=case, goal="Trives.", next_date=day(18))
    for text in ("Leser.", "Skriver."):
        life.does("cases.WriteNote", TEACHER_2, case=case, sections=[section("EDUC", text)])
    life.takes(HEALTH_MACHINE)
    if life.beside:
        life.register("c", REFUGEE_WORKER)
        life.concern("c", REFUGEE_WORKER)
    for text in ("Tegner.", "Synger."):  # not stored by the health station: its leader is told
        life.does("cases.WriteNote", TEACHER_2, case=case, sections=[section("EDUC", text)])
    life.does("cases.AddGoal", TEACHER_2, case=case, goal="Flere venner.")
    if life.beside:
        apart = life.concern("c", PSYCHOLOGIST)
        other = life.asks("c", PSYCHOLOGIST, scope(BUP, "HEALTHD"), scope(CHILD_WELFARE, "HEALTHD"), days=90)
        life.says_yes("c", other, BUP, CHILD_WELFARE)
        life.do("cases.OpenLog", PSYCHOLOGIST, case=apart, goal="Bedre søvn.", next_date=day(5))
        life.do("cases.AddParticipant", PSYCHOLOGIST, case=apart, recipient=CHILD_WELFARE)
        written = uuid.uuid4()
        for request_id in (written, uuid.uuid4()):
            life.do("cases.WriteNote", PSYCHOLOGIST, case=apart, request_id=str(request_id),
                    sections=[section("HEALTHD", "Utredes.")])  # fmt: skip
        life.secret["measure"] = life.do("cases.StartMeasure", PSYCHOLOGIST, case=apart, title="Samtaler.",
                                         evaluation_date=day(8))["made"]  # fmt: skip
        life.secret["log"] = apart
        life.takes(WELFARE_MACHINE, reader=CASE_WORKER)
        life.secret["delivery"] = life.told(WELFARE_MACHINE)[-1]["delivery_id"]
        (life.secret["event"],) = {record.event_id for record in life.events_of(str(written))}
        life.takes_back("c", other, CHILD_WELFARE)
        life.secret["untouched delivery"] = life.told(WELFARE_MACHINE)[-1]["delivery_id"]  # that it is taken back


def days_of_d(life):
    """The baton goes from a school to the health station; child welfare takes part, and writes what neither may see."""
    life.register("d", TEACHER_2)
    life.case["d"] = life.concern("d", TEACHER_2)
    recipients = (SCHOOL_2, HEALTH_STATION, CHILD_WELFARE)
    consent = life.asks("d", TEACHER_2, *(scope(r, "PLAN", "EDUC") for r in recipients))
    life.says_yes("d", consent, *recipients)
    life.opens("d", TEACHER_2, HEALTH_STATION, CHILD_WELFARE)
    life.writes("d", TEACHER_2, section("EDUC", "Leser."))
    case = life.case["d"]

    def bright_spot():
        if life.beside:
            life.do("cases.AddBrightSpot", CASE_WORKER, case=case, sections=[section("WELFARE", "Lo.")])

    bright_spot()
    life.before_the_baton = Eyes(life.wire, TEACHER_2)
    life.before_the_baton.ask("cases.GetCase", name=case)
    life.before_the_baton.stream("cases.WatchCase", 1, name=case)
    life.do("cases.OfferBaton", TEACHER_2, case=case, to=NURSE.person)
    life.do("cases.AcceptBaton", NURSE, case=case, next_date=day(25))
    bright_spot()
    life.writes("d", NURSE, section("PLAN", "Vi møtes."))
    life.behind_the_baton = Eyes(life.wire, NURSE)
    life.behind_the_baton.ask("cases.GetCase", name=case)
    for size in (1, 100):
        life.behind_the_baton.pages("cases.ListTimeline", "entries", size, case=case)
    life.takes(HEALTH_MACHINE)
    life.takes(SCHOOL_2_MACHINE)


def days_of_e(life):
    """Somebody else has registered the child before, by another name. Nothing of it is stored by PPT: its leader is told."""
    if life.beside:
        life.register("e", PSYCHOLOGIST, name="Oppdiktet Etternavn")
    life.register("e", TEACHER)
    life.case["e"] = life.concern("e", TEACHER)
    life.consent_of_e = life.asks("e", TEACHER, scope(SCHOOL, "PLAN", "EDUC"), scope(PPT, "PLAN", "EDUC"))
    life.says_yes("e", life.consent_of_e, SCHOOL, PPT)
    life.opens("e", TEACHER, PPT)


def nobody_writes(direct):
    """Inboxes are as they will be. Mails may wait for somebody's morning: in both runs."""

    def rest():
        direct.settle()
        ends = direct.ends()
        direct.settle()
        return direct.ends() == ends

    wait_until(rest, "nobody writes any more", 60)


def time_passes(life):
    """A month, for escalation alone: who did not do what was due is passed on, and told."""
    life.direct.settle()
    begin(life.direct, AHEAD * DAY)
    settled(life.direct, AHEAD * DAY)
    life.quiet()
    nobody_writes(life.direct)
    if life.beside:
        leader = life.wire.send("escalation.ListEscalations", BUP_LEADER).values["escalations"]
        life.secret["escalation"] = leader[0]["name"]
        life.secret["message"] = life.wire.send("notifications.ListInbox", BUP_LEADER).values["messages"][0]["name"]


# --- what they observe ------------------------------------------------------------------------------


def looks_at_deliveries(life, machine, recipient, *, fetched=None):
    eyes = life.eyes(machine)
    lists = [eyes.pages("disclosure.ListDeliveries", "deliveries", size, token="after", following="next")
             for size in (1, 3, 200)]  # fmt: skip
    told = lists[0]
    assert told == lists[1] == lists[2]
    series = told[0]["cursor"].partition(".")[0]
    for place in range(len(told) + 3):  # cursors that nobody gave, the end and behind it
        eyes.ask("disclosure.ListDeliveries", after=f"{series}.{place}", page_size=1)
    eyes.ask("disclosure.ListDeliveries", after="s-of-another.3", page_size=2)  # of a lost store: it begins anew
    eyes.stream("disclosure.WatchDeliveries", len(told))
    eyes.stream("disclosure.WatchDeliveries", len(told) - 2, after=told[1]["cursor"])
    for delivery in told[:fetched]:
        for _ in range(2):  # as it was told, and again
            eyes.ask("disclosure.Fetch", delivery_id=delivery["delivery_id"])
    looks_at_its_day(life, machine)
    topic = Topic(life.direct.stack.kafka, topic_of(recipient), 1)
    try:
        for message in topic.more():
            signal = life.direct._signal.FromString(message.value()) if message.value() else None
            if signal is not None:
                signal.ClearField("padding")  # it is in the bytes
            eyes.note("on the topic", {
                "offset": message.offset(),
                "key": (message.key() or b"").decode(),
                "bytes": len(message.value() or b""),
                "signal": None if signal is None else str(signal),
                "headers": [(name, value.decode()) for name, value in message.headers() or ()],
            })  # fmt: skip
    finally:
        topic.close()


def looks_at_its_day(life, who, **values):
    if "disclosure.GetReconciliation" in life.direct.api.rpcs:
        for when in (day(0), day(-1)):
            life.eyes(who).ask("disclosure.GetReconciliation", date=when, **values)


def looks_as_staff(life, who, *children):
    eyes = life.eyes(who)
    for size in (1, 50):
        eyes.pages("cases.ListDue", "due", size)
    for key in children:
        child = life.name(key, who)
        eyes.ask("consent.ListConsents", child=child)
        eyes.ask("consent.Preview", child=child, purpose="follow-up",
                 scopes=[scope(r, "PLAN", "EDUC", "HEALTHD") for r in (PPT, CHILD_WELFARE, KINDERGARTEN)])  # fmt: skip
        eyes.ask("disclosure.ListDecisions", child=child)


def looks_as_leader(life, who, *children):
    looks_as_staff(life, who, *children)
    eyes = life.eyes(who)
    for size in (1, 50):
        eyes.pages("escalation.ListEscalations", "escalations", size)
    eyes.anew()
    for size in (1, 20):
        eyes.pages("notifications.ListInbox", "messages", size)


def looks_as_holder(life, who, key):
    eyes, case = life.eyes(who), life.case[key]
    eyes.ask("cases.GetCase", name=case)
    eyes.stream("cases.WatchCase", 1, name=case)
    for size in (1, 2, 100):
        for newest_first in (False, True):
            eyes.pages("cases.ListTimeline", "entries", size, case=case, newest_first=newest_first)


def looks_as_officer(life, who, *children):
    eyes = life.eyes(who)
    for key in children:
        child = life.name(key, who)
        for size in (1, 3, 500):
            rows = eyes.pages("disclosure.ListDecisions", "decisions", size, child=child)
        for row in rows:
            eyes.ask("disclosure.Explain", child=child, event_id=row["event_id"], recipient=row["recipient"],
                     decision_id=row["decision_id"])  # fmt: skip


def looks_as_parent(life, who, key):
    eyes, case = life.eyes(who), life.case[key]
    eyes.ask("consent.ListConsents", child=life.name(key, parent(key, "mother")))
    eyes.ask("cases.GetCase", name=case)
    eyes.ask("cases.ListDue")


def everybody_looks(life):
    cases = [told["case_ref"] for told in life.told(PPT_MACHINE)]
    before_e = cases.index(cases[-1])
    looks_at_deliveries(life, PPT_MACHINE, PPT, fetched=before_e)
    looks_at_deliveries(life, HEALTH_MACHINE, HEALTH_STATION)
    looks_at_deliveries(life, SCHOOL_2_MACHINE, SCHOOL_2)
    looks_as_staff(life, ADVISER, "a", "b")
    looks_as_leader(life, PPT_LEADER, "a", "b")
    looks_as_staff(life, NURSE, "a", "c")
    looks_as_leader(life, HEALTH_LEADER, "a", "c")
    looks_as_holder(life, TEACHER_2, "c")
    looks_as_staff(life, TEACHER_2, "c")
    looks_as_holder(life, HEAD_2, "c")
    looks_as_leader(life, HEAD_2, "c")
    looks_as_officer(life, OFFICER, "c")
    looks_as_officer(life, OTHER_OFFICER, "a", "c")
    life.eyes(OTHER_OFFICER).ask("disclosure.ListRecipients")
    looks_at_its_day(life, OTHER_OFFICER, recipient=CHILD_WELFARE)
    looks_as_staff(life, STRANGER, "a")
    looks_as_parent(life, parent("b", "mother"), "b")
    looks_as_parent(life, parent("a", "father"), "a")


BESIDE = {
    "PPT's machine": PPT_MACHINE,  # all but what it is told of a, b and e
    "PPT's adviser": ADVISER,
    "PPT's leader": PPT_LEADER,
    "the health station's machine": HEALTH_MACHINE,  # all but what it is told of a, c and d
    "the nurse": NURSE,
    "the health station's leader": HEALTH_LEADER,
    "another school's machine": SCHOOL_2_MACHINE,
    "another school's teacher": TEACHER_2,  # what others do for c, of which she holds a log
    "another school's head": HEAD_2,
    "the disclosure officer": OFFICER,  # what the hospital trust gave of c
    "another controller's officer": OTHER_OFFICER,
    "a stranger who knows the child": STRANGER,
    "a mother": parent("b", "mother"),  # what services write to each other, and what they do elsewhere
    "a father who answers for nothing": parent("a", "father"),
}


@pytest.fixture(scope="module")
def lives(new_stack):
    """(without, with): the same days, and what happened beside in the second."""
    lives = []
    try:
        for beside in (False, True):
            lives.append(Life(new_stack(auditor=False), beside))
        for life in lives:
            for days in (days_of_a, days_of_b, days_of_c, days_of_d, days_of_e, time_passes):
                days(life)
            everybody_looks(life)
        yield lives
    finally:
        for life in lives:
            life.close()


def same(without, with_):
    assert len(without) > 0
    found = differences(without, with_)
    assert not found, f"{len(found)} differences of {len(without)} observations\n" + "\n".join(found[:5])


# --- two runs are one to those who may not know --------------------------------------------------------


@pytest.mark.parametrize("who", BESIDE.values(), ids=BESIDE.keys())
def test_nobody_can_tell_whether_it_happened(lives, who):
    without, with_ = (life.looking[who].lines for life in lives)
    same(without, with_)


def test_it_happened(lives):
    """The second run is another one, to those who may know."""
    without, with_ = lives

    def said(life):
        return sum(entry.record.stream.startswith(("cases/", "consent/")) for entry in life.direct.log())

    assert said(with_) > said(without) + 30
    assert len(with_.direct.ledger()) > len(without.direct.ledger()) + 30
    assert len(with_.told(KINDERGARTEN_MACHINE)) >= 3 and without.told(KINDERGARTEN_MACHINE) == []
    assert with_.secret.keys() >= {kind for _, _, kind, _ in ASKED}


def test_a_holder_cannot_count_what_others_wrote_and_he_may_not_see(lives):
    same(*(life.before_the_baton.lines for life in lives))


def test_who_is_given_the_baton_cannot_count_what_others_wrote_and_he_may_not_see(lives):
    same(*(life.behind_the_baton.lines for life in lives))


# --- what is hidden and what is not there are one answer ---------------------------------------------------

WORDS = [section("PLAN", "Et forslag.")]
MOTHER_OF_A = parent("a", "mother").person
FOLLOW_UP = {"purpose": "follow-up", "scopes": [scope(PPT, "PLAN")]}
# call, field that names it, which secret, what else is said
ASKED = [
    *(("cases.GetCase", "name", kind, {}) for kind in ("case", "log")),
    *((f"cases.{call}", "case", kind, values | etag)
      for kind in ("case", "log")
      for etag in ({}, {"etag": "2"})
      for call, values in {
          "RecordConversation": {"summary": "Snakket."}, "OpenLog": {"goal": "Trives."},
          "SetLevel": {"level": "LEVEL_2", "reason": "Mer."}, "AddParticipant": {"recipient": PPT},
          "RemoveParticipant": {"recipient": CHILD_WELFARE}, "OfferBaton": {"to": NURSE.person}, "AcceptBaton": {},
          "DeclineBaton": {"reason": "Nei."}, "WriteNote": {"sections": WORDS}, "AddBrightSpot": {"sections": WORDS},
          "SubmitContribution": {"sections": WORDS}, "AddGoal": {"goal": "Mer."}, "StartMeasure": {"title": "Mer."},
          "CloseCase": {"reason": "Slutt."},
      }.items()),
    *(("cases.ListTimeline", "case", kind, {}) for kind in ("case", "log")),
    ("cases.ChangeMeasure", "measure", "measure", {"title": "Annet."}),
    ("cases.EvaluateMeasure", "measure", "measure", {"outcome": "HELPED", "sections": WORDS}),
    ("cases.EndMeasure", "measure", "measure", {"reason": "Slutt."}),
    ("cases.AcceptContribution", "contribution", "contribution", {}),
    ("cases.DeclineContribution", "contribution", "contribution", {"reason": "NOT_RELEVANT"}),
    ("cases.NoteConcern", "child", "child", {"concern": "Stille."}),
    ("cases.GetReceipt", "request_id", "request", {}),
    ("consent.ListConsents", "child", "child", {}),
    ("consent.Preview", "child", "child", FOLLOW_UP),
    ("consent.RequestConsent", "child", "child", FOLLOW_UP | {"consenters": [MOTHER_OF_A]}),
    ("consent.Grant", "consent", "consent", {"consenter": MOTHER_OF_A, "recipients": [KINDERGARTEN],
                                             "evidence": "ELECTRONIC"}),
    ("consent.Refuse", "consent", "consent", {"consenter": MOTHER_OF_A, "evidence": "ELECTRONIC"}),
    ("consent.Withdraw", "consent", "consent", {"consenter": MOTHER_OF_A}),
    ("consent.GetWithdrawal", "request_id", "withdrawal", {}),
    ("consent.GetReceipt", "request_id", "request", {}),
    ("disclosure.Fetch", "delivery_id", "delivery", {}),
    ("disclosure.ConfirmStored", "delivery_id", "delivery", {"record_ref": "rec-1", "digest": NOTHING}),
    ("disclosure.ConfirmOpened", "delivery_id", "delivery", {}),
    ("disclosure.ListDecisions", "child", "child", {}),
    ("escalation.Acknowledge", "escalation", "escalation", {}),
    ("escalation.TakeOver", "escalation", "escalation", {}),
    ("escalation.Resolve", "escalation", "escalation", {}),
    ("escalation.GetReceipt", "request_id", "request", {}),
    ("notifications.GetMessage", "message", "message", {}),
    ("notifications.MarkRead", "message", "message", {}),
    ("notifications.GetReceipt", "request_id", "request", {}),
]  # fmt: skip
ASKING = [PPT_MACHINE, ADVISER, PPT_LEADER, NURSE, TEACHER_2, STRANGER, OTHER_OFFICER, parent("a", "father")]


def missing(name):
    """A name of the same form that nobody has."""
    return name[:-6] + "".join("4" if digit != "4" else "7" for digit in name[-6:])


def answer(life, who, call, **values):
    """What a caller is told, with the ids of its own question left out."""
    if life.direct.api.rpcs[call].is_command:
        values["request_id"] = str(uuid.uuid4())
    return life.wire.send(call, who, **values).described(Names())


@pytest.mark.parametrize("who", ASKING, ids=lambda who: who.alias)
def test_what_is_hidden_and_what_is_not_there_are_one_answer(lives, who):
    life = lives[1]
    told_apart = []
    for call, field, kind, values in ASKED:
        name = life.secret[kind]
        hidden, none = (answer(life, who, call, **{field: asked}, **values) for asked in (name, missing(name)))
        if hidden != none:
            told_apart.append(f"{call} of a hidden {kind}: {hidden}\n   of none: {none}")
    assert told_apart == [], "\n".join(told_apart)


def test_a_hidden_decision_and_none_are_one_answer(lives):
    life = lives[1]
    child = life.name("c", OFFICER)
    hidden, none = (
        answer(life, OFFICER, "disclosure.Explain", child=child, event_id=event, recipient=CHILD_WELFARE)
        for event in (life.secret["event"], missing(life.secret["event"]))
    )
    assert hidden == none


@pytest.mark.parametrize("who", [ADVISER, STRANGER, TEACHER_2], ids=lambda who: who.alias)
def test_a_stream_of_what_is_hidden_ends_as_one_of_what_is_not_there(lives, who):
    life = lives[1]
    for kind in ("case", "log"):
        ends = []
        for name in (life.secret[kind], missing(life.secret[kind])):
            said, refused = life.wire.stream("cases.WatchCase", who, 1, name=name)
            assert said == []
            ends.append(refused.described(Names()))
        assert ends[0] == ends[1]


# --- ... and cost the store the same ------------------------------------------------------------------


def trips(life, who, call, field, name, child, **values):
    """How often the store is asked about this name, or about the child, for one call."""
    mark = str(uuid.uuid4())
    words = (name.rpartition("/")[2], child)
    if life.direct.api.rpcs[call].is_command:
        values["request_id"] = str(uuid.uuid4())
    asked = 0
    with life.redis.monitor() as monitor:
        refused = life.wire.send(call, who, **{field: name}, **values)
        assert refused.code == "PERMISSION_DENIED", refused
        life.marker.echo(mark)
        while True:
            command = monitor.next_command()
            if mark in command["command"]:
                return asked
            service = f"{call.partition('.')[0]}:"
            of_ours = command["client_type"] != "lua" and service in command["command"]
            asked += of_ours and any(word in command["command"] for word in words)


@pytest.mark.parametrize(
    ("who", "call", "field", "secret", "values"),
    [
        (STRANGER, "cases.GetCase", "name", "case", {}),
        (ADVISER, "cases.WriteNote", "case", "log", {"sections": WORDS}),
        (ADVISER, "cases.AcceptContribution", "contribution", "contribution", {}),
        (parent("a", "father"), "consent.Withdraw", "consent", "consent", {"consenter": MOTHER_OF_A}),
        (PPT_MACHINE, "disclosure.Fetch", "delivery_id", "delivery", {}),
        (PPT_LEADER, "escalation.Acknowledge", "escalation", "escalation", {}),
        (PPT_LEADER, "notifications.GetMessage", "message", "message", {}),
    ],
    ids=lambda value: value if isinstance(value, str) and "." in value else "",
)
def test_the_store_is_asked_as_often_for_what_is_hidden(lives, who, call, field, secret, values):
    """Of what the service has been asked about before (the next test is about the rest)."""
    life = lives[1]
    name = life.secret[secret]
    child = life.opaque(life.secret["case"] if secret in ("case", "contribution", "consent") else life.secret["log"])
    for asked in (name, missing(name)):
        answer(life, who, call, **{field: asked}, **values)
    counts = [trips(life, who, call, field, asked, child, **values) for asked in (name, missing(name))]
    assert counts[0] == counts[1] >= 1


def test_the_store_is_asked_as_often_for_what_is_hidden_the_first_time_too(lives):
    life = lives[1]
    name, child = life.secret["untouched delivery"], life.opaque(life.secret["log"])
    fetch = ("disclosure.Fetch", "delivery_id")
    counts = [trips(life, PPT_MACHINE, *fetch, asked, child) for asked in (name, missing(name))]
    assert counts[0] == counts[1] >= 1


# --- what is found out by trying ------------------------------------------------------------------------


def tries_versions(life, who, call, case):
    """Which version the case has, as a refusal tells who guesses it: words of no category, so nothing is written."""
    return [
        answer(life, who, call, case=case, etag=str(version), sections=[section("REPORT", "Nei.")])
        for version in range(1, 25)
    ]


def test_who_takes_part_cannot_count_hidden_words_by_guessing_versions(lives):
    """In b: a note that PPT may not see, and a bright spot."""
    same(*(tries_versions(life, ADVISER, "cases.SubmitContribution", life.case_for(PPT_MACHINE, "b")) for life in lives))


def test_who_takes_part_cannot_count_what_was_taken_back_from_another_by_guessing_versions(lives):
    """In a: child welfare was in the log, and was taken out of it in one of the two."""
    same(*(tries_versions(life, NURSE, "cases.AddBrightSpot", life.case_for(HEALTH_MACHINE, "a")) for life in lives))


def test_a_mother_cannot_count_hidden_words_by_guessing_versions(lives):
    same(*(tries_versions(life, parent("b", "mother"), "cases.AddBrightSpot", life.case["b"]) for life in lives))


def test_a_recipient_is_told_of_the_child_what_the_giver_said_of_it(lives):
    """In e: somebody unknown to both has registered it before, by another name."""
    seen = []
    for life in lives:
        eyes = Eyes(life.wire, PPT_MACHINE)
        for told in life.told(PPT_MACHINE):
            if life.case_for(PPT_MACHINE, "e").endswith(told["case_ref"]):
                eyes.ask("disclosure.Fetch", delivery_id=told["delivery_id"])
        seen.append(eyes.lines)
    same(*seen)


def test_a_holder_cannot_find_out_that_others_have_asked_the_parents(lives):
    """In e: the hospital trust has a consent for the coordinating unit; the school is not in it."""
    seen = []
    for life in lives:
        if life.beside:
            consent = life.asks("e", PSYCHOLOGIST, scope(COORDINATION, "HEALTHD"))
            life.says_yes("e", consent, COORDINATION)
        eyes = Eyes(life.wire, TEACHER)
        eyes.ask("consent.ListConsents", child=life.name("e", TEACHER))
        eyes.ask("cases.AddParticipant", case=life.case["e"], recipient=COORDINATION, request_id=str(uuid.uuid4()))
        seen.append(eyes.lines)
    same(*seen)


def test_who_takes_part_is_not_told_why_a_log_takes_no_words(lives):
    """In e: that the holder's consent was taken back is told to nobody but the holder."""
    life = lives[1]
    life.takes_back("e", life.consent_of_e, SCHOOL)
    for call in ("cases.SubmitContribution", "cases.AddBrightSpot"):
        said = life.wire.send(call, ADVISER, case=life.case_for(PPT_MACHINE, "e"), sections=WORDS,
                              request_id=str(uuid.uuid4()))  # fmt: skip
        assert said.refusal == {"reason": "NOT_ALLOWED", "fields": [], "metadata": {}}


def test_who_asks_the_parents_is_told_how_many_are_missing_and_not_who(lives):
    """In f: somebody unknown to the school has registered it before, with two who must consent. The rule wants all of them
    (R3-11), so this much shows."""
    life = lives[1]
    life.register("f", PSYCHOLOGIST, fathers_too=True)
    life.register("f", TEACHER)
    said = life.wire.send("consent.RequestConsent", TEACHER, child=life.name("f", TEACHER), purpose="follow-up",
                          scopes=[scope(SCHOOL, "PLAN")], consenters=[parent("f", "mother").person], until=day(300),
                          request_id=str(uuid.uuid4()))  # fmt: skip
    assert said.refusal == {"reason": "CONSENTER_MISSING", "fields": [], "metadata": {"missing": "1"}}
    assert parent("f", "father").person not in said.message and "father" not in said.message


# --- the comparison itself ------------------------------------------------------------------------------


def test_one_visible_thing_is_noticed_by_whom_it_is_told_to_and_by_nobody_else(lives):
    """The last test: from here on the two runs differ for PPT."""
    lives[0].writes("b", TEACHER, section("EDUC", "Ser klokka."))
    seen = {}
    for who in (PPT_MACHINE, HEALTH_MACHINE):
        seen[who] = []
        for life in lives:
            eyes = Eyes(life.wire, who)
            eyes.pages("disclosure.ListDeliveries", "deliveries", 200, token="after", following="next")
            seen[who].append(eyes.lines)
    assert differences(*seen[PPT_MACHINE]) != []
    same(*seen[HEALTH_MACHINE])
