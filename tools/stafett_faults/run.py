"""One run: stack, load, faults; then all is healed, comes to rest, is read, wiped, rebuilt and read again."""

from __future__ import annotations

import hashlib
import re
import sqlite3
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stafett_faults import checker, power, records, written
from stafett_faults.faults import Faults, NotHealed
from stafett_faults.ground import Lost
from stafett_faults.history import Cut, Kept, Run
from stafett_faults.load import RATE, Load
from stafett_faults.of_operators import CHECK_STORES_EVERY_MS
from stafett_faults.oracle import Files, Oracle
from stafett_faults.people import RECIPIENTS
from stafett_faults.proxy import Proxy
from stafett_stack import paths
from stafett_stack.procs import StackError, free_port, wait_until
from stafett_stack.rights import topic_of
from stafett_stack.services import SERVICES, Service
from stafett_stack.stack import Stack
from stafett_stack.watching import Watching, metric
from stafett_story.steinkjer import MACHINES, PPT
from stafett_story.watch import Log, Marks, Recipient

sys.path.insert(0, str(paths.REPOSITORY / "tests" / "e2e"))
from durable import different, dump, lose_redis  # noqa: E402 - what a rebuild must bring back is said there

OPEN_CHILDREN = 4  # before the first fault
READY_SECONDS = 90.0
SETTLE_SECONDS = 180.0
OUTBOX_LIMIT = 100_000  # limits.outbox_limit, of one partition
HISTORY = "history.json"  # in the run's folder, which is kept when something did not hold
WAITING = "stafett_outbox_waiting_entries"


@dataclass
class Settings:
    minutes: float
    seed: int
    preset: str = "release"
    rate: float = RATE
    only: tuple[str, ...] = ()
    brokers: int = 1


class Backlog(Watching):
    """The most that ever waited in the outboxes of one copy, looked at again and again."""

    def __init__(self, stack: Stack) -> None:
        super().__init__(stack.services.values(), self._look, every=1.0)
        self.most = 0

    def _look(self, _: Service, text: str) -> None:
        self.most = max(self.most, int(metric(text, WAITING)))


def play(settings: Settings, directory: Path, say: Callable[[str], None]) -> tuple[Run, list[checker.Finding]]:
    """NotHealed and StackError become violations of `Recovers`; whatever can still be read is checked."""
    recovers = checker.Finding("Recovers", checked=1)
    run = Run()
    stack = Stack(directory, copies=2, preset=settings.preset, brokers=settings.brokers)
    proxy: Proxy | None = None
    recipients: dict[str, Recipient] = {}
    try:
        proxy, disks = _prepare(stack)
        say("starting Redis, Kafka, ten services")
        stack.up()
        recipients = _recipients(stack)
        for recipient in recipients.values():
            recipient.start()
        for recipient in recipients.values():
            recipient.wait_ready()
        backlog = Backlog(stack)
        with Load(stack, recipients, settings.seed, rate=settings.rate) as load:
            faults = Faults(stack, load, recipients, proxy, disks, settings.seed, say, settings.only)
            with backlog:
                try:
                    wait_until(
                        lambda: load.open_children() >= OPEN_CHILDREN or load.errors, "children with an open log", 60
                    )
                    deadline = time.monotonic() + settings.minutes * 60
                    faults.run(lambda: time.monotonic() >= deadline)
                except (NotHealed, StackError) as error:
                    recovers.violations.append(str(error))
                finally:
                    load.stop()
            if load.errors:
                raise load.errors[0]
            run.reads, run.faults = load.reads, faults.done
            run.commands = [*load.commands, *faults.commands]
            run.away, run.wiped_ms, run.poison = faults.away, faults.wiped_ms, faults.poisoned
            run.parked, run.unsafe = faults.parked, faults.unsafe
            run.backlog = backlog.most, OUTBOX_LIMIT
            recovers.checked += len(faults.done)
            say(f"{len(faults.done)} faults; {load.accepted()} commands accepted; all is healed and comes to rest")
            try:
                _rest(stack, load, recipients)
            except StackError as error:
                recovers.violations.append(str(error))
            _read(stack, load, recipients, run, faults.lost)
            if not recovers.violations:
                say("Redis is wiped and rebuilt")
                try:
                    _rebuild(stack, load, recipients, run)
                except StackError as error:
                    recovers.violations.append(str(error))
    finally:
        for recipient in recipients.values():
            recipient.stop()
        stack.down()
        if proxy is not None:
            proxy.stop()
    written.write(run, directory / HISTORY)
    say(f"checking {len(run.log)} records, {len(run.signals)} signals, {len(run.commands)} commands")
    return run, [recovers, *checker.check(run, Oracle(Files(paths.POLICY, paths.CONTROLLERS)))]


def _prepare(stack: Stack) -> tuple[Proxy, dict[str, power.Disk]]:
    """Before anything starts: power cuts are possible, and the second copy of each service goes through the proxy."""
    library = power.compile_library(stack.directory)
    redis = power.Disk(library, stack.directory / "forced-redis")
    disks, stack.redis.env = {"redis": redis}, redis.env
    to_redis = free_port()
    wires, bootstrap = {to_redis: stack.redis.port}, []
    for node in stack.kafka.nodes:
        name = "kafka" if len(stack.kafka.nodes) == 1 else f"kafka-{node.node}"
        disks[name] = power.Disk(library, stack.directory / f"forced-{name}")
        ours, to_kafka = free_port(), free_port()
        node.env, node.detour, wires[to_kafka] = disks[name].env, (ours, to_kafka), ours
        bootstrap.append(f"127.0.0.1:{to_kafka}")
    for service in stack.services.values():
        service.overrides["limits"] = {"check_stores_every_ms": CHECK_STORES_EVERY_MS}
        if service.instance.endswith("-b"):
            own: dict[str, Any] = service.configuration()
            service.overrides["redis"] = {**own["redis"], "port": to_redis}
            service.overrides["kafka"] = {**own["kafka"], "bootstrap": ",".join(bootstrap)}
    return Proxy(wires), disks


def _recipients(stack: Stack) -> dict[str, Recipient]:
    return {
        id_: Recipient(
            id_,
            stack.directory / "recipients",
            stack.secrets,
            client_id=MACHINES[id_].client,
            bootstrap=stack.kafka.bootstrap,
            disclosure=stack.target("disclosure"),
            token_url=stack.issuer.tokens.token_url,
        )
        for id_ in RECIPIENTS
    }


def _rest(stack: Stack, load: Load, recipients: dict[str, Recipient]) -> None:
    """Returns when nobody has anything more to do; StackError if that does not come."""
    for service in stack.services.values():
        service.wait_ready(READY_SECONDS)
    load.ask_again()
    marks, log = Marks(stack.redis), Log(stack.kafka)
    partitions = stack.kafka.partitions

    def at_rest() -> bool:
        ends = log.ends()
        if marks.unsaid(partitions) or marks.behind({p: end - 1 for p, end in ends.items() if end}):
            return False
        for recipient in recipients.values():
            if not recipient.is_through(log.end(topic_of(recipient.id), 0)):
                return False
        return not marks.unsaid(partitions) and log.ends() == ends

    try:
        wait_until(at_rest, _Late(lambda: _why_not(marks, log, recipients)), SETTLE_SECONDS)
    finally:
        log.close()


def _why_not(marks: Marks, log: Log, recipients: dict[str, Recipient]) -> str:
    ends = {p: end - 1 for p, end in log.ends().items() if end}
    waiting = [
        f"{r.id}: {r.why_not(log.end(topic_of(r.id), 0))[:300]}"
        for r in recipients.values()
        if not r.is_through(log.end(topic_of(r.id), 0))
    ]
    return (
        f"to come to rest; marks behind: {marks.behind(ends)}; words to be said: {marks.unsaid(len(ends))}; {waiting}"
    )


class _Late:
    """A text that is made when it is shown."""

    def __init__(self, make: Callable[[], str]) -> None:
        self._make = make

    def __str__(self) -> str:
        return self._make()


def _read(stack: Stack, load: Load, recipients: dict[str, Recipient], run: Run, lost: list[Lost]) -> None:
    partitions = stack.kafka.partitions
    opener = records.vault(stack.kafka, partitions)
    run.cuts = [_cut(one, opener) for one in lost]
    run.log, of_log = records.entries(stack.kafka, records.LOG, partitions, opener)
    run.ledger, of_ledger = records.entries(stack.kafka, records.LEDGER, partitions, opener)
    told = [records.signals(stack.kafka, id_) for id_ in RECIPIENTS]
    run.signals = [signal for signals, _ in told for signal in signals]
    run.unreadable = [*of_log, *of_ledger, *(place for _, places in told for place in places)]
    run.own = _own_lists(stack)
    run.receipts = load.receipts()
    run.listed = load.listed()
    run.kept = [kept for recipient in recipients.values() for kept in _kept(stack, recipient)]


def _cut(lost: Lost, opener: records.Vault) -> Cut:
    found = (
        records.entry((lost.topic, lost.partition, raw.offset), raw.appended_ms, raw.value, opener)
        for raw in lost.records
    )
    return Cut(lost.at_ms, tuple(entry for entry in found if entry is not None))


def _own_lists(stack: Stack) -> dict[str, tuple[int, str]]:
    client = stack.redis.client()
    found = {}
    for name in client.scan_iter(match="*:own:*", count=1000):
        service, _, _, child = name.decode().split(":", 3)
        last = client.lindex(name, -1) or b""
        found[f"{service}/{child}"] = client.llen(name), hashlib.sha256(last).hexdigest()
    return found


def _kept(stack: Stack, recipient: Recipient) -> list[Kept]:
    db = sqlite3.connect(f"file:{stack.directory}/recipients/{recipient.id}.db?mode=ro", uri=True)
    stored = 2  # Store.STORED of tests/e2e/recipient/recipient.py
    rows = db.execute("select delivery_id, record_ref, digest, state from deliveries where record_ref is not null")
    return [Kept(recipient.id, id_, ref, digest, state == stored) for id_, ref, digest, state in rows]


class View:
    """A store, but for what a lost tail of the log changes in one that is rebuilt from it later (services/auditor,
    "Append times"): inputs that came back have other times; and where others had written in their places, another place
    and order. No record is more or less, and nothing that services make of them is other."""

    INPUTS = re.compile(r"[^:]+:\{p\d+\}:in:(.*)", re.DOTALL)
    OFFSET, TIME = 8, 16  # bytes of an input that are its place, and its place and time (lib/gate/children.cc)

    def __init__(self, run: Run) -> None:
        stands = {(e.topic, e.digest): e.offset for e in reversed([*run.log, *run.ledger])}
        cut = [entry for one in run.cuts for entry in one.entries]
        self._back = {entry.digest for entry in cut}
        self._moved = {entry.child for entry in cut if stands.get((entry.topic, entry.digest)) != entry.offset}

    def of(self, store: dict[str, object]) -> dict[str, object]:
        return {key: self._value(key, value) for key, value in store.items()}

    def _value(self, key: str, value: object) -> object:
        match = self.INPUTS.fullmatch(key)
        if not match or not isinstance(value, list):
            return value
        if match[1] in self._moved:
            return sorted(one[self.TIME :] for one in value)
        return [self._timeless(one) for one in value]

    def _timeless(self, one: bytes) -> bytes:
        record = one[self.TIME :]
        return one[: self.OFFSET] + record if hashlib.sha256(record).hexdigest() in self._back else one


def _rebuild(stack: Stack, load: Load, recipients: dict[str, Recipient], run: Run) -> None:
    """At rest: everything stops, Redis loses its disk, everything starts."""
    for recipient in recipients.values():
        recipient.stop()
    client = stack.redis.client()
    view = View(run)
    before = {service: view.of(dump(client, service)) for service in SERVICES}
    cases, listed, signals = load.cases(), load.listed(), len(records.signals(stack.kafka, PPT)[0])
    lose_redis(stack)
    client = stack.redis.client()
    run.rebuilt = {service: different(before[service], view.of(dump(client, service))) for service in SERVICES}
    after = load.cases()
    run.rebuilt["GetCase"] = [f"{case} of {who}" for (case, who), said in cases.items() if after[case, who] != said]
    run.rebuilt["ListDeliveries"] = [id_ for id_, ids in load.listed().items() if ids != listed[id_]]
    run.rebuilt["no new signals"] = (
        [] if len(records.signals(stack.kafka, PPT)[0]) == signals else ["something was sent"]
    )
