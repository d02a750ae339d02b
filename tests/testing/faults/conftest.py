"""Two ends of a connection, with a fault proxy between them."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from websockets.sync.server import ServerConnection, serve

from venuesdk.testing.faults import FaultProxy

PATIENCE = 5.0


class Ends:
    """A server on loopback, the proxy before it, and the connections made through that."""

    def __init__(self, **options: Any) -> None:
        self.server = socket.create_server(("127.0.0.1", 0))
        self.server.settimeout(PATIENCE)
        self.proxy = FaultProxy(self.server.getsockname(), **options)
        self.proxy.start()
        self._sockets: list[socket.socket] = []

    def keep(self, sock: socket.socket) -> socket.socket:
        """Set the patience of a socket, and close it in the end."""
        sock.settimeout(PATIENCE)
        self._sockets.append(sock)
        return sock

    def dial(self) -> socket.socket:
        """Connect a client to the proxy."""
        return self.keep(socket.create_connection(("127.0.0.1", self.proxy.port), PATIENCE))

    def accept(self) -> socket.socket:
        """Return the next connection that the proxy makes to the server."""
        return self.keep(self.server.accept()[0])

    def pair(self) -> tuple[socket.socket, socket.socket]:
        """Return both ends of a new connection."""
        client = self.dial()
        return client, self.accept()

    def close(self) -> None:
        """Close everything."""
        self.proxy.close()
        for sock in (*self._sockets, self.server):
            sock.close()

    @staticmethod
    def read(sock: socket.socket, count: int) -> bytes:
        """Read that many bytes, or what there is before the end."""
        data = b""
        while len(data) < count and (more := sock.recv(count - len(data))):
            data += more
        return data

    @staticmethod
    def is_silent(sock: socket.socket, seconds: float = 0.1) -> bool:
        """Tell whether nothing comes for a while, not even an end."""
        sock.settimeout(seconds)
        try:
            sock.recv(1)
        except TimeoutError:
            return True
        finally:
            sock.settimeout(PATIENCE)
        return False

    @staticmethod
    def fill(sock: socket.socket, limit: int = 1 << 26) -> int:
        """Send until no more is taken for a while; return how many bytes were."""
        sock.settimeout(0.2)
        sent = 0
        while sent < limit:
            try:
                sent += sock.send(b"x" * 65536)
            except TimeoutError:
                break
        sock.settimeout(PATIENCE)
        return sent

    @staticmethod
    def until(condition: Callable[[], object]) -> bool:
        """Ask again and again whether something became so."""
        end = time.monotonic() + PATIENCE
        while not condition():
            if time.monotonic() > end:
                return False
            time.sleep(0.002)
        return True


@pytest.fixture
def make_ends() -> Iterator[Callable[..., Ends]]:
    """Return a function that starts a server with a proxy of these options before it."""
    made: list[Ends] = []

    def make(**options: Any) -> Ends:
        made.append(Ends(**options))
        return made[-1]

    yield make
    for ends in made:
        ends.close()


@pytest.fixture
def ends(make_ends: Callable[..., Ends]) -> Ends:
    """Return a server with a proxy before it."""
    return make_ends()


@pytest.fixture(scope="module")
def echo() -> Iterator[str]:
    """Return the URL of a WebSocket server that sends back whatever it gets."""

    def answer(connection: ServerConnection) -> None:
        for message in connection:
            connection.send(message)

    with serve(answer, "127.0.0.1", 0, compression=None) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"ws://127.0.0.1:{server.socket.getsockname()[1]}/"
        server.shutdown()
        thread.join(PATIENCE)
