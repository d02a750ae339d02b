"""The four kinds of delivery: who runs callbacks, and on which thread.

``"thread"``, the default, a dispatch thread; ``"inline"``, the reader itself; ``"pump"``, the
thread that calls ``client.pump()``; a callable, the thread that it hands functions to.
"""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable, Iterable
from queue import Empty, SimpleQueue
from typing import Any, Literal, TypeAlias

from ..timing import Deadline, monotonic
from .callbacks import name_of
from .delivery import CHUNK, Delivery, Run
from .journal import Facts
from .slots import SLICE
from .worker import Worker

__all__ = [
    "DeliveryChoice",
    "InlineDelivery",
    "PostDelivery",
    "PumpDelivery",
    "ThreadDelivery",
    "make_delivery",
]

DeliveryChoice: TypeAlias = (
    "Literal['thread', 'inline', 'pump'] | Callable[[Callable[[], None]], object]"
)

POST_BUDGET = 0.008
"""Seconds that one posted function may keep a user interface's thread."""
POST_PATIENCE = 5.0
"""Seconds after which a posted function that has not run is worth a warning."""


class InlineDelivery(Delivery):
    """Run callbacks on the reader thread: the fastest, and the one with a rule.

    A request, ``subscribe``, ``get`` or ``wait`` inside a callback raises `ReentrantCall` at once.
    """

    def put(self, runs: Iterable[Run]) -> None:
        """Take runs of events as they come, where nothing is before them: they need not queue.

        This thread runs them next. It saves one event among many streams a quarter of its time.
        """
        queued: list[Run] = []
        with self.lock:
            direct = not self._line and self.runner is None
            for run in runs:
                subscription, events = run
                if not direct or subscription.conflate or subscription.callback is None:
                    queued.append(run)
                elif not subscription.closed:
                    subscription.inbox.count_locked(len(events))
                    self._taken.append((subscription, deque(events)))
        if queued:
            super().put(queued)

    def flush(self, more: bool = False) -> None:
        """Run all that stands in the line."""
        self._work_off(own=True)

    def rest(self, deadline: Deadline) -> None:
        """Tell what is left: there is no reader to do it."""
        self._work_off(own=False)

    def waits_here(self) -> bool:
        """Return whether this is a callback, for which the reader waits."""
        return self.runner == threading.get_ident()

    def close(self, deadline: Deadline) -> None:
        """Tell what is left, unless a callback is running: then its thread does."""
        super().close(deadline)
        self._work_off(own=False)

    def _work_off(self, own: bool) -> None:
        # Where another thread is at it, that looks at the line once more when it is done.
        while (self._taken or self._line) and self.run_some(own=own):
            continue


class PumpDelivery(Delivery):
    """Run callbacks when, and where, ``client.pump()`` is called."""

    def __init__(self, venue: str) -> None:
        super().__init__(venue)
        self._signal: SimpleQueue[None] = SimpleQueue()
        self._waiting = False
        self._owner: int | None = None

    def wake(self) -> None:
        """Let a waiting pump go on."""
        with self.lock:
            wanted, self._waiting = self._waiting, False
        if wanted:
            self._signal.put(None)

    def pump(self, timeout: float | None, max_events: int | None) -> int:
        """Run what waits, waiting up to `timeout` for the first item; return how many ran."""
        deadline = Deadline(timeout)
        if max_events is not None and max_events < 1:
            raise ValueError(f"max_events must be at least 1, not {max_events!r}")
        self.check_fork()
        if self.runner == threading.get_ident():
            raise self._reentrant("pump()", "inside pump()")
        with self.lock:
            if self._owner not in (None, threading.get_ident()):
                raise ValueError("pump() belongs to the thread that called it first")
            self._owner = threading.get_ident()
        while True:
            self._wait(deadline)
            count = self._run_all(self.depth() if max_events is None else max_events)
            # Where all that stood in the line was void, what is waited for has not come yet.
            if count or self._closed or deadline.expired():
                return count

    def _run_all(self, budget: int) -> int:
        count = 0
        while count < budget:
            ran = self.run_some(min(CHUNK, budget - count))
            if not ran:
                break
            count += ran
        return count

    def _wait(self, deadline: Deadline) -> None:
        while True:
            with self.lock:
                if self.depth() or self._closed:
                    return
                self._waiting = True
            try:
                self._signal.get(timeout=deadline.slice(SLICE))
            except Empty:
                if deadline.expired():
                    return


class ThreadDelivery(Delivery):
    """Run callbacks on a dispatch thread of the client's own.

    There is a thread from `start` to `rest` or `close`. It decides to end under the lock, with
    nothing in the line, and is not `_serving` from then on; so whoever finds it serving can rely
    on it.
    """

    def __init__(self, venue: str) -> None:
        super().__init__(venue)
        self._signal: SimpleQueue[None] = SimpleQueue()
        self._idle = False
        self._wanted = False
        self._serving = False
        self._thread: Worker | None = None

    @property
    def worker(self) -> Worker | None:
        """The dispatch thread."""
        return self._thread

    def start(self) -> None:
        """Start the dispatch thread, where there is none."""
        thread: Worker | None = None
        try:
            with self.lock:
                if self._closed:
                    return
                self._wanted = True
                if self._serving:
                    return
                thread = self._thread = Worker(
                    self._run_thread, f"venuesdk-{self.venue}-dispatch"
                )
                self._serving = True
            thread.start()
        except BaseException:
            if thread is not None and thread.ident is None:
                self._serving = False
            raise

    def wake(self) -> None:
        """Wake the dispatch thread where it sleeps."""
        with self.lock:
            if self._idle:
                # In this order: where Ctrl-C comes between, it is woken twice, and not never.
                self._signal.put(None)
                self._idle = False

    def rest(self, deadline: Deadline) -> None:
        """End the dispatch thread when it has told what is in the line."""
        with self.lock:
            self._wanted = False
        self.wake()
        self._join(deadline)

    def close(self, deadline: Deadline) -> None:
        """End the dispatch thread; one that is inside a callback ends when that returns."""
        with self.lock:
            serving = self._serving
            super().close(deadline)
        if not serving:
            self._close_without_thread()
            self._join(deadline)
        elif not self._join(deadline):
            self.warn_of_running()

    def _close_without_thread(self) -> None:
        while self.run_some():
            continue

    def _join(self, deadline: Deadline) -> bool:
        """Wait for the thread's end, unless this is it; return False where it goes on."""
        return self._thread is None or self._thread.ended(deadline)

    def _run_thread(self) -> None:
        while True:
            if self._work():
                continue
            with self.lock:
                if not self._waits_locked():
                    continue
                if self._closed or not self._wanted:
                    self._serving = False
                    return
                self._idle = True
            self._sleep()

    def _work(self) -> bool:
        return self.run_some(own=True) > 0

    def _waits_locked(self) -> bool:
        return not self.depth()

    def _sleep(self) -> None:
        self._signal.get()


class PostDelivery(ThreadDelivery):
    """Hand a function to the user's `post` once for each burst; it runs the callbacks.

    `post(function)` must let a user interface's thread call `function()` soon, and may be called
    from any thread: a toolkit's ``CallAfter`` or ``BeginInvoke``.

    What lock guards here too: `_posted_at`, when a function was posted that has not run;
    `_arrivals`, a count of what came into the line, and `_refused_at`, that count when `post`
    raised: it is not tried again before something else comes.
    """

    def __init__(self, venue: str, post: Callable[[Callable[[], None]], object]) -> None:
        super().__init__(venue)
        self._post = post
        self._posted_at: float | None = None
        self._arrivals = 0
        self._refused_at: int | None = None
        self._warned = False

    def wake(self) -> None:
        """Count the arrival, and wake the dispatch thread where it sleeps."""
        with self.lock:
            self._arrivals += 1
            super().wake()

    def describe(self) -> dict[str, Any]:
        """Return how the line stands, and for how long a posted function has not run."""
        posted_at = self._posted_at
        waits = None if posted_at is None else monotonic() - posted_at
        return {**super().describe(), "post": name_of(self._post), "posted_seconds": waits}

    def _close_without_thread(self) -> None:
        self._work()

    def _work(self) -> bool:
        """Post the line once; return False where there is nothing to do until a wake-up."""
        with self.lock:
            if self._waits_locked():
                return False
            arrivals = self._arrivals
            self._posted_at = monotonic()
        try:
            self._post(self._drain)
        except BaseException as error:
            with self.lock:
                self._posted_at = None
                self._refused_at = arrivals
            if not isinstance(error, Exception) and not self._on_own_thread():
                raise
            self.tell(error, name_of(self._post))
        return True

    def _waits_locked(self) -> bool:
        if self._posted_at is not None or self._refused_at == self._arrivals:
            return True
        return super()._waits_locked()

    def _sleep(self) -> None:
        posted_at = self._posted_at
        if posted_at is None or self._warned:
            self._signal.get()
            return
        try:
            self._signal.get(timeout=max(0.0, posted_at + POST_PATIENCE - monotonic()))
        except Empty:
            if self._posted_at == posted_at:
                self._warned = True
                name, waiting = name_of(self._post), self.depth()
                text = "%s has not run a posted function for %g s; %d items wait"
                facts: Facts = {"callback": name, "seconds": POST_PATIENCE, "waiting": waiting}
                self.journal.say(logging.WARNING, text, name, POST_PATIENCE, waiting, **facts)

    def _drain(self) -> None:
        """Run what waits, for a few milliseconds, on the thread that `post` chose.

        What is left is posted anew by the dispatch thread, or, where that has ended, from here.
        """
        if self.forked or self.runner is not None:
            return
        until = monotonic() + POST_BUDGET
        try:
            # No item begins after that, for each may take long, and a window notices 50 ms.
            while self.run_some(16, until=until) and monotonic() < until:
                continue
        finally:
            with self.lock:
                self._posted_at = None
                self._warned = False
                alone = not self._serving
            self.wake()
            if alone:
                self._work()

    def _on_own_thread(self) -> bool:
        return threading.current_thread() is self._thread


def make_delivery(choice: DeliveryChoice, venue: str) -> Delivery:
    """Return the delivery that a user chose by name, or by a `post` callable."""
    kinds: dict[str, type[Delivery]] = {
        "thread": ThreadDelivery,
        "inline": InlineDelivery,
        "pump": PumpDelivery,
    }
    if callable(choice):
        return PostDelivery(venue, choice)
    if choice not in kinds:
        raise ValueError(f"delivery is one of {sorted(kinds)} or a callable, not {choice!r}")
    return kinds[choice](venue)
