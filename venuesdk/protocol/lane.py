"""Lane: the subscribes and unsubscribes of a client, those that wait and those unanswered.

It knows in which order and how many at once; what they mean is decided elsewhere.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator

from .codec import Codec
from .feeds import Kind, Operation

__all__ = ["Lane"]

WINDOW = 100
"""How many subscribes and unsubscribes may be unanswered at once, where the venue sets no limit."""


class Lane:
    """A queue of operations and those in flight. Guarded by the session's lock."""

    __slots__ = ("_in_flight", "_queue")

    def __init__(self) -> None:
        self._queue: deque[Operation] = deque()
        self._in_flight: dict[int, Operation] = {}

    @property
    def queued(self) -> bool:
        """Whether something waits to be sent; may be read without the lock."""
        return bool(self._queue)

    def add(self, operation: Operation) -> None:
        """Let an operation wait for its turn."""
        for feed in operation.feeds:
            feed.queued = True
        self._queue.append(operation)

    def ready(self, codec: Codec) -> Iterator[Operation]:
        """Yield what may be sent now, one by one; a topic has one operation at a time."""
        blocked: list[Operation] = []
        while self._queue and self._has_room(codec):
            operation = self._queue.popleft()
            if any(feed.busy for feed in operation.feeds):
                blocked.append(operation)
                continue
            for feed in operation.feeds:
                feed.queued = False
            yield operation
        self._queue.extendleft(reversed(blocked))

    def sent(self, id: int, operation: Operation) -> None:
        """Note that an operation is in flight, and that it may have left."""
        self._in_flight[id] = operation
        if operation.ticket is not None:
            operation.ticket.sent = True
        if operation.kind is Kind.START:
            for feed in operation.feeds:
                for ticket in feed.tickets:
                    ticket.sent = True

    def answered(self, id: int) -> Operation | None:
        """Remove and return the operation in flight of that number."""
        return self._in_flight.pop(id, None)

    def overdue(self, now: float, codec: Codec | None) -> Operation | None:
        """Return an operation that was not answered in time, if there is one.

        Where the venue may stay silent on a quiet stream only an unsubscribe can be overdue.
        """
        silent = codec is not None and codec.silent
        for operation in self._in_flight.values():
            if now >= operation.due and not (silent and operation.kind is Kind.START):
                return operation
        return None

    def awaits_route(self) -> bool:
        """Return whether an answer that is still to come hands out a route."""
        return any(
            feed.topic.route is None and operation.kind is Kind.START
            for operation in self._in_flight.values()
            for feed in operation.feeds
        )

    def operations(self) -> list[Operation]:
        """Return everything: what is unanswered, and what was never sent."""
        return [*self._in_flight.values(), *self._queue]

    def clear(self) -> tuple[list[Operation], list[Operation]]:
        """Remove and return everything: what is unanswered, and what was never sent."""
        unanswered, unsent = list(self._in_flight.values()), list(self._queue)
        self._in_flight.clear()
        self._queue.clear()
        return unanswered, unsent

    def _has_room(self, codec: Codec) -> bool:
        count = len(self._in_flight)
        if codec.serial:
            return count == 0
        if codec.silent:
            # What may stay unanswered for ever must not keep others from being asked.
            count = sum(one.kind is not Kind.START for one in self._in_flight.values())
        return count < WINDOW
