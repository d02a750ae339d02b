"""The words of subscribing: a topic's feed, who listens, what is asked of the venue, who waits.

Plain state without rules; what happens to it is decided in `venuesdk.protocol.subscriptions`.
"""

from __future__ import annotations

import contextlib
import enum
from collections.abc import Callable, Hashable, Mapping
from typing import Any, Protocol, TypeAlias

from attrs import define, field

from ..errors import VenueError
from ..models import Gap
from .codec import Event, Request, Topic

__all__ = [
    "Cancels",
    "EarlyEvents",
    "Feed",
    "FeedState",
    "Kind",
    "Listener",
    "Operation",
    "Routes",
    "Ticket",
]

HELD_EVENTS = 1_000
HELD_BYTES = 1 << 20


class FeedState(enum.Enum):
    """Where a topic stands on the wire."""

    IDLE = "idle"
    STARTING = "starting"
    ACTIVE = "active"
    STOPPING = "stopping"


class Listener(Protocol):
    """One subscription of the user, as this module sees it. None of its methods may wait.

    `feed` is kept by this module: the topic that the listener belongs to, or None.
    """

    feed: Feed | None

    def gap(self, gap: Gap) -> None:
        """Put `gap` before the next event."""

    def end(self, error: VenueError | None) -> None:
        """Receive nothing any more; `error` says why, or None where the user asked for it."""


Cancels: TypeAlias = Callable[[Topic], bool]


class Ticket:
    """One caller that waits until its feeds are active, or one operation of its is answered.

    `settle` is called once, with None or with the error that the caller gets; it must not wait.
    `patience` is how many seconds the caller gives the venue, and `sent` whether anything that
    it waits for may have left. `epoch` is the number of the connection that they are active on.
    """

    __slots__ = ("epoch", "listeners", "patience", "sent", "settle", "settled", "waiting")

    def __init__(
        self, settle: Callable[[Exception | None], None], patience: float = 0.0
    ) -> None:
        self.settle = settle
        self.patience = patience
        self.epoch = 0
        self.sent = False
        self.settled = False
        self.waiting: set[Hashable] = set()
        self.listeners: list[tuple[Feed, Listener]] = []

    def finish(self, error: Exception | None) -> None:
        """Let the caller go, unless it went already."""
        if not self.settled:
            self.settled = True
            self.settle(error)


@define(eq=False)
class Feed:
    """One topic: who listens, and where it stands on the wire.

    `joining` are listeners that must not see an event before the stream has been started anew;
    `informed` are those that know of the coming restart, and need no gap for it.
    """

    topic: Topic
    state: FeedState = FeedState.IDLE
    route: Hashable | None = None
    listeners: list[Listener] = field(factory=list)
    joining: list[Listener] = field(factory=list)
    informed: list[Listener] = field(factory=list)
    tickets: list[Ticket] = field(factory=list)
    queued: bool = False
    restart: bool = False

    @property
    def wanted(self) -> bool:
        """Whether anybody listens."""
        return bool(self.listeners or self.joining)

    @property
    def busy(self) -> bool:
        """Whether an operation of this topic is unanswered."""
        return self.state in (FeedState.STARTING, FeedState.STOPPING)

    def waiting_listeners(self) -> list[Listener]:
        """Return those whose caller has not been told yet that the topic is active."""
        return [
            listener
            for ticket in self.tickets
            for feed, listener in ticket.listeners
            if feed is self
        ]

    def discard(self, listener: Listener) -> None:
        """Let `listener` belong to this feed no more."""
        listener.feed = None
        for group in (self.listeners, self.joining, self.informed):
            with contextlib.suppress(ValueError):
                group.remove(listener)

    def empty(self) -> list[Listener]:
        """Let every listener belong to this feed no more, and return them."""
        ended = [*self.listeners, *self.joining]
        self.listeners.clear()
        self.joining.clear()
        self.informed.clear()
        for listener in ended:
            listener.feed = None
        return ended

    def admit(self) -> None:
        """Let those who waited for a new start listen from here on."""
        self.listeners += self.joining
        self.joining.clear()


class Kind(enum.Enum):
    """What an operation asks of the venue."""

    START = "subscribe"
    STOP = "unsubscribe"
    CANCEL = "explicit unsubscribe"


@define(eq=False)
class Operation:
    """One subscribe or unsubscribe, queued or in flight.

    `leaving` is the listener that an unsubscribe is for, where its caller waits for the venue.
    `ending` are the listeners that the venue's yes will end: those who were there when it was
    asked. `active_before` are topics of a subscribe that were active already.
    """

    kind: Kind
    feeds: tuple[Feed, ...] = ()
    options: Mapping[str, Any] = field(factory=dict)
    ticket: Ticket | None = None
    cancels: Cancels | None = None
    request: Request | None = None
    due: float = 0.0
    leaving: Listener | None = None
    ending: list[tuple[Feed, list[Listener]]] = field(factory=list)
    active_before: tuple[Feed, ...] = ()


class Routes(dict[Hashable, "dict[Feed, None]"]):
    """Where events go: a route to the feeds that its events belong to, in order."""

    def add(self, route: Hashable, feed: Feed) -> None:
        """Let events of `route` reach `feed` too."""
        feed.route = route
        self.setdefault(route, {})[feed] = None

    def remove(self, feed: Feed) -> None:
        """Let no event reach `feed` any more."""
        for route in (feed.route, feed.topic.route):
            feeds = None if route is None else self.get(route)
            if feeds is None or feed not in feeds:
                continue
            del feeds[feed]
            if not feeds:
                del self[route]
        feed.route = None


class EarlyEvents:
    """Events whose route an answer that is still to come may hand out, up to a bound."""

    __slots__ = ("_bytes", "_events")

    def __init__(self) -> None:
        self._events: list[Event] = []
        self._bytes = 0

    def __len__(self) -> int:
        return len(self._events)

    def hold(self, event: Event) -> bool:
        """Keep an event; return False where the bound is reached."""
        size = self._bytes + len(event.payload)
        if len(self._events) >= HELD_EVENTS or size > HELD_BYTES:
            return False
        self._events.append(event)
        self._bytes = size
        return True

    def take(self) -> list[Event]:
        """Remove and return what was kept, in order."""
        events, self._events, self._bytes = self._events, [], 0
        return events
