"""Recorder: write down all that goes over a client's connections, while it does.

The threads of the client put what they see into a bounded queue, and never wait; one thread of the
recorder's own masks, packs and writes it. Files and formats are not known here.
"""

from __future__ import annotations

import functools
import logging
import os
import threading
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, TypeAlias

from venuesdk._version import __version__
from venuesdk.client import Client
from venuesdk.errors import VenueError
from venuesdk.models import HttpRequest, HttpResponse
from venuesdk.secret import Secret
from venuesdk.session.worker import Worker
from venuesdk.testing.tape.entries import FORMAT, TapeError, TapeHeader
from venuesdk.testing.tape.file import TapeFile
from venuesdk.testing.tape.mask import TapeMask
from venuesdk.testing.tape.scribe import Note, Scribe
from venuesdk.timing import Deadline, monotonic, wall_clock
from venuesdk.wire.parcel import Parcel

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = ["Recorder"]

MAX_QUEUE = 65_536
MAX_BYTES = 64 * 1024 * 1024
"""How much may wait to be written: entries, and bytes of their frames."""
PASS = 0.1
"""Seconds between two looks of the writing thread at the queue."""
FLUSH_SECONDS, FLUSH_BYTES = 0.5, 1024 * 1024
"""What is let out to the file at the latest: together with a pass it stays below a second."""
CLOSE_TIMEOUT = 5.0
"""Seconds that closing waits for the disk."""

BEHIND = "the tape is incomplete: the recorder cannot write as fast as it is told"

Told: TypeAlias = "tuple[bytes, ...] | Note"
"""What happened: the messages of a gulp, or what makes entries of anything else."""
Waiting: TypeAlias = "tuple[Told, float, float, int]"
"""What happened, when by both clocks, and on which connection."""


class Recorder:
    """Record a client: every frame in and out, and its HTTP exchanges, with their times.

    ``with Recorder(client, "file.tape.zst"):`` begins, and ends. Begin before the client
    connects, or the login is not on the tape and it cannot be replayed whole. `path` ends in
    ``.tape.zst`` (compressed; needs the extra ``record``) or ``.tape``. A file that is there
    already is never appended to: `start` raises `FileExistsError`, unless `overwrite`.

    Credentials are masked before anything is written: those of the client in all the forms that
    its errors are searched for, and what the venue handed out for one connection. All else is
    written as it is: orders, balances, addresses.

    Nothing here blocks the client. Where the writing thread falls behind by more than `max_queue`
    entries or 64 MiB, entries are left out: the tape says how many, by an entry of its own in
    their place, ``lost`` counts them, and ``on_error`` of the client is told when it begins.
    Where the file cannot be written ``on_error`` is told, the recording ends, and the client goes
    on. A crash of the process loses what the last second brought, and the file can be read.

    Any thread may start and close it, and read its counters. Lock: `_lock` guards the queue and
    its counts; it is a leaf, held for moments, for it is taken under locks of the connection.
    """

    def __init__(
        self,
        client: Client,
        path: str | os.PathLike[str],
        *,
        overwrite: bool = False,
        max_queue: int = MAX_QUEUE,
    ) -> None:
        if not isinstance(client, Client):
            raise TypeError(f"what is recorded is a client, not {type(client).__name__}")
        if type(max_queue) is not int or max_queue < 1:
            raise ValueError(f"max_queue is a number of entries above 0, not {max_queue!r}")
        self.path = path
        self.lost = 0
        self.error: Exception | None = None
        self._client = client
        self._journal = client._delivery.journal
        self._overwrite = overwrite
        self._max_queue = max_queue
        # Reentrant, so that a signal handler may close what it interrupted.
        self._lock = threading.RLock()
        self._queue: deque[Waiting] = deque()
        self._count = self._size = self._missing = 0
        self._wake = threading.Event()
        self._started = self._stopping = False
        self._mask = TapeMask()
        self._scribe = Scribe(self._mask)
        self._file: TapeFile | None = None
        self._thread = Worker(self._run, f"venuesdk-{client.venue}-tape")
        self._process = os.getpid()

    # For the user --------------------------------------------------------------------------------

    def start(self) -> Self:
        """Begin to record, and return the recorder.

        Before the client connects: a tape that begins in the middle of a connection has no login
        on it and can be read, not replayed; a warning is logged.

        Raises FileExistsError, any other OSError, ValueError where the name of the file does not
        end as it must or this was started before, and ImportError where zstandard is missing.
        """
        with self._lock:
            if self._started or self._stopping:
                raise ValueError("a recorder is started once: make another one")
            self._started = True
        if self._client.connected:
            text = "the tape begins in the middle of a connection: it can be read, not replayed"
            self._journal.say(logging.WARNING, text)
        self._file = TapeFile(self.path, self._overwrite)
        try:
            header = TapeHeader(FORMAT, self._client.venue, __version__, wall_clock())
            self._file.begin(header)
            self._client._tap(self)
            self._thread.start()
        except BaseException:
            self._client._untap(self)
            self._stopping = True
            self._wake.set()
            # An interrupt may come when the thread is there already; then that closes the file.
            if self._thread.ended(Deadline(0)):
                self._file.close()
            raise
        if self._stopping:
            # Another thread closed it meanwhile.
            self._client._untap(self)
        return self

    def close(self) -> None:
        """End the recording; what was seen until now is written.

        Blocks until it is on the disk, 5 seconds at the most; a warning is logged where that was
        not enough. Again does nothing; in a forked child it only closes the descriptor.
        """
        file = self._file
        if os.getpid() != self._process:
            if file is not None:
                file.close()
            return
        self._client._untap(self)
        self._stopping = True
        self._wake.set()
        if not self._thread.ended(Deadline(CLOSE_TIMEOUT)):
            text = "the tape is still being written: the disk is slow"
            self._journal.say(logging.WARNING, text)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def written(self) -> int:
        """How many entries were handed to the file."""
        return self._scribe.count

    def __repr__(self) -> str:
        state = "closed" if self._stopping else "new" if self._file is None else "recording"
        return f"<Recorder of {self._client.venue} {state}>"

    # What the connections tell -------------------------------------------------------------------

    def learn(self, secrets: Sequence[Secret]) -> None:
        """Mask these `secrets` too."""
        with self._lock:
            self._mask.learn(secrets)

    def opened(self, epoch: int, url: str) -> None:
        """Note that the connection numbered `epoch` was made, to `url`."""
        self._put(functools.partial(Scribe.opened, url=url), epoch)

    def received(self, epoch: int, frames: Sequence[bytes]) -> None:
        """Note the messages of a gulp: `frames` that came on the connection `epoch`."""
        self._put(tuple(frames), epoch, len(frames), sum(map(len, frames)))

    def signalled(self, epoch: int, control: Sequence[tuple[int, bytes]]) -> None:
        """Note `control` frames that came on the connection `epoch`."""
        self._put(functools.partial(Scribe.signalled, control=control), epoch, len(control))

    def leaving(self, epoch: int, parcels: Sequence[Parcel]) -> None:
        """Note the `parcels` that are about to be written on the connection `epoch`."""
        size = sum(len(parcel.data) for parcel in parcels)
        self._put(functools.partial(Scribe.leaving, parcels=parcels), epoch, len(parcels), size)

    def stayed(self, epoch: int, parcel: Parcel) -> None:
        """Note that a `parcel` has not left after all, on the connection `epoch`.

        Never left out, or the tape would lie.
        """
        self._put(functools.partial(Scribe.stayed, parcel=parcel), epoch, 0)

    def cut(self, epoch: int, parcels: Sequence[Parcel]) -> None:
        """Note the `parcels` that the end of `epoch` left unfinished; never left out either."""
        self._put(functools.partial(Scribe.cut, parcels=parcels), epoch, 0)

    def ended(self, epoch: int, here: bool, code: int | None, reason: str) -> None:
        """Note the end of `epoch`: by its client (`here`) or not, with a `code` and a `reason`."""
        note = functools.partial(Scribe.ended, here=here, code=code, reason=reason)
        self._put(note, epoch)

    def exchanged(
        self, request: HttpRequest, response: HttpResponse | None, error: VenueError | None
    ) -> None:
        """Note an HTTP `request`, with its `response` or the `error` in place of one."""
        why = "" if error is None else f"{type(error).__name__}: {error}"
        size = len(request.body or b"") + (0 if response is None else len(response.body))
        note = functools.partial(Scribe.exchanged, request=request, response=response, error=why)
        self._put(note, 0, 1, size)

    def _put(self, told: Told, epoch: int, count: int = 1, size: int = 0) -> None:
        """Queue something; where there is no room for it, count what is left out.

        The clocks are read under the lock, so that entries stand in the order of their times.
        """
        with self._lock:
            if self._stopping:
                return
            self._count += count
            self._size += size
            if (self._count > self._max_queue or self._size > MAX_BYTES) and count and self._queue:
                self._count -= count
                self._size -= size
                self._missing += count
                self.lost += count
                return
            if self._missing:
                self._note_missing()
            self._queue.append((told, monotonic(), wall_clock(), epoch))
        if self._count * 2 > self._max_queue or self._size * 2 > MAX_BYTES:
            self._wake.set()

    def _note_missing(self) -> None:
        """Put into the queue that something is missing here; the lock is held."""
        missing, self._missing = self._missing, 0
        note = functools.partial(Scribe.lost, count=missing)
        self._queue.append((note, monotonic(), wall_clock(), 0))

    # The thread ----------------------------------------------------------------------------------

    def _run(self) -> None:
        file = self._file
        assert file is not None
        try:
            self._write(file)
        except Exception as error:
            # Its traceback has frames that were not masked yet.
            self.error = error.with_traceback(None)
            self._client._untap(self)
            self._stopping = True
            with self._lock:
                self._queue.clear()
            with suppress(OSError):
                file.close()
            what = error.strerror if isinstance(error, OSError) else None
            self._tell(f"the recording ended: {what or type(error).__name__}")

    def _tell(self, what: str) -> None:
        """Tell ``on_error``; and the log, for a client that was closed tells nobody any more."""
        self._journal.say(logging.WARNING, "%s", what)
        self._client._report(TapeError(what))

    def _write(self, file: TapeFile) -> None:
        unflushed, due = 0, 0.0
        stopping = told = False
        while not stopping:
            self._wake.wait(PASS)
            self._wake.clear()
            # Looked at first: what is put afterwards is not put.
            stopping = self._stopping
            waiting = self._take()
            if self.lost and not told:
                told = True
                self._tell(BEHIND)
            if waiting and not unflushed:
                due = monotonic() + FLUSH_SECONDS
            for lines in self._scribe.write(waiting):
                file.write(lines)
                unflushed += len(lines)
                if unflushed >= FLUSH_BYTES:
                    file.flush()
                    unflushed = 0
            if unflushed and monotonic() >= due:
                file.flush()
                unflushed = 0
        file.write(self._scribe.unfinished(monotonic(), wall_clock()))
        file.finish(self._scribe.count)

    def _take(self) -> deque[Waiting]:
        with self._lock:
            if self._missing:
                self._note_missing()
            taken, self._queue = self._queue, deque()
            self._count = self._size = 0
        return taken
