"""Output: the writing half of a connection, and the say over its descriptor.

Everything about partial writes, pending output and who may close the descriptor is decided here.
Reading, connecting, frames and HTTP are not known here.

Two locks. The *write lock* is held across the writes of one frame, and by whoever closes the
descriptor. The *state lock* guards the TLS state, the queue of posted bytes and the end of the
connection; no I/O waits under it. Nobody waits for the write lock but `write`: what others have to
write is queued, and whoever holds the write lock looks for it again after letting go. So output
that finds the lock taken is never forgotten: it was queued before its owner tried the lock, and
the holder looks after releasing it.
"""

from __future__ import annotations

import contextlib
import socket
import threading
from collections import deque

from venuesdk.errors import ConnectionLost, NetworkError, NotSent
from venuesdk.timing import Deadline
from venuesdk.wire.sockets import SLICE, Watch, await_ready
from venuesdk.wire.tls import TlsEngine, explain

__all__ = ["CLOSED_HERE", "MAX_POSTED", "Output"]

CLOSED_HERE = "the connection was closed here"
MAX_POSTED = 1024 * 1024
"""How many bytes may wait to be written before the peer counts as dead, as it reads nothing."""

SEAL = 128 * 1024
"""How many bytes are encrypted at a time: the reader waits that long for the state lock."""

_FLAGS = getattr(socket, "MSG_NOSIGNAL", 0)


class Output:
    """Write from any thread; end from any thread. One subclass adds the one reader.

    ``bytes_out`` counts what left, TLS included; ``written`` and ``posted`` the frames that were
    given to `write` and to `post`.
    """

    __slots__ = (
        "_abandoned", "_disposed", "_dropped", "_posted", "_posted_size", "_reading", "_reason",
        "_send", "_sock", "_state", "_tls", "_unsent", "_write_lock", "bytes_out", "posted",
        "written",
    )  # fmt: skip

    def __init__(self, sock: socket.socket, tls: TlsEngine | None) -> None:
        self._sock = sock
        self._send = sock.send
        self._tls = tls
        self._write_lock = threading.Lock()
        # Reentrant, so that a signal handler that closes the client cannot wait for the very
        # code that it interrupted.
        self._state = threading.RLock()
        self._posted: deque[bytes] = deque()
        self._posted_size = 0
        self._unsent = memoryview(b"")
        self._reading = False
        self._dropped = self._disposed = self._abandoned = False
        self._reason = ""
        self.bytes_out = 0
        self.written = 0
        self.posted = 0

    @property
    def dropped(self) -> bool:
        """Whether the connection has ended, for whatever reason."""
        return self._dropped

    def write(self, data: bytes, deadline: Deadline) -> None:
        """Write all of `data`, blocking until the deadline at most; from any thread.

        Raises NotSent when no byte of it left, or will; then the stream is still usable unless
        it is ``dropped``. Raises ConnectionLost, with the outcome unknown, when a part of it may
        have left: then the stream has been dropped, and nothing is written to it any more. So it
        is for any other exception, a KeyboardInterrupt among them.
        """
        # list.extend takes the lock and remembers it in one step: a Ctrl-C cannot come between.
        taken: list[bool] = []
        try:
            if self._dropped:
                raise NotSent(self._reason)
            taken.extend(map(self._write_lock.acquire, (False,)))
            while not taken[-1]:
                if deadline.expired():
                    raise NotSent("other requests were being sent until the time was up")
                taken.extend(map(self._write_lock.acquire, (True,), (deadline.slice(SLICE),)))
            if self._dropped:
                raise NotSent(self._reason)
            self._flush_older(deadline)
            self._write_now(data, deadline)
            self.written += 1
        finally:
            if taken and taken[-1]:
                self._write_lock.release()
                self._look_again()

    def _flush_older(self, deadline: Deadline) -> None:
        """Write what was waiting before; with TLS, wait until the socket takes more.

        With the write lock. Raises NotSent.
        """
        try:
            while self._has_output():
                if self._drain():
                    break
                if not await_ready(self._sock, deadline, write=True):
                    raise NotSent("the peer took nothing until the time was up")
            # What is encrypted must be sent: so first see that the socket takes it.
            if self._tls is not None and not any(self._watch_write(deadline)):
                raise NotSent("the peer took nothing until the time was up")
        except OSError as error:
            self.drop(f"the connection was lost: {explain(error)}")
            raise NotSent(self._reason) from None

    def _write_now(self, data: bytes, deadline: Deadline) -> None:
        """Write one frame; with the write lock. Raises NotSent or ConnectionLost."""
        sent = False
        sealed = self._tls is not None
        begun = sealed
        failure: NetworkError | None = None
        try:
            for start in range(0, len(data), SEAL) if sealed else (0,):
                rest = memoryview(self._seal(data, start))
                while rest:
                    begun = True
                    try:
                        count = self._send(rest, _FLAGS)
                    except BlockingIOError:
                        begun = sealed or sent
                        if not await_ready(self._sock, deadline, write=True):
                            raise _OutOfTime from None
                        continue
                    sent = True
                    self.bytes_out += count
                    rest = rest[count:]
        except _OutOfTime:
            if begun:
                self.drop("the peer took only a part of a frame until the time was up")
                failure = self._cut(sent)
            else:
                failure = NotSent("the peer took nothing until the time was up")
        except (OSError, ValueError) as error:
            self.drop(f"the connection was lost: {explain(error)}")
            failure = self._cut(sent)
        except BaseException:
            if begun:
                self.drop("a send was interrupted")
            raise
        if failure is not None:
            raise failure

    def _seal(self, data: bytes, start: int) -> bytes:
        """Return what goes on the wire for the next piece of `data`."""
        if self._tls is None:
            return data
        with self._state:
            self._tls.encrypt(memoryview(data)[start : start + SEAL])
            return self._tls.output()

    def _cut(self, sent: bool) -> NetworkError:
        return self._lost(outcome_unknown=True) if sent else NotSent(self._reason)

    def post(self, data: bytes, count: int = 1) -> bool:
        """Queue `data` and write what the socket takes at once; never blocks, from any thread.

        Returns whether it was taken: False when the stream has ended. What cannot be written now
        goes out as soon as the socket takes it. More than 1 MiB waiting drops the stream. `data`
        may hold several frames, `count` of them.
        """
        if self._dropped:
            return False
        with self._state:
            self._posted.append(data)
            self._posted_size += len(data)
            self.posted += count
            flood = self._posted_size + len(self._unsent) > MAX_POSTED
        if flood:
            self.drop("the peer reads nothing")
            return False
        self._flush()
        return True

    def _has_output(self) -> bool:
        tls = self._tls
        return bool(self._posted or self._unsent or (tls is not None and tls.has_output()))

    def _flush(self) -> None:
        """Write what waits, as far as the socket takes it; leave it to whoever is writing."""
        while self._has_output() and not self._dropped:
            taken: list[bool] = []
            try:
                taken.extend(map(self._write_lock.acquire, (False,)))
                if not taken[0]:
                    # Its holder looks for output again after letting go.
                    return
                emptied = self._dropped or self._drain()
            except OSError as error:
                self.drop(f"the connection was lost: {explain(error)}")
                emptied = True
            finally:
                if taken and taken[0]:
                    self._write_lock.release()
                if self._dropped:
                    self._settle()
            if not emptied:
                return

    def _drain(self) -> bool:
        """Write what waits; with the write lock. Return False when the socket takes no more."""
        try:
            while True:
                if not self._unsent:
                    self._unsent = memoryview(self._next_output())
                    if not self._unsent:
                        return True
                count = self._send(self._unsent, _FLAGS)
                self.bytes_out += count
                self._unsent = self._unsent[count:]
        except BlockingIOError:
            return False
        except OSError:
            raise
        except BaseException:
            # A Ctrl-C may have come between taking bytes and writing them down as taken.
            self.drop("a send was interrupted")
            raise

    def _next_output(self) -> bytes:
        """Take everything that waits, encrypted where there is TLS; with the write lock."""
        with self._state:
            # Exchanged in one step, for a signal handler may post right here.
            posted, self._posted = self._posted, deque()
            data = b"".join(posted)
            self._posted_size -= len(data)
            if self._tls is None:
                return data
            if data:
                self._tls.encrypt(data)
            return self._tls.output()

    def _watch_write(self, deadline: Deadline) -> tuple[bool, bool]:
        """Look whether the socket takes output, and wait for that until the deadline."""
        watch = Watch(self._sock)
        found = watch.wait(0.0, write=True)
        while not any(found) and not deadline.expired():
            found = watch.wait(deadline.slice(SLICE), write=True)
        return found

    def _look_again(self) -> None:
        """Do, after letting go of the write lock, what others left to its holder meanwhile."""
        if self._dropped:
            self._settle()
        elif self._has_output():
            self._flush()

    # Ending

    def drop(self, reason: str) -> None:
        """End the stream: wake whoever reads or writes. Never blocks; from any thread."""
        if self._abandoned:
            return
        with self._state:
            if not self._dropped:
                self._reason = reason
                self._dropped = True
            if not self._disposed:
                with contextlib.suppress(OSError):
                    self._sock.shutdown(socket.SHUT_RDWR)
        self._settle()

    def shutdown(self) -> None:
        """End the stream now: wake whoever reads or writes. Never blocks; from any thread."""
        self.drop(CLOSED_HERE)

    def abandon(self) -> None:
        """Close only the descriptor, in a forked child: no lock is taken, the parent goes on."""
        self._abandoned = self._disposed = self._dropped = True
        self._reason = "the connection belongs to the process that this one was forked from"
        self._sock.close()

    def _settle(self) -> None:
        """Close the descriptor of a dropped stream once nobody is inside it.

        Only with the write lock, and not while the reader is in a read: the number of a closed
        descriptor may at once be another connection's. Whoever is inside comes here on leaving.
        """
        while self._dropped and not self._disposed and not self._reading:
            taken: list[bool] = []
            try:
                taken.extend(map(self._write_lock.acquire, (False,)))
                if not taken[0]:
                    return
                with self._state:
                    if not self._disposed and not self._reading:
                        self._disposed = True
                        self._sock.close()
            finally:
                if taken and taken[0]:
                    self._write_lock.release()

    def _lost(self, *, outcome_unknown: bool = False) -> ConnectionLost:
        return ConnectionLost(self._reason, outcome_unknown=outcome_unknown)


class _OutOfTime(Exception):
    """The deadline came while the socket took nothing."""
