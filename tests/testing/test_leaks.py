"""The leak check: what it finds, what it lets pass, and that it gives back what it took."""

from __future__ import annotations

import sys
import threading
from queue import SimpleQueue
from typing import Any

import pytest

from venuesdk.errors import ProtocolError
from venuesdk.testing import LeakCheck, client_of, simulate
from venuesdk.testing import leaks as leaks_module
from venuesdk.testing.leaks import threads_left

PATIENCE = 5.0


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Do not wait for what will never end."""
    monkeypatch.setattr(leaks_module, "ENDS_WITHIN", 0.05)


def start(name: str, leave: threading.Event) -> threading.Thread:
    """Start a thread that goes on until it is let go."""
    thread = threading.Thread(target=leave.wait, args=(PATIENCE,), name=name, daemon=True)
    thread.start()
    return thread


def fail(error: BaseException) -> None:
    """Let a thread end with an error."""

    def run() -> None:
        raise error

    thread = threading.Thread(target=run, name="planted")
    thread.start()
    thread.join()


def test_a_client_that_was_closed_leaks_nothing() -> None:
    """Nor does its venue, nor an error that somebody took."""
    taken: SimpleQueue[Any] = SimpleQueue()
    with LeakCheck(), simulate("onyx", interval=None) as venue, client_of(venue) as client:
        client.on_error(taken.put)
        client.subscribe_tickers(lambda _: 1 / 0, products=["ebob"])
        venue.tick()
        venue.push("{not json")
        kinds = {type(taken.get(timeout=PATIENCE)) for _ in range(2)}
    assert kinds == {ZeroDivisionError, ProtocolError}


def test_a_client_that_was_not_closed_is_named_by_its_threads() -> None:
    """Both of them, and the venue's too where that goes on."""
    venue = simulate("onyx", interval=None)
    with pytest.raises(AssertionError, match="threads left behind") as caught, LeakCheck():
        venue.start()
        client = client_of(venue).connect()
    client.close()
    venue.close()
    for name in ("venuesdk-onyx-dispatch", "venuesdk-onyx-reader", "venuesdk-sim-onyx"):
        assert name in str(caught.value)


def test_a_thread_that_is_just_being_started_is_waited_for_too() -> None:
    """Python lets nobody join it before."""
    before = set(threading.enumerate())
    leave = threading.Event()

    class JustStarting(threading.Thread):
        tries = 0

        def join(self, timeout: float | None = None) -> None:
            self.tries += 1
            if self.tries < 3:
                raise RuntimeError("cannot join thread before it is started")
            leave.set()
            super().join(timeout)

    thread = JustStarting(
        target=leave.wait, args=(PATIENCE,), name="venuesdk-onyx-reader", daemon=True
    )
    thread.start()
    assert threads_left(before, PATIENCE) == []
    assert thread.tries == 3


def test_threads_that_are_none_of_ours_and_older_ones_do_not_count() -> None:
    """Nor do the helpers that wait for the system's resolver, which nobody can break off."""
    leave = threading.Event()
    threads = [start("venuesdk-onyx-reader", leave)]
    with LeakCheck():
        threads += [start("a thread of the user's", leave), start("venuesdk-dns-1", leave)]
    before = set(threading.enumerate())
    threads.append(start("venuesdk-onyx-dispatch", leave))
    assert threads_left(before, 0.05) == ["venuesdk-onyx-dispatch"]
    leave.set()
    assert threads_left(before, PATIENCE) == []
    for thread in threads:
        thread.join()


def test_an_error_that_nobody_took_is_shown_where_it_was_raised() -> None:
    """What a callback raises, without an ``on_error``, is the test's own failure."""

    def callback(_: object) -> None:
        called.set()
        raise ZeroDivisionError("in a callback")

    called = threading.Event()
    with (
        pytest.raises(AssertionError, match="went to nobody") as caught,
        LeakCheck(),
        simulate("onyx", interval=None) as venue,
        client_of(venue) as client,
    ):
        client.subscribe_tickers(callback, products=["ebob"])
        venue.tick()
        assert called.wait(PATIENCE)
    assert "ZeroDivisionError: in a callback" in str(caught.value)
    assert "in callback" in str(caught.value)
    assert "venuesdk-onyx-dispatch" in str(caught.value)


def test_what_ends_any_thread_counts_but_its_own_wish() -> None:
    """SystemExit ends a thread in silence everywhere."""
    with LeakCheck():
        fail(SystemExit())
    with pytest.raises(AssertionError, match="on planted: (?s:.*)ValueError: unseen"), LeakCheck():
        fail(ValueError("unseen"))


def test_an_error_of_the_test_itself_goes_before() -> None:
    """What was left behind is most often only its consequence."""
    with pytest.raises(ZeroDivisionError), LeakCheck():
        fail(ValueError("unseen"))
        raise ZeroDivisionError


def test_the_hook_is_given_back(monkeypatch: pytest.MonkeyPatch) -> None:
    """To who had it before; but not where somebody took it meanwhile, and has not given it back."""
    outer = threading.excepthook
    with LeakCheck():
        assert threading.excepthook is not outer
    assert threading.excepthook is outer
    with LeakCheck():
        monkeypatch.setattr(threading, "excepthook", sys.__excepthook__)
    assert threading.excepthook is sys.__excepthook__
