"""Playing a tape into a client without a socket: the client's own codec, router and delivery run.

In place of the connection and of HTTP stand objects that say what the tape says. They run no
thread: the client's reader looks at the clock for them.
"""

from __future__ import annotations

import heapq
import math
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from venuesdk.client import Client
from venuesdk.errors import ConnectFailed, ConnectionLost, NotSent
from venuesdk.models import HttpRequest, HttpResponse, State
from venuesdk.testing.tape.file import Tape
from venuesdk.testing.tape.matching import is_beat
from venuesdk.testing.tape.script import UNKNOWN, Cue, End, Performance, Script, check_speed
from venuesdk.timing import Backoff, Deadline, monotonic
from venuesdk.wire.endpoint import Endpoint
from venuesdk.wire.frames import TEXT, encode_frame
from venuesdk.wire.parcel import Parcel
from venuesdk.wire.sockets import SLICE
from venuesdk.wire.tap import UNTAPPED, Wiretap

__all__ = ["PlayedConnection", "Player", "replay_into", "replayed"]

C = TypeVar("C", bound=Client)

AT_ONCE = Backoff(initial=0.01, maximum=0.1)

GULP = 256
"""How many frames one read brings at the most."""
NO_MASK = b"\0\0\0\0"
UNSENT = ("ConnectFailed:", "ConnectTimeout:", "NotSent:")
"""How the reason of an HTTP exchange begins of which nothing left."""
CLOSED_HERE = "the connection was closed here"


class PlayedConnection:
    """One connection of a tape, as a session uses it.

    Any thread sends and closes, one thread reads. What is sent is looked up at once; what it
    brings about waits until it is due. Lock: `_lock` guards all of it, and nothing else happens
    under it; `_changed` is its condition, for the one who reads.
    """

    def __init__(
        self,
        script: Script,
        performance: Performance,
        speed: float,
        wiretap: Wiretap = UNTAPPED,
    ) -> None:
        self._wiretap = wiretap
        self._lock = threading.RLock()
        self._changed = threading.Condition(self._lock)
        self._script = script
        self._performance = performance
        self._speed = speed
        self._due: list[tuple[float, int, Cue]] = []
        self._end: ConnectionLost | None = None
        self.last_received = monotonic()
        self.frames_in = 0
        self.frames_out = 0
        self.bytes_in = 0
        self.bytes_out = 0
        self._schedule(script.opening())

    @property
    def closed(self) -> bool:
        """Whether it has ended."""
        return self._end is not None

    @property
    def tls(self) -> None:
        """None: a tape is no network."""

    @property
    def more(self) -> bool:
        """Whether something is due now."""
        with self._lock:
            return bool(self._due) and self._due[0][0] <= monotonic()

    # Sending

    def send(self, data: str | bytes, timeout: float | Deadline | None = None) -> None:
        """Send one message; raises NotSent where the connection has ended."""
        if not self._say(data):
            raise NotSent(self._reason())

    def parcel(self, text: str) -> Parcel:
        """Return one text as `submit` takes it."""
        return Parcel(text.encode())

    def submit(self, parcel: Parcel, deadline: Deadline) -> None:
        """Send at once: here nobody else is sending."""
        self.send(parcel.data.decode(), deadline)
        parcel.done = True

    def withdraw(self, parcel: Parcel) -> bool:
        """Return whether it was not sent."""
        return not parcel.done

    def post(self, data: str | bytes) -> bool:
        """Send what the session says by itself; return False where the connection has ended.

        A heartbeat is not said at the pace of a recording, so the tape need not have it.
        """
        return self._say(data, by_itself=True)

    def _say(self, data: str | bytes, by_itself: bool = False) -> bool:
        """Let the tape answer a message; return False where the connection has ended."""
        text = data if isinstance(data, str) else data.decode("utf-8", "replace")
        with self._lock:
            if self._end is not None:
                return False
            self.frames_out += 1
            self.bytes_out += len(text)
            if self._wiretap.taps:
                sent = Parcel(encode_frame(TEXT, text.encode(), NO_MASK))
                self._wiretap.leaving([sent])
                sent.done = True
            cues = self._script.take(text)
            if cues is None and by_itself and is_beat(text):
                self.last_received = monotonic()
            elif cues is None:
                self._performance.unknown(text)
                # At once: nothing that the tape says can be an answer to it.
                self._due.clear()
                cues = [Cue(0.0, 0, End(1008, UNKNOWN))]
            self._schedule(cues or [])
        return True

    def post_ping(self, payload: bytes = b"") -> bool:
        """Be alive: a WebSocket's pong is no word of the venue's, so the tape need not have it."""
        with self._lock:
            self.last_received = monotonic()
            return self._end is None

    def _schedule(self, cues: list[Cue]) -> None:
        now = monotonic()
        with self._lock:
            for cue in cues:
                due = now if math.isinf(self._speed) else now + cue.delay / self._speed
                heapq.heappush(self._due, (due, cue.number, cue))
            self._changed.notify_all()

    # Receiving

    def read(self, timeout: float | None) -> list[bytes]:
        """Return the messages that are due; [] when `timeout` has passed. For the one reader."""
        deadline = Deadline(timeout)
        with self._lock:
            while True:
                messages = self._take()
                if messages or (self._end is None and deadline.expired()):
                    return messages
                if self._end is not None:
                    raise ConnectionLost(
                        str(self._end), code=self._end.code, reason=self._end.reason
                    )
                wait = deadline.slice(SLICE)
                if self._due:
                    wait = min(wait, max(0.0, self._due[0][0] - monotonic()))
                self._changed.wait(wait)

    def _take(self) -> list[bytes]:
        messages: list[bytes] = []
        now = monotonic()
        while self._due and self._due[0][0] <= now and len(messages) < GULP:
            if self._end is not None:
                break
            _, _, cue = heapq.heappop(self._due)
            # An end for a frame that the tape does not know is no word of the venue's.
            self._performance.played += bool(cue.number)
            if isinstance(cue.what, End):
                self._finish(cue.what.code, cue.what.reason)
            else:
                messages.append(cue.what.encode())
        if messages:
            self.last_received = now
            if self._wiretap.taps:
                self._wiretap.received(messages)
            self.frames_in += len(messages)
            self.bytes_in += sum(map(len, messages))
        return messages

    # Ending

    def close(self, timeout: float = 2.0, code: int = 1000, reason: str = "") -> None:
        """End the connection; never blocks."""
        self.shutdown()

    def shutdown(self) -> None:
        """End the connection; never blocks; from any thread."""
        with self._lock:
            if self._end is None:
                self._end = ConnectionLost(CLOSED_HERE)
            self._due.clear()
            self._changed.notify_all()

    def abandon(self) -> None:
        """Do nothing: there is no descriptor."""

    def _finish(self, code: int | None, reason: str) -> None:
        said = "the connection ended, as on the tape" if reason != UNKNOWN else UNKNOWN
        shown = said if code is None else f"{said} (code {code})"
        self._end = ConnectionLost(shown, code=code, reason=reason)

    def _reason(self) -> str:
        return CLOSED_HERE if self._end is None else str(self._end)


class Player:
    """What a client speaks to in place of its venue, while a tape is played.

    ``surprises`` are the words of the client's that the tape does not know: each ended the
    connection, or failed the HTTP request. Lock: `_lock` guards which connections and exchanges
    were played.
    """

    def __init__(self, tape: Tape, speed: float = 1.0) -> None:
        self._speed = check_speed(speed)
        self._performance = Performance(tape)
        self._lock = threading.Lock()

    @property
    def surprises(self) -> list[str]:
        """What the client said and the tape does not know, oldest first."""
        return list(self._performance.surprises)

    @property
    def progress(self) -> tuple[int, int]:
        """How many of the venue's frames were played, and how many there are."""
        return self._performance.played, self._performance.total

    @property
    def shows_masks(self) -> bool:
        """Whether the recorded client sent credentials."""
        return self._performance.shows_masks

    def dial(self, endpoint: Endpoint, deadline: Deadline, wiretap: Wiretap) -> PlayedConnection:
        """Return the next connection of the tape; raise ConnectFailed where there is none.

        At once, whatever the `deadline`. `wiretap` is told of it, with the URL of the `endpoint`.
        """
        with self._lock:
            script = self._performance.connect()
        if script is None:
            raise ConnectFailed("the tape has no further connection")
        wiretap.opened(endpoint.url)
        return PlayedConnection(script, self._performance, self._speed, wiretap)

    def request(self, request: HttpRequest, deadline: Deadline) -> HttpResponse:
        """Return the recorded answer to a `request`; raise where there is none.

        At once, whatever the `deadline`: ConnectFailed for a request that the tape does not know or
        that was not sent, ConnectionLost for one without an answer.
        """
        body = (request.body or b"").decode("utf-8", "replace")
        with self._lock:
            found = self._performance.exchange(request.method, str(request.url), body)
        if found is None:
            raise ConnectFailed("the tape does not know this HTTP request")
        if found.error.startswith(UNSENT):
            raise ConnectFailed("the HTTP request was not sent, as on the tape")
        if found.status is None:
            raise ConnectionLost("the HTTP request failed, as on the tape", outcome_unknown=True)
        return HttpResponse(found.status, dict(found.headers), found.received.encode())

    def close(self) -> None:
        """Do nothing: no request waits."""

    def abandon(self) -> None:
        """Do nothing: there is no descriptor."""


def replay_into(client: Client, tape: Tape, speed: float = 1.0) -> Player:
    """Let `client` speak to a tape, from its first `connect` on, and return what plays it.

    No socket is opened. What the client sends is looked up on the tape, and what the venue
    answered then it answers now, with the client's own ids; a stream begins with its subscribe,
    at the pace of the recording, `speed` times as fast, or with ``math.inf`` at once. Reconnects
    are played as they came, and the client tells of its gaps. A frame that the tape does not know
    ends the connection. Played as fast as possible, a stream can outrun its consumer: then the
    bounds of the queues apply, and the gap tells it.

    Raises ValueError where the tape is another venue's, the client was connected before, or the
    speed is none; TapeCorrupted and OSError where the tape cannot be read.
    """
    player = Player(tape, speed)
    _play(player, tape, client)
    return player


def _play(player: Player, tape: Tape, client: Client) -> None:
    if tape.header.venue != client.venue:
        raise ValueError(f"a tape of {tape.header.venue or 'no venue'} for {client.venue}")
    if client.state is not State.NEW:
        raise ValueError("this client was connected before: a tape is its first venue")
    client._use(player.dial, lambda: player)


@contextmanager
def replayed(tape: Tape, kind: type[C], *, speed: float = 1.0, **options: Any) -> Iterator[C]:
    """Make a client of a `kind` that speaks to a tape, connect it, and close it at the end.

    ``with replayed(read_tape("monday.tape.zst"), OnyxClient, speed=10) as client:`` reads like
    any client of that class. `options` are the client's own; credentials that are left out are
    made up where the recorded client had some, and it reconnects at once. What `replay_into` says
    holds here.
    """
    player = Player(tape, speed)
    optional = frozenset() if player.shows_masks else kind.optional_credentials
    made_up: dict[str, Any] = dict.fromkeys(kind.credentials.keys() - optional, "replayed")
    client = kind(**{**made_up, "reconnect": AT_ONCE, **options})
    _play(player, tape, client)
    with client:
        yield client
