"""What may be given as a callback, and how it is named."""

from __future__ import annotations

import functools
from typing import Any

import pytest

from venuesdk.session.callbacks import check_callback, name_of


class Logger:
    """Something with a method to be called."""

    def on_event(self, event: object) -> None:
        """Take an event."""


async def on_event(event: object) -> None:
    """Take an event, some time."""


@pytest.mark.parametrize("callback", [None, print, Logger().on_event, functools.partial(print, 1)])
def test_what_can_be_called_may_be_given(callback: Any) -> None:
    """Functions, methods, partials; None where there is none."""
    check_callback("on_gap", callback)


@pytest.mark.parametrize("callback", ["print", 7, on_event])
def test_what_would_never_run_is_refused(callback: Any) -> None:
    """A coroutine function too: calling it does nothing, and every event would be lost."""
    with pytest.raises(TypeError, match="on_gap must be"):
        check_callback("on_gap", callback)


def test_a_callback_is_named_as_a_person_would_find_it() -> None:
    """By its module and its qualified name, else by its repr."""
    assert name_of(Logger().on_event).endswith("test_callbacks.Logger.on_event")
    partial = functools.partial(print, 1)
    assert name_of(partial) == repr(partial)
