"""Blocking calls off the user interface's thread; what brings their results back is a `Post`."""

from __future__ import annotations

import logging
import threading
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
    goes to `threading.excepthook` where there is no `on_error`, or no user interface any more; a
    result is dropped then. Only that a client was closed before anything was sent is no news then.

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
            gone = post(_calling(on_error, error)) is False
            if gone and not (isinstance(error, ClientClosed) and not error.outcome_unknown):
                raise
        else:
            if on_result is not None:
                post(_calling(on_result, value))

    threading.Thread(target=work, name="venuesdk-background", daemon=False).start()


def _calling(callback: Callable[[T], object], value: T) -> Callable[[], None]:
    def call() -> None:
        callback(value)

    return call
