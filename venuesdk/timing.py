"""Deadlines, backoff and the clocks: the one module that reads the time.

Nothing here sleeps or waits; it only says how long somebody else may.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable

from attrs import field, frozen, validators

__all__ = ["Backoff", "Deadline", "monotonic", "real_monotonic", "wall_clock"]

monotonic: Callable[[], float] = time.monotonic
"""Seconds that never go back: what every deadline, heartbeat and backoff is judged by."""

real_monotonic: Callable[[], float] = time.monotonic
"""The same, for those that no `FakeClock` moves: simulated venues, bad networks, that clock."""

wall_clock: Callable[[], float] = time.time
"""Seconds since 1970, UTC; for people to read, never for a decision."""


class Deadline:
    """One point in time, shared by every step of one operation.

    ``Deadline(2)`` is two seconds from now, ``Deadline(None)`` never comes. A deadline may be
    cancelled from any thread: from then on it has expired, so that whoever waits in slices for
    it ends. It holds no lock: its two fields are each written in one step.
    """

    __slots__ = ("_at", "cancelled", "timeout")

    def __init__(self, timeout: float | None) -> None:
        # First of all, for a traceback that captures locals shows it though it was refused.
        self.cancelled, self.timeout, self._at = False, timeout, None
        if timeout is not None:
            if isinstance(timeout, bool) or not isinstance(timeout, (int, float)):
                raise TypeError(f"a timeout is a number of seconds or None, not {timeout!r}")
            if not timeout >= 0:
                raise ValueError(f"a timeout cannot be negative: {timeout!r}")
            self._at = monotonic() + timeout

    def remaining(self) -> float | None:
        """Return the seconds left, 0.0 at the least, or None where there is no limit."""
        if self.cancelled:
            return 0.0
        if self._at is None:
            return None
        left = self._at - monotonic()
        return left if left > 0.0 else 0.0

    def expired(self) -> bool:
        """Return whether the time has come, or the operation was cancelled."""
        return self.remaining() == 0.0

    def slice(self, longest: float) -> float:
        """Return the seconds left, but never more than `longest`."""
        left = self.remaining()
        return longest if left is None or left > longest else left

    def cancel(self) -> None:
        """Let the deadline come now; safe from any thread."""
        self.cancelled = True

    def __repr__(self) -> str:
        state = "cancelled" if self.cancelled else f"remaining={self.remaining()}"
        return f"Deadline({self.timeout!r}, {state})"


@frozen
class Backoff:
    """How long to wait before each attempt to connect again.

    Full jitter: attempt *n* waits a random time between 0 and ``initial * factor**n`` seconds, at
    most ``maximum``. The count starts anew only after a connection was ``healthy`` seconds long,
    so that a link that comes up and falls at once is not hammered.
    """

    initial: float = field(default=0.5, validator=validators.gt(0))
    factor: float = field(default=2.0, validator=validators.ge(1))
    maximum: float = field(default=30.0, validator=validators.gt(0))
    healthy: float = field(default=60.0, validator=validators.ge(0))

    def ceiling(self, attempt: int) -> float:
        """Return the longest wait, in seconds, before attempt number `attempt` (from 0)."""
        try:
            return float(min(self.maximum, self.initial * self.factor**attempt))
        except OverflowError:
            return float(self.maximum)

    def delay(
        self, attempt: int, random_fraction: Callable[[], float] = random.random
    ) -> float:
        """Return the seconds to wait before attempt number `attempt` (from 0).

        `random_fraction` returns a number from 0 to 1, which the longest wait is multiplied by.
        """
        return self.ceiling(attempt) * random_fraction()
