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


class Handler:
    """Something that is called itself, and holds a credential."""

    def __call__(self, event: object) -> None:
        """Take an event."""

    def __repr__(self) -> str:
        return "Handler(api_key='k-5d1c')"


def test_a_callback_is_named_as_a_person_would_find_it() -> None:
    """By its module and its qualified name; a partial by its function, an object by its class."""
    assert name_of(Logger().on_event).endswith("test_callbacks.Logger.on_event")
    assert name_of(functools.partial(functools.partial(print, 1), 2)) == "builtins.print"
    assert name_of([].append) == "list.append"


def test_the_name_of_a_callback_shows_nothing_that_it_holds() -> None:
    """It goes into logs, and what a program binds to a callback may be a credential."""
    assert name_of(Handler()).endswith("test_callbacks.Handler")
    assert name_of(functools.partial(Handler(), "k-5d1c")).endswith("test_callbacks.Handler")
