"""The simulated Loopring's heartbeat of one connection: text pings out, text pongs in.

It counts, and hangs up as documented. It keeps no time itself: whoever makes one lends it the
venue's clock, and calls it with the venue's lock held.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Protocol

from venuesdk.testing.schedule import Alarm

__all__ = ["Heartbeat"]

# No document names a close code; this one says that the client broke a rule.
_BROKE_A_RULE = 1008
_PATIENCE = 1.0

Later = Callable[[float, Callable[[], None]], Alarm]


class _Peer(Protocol):
    @property
    def is_open(self) -> bool:
        """Whether anything can be sent."""

    def event(self, message: object) -> None:
        """Send one message."""

    def close(self, code: int, reason: str = "") -> None:
        """Begin to close."""

    def drop(self) -> None:
        """Cut the connection."""


class Heartbeat:
    """Owes nothing as long as each ``ping`` gets its one ``pong`` within `deadline` seconds."""

    def __init__(self, peer: _Peer, later: Later, deadline: float) -> None:
        self._peer = peer
        self._later = later
        self._deadline = deadline
        self._unanswered: deque[Alarm] = deque()

    def ping(self) -> None:
        """Send one ``ping``, whose deadline runs from now."""
        if self._peer.is_open:
            self._peer.event("ping")
            alarm = self._later(self._deadline, lambda: self._hang_up("no pong"))
            self._unanswered.append(alarm)

    def pong(self) -> None:
        """Take one ``pong`` for the oldest ``ping``; one too many ends the connection."""
        if self._unanswered:
            self._unanswered.popleft().cancel()
        else:
            self._hang_up("more pongs than pings")

    def stop(self) -> None:
        """Expect nothing any more."""
        while self._unanswered:
            self._unanswered.popleft().cancel()

    def _hang_up(self, reason: str) -> None:
        self.stop()
        self._peer.close(_BROKE_A_RULE, reason)
        # A client that is gone will not answer a close frame.
        self._later(_PATIENCE, self._peer.drop)
