"""Standing: where a session stands, and waiting for it to stand elsewhere.

It holds the session's one lock, and with it the state, the link, and the rules that follow from
the state alone: what is refused, with which error, and what is waited for.
"""

from __future__ import annotations

import copy
import logging
import threading
from collections import deque
from collections.abc import Callable, Collection

from ..errors import ClientClosed, ConnectionLost, NotSent, VenueError
from ..models import State, StateChange
from ..timing import Deadline, monotonic, wall_clock
from .delivery import Delivery
from .journal import Facts
from .link import Link
from .slots import SLICE

__all__ = ["Standing"]

UNTOLD = 1_000
"""How many state changes wait for ``on_state`` before the oldest are forgotten."""
LEVELS = {State.RECONNECTING: logging.WARNING, State.FAILED: logging.ERROR}
"""How loudly the log tells of a new state; of any other as information."""


class Standing:
    """The state of one session.

    Lock: `lock` guards all of it, and what the session keeps beside it: slots, subscriptions, ids
    and the codec. No I/O, no waiting and no user code under it, which logging would be. It is
    reentrant, so that a signal handler that closes the client cannot wait for the very code that
    it interrupted. `_changed` is its condition, for those who wait for another state. Methods
    that need it end in ``_locked``. The `watchers` hear of each change as it happens, under it:
    they neither wait nor raise, and are no code of the user's.
    """

    def __init__(self, venue: str, delivery: Delivery) -> None:
        self.venue = venue
        self.lock = threading.RLock()
        self.state = State.NEW
        self.changed_at = monotonic()
        self.changed_on = wall_clock()
        self.link: Link | None = None
        self.epoch = 0
        self.forked = False
        self.handlers: list[Callable[[StateChange], object]] = []
        self.watchers: list[Callable[[StateChange], object]] = []
        self._changed = threading.Condition(self.lock)
        self._delivery = delivery
        self._refusal: VenueError | None = None
        self._untold: deque[StateChange] = deque()
        self._unlogged: deque[StateChange] = deque()

    def move_locked(
        self, state: State, reason: str, attempt: int = 0, error: BaseException | None = None
    ) -> None:
        """Go to another state, wake who waits, and let the user know.

        The caller calls `log` when it has let go of the lock.
        """
        change = StateChange(state, self.state, reason, attempt, self.epoch, error)
        self.state = state
        self.changed_at, self.changed_on = monotonic(), wall_clock()
        self._changed.notify_all()
        self._delivery.journal.note_change(change)
        for watch in self.watchers:
            watch(change)
        self._unlogged.append(change)
        self._untold.append(change)
        if len(self._untold) > UNTOLD:
            self._untold.popleft()
        else:
            self._delivery.notify(self._tell_next)

    def log(self) -> None:
        """Log the changes that have not been logged; without the lock."""
        while True:
            try:
                change = self._unlogged.popleft()
            except IndexError:
                return
            facts: Facts = {
                "state": change.state.value,
                "previous_state": change.previous.value,
                "attempt": change.attempt,
            }
            error = change.error
            if error is not None:
                facts["error"] = type(error).__name__
            if isinstance(error, ConnectionLost) and error.code is not None:
                facts["close_code"] = error.code
            level = LEVELS.get(change.state, logging.INFO)
            self._delivery.journal.say(
                level, "%s: %s", change.state.value, change.reason, **facts
            )

    def link_locked(self, link: Link | None) -> Link | None:
        """Use another link, or none; wake who waits, and return the one before."""
        before, self.link = self.link, link
        self._changed.notify_all()
        return before

    def fail_locked(self, refusal: VenueError) -> None:
        """Refuse every call with `refusal` from now on, until the next ``connect()``."""
        # A copy, without the traceback and all that it would keep alive.
        self._refusal = copy.copy(refusal)
        self.move_locked(State.FAILED, str(refusal), error=refusal)

    @property
    def connected(self) -> bool:
        """Whether there is a link: the state follows a moment after one has ended."""
        return self.state is State.CONNECTED and self.link is not None

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
        hint = ": call connect() first, or use `with`" if self.state is State.NEW else ""
        return NotSent(f"not connected ({self.state.value}){hint}", venue=self.venue)

    # Waiting -------------------------------------------------------------------------------------

    def link_now(self) -> Link:
        """Return the link, or raise at once."""
        self.check_fork()
        # Without the lock: whoever sends on it looks again, with the lock, whether it still is.
        link = self.link
        if link is not None:
            return link
        with self.lock:
            self.check_locked()
            raise self.not_connected()

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
                if self.state is State.NEW or deadline.expired():
                    raise self.not_connected()
                self._changed.wait(deadline.slice(SLICE))

    def await_state(self, states: Collection[State], epoch: int, deadline: Deadline) -> bool:
        """Wait for one of `states`, on connection number `epoch` or a later one.

        Where that is to be connected, for a link too. Returns False at the deadline. Raises where
        the client was closed, or failed, unless that is what is waited for.
        """
        self.check_fork()
        with self.lock:
            while not self._stands_in(states) or self.epoch < epoch:
                self.check_locked()
                if deadline.expired():
                    return False
                self._changed.wait(deadline.slice(SLICE))
        return True

    def _stands_in(self, states: Collection[State]) -> bool:
        return self.state in states and (self.state is not State.CONNECTED or self.connected)

    def await_close(self, deadline: Deadline) -> bool:
        """Wait until the client is closed; return False at the deadline, raise where it failed."""
        self.check_fork()
        with self.lock:
            while self.state is not State.CLOSED:
                if self.state is State.FAILED:
                    raise self.refusal_locked()
                if deadline.expired():
                    return False
                self._changed.wait(deadline.slice(SLICE))
        return True

    def pause(self, seconds: float) -> bool:
        """Wait so long; return False at once where the client is closed."""
        deadline = Deadline(seconds)
        with self.lock:
            while self.state is not State.CLOSED:
                if deadline.expired():
                    return True
                self._changed.wait(deadline.slice(SLICE))
        return False

    def _tell_next(self) -> None:
        """Tell the user of the oldest change that was not told; where callbacks run."""
        with self.lock:
            change = self._untold.popleft()
        for handler in list(self.handlers):
            self._delivery.call(handler, change)
