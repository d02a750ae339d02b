"""Output: the writing half of a connection, and the say over its descriptor.

Everything about partial writes, pending output and who may close the descriptor is decided here.
Reading, connecting, frames and HTTP are not known here.

What is to be written stands in one queue, as parcels, each of which leaves whole or not at all.
Whoever finds the *write lock* free writes all that stands there, in one piece; whoever finds it
taken leaves its parcel to the holder, who looks at the queue again after letting go. So no parcel
is forgotten: it was queued before its owner tried the lock. And among many threads most find their
frame sent for them: it is one system call, and one change of threads, for many.

Two locks. The write lock is held across the writes, and by whoever closes the descriptor. The
*state lock* guards the TLS state, the count of posted bytes and the end of the connection; no I/O
waits under it. Only `write` waits for the write lock.
"""

from __future__ import annotations

import contextlib
import socket
import threading
from collections import deque

from venuesdk.errors import ConnectionLost, NetworkError, NotSent
from venuesdk.timing import Deadline
from venuesdk.wire.parcel import Parcel
from venuesdk.wire.sockets import NO_WAIT, SLICE, Watch, await_ready
from venuesdk.wire.tap import UNTAPPED
from venuesdk.wire.tls import TlsEngine, explain

__all__ = ["CLOSED_HERE", "MAX_POSTED", "Output"]

CLOSED_HERE = "the connection was closed here"
MAX_POSTED = 1024 * 1024
"""How many bytes may wait to be written before the peer counts as dead, as it reads nothing."""

CUT = "the peer took only a part of a frame until the time was up"

SEAL = 128 * 1024
"""How many bytes are encrypted at a time: the reader waits that long for the state lock."""

_FLAGS = getattr(socket, "MSG_NOSIGNAL", 0) | NO_WAIT
_NOTHING = memoryview(b"")


class Output:
    """Write from any thread; end from any thread. One subclass adds the one reader.

    ``bytes_out`` counts what left, TLS included; ``written`` the frames of `write` and `submit`
    that left, and ``posted`` those that were given to `post`. ``wiretap`` is told of a parcel just
    before it is written, so that no answer to it can have come yet.
    """

    __slots__ = (
        "_abandoned", "_disposed", "_dropped", "_loaded", "_plain", "_posted_size", "_queue",
        "_reading", "_reason", "_send", "_sent", "_sock", "_state", "_stuck", "_taker", "_tls",
        "_unsent", "_unsure", "_write_lock", "bytes_out", "posted", "wiretap", "written",
    )  # fmt: skip

    def __init__(self, sock: socket.socket, tls: TlsEngine | None) -> None:
        self._sock = sock
        self._send = sock.send
        self._tls = tls
        self._taker = Watch(sock)
        self._write_lock = threading.Lock()
        # Reentrant, so that a signal handler that closes the client cannot wait for the very
        # code that it interrupted.
        self._state = threading.RLock()
        self._queue: deque[Parcel] = deque()
        self._posted_size = 0
        # With the write lock: the parcels that are being written, what of them is not encrypted
        # yet, what is ready for the socket, and how much of that it took already.
        self._loaded: deque[Parcel] = deque()
        self._plain = self._unsent = _NOTHING
        self._sent = 0
        self._stuck = self._unsure = False
        self._reading = False
        self._dropped = self._disposed = self._abandoned = False
        self._reason = ""
        self.bytes_out = 0
        self.written = 0
        self.posted = 0
        self.wiretap = UNTAPPED

    @property
    def dropped(self) -> bool:
        """Whether the connection has ended, for whatever reason."""
        return self._dropped

    @property
    def tls(self) -> tuple[str, str] | None:
        """The version and the cipher of TLS, or None where there is none; takes no lock."""
        return None if self._tls is None else self._tls.agreed

    def write(self, data: bytes, deadline: Deadline) -> None:
        """Write all of `data`, blocking until the deadline at most; from any thread.

        Raises NotSent when no byte of it left, or will; then the stream is still usable unless
        it is ``dropped``. Raises ConnectionLost, with the outcome unknown, when a part of it may
        have left: then the stream has been dropped, and nothing is written to it any more. So it
        is for any other exception, a KeyboardInterrupt among them.
        """
        if data:
            self._hand_in(Parcel(data), deadline, wait=True)

    def submit(self, parcel: Parcel, deadline: Deadline) -> None:
        """Do as `write`, but where somebody else is writing leave it to them and return at once.

        For one who waits for an answer to it: when none comes, `withdraw` tells what has left.
        """
        self._hand_in(parcel, deadline, wait=False)

    def withdraw(self, parcel: Parcel) -> bool:
        """Take back what was submitted; return False where a byte of it has left, or may have.

        Where the socket took a part of it and then no more, the stream is dropped: nobody waits
        any more for what the rest of it would bring about. Never blocks; from any thread.
        """
        # First of all: who is writing it now looks at this before it puts it back.
        parcel.withdrawn = True
        try:
            self._queue.remove(parcel)
        except ValueError:
            if self._stuck and parcel in self._loaded:
                self.drop(CUT)
            return False
        return True

    def _hand_in(self, parcel: Parcel, deadline: Deadline, wait: bool) -> None:
        # list.extend takes the lock and remembers it in one step: a Ctrl-C cannot come between.
        taken: list[bool] = []
        try:
            if self._dropped:
                raise NotSent(self._reason)
            self._queue.append(parcel)
            taken.extend(map(self._write_lock.acquire, (False,)))
            while wait and not taken[-1] and not parcel.done:
                if deadline.expired() and self.withdraw(parcel):
                    raise NotSent("other requests were being sent until the time was up")
                if self._dropped:
                    raise self._failure(parcel)
                limit = max(deadline.slice(SLICE), 0.001)
                taken.extend(map(self._write_lock.acquire, (True,), (limit,)))
            if taken[-1]:
                self._push(parcel, deadline)
        except BaseException:
            self.withdraw(parcel)
            raise
        finally:
            if taken and taken[-1]:
                self._write_lock.release()
                self._look_again()

    def _push(self, parcel: Parcel, deadline: Deadline) -> None:
        """Write until `parcel` has left; with the write lock. Raises NotSent or ConnectionLost."""
        while not parcel.done:
            if not self._dropped and not self._drain() and not parcel.done:
                if await_ready(self._sock, deadline, write=True):
                    continue
                if self.withdraw(parcel):
                    raise NotSent("the peer took nothing until the time was up")
            if self._dropped and not parcel.done:
                # Only here, with the lock, is it known that of what is encrypted nothing left.
                known = not self._sent and not self._unsure
                raise NotSent(self._reason) if known else self._failure(parcel)

    def _failure(self, parcel: Parcel) -> NetworkError:
        """Return what became of a parcel of a stream that has ended."""
        return NotSent(self._reason) if self.withdraw(parcel) else self._lost(outcome_unknown=True)

    def post(self, data: bytes, count: int = 1) -> bool:
        """Queue `data` and write what the socket takes at once; never blocks, from any thread.

        Returns whether it was taken: False when the stream has ended. What cannot be written now
        goes out as soon as the socket takes it. More than 1 MiB waiting drops the stream. `data`
        may hold several frames, `count` of them.
        """
        if self._dropped:
            return False
        with self._state:
            self._queue.append(Parcel(data, posted=True))
            self._posted_size += len(data)
            self.posted += count
            flood = self._posted_size > MAX_POSTED
        if flood:
            self.drop("the peer reads nothing")
            return False
        self._flush()
        return True

    def _has_output(self) -> bool:
        tls = self._tls
        return bool(
            self._queue or self._unsent or (tls is not None and (self._plain or tls.has_output()))
        )

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
            return self._write_out()
        except BaseException:
            # A Ctrl-C may have come between sending bytes and writing them down as sent.
            self._unsure = True
            self.drop("a send was interrupted")
            raise

    def _write_out(self) -> bool:
        try:
            while self._unsent or self._load():
                self._stuck = False
                count = self._send(self._unsent, _FLAGS)
                self.bytes_out += count
                self._unsent = self._unsent[count:]
                self._note_sent(count)
        except BlockingIOError:
            self._unload(begun=bool(self._sent) or self._tls is not None)
            if any(parcel.withdrawn for parcel in self._loaded):
                self.drop(CUT)
            return False
        except (OSError, ValueError) as error:
            # First of all: who is told of the end must find here what has left.
            self._unload(begun=bool(self._sent))
            self.drop(f"the connection was lost: {explain(error)}")
        return True

    def _load(self) -> bool:
        """Make ready what is next; return False where there is nothing. With the write lock.

        Raises BlockingIOError where there is TLS and the socket takes nothing: what is encrypted
        must be sent.
        """
        tls = self._tls
        if tls is None:
            if not self._queue:
                return False
            self._unsent = self._next_parcels()
            return True
        if not tls.has_output():
            if not self._plain and not self._queue:
                return False
            if not any(self._taker.wait(0.0, write=True)):
                raise BlockingIOError
            self._plain = self._plain or self._next_parcels()
        with self._state:
            tls.encrypt(self._plain[:SEAL])
            self._unsent = memoryview(tls.output())
        self._plain = self._plain[SEAL:]
        return bool(self._unsent)

    def _next_parcels(self) -> memoryview:
        """Take what stands in the queue, or as much of it as is worth one write."""
        queue, loaded, size = self._queue, self._loaded, 0
        while queue and size < SEAL:
            # It may have been withdrawn meanwhile.
            with contextlib.suppress(IndexError):
                loaded.append(queue.popleft())
                size += len(loaded[-1].data)
        if self.wiretap.taps:
            self.wiretap.leaving(loaded)
        if len(loaded) == 1:
            return memoryview(loaded[0].data)
        return memoryview(b"".join([parcel.data for parcel in loaded]))

    def _note_sent(self, count: int) -> None:
        """Let go of the parcels that have left; with the write lock."""
        loaded = self._loaded
        self._sent += count
        if self._tls is not None:
            # How much of a parcel is in how much of what was sent, nobody can tell.
            if not self._unsent and not self._plain:
                self._sent = 0
                while loaded:
                    self._note_done(loaded.popleft())
            return
        while loaded and self._sent >= len(loaded[0].data):
            self._sent -= len(loaded[0].data)
            self._note_done(loaded.popleft())

    def _note_done(self, parcel: Parcel) -> None:
        parcel.done = True
        if parcel.posted:
            with self._state:
                self._posted_size -= len(parcel.data)
        else:
            self.written += 1

    def _unload(self, begun: bool) -> None:
        """Put the parcels back of which no byte has left, and remember the one that is cut.

        With the write lock. Where there is TLS, either all that are loaded have `begun` or none.
        """
        loaded, whole = self._loaded, self._tls is not None
        kept = 0 if not begun else len(loaded) if whole else 1
        if not whole:
            self._unsent = self._unsent[: len(loaded[0].data) - self._sent if kept else 0]
        while len(loaded) > kept:
            self.wiretap.stayed(loaded[-1])
            parcel = loaded.pop()
            if not parcel.withdrawn:
                self._queue.appendleft(parcel)
        self._stuck = bool(loaded)

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
                        if self._loaded:
                            self.wiretap.cut(self._loaded)
            finally:
                if taken and taken[0]:
                    self._write_lock.release()

    def _lost(self, *, outcome_unknown: bool = False) -> ConnectionLost:
        return ConnectionLost(self._reason, outcome_unknown=outcome_unknown)
