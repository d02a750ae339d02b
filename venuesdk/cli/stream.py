"""Stream: all that happens to some topics of a client, in one order, for the thread that asks.

Events, gaps, changes of state and errors come as entries of their own kind, never mixed.
"""

from __future__ import annotations

import copy
import datetime as dt
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple

from ..errors import VenueError
from ..models import State, StateChange
from ..timing import Deadline, wall_clock
from .target import Target
from .topics import Topic

if TYPE_CHECKING:
    from ..session.subscription import Subscription

__all__ = ["Ending", "Entry", "Stream", "head_of", "open_stream"]

class Entry(NamedTuple):
    """What happened: an ``event`` or a ``gap`` of a topic, a ``state`` or an ``error``."""

    kind: str
    value: Any
    topic: str | None = None

    def record(self, venue: str) -> dict[str, Any]:
        """Return it as a line of JSON says it, with the time at which it is said."""
        head = head_of(self.kind, venue)
        if self.kind == "event":
            named = {"topic": self.topic, "type": type(self.value).__name__}
            return {**head, **named, "event": self.value}
        if self.kind == "gap":
            return {**head, "topic": self.topic, "gap": self.value}
        if self.kind == "state":
            return {**head, **_change(self.value)}
        return {**head, "error": type(self.value).__name__, "message": str(self.value)}


def head_of(kind: str, venue: str) -> dict[str, Any]:
    """Return how every line of JSON about a stream begins; the time is that of its writing."""
    now = dt.datetime.fromtimestamp(wall_clock(), dt.timezone.utc)
    return {"kind": kind, "at": now.isoformat(), "venue": venue}


def _change(change: StateChange) -> dict[str, Any]:
    return {
        "state": change.state.value,
        "previous": change.previous.value,
        "reason": change.reason,
        "attempt": change.attempt,
        "epoch": change.epoch,
    }


class Stream:
    """The topics of one client with ``delivery="pump"``; for one thread alone."""

    def __init__(self, client: Any) -> None:
        self.client = client
        self.subscriptions: dict[str, Subscription[Any]] = {}
        self._entries: list[Entry] = []
        client.on_state(lambda change: self.note("state", change))
        client.on_error(lambda error: self.note("error", error))

    def subscribe(self, topics: Iterable[Topic], *, conflate: bool) -> None:
        """Start topics, one after the other; blocks, and raises as the client's methods do."""
        for topic in topics:
            self.subscriptions[topic.text] = self._start(topic, topic.text, conflate)

    def note(self, kind: str, value: Any, topic: str | None = None) -> None:
        """Put an entry in line; where callbacks run, which is in `take`."""
        self._entries.append(Entry(kind, value, topic))

    def take(self, timeout: float) -> list[Entry]:
        """Return what has happened since, waiting up to `timeout` seconds for the first of it.

        Raises what ended the client, or the last of its topics, when all was taken.
        """
        self.client.pump(timeout)
        taken, self._entries = self._entries, []
        if not taken:
            self._check()
        return taken

    def rest(self, seconds: float) -> None:
        """Let time pass; what happens meanwhile waits, the newest of it where it is conflated."""
        if self.client.state is not State.FAILED:
            self.client.wait(seconds)

    def _start(self, topic: Topic, text: str, conflate: bool) -> Subscription[Any]:
        subscription: Subscription[Any] = topic.subscribe(
            self.client,
            conflate=conflate,
            callback=lambda event: self.note("event", event, text),
            on_gap=lambda gap: self.note("gap", gap, text),
        )
        return subscription

    def _check(self) -> None:
        self.client.wait(0.0)
        streams = list(self.subscriptions.values())
        if streams and all(one.closed for one in streams):
            raise copy.copy(streams[-1].error) or VenueError("every stream has ended")


class Ending:
    """When to stop by itself: after so many events, or so many seconds, or never."""

    def __init__(self, count: int | None = None, seconds: float | None = None) -> None:
        self._left = count
        self._deadline = Deadline(seconds)

    def admit(self, entries: list[Entry]) -> list[Entry]:
        """Return the entries that are still wanted, and count their events."""
        if self._left is None:
            return entries
        wanted = []
        for entry in entries:
            if self._left == 0:
                break
            self._left -= entry.kind == "event"
            wanted.append(entry)
        return wanted

    @property
    def come(self) -> bool:
        """Whether it is time to stop."""
        return self._left == 0 or self._deadline.expired()

    def slice(self, seconds: float) -> float:
        """Return `seconds`, or less where the end comes before."""
        return self._deadline.slice(seconds)


@contextmanager
def open_stream(
    target: Target, topics: Iterable[Topic], *, conflate: bool = False
) -> Iterator[Stream]:
    """Connect, subscribe, and yield the stream; close all of it at the end."""
    with target.client(delivery="pump") as client:
        stream = Stream(client)
        client.connect()
        stream.subscribe(topics, conflate=conflate)
        yield stream
