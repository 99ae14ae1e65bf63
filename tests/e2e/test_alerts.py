"""Every alert that can be brought about on one machine is: what it is about is broken on a running Stafett, Prometheus with
the rules of deploy/ says so, Alertmanager hears of it, and it ends when that is mended.

Which alert by which provocation, and which end at once, stands in deploy/prometheus/README.md; the tests read it there.
Minutes of `for:` are seconds here (stafett_stack.monitoring.hastened), and nothing else in the rules is other than in
production. Where a limit is long (a mail that waits for 15 minutes), a service's clock runs ahead. The tests are one story:
they share a stack, in this order, and what cannot be mended comes last.
"""

import ctypes
import json
import os
import shutil
import signal
import uuid
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
import yaml
from confluent_kafka import Producer
from direct import AGAIN, HEALTH_STATION, LOG, MACHINES, NOT_YET, OFFICER, PPT, TEACHER, Direct
from escalating import restart_ahead
from rights_taken import without_right
from test_policy_file import looser
from test_tail import cut

from stafett_edge.rules import public
from stafett_stack import operating
from stafett_stack.monitoring import hastened
from stafett_stack.paths import POLICY, PROMETHEUS_RULES
from stafett_stack.procs import StackError, wait_until
from stafett_stack.rights import topic_of
from stafett_story.calls import UNKNOWN_OUTCOME
from stafett_story.rest import RestCaller
from stafett_story.steinkjer import NURSE

TABLE = operating.provocations()
HEALTH_LEADER = "p-w5t7cy"  # whom it falls to that his service does nothing
DAY = 24 * 3600
STALE = 8  # seconds; from 5 on disclosure admits no Fetch
SECONDS = 60.0


class Watched:
    """A Stafett under Prometheus, and what its alerts are."""

    def __init__(self, stack, direct):
        self.stack, self.direct = stack, direct
        self.monitoring = stack.monitoring
        self.edge = RestCaller(stack.edge.address, direct.api, patience=0)
        self.fetch_rule = public(direct.api)["disclosure.Fetch"]
        self.seen = set()

    def copy(self, service):
        (copy,) = self.stack.of(service)
        return copy

    def firing(self):
        return {a["labels"]["alertname"] for a in self.monitoring.prometheus.alerts() if a["state"] == "firing"}

    def active(self):
        return {a["labels"]["alertname"] for a in self.monitoring.prometheus.alerts()}

    def at_alertmanager(self):
        return {a["labels"]["alertname"] for a in self.monitoring.alertmanager.alerts()}

    def fires(self, provocation, *, doing=lambda: None, seconds=SECONDS):
        """All alerts that the table has for it fire, and Alertmanager knows. `doing` goes on until then."""
        wanted = {alert for alert, row in TABLE.items() if row.by == provocation}
        assert wanted, provocation

        def fired():
            doing()
            return wanted <= self.firing() & self.at_alertmanager()

        self._wait(fired, f"{sorted(wanted)} to fire", seconds)
        self.seen.add(provocation)

    def ends(self, provocation, when="at once", *, seconds=SECONDS):
        """Those of them of which the table says that they end then are over, at Alertmanager too."""
        over = {alert for alert, row in TABLE.items() if row.by == provocation and row.ends == when}
        assert over, provocation
        self._wait(
            lambda: not over & (self.active() | self.at_alertmanager()), f"{sorted(over)} to end", seconds
        )

    def _wait(self, condition, what, seconds):
        try:
            wait_until(condition, what, seconds)
        except StackError as error:
            raise AssertionError(
                f"{error}; firing {sorted(self.firing())}, active {sorted(self.active())}, "
                f"at Alertmanager {sorted(self.at_alertmanager())}"
            ) from error

    def number(self, expression):
        """The only value of a query; None if there is none."""
        values = [float(sample["value"][1]) for sample in self.monitoring.prometheus.query(expression)]
        return values[0] if values else None

    def fetch_by_edge(self, delivery_id):
        target = self.fetch_rule.target({"delivery_id": delivery_id})
        headers = self.direct.credentials.metadata(MACHINES[HEALTH_STATION])
        return self.edge.exchange("POST", target, json.dumps({}).encode(), headers).status


@pytest.fixture(scope="module")
def rules(stack_directory):
    """A rule file of this module's own, read by its services."""
    return shutil.copy(POLICY, stack_directory / "rules-of-test-alerts.yaml")


@pytest.fixture(scope="module")
def watched(new_stack, rules):
    stack = new_stack(edge=True, monitoring=True, scrape_every="1s", hasty_alerts=True, policy=rules)
    with Direct(stack, patience=SECONDS) as direct:
        found = Watched(stack, direct)
        yield found
        found.edge.close()


@pytest.fixture(scope="module")
def child(watched):
    """Its log is open, two recipients were told of it, its baton is offered, its next date is in a month."""
    direct = watched.direct
    children = direct.children(3)
    first = children[0]
    direct.call("cases.AddParticipant", TEACHER, case=first.case, recipient=HEALTH_STATION)
    direct.call("cases.SetLevel", TEACHER, case=first.case, level="LEVEL_2", reason="Uro.", next_date=in_days(30))
    direct.call("cases.OfferBaton", TEACHER, again=AGAIN | NOT_YET, case=first.case, to=NURSE.person)
    direct.settle()
    return first


def in_days(count):
    return (datetime.now(ZoneInfo("Europe/Oslo")).date() + timedelta(days=count)).isoformat()


@contextmanager
def frozen(*processes):
    for process in processes:
        process.signal(signal.SIGSTOP)
    try:
        yield
    finally:
        for process in processes:
            process.signal(signal.SIGCONT)


@contextmanager
def thread_frozen(process, name):
    """One thread stands still and the others go on, as no signal can do it. Only the thread that froze it can end it."""
    (tid,) = (
        int(task.name)
        for task in Path(f"/proc/{process.pid}/task").iterdir()
        if (task / "comm").read_text().strip() == name
    )
    _ptrace(PTRACE_SEIZE, tid)
    try:
        _ptrace(PTRACE_INTERRUPT, tid)
        os.waitpid(tid, WALL)
        yield
    finally:
        _ptrace(PTRACE_DETACH, tid)


PTRACE_SEIZE, PTRACE_INTERRUPT, PTRACE_DETACH, WALL = 0x4206, 0x4207, 17, 0x40000000  # sys/ptrace.h, sys/wait.h
_libc = ctypes.CDLL(None, use_errno=True)
_libc.ptrace.argtypes = (ctypes.c_long, ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p)
_libc.ptrace.restype = ctypes.c_long


def _ptrace(request, tid):
    if _libc.ptrace(request, tid, None, None) == -1:
        raise OSError(ctypes.get_errno(), f"ptrace {request:#x}: {os.strerror(ctypes.get_errno())}")


# --- what is tried ----------------------------------------------------------------------------------


def test_minutes_are_seconds_and_nothing_else_is_changed():
    def rules(text, change=lambda rule: rule):
        return [change(rule) for group in yaml.safe_load(text)["groups"] for rule in group["rules"]]

    def in_seconds(rule):
        return {**rule, "for": rule["for"].replace("m", "s")} if "for" in rule else rule

    for file in PROMETHEUS_RULES.glob("*.yaml"):
        text = file.read_text()
        assert rules(hastened(text)) == rules(text, in_seconds)
    assert all(rule.get("for", "1m").endswith("m") for rule in operating.alerts().values())


def test_the_watchdog_fires_while_all_is_well(watched):
    watched.fires("nothing")


@pytest.fixture(scope="module")
def cut_off(watched, child):
    """Escalation may not read the log any more, and over 1,000 records come: one of the child's, sent again and again, which
    every reader drops. The first step that waits for the child is due in the next minute. Undone by closing it."""
    kafka, copy = watched.stack.kafka, watched.copy("escalation")
    redis = watched.stack.redis.client()
    timers = f"escalation:{{p{child.partition:02}}}:ix:timers"

    def seconds_to_go():  # once escalation has looked at it and knows
        left = (redis.zscore(timers, child.child) or 0) / 1000 - redis.time()[0]
        return max(left, 0)

    restart_ahead([copy], int(wait_until(seconds_to_go, "a time for the child", SECONDS)) - 30)
    copy.wait_ready()
    again = next(e for e in watched.direct.log() if e.record.child == child.child)
    producer = Producer({**kafka.client_config("admin"), "queue.buffering.max.messages": 10_000})
    with ExitStack() as until_closed:
        until_closed.enter_context(without_right(kafka, "svc-escalation", LOG, "READ"))

        def far_behind():  # what a fetch that was under way still brings does not count
            for _ in range(300):
                producer.produce(LOG, key=again.key, value=again.value, partition=again.partition)
            assert producer.flush(SECONDS) == 0
            mark = int(redis.get(f"escalation:{{p{again.partition:02}}}:mark:log"))
            return watched.direct.ends()[again.partition] - mark > 1_000

        wait_until(far_behind, "escalation to be 1,000 records behind", SECONDS)
        yield until_closed


def test_a_service_may_not_read_the_log(watched, cut_off):
    watched.fires("a service may not read the log")


@pytest.fixture(scope="module")
def hanging(watched):
    """The thread that fetches the token issuer's keys stands still, and nothing else of consent. Undone by closing it."""
    with ExitStack() as until_closed:
        until_closed.enter_context(thread_frozen(watched.copy("consent").process, "issuer-keys"))
        yield until_closed


def test_kafka_stands_still(watched, child, cut_off, hanging):
    direct = watched.direct
    told = direct.signals_of(child, HEALTH_STATION)[-1].delivery_id
    with ThreadPoolExecutor(4) as callers, frozen(watched.stack.kafka.process):
        waiting = []

        def go_on():
            """Commands, which take 2 s; fetches by REST, which are refused as nobody knows what was withdrawn."""
            if all(one.done() for one in waiting):
                waiting[:] = [callers.submit(note, direct, child) for _ in range(4)]
            if (watched.number('stafett_log_view_age_seconds{service="disclosure"}') or 0) > STALE:
                assert watched.fetch_by_edge(told) == 503

        watched.fires("Kafka stands still", doing=go_on)
    watched.ends("Kafka stands still")


def note(direct, child):
    """STORED after 2 s, or refused because another was quicker: slow either way."""
    direct.ask("cases.WriteNote", TEACHER, final=(*UNKNOWN_OUTCOME, "CONFLICT"), timeout=3.0, case=child.case,
               sections=[{"section_category": "EDUC", "text": "Etter."}])  # fmt: skip


def test_one_loop_stands_still(watched, hanging):
    watched.fires("one thread of a process is frozen")
    assert not watched.copy("consent").probe("/livez") and watched.copy("consent").probe("/readyz")
    hanging.close()
    watched.ends("one thread of a process is frozen")


def test_recipients_fetch_nothing_and_then_one_does(watched, child):
    watched.fires("recipients fetch nothing")
    told = watched.direct.signals_of(child, HEALTH_STATION)[-1].delivery_id
    assert watched.direct.fetch(HEALTH_STATION, told).refusal is None
    watched.ends("recipients fetch nothing")


def test_a_copy_starts_again_and_again(watched):
    copy = watched.copy("notifications")
    start = f'stafett_start_time_seconds{{instance="{copy.instance}"}}'
    for _ in range(4):
        before = watched.number(start)
        copy.kill()
        copy.begin_start()
        wait_until(lambda before=before: watched.number(start) not in (None, before), "the new start to be scraped", SECONDS)
    watched.fires("a copy is killed and started four times")
    copy.wait_ready()


def test_a_copy_is_frozen_alone_of_its_service(watched, child):
    with frozen(watched.copy("disclosure").process):
        watched.direct.withdraw(child, PPT)
        watched.fires("a service's only copy is frozen")
    watched.ends("a service's only copy is frozen")


def test_alertmanager_is_stopped_while_something_fires(watched):
    alertmanager = watched.monitoring.alertmanager
    alertmanager.stop()
    watched.stack.edge.stop()  # any alert would do
    try:
        wait_until(lambda: "StafettEdgeDown" in watched.firing(), "an alert of which nobody is told", SECONDS)
    finally:
        alertmanager.begin_start()
        alertmanager.wait_ready()
        watched.stack.edge.start()
    watched.fires("Alertmanager is stopped while something fires")
    wait_until(lambda: "StafettEdgeDown" not in watched.active(), "it to end", SECONDS)


def test_the_edge_is_stopped(watched):
    watched.stack.edge.stop()
    watched.fires("the edge is stopped")
    watched.stack.edge.start()
    watched.ends("the edge is stopped")


def test_the_right_to_write_to_a_recipient_is_taken_away(watched, child):
    direct, kafka = watched.direct, watched.stack.kafka
    with without_right(kafka, "svc-disclosure", topic_of(HEALTH_STATION), "WRITE"):
        direct.note(child)
        watched.fires("a recipient's topic refuses")

    def resumed():
        return direct.ask("disclosure.ResumeRecipient", OFFICER, recipient=HEALTH_STATION, timeout=8.0).refusal is None

    wait_until(resumed, "the topic takes signals again", SECONDS)
    watched.ends("a recipient's topic refuses")


def test_a_looser_rule_file_is_put_in_its_place(watched, rules):
    good = rules.read_text()
    rules.write_text(looser(good))
    watched.fires("a looser rule file is put in its place")
    rules.write_text(good)
    watched.ends("a looser rule file is put in its place")


def test_a_step_is_due_and_the_log_is_not_read(watched, cut_off):
    watched.fires("a service may not read the log while a step is due", seconds=120)
    watched.stack.mail.stop()  # before escalation can tell anybody
    cut_off.close()
    watched.ends("a service may not read the log")
    watched.ends("a service may not read the log while a step is due")


def test_the_mail_server_is_stopped_then_refuses(watched):
    """The real escalation leads to the mails: of what nobody did in time for the child."""
    notifications, mail = watched.copy("notifications"), watched.stack.mail
    before = len(mail.mails())
    quick = {**notifications.configuration()["notifications"], "retry": {"first_ms": 200, "longest_ms": 1000, "most": 100}}
    restart_ahead([notifications], 3600, notifications=quick)
    notifications.wait_ready()
    watched.fires("the mail server is stopped")
    mail.start()
    watched.ends("the mail server is stopped")
    assert f"{HEALTH_LEADER}@stafett.example.no" in {address for one in mail.mails()[before:] for address in one.to}

    mail.answer("550 never")
    restart_ahead([watched.copy("escalation")], 60 * DAY)  # the next date has passed
    watched.copy("escalation").wait_ready()
    watched.fires("the mail server refuses for good")
    mail.answer(None)


def test_redis_is_stopped(watched):
    watched.stack.redis.kill()
    try:
        watched.fires("Redis is stopped")
    finally:
        watched.stack.redis.start()
    watched.ends("Redis is stopped")


def test_a_service_starts_on_a_redis_that_is_set_unsafely(watched):
    redis, copy = watched.stack.redis.client(), watched.copy("notifications")
    redis.config_set("appendfsync", "everysec")
    try:
        copy.stop()
        copy.begin_start()
        watched.fires("a service starts on a Redis that is set unsafely")
    finally:
        redis.config_set("appendfsync", "always")
    watched.ends("a service starts on a Redis that is set unsafely")


def test_two_days_pass_and_nothing_is_stored(watched):
    restart_ahead([watched.copy("disclosure")], 2 * DAY)
    watched.copy("disclosure").wait_ready()
    watched.fires("two days pass and nothing is stored")


# --- what nobody can mend yet -----------------------------------------------------------------------


def test_a_record_that_nobody_can_read(watched):
    producer = Producer(watched.stack.kafka.client_config("admin"))
    producer.produce(LOG, key=f"ch-{uuid.uuid4().hex[:20]}", value=b"\xff no record", partition=0)
    assert producer.flush(SECONDS) == 0
    watched.fires("a record on the log is unreadable")


def test_the_log_loses_its_tail_while_the_auditor_is_stopped(watched, child):
    kafka, auditor = watched.stack.kafka, watched.stack.auditor
    watched.direct.settle()
    auditor.stop()
    watched.fires("the auditor is stopped")
    kafka.kill()
    cut(kafka, LOG, child.partition, 3)
    kafka.restart()
    watched.fires("the log loses its tail while the auditor is stopped", seconds=90)
    auditor.start()
    watched.fires("the auditor is there again")
    watched.ends("the auditor is stopped")
    watched.ends("the log loses its tail while the auditor is stopped")


def test_the_auditor_may_not_read_the_log(watched, child):
    auditor = watched.stack.auditor
    with without_right(watched.stack.kafka, "svc-auditor", LOG, "READ"):
        restart_ahead([auditor], 3600)
        watched.direct.note(child)
        watched.fires("the auditor may not read the log, and its clock is ahead")
    restart_ahead([auditor], 0)
    watched.ends("the auditor may not read the log, and its clock is ahead")


@contextmanager
def not_compared_yet(watched, child):
    """Within, the auditor is away and has not seen the child's last record; Redis, to be changed."""
    watched.direct.settle()
    watched.stack.auditor.stop()
    watched.direct.note(child)
    watched.direct.settle()
    yield watched.stack.redis.client()
    watched.stack.auditor.start()


def test_a_service_forgets_what_it_has_taken(watched, child):
    with not_compared_yet(watched, child) as redis:
        redis.hdel(f"consent:{{p{child.partition:02}}}:seen", f"cases/{child.child}")
    watched.fires("a service forgets what it has taken")


APPEND = """
local n = redis.call('INCR', KEYS[1] .. ':n')
return redis.call('XADD', KEYS[1], string.format('%d-0', n), unpack(ARGV))
"""


def test_an_entry_of_an_outbox_is_garbled(watched, child):
    watched.direct.note(child)
    watched.direct.settle()
    redis = watched.stack.redis.client()
    outbox = f"cases:{{p{child.partition:02}}}:ob"
    ((_, entry),) = redis.xrevrange(outbox, count=1)
    entry[b"v"] = bytes([entry[b"v"][0] ^ 4]) + entry[b"v"][1:]
    redis.eval(APPEND, 1, outbox, *(part for field in entry.items() for part in field))
    watched.fires("an entry of an outbox is garbled")
    watched.direct.settle()  # it was sent: the same record again
    by = "max by (service) (stafett_relay_mended_entries_total or stafett_audit_mended_total) > 0"
    wait_until(lambda: len(watched.monitoring.prometheus.query(by)) == 2, "the auditor to have met it, too", SECONDS)
    watched.copy("cases").restart()
    watched.stack.auditor.restart()
    watched.ends("an entry of an outbox is garbled", "when the copies start again")
    assert "StafettLogDamaged" not in watched.active()  # to the auditor it is the record that is on the log


def test_an_outbox_loses_an_entry_before_it_was_compared(watched, child):
    with not_compared_yet(watched, child) as redis:
        outbox = f"cases:{{p{child.partition:02}}}:ob"
        ((last, _),) = redis.xrevrange(outbox, count=1)
        redis.xdel(outbox, last)
    watched.fires("an outbox loses an entry before it was compared")


def test_what_ends_a_minute_later_has_ended(watched):
    watched.ends("a service may not read the log", "a minute later")


def test_every_provocation_of_the_table_was_tried(watched):
    assert watched.seen == {row.by for row in TABLE.values()}
