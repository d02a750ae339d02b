"""The one thread of a fault proxy: it owns the sockets, and everything happens on it.

Whoever wants something of them hands the loop a function and waits until it has run, so nothing
that lives on the loop needs a lock. Nothing here knows what the sockets are for.
"""

from __future__ import annotations

import contextlib
import heapq
import itertools
import selectors
import socket
import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeVar

from venuesdk.timing import real_monotonic

__all__ = ["Loop", "Watch"]

T = TypeVar("T")
U = TypeVar("U")


class Watch:
    """What is to happen when a socket can be read, and when it can be written."""

    __slots__ = ("readable", "writable")

    def __init__(self) -> None:
        self.readable: Callable[[], None] | None = None
        self.writable: Callable[[], None] | None = None


class Loop:
    """Runs on a daemon thread from `start` to `close`; `run` is for every other thread.

    All methods but `start`, `run` and `close` belong to the loop's own thread. Where that ends by
    an error, it calls `broken` first, which is to close what lives on the loop.
    """

    def __init__(self, name: str, broken: Callable[[], None] | None = None) -> None:
        self._selector = selectors.DefaultSelector()
        self._alarms: list[tuple[float, int, Callable[[], None]]] = []
        self._counter = itertools.count()
        # Guards the queue of what other threads want, and whether it still takes anything.
        self._lock = threading.Lock()
        self._wanted: deque[tuple[Callable[[], object], Future[object]]] = deque()
        self._closed = False
        self._failure: BaseException | None = None
        self._ending = False
        self._broken = broken
        self._bell, self._rope = socket.socketpair()
        for end in (self._bell, self._rope):
            end.setblocking(False)
        watch = Watch()
        watch.readable = self._answer_bell
        self._selector.register(self._bell, selectors.EVENT_READ, watch)
        self._thread = threading.Thread(target=self._work, name=name, daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def run(self, function: Callable[[], T], otherwise: U) -> T | U:
        """Run `function` on the loop and return its result, or `otherwise` once it is closed.

        Raises RuntimeError where the loop has ended by an error.
        """
        future: Future[object] = Future()
        with self._lock:
            if self._failure is not None:
                raise RuntimeError(f"the loop has ended: {self._failure!r}")
            if self._closed:
                return otherwise
            self._wanted.append((function, future))
            self._ring()
        return future.result()  # type: ignore[return-value]

    def close(self, last: Callable[[], None]) -> None:
        """Run `last` on the loop, and end its thread; does nothing the second time."""

        def end() -> None:
            self._ending = True
            last()

        future: Future[object] = Future()
        with self._lock:
            first, self._closed = not self._closed, True
            if first:
                self._wanted.append((end, future))
                self._ring()
        self._thread.join()
        # A loop that failed has done what there was to do for that, and is as closed.
        if first and self._failure is None:
            future.result()

    # -- on the loop

    def watch(
        self,
        sock: socket.socket,
        readable: Callable[[], None] | None = None,
        writable: Callable[[], None] | None = None,
    ) -> None:
        """Call these when the socket is ready, instead of what was to be called before."""
        events = (selectors.EVENT_READ if readable else 0) | (
            selectors.EVENT_WRITE if writable else 0
        )
        key = self._selector.get_map().get(sock)
        watch = key.data if key else Watch()
        # What is already reported as ready, and not handled yet, finds here what is wanted now.
        watch.readable, watch.writable = readable, writable
        if key is None and events:
            self._selector.register(sock, events, watch)
        elif key is not None and not events:
            self._selector.unregister(sock)
        elif key is not None and key.events != events:
            self._selector.modify(sock, events, watch)

    def at(self, moment: float, function: Callable[[], None]) -> None:
        """Call the function when the monotonic clock has come to that moment."""
        heapq.heappush(self._alarms, (moment, next(self._counter), function))

    def _work(self) -> None:
        try:
            while not self._ending:
                self._turn()
        except BaseException as error:
            with self._lock:
                self._failure, self._closed = error, True
            if self._broken is not None:
                self._broken()
            raise
        finally:
            with self._lock:
                self._closed = True
                for _, future in self._wanted:
                    future.set_exception(RuntimeError(f"the loop has ended: {self._failure!r}"))
            self._selector.close()
            self._bell.close()
            self._rope.close()

    def _turn(self) -> None:
        for key, events in self._selector.select(self._patience()):
            if events & selectors.EVENT_READ and key.data.readable:
                key.data.readable()
            if events & selectors.EVENT_WRITE and key.data.writable:
                key.data.writable()
        now = real_monotonic()
        while self._alarms and self._alarms[0][0] <= now:
            heapq.heappop(self._alarms)[2]()
        self._do_what_is_wanted()

    def _patience(self) -> float | None:
        return max(0.0, self._alarms[0][0] - real_monotonic()) if self._alarms else None

    def _do_what_is_wanted(self) -> None:
        with self._lock:
            wanted = list(self._wanted)
            self._wanted.clear()
        for function, future in wanted:
            try:
                future.set_result(function())
            except Exception as error:
                future.set_exception(error)

    def _ring(self) -> None:
        with contextlib.suppress(BlockingIOError):  # as many rings as one could want
            self._rope.send(b"!")

    def _answer_bell(self) -> None:
        with contextlib.suppress(BlockingIOError):
            self._bell.recv(4096)
