"""The recipients' program against a real broker and a stub of disclosure: it loses nothing, it
confirms only what it has, and nobody's absence stops it."""

import hashlib
import sys
import time

import pytest
from confluent_kafka import Producer
from conftest import ROOT

sys.path.insert(0, str(ROOT / "tests" / "unit" / "tools"))
from stub import No, Stub  # noqa: E402

from stafett_stack.procs import wait_until  # noqa: E402
from stafett_stack.rights import topic_of  # noqa: E402
from stafett_story import api as api_  # noqa: E402
from stafett_story.match import Seen  # noqa: E402
from stafett_story.watch import Recipient  # noqa: E402

ID = "r-skole1"
PATIENCE = 20.0


@pytest.fixture(scope="module")
def api():
    return api_.load()


@pytest.fixture(scope="module")
def stub(api):
    stub = Stub(api)
    yield stub
    stub.stop()


@pytest.fixture
def disclosure(stub):
    """The stub as each test finds it: it confirms everything and has no content."""
    stub.contents = {}
    stub.calls.clear()
    stub.answers.clear()
    stub.answers["disclosure.Fetch"] = lambda request, _: stub.contents[request["delivery_id"]]
    return stub


@pytest.fixture(scope="module")
def topic(broker):
    """Writes signals as disclosure does, and says where the topic ends."""
    return Topic(broker)


class Topic:
    def __init__(self, broker):
        self._producer = Producer({
            "bootstrap.servers": broker.bootstrap,
            "security.protocol": "SASL_PLAINTEXT",
            "sasl.mechanism": "SCRAM-SHA-256",
            "sasl.username": "svc-disclosure",
            "sasl.password": broker.secrets.kafka("svc-disclosure").read_text().strip(),
            "enable.idempotence": True,
        })  # fmt: skip
        self.end = 0
        self.case = 0

    def write(self, value):
        def delivered(error, message):
            assert error is None, error
            self.end = message.offset() + 1

        self._producer.produce(topic_of(ID), value=value, on_delivery=delivered)
        self._producer.flush(10)

    def signal(self, delivery_id, sequence, *, epoch=1, kind="EVENT", case=None):
        from stafett.disclosure.v1 import ledger_events_pb2, signal_pb2

        signal = signal_pb2.Signal(
            delivery_id=delivery_id, case_ref=case or f"k-{self.case}", epoch=epoch, sequence=sequence,
            kind=ledger_events_pb2.DeliveryKind.Value(kind), type_class="NOTE", ground="T020",
        )  # fmt: skip
        self.write(signal.SerializeToString())


@pytest.fixture(scope="module")
def program(broker, issuer, secrets, stub, tmp_path_factory):
    """One recipient's program; tests that end it start it again."""
    recipient = Recipient(
        ID, tmp_path_factory.mktemp("recipient"), secrets, client_id="skole-record-system",
        bootstrap=broker.bootstrap, disclosure=stub.address, token_url=issuer.tokens.token_url,
    )  # fmt: skip
    recipient.start()
    recipient.wait_ready()
    yield recipient
    recipient.stop()


@pytest.fixture
def recipient(program, topic, disclosure):
    topic.case += 1  # every test has a case of its own
    yield program
    # What a test leaves unfinished must not hold up the next one.
    disclosure.answers["disclosure.Fetch"] = refuse
    disclosure.answers.pop("disclosure.ConfirmStored", None)
    wait_until(lambda: program.is_through(topic.end), "to be through", PATIENCE)
    program.new()


def refuse(*_):
    raise No("FAILED_PRECONDITION", "TEST_IS_OVER")


def note(text, *, wrong_digest=False):
    from google.protobuf import any_pb2, json_format
    from stafett.cases.v1 import case_events_pb2

    event = case_events_pb2.NoteWritten(author="p-1")
    event.sections.add(section_category="EDUC", text=text)
    content = any_pb2.Any()
    content.Pack(event)
    digest = hashlib.sha256(b"" if wrong_digest else content.value).hexdigest()
    return {
        "content": json_format.MessageToDict(content), "digest": digest, "rule": "T020",
        "fields": ["EXIST", "EDUC"], "origin": "r-helse1", "child": {"name": "Mina"},
    }  # fmt: skip


def deliver(disclosure, delivery_id, text="Hun leser.", **more):
    disclosure.contents[delivery_id] = {"delivery_id": delivery_id, **note(text, **more)}


def through(recipient, topic):
    wait_until(lambda: recipient.is_through(topic.end), "to be through", PATIENCE)
    return recipient.new()


def confirmed(disclosure, delivery_id):
    return [
        call[1] for call in disclosure.calls
        if call[0] == "disclosure.ConfirmStored" and call[1]["delivery_id"] == delivery_id
    ]  # fmt: skip


def test_a_signal_is_fetched_kept_and_confirmed(recipient, topic, disclosure):
    deliver(disclosure, "a1")
    topic.signal("a1", 1)
    seen = through(recipient, topic)
    assert [(s.event, s.fields, s.rule, s.child, s.problem) for s in seen] == [
        ("note-written", {"EXIST", "EDUC"}, "T020", {"name": "Mina"}, "")
    ]
    assert seen[0].content["sections"][0]["text"] == "Hun leser."
    (request,) = confirmed(disclosure, "a1")
    assert request["digest"] == disclosure.contents["a1"]["digest"] and request["record_ref"]


def test_the_machines_own_token_is_sent_and_no_attestation(recipient, topic, disclosure, issuer):
    deliver(disclosure, "b1")
    topic.signal("b1", 1)
    through(recipient, topic)
    metadata = next(call[2] for call in disclosure.calls if call[0] == "disclosure.Fetch")
    assert "stafett-attestation" not in metadata
    claims = issuer.tokens.verify(metadata["authorization"].removeprefix("Bearer "), "stafett")
    assert claims["scope"] == "stafett:disclosure"


def test_a_repeated_signal_is_dropped(recipient, topic, disclosure):
    deliver(disclosure, "c1")
    topic.signal("c1", 1)
    topic.signal("c1", 1)
    assert len(through(recipient, topic)) == 1
    assert len(confirmed(disclosure, "c1")) == 1


def test_a_missing_signal_is_noticed(recipient, topic, disclosure):
    deliver(disclosure, "d1")
    deliver(disclosure, "d3")
    topic.signal("d1", 1)
    topic.signal("d3", 3)
    assert [s.problem for s in through(recipient, topic)] == ["", "sequence 3 where 2 was due"]


@pytest.mark.parametrize(
    ("places", "problem"),
    [
        ([(0, 1), (1, 2)], ""),  # a new epoch goes on in the row
        ([(0, 1), (1, 1)], "sequence 1 where 2 was due"),
        ([(0, 1), (1, 4)], "sequence 4 where 2 was due"),
        ([(2, 1), (1, 2)], "epoch 1 after epoch 2"),
    ],
)
def test_rows_over_epochs(recipient, topic, disclosure, places, problem):
    for number, (epoch, sequence) in enumerate(places):
        delivery_id = f"e{topic.case}-{number}"
        deliver(disclosure, delivery_id)
        topic.signal(delivery_id, sequence, epoch=epoch)
    assert [s.problem for s in through(recipient, topic)] == ["", problem]


def test_a_service_that_is_away_is_asked_again(recipient, topic, disclosure):
    deliver(disclosure, "f1")
    answers = disclosure.answers["disclosure.Fetch"]
    failures = iter(["UNAVAILABLE", "DEADLINE_EXCEEDED", "UNAUTHENTICATED"])

    def at_last(request, metadata):
        code = next(failures, None)
        if code:
            raise No(code, "X")
        return answers(request, metadata)

    disclosure.answers["disclosure.Fetch"] = at_last
    topic.signal("f1", 1)
    assert [s.event for s in through(recipient, topic)] == ["note-written"]


def test_a_refusal_is_final_and_does_not_stop_the_others(recipient, topic, disclosure):
    answers = disclosure.answers["disclosure.Fetch"]

    def fetch(request, metadata):
        if request["delivery_id"] == "g1":
            raise No("FAILED_PRECONDITION", "WITHDRAWN")
        return answers(request, metadata)

    disclosure.answers["disclosure.Fetch"] = fetch
    deliver(disclosure, "g2")
    topic.signal("g1", 1)
    topic.signal("g2", 2)
    seen = through(recipient, topic)
    assert [s.refused for s in seen] == ["FAILED_PRECONDITION/WITHDRAWN", ""]
    assert confirmed(disclosure, "g1") == []


def test_content_with_a_wrong_digest_is_never_confirmed(recipient, topic, disclosure):
    deliver(disclosure, "h1", wrong_digest=True)
    topic.signal("h1", 1)
    wait_until(lambda: sum(c[0] == "disclosure.Fetch" for c in disclosure.calls) >= 2, "retries", 10)
    assert confirmed(disclosure, "h1") == []
    deliver(disclosure, "h1")
    (seen,) = through(recipient, topic)
    assert "digest differs" in seen.problem and len(confirmed(disclosure, "h1")) == 1


def test_a_crash_between_keeping_and_confirming_loses_nothing(recipient, topic, disclosure):
    deliver(disclosure, "i1")
    away = [True]

    def confirm(*_):
        if away[0]:
            raise No("UNAVAILABLE", "X")
        return {}

    disclosure.answers["disclosure.ConfirmStored"] = confirm
    topic.signal("i1", 1)
    wait_until(lambda: len(confirmed(disclosure, "i1")) >= 2, "tries", 10)
    recipient.kill()
    away[0] = False
    recipient.start()
    through(recipient, topic)
    requests = confirmed(disclosure, "i1")
    assert len({request["record_ref"] for request in requests}) == 1
    assert sum(call[0] == "disclosure.Fetch" for call in disclosure.calls) == 1


def test_signals_that_come_while_it_is_down_are_taken_later(recipient, topic, disclosure):
    recipient.stop()
    deliver(disclosure, "j1")
    topic.signal("j1", 1)
    recipient.start()
    assert [s.delivery_id for s in through(recipient, topic)] == ["j1"]


def test_a_retraction_is_no_content(recipient, topic, disclosure):
    deliver(disclosure, "l1")
    topic.signal("l1", 1)
    topic.signal("l2", 2, epoch=2, kind="RETRACTION")
    assert [s.event for s in through(recipient, topic)] == ["note-written", "retraction"]
    assert [c[1]["delivery_id"] for c in disclosure.calls if c[0] == "disclosure.Fetch"] == ["l1"]
    (request,) = confirmed(disclosure, "l2")
    assert request["digest"] == hashlib.sha256(b"").hexdigest()


def test_a_probe_and_an_unreadable_message_are_passed_over(recipient, topic, disclosure):
    deliver(disclosure, "m1")
    topic.write(b"")
    topic.write(b"\xff\xff\xff")
    topic.signal("m1", 1)
    assert [s.delivery_id for s in through(recipient, topic)] == ["m1"]


def test_a_person_opens_and_the_machine_fetches_again(recipient, topic, disclosure):
    deliver(disclosure, "n1")
    topic.signal("n1", 1)
    through(recipient, topic)
    assert recipient.ask("note-written", "an.attestation", PATIENCE) == [Seen("n1", "note-written")]
    opened = next(call for call in disclosure.calls if call[0] == "disclosure.ConfirmOpened")
    assert opened[1] == {"delivery_id": "n1"} and opened[2]["stafett-attestation"] == "an.attestation"
    (again,) = recipient.ask("note-written", "", PATIENCE)
    assert again.event == "note-written" and again.content["author"] == "p-1"

    def no(*_):
        raise No("UNAUTHENTICATED", "TOKEN_EXPIRED")

    disclosure.answers["disclosure.ConfirmOpened"] = no
    (refused,) = recipient.ask("note-written", "old.attestation", PATIENCE)
    assert refused.refused == "UNAUTHENTICATED/TOKEN_EXPIRED"


def test_what_was_never_had_cannot_be_opened(recipient):
    with pytest.raises(LookupError, match="never had level-set"):
        recipient.ask("level-set", "", PATIENCE)


def test_a_broker_that_dies_and_comes_back(recipient, topic, disclosure, broker):
    broker.kill()
    time.sleep(0.2)
    broker.start()
    deliver(disclosure, "o1")
    topic.signal("o1", 1)
    assert [s.delivery_id for s in through(recipient, topic)] == ["o1"]
