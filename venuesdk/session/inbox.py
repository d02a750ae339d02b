"""Inbox: the bounded queue of one subscription, between the reader and whoever consumes it.

Events wait here as they came, undecoded, because bytes are small and the collector does not walk
them. All inboxes of one client are guarded by one lock, that of its delivery; the methods that
need it end in ``_locked``. Nothing here decodes, waits or runs user code.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Hashable
from typing import Any, TypeAlias

from ..models import Gap, GapReason
from ..protocol.codec import Event

__all__ = ["Inbox", "Item", "Ready", "Totals"]

MAX_QUEUE = 65_536
MAX_QUEUED_BYTES = 64 << 20


class Ready:
    """A value that was decoded already, because its stream is conflated."""

    __slots__ = ("value",)

    def __init__(self, value: Any) -> None:
        self.value = value


Item: TypeAlias = "Event | Gap | Ready"


class Totals:
    """Counts over all subscriptions of a client, those that are closed included."""

    __slots__ = ("dropped", "gaps", "received", "undecodable")

    def __init__(self) -> None:
        self.received = 0
        self.dropped = 0
        self.gaps = 0
        self.undecodable = 0


class Inbox:
    """What waits for the consumer of one subscription, in order, with every loss counted.

    Market data drops its oldest: the gap that tells of it stands where the events stood. A
    `private` stream keeps what it has and drops what comes on top, until the consumer has taken
    all; then the gap tells of it, and the stream is asked for anew.
    """

    __slots__ = (
        "_gaps",
        "_max_queue",
        "_newest",
        "_overflow",
        "_private",
        "_queue",
        "_totals",
        "conflated",
        "dropped",
        "queued_bytes",
        "received",
    )

    def __init__(self, private: bool, max_queue: int | None, totals: Totals) -> None:
        self._private = private
        self._max_queue = max_queue or MAX_QUEUE
        self._totals = totals
        self._queue: deque[Event | Gap] = deque()
        self._gaps: deque[Gap] = deque()
        self._newest: dict[Hashable, Any] = {}
        self._overflow = 0
        self.queued_bytes = 0
        self.received = 0
        self.dropped = 0
        self.conflated = 0

    def __len__(self) -> int:
        return len(self._queue) + len(self._newest)

    def pending_locked(self) -> int:
        """Return how many items `take_locked` will return."""
        waiting = len(self._gaps) + len(self._queue) + len(self._newest)
        return waiting + 1 if self._overflow else waiting

    def offer_locked(self, event: Event, epoch: int) -> None:
        """Queue one event, making room where the bound is reached."""
        self._count_arrival()
        size = len(event.payload)
        if self._overflow or self._full(size):
            if self._private:
                self._overflow += 1
                self._count_drop()
                return
            while self._queue and self._full(size):
                self._drop_oldest(epoch)
        self._queue.append(event)
        self.queued_bytes += size

    def offer_newest_locked(self, rows: list[tuple[Hashable, Any]]) -> None:
        """Keep the newest value of each key; a key keeps its place in the line."""
        self._count_arrival()
        for key, value in rows:
            if key in self._newest:
                self.conflated += 1
            self._newest[key] = value

    def offer_gap_locked(self, gap: Gap) -> None:
        """Queue a gap behind all that waits."""
        if self._overflow:
            self._queue.append(Gap(GapReason.OVERFLOW, self._overflow, gap.epoch))
            self._overflow = 0
        (self._gaps if self._newest else self._queue).append(gap)

    def take_locked(self, epoch: int) -> Item | None:
        """Remove and return what the consumer gets next, or None."""
        if self._gaps:
            return self._gaps.popleft()
        if self._queue:
            item = self._queue.popleft()
            if type(item) is Event:
                self.queued_bytes -= len(item.payload)
            return item
        if self._newest:
            return Ready(self._newest.pop(next(iter(self._newest))))
        if self._overflow:
            gap = Gap(GapReason.OVERFLOW, self._overflow, epoch)
            self._overflow = 0
            return gap
        return None

    def clear_locked(self) -> None:
        """Forget all that waits; nobody will take it."""
        self._queue.clear()
        self._gaps.clear()
        self._newest.clear()
        self._overflow = 0
        self.queued_bytes = 0

    def _full(self, size: int) -> bool:
        return len(self._queue) >= self._max_queue or (
            self.queued_bytes + size > MAX_QUEUED_BYTES and bool(self._queue)
        )

    def _drop_oldest(self, epoch: int) -> None:
        oldest = self._queue.popleft()
        if isinstance(oldest, Gap):
            self._gaps.append(oldest)
            return
        self._count_drop()
        self.queued_bytes -= len(oldest.payload)
        count = 1
        if self._gaps and self._gaps[-1].reason is GapReason.OVERFLOW:
            count += self._gaps.pop().count or 0
        self._gaps.append(Gap(GapReason.OVERFLOW, count, epoch))

    def _count_arrival(self) -> None:
        self.received += 1
        self._totals.received += 1

    def _count_drop(self) -> None:
        self.dropped += 1
        self._totals.dropped += 1
