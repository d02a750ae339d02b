"""The socket under a link, plain or TLS.

One thread receives and one other sends; nobody else touches a transport. TLS runs on memory
buffers under a lock, because one `SSLSocket` may not be read and written at the same time.
"""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading

__all__ = ["PlainTransport", "TlsTransport"]

_CHUNK = 65536


class PlainTransport:
    """Bytes on a TCP socket."""

    def __init__(self, sock: socket.socket) -> None:
        self._socket = sock

    def handshake(self) -> None:
        """Do nothing: TCP has done it."""

    def receive(self) -> bytes:
        """Block for the next bytes; empty at the end of the stream."""
        return self._socket.recv(_CHUNK)

    def receive_available(self) -> bytes | None:
        """Return what a readable socket brings, None at the end of the stream."""
        return self._socket.recv(_CHUNK) or None

    def send(self, data: bytes) -> None:
        """Block until all of `data` is handed to the kernel."""
        self._socket.sendall(data)

    def finish(self) -> None:
        """Say that nothing more will come; the other direction stays open."""
        self._socket.shutdown(socket.SHUT_WR)


class TlsTransport:
    """Bytes in TLS records on a TCP socket."""

    def __init__(self, sock: socket.socket, context: ssl.SSLContext) -> None:
        self._socket = sock
        self._incoming = ssl.MemoryBIO()
        self._outgoing = ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._incoming, self._outgoing, server_side=True)
        # Guards the TLS object and its two buffers; no I/O happens under it.
        self._lock = threading.Lock()

    def handshake(self) -> None:
        """Do the server's part; call it before the two threads share the transport."""
        done = False
        while not done:
            try:
                self._tls.do_handshake()
                done = True
            except ssl.SSLWantReadError:
                pass
            self._socket.sendall(self._outgoing.read())
            if not done:
                data = self._socket.recv(_CHUNK)
                if not data:
                    raise ConnectionResetError("the client left during the TLS handshake")
                self._incoming.write(data)

    def receive(self) -> bytes:
        """Block for the next decrypted bytes; empty at the end of the stream."""
        while True:
            with self._lock:
                try:
                    return self._tls.read(_CHUNK)
                except ssl.SSLWantReadError:
                    pass
                except ssl.SSLZeroReturnError:
                    return b""
            data = self._socket.recv(_CHUNK)
            if not data:
                return b""
            with self._lock:
                self._incoming.write(data)

    def receive_available(self) -> bytes | None:
        """Return all that a readable socket brings, decrypted: nothing, where no record is whole.

        None is the end of the stream.
        """
        data = self._socket.recv(_CHUNK)
        if not data:
            return None
        parts = []
        with self._lock:
            self._incoming.write(data)
            try:
                while part := self._tls.read(_CHUNK):
                    parts.append(part)
            except ssl.SSLWantReadError:
                return b"".join(parts)
            except ssl.SSLZeroReturnError:
                pass  # the end, as an empty part is
        return b"".join(parts) or None

    def send(self, data: bytes) -> None:
        """Encrypt all of `data`, and block until the kernel has it."""
        with self._lock:
            self._tls.write(data)
            records = self._outgoing.read()
        self._socket.sendall(records)

    def finish(self) -> None:
        """Say so in TLS first, so that the client can tell an end from a cut."""
        with self._lock:
            with contextlib.suppress(ssl.SSLError):
                self._tls.unwrap()
            records = self._outgoing.read()
        self._socket.sendall(records)
        self._socket.shutdown(socket.SHUT_WR)
