"""ByteStream: one TCP or TLS connection, written by many threads and read by one.

The reading half. It waits for the socket outside every lock and never for the write lock; how
what it wants written goes out, and who closes the descriptor, is told by the writing half. Frames,
HTTP and venues are not known here.
"""

from __future__ import annotations

import socket
import ssl

from venuesdk.timing import Deadline, monotonic
from venuesdk.wire.endpoint import Proxy
from venuesdk.wire.opening import open_socket
from venuesdk.wire.output import Output
from venuesdk.wire.resolve import Lookup
from venuesdk.wire.sockets import NO_WAIT, Watch, make_patient
from venuesdk.wire.tls import TlsEngine, explain

__all__ = ["END_OF_STREAM", "ByteStream"]

LOOK_AGAIN = 0.25
"""The longest wait of the reader, in seconds, before it looks for output that others left."""

FIRST_BUFFER = 64 * 1024
LARGE_BUFFER = 1024 * 1024

END_OF_STREAM = "the peer closed the connection"
"""What ends a stream whose peer said so, in TLS where there is TLS."""
CUT_SHORT = "the connection was cut: it ended without the word that ends TLS"


class ByteStream(Output):
    """One connection. Any thread may write, post, shut down and close; one thread reads.

    ``bytes_in`` counts what came, TLS included. ``waiting`` is true while the reader waits for the
    socket, and after an exception that ended such a wait: then no byte was lost by it.
    """

    __slots__ = ("_cipher", "_patient", "_recv_into", "_watch", "bytes_in", "waiting")

    def __init__(self, sock: socket.socket, tls: TlsEngine | None = None) -> None:
        self._patient = make_patient(sock, LOOK_AGAIN)
        super().__init__(sock, tls)
        self._recv_into = sock.recv_into
        self._cipher = memoryview(bytearray(FIRST_BUFFER if tls is not None else 0))
        self._watch = Watch(sock)
        self.waiting = False
        self.bytes_in = 0

    @classmethod
    def connect(
        cls,
        host: str,
        port: int,
        deadline: Deadline,
        *,
        context: ssl.SSLContext | None = None,
        proxy: Proxy | None = None,
        lookup: Lookup | None = None,
    ) -> ByteStream:
        """Connect to `host`, through TLS where there is a `context`, and return the stream.

        Blocks until the deadline at most, over name lookup, TCP, proxy and TLS together; a
        deadline cancelled from another thread ends it within a tenth of a second. Raises
        ConnectFailed or ConnectTimeout.
        """
        return cls(*open_socket(host, port, deadline, context=context, proxy=proxy, lookup=lookup))

    def read_into(self, view: memoryview, timeout: float | None) -> int:
        """Receive into `view` and return the number of bytes, or 0 when `timeout` has passed.

        For the one reading thread. Raises ConnectionLost at the end of the stream, whether the
        peer, the network or another thread ended it.
        """
        self._reading = True
        self.waiting = False
        try:
            if self._dropped:
                raise self._lost()
            if self._tls is not None:
                return self._read_tls(self._tls, view, timeout)
            count = self._receive(view, timeout)
            if count < 0:
                raise self._lost()
            return count
        finally:
            self._reading = False
            if self._dropped:
                self._settle()

    def _receive(self, view: memoryview, timeout: float | None) -> int:
        """Read the socket once there is something; 0 at the timeout, -1 when the stream has ended.

        Where it may, it waits inside of the read itself: one system call instead of three.
        """
        if self._has_output():
            # A reader that always finds something never waits, and must not starve the output.
            self._flush()
        end = None if timeout is None else monotonic() + timeout
        left = timeout
        waited = False
        while True:
            patient = self._patient and not self._has_output()
            patient = patient and (left is None or left >= LOOK_AGAIN)
            try:
                count = self._read_socket(view, patient)
            except BlockingIOError:
                count = -1
            except OSError as error:
                return self._ended(f"the connection was lost: {explain(error)}")
            if count > 0:
                self.bytes_in += count
                return count
            if not count:
                return self._ended(END_OF_STREAM if self._tls is None else CUT_SHORT)
            if not patient and (waited or not self._wait_readable(left)):
                return 0
            waited = not patient
            if end is not None:
                left = max(end - monotonic(), 0.0)
                if patient and not left:
                    return 0

    def _read_socket(self, view: memoryview, patient: bool) -> int:
        """Read what there is; where `patient`, wait for it as long as the socket was told to."""
        if not patient:
            return self._recv_into(view, 0, NO_WAIT)
        # list.extend takes the bytes and remembers it in one step: where Ctrl-C ends the wait,
        # `waiting` says rightly that no byte was lost by it.
        taken: list[int] = []
        self.waiting = True
        try:
            taken.extend(map(self._recv_into, (view,)))
            return taken[0]
        finally:
            self.waiting = not taken

    def _wait_readable(self, timeout: float | None) -> bool:
        """Block until there is something to read; meanwhile let waiting output out.

        Outside every lock. Another thread may leave output behind when the socket takes no more;
        so the wait looks up every quarter of a second.
        """
        end = None if timeout is None else monotonic() + timeout
        self.waiting = True
        found: bool | None = None
        while found is None:
            left = LOOK_AGAIN
            if end is not None:
                left = min(left, max(end - monotonic(), 0.0))
            # Whoever holds the write lock writes what waits: then the reader need not.
            write = self._has_output() and not self._write_lock.locked()
            readable, writable = self._watch.wait(left, read=True, write=write)
            if readable or self._dropped:
                found = True
            elif writable:
                self._flush()
            elif end is not None and monotonic() >= end:
                found = False
        # Left standing by an interrupt, it tells the caller that no byte was lost by that.
        self.waiting = False
        return found

    def _read_tls(self, tls: TlsEngine, view: memoryview, timeout: float | None) -> int:
        """Decrypt into `view`: first what is here already, else what one large read brings.

        Returns 0 also when that read brought less than a whole TLS record.
        """
        count = self._decrypt(tls, view, 0)
        if count:
            return count
        received = self._receive(self._cipher, timeout)
        if received < 0:
            raise self._lost()
        if not received:
            return 0
        count = self._decrypt(tls, view, received)
        if received == len(self._cipher) < LARGE_BUFFER:
            self._cipher = memoryview(bytearray(2 * received))
        return count

    def _decrypt(self, tls: TlsEngine, view: memoryview, received: int) -> int:
        """Decrypt what was just received, and what is left from before, into `view`."""
        try:
            with self._state:
                if received:
                    tls.feed(self._cipher[:received])
                count = tls.decrypt_into(view) if received or tls.has_input() else 0
        except ssl.SSLError as error:
            self.drop(f"the connection was lost: {explain(error)}")
            raise self._lost() from None
        if tls.has_output():
            self._flush()
        if count is None:
            self.drop(END_OF_STREAM)
            raise self._lost()
        return count

    def _ended(self, reason: str) -> int:
        self.drop(reason)
        return -1

    def close(self) -> None:
        """End the stream, telling a TLS peer if that needs no wait. Never blocks; any thread."""
        if self._tls is not None and not self._dropped and not self._write_lock.locked():
            with self._state:
                self._tls.say_goodbye()
            self._flush()
        self.shutdown()
