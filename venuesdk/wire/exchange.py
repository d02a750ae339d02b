"""One HTTP request on its way: how far it came, and the byte stream that looks like a socket.

Here it is decided what a failure means for the request. How HTTP is written and read is not known
here, and neither requests nor urllib3 is imported.
"""

from __future__ import annotations

import io
import sys
from collections.abc import Callable, Mapping
from typing import Any

from venuesdk.errors import (
    ConnectFailed,
    ConnectionLost,
    NetworkError,
    NotSent,
    ProtocolError,
    RequestTimeout,
    VenueError,
)
from venuesdk.timing import Deadline
from venuesdk.wire.endpoint import Proxy
from venuesdk.wire.sockets import SLICE
from venuesdk.wire.stream import END_OF_STREAM, ByteStream

__all__ = ["Exchange", "Line"]

BUFFER = 64 * 1024


class Exchange:
    """One request, how far it came, and why it ended; used by the requesting thread alone.

    ``url`` is what may be shown (no query), ``target`` what the request line carries.
    ``established`` turns true once there is a connection for it, ``sent`` with the first byte of
    it that may have left, ``broken`` when the stream ended or failed. ``failure`` is set where a
    cause is known, because the libraries in between wrap whatever they see. ``room`` is how many
    bytes the answer may take from here on as it travels, head, chunks and compression included.
    """

    __slots__ = (
        "body", "broken", "deadline", "established", "failure", "headers", "method", "proxy",
        "room", "sent", "target", "url",
    )  # fmt: skip

    def __init__(self, deadline: Deadline) -> None:
        self.deadline = deadline
        self.method = "GET"
        self.url = ""
        self.target = "/"
        self.headers: Mapping[str, str] = {}
        self.body: bytes | None = None
        self.proxy: Proxy | None = None
        self.established = False
        self.sent = False
        self.broken = False
        self.failure: VenueError | None = None
        self.room = sys.maxsize

    def fail(self, failure: VenueError) -> VenueError:
        """Remember why the exchange ended, and return it to be raised."""
        self.failure = failure
        return failure

    def check(self) -> None:
        """Raise if the time is up."""
        if self.deadline.expired():
            raise self.fail(self.cut("the time was up"))

    def take(self, count: int) -> None:
        """Note that so many bytes of the answer came, and raise where it takes too many."""
        self.room -= count
        if self.room < 0:
            raise self.fail(self.unreadable("it does not end"))

    def cut(self, reason: str) -> NetworkError:
        """Return the error of an exchange that ended on the wire before its answer was whole."""
        late = self.deadline.expired()
        if self.deadline.cancelled:
            reason = "the request was cancelled"
        elif late:
            reason = f"no whole answer within {self.deadline.timeout} s"
        if not self.sent:
            return NotSent(reason)
        if late:
            return RequestTimeout(reason, outcome_unknown=True)
        return ConnectionLost(reason, outcome_unknown=True)

    def unreadable(self, why: str) -> ProtocolError:
        """Return the error of an exchange whose answer came and cannot be read."""
        return ProtocolError(f"the HTTP answer cannot be read: {why}", outcome_unknown=self.sent)

    def explain(self, error: Exception) -> VenueError:
        """Say in the SDK's words what an exception that left the libraries means."""
        if self.failure is not None:
            return self.failure
        if isinstance(error, VenueError):
            return error
        kind = type(error).__name__
        if not self.established:
            return ConnectFailed(f"no connection could be made: {kind}")
        if self.broken or not self.sent:
            return self.cut("the connection ended before the answer was whole")
        return self.unreadable(kind)


class Line:
    """What an HTTP library takes for a socket: a byte stream that serves one exchange at a time.

    `exchange` says which one that is now. Like a socket it stays open until its owner and every
    file made of it have closed it; then `closed` is called. For one thread at a time.
    """

    def __init__(
        self,
        stream: ByteStream,
        exchange: Callable[[], Exchange],
        closed: Callable[[ByteStream], None],
    ) -> None:
        self._stream = stream
        self._exchange = exchange
        self._closed = closed
        self._files = 0
        self._released = False
        self._ended = False
        self._spoiled = False

    @property
    def exchange(self) -> Exchange:
        """The exchange that the line serves now."""
        return self._exchange()

    @property
    def quiet(self) -> bool:
        """Whether the stream is alive, and nothing has arrived that no request asked for."""
        if self._spoiled:
            return False
        try:
            return self._stream.read_into(memoryview(bytearray(1)), 0.0) == 0
        except ConnectionLost:
            return False

    def sendall(self, data: bytes) -> None:
        """Write all of `data` by the exchange's deadline, or fail the exchange."""
        exchange = self.exchange
        exchange.check()
        try:
            self._stream.write(data, exchange.deadline)
        except (ConnectionLost, NotSent) as error:
            exchange.sent |= error.outcome_unknown
            exchange.broken = True
            failure = exchange.fail(exchange.cut(str(error)))
        else:
            exchange.sent = True
            return
        raise failure

    def receive_into(self, buffer: Any) -> int:
        """Receive into `buffer` by the exchange's deadline; return 0 where the peer hung up."""
        exchange = self.exchange
        view = memoryview(buffer)
        while True:
            exchange.check()
            try:
                count = self._stream.read_into(view, exchange.deadline.slice(SLICE))
            except ConnectionLost as error:
                exchange.broken = True
                if str(error) == END_OF_STREAM:
                    return 0
                failure = exchange.fail(exchange.cut(str(error)))
                break
            if count:
                exchange.take(count)
                return count
        raise failure

    def makefile(self, mode: str) -> io.BufferedReader:
        """Return a buffered file that reads from the line; `mode` is always ``rb``."""
        self._files += 1
        return _LineFile(self)

    def settimeout(self, timeout: float | None) -> None:
        """Ignore a library's idea of a timeout: the exchange's deadline is the only one."""

    def close(self) -> None:
        """Close the stream, as soon as no file needs it any more."""
        self._released = True
        self._close_if_unused()

    def file_closed(self, left: bool) -> None:
        """Count one file less; `left` says whether bytes were left in it, which nobody reads."""
        self._spoiled |= left
        self._files -= 1
        self._close_if_unused()

    def _close_if_unused(self) -> None:
        if self._released and not self._files and not self._ended:
            self._ended = True
            self._stream.close()
            self._closed(self._stream)


class _Source(io.RawIOBase):
    """The reading side of a line, to be buffered."""

    def __init__(self, line: Line) -> None:
        super().__init__()
        self.line = line
        self.dry = False
        """Whether to give nothing more, without waiting."""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any, /) -> int | None:
        return None if self.dry else self.line.receive_into(buffer)


class _LineFile(io.BufferedReader):
    """Reads one answer from a line, and tells the line what it had read beyond it."""

    def __init__(self, line: Line) -> None:
        self._source = _Source(line)
        super().__init__(self._source, BUFFER)

    def close(self) -> None:
        if not self.closed:
            self._source.dry = True
            left = bool(self.peek(1))
            super().close()
            self._source.line.file_closed(left)
