"""Inboxes: the bounded queue of one subscription, between the reader and whoever consumes it.

Events wait here as they came, undecoded, because bytes are small and the collector does not walk
them; only a conflated stream is decoded before. All inboxes of one client are guarded by one
lock, that of its delivery; the methods that need it end in ``_locked``. Nothing here decodes,
waits or runs user code.

What waits is bounded in every direction: events by number and bytes, gaps by being merged where
no event stands between them.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Hashable, Iterator, Sequence
from itertools import repeat
from typing import Any, Protocol, TypeAlias

from ..models import Gap, GapReason
from ..protocol.codec import Event

__all__ = ["ConflatedInbox", "EventInbox", "Inbox", "Item", "Ready", "Totals", "popped"]

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


class Inbox(Protocol):
    """What both kinds of inbox have."""

    queued_bytes: int
    received: int
    dropped: int
    conflated: int

    def __len__(self) -> int: ...

    def pending_locked(self) -> int:
        """Return how many items `take_locked` will return."""

    def count_locked(self, events: int) -> None:
        """Count events that arrived."""

    def offer_locked(self, arrived: Any, epoch: int) -> None:
        """Queue what one event brought."""

    def offer_gap_locked(self, gap: Gap) -> None:
        """Queue a gap behind all that waits."""

    def take_locked(self, epoch: int) -> Item | None:
        """Remove and return what the consumer gets next, or None."""

    def take_some_locked(self, most: int, into: deque[Item], epoch: int) -> None:
        """Move up to `most` items into an empty `into`; none only where there is none."""

    def clear_locked(self) -> None:
        """Forget all that waits; nobody will take it."""


class _Counting:
    """What both kinds count, for themselves and for the client as a whole."""

    __slots__ = ("_totals", "conflated", "dropped", "queued_bytes", "received")

    def __init__(self, totals: Totals) -> None:
        self._totals = totals
        self.queued_bytes = 0
        self.received = 0
        self.dropped = 0
        self.conflated = 0

    def count_locked(self, events: int) -> None:
        """Count events that arrived, those included that need not wait here."""
        self.received += events
        self._totals.received += events

    def _count_drop(self) -> None:
        self.dropped += 1
        self._totals.dropped += 1


class EventInbox(_Counting):
    """What waits for the consumer of one subscription, in order, with every loss counted.

    Market data drops its oldest: the gap that tells of it stands where the events stood. A
    `private` stream keeps what it has and drops what comes on top, until the consumer has taken
    all; then the gap tells of it, and the stream is asked for anew.
    """

    __slots__ = ("_front", "_max_queue", "_overflow", "_private", "_queue")

    def __init__(self, private: bool, max_queue: int | None, totals: Totals) -> None:
        super().__init__(totals)
        self._private = private
        self._max_queue = max_queue or MAX_QUEUE
        self._queue: deque[Event | Gap] = deque()
        self._front: list[Gap] = []
        self._overflow = 0

    def __len__(self) -> int:
        return len(self._queue)

    def pending_locked(self) -> int:
        """Return how many items `take_locked` will return."""
        waiting = len(self._front) + len(self._queue)
        return waiting + 1 if self._overflow else waiting

    def offer_locked(self, events: Sequence[Event], epoch: int) -> None:
        """Queue events, making room where the bound is reached."""
        count = len(events)
        self.count_locked(count)
        # All at once, where there is room for all: nearly always.
        waiting = self.queued_bytes + sum([len(event.payload) for event in events])
        room = len(self._queue) + count <= self._max_queue and waiting <= MAX_QUEUED_BYTES
        if room and not self._overflow:
            self._queue.extend(events)
            self.queued_bytes = waiting
            return
        for event in events:
            self._squeeze_in(event, epoch)

    def _squeeze_in(self, event: Event, epoch: int) -> None:
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

    def offer_gap_locked(self, gap: Gap) -> None:
        """Queue a gap behind all that waits."""
        if self._overflow:
            _add_gap(self._queue, Gap(GapReason.OVERFLOW, self._overflow, gap.epoch))
            self._overflow = 0
        _add_gap(self._queue, gap)

    def take_some_locked(self, most: int, into: deque[Item], epoch: int) -> None:
        """Move up to `most` items into an empty `into`; none only where there is none."""
        queue = self._queue
        if self._front or not queue:
            into.extend(_one(self.take_locked(epoch)))
            return
        into.extend(popped(queue, min(most, len(queue))))
        if queue:
            self.queued_bytes -= sum([len(one.payload) for one in list(into) if type(one) is Event])
        else:
            self.queued_bytes = 0

    def take_locked(self, epoch: int) -> Item | None:
        """Remove and return what the consumer gets next, or None."""
        if self._front:
            return self._front.pop(0)
        if self._queue:
            item = self._queue.popleft()
            if type(item) is Event:
                self.queued_bytes -= len(item.payload)
            return item
        if self._overflow:
            gap = Gap(GapReason.OVERFLOW, self._overflow, epoch)
            self._overflow = 0
            return gap
        return None

    def clear_locked(self) -> None:
        """Forget all that waits; nobody will take it."""
        self._queue.clear()
        self._front.clear()
        self._overflow = 0
        self.queued_bytes = 0

    def _full(self, size: int) -> bool:
        return len(self._queue) >= self._max_queue or (
            self.queued_bytes + size > MAX_QUEUED_BYTES and bool(self._queue)
        )

    def _drop_oldest(self, epoch: int) -> None:
        oldest = self._queue.popleft()
        if isinstance(oldest, Gap):
            _add_gap(self._front, oldest)
            return
        self._count_drop()
        self.queued_bytes -= len(oldest.payload)
        _add_gap(self._front, Gap(GapReason.OVERFLOW, 1, epoch))


class ConflatedInbox(_Counting):
    """The newest value of each key; a key keeps its place in the line.

    Gaps stand in the middle: before them what came before, newest values too, behind them what
    came since. More keys than the bound drop the oldest one.
    """

    __slots__ = ("_before", "_gaps", "_max_queue", "_newest")

    def __init__(self, max_queue: int | None, totals: Totals) -> None:
        super().__init__(totals)
        self._max_queue = max_queue or MAX_QUEUE
        self._before: OrderedDict[Hashable, Any] = OrderedDict()
        self._gaps: deque[Gap] = deque()
        self._newest: OrderedDict[Hashable, Any] = OrderedDict()

    def __len__(self) -> int:
        return len(self._before) + len(self._newest)

    def pending_locked(self) -> int:
        """Return how many items `take_locked` will return."""
        return len(self._before) + len(self._gaps) + len(self._newest)

    def offer_locked(self, rows: Sequence[tuple[Hashable, Any]], epoch: int) -> None:
        """Keep the newest value of each key that one event brought."""
        self.count_locked(1)
        for key, value in rows:
            if key in self._newest:
                self.conflated += 1
            elif len(self) >= self._max_queue:
                self._drop_oldest(epoch)
            self._newest[key] = value

    def offer_gap_locked(self, gap: Gap) -> None:
        """Queue a gap behind all that waits."""
        for key, value in self._newest.items():
            if key in self._before:
                self.conflated += 1
            self._before[key] = value
        self._newest.clear()
        _add_gap(self._gaps, gap)

    def take_locked(self, epoch: int) -> Item | None:
        """Remove and return what the consumer gets next, or None."""
        if self._before:
            return Ready(self._before.popitem(last=False)[1])
        if self._gaps:
            return self._gaps.popleft()
        if self._newest:
            return Ready(self._newest.popitem(last=False)[1])
        return None

    def take_some_locked(self, most: int, into: deque[Item], epoch: int) -> None:
        """Move up to `most` items into an empty `into`; none only where there is none."""
        for _ in range(min(most, self.pending_locked())):
            into.extend(_one(self.take_locked(epoch)))

    def clear_locked(self) -> None:
        """Forget all that waits; nobody will take it."""
        self._before.clear()
        self._gaps.clear()
        self._newest.clear()

    def _drop_oldest(self, epoch: int) -> None:
        (self._before or self._newest).popitem(last=False)
        self._count_drop()
        _add_gap(self._gaps, Gap(GapReason.OVERFLOW, 1, epoch))


def popped(line: deque[Any], count: int) -> Iterator[Any]:
    """Return what takes `count` items out of a line, each in the step that hands it on.

    Consumed by ``extend``, it lets Ctrl-C find each item either there or here.
    """
    return map(deque.popleft, repeat(line, count))


def _one(item: Item | None) -> tuple[Item, ...]:
    return () if item is None else (item,)


def _add_gap(line: list[Gap] | deque[Gap] | deque[Event | Gap], gap: Gap) -> None:
    """Put a gap at the end of a line, into one with another that no event stands between."""
    for index in range(len(line) - 1, -1, -1):
        other = line[index]
        if not isinstance(other, Gap):
            break
        if other.reason is gap.reason:
            unknown = other.count is None or gap.count is None
            count = None if unknown else (other.count or 0) + (gap.count or 0)
            line[index] = Gap(gap.reason, count, gap.epoch)
            return
    line.append(gap)
