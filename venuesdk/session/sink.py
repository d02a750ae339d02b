"""Sink: what takes the events of streams as they come, undecoded, in the place of a callback.

It stands before the queues of a subscription: what it takes never waits there, and no delivery
runs for it. What is built on the clients uses it; here nothing is known of what it does.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ..errors import VenueError
from ..models import Gap
from ..protocol.codec import Event, Topic
from .subscription import Subscription

if TYPE_CHECKING:
    from .delivery import Delivery

__all__ = ["Sink", "SinkSubscription"]


class Sink:
    """What is given to ``subscribe…`` as a callback, and gets the stream raw.

    Its methods are called under the delivery's lock, on whatever thread it happens: they neither
    wait nor raise, but for `accept`.
    """

    def __call__(self, event: Any) -> object:
        """Nobody calls it: a client knows it when it sees it."""
        raise TypeError(f"{type(self).__name__} is given to a client's subscribe methods")

    def accept(self, subscription: SinkSubscription) -> None:
        """Get ready for a subscription, on its caller's thread; raise where that cannot be."""
        raise NotImplementedError

    def take(self, subscription: SinkSubscription, events: Sequence[Event], epoch: int) -> None:
        """Take events in their order; others are given the same list."""
        raise NotImplementedError

    def take_gap(self, subscription: SinkSubscription, gap: Gap) -> None:
        """Take a gap, which stands before the next event."""
        raise NotImplementedError

    def ended(self, subscription: SinkSubscription, error: VenueError | None) -> None:
        """Hear that nothing more comes, and why, or None where the subscription was closed."""
        raise NotImplementedError


class SinkSubscription(Subscription[Any]):
    """A stream that goes to a sink: it counts, and keeps nothing."""

    __slots__ = ("_sink",)

    def __init__(
        self,
        topic: Topic,
        delivery: Delivery,
        sink: Sink,
        on_gap: object = None,
        conflate: bool = False,
        max_queue: int | None = None,
        stale_after: float | None = None,
    ) -> None:
        taker = type(sink).__name__
        if on_gap is not None:
            raise ValueError(f"the gaps of a stream go to the {taker} too, not to on_gap")
        if conflate:
            raise ValueError(f"a {taker} takes every event: conflate where they are read")
        if max_queue is not None:
            raise ValueError(f"nothing waits in a subscription for a {taker}: bound that")
        super().__init__(topic, delivery, stale_after=stale_after)
        self._sink = sink

    def ready(self) -> None:
        """Let the sink get ready."""
        self._sink.accept(self)

    def get(self, timeout: float | None = None) -> Any:
        """Raise `ValueError`: what comes goes elsewhere."""
        raise ValueError(f"the events of {self.topic.name} go to a {type(self._sink).__name__}")

    def end(self, error: VenueError | None) -> None:
        """Receive nothing more."""
        with self._delivery.lock:
            if not self.closed:
                self._sink.ended(self, error)
            super().end(error)

    def offer_locked(self, events: Sequence[Event]) -> None:
        """Hand events on, in order."""
        if not self.closed:
            self.inbox.count_locked(len(events))
            self.delivered += len(events)
            self._sink.take(self, events, self._delivery.epoch)

    def offer_gap_locked(self, gap: Gap) -> None:
        """Hand a gap on."""
        if not self.closed:
            self._delivery.totals.gaps += 1
            self._gaps_told += 1
            self._sink.take_gap(self, gap)
