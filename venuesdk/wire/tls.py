"""TLS without a socket: an ``SSLObject`` between two ``MemoryBIO``s, and the contexts it uses.

CPython lets one thread read and another write the same ``SSLSocket``, and loses the connection
when they meet; here whoever uses a `TlsEngine` holds a lock that no I/O happens under. Nothing
here waits, reads or writes a socket.
"""

from __future__ import annotations

import contextlib
import functools
import ssl
from pathlib import Path

from venuesdk.wire.certificates import Certificate, chain_of

__all__ = ["TlsEngine", "default_context", "explain", "file_context"]


def _hardened(context: ssl.SSLContext) -> ssl.SSLContext:
    context.options |= getattr(ssl, "OP_NO_RENEGOTIATION", 0)
    return context


@functools.lru_cache(maxsize=1)
def default_context() -> ssl.SSLContext:
    """Return the context that the whole process shares: the system's authorities are trusted."""
    return _hardened(ssl.create_default_context())


def file_context(ca_file: str | Path) -> ssl.SSLContext:
    """Return a context that trusts the authorities in one file, and no others.

    Raises OSError, which ``ssl.SSLError`` is, where the file cannot be read.
    """
    return _hardened(ssl.create_default_context(cafile=str(ca_file)))


def explain(error: Exception) -> str:
    """Return what an error of the socket or of TLS says, without anything that was sent."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"certificate verify failed: {error.verify_message}"
    if isinstance(error, ssl.SSLError):
        return getattr(error, "reason", None) or "TLS failed"
    return getattr(error, "strerror", None) or type(error).__name__


class TlsEngine:
    """One TLS connection's state. Not thread-safe: every call is made under the owner's lock.

    `agreed` are the version and the cipher that the handshake came to; no lock is needed to look.
    """

    __slots__ = ("_failure", "_incoming", "_object", "_outgoing", "_over", "agreed")

    def __init__(self, context: ssl.SSLContext, server_hostname: str) -> None:
        self._incoming = ssl.MemoryBIO()
        self._outgoing = ssl.MemoryBIO()
        self._object = context.wrap_bio(
            self._incoming, self._outgoing, server_hostname=server_hostname
        )
        self._failure: ssl.SSLError | None = None
        self._over = False
        self.agreed = ("", "")

    def handshake(self) -> bool:
        """Go on with the handshake; return whether it is done. Raises ssl.SSLError."""
        try:
            self._object.do_handshake()
        except ssl.SSLWantReadError:
            return False
        cipher = self._object.cipher()
        self.agreed = (self._object.version() or "", cipher[0] if cipher else "")
        return True

    def chain(self, *, verified: bool = True) -> tuple[Certificate, ...]:
        """Return the peer's certificates, its own first; once the handshake is done."""
        return chain_of(self._object, verified=verified)

    def feed(self, data: bytes | memoryview) -> None:
        """Take what came from the socket."""
        self._incoming.write(data)

    def has_input(self) -> bool:
        """Return whether bytes, or the end, wait to be read: `decrypt_into` has something."""
        return self._over or self._incoming.pending > 0 or self._object.pending() > 0

    def has_output(self) -> bool:
        """Return whether bytes wait to be written to the socket; needs no lock."""
        return self._outgoing.pending > 0

    def output(self) -> bytes:
        """Take everything that must be written to the socket."""
        return self._outgoing.read()

    def decrypt_into(self, view: memoryview) -> int | None:
        """Decrypt as much as `view` takes; 0 when more must be fed, None at the peer's end.

        Raises ssl.SSLError, but only after what was good before has been returned.
        """
        if self._failure is not None:
            raise self._failure
        read = self._object.read
        size, got = len(view), 0
        try:
            while got < size:
                count = read(size - got, view[got:] if got else view)
                if not count:
                    self._over = True
                    return got or None
                got += int(count)
                # Asking only while something is there saves an exception per call.
                if not self._incoming.pending and not self._object.pending():
                    break
        except ssl.SSLWantReadError:
            pass
        except ssl.SSLError as error:
            if not got:
                raise
            self._failure = error
            self._over = True
        return got

    def encrypt(self, data: bytes | memoryview) -> None:
        """Encrypt all of `data`; the result is part of the next ``output()``."""
        view = memoryview(data)
        while view:
            view = view[self._object.write(view) :]

    def say_goodbye(self) -> None:
        """Put the alert that ends the stream into the next ``output()``."""
        with contextlib.suppress(ssl.SSLError, ValueError):
            self._object.unwrap()
