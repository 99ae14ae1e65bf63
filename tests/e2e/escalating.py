"""What escalation does, seen from outside: its clock, its lists, its records."""

import importlib

from stafett_stack.procs import wait_until
from stafett_stack.services import SERVICES
from stafett_story.told import Told


def restart_ahead(copies, seconds, **more):
    """These copies start again with their clock that much ahead, and nothing else overridden but `more`; they need not
    become ready."""
    for copy in copies:
        copy.stop()
        copy.overrides = {"test_clock_ahead_seconds": seconds, **more}
        copy.begin_start()


def begin(direct, ahead):
    """Escalation starts again, its clock so many seconds ahead, and is ready."""
    copies = direct.stack.of("escalation")
    restart_ahead(copies, ahead)
    for copy in copies:
        copy.wait_ready()


def listed(direct, who):
    answer = direct.call("escalation.ListEscalations", who)
    return answer.get("escalations", []), answer.get("hidden", [])


def only(direct, who, **expected):
    """The one escalation that this person sees, once it is as expected."""

    def found():
        seen, hidden = listed(direct, who)
        fits = len(seen) == 1 and not hidden and expected.items() <= seen[0].items()
        return seen[0] if fits else None

    wait_until(found, f"{who.person} sees {expected}", 60)
    return found()


def nothing(direct, who):
    wait_until(lambda: listed(direct, who) == ([], []), f"{who.person} sees nothing", 60)


def said(direct):
    """All that escalation has put on the log: (kind of event, event), repeats left out."""
    events = importlib.import_module("stafett.escalation.v1.escalation_events_pb2")
    out, seen = [], set()
    for entry in direct.log():
        record = entry.record
        if not record.stream.startswith("escalation/") or (record.stream, record.version) in seen:
            continue
        seen.add((record.stream, record.version))
        assert record.WhichOneof("content") == "clear"
        name = record.type.removeprefix("no.stafett.escalation.escalation-").removesuffix(".v1")
        kind = "Escalation" + "".join(part.capitalize() for part in name.split("-"))
        out.append((name, getattr(events, kind).FromString(record.clear)))
    return out


def steps(direct, awaited):
    """What was said of one escalation, in order."""
    all_ = said(direct)
    (id_,) = {event.escalation_id for kind, event in all_ if kind == "raised" and event.awaited_id == awaited}
    return [(kind, getattr(event, "owner", "") or getattr(event, "by", "")) for kind, event in all_
            if event.escalation_id == id_]  # fmt: skip


def settled(direct, ahead):
    """Escalation has read all of the log, and nobody is to be looked at just now: every timer stands at a time to come."""
    client = direct.stack.redis.client()
    keys = [f"escalation:{{p{p:02}}}:ix:timers" for p in range(direct.stack.kafka.partitions)]

    def rest():
        for p, end in direct.ends().items():
            if int(client.get(f"escalation:{{p{p:02}}}:mark:log") or 0) < end:
                return False
        seconds, micros = client.time()
        now = seconds * 1000 + micros // 1000 + ahead * 1000
        return all(score > now for key in keys for _, score in client.zrange(key, 0, -1, withscores=True))

    wait_until(rest, "all timers are settled", 60)


def all_told(direct):
    """Every mail has gone, and that stands on the log: notifications has nothing more to write, which would move
    escalation's marks. (Stopping it is not enough: what it had under way to the broker may be appended later.)"""

    def told():
        said_so_far = Told()
        for entry in direct.log():
            said_so_far.take(entry.record)
        return said_so_far.all and not said_so_far.under_way

    client, partitions = direct.stack.redis.client(), direct.stack.kafka.partitions

    def published():
        outboxes = [f"{service}:{{p{p:02}}}:" for service in SERVICES for p in range(partitions)]
        return all(int(client.get(f"{o}acked") or 0) >= int(client.get(f"{o}ob:n") or 0) for o in outboxes)

    def rest():
        direct.settle()
        ends = direct.ends()
        direct.settle()
        return published() and told() and direct.ends() == ends

    wait_until(rest, "all mails are sent, and nobody writes any more", 60)
