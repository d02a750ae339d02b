"""Stale streams: noticing, on the reader thread, that nothing came for a subscription.

It costs an event nothing: the counts that every inbox keeps anyway are compared between two looks.
It ends no connection and asks nothing of the venue; whether the market is quiet or the stream
dead, only the subscriber can know.
"""

from __future__ import annotations

import math
from collections import deque
from typing import Any
from weakref import ref

from ..models import Gap, GapReason
from .subscription import Subscription

__all__ = ["Staleness"]

SHORTEST_PERIOD = 0.25
LONGEST_PERIOD = 1.0
SHARE = 8.0
"""How many looks there are, at the least, in the time after which a stream is stale."""
HELD_UP = 0.5
"""Seconds by which a look may be late and still count as silence of the venue's."""


class _Watch:
    """One watched subscription: the count at the last look, and since when it stands."""

    __slots__ = ("received", "since", "subscription", "told")

    def __init__(self, subscription: Subscription[Any], now: float) -> None:
        # Weakly, for one that is closed while there is no connection is not looked at any more.
        self.subscription = ref(subscription)
        self.received = -1
        self.since = now
        self.told = False


class Staleness:
    """Look after the subscriptions that want to be told of silence.

    `add` may be called from any thread, everything else on the reader thread alone; so there is
    no lock. Time that the reader itself was held up (by an ``inline`` callback, or because the
    whole process stood still) does not count as silence, for what came meanwhile is still unread:
    `_clock` is the time that does.
    """

    def __init__(self) -> None:
        self._added: deque[Subscription[Any]] = deque()
        self._watches: list[_Watch] = []
        self._period = LONGEST_PERIOD
        self._clock = 0.0
        self._looked_at = -math.inf

    def add(self, subscription: Subscription[Any]) -> None:
        """Watch a subscription from now on, if it wants to be."""
        if subscription.stale_after is not None:
            self._added.append(subscription)

    def begin(self) -> None:
        """Begin on a new connection: whatever was silent before has its time anew."""
        for watch in self._watches:
            watch.received = -1
        self._looked_at = -math.inf

    def look(self, now: float, epoch: int) -> bool:
        """Tell who has had no event for too long; return whether anybody was told.

        Does nothing where the last look was just now. Each silence is told once.
        """
        if not (self._watches or self._added) or now - self._looked_at < self._period:
            return False
        self._clock += min(now - self._looked_at, self._period + HELD_UP)
        self._looked_at = now
        while self._added:
            self._watches.append(_Watch(self._added.popleft(), self._clock))
        gap = Gap(GapReason.STALE, None, epoch)
        told = gone = False
        shortest = math.inf
        for watch in self._watches:
            subscription = watch.subscription()
            if subscription is None or subscription.closed or subscription.stale_after is None:
                gone = True
                continue
            shortest = min(shortest, subscription.stale_after)
            if subscription.received != watch.received:
                watch.received = subscription.received
                watch.since = self._clock
                watch.told = False
            elif not watch.told and self._clock - watch.since >= subscription.stale_after:
                watch.told = told = True
                subscription.gap(gap)
        if gone:
            self._watches = [one for one in self._watches if _lives(one)]
        self._period = min(max(shortest / SHARE, SHORTEST_PERIOD), LONGEST_PERIOD)
        return told


def _lives(watch: _Watch) -> bool:
    subscription = watch.subscription()
    return subscription is not None and not subscription.closed
