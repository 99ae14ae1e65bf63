"""Processes that we start: each in its own group, with a log file, stopped by its own pid only.

Nothing here sleeps for a fixed time in the hope that something is ready: `wait_until` polls a
condition and gives up at a deadline, with the reason and the end of the log.
"""

from __future__ import annotations

import os
import random
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

POLL_SECONDS = 0.02


class StackError(RuntimeError):
    """Something of the environment does not work; the text is meant for the person who runs it."""


def wait_until(
    condition: Callable[[], object],
    what: str,
    timeout: float,
    *,
    check: Callable[[], None] | None = None,
) -> object:
    """Polls `condition` until it is true and returns its value; raises StackError at the deadline.

    `check` runs at every poll and may raise to end the wait early (a process that has died).
    """
    deadline = time.monotonic() + timeout
    while True:
        value = condition()
        if value:
            return value
        if check is not None:
            check()
        if time.monotonic() >= deadline:
            raise StackError(f"waited {timeout:.0f} s in vain: {what}")
        time.sleep(POLL_SECONDS)


def _first_ephemeral_port() -> int:
    try:
        return int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    except (OSError, ValueError, IndexError):
        return 32768


_given_ports: set[int] = set()


def free_port() -> int:
    """A free port of 127.0.0.1 below the kernel's ephemeral range.

    A server that is killed and started again must get the same port back. A port of the ephemeral
    range could be taken meanwhile by any outgoing connection of any process.
    """
    upper = _first_ephemeral_port()
    lower = 10_240 if upper > 12_000 else 1_025
    for _ in range(1_000):
        port = random.SystemRandom().randrange(lower, max(upper, lower + 1_000))
        if port in _given_ports:
            continue
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        _given_ports.add(port)
        return port
    raise StackError("found no free port on 127.0.0.1")


def port_answers(port: int) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.settimeout(0.5)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def start_ticks(pid: int) -> int | None:
    """When `pid` started, in clock ticks since boot; None if it is gone or only a zombie."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return None
    fields = stat.rpartition(")")[2].split()  # the name before it may hold spaces
    return None if fields[0] in "ZX" else int(fields[19])


class Process:
    """One child process. `stop` is polite first; `kill` is kill -9; both end its whole group.

    With detached=False the kernel kills the child when this process dies, however it dies, so a
    broken test run leaves nothing behind. Start such children from the main thread: the kernel
    watches the thread that started them.
    """

    def __init__(
        self,
        name: str,
        command: Sequence[str | Path],
        log: Path,
        *,
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
        detached: bool = False,
    ) -> None:
        self.name = name
        self.log = log
        log.parent.mkdir(parents=True, exist_ok=True)
        argv = [str(part) for part in command]
        if not detached:
            argv = ["setpriv", "--pdeathsig", "KILL", "--", *argv]
        environment = {**os.environ, **env} if env else None
        self._log_start = log.stat().st_size if log.exists() else 0
        try:
            with open(log, "ab") as out:
                self._popen = subprocess.Popen(
                    argv,
                    stdin=subprocess.DEVNULL,
                    stdout=out,
                    stderr=subprocess.STDOUT,
                    env=environment,
                    cwd=cwd,
                    start_new_session=True,
                )
        except FileNotFoundError as error:
            raise StackError(f"{name}: cannot start {argv[0]}: {error.strerror}") from error
        self.pid = self._popen.pid

    @property
    def exit_code(self) -> int | None:
        return self._popen.poll()

    @property
    def running(self) -> bool:
        return self._popen.poll() is None

    def check(self) -> None:
        """Raises StackError with the end of the log if the process has ended."""
        code = self._popen.poll()
        if code is not None:
            raise StackError(f"{self.name} ended with {code}; {self.log}:\n{self.log_tail()}")

    def wait_until(self, condition: Callable[[], object], what: str, timeout: float) -> object:
        try:
            return wait_until(condition, f"{self.name}: {what}", timeout, check=self.check)
        except StackError as error:
            if self.running:
                raise StackError(f"{error}; {self.log}:\n{self.log_tail()}") from error
            raise

    def wait_exit(self, timeout: float) -> int:
        try:
            return self._popen.wait(timeout)
        except subprocess.TimeoutExpired as error:
            raise StackError(f"{self.name} did not end within {timeout:.0f} s") from error

    def signal(self, number: int) -> None:
        """To the process alone (SIGSTOP and SIGCONT for a frozen copy)."""
        if self.running:
            os.kill(self.pid, number)

    def stop(self, timeout: float = 20.0) -> None:
        """SIGTERM, then SIGKILL to the group after `timeout`. Returns when it is gone."""
        if self.running:
            _signal_group(self.pid, signal.SIGTERM)
            _signal_group(self.pid, signal.SIGCONT)  # a frozen process cannot hear SIGTERM
            try:
                self._popen.wait(timeout)
            except subprocess.TimeoutExpired:
                self.kill()
        _signal_group(self.pid, signal.SIGKILL)

    def kill(self) -> None:
        """kill -9 to the group; returns when the process is gone."""
        _signal_group(self.pid, signal.SIGKILL)
        self._popen.wait(10)

    def log_tail(self, lines: int = 15) -> str:
        """The last lines that this run wrote (not those of an earlier run in the same file)."""
        try:
            with open(self.log, "rb") as file:
                file.seek(self._log_start)
                text = file.read()[-16_384:].decode(errors="replace")
        except OSError:
            return ""
        return "\n".join(text.splitlines()[-lines:])

    def identity(self) -> dict[str, object]:
        """What `stop_recorded` needs to find this very process again, not a later one with its pid."""
        return {"name": self.name, "pid": self.pid, "started": start_ticks(self.pid)}


def is_recorded_alive(record: Mapping[str, object]) -> bool:
    started = start_ticks(int(record["pid"]))  # type: ignore[call-overload]
    return started is not None and started == record["started"]


def stop_recorded(record: Mapping[str, object], timeout: float = 20.0) -> bool:
    """Stops a process that another program started; False if it was gone already."""
    if not is_recorded_alive(record):
        return False
    pid = int(record["pid"])  # type: ignore[call-overload]
    _signal_group(pid, signal.SIGTERM)
    _signal_group(pid, signal.SIGCONT)
    try:
        wait_until(lambda: not is_recorded_alive(record), f"{record['name']} to end", timeout)
    except StackError:
        _signal_group(pid, signal.SIGKILL)
        wait_until(lambda: not is_recorded_alive(record), f"{record['name']} to die", 10)
    return True


def _signal_group(pid: int, number: int) -> None:
    # Every child leads a group of its own (start_new_session), so the group's id is its pid.
    try:
        os.killpg(pid, number)
    except ProcessLookupError:
        pass
