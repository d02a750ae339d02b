"""Blocking calls off the user interface's thread; what brings their results back is a `Post`."""

from __future__ import annotations

import logging
import threading
import weakref
from collections.abc import Callable
from typing import TypeAlias, TypeVar

from ..errors import ClientClosed
from ..session.callbacks import check_callback, name_of

__all__ = ["Post", "Poster", "call_in_background"]

T = TypeVar("T")
Post: TypeAlias = "Callable[[Callable[[], None]], object]"
"""What brings a function to the user interface's thread."""
Poster: TypeAlias = "Callable[[Callable[[], None]], bool]"
"""A `Post` that tells by False that there is no user interface any more."""

LOOK = 0.1
"""Seconds between two looks at whether the program has ended."""
_LOG = logging.getLogger("venuesdk.desktop")


def call_in_background(
    post: Post,
    function: Callable[[], T],
    on_result: Callable[[T], object] | None = None,
    on_error: Callable[[Exception], object] | None = None,
) -> None:
    """Call `function()` on a thread of its own, and bring what comes of it back by `post`.

    Returns at once; the user interface's thread is where it belongs, and where `on_result` or
    `on_error` is called later. What `attach_tk` and the posters return is a `post`. An exception
    goes to `threading.excepthook` where there is no `on_error`, or where the user interface ended
    before it was told; a result is dropped then. Only that a client was closed before anything was
    sent is no news then.

    The interpreter does not exit before `function` has returned, so that no order is left half
    placed; closing the client ends its calls.
    """
    for what, given in (("post", post), ("function", function)):
        if given is None:
            raise TypeError(f"{what} must be callable, not None: is it called already?")
        check_callback(what, given)
    check_callback("on_result", on_result)
    check_callback("on_error", on_error)

    def work() -> None:
        try:
            value = function()
        except Exception as error:
            _LOG.info("%s raised %s in the background", name_of(function), type(error).__name__)
            if on_error is None:
                raise
            if isinstance(error, ClientClosed) and not error.outcome_unknown:
                post(_calling(on_error, error))
            elif not _told(post, on_error, error):
                raise
        else:
            if on_result is not None:
                post(_calling(on_result, value))

    threading.Thread(target=work, name="venuesdk-background", daemon=False).start()


def _told(post: Post, on_error: Callable[[Exception], object], error: Exception) -> bool:
    """Bring an error to the user interface; return False where that ended and did not take it.

    That `post` took it is no sign of it: a main loop that has ended calls nothing more. So this
    waits until the call begins, its function is let go of, or the main thread has ended.
    """
    settled, begun = threading.Event(), threading.Event()

    def call() -> None:
        begun.set()
        settled.set()
        on_error(error)

    weakref.finalize(call, settled.set).atexit = False
    if post(call) is False:
        return False
    del call
    while not settled.wait(LOOK) and threading.main_thread().is_alive():
        continue
    return begun.is_set()


def _calling(callback: Callable[[T], object], value: T) -> Callable[[], None]:
    def call() -> None:
        callback(value)

    return call
