"""Upkeep: what local state that is kept current needs of its session.

A thread for what would block a callback, a way back to where callbacks run, and waiting for what
they bring about. It knows neither books nor any other state.
"""

from __future__ import annotations

import contextlib
import heapq
import logging
import threading
from collections.abc import Callable
from queue import Empty, SimpleQueue
from typing import Any, TypeAlias, TypeVar

from ..errors import ReentrantCall
from ..timing import Deadline, monotonic
from .delivery import Delivery
from .slots import SLICE
from .standing import Standing
from .subscribing import Subscribing
from .subscription import Subscription
from .worker import Worker

__all__ = ["Errand", "Upkeep"]

T = TypeVar("T")
Errand: TypeAlias = Callable[[], object]


class Upkeep:
    """Run errands of mirrors, one after the other, on a thread that is there while there are any.

    Any thread may call any method; none but `wait_for` and `await_active` blocks. Lock: `_lock`
    guards the errands, the thread, and whether it is closed; `_arrived` is its condition, for
    those who wait for a state. It is reentrant, for a signal handler may close the client. It may
    be taken under the session's lock, never the other way round.
    """

    def __init__(
        self, standing: Standing, delivery: Delivery, subscribing: Subscribing, timeout: float
    ) -> None:
        self.venue = standing.venue
        self.timeout = timeout
        self._standing = standing
        self._delivery = delivery
        self._subscribing = subscribing
        self._lock = threading.RLock()
        self._arrived = threading.Condition(self._lock)
        self._signal: SimpleQueue[None] = SimpleQueue()
        self._errands: list[tuple[float, int, Errand]] = []
        self._number = 0
        self._thread: Worker | None = None
        self._closed = False

    # What stands ---------------------------------------------------------------------------------

    @property
    def epoch(self) -> int:
        """The number of the connection that there is, or 0 where there is none now."""
        standing = self._standing
        # In this order: a connection that ends between the two is none.
        epoch = standing.epoch
        return 0 if standing.forked or standing.link is None else epoch

    def await_active(self, subscription: Subscription[Any], deadline: Deadline) -> None:
        """Wait until a subscription stands on the wire; raises as a subscribe does."""
        self._subscribing.await_active(subscription, deadline)

    # Where things run ----------------------------------------------------------------------------

    def here(self, notice: Callable[[], object]) -> None:
        """Run `notice` where callbacks run, behind the events that came before it.

        Once more where Ctrl-C broke it off: nobody else would bring what it brings.
        """

        def run() -> None:
            try:
                notice()
            except Exception:
                raise
            except BaseException:
                self._delivery.notify(run)
                raise

        self._delivery.notify(run)

    def report(self, error: BaseException) -> None:
        """Tell ``on_error``, where callbacks run."""
        self._delivery.report(error)

    def later(self, seconds: float, errand: Errand) -> None:
        """Run `errand` on the upkeep thread in so many seconds; what it raises is reported."""
        fresh: Worker | None = None
        if self._standing.forked:
            return
        try:
            with self._lock:
                if self._closed:
                    return
                self._number += 1
                heapq.heappush(self._errands, (monotonic() + seconds, self._number, errand))
                if self._thread is None:
                    fresh = self._thread = Worker(self._work, f"venuesdk-{self.venue}-upkeep")
            if fresh is not None:
                fresh.start()
        except BaseException:
            if fresh is not None and fresh.ident is None:
                self._thread = None
            raise
        self._signal.put(None)

    # Waiting -------------------------------------------------------------------------------------

    def announce(self) -> None:
        """Let everybody who waits look again. May be called under the session's lock."""
        if self._standing.forked:
            # Nobody waits in a child, and the lock may be held there for ever.
            return
        with self._lock:
            self._arrived.notify_all()

    def wait_for(self, look: Callable[[], T | None], deadline: Deadline) -> T | None:
        """Return what `look` returns as soon as it is something, or None at the deadline.

        `look` is called under the lock, and must not wait; what it raises is passed on. Raises
        `ReentrantCall` in a callback, which would wait for itself.
        """
        self._delivery.check_fork()
        if self._delivery.runner == threading.get_ident():
            raise ReentrantCall("wait would wait for itself in a callback", venue=self.venue)
        with self._lock:
            while True:
                found = look()
                if found is not None or deadline.expired():
                    return found
                self._arrived.wait(deadline.slice(SLICE))

    # Ending --------------------------------------------------------------------------------------

    @property
    def worker(self) -> Worker | None:
        """The thread that runs errands, where there is one."""
        return self._thread

    def close(self, deadline: Deadline) -> None:
        """Run no errand any more, and wait for the one under way."""
        with self._lock:
            self._closed = True
            self._errands.clear()
            thread = self._thread
            self._arrived.notify_all()
        self._signal.put(None)
        if thread is not None and not thread.ended(deadline):
            text = "closed while something is still being asked for"
            self._delivery.journal.say(logging.WARNING, text)

    # The thread ----------------------------------------------------------------------------------

    def _work(self) -> None:
        while True:
            errand: Errand | None = None
            with self._lock:
                if self._closed or not self._errands:
                    self._thread = None
                    return
                wait = self._errands[0][0] - monotonic()
                if wait <= 0:
                    errand = heapq.heappop(self._errands)[2]
            if errand is None:
                self._sleep(wait)
                continue
            try:
                errand()
            except BaseException as error:
                self._delivery.report(error)

    def _sleep(self, seconds: float) -> None:
        with contextlib.suppress(Empty):
            self._signal.get(timeout=seconds)
