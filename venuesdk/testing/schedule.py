"""The one clock thread of a simulated venue: what happens later, and what happens again.

Everything runs under the venue's lock, one thing after the other; nothing here may block.
"""

from __future__ import annotations

import heapq
import itertools
import threading
from collections.abc import Callable

from venuesdk.timing import real_monotonic

__all__ = ["Alarm", "Schedule"]


class Alarm:
    """Something that will happen, and may be called off."""

    __slots__ = ("cancelled", "function", "period")

    def __init__(self, function: Callable[[], None], period: float | None) -> None:
        self.function = function
        self.period = period
        self.cancelled = False

    def cancel(self) -> None:
        """Call it off; harmless when it has already happened."""
        self.cancelled = True


class Schedule:
    """Runs functions at their time on one daemon thread, which starts with the first of them.

    `guard` is the venue's lock: it guards the queue too, and is held while a function runs.
    """

    def __init__(self, guard: threading.RLock, thread_name: str) -> None:
        self._guard = guard
        self._changed = threading.Condition(guard)
        self._name = thread_name
        self._queue: list[tuple[float, int, Alarm]] = []
        self._order = itertools.count()
        self._thread: threading.Thread | None = None
        self._closed = False

    def later(self, delay: float, function: Callable[[], None]) -> Alarm:
        """Run `function` once, `delay` seconds from now."""
        return self._add(delay, Alarm(function, None))

    def every(self, period: float, function: Callable[[], None]) -> Alarm:
        """Run `function` each `period` seconds until it is called off."""
        return self._add(period, Alarm(function, period))

    def close(self) -> None:
        """Forget everything and end the thread; idempotent."""
        with self._guard:
            self._closed = True
            self._queue.clear()
            self._changed.notify_all()
            thread = self._thread
        if thread is not None and thread is not threading.current_thread():
            thread.join()

    def _add(self, delay: float, alarm: Alarm) -> Alarm:
        with self._guard:
            if not self._closed:
                heapq.heappush(self._queue, (real_monotonic() + delay, next(self._order), alarm))
                if self._thread is None:
                    self._thread = threading.Thread(target=self._run, name=self._name, daemon=True)
                    self._thread.start()
                self._changed.notify_all()
        return alarm

    def _run(self) -> None:
        with self._guard:
            while not self._closed:
                if not self._queue:
                    self._changed.wait()
                    continue
                due, _, alarm = self._queue[0]
                left = due - real_monotonic()
                if left > 0 and not alarm.cancelled:
                    self._changed.wait(left)
                    continue
                heapq.heappop(self._queue)
                if not alarm.cancelled:
                    alarm.function()
                    self._again(alarm, due)

    def _again(self, alarm: Alarm, due: float) -> None:
        if alarm.period is not None and not self._closed:
            # A late machine skips beats rather than making up for them in a burst.
            following = max(due + alarm.period, real_monotonic())
            heapq.heappush(self._queue, (following, next(self._order), alarm))
