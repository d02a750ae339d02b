"""Peer: one accepted connection of a hostile server, as its play uses it.

A play is a function of a peer. It runs on the connection's own thread, top-down, and ends when it
returns or when a read or write fails because the client, or the server's `close`, has ended the
connection.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import select
import socket
import ssl
import struct
import threading
from collections import deque
from urllib.parse import urlsplit

from venuesdk.testing.faults.frames import Frame, FrameSplitter
from venuesdk.testing.transport import PlainTransport, TlsTransport

__all__ = ["Peer", "PeerLeft", "accept_key"]

_CHUNK = 65536
_CONNECTS_WITHIN = 1.0
"""Seconds for a venue to accept: a server that is closed waits longer for its threads."""
_END = b"\r\n\r\n"


class PeerLeft(ConnectionError):
    """The client, the upstream or the server's `close` ended the connection."""


class Peer:
    """One connection; for the thread of its play, but for `strike` and `cut`.

    `number` counts the server's connections from 1; `head` is the request head, once it was read;
    `upstream_url` is where the venue is, None where there is none. Whatever reads or writes blocks
    for as long as the client lets it, and raises `PeerLeft` or another `OSError` when it has left.
    """

    def __init__(
        self,
        sock: socket.socket,
        number: int,
        upstream: str | None,
        tls: ssl.SSLContext | None,
        closing: threading.Event,
    ) -> None:
        self.number = number
        self.head = b""
        self.bytes_in = 0
        self.socket = sock
        self.closing = closing
        self._tls = tls
        self._transport: PlainTransport | TlsTransport | None = None
        self.upstream_url = upstream
        self._upstream: socket.socket | None = None
        self._unread = b""
        self._from_client = FrameSplitter()
        self._from_upstream = FrameSplitter()
        self._withheld: deque[Frame] = deque()
        self._answers: deque[Frame] = deque()
        # A byte in it wakes a relay; nobody reads it but that.
        self._bell, self._striker = socket.socketpair()

    # Bytes ---------------------------------------------------------------------------------------

    def receive(self) -> bytes:
        """Block for the next bytes, decrypted; raise PeerLeft at the end of the stream."""
        data, self._unread = self._unread, b""
        data = data or self._wire().receive()
        if not data:
            raise PeerLeft("the client ended the connection")
        self.bytes_in += len(data)
        return data

    def send(self, data: bytes) -> None:
        """Block until all of `data` is handed to the kernel."""
        self._wire().send(data)

    def drip(self, data: bytes, seconds: float) -> None:
        """Send `data` byte by byte, so many `seconds` apart."""
        for index in range(len(data)):
            self.send(data[index : index + 1])
            self.pause(seconds)

    def pause(self, seconds: float) -> None:
        """Do nothing for so many `seconds`; raise PeerLeft when the server is closed meanwhile."""
        if self.closing.wait(seconds):
            raise PeerLeft("the server was closed")

    def drain(self) -> None:
        """Read, and throw away, until the client ends the connection."""
        with contextlib.suppress(OSError):
            while True:
                self.receive()

    def hold(self) -> None:
        """Neither read nor write until the server is closed."""
        self.closing.wait()

    def finish(self) -> None:
        """Say that nothing more will come: in TLS where there is TLS, then a FIN."""
        self._wire().finish()

    def cut(self, reset: bool = False) -> None:
        """End the connection now: with a RST (`reset`), or a bare FIN, without a word in TLS.

        The venue's connection ends with it, and so does whatever waits for one of the two.
        """
        with contextlib.suppress(OSError):
            if reset:
                linger = struct.pack("ii", 1, 0)
                self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
                self.socket.close()
            else:
                self.socket.shutdown(socket.SHUT_RDWR)
        with contextlib.suppress(OSError):
            if self._upstream is not None:
                self._upstream.shutdown(socket.SHUT_RDWR)

    def _wire(self) -> PlainTransport | TlsTransport:
        if self._transport is None:
            self._transport = (
                TlsTransport(self.socket, self._tls) if self._tls else PlainTransport(self.socket)
            )
            self._transport.handshake()
        return self._transport

    # Upgrade -------------------------------------------------------------------------------------

    def read_head(self) -> bytes:
        """Read the head of a request; what came behind it stays to be received."""
        while _END not in self.head:
            self.head += self.receive()
        self.head, _, self._unread = self.head.partition(_END)
        return self.head

    def read_body(self) -> bytes:
        """Read the body that the head, which was read, announces by its Content-Length."""
        length = int(self.header("content-length") or 0)
        body = b""
        while len(body) < length:
            body += self.receive()
        body, self._unread = body[:length], body[length:]
        return body

    def next_request(self) -> bytes:
        """Read the head of the next request on a connection that is kept alive."""
        self.head = b""
        return self.read_head()

    def header(self, name: str) -> str:
        """Return the header `name` (lower case) of the request, "" where there is none."""
        for line in self.head.decode("latin-1").split("\r\n")[1:]:
            key, _, value = line.partition(":")
            if key.strip().lower() == name:
                return value.strip()
        return ""

    def respond(self, status: str, *headers: str, body: bytes = b"") -> None:
        """Send a response: `status` and `headers` line by line as they are, and then `body`."""
        lines = "\r\n".join([f"HTTP/1.1 {status}", *headers])
        self.send(lines.encode("latin-1") + _END + body)

    def accept(self, *extra: str, key: str | None = None, behind: bytes = b"") -> None:
        """Read the request and accept the upgrade; `key` replaces the right accept key.

        `extra` are more lines of the head, `behind` what is sent right behind it.
        """
        self.read_head()
        self.respond(
            "101 Switching Protocols",
            "Upgrade: websocket",
            "Connection: Upgrade",
            f"Sec-WebSocket-Accept: {key or accept_key(self.header('sec-websocket-key'))}",
            *extra,
            body=behind,
        )

    def read_frame(self) -> Frame:
        """Block for the client's next frame, unmasked."""
        while not self._withheld:
            self._withheld.extend(self._from_client.feed(self.receive()))
        return self._withheld.popleft()

    # Standing between a client and its venue -----------------------------------------------------

    def relay(self, until: bytes | None = None) -> Frame | None:
        """Pass everything on, both ways, until it is time for something else.

        That is when the client sends a frame with `until` in it, which is returned and not passed
        on, or when the server is told to `strike`: then None is returned. Frames of the venue are
        passed on whole, so what is sent next stands between two of them. Raises PeerLeft when one
        of the two ends the connection, which ends the other.
        """
        try:
            if self._upstream is None:
                self._connect_upstream()
            return self._pass_on(until)
        except PeerLeft:
            if self._upstream is not None:
                self._upstream.close()
            raise

    def adopt(self, venue: socket.socket) -> None:
        """Let a connection to the venue end with this one; for plays that make their own."""
        self._upstream = venue
        if self.closing.is_set():
            raise PeerLeft("the server was closed")  # and did not know of that connection

    def forward(self, frame: Frame) -> None:
        """Send the venue a frame that `relay` has withheld."""
        self._venue().sendall(frame.raw)

    def answer(self) -> Frame:
        """Block for the venue's next frame, and withhold it from the client."""
        while not self._answers:
            self._answers.extend(self._from_upstream.feed(self._from_venue()))
        return self._answers.popleft()

    def strike(self) -> None:
        """Let a `relay` return; from any thread."""
        with contextlib.suppress(OSError):
            self._striker.send(b"!")

    def _venue(self) -> socket.socket:
        if self._upstream is None:
            raise ValueError("the play relays nothing yet")
        return self._upstream

    def _from_venue(self) -> bytes:
        data = self._venue().recv(_CHUNK)
        if not data:
            raise PeerLeft("the venue ended the connection")
        return data

    def _connect_upstream(self) -> None:
        """Open the venue's connection, and pass the upgrade on; it must be accepted."""
        if self.upstream_url is None:
            raise ValueError("a play that relays needs upstream=")
        parts = urlsplit(self.upstream_url)
        if not self.head:
            self.read_head()
        where = (parts.hostname or "", parts.port or 80)
        venue = socket.create_connection(where, _CONNECTS_WITHIN)
        venue.settimeout(None)
        venue.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.adopt(venue)
        venue.sendall(self.head + _END)
        response = b""
        while _END not in response:
            response += self._from_venue()
        head, _, rest = response.partition(_END)
        self.send(head + _END)
        if not head.startswith(b"HTTP/1.1 101"):
            # An answer of plain HTTP: nothing of it is a frame.
            self._pass_bytes(rest)
        self._answers.extend(self._from_upstream.feed(rest))
        if self._unread:
            self._withheld.extend(self._from_client.feed(self._unread))
            self._unread = b""

    def _pass_on(self, until: bytes | None) -> Frame | None:
        wire, venue = self._wire(), self._venue()
        while True:
            while self._answers:
                self.send(self._answers.popleft().raw)
            while self._withheld:
                one = self._withheld.popleft()
                if until is not None and until in one.payload:
                    return one
                venue.sendall(one.raw)
            ready, _, _ = select.select([self.socket, venue, self._bell], [], [])
            if self._bell in ready:
                self._bell.recv(1)
                return None
            if self.socket in ready:
                data = wire.receive_available()
                if data is None:
                    raise PeerLeft("the client ended the connection")
                self._withheld.extend(self._from_client.feed(data))
            if venue in ready:
                self._answers.extend(self._from_upstream.feed(self._from_venue()))

    def _pass_bytes(self, data: bytes) -> None:
        wire, venue = self._wire(), self._venue()
        self.send(data)
        if self._unread:
            venue.sendall(self._unread)
        while True:
            ready, _, _ = select.select([self.socket, venue], [], [])
            if self.socket in ready:
                up = wire.receive_available()
                if up is None:
                    raise PeerLeft("the client ended the connection")
                venue.sendall(up)
            if venue in ready:
                self.send(self._from_venue())

    def end(self) -> None:
        """Close all that is open; the play is over."""
        for one in (self.socket, self._upstream, self._bell, self._striker):
            if one is not None:
                one.close()


def accept_key(key: str) -> str:
    """Return what RFC 6455, 4.2.2 wants for a client's key."""
    digest = hashlib.sha1(key.encode() + b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11").digest()
    return base64.b64encode(digest).decode()
