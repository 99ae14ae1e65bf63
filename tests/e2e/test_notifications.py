"""Whoever is to act is told: an entry in the inbox and one mail, in the right language, at the right address, and nothing
of a child in it. The records of escalation are written by the test itself, as the broker's admin."""

import importlib
import json
import uuid

import pytest
from confluent_kafka import Producer
from direct import LOG, Direct, metric
from durable import different, dump, everything

from stafett_stack import mail
from stafett_stack.procs import wait_until
from stafett_stack.secrets import Secrets
from stafett_story.load import Actor

SECONDS = 60.0
HEAD = Actor("head", "skole-record-system", "p-b7nk2x")
TEACHER = Actor("teacher", "skole-record-system", "p-4tz8vq")
OTHER_HEAD = Actor("other head", "skole2-record-system", "p-e6v2zt")
OFFICER = Actor("officer", "koordinering-record-system", "p-v3s7pd")
SCHOOL = "r-8hq2mz"
ADDRESSES = "stafett.example.no"
# person, service, language, and words of that language
READERS = [
    ("p-b7nk2x", SCHOOL, "nb", "uleste melding|ulest melding"),
    ("p-7hn4vz", "r-k4j9sb", "nn", "ulesen melding"),
    ("p-g2z6nq", "r-q2f8rn", "en", "one unread message"),
    ("p-d8w3fm", "r-z9d3hy", "ti", "ሓደ ዘይተነበበ መልእኽቲ"),
    ("p-k6r9yh", "r-z9d3hy", "ar", "رسالة واحدة غير مقروءة"),
]


class House:
    """A stack with notifications alone, and a hand that writes escalation's records."""

    def __init__(self, stack) -> None:
        self.stack = stack
        self.direct = Direct(stack, patience=SECONDS)
        self.events = importlib.import_module("stafett.escalation.v1.escalation_events_pb2")
        self.record = importlib.import_module("stafett.common.v1.record_pb2")
        self.notified = importlib.import_module("stafett.notifications.v1.notification_events_pb2")
        options = importlib.import_module("stafett.common.v1.options_pb2")
        self.type_of = lambda message: message.DESCRIPTOR.GetOptions().Extensions[options.event_type]
        self._producer = Producer({**stack.kafka.client_config("admin"), "partitioner": "murmur2_random"})
        self._versions: dict[str, int] = {}

    @property
    def service(self):
        return self.stack.of("notifications")[0]

    def write(self, child, event, *, repeat=False) -> str:
        """One record of escalation's stream of the child, in clear; its event_id."""
        version = self._versions.get(child, 0) + (0 if repeat else 1)
        self._versions[child] = version
        record = self.record.Record(
            event_id=f"e-{child}-{version}", type=self.type_of(event), child=child, stream=f"escalation/{child}",
            version=version, recorded_ms=1, subject=event.escalation_id, clear=event.SerializeToString(),
        )  # fmt: skip
        failed = []
        self._producer.produce(
            LOG, key=child, value=record.SerializeToString(), on_delivery=lambda error, _: failed.append(error)
        )
        self._producer.flush(30)
        assert failed == [None]
        return record.event_id

    def raised(self, owner="p-b7nk2x", recipient=SCHOOL, child=None, escalation=None):
        child = child or f"ch-{uuid.uuid4().hex[:20]}"
        event = self.events.EscalationRaised(
            escalation_id=escalation or f"es-{uuid.uuid4().hex[:20]}", awaited_id="next/ca-1", kind="NEXT_DATE",
            date="2026-11-20", owner=owner, recipient=recipient, step=1,
        )  # fmt: skip
        self.write(child, event)
        return child, event

    def mails(self, person=None):
        mails = self.stack.mail.mails()
        return [m for m in mails if person is None or m.to == (f"{person}@{ADDRESSES}",)]

    def inbox(self, actor, **values):
        return self.direct.call("notifications.ListInbox", actor, **values)

    def said(self, child):
        """What notifications has said of a child: (type, event), in order."""
        found, seen = [], set()
        for entry in self.direct.log():
            r = entry.record
            if r.stream != f"notifications/{child}" or r.version in seen:
                continue
            seen.add(r.version)
            name = "".join(word.title() for word in r.type.split(".")[3].split("-"))
            found.append(getattr(self.notified, name).FromString(r.clear))
        return found

    def fate(self, child):
        return [type(event).__name__ for event in self.said(child)]

    def wait_fate(self, child, *last):
        wait_until(lambda: tuple(self.fate(child)[-len(last) :]) == last, f"{last}, not {self.fate(child)}", SECONDS)

    def mail_id(self, child):
        (queued,) = [e for e in self.said(child) if type(e).__name__ == "MessageQueued" and e.channel == 2]
        return queued.message_id

    def configure(self, *, smtp=None, **own):
        """Restarts the copies with other settings of notifications."""
        for service in self.stack.of("notifications"):
            service.overrides = {}
            settings = service.configuration()["notifications"]
            settings = {**settings, **own, "smtp": {**settings["smtp"], **(smtp or {})}}
            service.overrides = {"notifications": settings}
            service.restart()


QUICK = {"first_ms": 200, "longest_ms": 1000, "most": 100}


@pytest.fixture(scope="module")
def house(new_stack):
    house = House(new_stack(services=("notifications",)))
    house.configure(retry=QUICK)
    return house


@pytest.mark.parametrize(("person", "recipient", "language", "words"), READERS)
def test_one_mail_in_the_readers_language(house, person, recipient, language, words):
    before = len(house.mails())
    child, event = house.raised(person, recipient)
    house.wait_fate(child, "MessageSent")
    mails = house.mails()[before:]
    assert [m.to for m in mails] == [(f"{person}@{ADDRESSES}",)]
    (got,) = mails
    assert got.tls
    assert any(word in got.text for word in words.split("|"))
    assert "https://stafett.example.no/" in got.text
    headers = got.message
    assert headers["Content-Language"] == language
    assert headers["Auto-Submitted"] == "auto-generated"
    assert headers["Message-ID"] == f"<{house.mail_id(child)}@{ADDRESSES}>"
    assert headers.get_content_type() == "text/plain" and headers.get_content_charset() == "utf-8"
    assert headers["To"] and headers["From"] and headers["Date"] and headers["Subject"]
    # Nothing of what it is about, not even opaque ids.
    whole = f"{headers.as_string()}{got.text}{headers['Subject']}"
    for secret in (child, event.escalation_id, "next/ca-1", "2026-11-20", recipient):
        assert secret not in whole


def test_the_inbox_is_the_readers_own_and_can_be_read_once(house):
    unread = house.inbox(HEAD).get("unread", 0)
    child, event = house.raised()
    house.wait_fate(child, "MessageSent")
    answer = house.inbox(HEAD)
    assert answer["unread"] == unread + 1
    newest = answer["messages"][0]
    assert newest["escalation"] == event.escalation_id and newest["tells"] == "RAISED"
    assert newest["state"] == "QUEUED" and newest["channel"] == "INBOX" and "frist" in newest["text"]
    assert event.escalation_id not in json.dumps(house.inbox(TEACHER))

    for other in (TEACHER, OTHER_HEAD, OFFICER):
        refusal = house.direct.ask("notifications.MarkRead", other, message=newest["name"]).refusal
        assert refusal.reason == "NOT_ALLOWED"
    read = house.direct.call("notifications.MarkRead", HEAD, message=newest["name"])
    assert read["message"]["state"] == "READ" and read["receipt"]["state"] in ("PUBLISHED", "STORED")
    assert house.inbox(HEAD).get("unread", 0) == unread
    again = house.direct.ask("notifications.MarkRead", HEAD, message=newest["name"]).refusal
    assert again.reason == "ALREADY_READ"
    receipt = house.direct.call("notifications.GetReceipt", HEAD, request_id=read["receipt"]["request_id"])
    assert receipt["state"] in ("PUBLISHED", "STORED")


def test_the_inbox_comes_page_by_page(house):
    for _ in range(5):
        child, _ = house.raised("p-x6q9sb", "r-w7c5ge")
        house.wait_fate(child, "MessageSent")
    nurse = Actor("nurse", "helsestasjon-record-system", "p-x6q9sb")
    whole = [m["name"] for m in house.inbox(nurse)["messages"]]
    assert len(whole) == 5
    pages, token = [], ""
    while True:
        page = house.inbox(nurse, page_size=2, page_token=token)
        pages.append([m["name"] for m in page["messages"]])
        token = page.get("next_page_token", "")
        if not token:
            break
    assert [len(page) for page in pages] == [2, 2, 1] and sum(pages, []) == whole


def test_who_answers_for_the_reader_learns_the_fate_and_no_more(house):
    child, event = house.raised("p-4tz8vq")
    house.wait_fate(child, "MessageSent")
    name = f"controllers/c-5k2v9q/messages/{house.mail_id(child)}"

    def fate(actor):
        return house.direct.ask("notifications.GetMessage", actor, message=name)

    own = fate(TEACHER).values
    assert own["state"] == "SENT" and own["tries"] == 1 and own["escalation"] == event.escalation_id
    for who in (HEAD, OFFICER):
        seen = fate(who).values
        assert seen["state"] == "SENT" and seen["ended_ms"]
        assert not seen.get("escalation") and not seen.get("text") and seen.get("tells") in (None, "TELLS_UNSPECIFIED")
    hidden = fate(OTHER_HEAD).refusal
    unknown = house.direct.ask("notifications.GetMessage", OTHER_HEAD, message=name + "x").refusal
    assert hidden.reason == unknown.reason == "NOT_ALLOWED"


def test_passed_on_and_resolved(house):
    child, event = house.raised("p-4tz8vq")
    passed = house.events.EscalationPassedOn(escalation_id=event.escalation_id, owner="p-b7nk2x", recipient=SCHOOL, step=2)
    house.write(child, passed)
    wait_until(lambda: house.fate(child).count("MessageSent") == 2, "both are told", SECONDS)
    house.write(child, house.events.EscalationResolved(escalation_id=event.escalation_id))
    wait_until(lambda: house.fate(child).count("MessageQueued") == 5, "the last owner is told", SECONDS)
    assert house.inbox(HEAD)["messages"][0]["tells"] == "RESOLVED"
    assert house.fate(child).count("MessageSent") == 2  # no mail about what is over


def test_a_record_that_comes_twice_is_told_once(house):
    child, event = house.raised()
    house.write(child, event, repeat=True)
    other, _ = house.raised()
    house.wait_fate(child, "MessageSent")
    house.wait_fate(other, "MessageSent")
    assert house.fate(child).count("MessageQueued") == 2
    ids = [m.message["Message-ID"] for m in house.mails()]
    assert len(ids) == len(set(ids))


def test_the_mail_server_is_away_and_comes_back(house):
    house.stack.mail.stop()
    child, _ = house.raised()
    wait_until(lambda: house.fate(child).count("MessageFailed") >= 2, "two failed tries", SECONDS)
    failed = [e for e in house.said(child) if type(e).__name__ == "MessageFailed"]
    assert {e.cause for e in failed} == {house.notified.CONNECT} and all(e.again_ms for e in failed)
    wait_until(lambda: metric(house.service, "stafett_mails_waiting") == 1, "a mail waits", SECONDS)
    wait_until(lambda: metric(house.service, "stafett_mails_oldest_seconds") > 0, "its age is told", SECONDS)
    house.stack.mail.start()
    house.wait_fate(child, "MessageSent")
    name = f"<{house.mail_id(child)}@{ADDRESSES}>"
    assert [m.message["Message-ID"] for m in house.mails()].count(name) == 1
    wait_until(lambda: metric(house.service, "stafett_mails_waiting") == 0, "no mail waits", SECONDS)


def test_later_is_tried_again_and_never_is_given_up(house):
    house.stack.mail.answer("451 4.3.0 later")
    child, _ = house.raised()
    wait_until(lambda: house.fate(child).count("MessageFailed") >= 1, "a failed try", SECONDS)
    house.stack.mail.answer(None)
    house.wait_fate(child, "MessageSent")
    (first, *_) = [e for e in house.said(child) if type(e).__name__ == "MessageFailed"]
    assert first.cause == house.notified.DEFERRED and first.again_ms

    house.stack.mail.answer("550 5.7.1 never")
    try:
        child, _ = house.raised()
        house.wait_fate(child, "MessageFailed")
        last = house.said(child)[-1]
        assert last.cause == house.notified.REFUSED and last.again_ms == 0
        name = f"controllers/c-5k2v9q/messages/{house.mail_id(child)}"
        answer = house.direct.call("notifications.GetMessage", HEAD, message=name)
        assert answer["state"] == "FAILED" and answer["failure"] == "REFUSED" and answer["tries"] == 1
    finally:
        house.stack.mail.answer(None)
    assert metric(house.service, "stafett_mails_given_up_total") >= 1
    told = [json.loads(line) for line in house.service.log.read_text().splitlines() if line.startswith("{")]
    assert any(line["body"] == "mail.given_up" for line in told)


def test_a_server_that_cannot_prove_who_it_is_gets_nothing(house, tmp_path):
    before = len(house.mails())
    secrets = Secrets(tmp_path / "secrets")
    secrets.custom("mail-key", mail._new_key)
    foreign = mail.certificate(tmp_path / "foreign.pem", secrets.directory / "mail-key")
    house.configure(retry=QUICK, smtp={"ca_file": str(foreign)})
    child, _ = house.raised()
    wait_until(lambda: house.fate(child).count("MessageFailed") >= 1, "a failed try", SECONDS)
    assert {e.cause for e in house.said(child) if type(e).__name__ == "MessageFailed"} == {house.notified.TLS}
    assert len(house.mails()) == before
    house.configure(retry=QUICK)
    house.wait_fate(child, "MessageSent")
    assert len(house.mails()) == before + 1


def test_redis_is_lost_and_nothing_is_sent_twice(house):
    for _ in range(5):
        house.wait_fate(house.raised()[0], "MessageSent")
    # One is under way while all is lost: it has an intent on the log, and no result.
    house.stack.mail.answer("451 4.3.0 later")
    child, _ = house.raised()
    wait_until(lambda: house.fate(child).count("MessageFailed") >= 1, "a failed try", SECONDS)
    house.service.stop()
    before = dump(house.stack.redis.client(), "notifications")
    count = len(house.mails())
    house.stack.mail.answer(None)
    house.stack.redis.stop()
    house.stack.redis.wipe()
    house.stack.redis.start()
    house.service.start()
    house.wait_fate(child, "MessageSent")
    ids = [m.message["Message-ID"] for m in house.mails()]
    assert len(ids) == count + 1 and len(ids) == len(set(ids))
    # And all else is as it was: what differs is of the mail that was sent since.
    ours = {key for key in before if child in key} | {key for key in before if key.endswith((":ix:due", ":ix:mails"))}
    lines = different(before, dump(house.stack.redis.client(), "notifications"))
    left = [line for line in lines if line.split(": ", 1)[1] not in ours and child not in line]
    assert [line for line in left if ":cmd:" not in line and ":mark:" not in line] == []


def test_no_name_and_no_address_anywhere_but_in_the_mail(house):
    child, _ = house.raised()
    house.wait_fate(child, "MessageSent")
    names = [name.encode() for person in house.stack.known.people for name in person.name.split()]
    secrets = [ADDRESSES.encode(), *names]
    places = {
        "log": house.service.log.read_bytes(),
        "metrics": house.service.metrics().encode(),
        "the log of record": b"\n".join(entry.value + entry.key.encode() for entry in house.direct.log()),
        "redis": b"\n".join(everything(house.stack.redis.client())),
    }
    for place, content in places.items():
        assert content, place
        assert [s for s in secrets if s in content] == [], place
    mails = "\n".join(f"{m.message['Subject']} {m.text} {m.message['From']}" for m in house.mails())
    assert [n for n in names if n.decode() in mails] == []


def test_two_copies_send_each_mail_once(new_stack):
    house = House(new_stack(services=("notifications",), copies=2))
    children = [house.raised()[0] for _ in range(30)]
    for child in children:
        house.wait_fate(child, "MessageSent")
    ids = [m.message["Message-ID"] for m in house.mails()]
    assert len(ids) == len(set(ids)) == 30
    sent = [metric(copy, "stafett_mails_sent_total") for copy in house.stack.of("notifications")]
    assert sum(sent) == 30

    # kill -9 of one in the middle: nothing is lost, and a mail comes again at most once, under the same id.
    children = [house.raised()[0] for _ in range(30)]
    house.service.kill()
    house.direct.only(house.stack.of("notifications")[1].instance)
    house.service.start()
    for child in children:
        wait_until(lambda c=child: "MessageSent" in house.fate(c), "sent", 120.0)
    ids = [m.message["Message-ID"] for m in house.mails()]
    assert len(set(ids)) == 60 and len(ids) <= 61  # one mail at a time is between server and store
