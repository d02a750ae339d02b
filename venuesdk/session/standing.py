"""Standing: where a session stands, and waiting for it to stand elsewhere.

It holds the session's one lock, and with it the state, the link, and the rules that follow from
the state alone: what is refused, with which error, and what is waited for.
"""

from __future__ import annotations

import copy
import threading
from collections.abc import Callable

from ..errors import ClientClosed, NotSent, VenueError
from ..models import State, StateChange
from ..timing import Deadline
from .delivery import Delivery
from .link import Link

__all__ = ["Standing"]


class Standing:
    """The state of one session.

    Lock: `lock` guards all of it, and what the session keeps beside it: slots, subscriptions, ids
    and the codec. No I/O, no waiting and no user code under it. `_changed` is its condition, for
    those who wait for another state. Methods that need it end in ``_locked``.
    """

    def __init__(self, venue: str, delivery: Delivery) -> None:
        self.venue = venue
        self.lock = threading.Lock()
        self.state = State.NEW
        self.link: Link | None = None
        self.epoch = 0
        self.forked = False
        self.handlers: list[Callable[[StateChange], object]] = []
        self._changed = threading.Condition(self.lock)
        self._delivery = delivery
        self._refusal: VenueError | None = None

    def move_locked(
        self, state: State, reason: str, attempt: int = 0, error: BaseException | None = None
    ) -> None:
        """Go to another state, wake who waits, and let the user know."""
        change = StateChange(state, self.state, reason, attempt, self.epoch, error)
        self.state = state
        self._changed.notify_all()
        self._delivery.log.info("%s: %s", state.value, reason)
        self._delivery.notify(lambda: self._tell(change))

    def link_locked(self, link: Link | None) -> Link | None:
        """Use another link, or none; wake who waits, and return the one before."""
        before, self.link = self.link, link
        self._changed.notify_all()
        return before

    def fail_locked(self, refusal: VenueError) -> None:
        """Refuse every call with `refusal` from now on, until the next ``connect()``."""
        self._refusal = refusal
        self.move_locked(State.FAILED, str(refusal), error=refusal)

    # What the state allows -----------------------------------------------------------------------

    def check_fork(self) -> None:
        """Raise where this is a forked child. Takes no lock: it may be held for ever there."""
        if self.forked:
            raise ClientClosed("this client belongs to the parent process", venue=self.venue)

    def check_locked(self, failed: bool = True) -> None:
        """Raise where the client is closed or (with `failed`) has been refused."""
        if self.state is State.CLOSED:
            raise self.closed(False)
        if failed and self.state is State.FAILED:
            raise self.refusal_locked()

    def refusal_locked(self) -> VenueError:
        """Return the venue's refusal of the login, as an exception of the caller's own."""
        return copy.copy(self._refusal) or self.closed(False)

    def closed(self, sent: bool) -> ClientClosed:
        """Return what a call gets that a close ended."""
        return ClientClosed("the client was closed", venue=self.venue, outcome_unknown=sent)

    def not_connected(self) -> NotSent:
        """Return what a call gets that cannot wait for a connection (any longer)."""
        return NotSent(f"not connected ({self.state.value})", venue=self.venue)

    # Waiting -------------------------------------------------------------------------------------

    def link_now(self) -> Link:
        """Return the link, or raise at once."""
        self.check_fork()
        with self.lock:
            self.check_locked()
            if self.link is None:
                raise self.not_connected()
            return self.link

    def await_link(self, deadline: Deadline, other_than: Link | None = None) -> Link:
        """Return the link, waiting for one until the deadline.

        `other_than` is one that is known to be dead, whatever the reader knows yet.
        """
        self.check_fork()
        with self.lock:
            while True:
                self.check_locked()
                if self.link is not None and self.link is not other_than:
                    return self.link
                remaining = deadline.remaining()
                if self.state is State.NEW or remaining == 0.0:
                    raise self.not_connected()
                self._changed.wait(remaining)

    def await_close(self, deadline: Deadline) -> bool:
        """Wait until the client is closed; return False at the deadline, raise where it failed."""
        self.check_fork()
        with self.lock:
            while self.state is not State.CLOSED:
                if self.state is State.FAILED:
                    raise self.refusal_locked()
                remaining = deadline.remaining()
                if remaining == 0.0:
                    return False
                self._changed.wait(remaining)
        return True

    def pause(self, seconds: float) -> bool:
        """Wait so long; return False at once where the client is closed."""
        deadline = Deadline(seconds)
        with self.lock:
            while self.state is not State.CLOSED:
                remaining = deadline.remaining()
                if remaining == 0.0:
                    return True
                self._changed.wait(remaining)
        return False

    def _tell(self, change: StateChange) -> None:
        for handler in list(self.handlers):
            try:
                handler(change)
            except Exception as error:
                self._delivery.tell(error)
