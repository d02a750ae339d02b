"""Subscription: what the user holds of one stream.

Its events wait in an `Inbox`, undecoded; whoever consumes them decodes them.
"""

from __future__ import annotations

import copy
import math
import threading
from collections.abc import Callable, Hashable, Iterator, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from attrs import frozen

from ..errors import ClientClosed, ProtocolError, VenueError
from ..models import Gap, GapReason
from ..protocol.codec import Event, Topic
from ..protocol.feeds import Feed
from ..timing import Deadline
from .callbacks import check_callback, name_of
from .inbox import ConflatedInbox, EventInbox, Inbox, Item, Ready
from .slots import SLICE

if TYPE_CHECKING:
    from .delivery import Delivery

__all__ = ["NOTHING", "Subscription", "SubscriptionStats"]

T = TypeVar("T")

NOTHING: Any = object()
"""What `Subscription.open` returns where an item brings no value."""


@frozen
class SubscriptionStats:
    """The counters of one subscription, at one moment.

    ``number`` tells it from the client's others, of the same topic too; it is never used twice.
    ``received`` counts events that arrived for it, ``delivered`` those handed to its consumer,
    ``dropped`` those lost to the queue's bound, ``conflated`` values replaced by newer ones;
    ``callback_seconds`` is the time spent in its callback.
    """

    topic: str
    number: int
    received: int
    delivered: int
    dropped: int
    conflated: int
    undecodable: int
    gaps: int
    queued: int
    queued_bytes: int
    callback_seconds: float


class Subscription(Generic[T]):
    """One stream of one client.

    `payload` is what the event that was delivered last came as: the venue's own JSON, with whatever
    the typed value leaves out. Inside a callback it is that of the event in hand; a conflated
    stream has none.

    With a callback, the client's delivery calls it. Without, iterate over the subscription or call
    `get`; then the calling thread decodes, and ``on_gap`` runs there. ``with`` closes it.

    Lock: the delivery's, for everything that is not set once in the constructor. The counters
    that only one thread writes are written without it.
    """

    __slots__ = (
        "__weakref__", "_arrived", "_delivery", "_gaps_told", "_on_gap", "_undecodable",
        "began", "broken", "callback", "callback_seconds", "closed", "conflate", "delivered",
        "ended", "error", "feed", "inbox", "number", "payload", "release", "resync",
        "stale_after", "tokens", "topic",
    )  # fmt: skip

    def __init__(
        self,
        topic: Topic,
        delivery: Delivery,
        callback: Callable[[T], object] | None = None,
        on_gap: Callable[[Gap], object] | None = None,
        conflate: bool = False,
        max_queue: int | None = None,
        stale_after: float | None = None,
    ) -> None:
        # First of all, for a traceback that captures locals shows it though it was refused.
        self.topic = topic
        self.closed = False
        check_callback("a callback", callback)
        check_callback("on_gap", on_gap)
        if max_queue is not None and type(max_queue) is not int:
            raise TypeError(f"max_queue is an int, not {max_queue!r}")
        if not isinstance(conflate, bool):
            raise TypeError(f"conflate is True or False, not {conflate!r}")
        if max_queue is not None and max_queue < 1:
            raise ValueError(f"max_queue must be at least 1, not {max_queue!r}")
        if stale_after is not None and not _is_time(stale_after):
            raise ValueError(f"stale_after is a number of seconds above 0, not {stale_after!r}")
        if conflate and topic.split is None:
            raise ValueError(f"{topic.name} cannot be conflated: its events have no key")
        self.callback = callback
        self.conflate = conflate
        self.stale_after = stale_after
        self.feed: Feed | None = None
        self.payload: bytes | None = None
        self.error: VenueError | None = None
        self.release: Callable[[Subscription[Any]], None] | None = None
        self.resync: Callable[[Subscription[Any]], None] | None = None
        self.number = next(delivery.numbers)
        self._delivery = delivery
        self._on_gap = on_gap
        self.inbox: Inbox = (
            ConflatedInbox(max_queue, delivery.totals)
            if conflate
            else EventInbox(topic.private, max_queue, delivery.totals)
        )
        # Only for those who iterate: there may be thousands of subscriptions.
        self._arrived = threading.Condition(delivery.lock) if callback is None else None
        self.began = 0
        self.ended: Callable[[], None] | None = None
        self.broken: Callable[[], None] | None = None
        self.tokens = 0
        self.delivered = 0
        self._undecodable = 0
        self._gaps_told = 0
        self.callback_seconds = 0.0

    # For the user --------------------------------------------------------------------------------

    def get(self, timeout: float | None = None) -> T:
        """Return the next event, waiting for it up to `timeout` seconds (for ever by default).

        Blocks; any thread but an ``inline`` callback may call it. Raises `TimeoutError` where
        nothing came in time, the error that ended the stream, or `ClientClosed` where it was
        closed.
        """
        arrived = self._arrived
        if arrived is None:
            raise ValueError(f"the subscription to {self.topic.name} has a callback")
        self._delivery.check_fork()
        self._delivery.refuse_reentrant("get")
        deadline = Deadline(timeout)
        while True:
            value = self.open(self._next(arrived, deadline))
            if value is not NOTHING:
                self.delivered += 1
                result: T = value
                return result

    def __iter__(self) -> Iterator[T]:
        """Yield events until the subscription is closed; raise the error that ended it."""
        while True:
            try:
                event = self.get()
            except ClientClosed:
                if not self.closed:  # it is the parent process that has the stream
                    raise
                return
            yield event

    def close(self) -> None:
        """Stop receiving; never waits, from any thread.

        No new callback starts afterwards; one that is running may finish. The venue is told where
        nobody else listens to the topic.
        """
        if self._delivery.forked:
            return
        self.end(None)
        release = self.release
        if release is not None:
            release(self)
            # Only now: where it was interrupted, the next close does it.
            self.release = None

    def __enter__(self) -> Subscription[T]:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    @property
    def received(self) -> int:
        """How many events arrived for it, those included that were dropped or cannot be read."""
        return self.inbox.received

    def __repr__(self) -> str:
        state = "closed" if self.closed else "open"
        return f"<Subscription {self.topic.name} {state}>"

    @property
    def stats(self) -> SubscriptionStats:
        """The counters, now; any thread may ask."""
        return SubscriptionStats(
            topic=self.topic.name,
            number=self.number,
            received=self.inbox.received,
            delivered=self.delivered,
            dropped=self.inbox.dropped,
            conflated=self.inbox.conflated,
            undecodable=self._undecodable,
            gaps=self._gaps_told,
            queued=len(self.inbox),
            queued_bytes=self.inbox.queued_bytes,
            callback_seconds=self.callback_seconds,
        )

    # For the session -----------------------------------------------------------------------------

    def belongs_to(self, delivery: Delivery) -> bool:
        """Return whether this is a subscription of the client that has this delivery."""
        return self._delivery is delivery

    def ready(self) -> None:
        """Get ready for events, on the caller's thread and before anything is sent."""

    # For the session, under its lock -------------------------------------------------------------

    def gap(self, gap: Gap) -> None:
        """Put `gap` behind what is queued and before the next event."""
        self._delivery.put_gap(self, gap)

    def end(self, error: VenueError | None) -> None:
        """Receive nothing more. What is queued is still consumed where an error ended it."""
        with self._delivery.lock:
            if self.closed:
                return
            self.closed = True
            self.error = error
            if error is None or self.callback is not None:
                self.inbox.clear_locked()
            if self._arrived is not None:
                self._arrived.notify_all()
        if self.ended is not None:
            self.ended()
        if error is not None and not isinstance(error, ClientClosed):
            self._delivery.report(error)

    # For the delivery, under its lock ------------------------------------------------------------

    def offer_locked(self, events: Sequence[Event]) -> None:
        """Queue events, in order."""
        if not self.closed:
            self.inbox.offer_locked(events, self._delivery.epoch)
            self._announce_locked(len(events))

    def offer_newest_locked(self, rows: list[tuple[Hashable, Any]]) -> None:
        """Queue `rows`, the newest value of each key."""
        if not self.closed:
            self.inbox.offer_locked(rows, self._delivery.epoch)
            self._announce_locked(len(rows))

    def offer_gap_locked(self, gap: Gap) -> None:
        """Queue a gap."""
        if not self.closed:
            self.inbox.offer_gap_locked(gap)
            self._announce_locked(1)

    def take_locked(self) -> Item | None:
        """Remove and return what the consumer gets next, or None."""
        return self.inbox.take_locked(self._delivery.epoch)

    def _announce_locked(self, items: int) -> None:
        if self._arrived is not None:
            self._arrived.notify(items)
        else:
            self._delivery.announce_locked(self)

    # For the consumer's thread, under no lock ----------------------------------------------------

    def split(self, event: Event) -> list[tuple[Hashable, Any]]:
        """Decode an event of a conflated stream into one value for each key.

        The reader calls it, so a gap is queued here and not told.
        """
        split = self.topic.split
        try:
            value = self.decode(event)
            return [] if value is NOTHING or split is None else list(split(value))
        except Exception as error:
            self._delivery.put_gap(self, self._unreadable(event, error))
            return []

    def open(self, item: Item) -> Any:
        """Return the typed value of an item, or NOTHING; tell about gaps on the way."""
        if type(item) is Event:
            self.payload = item.payload
            try:
                return self.decode(item)
            except Exception as error:
                item = self._unreadable(item, error)
        if isinstance(item, Gap):
            self.tell_gap(item)
            return NOTHING
        return item.value if isinstance(item, Ready) else NOTHING

    def decode(self, event: Event) -> Any:
        """Return the typed value of an event, or NOTHING where the topic did not ask for it."""
        value = event.decode(event.payload)
        narrow = self.topic.narrow
        if narrow is not None:
            # A narrowing is an object: called by its method it costs what a function does.
            value = narrow.__call__(value)
            if value is None:
                return NOTHING
        return value

    def tell_gap(self, gap: Gap) -> None:
        """Run ``on_gap`` with `gap`, or log a warning where there is none."""
        with self._delivery.lock:
            self._gaps_told += 1
            self._delivery.totals.gaps += 1
        if gap.reason is GapReason.OVERFLOW and self.topic.private and self.resync is not None:
            self.resync(self)
        if self._on_gap is None:
            self.warn_of(gap)
            return
        if self.callback is not None:
            self._delivery.call(self._on_gap, gap, self.topic.name)
            return
        try:
            self._on_gap(gap)
        except Exception as error:
            self._delivery.tell(error, name_of(self._on_gap))

    def warn_of(self, gap: Gap) -> None:
        """Log a gap that nobody else is told of."""
        silence = self.stale_after if gap.reason is GapReason.STALE else None
        self._delivery.journal.say_gap(self.topic.name, gap, silence)

    def _unreadable(self, event: Event, cause: Exception) -> Gap:
        """Count and report an event that cannot be read; return the gap that it leaves."""
        error: BaseException = cause
        if not isinstance(cause, VenueError):
            error = ProtocolError(
                f"an event of {self.topic.name} cannot be read: {type(cause).__name__}",
                venue=self._delivery.venue,
                frame=event.payload,
            )
            error.__cause__ = cause
        with self._delivery.lock:
            self._undecodable += 1
            self._delivery.totals.undecodable += 1
        self._delivery.report(error)
        return Gap(GapReason.UNDECODABLE, 1, self._delivery.epoch)

    def _next(self, arrived: threading.Condition, deadline: Deadline) -> Item:
        with self._delivery.lock:
            while True:
                item = self.take_locked()
                if item is not None:
                    return item
                if self.closed:
                    raise copy.copy(self.error) or ClientClosed(
                        f"the subscription to {self.topic.name} is closed",
                        venue=self._delivery.venue,
                    )
                if deadline.expired():
                    raise TimeoutError(f"no event of {self.topic.name} within {deadline.timeout} s")
                arrived.wait(deadline.slice(SLICE))


def _is_time(value: object) -> bool:
    """Return whether `value` is a number of seconds that comes to an end."""
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return number and 0 < value < math.inf  # type: ignore[operator]
