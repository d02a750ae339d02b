"""The listeners: two consumers of one stream, one called back and one that iterates."""

from __future__ import annotations

import threading
from typing import Any

from records import Feed

from venuesdk.errors import VenueError

__all__ = ["CALLBACK", "ITERATION", "Listener"]

CALLBACK = "callback"
ITERATION = "iteration"


class Listener:
    """One consumer; each subscription that it ever had is a feed of its own.

    A refused login ends subscriptions, and tells so; the program then subscribes anew.
    """

    def __init__(self, name: str, desk: Any, client: Any) -> None:
        self.name = name
        self.feeds: list[Feed] = []
        self.silent_ends: list[str] = []
        self.subscription: Any = None
        self._desk = desk
        self._client = client
        self._threads: list[threading.Thread] = []

    def listen(self) -> bool:
        """Subscribe, where there is no subscription alive; False where the venue has no stream."""
        ended = self.subscription
        if ended is not None:
            if not ended.closed:
                return True
            if ended.error is None:
                self.silent_ends.append(f"{self.name}: {ended!r}")
        feed = Feed(f"{self.name} {len(self.feeds) + 1}")

        def callback(event: Any) -> None:
            number = self._desk.number_of(event)
            if number is not None:
                feed.event(number)

        wanted = callback if self.name == CALLBACK else None
        subscription = self._desk.subscribe(self._client, wanted, feed)
        if subscription is None:
            return False
        self.subscription = subscription
        self.feeds.append(feed)
        if self.name == ITERATION:
            thread = threading.Thread(
                target=self._iterate, args=(subscription, callback), name="ledger-iteration"
            )
            self._threads.append(thread)
            thread.start()
        return True

    @property
    def last(self) -> int:
        """The number of the newest event that the present subscription has seen."""
        seen = self.feeds[-1].seen if self.feeds else []
        return next((one for one in reversed(seen) if isinstance(one, int)), 0)

    def stuck(self) -> list[str]:
        """Name the threads that do not end, after the client was closed."""
        for thread in self._threads:
            thread.join(5)
        return [thread.name for thread in self._threads if thread.is_alive()]

    @staticmethod
    def _iterate(subscription: Any, callback: Any) -> None:
        try:
            for event in subscription:
                callback(event)
        except VenueError as error:
            # It is the error that the subscription has, or nobody was told.
            assert type(error) is type(subscription.error)  # noqa: PT017
