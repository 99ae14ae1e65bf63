"""A process between some services and a server: it lets bytes through until it is told to do otherwise.

  proxy.py LISTEN:TARGET…        ports of 127.0.0.1

Commands on standard input, a line each, answered with a line when in force:  TARGET MODE
  pass       as a wire
  delay      every piece a quarter of a second later
  slice      every piece byte by byte, a few hundred at most, the rest in one
  hold       nothing goes through, and nobody is told (half-open)
  cut        all connections are closed, new ones too
  deaf       what is asked goes through; the first answer is swallowed and the connection closed
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Mapping

MODES = ("pass", "delay", "slice", "hold", "cut", "deaf")
DELAY_SECONDS = 0.25
SLICED_BYTES = 200
CHUNK = 65536


class Wire:
    def __init__(self, listen: int, target: int) -> None:
        self.listen, self.target = listen, target
        self.mode = "pass"
        self._changed = asyncio.Event()
        self._writers: set[asyncio.StreamWriter] = set()

    async def start(self) -> None:
        await asyncio.start_server(self._accept, "127.0.0.1", self.listen)

    def set(self, mode: str) -> None:
        self.mode = mode
        self._changed.set()
        self._changed = asyncio.Event()
        if mode == "cut":
            for writer in self._writers:
                writer.transport.abort()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self.mode == "cut":
            writer.transport.abort()
            return
        try:
            server_reader, server_writer = await asyncio.open_connection("127.0.0.1", self.target)
        except OSError:
            writer.transport.abort()
            return
        both = {writer, server_writer}
        self._writers |= both
        try:
            done, rest = await asyncio.wait(
                {
                    asyncio.create_task(self._carry(reader, server_writer, answers=False)),
                    asyncio.create_task(self._carry(server_reader, writer, answers=True)),
                },
                return_when=asyncio.FIRST_COMPLETED,
            )
            for task in rest:
                task.cancel()
        finally:
            self._writers -= both
            for one in both:
                one.transport.abort()

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, answers: bool) -> None:
        try:
            while piece := await reader.read(CHUNK):
                while self.mode == "hold":
                    await self._changed.wait()
                if self.mode == "cut" or (self.mode == "deaf" and answers):
                    return
                if self.mode == "delay":
                    await asyncio.sleep(DELAY_SECONDS)
                if self.mode == "slice":
                    for i in range(min(len(piece), SLICED_BYTES)):
                        writer.write(piece[i : i + 1])
                        await writer.drain()
                        await asyncio.sleep(0)
                    piece = piece[SLICED_BYTES:]
                writer.write(piece)
                await writer.drain()
        except OSError:
            return


async def serve(pairs: list[str]) -> None:
    wires = {}
    for pair in pairs:
        listen, target = map(int, pair.split(":"))
        wires[target] = Wire(listen, target)
        await wires[target].start()
    commands = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(commands), sys.stdin)
    print("ready", flush=True)
    while line := await commands.readline():
        target, mode = line.decode().split()
        wires[int(target)].set(mode)
        print("done", flush=True)


class Proxy:
    """The process, for whoever starts it. `wires`: target port by the port that clients are given."""

    def __init__(self, wires: Mapping[int, int]) -> None:
        pairs = [f"{listen}:{target}" for listen, target in wires.items()]
        self._process = subprocess.Popen(
            ["setpriv", "--pdeathsig", "KILL", "--", sys.executable, __file__, *pairs],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        self._expect("ready")

    def set(self, target: int, mode: str) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(f"{target} {mode}\n")
        self._process.stdin.flush()
        self._expect("done")

    def stop(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        try:
            self._process.wait(5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait(5)

    def _expect(self, word: str) -> None:
        assert self._process.stdout is not None
        line = self._process.stdout.readline().strip()
        if line != word:
            raise RuntimeError(f"the proxy says {line!r}, not {word!r}")


if __name__ == "__main__":
    asyncio.run(serve(sys.argv[1:]))
