"""A made-up history for the checker of tools/faults: what a Stafett leaves behind that keeps its promises."""

import importlib
from dataclasses import replace

from stafett_faults.history import (
    ENFORCED,
    PUBLISHED,
    REFUSED,
    REGISTERED,
    STORED,
    UNKNOWN,
    Attempt,
    Command,
    Cut,
    Entry,
    Fault,
    Kept,
    Parked,
    Read,
    Run,
    Signal,
    Unsafe,
)
from stafett_story.steinkjer import HEALTH_STATION, PPT, SCHOOL

SCHOOLS_NUMBER = "317042183"
START = 1_800_000_000_000  # 2027-01-15, when every row of the rule file is in force
MOTHER = "p-mother"
LOG, LEDGER = "stafett.log", "stafett.ledger"
MESSAGES = {
    "cases": "stafett.cases.v1.case_events_pb2",
    "consent": "stafett.consent.v1.consent_events_pb2",
    "disclosure": "stafett.disclosure.v1.ledger_events_pb2",
    "escalation": "stafett.escalation.v1.escalation_events_pb2",
    "notifications": "stafett.notifications.v1.notification_events_pb2",
}


class Hand:
    """Writes log, ledger, signals and answers, as a Stafett does that keeps its promises."""

    def __init__(self):
        self.run = Run(
            commands=[],
            reads=[],
            kept=[],
            log=[],
            ledger=[],
            signals=[],
            faults=[],
            own={},
            receipts={},
            listed={r: frozenset() for r in (SCHOOL, HEALTH_STATION, PPT)},
            rebuilt={"cases": []},
            backlog=(3, 10),
            cuts=[],
            parked=[],
            unsafe=[],
            away={"kafka": [(START + 500, START + 600)], "redis": []},
        )
        self.ms = START
        self.sequence = {}

    def say(self, event, *, topic=LOG, request_id="", cause="", organisation=SCHOOLS_NUMBER):
        service = event.DESCRIPTOR.full_name.split(".")[1]
        entries = self.run.log if topic == LOG else self.run.ledger
        stream = f"{service}/k"
        ever = [*entries, *(e for cut in self.run.cuts for e in cut.entries if e.topic == topic)]
        version = max((e.version for e in ever if e.stream == stream), default=0) + 1
        options = importlib.import_module("stafett.common.v1.options_pb2")
        self.ms += 1000
        entry = Entry(
            topic,
            0,
            len(entries),
            self.ms,
            f"e-{service}-{version}",
            event.DESCRIPTOR.GetOptions().Extensions[options.event_type],
            "k",
            stream,
            version,
            f"bytes of {stream}#{version}",
            request_id=request_id,
            cause=cause,
            organisation=organisation,
            subject=getattr(event, "case_id", ""),
            recorded_ms=self.ms,
            event=event,
        )
        entries.append(entry)
        self.run.own[stream] = (version, entry.digest)
        return entry

    def command(self, call, event, outcome=PUBLISHED, target="", **more):
        request_id = f"{call}-{len(self.run.commands)}"
        entry = self.say(event, request_id=request_id, **more)
        self.run.commands.append(
            Command(
                request_id,
                call,
                target,
                [
                    Attempt(self.ms - 20, self.ms - 10, UNKNOWN, "UNAVAILABLE/"),
                    Attempt(self.ms - 10, self.ms + 200, outcome, made=("", target, "", ""), about=target),
                ],
            )
        )
        return entry

    def cut(self, records, *, wrote=()):
        """The log's last records are lost and come back: at their own places, or behind those of `wrote`."""
        log = self.run.log
        lost = log[-records:]
        self.ms += 1000
        self.run.cuts.append(Cut(self.ms, tuple(lost)))
        del log[-records:]
        start = len(log)
        for call, event in wrote:
            self.command(call, event, target="n/ca")
        self.ms += 1000
        for i, entry in enumerate(lost):
            log.append(replace(entry, offset=start + len(wrote) + i, appended_ms=self.ms + i))

    def decide(self, cause, *lines):
        """lines: (recipient, kind, item, fields, consents)"""
        ledger = importlib.import_module(MESSAGES["disclosure"])
        decided = ledger.Decided(event_id=cause.event_id)
        told = []
        for recipient, kind, item, fields, consents in lines:
            key = recipient
            sequence, epoch = self.sequence.get(key, (0, 0))
            self.sequence[key] = sequence, epoch = sequence + 1, epoch + (kind == "RETRACTION")
            delivery = f"d-{cause.event_id}-{recipient}-{kind}"
            decided.lines.add(
                recipient=recipient,
                kind=kind,
                item=item,
                fields=fields,
                consents=consents,
                verdict="DISCLOSE",
                delivery_id=delivery,
                epoch=epoch,
                sequence=sequence,
            )
            told.append((recipient, delivery, kind, epoch, sequence))
        self.say(decided, topic=LEDGER, cause=cause.event_id, organisation="")
        for recipient, delivery, kind, epoch, sequence in told:
            offset = sum(s.recipient == recipient for s in self.run.signals)
            self.run.signals.append(
                Signal(
                    recipient,
                    offset,
                    self.ms + 10,
                    delivery,
                    f"case of {recipient}",
                    kind,
                    epoch,
                    sequence,
                    f"bytes of {delivery}",
                )
            )
            self.run.listed[recipient] |= {delivery}
            if kind != "RETRACTION":
                self.run.reads.append(
                    Read(
                        recipient,
                        delivery,
                        self.ms + 20,
                        self.ms + 30,
                        frozenset(lines[0][3]),
                        frozenset({"EXIST", "PLAN"}),
                    )
                )
            self.run.kept.append(Kept(recipient, delivery, f"rec-{delivery}", "sha", True))
            confirmed = ledger.StoredConfirmed(
                delivery_id=delivery, recipient=recipient, record_ref=f"rec-{delivery}", digest="sha"
            )
            self.say(confirmed, topic=LEDGER, organisation="")


def note():
    cases = importlib.import_module(MESSAGES["cases"])
    return cases.NoteWritten(
        case_id="ca",
        author="p-t",
        author_recipient=SCHOOL,
        sections=[{"section_category": "EDUC", "text": "."}, {"section_category": "HEALTHD", "text": "."}],
    )


def whole():
    """A log is opened with consent for health station and PPT, a note is told to both, PPT's consent is taken back, a
    note is told to the health station alone; something is late and is escalated. Then the log loses its end and gets it
    back; another child was set aside all the time; a setting was loosened for a moment."""
    hand = Hand()
    cases, consent = (importlib.import_module(MESSAGES[s]) for s in ("cases", "consent"))
    escalation, notified = (importlib.import_module(MESSAGES[s]) for s in ("escalation", "notifications"))
    policy = importlib.import_module(MESSAGES["disclosure"])
    hand.say(policy.PolicyActivated(active_recipients=[SCHOOL, HEALTH_STATION, PPT]), organisation="")
    hand.command(
        "consent.RequestConsent",
        consent.ConsentRequested(
            consent_id="co",
            purpose="follow-up",
            consenters=[MOTHER],
            until_ms=START + 10**10,
            scopes=[{"recipient": r, "categories": ["PLAN", "EDUC"]} for r in (SCHOOL, HEALTH_STATION, PPT)],
        ),
    )
    hand.command(
        "consent.Grant",
        consent.ConsentAnswered(consent_id="co", consenter=MOTHER, granted=[SCHOOL, HEALTH_STATION, PPT]),
    )
    opened = hand.command(
        "cases.OpenLog",
        cases.LogOpened(case_id="ca", holder="p-t", holder_recipient=SCHOOL, goal="Trives.", level="LEVEL_2"),
        target="n/ca",
    )
    shown = ["EXIST", "IDENT", "PLAN"]
    hand.decide(opened, *((r, "EVENT", opened.event_id, shown, ["co"]) for r in (HEALTH_STATION, PPT)))
    written = hand.command("cases.WriteNote", note(), outcome=STORED, target="n/ca")
    hand.decide(written, *((r, "EVENT", written.event_id, [*shown, "EDUC"], ["co"]) for r in (HEALTH_STATION, PPT)))
    withdrawn = hand.command(
        "consent.Withdraw",
        consent.ConsentWithdrawn(consent_id="co", consenter=MOTHER, recipients=[PPT]),
        outcome=REGISTERED,
    )
    hand.decide(withdrawn, (PPT, "RETRACTION", f"{withdrawn.event_id}/ca", [], []))
    hand.run.commands[-1].attempts.append(Attempt(hand.ms, hand.ms + 50, ENFORCED))
    hand.ms += 1000
    hand.run.reads.append(
        Read(PPT, f"d-{written.event_id}-{PPT}-EVENT", hand.ms, hand.ms + 10, refused="FAILED_PRECONDITION/WITHDRAWN")
    )
    later = hand.command("cases.WriteNote", note(), target="n/ca")
    hand.decide(later, (HEALTH_STATION, "EVENT", later.event_id, [*shown, "EDUC"], ["co"]))
    hand.run.commands.append(
        Command(
            "no", "cases.SetLevel", "n/ca", [Attempt(hand.ms, hand.ms + 1, REFUSED, "PERMISSION_DENIED/NOT_HOLDER")]
        )
    )
    hand.run.commands.append(
        Command("late", "cases.SetLevel", "n/ca", [Attempt(START + 510, START + 900, UNKNOWN, "UNAVAILABLE/")])
    )
    raised = hand.say(
        escalation.EscalationRaised(
            escalation_id="es", awaited_id="next/ca", kind="NEXT_DATE", date="2027-01-01", owner="p-h", step=1
        ),
        organisation="",
    )
    hand.say(
        notified.MessageQueued(message_id="me", person="p-h", channel="INBOX", cause=raised.event_id), organisation=""
    )
    hand.say(escalation.EscalationPassedOn(escalation_id="es", owner="p-l", step=2), organisation="")
    hand.say(escalation.EscalationResolved(escalation_id="es"), organisation="")
    hand.cut(6)
    hand.run.parked = [Parked("another", START, hand.ms)]
    hand.run.unsafe = [Unsafe("appendfsync", START + 2200, {"cases-a": START + 2300}, START + 2400, 3000)]
    hand.run.faults = [Fault("freeze broker", "kafka", START + 490, START + 620)]
    return hand
