"""Turns: one thread at a time, where several want to ask the same engine."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager

from ..session.slots import SLICE
from ..timing import Deadline

__all__ = ["Turns"]


class Turns:
    """Whose turn it is: first come, first served, so that nobody who asks all the time has it all.

    Ctrl-C may come at any line, also where a turn was taken and nobody is there yet to give it
    back: what a thread has left in the line so, or one that has ended, counts for nothing.

    Lock: `_lock` guards the line; it is not held while a turn lasts.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._changed = threading.Condition(self._lock)
        self._line: deque[threading.Thread] = deque()

    @contextmanager
    def turn(self, deadline: Deadline) -> Iterator[None]:
        """Wait for this thread's turn, and have it while the block lasts.

        Raises `TimeoutError` where it has not come by the deadline.
        """
        me = threading.current_thread()
        try:
            with self._lock:
                self._leave_locked(me)
                self._line.append(me)
                while self._line[0] is not me:
                    if not self._line[0].is_alive():
                        self._line.popleft()
                    elif deadline.expired():
                        raise TimeoutError("another thread is still asking the engine")
                    else:
                        self._changed.wait(deadline.slice(SLICE))
            yield
        finally:
            with self._lock:
                self._leave_locked(me)
                self._changed.notify_all()

    def _leave_locked(self, thread: threading.Thread) -> None:
        while thread in self._line:
            self._line.remove(thread)
