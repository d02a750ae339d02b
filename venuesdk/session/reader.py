"""The reader thread: connect, log in, receive; and again, after a pause.

The first connection and every later one are one path. The thread blocks on the socket and on
nothing else, and runs no user code but that of ``delivery="inline"``.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol, TypeAlias
from urllib.parse import parse_qsl, urlsplit

from attrs import field, frozen

from ..errors import (
    AuthenticationError,
    ClientClosed,
    ConnectFailed,
    ConnectionLost,
    ConnectTimeout,
    NetworkError,
    ProtocolError,
    RequestTimeout,
    VenueError,
)
from ..models import HttpRequest, HttpResponse
from ..protocol.codec import Codec, Heartbeat, Rejection, Request, Response
from ..protocol.conversation import Beat, Heart, Opening, find_address
from ..secret import Secret
from ..timing import Backoff, Deadline, monotonic
from ..wire.endpoint import Endpoint
from ..wire.tap import UNTAPPED, Tap, Wiretap
from ..wire.websocket import WebSocketConnection
from .fetcher import Fetcher
from .journal import Facts, Journal
from .link import Connection, Link
from .quota import AttemptQuota
from .worker import Worker

__all__ = ["Dial", "Host", "Plan", "Reader"]

Exchange: TypeAlias = "tuple[HttpRequest, HttpResponse | None, VenueError | None]"
"""What was asked over HTTP before connecting, with the answer or why there is none."""
Dial: TypeAlias = Callable[[Endpoint, Deadline, Wiretap], Connection]
"""What makes a connection; raises as `WebSocketConnection.connect` does."""

TICK = 0.25
"""Seconds that the reader waits for the socket in one piece.

Between two, it looks for what was not answered in time and for what others left to be told.
"""
TURN = 1.0
"""Seconds after which an attempt that waits for its turn looks whether others gave theirs up."""


@frozen
class Plan:
    """How a connection is made: everything that does not change from one to the next."""

    venue: str
    make_codec: Callable[[Mapping[str, Secret]], Codec]
    make_endpoint: Callable[[str], Endpoint]
    fetch: Fetcher
    timeout: float
    backoff: Backoff
    persistent: bool = False
    """Go on after a first failure, too."""
    quota: AttemptQuota = field(factory=AttemptQuota)
    """How often the venue's host may be knocked at, by whoever shares it."""
    dial: Dial = WebSocketConnection.connect
    taps: list[Tap] = field(factory=list)
    """Who listens in to the connections: others may put and remove them at any time."""


class Host(Protocol):
    """The session, as its reader sees it."""

    def credentials(self, deadline: Deadline) -> Mapping[str, Secret]:
        """Return the credentials for the next connection."""

    def new_id(self) -> int:
        """Return an id that was never used."""

    def next_epoch(self) -> int:
        """Return the number of the connection that is about to be made."""

    def connected(self, reader: Reader, link: Link) -> None:
        """Begin to use a connection; raise where the reader is not wanted any more."""

    def take(self, link: Link, frames: Sequence[bytes]) -> None:
        """Route frames, and send what they ask for."""

    def beat(self, link: Link) -> None:
        """Ask the venue for a sign of life."""

    def overdue(self, now: float) -> str | None:
        """Return what the venue has not answered in time, or None."""

    def look(self, now: float) -> None:
        """Tell about streams that have been silent for too long."""

    def flush(self, more: bool = False) -> None:
        """Run the callbacks that run on this thread, or let others run; `more` is in hand."""

    def redact(self, error: VenueError) -> None:
        """Take every credential out of an error."""

    def lost(self, error: VenueError) -> None:
        """End the use of a connection."""

    def report(self, error: VenueError) -> None:
        """Tell of a fault of ours that is behind the end of a connection."""

    def retrying(self, error: VenueError, attempt: int) -> None:
        """Note that an attempt failed and another one will follow."""

    def failed(self, error: VenueError) -> None:
        """Note that no further attempt will be made."""

    def pause(self, seconds: float) -> bool:
        """Wait; return False at once where the client is closed."""


class Reader:
    """The thread that owns the receiving side of a session's connections."""

    def __init__(self, host: Host, plan: Plan, journal: Journal) -> None:
        self._host = host
        self._plan = plan
        self._journal = journal
        self.attempt = Deadline(None)
        self.connection: Connection | None = None
        self._wiretap = UNTAPPED
        self._stopped = False
        self._thread = Worker(self._run, f"venuesdk-{plan.venue}-reader")
        self._first: Deadline | None = None
        self._first_credentials: Mapping[str, Secret] | None = None

    @property
    def worker(self) -> Worker:
        """The thread."""
        return self._thread

    def start(self, credentials: Mapping[str, Secret], deadline: Deadline) -> None:
        """Start the thread; the first attempt has `credentials` and ends with `deadline`."""
        self._first_credentials = credentials
        self._first = self.attempt = deadline
        self._thread.start()

    def stop(self) -> None:
        """Let the thread end as soon as its connection has ended; never waits."""
        self._stopped = True
        self.attempt.cancel()

    def hang_up(self) -> None:
        """End the connection that there is, made or being made; never waits."""
        connection = self.connection
        if connection is not None:
            connection.shutdown()

    def join(self, deadline: Deadline) -> bool:
        """Wait for the thread's end, unless this is it; return whether it ended."""
        return self._thread.ended(deadline)

    # The thread ----------------------------------------------------------------------------------

    def _run(self) -> None:
        """Keep the client connected; whatever goes wrong here, nobody waits for it in vain."""
        try:
            self._keep_connected()
        except BaseException as error:
            kind = type(error).__name__
            self._journal.say(logging.ERROR, "the reader failed", cause=error, error=kind)
            self.hang_up()
            fault = ConnectionLost(f"a fault of ours ended the client: {kind}")
            fault.__cause__ = error
            self._host.lost(fault)
            self._host.failed(fault)

    def _keep_connected(self) -> None:
        attempt = 0
        established = False
        while not self._stopped:
            link: Link | None = None
            started = monotonic()
            try:
                link = self._dial()
                started = monotonic()
                self._host.connected(self, link)
                established = True
                self._receive(link)
            except AuthenticationError as error:
                self._hang_up(link, error)
                if not self._stopped:
                    self._host.failed(error)
                return
            except Exception as error:
                cause = self._as_loss(error)
                self._hang_up(link, cause)
                if self._stopped:
                    return
                if not established and not self._plan.persistent:
                    self._host.failed(cause)
                    return
                healthy = link is not None and monotonic() - started >= self._plan.backoff.healthy
                attempt = 0 if healthy else attempt
                if cause is not error:
                    self._host.report(cause)
                if not self._wait(cause, attempt):
                    return
                attempt += 1
                # Its traceback would keep the connection that ended, with all its buffers, for as
                # long as the next one lasts.
                del cause

    def _wait(self, error: VenueError, attempt: int) -> bool:
        self._host.retrying(error, attempt)
        self._host.flush()
        backoff = self._plan.backoff
        asked = getattr(error, "retry_after", None)
        # A venue that names a time knows better than the backoff. Many clients were told the same
        # time, though, so they still come one after the other.
        delay = asked + backoff.delay(0) if asked else backoff.delay(attempt)
        facts: Facts = {"attempt": attempt + 1, "delay": delay, "error": type(error).__name__}
        text = "attempt %d to connect again in %.2f s"
        self._journal.say(logging.INFO, text, attempt + 1, delay, **facts)
        return self._host.pause(delay) and self._await_turn()

    def _await_turn(self) -> bool:
        """Wait until the quota has an attempt left; return False where the client is closed."""
        told = False
        with self._plan.quota.line_up() as place:
            while seconds := place.take():
                if not told:
                    told = True
                    text = "the attempt waits %.2f s for its turn: %r"
                    quota = self._plan.quota
                    self._journal.say(logging.INFO, text, seconds, quota, delay=seconds)
                if not self._host.pause(min(seconds, TURN)):
                    return False
        return True

    def _as_loss(self, error: Exception) -> VenueError:
        if isinstance(error, VenueError):
            return error
        kind = type(error).__name__
        text = "the reader met an unexpected error"
        self._journal.say(logging.ERROR, text, cause=error, error=kind)
        loss = ConnectionLost(f"an unexpected {kind} ended the connection")
        loss.__cause__ = error
        return loss

    def _hang_up(self, link: Link | None, error: VenueError) -> None:
        # First of all: a refused login may repeat what was sent, and many are told of it.
        self._host.redact(error)
        code = error.code if isinstance(error, ConnectionLost) else None
        reason = str(error) if code is None else getattr(error, "reason", "")
        self._wiretap.ended(self._stopped, code, reason)
        self._wiretap = UNTAPPED
        if link is not None:
            link.connection.shutdown()
            self._host.lost(error)
        self._host.flush()

    # Making a connection -------------------------------------------------------------------------

    def _dial(self) -> Link:
        plan = self._plan
        first, self._first = self._first, None
        deadline = self.attempt = first or Deadline(plan.timeout)
        if first is not None:
            plan.quota.spend()
        if self._stopped:
            deadline.cancel()
        credentials, self._first_credentials = self._first_credentials, None
        if credentials is None:
            credentials = self._host.credentials(deadline)
        codec = plan.make_codec(credentials)
        endpoint = plan.make_endpoint(self._address(codec, deadline))
        wiretap = Wiretap(plan.taps, self._host.next_epoch())
        connection = self.connection = plan.dial(endpoint, deadline, wiretap)
        self._wiretap = wiretap
        try:
            # Whoever stops this thread ends the connection afterwards, if it is there by then.
            if self._stopped:
                raise ConnectFailed("the client was closed")
            return Link(connection, codec, self._log_in(connection, codec, deadline))
        except BaseException:
            connection.shutdown()
            raise

    def _address(self, codec: Codec, deadline: Deadline) -> str:
        asked: list[Exchange] = []

        def fetch(request: HttpRequest) -> HttpResponse:
            response, failure = None, None
            try:
                response = self._fetch(request, deadline)
            except VenueError as error:
                failure = error
                raise
            finally:
                asked.append((request, response, failure))
                del failure
            return response

        try:
            url = find_address(codec, fetch)
            for tap in tuple(self._plan.taps):
                tap.learn(_handed_out(url, codec.connect_url))
            return url
        finally:
            # Only now: until then nobody knows which part of an answer is a credential.
            self._tell_of(asked)

    def _tell_of(self, asked: list[Exchange]) -> None:
        for tap in tuple(self._plan.taps):
            for exchange in asked:
                tap.exchanged(*exchange)
        # An error in it knows the frames that it came through, which know the list.
        asked.clear()

    def _fetch(self, request: HttpRequest, deadline: Deadline) -> HttpResponse:
        """Ask over HTTP on the way to a connection: where that fails, nothing was connected."""
        try:
            return self._plan.fetch(request, deadline)
        except (ConnectFailed, ClientClosed):
            raise
        except RequestTimeout as error:
            raise ConnectTimeout(f"before connecting: {error}") from error
        except (NetworkError, ProtocolError) as error:
            raise ConnectFailed(f"before connecting: {error}") from error

    def _log_in(
        self, connection: Connection, codec: Codec, deadline: Deadline
    ) -> list[bytes]:
        """Walk through the login; return frames that came behind its last answer."""
        opening = Opening(codec)
        request = opening.step()
        frames: list[bytes] = []
        while request is not None:
            id = self._host.new_id()
            sent_at = self._send_login(connection, codec.encode(id, request), deadline, request, id)
            answer: Response | Rejection | None = None
            while answer is None:
                if not frames:
                    frames = connection.read(deadline.remaining())
                    if not frames and deadline.expired():
                        raise ConnectTimeout(f"the login was not answered in {deadline.timeout} s")
                while frames and answer is None:
                    answer = self._answer_in(connection, codec, frames.pop(0), id)
            outcome = answer.error if isinstance(answer, Rejection) else answer.payload
            verdict = "answered" if isinstance(answer, Response) else "refused"
            seconds, method = monotonic() - sent_at, request.method
            facts: Facts = {
                "method": method, "request_id": id, "outcome": verdict, "seconds": seconds
            }  # fmt: skip
            text = 'login "%s" id %d %s in %.1f ms'
            self._journal.say(logging.DEBUG, text, method, id, verdict, seconds * 1000, **facts)
            request = opening.step(outcome)
        return frames

    def _send_login(
        self,
        connection: Connection,
        frame: str,
        deadline: Deadline,
        request: Request,
        id: int,
    ) -> float:
        """Send a frame of the login, tell its size and nothing of it; return when."""
        size = len(frame.encode())
        try:
            connection.send(frame, deadline)
        finally:
            # It holds a credential, and what follows may raise.
            del frame
        facts: Facts = {"method": request.method, "request_id": id, "bytes": size}
        text = 'sent login "%s" id %d, %d bytes'
        self._journal.say(logging.DEBUG, text, request.method, id, size, **facts)
        return monotonic()

    def _answer_in(
        self, connection: Connection, codec: Codec, frame: bytes, id: int
    ) -> Response | Rejection | None:
        for message in codec.decode(frame):
            if isinstance(message, Heartbeat):
                if message.answer is not None:
                    connection.post(message.answer)
            elif isinstance(message, (Response, Rejection)) and message.id == id:
                return message
        return None

    # Receiving -----------------------------------------------------------------------------------

    def _receive(self, link: Link) -> None:
        """Receive until the connection ends, which it says by raising."""
        host, connection = self._host, link.connection
        heart = Heart(link.codec.pulse)
        if link.early:
            host.take(link, link.early)
        host.flush()
        wait = due = 0.0
        while True:
            frames = connection.read(wait)
            if frames:
                host.take(link, frames)
            host.flush(connection.more)
            # What is judged by time alone waits for its time: the next request does not.
            if frames and (connection.last_received < due or connection.more):
                continue
            now = monotonic()
            beat = heart.beat(now, connection.last_received)
            if beat is Beat.ASK:
                host.beat(link)
            elif beat is Beat.DEAD:
                pulse = heart.pulse
                raise ConnectionLost(f"no sign of life for {pulse.quiet + pulse.patience:g} s")
            unanswered = host.overdue(now)
            if unanswered is not None:
                raise ConnectionLost(f"no answer to {unanswered} in {self._plan.timeout:g} s")
            host.look(now)
            wait = min(heart.wait(now, connection.last_received), TICK)
            due = now + wait


def _handed_out(url: str, known: str) -> list[Secret]:
    """Return what the venue put into a URL for one connection alone: a credential like any other.

    Of `known`, which is the user's own, nothing is.
    """
    parts = set(parse_qsl(urlsplit(url).query)) - set(parse_qsl(urlsplit(known).query))
    return [Secret(value) for _, value in parts]
