"""The four kinds of delivery: who runs callbacks, and on which thread.

``"thread"``, the default, a dispatch thread; ``"inline"``, the reader itself; ``"pump"``, the
thread that calls ``client.pump()``; a callable, the thread that it hands functions to.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from queue import Empty, SimpleQueue
from typing import TypeAlias

from ..timing import Deadline, monotonic
from .delivery import CHUNK, Delivery, name_of

__all__ = [
    "DeliveryChoice",
    "InlineDelivery",
    "PostDelivery",
    "PumpDelivery",
    "ThreadDelivery",
    "make_delivery",
]

DeliveryChoice: TypeAlias = "str | Callable[[Callable[[], None]], object]"

POST_BUDGET = 0.008
"""Seconds that one posted function may keep a user interface's thread."""
POST_PATIENCE = 5.0
"""Seconds after which a posted function that has not run is worth a warning."""


class InlineDelivery(Delivery):
    """Run callbacks on the reader thread: the fastest, and the one with a rule.

    A request, ``subscribe``, ``get`` or ``wait`` inside a callback raises `ReentrantCall` at once.
    """

    def flush(self) -> None:
        """Run all that stands in the line."""
        while self._line:
            self.run_some()

    def refuse_reentrant(self, call: str) -> None:
        """Raise `ReentrantCall` inside a callback."""
        if self.runner == threading.get_ident():
            raise self._reentrant(call, 'inside a callback of delivery="inline"')

    def close(self, deadline: Deadline) -> None:
        """Tell what is left, unless this is a callback, which ends first."""
        super().close(deadline)
        if self.runner is None:
            self.flush()


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
        if self.runner == threading.get_ident():
            raise self._reentrant("pump()", "inside pump()")
        with self.lock:
            if self._owner not in (None, threading.get_ident()):
                raise ValueError("pump() belongs to the thread that called it first")
            self._owner = threading.get_ident()
        self._wait(deadline)
        budget = len(self._line)
        if max_events is not None:
            budget = min(budget, max_events)
        count = 0
        while budget > 0:
            ran = self.run_some(min(CHUNK, budget))
            if not ran:
                break
            count += ran
            budget -= ran
        return count

    def _wait(self, deadline: Deadline) -> None:
        while True:
            with self.lock:
                if self._line or self._closed:
                    return
                self._waiting = True
            try:
                self._signal.get(timeout=deadline.remaining())
            except Empty:
                return


class ThreadDelivery(Delivery):
    """Run callbacks on a dispatch thread of the client's own."""

    def __init__(self, venue: str) -> None:
        super().__init__(venue)
        self._signal: SimpleQueue[None] = SimpleQueue()
        self._idle = False
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Start the dispatch thread, once."""
        with self.lock:
            if self._thread is not None or self._closed:
                return
            self._thread = threading.Thread(
                target=self._run, name=f"venuesdk-{self.venue}-dispatch", daemon=True
            )
        self._thread.start()

    def wake(self) -> None:
        """Wake the dispatch thread where it sleeps."""
        with self.lock:
            idle, self._idle = self._idle, False
        if idle:
            self._signal.put(None)

    def close(self, deadline: Deadline) -> None:
        """End the dispatch thread; one that is inside a callback ends when that returns."""
        super().close(deadline)
        thread = self._thread
        if thread is None:
            while self.run_some():
                continue
            return
        if thread is threading.current_thread():
            return
        thread.join(deadline.remaining())
        if thread.is_alive():
            running = self.running
            self.log.warning(
                "closed while a callback is still running: %s",
                name_of(running) if running is not None else "a notice",
            )

    def _run(self) -> None:
        while True:
            if self._work():
                continue
            with self.lock:
                if not self._waits_locked():
                    continue
                if self._closed:
                    return
                self._idle = True
            self._sleep()

    def _work(self) -> bool:
        return self.run_some() > 0

    def _waits_locked(self) -> bool:
        return not self._line

    def _sleep(self) -> None:
        self._signal.get()


class PostDelivery(ThreadDelivery):
    """Hand a function to the user's `post` once for each burst; it runs the callbacks.

    `post(function)` must let a user interface's thread call `function()` soon, and may be called
    from any thread: a toolkit's ``CallAfter`` or ``BeginInvoke``.
    """

    def __init__(self, venue: str, post: Callable[[Callable[[], None]], object]) -> None:
        super().__init__(venue)
        self._post = post
        self._posted_at: float | None = None
        self._refused = False
        self._warned = False

    def close(self, deadline: Deadline) -> None:
        """End the dispatch thread; what is left is posted once more, and not waited for."""
        if self._thread is None:
            self._closed = True
            self._work()
        else:
            super().close(deadline)

    def _work(self) -> bool:
        """Post the line once; return False where there is nothing to do until a wake-up."""
        with self.lock:
            if self._posted_at is not None or self._refused or not self._line:
                return False
            self._posted_at = monotonic()
        try:
            self._post(self._drain)
        except Exception as error:
            with self.lock:
                self._posted_at = None
                self._refused = True
            self.tell(error)
        return True

    def _waits_locked(self) -> bool:
        return not self._line or self._posted_at is not None or self._refused

    def _sleep(self) -> None:
        self._sleep_patiently()
        with self.lock:
            self._refused = False

    def _sleep_patiently(self) -> None:
        posted_at = self._posted_at
        if posted_at is None or self._warned:
            self._signal.get()
            return
        try:
            self._signal.get(timeout=max(0.0, posted_at + POST_PATIENCE - monotonic()))
        except Empty:
            if self._posted_at == posted_at:
                self._warned = True
                self.log.warning(
                    "%s has not run a posted function for %.0f s; %d items wait",
                    name_of(self._post),
                    POST_PATIENCE,
                    len(self._line),
                )

    def _drain(self) -> None:
        """Run what waits, for a few milliseconds, on the thread that `post` chose."""
        until = monotonic() + POST_BUDGET
        while self.run_some(16) and monotonic() < until:
            continue
        with self.lock:
            self._posted_at = None
            self._warned = False
        self.wake()


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
