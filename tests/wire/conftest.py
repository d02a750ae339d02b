"""Raw peers on loopback, which do on the wire exactly what a test says."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from functools import partial

import pytest

from venuesdk.wire.stream import ByteStream

WAIT = 5.0


class Peers:
    """Start servers that hand each connection to a function of the test, in a thread of its own.

    The function may return whenever it likes: the connection is closed when the test is over, or
    by the function itself.
    """

    def __init__(self) -> None:
        self.stopped = threading.Event()
        self._sockets: list[socket.socket] = []
        self._threads: list[threading.Thread] = []
        self.errors: list[BaseException] = []

    def listen(
        self,
        handler: Callable[[socket.socket], object],
        context: ssl.SSLContext | None = None,
        family: socket.AddressFamily = socket.AF_INET,
    ) -> int:
        """Return the port of a server whose connections `handler` gets."""
        listener = socket.create_server(
            ("::1" if family == socket.AF_INET6 else "127.0.0.1", 0), family=family
        )
        self._sockets.append(listener)

        def accept() -> None:
            while not self.stopped.is_set():
                try:
                    sock, _ = listener.accept()
                except OSError:
                    return
                self._start(partial(handle, sock))

        def handle(sock: socket.socket) -> None:
            sock.settimeout(WAIT)
            self._sockets.append(sock)
            if self.stopped.is_set():  # it came as the others were being ended
                return
            try:
                if context is not None:
                    sock = context.wrap_socket(sock, server_side=True)
                    self._sockets.append(sock)
                handler(sock)
            except OSError:
                pass
            except BaseException as error:
                self.errors.append(error)

        self._start(accept)
        return listener.getsockname()[1]

    def _start(self, target: Callable[[], object]) -> None:
        thread = threading.Thread(target=target, daemon=True)
        self._threads.append(thread)
        thread.start()

    def stop(self) -> None:
        """Close everything, and wait for the threads."""
        self.stopped.set()
        for sock in list(self._sockets):
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
        # Not a copy: whoever accepts stands before the threads that it starts, perhaps only now.
        for thread in self._threads:
            thread.join(WAIT)
        for sock in list(self._sockets):
            sock.close()
        assert not any(thread.is_alive() for thread in self._threads)

    @staticmethod
    def request(sock: socket.socket) -> bytes:
        """Read the head of a request, byte by byte, so that nothing behind it is taken."""
        data = b""
        while not data.endswith(b"\r\n\r\n"):
            more = sock.recv(1)
            if not more:
                raise OSError("the client hung up")
            data += more
        return data

    @staticmethod
    def accept_for(request: bytes) -> str:
        """Return the Sec-WebSocket-Accept that belongs to a request (RFC 6455, section 4.2.2)."""
        [key] = [
            line.partition(b": ")[2]
            for line in request.split(b"\r\n")
            if line.lower().startswith(b"sec-websocket-key")
        ]
        magic = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
        return base64.b64encode(hashlib.sha1(key + magic).digest()).decode()

    def upgrade(self, sock: socket.socket, behind: bytes = b"") -> bytes:
        """Accept one upgrade, send `behind` in the same write, and return the request."""
        request = self.request(sock)
        sock.sendall(
            (
                "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                f"Sec-WebSocket-Accept: {self.accept_for(request)}\r\n\r\n"
            ).encode()
            + behind
        )
        return request

    @staticmethod
    def frame(sock: socket.socket) -> tuple[int, bytes]:
        """Read one frame of a client; return its opcode and its payload, unmasked."""
        head = Peers.exactly(sock, 2)
        assert head[0] & 0xF0 == 0x80, "a client frame is final and has no reserved bit"
        assert head[1] & 0x80, "a client frame is masked"
        length = head[1] & 0x7F
        if length > 125:
            length = int.from_bytes(Peers.exactly(sock, 2 if length == 126 else 8), "big")
        mask = Peers.exactly(sock, 4)
        body = Peers.exactly(sock, length)
        return head[0] & 0x0F, bytes(byte ^ mask[i % 4] for i, byte in enumerate(body))

    @staticmethod
    def exactly(sock: socket.socket, count: int) -> bytes:
        """Read `count` bytes."""
        data = b""
        while len(data) < count:
            more = sock.recv(count - len(data))
            if not more:
                raise OSError("the client hung up")
            data += more
        return data

    @staticmethod
    def everything(sock: socket.socket) -> bytes:
        """Read until the other end closes or resets."""
        data = bytearray()
        with contextlib.suppress(ConnectionError):
            while more := sock.recv(1 << 16):
                data += more
        return bytes(data)


@pytest.fixture
def peers() -> Iterator[Peers]:
    """Return a starter of raw servers; whatever went wrong in them fails the test."""
    started = Peers()
    yield started
    started.stop()
    assert not started.errors, started.errors


@pytest.fixture
def pair() -> Iterator[tuple[ByteStream, socket.socket]]:
    """Return a plain stream and the socket at its other end, both with small buffers."""
    ours, theirs = socket.socketpair()
    for sock in (ours, theirs):
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 32768)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 32768)
    theirs.settimeout(WAIT)
    stream = ByteStream(ours)
    yield stream, theirs
    stream.shutdown()
    theirs.close()
