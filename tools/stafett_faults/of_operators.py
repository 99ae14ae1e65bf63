"""What operators do, wrongly and rightly: they loosen a setting on which promises rest; and they leave a record out that
nobody can read, under the key of a child that somebody waits for."""

from __future__ import annotations

import json
import os
import subprocess
import uuid
from collections.abc import Callable
from contextlib import suppress

from stafett_faults.ground import LOG, READY_SECONDS, NotHealed
from stafett_faults.history import PUBLISHED, UNKNOWN, Attempt, Command, Parked, Unsafe
from stafett_faults.load import now_ms
from stafett_faults.of_broker import UNREADABLE, OfBroker
from stafett_stack import paths
from stafett_stack.procs import StackError, wait_until
from stafett_stack.services import SERVICES, Service

CHECK_STORES_EVERY_MS = 3000  # limits.check_stores_every_ms of this run; 30 s by default
NOTICED_MS = CHECK_STORES_EVERY_MS + 7000  # a look waits for an answer, and the machine is busy
CLOSED_SECONDS = 2.0
SETTINGS = (  # store, name, unsafe, as deploy/ has it
    ("redis", "appendfsync", "everysec", "always"),
    ("redis", "maxmemory-policy", "allkeys-lru", "noeviction"),
    ("redis", "no-appendfsync-on-rewrite", "yes", "no"),
    ("redis", "auto-aof-rewrite-percentage", "0", "100"),
    ("topic", "unclean.leader.election.enable", "true", "false"),
    ("topic", "retention.ms", "604800000", "-1"),
    ("topic", "flush.messages", "1000", "1"),
)
PROGRAM = paths.REPOSITORY / "tools" / "stafett"
OPERATOR = ("--as", "Ingvalda Rånbekkhaug")
TICKET = ("--reason", "not-of-stafett", "--reference", "INC-2027-1")
# Who rests on whom (services/lib/gate/README.md): each may leave out what those before it have said is none of theirs.
DISCARDED_BY = ("consent", "cases", "disclosure", "escalation", "notifications")
NO_RECORD = b"\x12\x01x"  # it parses, and is none: neither event, nor stream, nor version
WORDS_SECONDS = 60.0


class OfOperators(OfBroker):
    def unsafe_setting(self) -> str:
        """Every gate closes and says by which name; nothing is taken until it is as it was."""
        where, name, unsafe, safe = self.choose.choice(SETTINGS)
        change = self._redis_setting if where == "redis" else self._topic_setting
        copies = list(self.stack.services.values())
        closed: dict[str, int | None] = dict.fromkeys(copy.instance for copy in copies)
        change(name, unsafe)
        began = now_ms()

        def all_closed() -> bool:
            for copy in copies:
                if closed[copy.instance] is None and _names(copy, name):
                    closed[copy.instance] = now_ms()
            return None not in closed.values()

        try:
            with suppress(StackError):  # who did not is said by the checker
                wait_until(all_closed, "", 2 * NOTICED_MS / 1000)
            self.last(CLOSED_SECONDS)
        finally:
            undone = now_ms()
            change(name, safe)
        self.unsafe.append(Unsafe(name, began, closed, undone, NOTICED_MS))
        return f"{where} {name} {unsafe}"

    def poison_a_child(self) -> str:
        """A child with records has one that nobody can read: it waits, the others do not. An operator sees it, and leaves
        it out in each service, in the order in which they vouch for each other."""
        child, partition = self._some_child()
        _, _, offset = self.put(LOG, partition, child, self.choose.choice((UNREADABLE, NO_RECORD)))
        names = {service: f"{service}-{partition:02}-{offset}" for service in SERVICES}
        self._until(lambda: self._listed() >= set(names.values()), f"{names['cases']} is set aside everywhere")
        self.last(1.0)  # what had been decided before is on its way
        began = now_ms()
        self.last(self.a_while())
        for service in DISCARDED_BY[:2]:
            self._discard(names[service])
        self.parked.append(Parked(child, began, now_ms()))
        for service in DISCARDED_BY[2:]:
            self._discard(names[service])
        self._until(lambda: not self._listed() & set(names.values()), f"{names['cases']} is left out everywhere")
        return f"{LOG}[{partition}]@{offset}, set aside {(now_ms() - began) / 1000:.0f} s"

    # --- inside --------------------------------------------------------------------------------

    def _redis_setting(self, name: str, value: str) -> None:
        self.stack.redis.client().config_set(name, value)

    def _topic_setting(self, name: str, value: str) -> None:
        self.stack.kafka.set_of_topic(LOG, name, value, READY_SECONDS)

    def _some_child(self) -> tuple[str, int]:
        """One about whom cases has records; and its partition."""
        found = []
        for name in self.stack.redis.client(decode=True).scan_iter(match="cases:*:own:*", count=1000):
            _, shard, _, child = name.split(":", 3)
            if not child.startswith("parking-"):
                found.append((child, int(shard.strip("{}p"))))
        return self.choose.choice(sorted(found))

    def _listed(self) -> set[str]:
        code, out, _ = self._stafett("list")
        return {row["name"] for row in json.loads(out)["parked"]} if code == 0 else set()

    def _discard(self, name: str) -> None:
        """As soon as the others are heard; with one request, however often it is sent."""
        command = Command(str(uuid.UUID(int=self.choose.getrandbits(128), version=4)), "operations.DiscardParked")
        self.commands.append(command)
        said = ["nothing"]

        def done() -> bool:
            began = now_ms()
            code, out, err = self._stafett("discard", name, *TICKET, "--request-id", command.request_id)
            answer = json.loads(out) if code == 0 else {}
            state = answer.get("receipt", {}).get("state", UNKNOWN)
            command.attempts.append(Attempt(began, now_ms(), state, "" if code == 0 else err[:200]))
            said.append(f"{answer.get('outcome', '')} {state} {err[:200]}")
            return state == PUBLISHED

        try:
            self._until(done, f"{name} is left out")
        except NotHealed as error:
            raise NotHealed(f"{error}: {said[-1]}") from error

    def _stafett(self, *words: str) -> tuple[int, str, str]:
        env = self.stack.directory / "env"
        self.stack.write_env(env)
        command = [str(PROGRAM), "parked", *words, *OPERATOR, "-o", "json"]
        done = subprocess.run(
            command,
            capture_output=True,
            text=True,
            timeout=WORDS_SECONDS,
            check=False,
            env={**os.environ, "STAFETT_ENV": str(env)},
        )
        return done.returncode, done.stdout, done.stderr

    @staticmethod
    def _until(condition: Callable[[], bool], what: str) -> None:
        try:
            wait_until(condition, what, READY_SECONDS)
        except StackError as error:
            raise NotHealed(f"after poison of a child: {error}") from error


def _names(service: Service, setting: str) -> bool:
    """It is not ready, and says that it is because of this setting."""
    status, text = service.answer("/readyz")
    return status not in (0, 200) and setting in text
