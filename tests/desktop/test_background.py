"""Blocking calls on a thread of their own, and the way back of what comes of them."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from venuesdk import ClientClosed
from venuesdk.desktop import background, call_in_background

PATIENCE = 5.0


class Screen:
    """A user interface's thread: the test's own, which runs what was posted when it is told to."""

    def __init__(self) -> None:
        self.functions: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
        self.gone = False

    def post(self, function: Callable[[], None]) -> bool:
        if not self.gone:
            self.functions.put(function)
        return not self.gone

    def run_one(self) -> None:
        self.functions.get(timeout=PATIENCE)()


@pytest.fixture
def screen() -> Screen:
    """Return a user interface."""
    return Screen()


@pytest.fixture
def hooked(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Any]]:
    """Return what gets to `threading.excepthook`, for which the background is waited for."""
    errors: list[Any] = []
    monkeypatch.setattr(threading, "excepthook", lambda given: errors.append(given.exc_value))
    yield errors


def at_work() -> list[threading.Thread]:
    """Return the threads of what runs in the background."""
    return [thread for thread in threading.enumerate() if thread.name == "venuesdk-background"]


def finish() -> None:
    """Wait for all that runs in the background."""
    for thread in at_work():
        thread.join(PATIENCE)
        assert not thread.is_alive()


def test_the_result_comes_back_by_post(screen: Screen) -> None:
    """The function runs on another thread, and `on_result` where `post` says."""
    ran_on: list[int] = []
    results: list[object] = []

    def work() -> str:
        ran_on.append(threading.get_ident())
        return "done"

    def take(value: str) -> None:
        results.append((value, threading.get_ident()))

    call_in_background(screen.post, work, take)
    screen.run_one()
    assert results == [("done", threading.get_ident())]
    assert ran_on != [threading.get_ident()]


def test_it_returns_before_the_function_does(screen: Screen) -> None:
    """The calling thread does not wait; the interpreter does, so that no order is cut short."""
    go_on, results = threading.Event(), []
    call_in_background(screen.post, lambda: go_on.wait(PATIENCE), results.append)
    assert results == []
    assert [thread.daemon for thread in at_work()] == [False]
    go_on.set()
    screen.run_one()
    assert results == [True]


def test_an_exception_comes_back_by_post(screen: Screen, hooked: list[Any]) -> None:
    """It is `on_error`'s, and nobody else's."""
    errors: list[Exception] = []
    call_in_background(screen.post, lambda: {}["nothing"], None, errors.append)
    screen.run_one()
    finish()
    assert [type(error) for error in errors] == [KeyError]
    assert hooked == []


def test_without_on_error_an_exception_is_reported(screen: Screen, hooked: list[Any]) -> None:
    """It goes to `threading.excepthook`."""
    call_in_background(screen.post, lambda: {}["nothing"])
    finish()
    assert [type(error) for error in hooked] == [KeyError]


def test_an_error_that_comes_too_late_is_reported(screen: Screen, hooked: list[Any]) -> None:
    """An order whose outcome is unknown is not forgotten because its window is gone."""
    screen.gone = True
    error = ClientClosed("closed under a sent request", outcome_unknown=True)

    def fail() -> None:
        raise error

    call_in_background(screen.post, fail, None, print)
    finish()
    assert hooked == [error]


def test_an_error_that_is_let_go_of_is_reported(screen: Screen, hooked: list[Any]) -> None:
    """So it is where a window that took it is destroyed before it could tell."""
    call_in_background(screen.post, lambda: {}["nothing"], None, print)
    screen.functions.get(timeout=PATIENCE)
    finish()
    assert [type(error) for error in hooked] == [KeyError]


def test_an_error_that_nobody_takes_is_reported_at_the_end(
    screen: Screen, hooked: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A main loop that has ended keeps what is posted, and never calls it."""
    ended = threading.Thread()
    monkeypatch.setattr(threading, "main_thread", lambda: ended)
    call_in_background(screen.post, lambda: {}["nothing"], None, print)
    finish()
    assert [type(error) for error in hooked] == [KeyError]
    assert not screen.functions.empty()


def test_an_error_may_be_taken_late(screen: Screen, hooked: list[Any]) -> None:
    """As when a dialog is open: it is told once, and by `on_error`."""
    errors: list[Exception] = []
    call_in_background(screen.post, lambda: {}["nothing"], None, errors.append)
    function = screen.functions.get(timeout=PATIENCE)
    (thread,) = at_work()
    thread.join(2 * background.LOOK)
    assert thread.is_alive()
    function()
    finish()
    assert [type(error) for error in errors] == [KeyError]
    assert hooked == []


def test_that_nothing_was_sent_is_no_news_then(screen: Screen, hooked: list[Any]) -> None:
    """The window's end closes the client, and that ends its calls: this is how it should be."""
    screen.gone = True

    def fail() -> None:
        raise ClientClosed("closed")

    call_in_background(screen.post, fail, None, print)
    call_in_background(screen.post, lambda: "too late", print)
    finish()
    assert hooked == []


def test_an_error_of_post_is_reported(hooked: list[Any]) -> None:
    """A toolkit that refuses the result says so, with the exception that it should have told."""

    def refuse(_: Callable[[], None]) -> None:
        raise OSError("no such window")

    call_in_background(refuse, lambda: {}["nothing"], None, print)
    finish()
    assert [type(error) for error in hooked] == [OSError]
    assert isinstance(hooked[0].__context__, KeyError)


@pytest.mark.parametrize("place", range(4))
def test_what_cannot_be_called_is_refused_at_once(screen: Screen, place: int) -> None:
    """Such as the result of a call that was meant to be made in the background."""
    arguments: list[Any] = [screen.post, print, print, print]
    for wrong in (42, *([None] if place < 2 else [])):
        arguments[place] = wrong
        with pytest.raises(TypeError, match="must be callable"):
            call_in_background(*arguments)
