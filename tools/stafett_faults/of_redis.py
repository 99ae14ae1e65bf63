"""Faults of Redis: killed, frozen, cut off, wiped; its disk loses, garbles and has no room."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

from stafett_faults import aof
from stafett_faults.ground import Ground
from stafett_faults.load import now_ms
from stafett_stack.procs import StackError, wait_until

FULL_SECONDS = 20.0  # by then somebody has written
NOTICED_SECONDS = 20.0  # longer than a start takes


class OfRedis(Ground):
    def kill_redis(self) -> str:
        self._without_redis(lambda: "")
        return "redis"

    def wipe_redis(self) -> str:
        """Its disk is lost: all comes back from the log."""
        self._without_redis(self._wipe)
        return "redis"

    def power_cut_of_redis(self) -> str:
        return f"redis, {self._without_redis(self.cut_redis)} bytes gone"

    def freeze_redis(self) -> str:
        seconds = self.a_while()
        self.frozen(self.stack.redis.process, seconds, "redis")
        return f"redis {seconds:.0f} s"

    def proxy_to_redis(self) -> str:
        return self.detour(self.stack.redis.port)

    def full_disk_of_redis(self) -> str:
        """It gives up at the first write. Whoever watches over it starts it again, in vain, until there is room."""
        redis, disk = self.stack.redis, self.disks["redis"]
        disk.fill()
        try:
            wait_until(lambda: not redis.running, "Redis takes writes on a full disk", FULL_SECONDS)
            began = now_ms()
            redis.kill()
            redis.begin_start()
            self.last(self.a_while())
            redis.kill()
            self.away["redis"].append((began, now_ms()))
        finally:
            disk.fill(False)
        redis.start()
        return "redis"

    def flip_bytes_of_redis(self) -> str:
        """A bit near the end of the append-only file. Redis refuses to start, and is given an empty disk; or it takes
        what is behind for torn, and the log gives that back."""
        return self._garbled(aof.flip_frame)

    def garble_redis(self) -> str:
        """A bit of what is stored: Redis has no sum over it and serves it as it stands. Who notices has a second copy, or
        stands still until an operator gives Redis an empty disk."""
        said = self._garbled(aof.flip_content)
        try:
            wait_until(self._all_go_on, "", NOTICED_SECONDS)
        except StackError:
            self._without_redis(self._wipe)
            return f"{said}; somebody stood still, wiped"
        return f"{said}; all go on"

    def cut_redis(self) -> int:
        return self.disks["redis"].cut(self._append_only())

    # --- inside --------------------------------------------------------------------------------

    def _all_go_on(self) -> bool:
        return all(copy.probe("/readyz") for copy in self.stack.services.values())

    def _garbled(self, flip: Callable[[Path, random.Random], int]) -> str:
        redis = self.stack.redis
        self.wiped_ms.append(now_ms())
        redis.kill()
        began = now_ms()
        file = max(self._append_only(), key=lambda file: file.name)
        length = file.stat().st_size
        place = flip(file, self.choose)
        self.away["redis"].append((began, now_ms()))
        try:
            redis.start()
            said = f"started, {length - file.stat().st_size} bytes taken for torn"
        except StackError:
            redis.kill()
            self._wipe()
            redis.start()
            said = "refused to start, wiped"
        return f"{length - place} bytes before the end, {said}"

    def _append_only(self) -> list[Path]:
        return list((self.stack.redis.data / "appendonlydir").glob("*.incr.aof"))

    def _wipe(self) -> str:
        self.wiped_ms.append(now_ms())
        self.stack.redis.wipe()
        self.disks["redis"].forget()
        return ""

    def _without_redis(self, meanwhile: Callable[[], object]) -> object:
        self.stack.redis.kill()
        began = now_ms()
        said = meanwhile()
        self.last(self.choose.uniform(0, 2))
        self.away["redis"].append((began, now_ms()))
        self.stack.redis.start()
        return said
