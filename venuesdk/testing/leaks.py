"""Leaks: what a test must not leave behind, threads of the SDK and errors that nobody took.

What stands here needs no test framework.
"""

from __future__ import annotations

import threading
import traceback
from collections.abc import Collection
from types import TracebackType
from typing import TYPE_CHECKING

from venuesdk.timing import real_monotonic

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = ["LeakCheck", "threads_left"]

ENDS_WITHIN = 2.0
"""Seconds in which a thread of a client that was closed has ended."""


def threads_left(before: Collection[threading.Thread], timeout: float) -> list[str]:
    """Return the names of the SDK's threads that are alive and were not `before`, sorted.

    Waits up to `timeout` seconds for them to end. A name that the system's resolver is still
    looking up cannot be broken off, so the helpers that wait for it do not count.
    """
    until = real_monotonic() + timeout
    ours = [
        thread
        for thread in threading.enumerate()
        if thread not in before
        and thread.name.startswith("venuesdk-")
        and not thread.name.startswith("venuesdk-dns")
    ]
    for thread in ours:
        _await_end(thread, until)
    return sorted(thread.name for thread in ours if thread.is_alive())


def _await_end(thread: threading.Thread, until: float) -> None:
    """Wait for a thread to end, one too that is just being started; no longer than `until`."""
    while (left := until - real_monotonic()) > 0:
        try:
            thread.join(left)
            return
        except RuntimeError:
            # Whoever starts it is in the middle of that; where the start failed, it is gone.
            if thread not in threading.enumerate():
                return
            threading.Event().wait(min(left, 0.001))


class LeakCheck:
    """Watch over a ``with`` block, and raise AssertionError at its end where it leaked.

    It leaked where a thread of a client or a simulated venue outlives it by two seconds, or where
    an error came to `threading.excepthook`: what a callback raised and no ``on_error`` took, or
    what ended any thread. Such an error is shown in the AssertionError and told to nobody else.
    An exception that leaves the block goes before.
    """

    def __init__(self) -> None:
        self._before: set[threading.Thread] = set()
        self._errors: list[str] = []

    def __enter__(self) -> Self:
        self._before = set(threading.enumerate())
        self._errors = []
        self._outer = threading.excepthook
        threading.excepthook = self._hook = self._take
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            left = threads_left(self._before, ENDS_WITHIN)
        finally:
            # Where somebody took its place meanwhile, that one is left alone.
            if threading.excepthook is self._hook:
                threading.excepthook = self._outer
        found = [f"threads left behind: {', '.join(left)}"] if left else []
        found += [f"an error went to nobody:\n{text}" for text in self._errors]
        if found and kind is None:
            raise AssertionError("\n".join(found))

    def _take(self, arguments: threading.ExceptHookArgs) -> None:
        # As the hook that this one stands for does.
        if arguments.exc_type is SystemExit:
            return
        shown = traceback.format_exception(
            arguments.exc_type, arguments.exc_value, arguments.exc_traceback
        )
        name = "a thread" if arguments.thread is None else arguments.thread.name
        self._errors.append(f"on {name}: {''.join(shown)}")
