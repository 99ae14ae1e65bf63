"""Records of escalation and notifications, as they stand on the log, read for a story."""

import importlib

import pytest

from stafett_story.told import Escalated, Mailed, Told


@pytest.fixture
def log(api):
    return Hand()


class Hand:
    """Writes records and lets Told take them."""

    def __init__(self):
        self.told = Told()
        self.record = importlib.import_module("stafett.common.v1.record_pb2").Record
        self.escalation = importlib.import_module("stafett.escalation.v1.escalation_events_pb2")
        self.notified = importlib.import_module("stafett.notifications.v1.notification_events_pb2")
        self.versions = {}

    def say(self, event, *, repeat=False):
        service = event.DESCRIPTOR.full_name.split(".")[1]
        self.versions[service] = self.versions.get(service, 0) + (0 if repeat else 1)
        options = importlib.import_module("stafett.common.v1.options_pb2")
        self.told.take(self.record(
            type=event.DESCRIPTOR.GetOptions().Extensions[options.event_type], child="k",
            stream=f"{service}/k", version=self.versions[service], clear=event.SerializeToString(),
        ))  # fmt: skip

    def raise_it(self, **more):
        self.say(self.escalation.EscalationRaised(
            escalation_id="es-1", awaited_id="baton/1", kind="BATON_ANSWER", owner="p-1", recipient="r-1",
            awaited_of="r-1", step=1,
        ), **more)  # fmt: skip

    def queue(self, channel):
        self.say(self.notified.MessageQueued(message_id="m-1", person="p-1", channel=channel, escalation_id="es-1"))


def test_each_step_of_an_escalation_says_what_it_is_about(log):
    log.raise_it()
    log.say(log.escalation.EscalationPassedOn(escalation_id="es-1", owner="p-2", recipient="r-1", step=2))
    log.say(log.escalation.EscalationAcknowledged(escalation_id="es-1", by="p-2"))
    log.say(log.escalation.EscalationResolved(escalation_id="es-1"))
    assert log.told.all == [
        Escalated("k", "es-1", step, "BATON_ANSWER", "r-1", to)
        for step, to in (("raised", "p-1"), ("passed-on", "p-2"), ("acknowledged", "p-2"), ("resolved", ""))
    ]


def test_a_record_that_comes_twice_is_told_once(log):
    log.raise_it()
    log.raise_it(repeat=True)
    assert len(log.told.all) == 1


def test_a_mail_is_told_when_it_has_its_fate(log):
    log.queue("EMAIL")
    assert (log.told.all, log.told.under_way) == ([], {"m-1"})
    log.say(log.notified.MessageFailed(message_id="m-1", cause="CONNECT", again_ms=5))
    assert log.told.under_way == {"m-1"}
    log.say(log.notified.MessageSent(message_id="m-1"))
    assert (log.told.all, log.told.under_way) == ([Mailed("k", "m-1", "p-1", True)], set())


def test_a_mail_that_is_given_up_is_told_and_one_that_is_dropped_is_not(log):
    log.queue("EMAIL")
    log.say(log.notified.MessageFailed(message_id="m-1", cause="REFUSED"))
    assert (log.told.all, log.told.under_way) == ([Mailed("k", "m-1", "p-1", False)], set())
    log.queue("EMAIL")
    log.say(log.notified.MessageDropped(message_id="m-1"))
    assert len(log.told.all) == 1 and not log.told.under_way


def test_an_entry_of_the_inbox_is_no_mail(log):
    log.queue("INBOX")
    log.say(log.notified.MessageRead(message_id="m-1", person="p-1"))
    assert log.told.all == [] and not log.told.under_way
