"""Subscribing: start and stop streams, from any thread, and wait for the venue's word.

The frames are posted, never waited for, whoever's thread it is: so a subscribe may be issued by
the reader, and closing a subscription never blocks.
"""

from __future__ import annotations

import contextlib
import math
import threading
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ..errors import NotSent, RequestRejected, RequestTimeout, VenueError
from ..models import State
from ..protocol.codec import Request
from ..protocol.feeds import Cancels, Ticket
from ..protocol.subscriptions import Subscriptions
from ..timing import Deadline, monotonic
from .redaction import sealed
from .slots import Empty, Slot
from .staleness import Staleness
from .standing import Standing
from .subscription import Subscription

__all__ = ["Subscribing"]


class Subscribing:
    """The callers' half of the subscriptions.

    Locks: the session's; and `_posting`, outside of it, which keeps frames in the order in which
    they were decided on. Posting a frame never waits.
    """

    def __init__(
        self,
        standing: Standing,
        subscriptions: Subscriptions,
        staleness: Staleness,
        patience: float,
    ) -> None:
        self._standing = standing
        self._subscriptions = subscriptions
        self._staleness = staleness
        self._patience = patience
        self._posting = threading.RLock()

    def subscribe(
        self,
        subscriptions: Sequence[Subscription[Any]],
        deadline: Deadline,
        options: Mapping[str, Any],
        cancels: Cancels | None = None,
        grouped: bool = False,
    ) -> None:
        """Start subscriptions, and wait for the venue's yes to all of them.

        Waits for a connection within the deadline. Where it raises, none of them was started; one
        that the venue acknowledges later is stopped again.
        """
        for subscription in subscriptions:
            subscription.release = self._release
            subscription.resync = self._resync
        pairs = [(subscription.topic, subscription) for subscription in subscriptions]

        def begin(ticket: Ticket) -> bool:
            if self._standing.state is State.NEW:
                raise self._standing.not_connected()
            self._subscriptions.subscribe(pairs, ticket, options, cancels, grouped)
            return True

        try:
            for subscription in subscriptions:
                subscription.ready()
            began = self._await(begin, deadline)
            for subscription in subscriptions:
                subscription.began = began
                self._staleness.add(subscription)
        except BaseException as error:
            for subscription in subscriptions:
                # Where an interrupt came after the venue's yes, this takes it back.
                subscription.close()
            if isinstance(error, RequestRejected) and error.request is None:
                error.request = tuple(topic.name for topic, _ in pairs)
            raise

    def unsubscribe(self, request: Request, cancels: Cancels, deadline: Deadline) -> None:
        """Ask the venue to stop something; its yes ends the subscriptions that `cancels` names.

        A refusal is raised and changes nothing here.
        """

        def begin(ticket: Ticket) -> bool:
            if self._standing.link is None:
                raise self._standing.not_connected()
            self._subscriptions.cancel(request, cancels, ticket)
            return True

        try:
            self._await(begin, deadline)
        except RequestRejected as error:
            error.request = error.request or request
            raise

    def unsubscribe_one(self, subscription: Subscription[Any], deadline: Deadline) -> None:
        """Stop one subscription, on the wire too where it is the last of its topic, and wait."""
        self._await(lambda ticket: self._subscriptions.cancel_one(subscription, ticket), deadline)
        subscription.close()

    def await_active(self, subscription: Subscription[Any], deadline: Deadline) -> None:
        """Wait until a subscription stands on the wire, on whichever connection.

        Raises what ended the connection meanwhile; at the deadline `NotSent`, or `RequestTimeout`
        where its subscribe has left.
        """
        self._await(lambda ticket: self._subscriptions.follow(subscription, ticket), deadline)

    @sealed
    def issue(self) -> None:
        """Send whatever subscribes and unsubscribes are due; never waits."""
        with self._posting:
            with self._standing.lock:
                link = self._standing.link
                frames = deque(self._subscriptions.issue(monotonic(), self._patience))
            # Taken out one by one: they may hold a credential, and an interrupt may come.
            while frames and link is not None:
                link.connection.post(frames.popleft())

    def _await(self, begin: Callable[[Ticket], bool], deadline: Deadline) -> int:
        """Begin under the lock, and wait until the ticket is settled, if there is need to.

        Returns the number of the connection that it was settled on.
        """
        standing = self._standing
        standing.check_fork()
        slot = Slot()
        remaining = deadline.remaining()
        ticket = Ticket(slot.put, math.inf if remaining is None else remaining)
        try:
            with standing.lock:
                standing.check_locked()
                if not begin(ticket):
                    return standing.epoch
            self.issue()
            with contextlib.suppress(Empty):
                slot.wait(deadline)
                return ticket.epoch
            self._give_up(slot, ticket, deadline)
            return ticket.epoch
        except VenueError as error:
            error.venue = error.venue or standing.venue
            raise
        except BaseException:
            self._abandon(ticket)
            raise

    def _give_up(self, slot: Slot, ticket: Ticket, deadline: Deadline) -> None:
        connected = self._standing.link is not None
        if not self._abandon(ticket):
            slot.take()
        elif ticket.sent:
            raise RequestTimeout(
                f"no answer within {deadline.timeout:g} s", outcome_unknown=True
            )
        elif connected:
            raise NotSent("others had to be answered first until the time was up")
        else:
            raise self._standing.not_connected()

    def _abandon(self, ticket: Ticket) -> bool:
        """Let nobody wait any more; return False where the answer is there after all."""
        with self._standing.lock:
            settled = ticket.settled
            if not settled:
                self._subscriptions.abandon(ticket)
        self.issue()
        return not settled

    def _release(self, subscription: Subscription[Any]) -> None:
        if self._standing.forked:
            return
        with self._standing.lock:
            self._subscriptions.remove(subscription)
        self.issue()

    def _resync(self, subscription: Subscription[Any]) -> None:
        with self._standing.lock:
            self._subscriptions.restart(subscription)
        self.issue()
