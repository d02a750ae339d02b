"""What every venue's conversation has in common, without a socket, a thread or a clock.

Ids that are never used twice, the login as a sequence of steps, and the heartbeat's judgement.
Time is always an argument. Subscriptions have a module of their own.
"""

from __future__ import annotations

import enum
from collections.abc import Callable

from ..errors import VenueError
from ..models import HttpRequest, HttpResponse
from .codec import Codec, Pulse, Request

__all__ = ["Beat", "Heart", "Ids", "Opening", "find_address"]


class Ids:
    """Number requests from 1 up, never using a number twice in a client's life.

    That is what keeps a late response to a timed-out request from being given to another one,
    over reconnections too. Guarded by the session's lock.
    """

    __slots__ = ("_last",)

    def __init__(self) -> None:
        self._last = 0

    def next(self) -> int:
        """Return a number that was never returned before."""
        self._last += 1
        return self._last


class Opening:
    """Walk through a codec's login, one request at a time.

    Nothing else may be sent on the connection until `step` has returned None.
    """

    __slots__ = ("_steps", "_started")

    def __init__(self, codec: Codec) -> None:
        self._steps = codec.opening()
        self._started = False

    def step(self, outcome: bytes | VenueError | None = None) -> Request | None:
        """Hand in what the last request brought, and return the next one, or None at the end.

        Raises what the codec makes of a refusal.
        """
        try:
            if not self._started:
                self._started = True
                return next(self._steps)
            if isinstance(outcome, VenueError):
                return self._steps.throw(outcome)
            return self._steps.send(outcome or b"")
        except StopIteration:
            return None


def find_address(codec: Codec, fetch: Callable[[HttpRequest], HttpResponse]) -> str:
    """Return the URL to connect to; `fetch` asks over HTTP what the codec must know first.

    Raises what `fetch` raises, and what the codec makes of an answer.
    """
    steps = codec.address()
    try:
        request = next(steps)
        while True:
            request = steps.send(fetch(request))
    except StopIteration as stop:
        url: str = stop.value
        return url


class Beat(enum.Enum):
    """What the heartbeat asks for now."""

    NOTHING = "nothing"
    ASK = "ask"
    DEAD = "dead"


class Heart:
    """Judge whether the venue is alive by when a byte of it last came.

    After ``pulse.quiet`` seconds of silence it says ASK, once; after ``pulse.patience`` more
    without a byte it says DEAD. Any inbound byte is life. Only the reader thread uses it.
    """

    __slots__ = ("_asked_at", "pulse")

    def __init__(self, pulse: Pulse) -> None:
        self.pulse = pulse
        self._asked_at: float | None = None

    def beat(self, now: float, heard_at: float) -> Beat:
        """Return what to do at `now`, when the last byte came at `heard_at`."""
        asked_at = self._asked_at
        if asked_at is not None and heard_at > asked_at:
            asked_at = self._asked_at = None
        if asked_at is None:
            if now - heard_at < self.pulse.quiet:
                return Beat.NOTHING
            self._asked_at = now
            return Beat.ASK
        return Beat.DEAD if now - asked_at >= self.pulse.patience else Beat.NOTHING

    def wait(self, now: float, heard_at: float) -> float:
        """Return the seconds until `beat` can have something new to say."""
        asked_at = self._asked_at
        if asked_at is not None and heard_at <= asked_at:
            due = asked_at + self.pulse.patience
        else:
            due = heard_at + self.pulse.quiet
        return max(0.0, due - now)
