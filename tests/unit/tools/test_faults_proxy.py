"""The proxy of tools/faults, between a client and a server that answers each line with the same line."""

import socket
import socketserver
import threading

import pytest

from stafett_faults.proxy import SLICED_BYTES, Proxy
from stafett_stack.procs import free_port, wait_until

SILENCE_SECONDS = 0.3  # that something does not come is seen by waiting


class Echo(socketserver.StreamRequestHandler):
    def handle(self):
        for line in self.rfile:
            self.server.heard.append(line)
            self.wfile.write(line)


@pytest.fixture
def server():
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Echo) as server:
        server.daemon_threads = True
        server.heard = []
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def wire(server):
    """set(mode), and connect() to the server through the proxy."""
    port, target = free_port(), server.server_address[1]
    proxy = Proxy({port: target})

    class Wire:
        def set(self, mode):
            proxy.set(target, mode)

        def connect(self):
            return socket.create_connection(("127.0.0.1", port), timeout=10)

    yield Wire()
    proxy.stop()


def ask(client, text=b"hello\n"):
    client.sendall(text)
    return client.makefile("rb").readline()


def is_closed(client):
    """By the other side, in whatever way."""
    try:
        client.sendall(b"anybody?\n")
        return client.recv(1) == b""
    except ConnectionError:
        return True


def test_it_is_a_wire(wire):
    with wire.connect() as client:
        assert ask(client) == b"hello\n"


@pytest.mark.parametrize("mode", ["delay", "slice"])
def test_whatever_the_pieces_nothing_is_lost_or_changed(wire, mode):
    wire.set(mode)
    text = bytes(65 + i % 26 for i in range(3 * SLICED_BYTES)) + b"\n"
    with wire.connect() as client:
        assert ask(client, text) == text


def test_cut_ends_what_is_open_and_takes_nobody_in(wire):
    with wire.connect() as client:
        assert ask(client) == b"hello\n"
        wire.set("cut")
        assert is_closed(client)
    with wire.connect() as client:
        assert is_closed(client)
    wire.set("pass")
    with wire.connect() as client:
        assert ask(client) == b"hello\n"


def test_held_bytes_come_when_it_lets_go(wire, server):
    wire.set("hold")
    with wire.connect() as client:
        client.sendall(b"late\n")
        client.settimeout(SILENCE_SECONDS)
        with pytest.raises(TimeoutError):
            client.recv(1)
        assert server.heard == []
        wire.set("pass")
        client.settimeout(10)
        assert client.makefile("rb").readline() == b"late\n"


def test_deaf_means_done_and_never_heard_of(wire, server):
    """W4 and W6 of the failure windows: the request went through, its answer did not."""
    wire.set("deaf")
    with wire.connect() as client:
        client.sendall(b"hello\n")
        wait_until(lambda: server.heard, "the request", 10)
        assert is_closed(client)
        assert server.heard[0] == b"hello\n"
