"""One accepted connection: its bytes, its two threads, and the weather over it.

A link speaks RFC 6455 through websockets' own protocol object, which does no I/O; the socket
and the threads are ours, so that a simulator can do what no well-behaved server does: stop
reading, keep back its pongs, die without a close frame. Nothing here knows a venue, and nothing
here waits while it holds a lock.
"""

from __future__ import annotations

import contextlib
import itertools
import logging
import socket
import ssl
import struct
import threading
from collections import deque
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import parse_qs, urlsplit

from venuesdk.testing.transport import PlainTransport, TlsTransport
from venuesdk.testing.web import Refusal

if TYPE_CHECKING:
    from websockets.server import ServerProtocol

__all__ = ["Link", "Owner", "Weather"]

_LARGEST_MESSAGE = 16 * 1024 * 1024
_LARGEST_BACKLOG = 256 * 1024 * 1024
_CLOSE_PATIENCE = 1.0
_INDEX = itertools.count(1)


class Weather:
    """What all links of one venue suffer at the moment; read by them, set by the faults."""

    __slots__ = ("delay", "muted", "stalled")

    def __init__(self) -> None:
        self.muted = False
        self.stalled = False
        self.delay = 0.0


class Owner(Protocol):
    """What a link tells the one who accepted it; all of it from the link's reader thread."""

    def link_requested(self, link: Any) -> Refusal | None:
        """Decide about a handshake, when path, query and headers are known."""

    def link_opened(self, link: Any, release: Any) -> None:
        """Take the link in, then call `release`, which lets the upgrade response go."""

    def link_text(self, link: Any, text: str) -> None:
        """Handle one message."""

    def link_ended(self, link: Any) -> None:
        """Forget the link; called once, and only for a link that was opened."""

    def link_moved(self) -> None:
        """Note that something left, so that whoever waits looks again."""


class Link:
    """One connection of a simulated venue; every method may be called from any thread."""

    def __init__(
        self,
        sock: socket.socket,
        owner: Owner,
        weather: Weather,
        tls: ssl.SSLContext | None = None,
        thread_name: str = "venuesdk-sim",
    ) -> None:
        from websockets.frames import Opcode
        from websockets.http11 import Request
        from websockets.protocol import OPEN
        from websockets.server import ServerProtocol

        index = next(_INDEX)
        # A logger of the protocol's own would show credentials to whoever logs at DEBUG.
        silent = logging.Logger("venuesdk.testing", logging.CRITICAL + 1)
        self._protocol: ServerProtocol = ServerProtocol(max_size=_LARGEST_MESSAGE, logger=silent)
        self._open_state = OPEN
        self._handshake_type = Request
        self._data_opcodes = (Opcode.TEXT, Opcode.BINARY, Opcode.CONT)
        self._socket = sock
        self._transport = TlsTransport(sock, tls) if tls else PlainTransport(sock)
        self._owner = owner
        self._weather = weather
        # Guards the protocol object, the queue and the three flags; no I/O happens under it.
        self._guard = threading.RLock()
        self._wake = threading.Condition(self._guard)
        self._outgoing: deque[bytes] = deque()
        self._backlog = 0
        self._gone = False
        self._writing = False
        self._opened = False
        self._parts: list[bytes] = []
        self._writer = threading.Thread(
            target=self._write, name=f"{thread_name}-link-{index}-write", daemon=True
        )
        self._reader = threading.Thread(
            target=self._read, name=f"{thread_name}-link-{index}-read", daemon=True
        )
        self.number = 0
        self.path = ""
        self.query: dict[str, str] = {}
        self.headers: dict[str, str] = {}

    @property
    def is_open(self) -> bool:
        """Whether the upgrade is done and neither side has begun to close."""
        return self._opened and not self._gone and self._protocol.state is self._open_state

    @property
    def ended(self) -> bool:
        """Whether its threads have run and are no more."""
        return self._reader.ident is not None and not self._reader.is_alive()

    def start(self) -> None:
        """Begin to read; returns at once."""
        self._reader.start()

    def send_text(self, text: str) -> None:
        """Queue one text frame; silently nothing where the link is closed or muted."""
        with self._guard:
            if self.is_open and not self._weather.muted:
                self._protocol.send_text(text.encode("utf-8", "surrogatepass"))
                self._collect()

    def close(self, code: int, reason: str = "") -> None:
        """Queue a close frame; the link ends when the other side has answered it."""
        with self._guard:
            if self.is_open:
                self._protocol.send_close(code, reason)
                self._collect()

    def hang_up(self) -> None:
        """End the connection without a close frame, behind all that waits to be sent."""
        with self._guard:
            if self.is_open:
                self._outgoing.append(b"")
                self._wake.notify_all()

    def drop(self) -> None:
        """Cut the connection without a close frame, at once."""
        with self._guard:
            if self._gone:
                return
            self._gone = True
            busy = self._writing
            self._wake.notify_all()
        with contextlib.suppress(OSError):
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        with contextlib.suppress(OSError):
            # Closing with linger 0 sends a reset; only a writer stuck in send needs more than
            # the reader's waking, and for it a FIN goes first.
            self._socket.shutdown(socket.SHUT_RDWR if busy else socket.SHUT_RD)

    def poke(self) -> None:
        """Look at the weather again."""
        with self._guard:
            self._wake.notify_all()

    def join(self, timeout: float) -> bool:
        """Wait for the link's threads to end; returns whether they have."""
        self._reader.join(timeout)
        return self.ended

    def _read(self) -> None:
        try:
            self._transport.handshake()
            self._writer.start()
            self._read_until_end()
        except OSError:
            pass  # a cut connection, or a TLS handshake that the client refused
        finally:
            self._finish()

    def _read_until_end(self) -> None:
        while True:
            chunk = self._transport.receive()
            with self._guard:
                self._wake.wait_for(lambda: self._gone or not self._weather.stalled)
                if self._gone:
                    return
                if chunk:
                    self._protocol.receive_data(chunk)
                else:
                    self._protocol.receive_eof()
                events = self._protocol.events_received()
                self._collect()
            for event in events:
                self._take(event)
            if not chunk:
                return
            if self._protocol.close_expected():
                self._socket.settimeout(_CLOSE_PATIENCE)

    def _take(self, event: Any) -> None:
        if isinstance(event, self._handshake_type):
            self._upgrade(event)
        elif self._opened and event.opcode in self._data_opcodes:
            self._parts.append(bytes(event.data))
            if event.fin:
                message, self._parts = b"".join(self._parts), []
                self._deliver(message)

    def _deliver(self, message: bytes) -> None:
        try:
            text = message.decode()
        except UnicodeDecodeError:
            with self._guard:
                self._protocol.fail(1007, "invalid UTF-8")
                self._collect()
            return
        if self.is_open:
            self._owner.link_text(self, text)

    def _upgrade(self, request: Any) -> None:
        if self._weather.muted:
            return
        parts = urlsplit(request.path)
        self.path = parts.path
        self.query = {key: values[-1] for key, values in parse_qs(parts.query).items()}
        self.headers = {key.lower(): value for key, value in request.headers.raw_items()}
        refusal = self._owner.link_requested(self)
        if refusal is None:
            response = self._protocol.accept(request)
        else:
            response = self._protocol.reject(refusal.status, refusal.text)
            for key, value in refusal.headers.items():
                response.headers[key] = value

        def release() -> None:
            with self._guard:
                self._protocol.send_response(response)
                self._opened = response.status_code == 101
                self._collect()

        if response.status_code == 101:
            self._owner.link_opened(self, release)
        else:
            release()

    def _collect(self) -> None:
        """Move what the protocol wants sent into the queue; the lock is held."""
        chunks = self._protocol.data_to_send()
        if self._weather.muted:
            return
        self._outgoing.extend(chunks)
        self._backlog += sum(map(len, chunks))
        if self._backlog > _LARGEST_BACKLOG:
            # A client that never reads must not fill the memory of the program that tests it.
            self._gone = True
            with contextlib.suppress(OSError):
                self._socket.shutdown(socket.SHUT_RDWR)
        self._wake.notify_all()

    def _write(self) -> None:
        try:
            while batch := self._next_batch():
                for chunk in batch:
                    if chunk:
                        self._transport.send(chunk)
                    else:
                        self._transport.finish()
                self._owner.link_moved()
        except OSError:
            with contextlib.suppress(OSError):
                self._socket.shutdown(socket.SHUT_RDWR)

    def _next_batch(self) -> list[bytes]:
        """Wait for something to write; returns nothing when the link is gone."""
        with self._guard:
            self._writing = False
            self._wake.wait_for(lambda: self._gone or self._outgoing)
            if self._weather.delay:
                self._wake.wait_for(lambda: self._gone, self._weather.delay)
            self._wake.wait_for(lambda: self._gone or not self._weather.stalled)
            if self._gone:
                return []
            batch = [self._outgoing.popleft()]
            if not self._weather.delay:
                # One write for all of it; an empty chunk is the end of the stream.
                batch += self._outgoing
                self._outgoing.clear()
                batch = batch if b"" in batch else [b"".join(batch)]
            self._backlog -= sum(map(len, batch))
            self._writing = True
            return batch

    def _finish(self) -> None:
        with self._guard:
            self._gone = True
            self._wake.notify_all()
        if self._writing:
            with contextlib.suppress(OSError):
                self._socket.shutdown(socket.SHUT_RDWR)
        if self._writer.ident is not None:
            self._writer.join(_CLOSE_PATIENCE)
        with contextlib.suppress(OSError):
            self._socket.close()
        if self._opened:
            self._owner.link_ended(self)
