"""How events reach callbacks: the queue between the reader and whoever runs user code.

One first-in-first-out line for all callbacks of a client keeps arrival order. What stands in the
line is a token: a subscription whose next item is due, or a notice (a state change, an error).
Who works the line off is the business of the delivery's kind, in `venuesdk.session.modes`.
"""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable, Iterable
from typing import Any, TypeAlias

from ..errors import ReentrantCall
from ..models import Gap
from ..protocol.codec import Event
from ..timing import Deadline, monotonic
from .inbox import Item, Totals
from .subscription import NOTHING, Subscription

__all__ = ["CHUNK", "Delivery", "Notice", "name_of"]

Notice: TypeAlias = Callable[[], object]

SLOW_CALLBACK = 0.25
CHUNK = 128


class Delivery:
    """The line of what is to be told to the user; the base of the four kinds.

    Lock: `lock` guards the line and the queues of all subscriptions of the client. No user code
    runs, and nothing waits, under it. It may be taken under the session's lock, never the other
    way round.
    """

    def __init__(self, venue: str) -> None:
        self.venue = venue
        self.log = logging.getLogger(f"venuesdk.{venue}")
        self.lock = threading.Lock()
        self.epoch = 0
        self.totals = Totals()
        self.error_handlers: list[Callable[[BaseException], object]] = []
        self.running: Callable[..., object] | None = None
        self.runner: int | None = None
        self.callback_seconds = 0.0
        self._line: deque[Subscription[Any] | Notice] = deque()
        self._closed = False

    # For the session -----------------------------------------------------------------------------

    def put(self, batch: Iterable[tuple[Subscription[Any], Event]]) -> None:
        """Queue events in arrival order; never waits. Only the reader calls it."""
        conflated: list[tuple[Subscription[Any], Event]] = []
        with self.lock:
            for subscription, event in batch:
                if subscription.conflate:
                    conflated.append((subscription, event))
                else:
                    subscription.offer_locked(event)
        for subscription, event in conflated:
            rows = subscription.split(event)
            if rows:
                with self.lock:
                    subscription.offer_newest_locked(rows)
        self.wake()

    def put_gap(self, subscription: Subscription[Any], gap: Gap) -> None:
        """Queue a gap behind what a subscription has queued; never waits."""
        with self.lock:
            subscription.offer_gap_locked(gap)
        self.wake()

    def notify(self, notice: Notice) -> None:
        """Queue something to be told to the user; never waits."""
        with self.lock:
            self._line.append(notice)
        self.wake()

    def report(self, error: BaseException) -> None:
        """Queue an error for ``on_error``; never waits."""
        self.notify(lambda: self.tell(error))

    def tell(self, error: BaseException) -> None:
        """Hand an error to ``on_error``, or, where there is none, to `threading.excepthook`."""
        handlers = list(self.error_handlers)
        if not handlers:
            self.log.error("%s: %s", type(error).__name__, error)
            self._hook(error)
        for handler in handlers:
            try:
                handler(error)
            except Exception as failure:
                self.log.exception("on_error itself raised")
                self._hook(failure)

    def announce_locked(self, subscription: Subscription[Any]) -> None:
        """Put a subscription into the line, unless enough of its tokens stand there."""
        if subscription.tokens < subscription.pending_locked():
            subscription.tokens += 1
            self._line.append(subscription)

    def depth(self) -> int:
        """Return how many items wait for a callback."""
        return len(self._line)

    # What the kinds differ in --------------------------------------------------------------------

    def start(self) -> None:
        """Begin to work the line off."""

    def wake(self) -> None:
        """Let whoever works the line off know that there is something in it."""

    def flush(self) -> None:
        """Work the line off on the reader thread, where that is the delivery's kind."""

    def refuse_reentrant(self, call: str) -> None:
        """Raise `ReentrantCall` where `call` would wait for the thread that makes it."""

    def pump(self, timeout: float | None, max_events: int | None) -> int:
        """Work the line off on the calling thread, where that is the delivery's kind."""
        raise ValueError('pump() needs delivery="pump"')

    def close(self, deadline: Deadline) -> None:
        """Stop; what is left of the line is told if that takes no waiting."""
        self._closed = True
        self.wake()

    # Working the line off ------------------------------------------------------------------------

    def run_some(self, limit: int = CHUNK) -> int:
        """Run up to `limit` items of the line on this thread; return how many there were."""
        chunk: list[tuple[Subscription[Any] | None, Item | Notice]] = []
        with self.lock:
            line = self._line
            while line and len(chunk) < limit:
                entry = line.popleft()
                if isinstance(entry, Subscription):
                    entry.tokens -= 1
                    item = entry.take_locked()
                    if item is not None:
                        chunk.append((entry, item))
                else:
                    chunk.append((None, entry))
        if chunk:
            outer, self.runner = self.runner, threading.get_ident()
            try:
                for subscription, work in chunk:
                    if subscription is None:
                        self._run_notice(work)  # type: ignore[arg-type]
                    elif not subscription.closed:
                        self._run_callback(subscription, work)  # type: ignore[arg-type]
            finally:
                self.runner = outer
        return len(chunk)

    def _run_callback(self, subscription: Subscription[Any], item: Item) -> None:
        value = subscription.open(item)
        callback = subscription.callback
        if value is NOTHING or callback is None or subscription.closed:
            return
        seconds = self._timed(callback, value)
        subscription.called(seconds)

    def _run_notice(self, notice: Notice) -> None:
        try:
            notice()
        except Exception as error:
            self.tell(error)

    def _timed(self, callback: Callable[[Any], object], value: Any) -> float:
        self.running = callback
        started = monotonic()
        try:
            callback(value)
        except Exception as error:
            self.tell(error)
        finally:
            self.running = None
        seconds = monotonic() - started
        self.callback_seconds += seconds
        if seconds > SLOW_CALLBACK:
            self.log.warning(
                "slow callback: %s took %.0f ms with %d items waiting",
                name_of(callback),
                seconds * 1000,
                len(self._line),
            )
        return seconds

    def _hook(self, error: BaseException) -> None:
        threading.excepthook(
            threading.ExceptHookArgs(
                (type(error), error, error.__traceback__, threading.current_thread())
            )
        )

    def _reentrant(self, call: str, advice: str) -> ReentrantCall:
        return ReentrantCall(f"{call} would wait for itself here: {advice}", venue=self.venue)


def name_of(callback: Callable[..., object]) -> str:
    """Return what a person would call a callback."""
    name = getattr(callback, "__qualname__", None)
    return f"{callback.__module__}.{name}" if name else repr(callback)
