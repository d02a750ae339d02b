"""WebSocketConnection: upgrade, send, receive and close one WebSocket.

The one module that imports websocket-client, for its handshake. What it is given as a socket
sends everything, carries no cookie, and plays it only an answer that was found good here; its
own reading, closing and cookie jar are never used. Threads and venues are not known here.
"""

from __future__ import annotations

import contextlib
import os
from ssl import SSLContext

import websocket

from venuesdk.errors import (
    ConnectFailed,
    ConnectionLost,
    NetworkError,
    NotSent,
    VenueError,
)
from venuesdk.timing import Deadline, monotonic
from venuesdk.wire import frames
from venuesdk.wire.endpoint import Endpoint
from venuesdk.wire.frames import Binary, FrameReader, encode_close, encode_frame, is_close_code
from venuesdk.wire.output import CLOSED_HERE
from venuesdk.wire.parcel import Parcel
from venuesdk.wire.proxy import environment_proxy
from venuesdk.wire.stream import ByteStream
from venuesdk.wire.tap import UNTAPPED, Wiretap
from venuesdk.wire.tls import default_context, explain, file_context
from venuesdk.wire.upgrade import UpgradeSocket

__all__ = ["WebSocketConnection", "context_for"]

CLOSE_TIMEOUT = 2.0
"""The longest that ``close()`` may take, in seconds."""


def _deadline(timeout: float | Deadline | None) -> Deadline:
    return timeout if isinstance(timeout, Deadline) else Deadline(timeout)


class WebSocketConnection:
    """One established WebSocket; any thread may send and close, one thread reads.

    Made by `connect`. ``last_received`` is when the last byte came, by ``monotonic()``;
    ``frames_in`` counts messages and control frames; ``close_sent`` and ``close_received`` are the
    codes of the close frames, None where there was none (1005 is sent for one without a code).
    """

    def __init__(
        self, stream: ByteStream, endpoint: Endpoint, wiretap: Wiretap = UNTAPPED
    ) -> None:
        self._stream = stream
        self._wiretap = stream.wiretap = wiretap
        self._frames = FrameReader(endpoint.max_message, endpoint.max_fragments)
        self._early: list[bytes] = []
        self._end: tuple[str, int | None, str] | None = None
        self._closing = False
        self.last_received = monotonic()
        self.frames_in = 0
        self._frames_before = stream.written
        self._may_close = [True]
        self._may_end = [True]
        self.close_sent: int | None = None
        self.close_received: int | None = None

    @classmethod
    def connect(
        cls,
        endpoint: Endpoint,
        timeout: float | Deadline | None = 10.0,
        wiretap: Wiretap = UNTAPPED,
    ) -> WebSocketConnection:
        """Connect and upgrade; return the open connection. `wiretap` hears of all its frames.

        Blocks for `timeout` at most, over name lookup, TCP, proxy, TLS and upgrade together; a
        deadline cancelled from another thread ends it within a tenth of a second. Raises
        AuthenticationError at status 401 and 403, RateLimitExceeded at 429, VenueUnavailable at
        5xx, ConnectTimeout, and ConnectFailed at anything else, redirects included.
        """
        deadline = _deadline(timeout)
        try:
            outcome = _attempt(cls, endpoint, deadline, wiretap)
        except BaseException as error:
            # A Ctrl-C; the frames that it came through hold the request and its credentials.
            error.__context__ = None
            raise error.with_traceback(None) from None
        if isinstance(outcome, VenueError):
            raise outcome.with_traceback(None) from None
        return outcome

    @property
    def closed(self) -> bool:
        """Whether the connection has ended, or is being closed."""
        return self._closing or self._stream.dropped

    @property
    def more(self) -> bool:
        """Whether a part of what came has not been read."""
        return self._frames.more

    @property
    def tls(self) -> tuple[str, str] | None:
        """The version and the cipher of TLS, or None where there is none; takes no lock."""
        return self._stream.tls

    @property
    def bytes_in(self) -> int:
        """How many bytes came, TLS and handshake included."""
        return self._stream.bytes_in

    @property
    def bytes_out(self) -> int:
        """How many bytes left, TLS and handshake included."""
        return self._stream.bytes_out

    @property
    def frames_out(self) -> int:
        """How many frames were sent, or queued to be sent, since the upgrade."""
        return self._stream.written + self._stream.posted - self._frames_before

    # Sending

    def send(self, data: str | bytes, timeout: float | Deadline | None = None) -> None:
        """Send one message: text for ``str``, binary for ``bytes``. Blocks; from any thread.

        Raises NotSent when no byte of it left, or will, and ConnectionLost, with the outcome
        unknown, when a part of it may have left: then the connection has ended.
        """
        deadline = _deadline(timeout)
        frame = _data_frame(data)
        # What is sent may be a login: it is in no frame that an error shows.
        del data
        try:
            self._check_open()
            self._stream.write(frame, deadline)
        except NetworkError as error:
            failure = error.with_traceback(None)
        else:
            return
        finally:
            del frame
        failure.__context__ = None
        raise failure from None

    def parcel(self, text: str) -> Parcel:
        """Return one text as `submit` takes it."""
        return Parcel(_data_frame(text))

    def submit(self, parcel: Parcel, deadline: Deadline) -> None:
        """Send as `send` does, but leave it to whoever is sending, where somebody is.

        For one who waits for an answer: `withdraw` tells, when none comes, whether it has left.
        """
        self._check_open()
        self._stream.submit(parcel, deadline)

    def withdraw(self, parcel: Parcel) -> bool:
        """Take back what was submitted; return False where a byte of it has left, or may have."""
        return self._stream.withdraw(parcel)

    def _check_open(self) -> None:
        if self._closing or self._end is not None or self.close_sent is not None:
            raise NotSent(CLOSED_HERE if self._end is None else self._end[0])

    def post(self, data: str | bytes) -> bool:
        """Queue one message, and send what can be sent at once; never blocks; from any thread.

        Returns whether it was taken: False when the connection has ended. What the peer does not
        take at once goes out later; when more than 1 MiB waits, the connection is dropped.
        """
        frame = _data_frame(data)
        # It may hold a credential, and an interrupt may come.
        del data
        return self._post(frame)

    def post_ping(self, payload: bytes = b"") -> bool:
        """Queue a ping; never blocks; from any thread. Returns False when the connection ended."""
        if len(payload) > 125:
            raise ValueError("the payload of a ping is 125 bytes at most")
        return self._post(encode_frame(frames.PING, payload, os.urandom(4)))

    def _post(self, frame: bytes) -> bool:
        if self._closing or self.close_sent is not None:
            return False
        return self._stream.post(frame)

    # Receiving

    def read(self, timeout: float | None) -> list[bytes]:
        """Return the messages that one gulp of the socket brings; [] when `timeout` has passed.

        Of very many, only the first: then there is `more`, and the next call has it at once.
        For the one reading thread. Text is plain ``bytes``, checked to be UTF-8, binary is
        `Binary`. Returns [] also when what came holds no whole message. Pings are answered.
        Raises ConnectionLost at the end, at the call after all messages that came before it; with
        the code and reason of the peer's close frame, or of ours when the peer broke the
        protocol. Only then is our close frame sent, so that what came before can be answered.
        """
        if self._early:
            messages, self._early = self._early, []
            if self._wiretap.taps:
                self._wiretap.received(messages)
            return messages
        if self._end is None and self._frames.ended:
            self._finish()
        if self._end is not None:
            raise self._lost()
        before = self._stream.bytes_in
        try:
            if self._frames.more:
                return self._take(0)
            count = self._stream.read_into(self._frames.get_buffer(), timeout)
            if self._stream.bytes_in != before:
                self.last_received = monotonic()
            if not count:
                return []
            return self._take(count)
        except ConnectionLost as error:
            if self._end is None:
                self._end = (str(error), self.close_received, "")
            raise
        except BaseException:
            # Interrupted with bytes in hand, which are lost now: nothing after them makes sense.
            if not self._stream.waiting:
                self._stream.drop("a read was interrupted")
            raise

    def receive(self, timeout: float | None = None) -> list[str | bytes]:
        """Return the next messages, ``str`` for text and ``bytes`` for binary; [] at the timeout.

        Like `read`, but waits on until there is a whole message.
        """
        deadline = Deadline(timeout)
        while True:
            messages = self.read(deadline.remaining())
            if messages:
                return [
                    bytes(message) if isinstance(message, Binary) else message.decode()
                    for message in messages
                ]
            if deadline.expired():
                return []

    def _take(self, count: int) -> list[bytes]:
        """Take `count` bytes from the buffer, and act on what is not a message."""
        reader = self._frames
        try:
            messages = reader.received(count)
        except frames.FrameError:
            messages = []
        self.frames_in += len(messages)
        if messages and self._wiretap.taps:
            self._wiretap.received(messages)
        if reader.attention:
            self._answer_pings()
            if reader.ended and not messages:
                self._finish()
                raise self._lost()
        return messages

    def _take_early(self, data: bytes) -> None:
        """Take what came right behind the answer to the upgrade."""
        reader = self._frames
        with contextlib.suppress(frames.FrameError):
            self._early = reader.feed(data)
        self.frames_in += len(self._early)
        self._answer_pings()

    def _answer_pings(self) -> None:
        control = self._frames.take_control()
        self.frames_in += len(control)
        if control:
            self._wiretap.signalled(control)
        pongs = [
            encode_frame(frames.PONG, payload, os.urandom(4))
            for opcode, payload in control
            if opcode == frames.PING
        ]
        if pongs and not self._closing and self.close_sent is None:
            self._stream.post(b"".join(pongs), len(pongs))

    def _finish(self) -> None:
        """Answer the peer's close frame, or its violation: this is the end."""
        reader = self._frames
        if reader.error is not None:
            code, text = reader.error.close_code, reader.error.text
            self._post_close(code, text)
            self._end = (f"the peer broke the protocol: {text}", code, text)
            self._stream.close()
        elif reader.closed is not None:
            self.frames_in += 1
            received, reason = reader.closed
            self.close_received = received
            head = b"" if received is None else received.to_bytes(2, "big")
            self._wiretap.signalled([(frames.CLOSE, head + reason.encode())])
            self._post_close(received, "")
            self._end = ("the peer closed the connection", received, reason)

    def _post_close(self, code: int | None, reason: str) -> None:
        if self._claim_close(1005 if code is None else code):
            self._stream.post(encode_close(code, reason, os.urandom(4)))

    def _claim_close(self, code: int) -> bool:
        """Return whether the close frame is the caller's to send: one thread is told so."""
        if not _taken(self._may_close):
            return False
        self.close_sent = code
        return True

    def _lost(self) -> ConnectionLost:
        message, code, reason = self._end or (CLOSED_HERE, None, "")
        shown = message if code is None else f"{message} (code {code})"
        return ConnectionLost(shown, code=code, reason=reason)

    # Ending

    def close(self, timeout: float = CLOSE_TIMEOUT, code: int = 1000, reason: str = "") -> None:
        """Send a close frame if the peer takes it, and end the connection; from any thread.

        Returns within `timeout`, 2 s at the most, in every state, and wakes whoever reads or
        sends. It waits neither for the reader nor for the peer's answer. Closing again does
        nothing: whoever was first ends the connection, with its frame before.
        """
        if not is_close_code(code):
            raise ValueError(f"{code!r} cannot stand in a close frame")
        self._closing = True
        try:
            if not _taken(self._may_end):
                return
            if not self._stream.dropped and self._claim_close(code):
                # Half of the time, so that what else it takes fits into the whole.
                limit = Deadline(min(timeout, CLOSE_TIMEOUT) / 2)
                with contextlib.suppress(NetworkError):
                    self._stream.write(encode_close(code, reason, os.urandom(4)), limit)
            self._stream.close()
        except BaseException:
            # Ctrl-C, and nobody else will end it.
            self._stream.close()
            raise

    def shutdown(self) -> None:
        """End the connection now, without a close frame; never blocks; from any thread."""
        self._closing = True
        self._stream.shutdown()

    def abandon(self) -> None:
        """Close only the descriptor, in a forked child; the parent's connection is unaffected."""
        self._closing = True
        self._stream.abandon()


def _taken(once: list[bool]) -> bool:
    """Take what one thread gets and no other; return whether it was there."""
    try:
        return once.pop()
    except IndexError:
        return False


def _data_frame(data: str | bytes) -> bytes:
    if isinstance(data, str):
        return encode_frame(frames.TEXT, data.encode(), os.urandom(4))
    if isinstance(data, bytes):
        return encode_frame(frames.BINARY, data, os.urandom(4))
    raise TypeError(f"a message is str or bytes, not {type(data).__name__}")


def _attempt(
    cls: type[WebSocketConnection], endpoint: Endpoint, deadline: Deadline, wiretap: Wiretap
) -> WebSocketConnection | VenueError:
    """Connect, or return why not, with nothing in the error that could hold a credential."""
    stream: ByteStream | None = None
    connection: WebSocketConnection | None = None
    try:
        proxy = endpoint.proxy
        if proxy is None and endpoint.environment_proxy:
            proxy = environment_proxy(endpoint.host, endpoint.secure)
        stream = ByteStream.connect(
            endpoint.host, endpoint.port, deadline, context=context_for(endpoint), proxy=proxy
        )
        early = _upgrade(stream, endpoint, deadline)
        wiretap.opened(endpoint.url)
        connection = cls(stream, endpoint, wiretap)
        connection._take_early(early)
        return connection
    except VenueError as error:
        error.__context__ = error.__cause__ = error.__traceback__ = None
        return error
    finally:
        if stream is not None and connection is None:
            stream.close()


def _upgrade(stream: ByteStream, endpoint: Endpoint, deadline: Deadline) -> bytes:
    """Let the library upgrade the stream; return what the server sent behind its answer."""
    stand_in = UpgradeSocket(stream, endpoint, deadline)
    try:
        websocket.WebSocket().connect(  # type: ignore[no-untyped-call]
            f"{'wss' if endpoint.secure else 'ws'}://{endpoint.authority}/",
            host=endpoint.authority,
            socket=stand_in,
            suppress_origin=True,
            redirect_limit=0,
        )
    except Exception as error:
        failure = stand_in.failure or ConnectFailed(f"no upgrade: {type(error).__name__}")
        raise failure from None
    return stand_in.early


def context_for(endpoint: Endpoint) -> SSLContext | None:
    """Return the TLS context of a connection to `endpoint`, None where it is not encrypted.

    Raises ConnectFailed where its file of authorities cannot be read.
    """
    if not endpoint.secure:
        return None
    if endpoint.ssl_context is not None:
        return endpoint.ssl_context
    if endpoint.ca_file is None:
        return default_context()
    try:
        return file_context(endpoint.ca_file)
    except OSError as error:
        raise ConnectFailed(f"cannot read ca_file: {explain(error)}") from None
