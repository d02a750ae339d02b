"""Asking for credentials: on the caller's thread first, on one of its own after that."""

from __future__ import annotations

import threading
from collections.abc import Callable
from queue import SimpleQueue
from typing import Any

import pytest

from venuesdk.errors import ConnectFailed, ConnectTimeout
from venuesdk.secret import Secret
from venuesdk.session.credentials import CredentialsKeeper
from venuesdk.timing import Deadline, monotonic

PATIENCE = 5.0


def keeper(source: Callable[[], Any]) -> CredentialsKeeper:
    """Return what asks that source."""
    return CredentialsKeeper("toy", source)


def test_the_first_asking_is_on_the_callers_thread() -> None:
    """What the callable raises reaches the caller as it is."""
    threads: list[threading.Thread] = []
    keeper(lambda: threads.append(threading.current_thread())).ask()
    assert threads == [threading.current_thread()]
    with pytest.raises(ZeroDivisionError):
        keeper(lambda: 1 / 0).ask()


def test_a_later_asking_is_on_a_daemon_thread_with_a_name() -> None:
    """Every time anew."""
    threads: list[threading.Thread] = []

    def source() -> Any:
        threads.append(threading.current_thread())
        return {"key": Secret(f"key-{len(threads)}")}

    ours = keeper(source)
    for number in (1, 2):
        found = ours.ask_elsewhere(Deadline(PATIENCE))
        assert found["key"].reveal() == f"key-{number}"
        assert ours.close(Deadline(PATIENCE))
    assert [(one.name, one.daemon) for one in threads] == [("venuesdk-toy-credentials", True)] * 2


@pytest.mark.parametrize("kind", [ZeroDivisionError, SystemExit])
def test_what_a_callable_raises_is_a_failed_connection(kind: type[BaseException]) -> None:
    """At once, by its type alone: its text may hold a credential."""

    def source() -> Any:
        raise kind("key-90ab")

    ours = keeper(source)
    started = monotonic()
    with pytest.raises(ConnectFailed, match=kind.__name__) as caught:
        ours.ask_elsewhere(Deadline(PATIENCE))
    assert monotonic() - started < PATIENCE
    assert "key-90ab" not in str(caught.value)
    assert caught.value.__cause__ is caught.value.__context__ is None
    ours.close(Deadline(PATIENCE))


def test_a_callable_that_hangs_costs_one_attempt_and_is_not_asked_twice() -> None:
    """The next attempt waits for the same answer."""
    asked: SimpleQueue[None] = SimpleQueue()
    leave = threading.Event()

    def source() -> Any:
        asked.put(None)
        leave.wait(PATIENCE)
        return "the answer"

    ours = keeper(source)
    with pytest.raises(ConnectTimeout):
        ours.ask_elsewhere(Deadline(0.01))
    assert ours.close(Deadline(0)) is False
    timer = threading.Timer(0.02, leave.set)
    timer.start()
    assert ours.ask_elsewhere(Deadline(PATIENCE)) == "the answer"
    timer.join()
    assert asked.qsize() == 1
    assert ours.close(Deadline(PATIENCE)) is True


def test_an_answer_that_nobody_waited_for_is_too_old() -> None:
    """The next attempt asks anew, and does not wait for what was taken already."""
    answers = iter(("old", "new", "newest"))
    leave = threading.Event()

    def source() -> Any:
        answer = next(answers)
        if answer == "old":
            leave.wait(PATIENCE)
        return answer

    ours = keeper(source)
    with pytest.raises(ConnectTimeout):
        ours.ask_elsewhere(Deadline(0.01))
    leave.set()
    ours.close(Deadline(PATIENCE))
    assert ours.ask_elsewhere(Deadline(PATIENCE)) == "new"
    assert ours.ask_elsewhere(Deadline(PATIENCE)) == "newest"
    ours.close(Deadline(PATIENCE))


def test_a_wait_for_credentials_ends_when_it_is_cancelled() -> None:
    """A close of the client does not wait for a callable that hangs."""
    leave = threading.Event()
    ours = keeper(lambda: leave.wait(PATIENCE))
    deadline = Deadline(60)
    timer = threading.Timer(0.02, deadline.cancel)
    timer.start()
    started = monotonic()
    with pytest.raises(ConnectTimeout):
        ours.ask_elsewhere(deadline)
    assert monotonic() - started < 1.0
    timer.join()
    leave.set()
    ours.close(Deadline(PATIENCE))


def test_closing_where_nothing_was_asked_waits_for_nothing() -> None:
    """Nor does a close from inside the callable."""
    outcomes: list[bool] = []
    ours = keeper(lambda: outcomes.append(ours.close(Deadline(PATIENCE))))
    assert ours.close(Deadline(0)) is True
    ours.ask_elsewhere(Deadline(PATIENCE))
    assert outcomes == [True]
    ours.close(Deadline(PATIENCE))
