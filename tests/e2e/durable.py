"""What a service's Redis must hold again after it was lost (lose_redis): digests of its durable keys.

The names of keys are in services/lib/gate/keys.h; what is volatile is listed here and nowhere else.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterator
from typing import Any

import redis
from stafett_stack.stack import Stack

# Keys that only say how things stand just now: <service>:{pNN}:<name>, all names beginning so.
VOLATILE_OF_PARTITION = re.compile(
    r"ob(:n)?|"      # outbox: what the log has is taken out
    r"acked|ack|"    # … how far, and when Kafka acknowledged what
    r"top:.*|"       # highest acknowledged offsets
    r"fence(:rewinds)?|"        # how far all outputs are on Kafka; begins anew from the marks
    r"lease|"        # who publishes
    r"fresh|"        # when the reader last stood at the log's end
    r"halt|"             # why a partition stands still
    r"ix:restored:.*|"   # how far it came from the log, when it was lost
    r"ix:reading|"   # reads under way
    r"ix:sending:.*|"  # mails that are being handed over
    r"mark:.*:rewinds|"  # how often it was set back
    r"ix:handled|"   # how far a rebuild has come
    r"ix:receipts.*|ix:deliveries|"  # whom disclosure looks at, and what it found then
    r"ix:timers.*"   # when escalation looks at a child again; what is due then, its records say
)  # fmt: skip
# <service>:<name>
VOLATILE = re.compile(r"clock(:id)?|g:series")
# Lists whose order begins anew with g:series: a recipient's deliveries, a person's inbox, over all partitions.
UNORDERED = re.compile(r"g:to:.*|g:inbox:.*")
# What is remembered of a command begins with a line that names its place in the outbox of those days. It is a key of its
# own; of those that a rebuild gave back, a field of one hash.
COMMAND = "cmd"
RESTORED = "cmds"
BATCH = 200  # keys that are asked for at once

_PARTITIONED = re.compile(r"[^:]+:\{p\d+\}:(.*)", re.DOTALL)


def is_durable(key: str) -> bool:
    match = _PARTITIONED.fullmatch(key)
    if match:
        return not VOLATILE_OF_PARTITION.fullmatch(match[1])
    return not VOLATILE.fullmatch(key.partition(":")[2])


def dump(client: redis.Redis, service: str) -> dict[str, object]:
    """Every durable key of a service with its value, in canonical form. Expiry is not part of it."""
    found = {}
    for name in client.scan_iter(match=f"{service}:*", count=1000):
        key = name.decode(errors="surrogateescape")
        if is_durable(key) and key != f"{service}:{RESTORED}":
            value = _value(client, name, key.split(":")[1])
            found[key] = sorted(value) if UNORDERED.fullmatch(key.partition(":")[2]) else value
    for key, value in _restored(client, service):
        found.setdefault(key, _canonical(b"string", value, COMMAND))  # as the services do: its own key comes first
    return dict(sorted(found.items()))


def digest(client: redis.Redis, service: str) -> str:
    result = hashlib.sha256()
    for key, value in dump(client, service).items():
        result.update(repr((key, value)).encode(errors="surrogateescape"))
    return result.hexdigest()


def digests(client: redis.Redis, service: str) -> dict[str, tuple[int, str]]:
    """The same as `dump` for stores that are larger than memory: by family of keys, how many there are and one digest
    of them all, in whatever order they come."""
    counts: dict[str, int] = {}
    sums: dict[str, int] = {}
    seen: set[bytes] = set()  # SCAN may name a key twice
    names: list[bytes] = []

    def first_time(name: bytes) -> bool:
        brief = hashlib.blake2b(name, digest_size=12).digest()
        new = brief not in seen
        seen.add(brief)
        return new

    def add(key: str, value: object) -> None:
        family = _family(key)
        counts[family] = counts.get(family, 0) + 1
        one = hashlib.sha256(repr((key, value)).encode(errors="surrogateescape")).digest()
        sums[family] = (sums.get(family, 0) + int.from_bytes(one, "big")) % 2**256

    def take() -> None:
        kinds = _together(client, names, lambda pipe, name: pipe.type(name))
        values = _together(client, list(zip(kinds, names, strict=True)), lambda pipe, of: _ask(pipe, *of))
        for name, kind, value in zip(names, kinds, values, strict=True):
            key = name.decode(errors="surrogateescape")
            found = _canonical(kind, value, key.split(":")[1])
            add(key, sorted(found) if UNORDERED.fullmatch(key.partition(":")[2]) else found)
        names.clear()

    for name in client.scan_iter(match=f"{service}:*", count=1000):
        key = name.decode(errors="surrogateescape")
        if not is_durable(key) or key == f"{service}:{RESTORED}" or not first_time(name):
            continue
        names.append(name)
        if len(names) >= BATCH:
            take()
    take()
    for key, value in _restored(client, service):
        if first_time(key.encode(errors="surrogateescape")):
            add(key, _canonical(b"string", value, COMMAND))
    return {family: (counts[family], f"{sums[family]:064x}") for family in sorted(counts)}


def different(before: dict[str, object], after: dict[str, object]) -> list[str]:
    """Keys that differ, for a message; never their values."""
    gone = [f"gone: {key}" for key in before.keys() - after.keys()]
    new = [f"new: {key}" for key in after.keys() - before.keys()]
    changed = [f"changed: {key}" for key in before.keys() & after.keys() if before[key] != after[key]]
    return sorted(gone + new + changed)


def lose_redis(stack: Stack) -> None:
    """Redis with all its data is gone while no service runs; an empty one and the services are there again."""

    def wiped() -> None:
        stack.redis.stop()
        stack.redis.wipe()
        stack.redis.start()
        assert stack.redis.client().dbsize() == 0

    stack.restart_services(between=wiped)


def everything(client: redis.Redis) -> Iterator[bytes]:
    """Every key and every value there is, durable or not."""
    for name in client.scan_iter(count=1000):
        yield name
        yield repr(_value(client, name, "")).encode()
        yield _bytes(client, name)


def _restored(client: redis.Redis, service: str) -> Iterator[tuple[str, bytes]]:
    for field, value in client.hscan_iter(f"{service}:{RESTORED}", count=1000):
        yield f"{service}:{COMMAND}:{field.decode(errors='surrogateescape')}", value


def _value(client: redis.Redis, name: bytes, family: str) -> object:
    kind = client.type(name)
    return _canonical(kind, _ask(client, kind, name), family)


def _ask(client: redis.Redis, kind: bytes, name: bytes) -> object:
    """Of a client the value; of a pipeline nothing yet."""
    if kind == b"string":
        return client.get(name)
    if kind == b"hash":
        return client.hgetall(name)
    if kind == b"list":
        return client.lrange(name, 0, -1)
    if kind == b"set":
        return client.smembers(name)
    if kind == b"zset":
        return client.zrange(name, 0, -1, withscores=True)
    if kind == b"stream":
        return client.xrange(name)
    return client.get(name)  # gone since SCAN named it: nothing


def _canonical(kind: bytes, value: object, family: str) -> object:
    if kind == b"hash":
        return sorted(value.items())
    if family == COMMAND and isinstance(value, bytes):
        return value.partition(b"\n")[2]
    return sorted(value) if kind == b"set" else value


def _together(client: redis.Redis, of: list, ask: Callable[[redis.client.Pipeline, Any], object]) -> list:
    """An answer for each, in one round trip."""
    if not of:
        return []
    pipe = client.pipeline(transaction=False)
    for one in of:
        ask(pipe, one)
    return pipe.execute()


def _family(key: str) -> str:
    """What kind of key it is: its name without service, partition and what follows."""
    match = _PARTITIONED.fullmatch(key)
    return (match[1] if match else key.partition(":")[2]).partition(":")[0]


def _bytes(client: redis.Redis, name: bytes) -> bytes:
    """The value's own bytes, one after another: repr would hide what is not ASCII."""
    value = _value(client, name, "")

    def flat(part) -> Iterator[bytes]:
        if isinstance(part, bytes):
            yield part
        elif isinstance(part, (list, tuple, set)):
            for one in part:
                yield from flat(one)
        elif isinstance(part, dict):
            for item in part.items():
                yield from flat(item)

    return b"\n".join(flat(value))
