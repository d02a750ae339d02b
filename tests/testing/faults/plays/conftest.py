"""Clients on raw sockets, and honest servers for plays that stand before one."""

from __future__ import annotations

import http.server
import socket
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from venuesdk.testing.faults import HostileServer

PATIENCE = 5.0
# RFC 6455, 1.3 has this key, and the answer that it wants.
KEY = b"dGhlIHNhbXBsZSBub25jZQ=="
ACCEPT = b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
END = b"\r\n\r\n"


class Caller:
    """A client that says and reads exactly what it is told."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), PATIENCE)
        self._unread = b""

    def upgrade(self, path: str = "/") -> bytes:
        """Ask for a WebSocket, and return the head of the answer."""
        self.socket.sendall(
            b"GET " + path.encode() + b" HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\n"
            b"Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: "
            + KEY + END
        )
        return self.head()

    def post(self, body: bytes, path: str = "/orders") -> None:
        """Send an HTTP request with this body."""
        length = str(len(body)).encode()
        self.socket.sendall(
            b"POST " + path.encode() + b" HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: "
            + length + END + body
        )

    def head(self) -> bytes:
        """Read up to the end of a head."""
        while END not in self._unread:
            data = self.socket.recv(65536)
            if not data:
                break
            self._unread += data
        head, _, self._unread = self._unread.partition(END)
        return head

    def say(self, text: bytes) -> None:
        """Send a short text frame; its mask leaves it as it is."""
        self.socket.sendall(bytes([0x81, 0x80 | len(text)]) + bytes(4) + text)

    def read(self, count: int) -> bytes:
        """Read that many bytes, fewer only where the stream ends before."""
        while len(self._unread) < count and (data := self.socket.recv(65536)):
            self._unread += data
        data, self._unread = self._unread[:count], self._unread[count:]
        return data

    def rest(self) -> bytes:
        """Read up to the end of the stream."""
        while data := self.socket.recv(65536):
            self._unread += data
        data, self._unread = self._unread, b""
        return data

    def is_silent(self, seconds: float = 0.15) -> bool:
        """Tell whether neither a byte nor an end comes for a while."""
        self.socket.settimeout(seconds)
        try:
            self._unread += self.socket.recv(1)
        except TimeoutError:
            return True
        finally:
            self.socket.settimeout(PATIENCE)
        return False


class Shop(http.server.ThreadingHTTPServer):
    """An HTTP server that keeps what was posted to it."""

    daemon_threads = True

    def __init__(self) -> None:
        self.posted: list[bytes] = []
        super().__init__(("127.0.0.1", 0), _ShopHandler)

    @property
    def url(self) -> str:
        """Where it is."""
        return f"http://127.0.0.1:{self.server_address[1]}"


class _ShopHandler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Shop

    def do_POST(self) -> None:  # noqa: N802
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.posted.append(body)
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def shop() -> Iterator[Shop]:
    """Return an HTTP server that answers with what was posted to it."""
    server = Shop()
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    yield server
    server.shutdown()
    thread.join(PATIENCE)
    server.server_close()


@pytest.fixture
def staged() -> Iterator[Callable[..., tuple[HostileServer, Caller]]]:
    """Return a function that starts a server with these plays, and a caller connected to it."""
    servers: list[HostileServer] = []
    callers: list[Caller] = []

    def start(*plays: Any, **options: Any) -> tuple[HostileServer, Caller]:
        server = HostileServer(*plays, **options)
        servers.append(server)
        callers.append(Caller(server.port))
        return server, callers[-1]

    yield start
    for caller in callers:
        caller.socket.close()
    for server in servers:
        server.close()
