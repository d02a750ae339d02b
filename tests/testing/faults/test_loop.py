"""The loop runs what other threads want, alarms in their order, and ends."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator

import pytest

from venuesdk.testing.faults.loop import Loop
from venuesdk.timing import monotonic


@pytest.fixture
def loop() -> Iterator[Loop]:
    """Return a loop that runs."""
    loop = Loop("venuesdk-fault-test")
    loop.start()
    yield loop
    loop.close(lambda: None)


def test_what_is_wanted_runs_on_its_thread(loop: Loop) -> None:
    """A function runs on the loop, and its result or its error comes back."""
    assert loop.run(lambda: threading.current_thread().name, None) == "venuesdk-fault-test"
    with pytest.raises(ZeroDivisionError):
        loop.run(lambda: 1 / 0, None)
    assert loop.run(lambda: "alive", None) == "alive"


def test_alarms_ring_in_their_order_and_not_before(loop: Loop) -> None:
    """Alarms ring by their moment, whatever the order in which they were set."""
    heard: list[tuple[str, float]] = []
    done = threading.Event()
    start = monotonic()

    def set_them() -> None:
        loop.at(start + 0.06, lambda: (heard.append(("late", monotonic())), done.set()))
        loop.at(start + 0.03, lambda: heard.append(("early", monotonic())))

    loop.run(set_them, None)
    assert done.wait(5)
    assert [name for name, _ in heard] == ["early", "late"]
    assert heard[0][1] >= start + 0.03
    assert heard[1][1] >= start + 0.06


def test_a_socket_is_watched_for_what_was_last_wanted(loop: Loop) -> None:
    """Only the newest wish counts, and after none of them nothing is called."""
    here, there = socket.socketpair()
    with here, there:
        heard: list[str] = []
        done = threading.Event()

        def second() -> None:
            heard.append("second")
            here.recv(1)
            loop.watch(here)
            done.set()

        def wish() -> None:
            loop.watch(here, lambda: heard.append("first"))
            loop.watch(here, second)

        loop.run(wish, None)
        there.send(b"12")
        assert done.wait(5)
        assert loop.run(lambda: list(heard), None) == ["second"]


def test_a_closed_loop_does_nothing_more() -> None:
    """After its last function the thread is gone, and `run` returns what else was asked for."""
    loop = Loop("venuesdk-fault-test")
    loop.start()
    last = threading.Event()
    loop.close(last.set)
    assert last.is_set()
    loop.close(last.clear)
    assert last.is_set()
    assert loop.run(lambda: 1, "otherwise") == "otherwise"
    assert "venuesdk-fault-test" not in [thread.name for thread in threading.enumerate()]


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_loop_that_ends_by_an_error_says_so() -> None:
    """What lives on it is closed, and who wants something is told why there is nobody to do it."""
    broken = threading.Event()
    loop = Loop("venuesdk-fault-test", broken.set)
    loop.start()
    loop.run(lambda: loop.at(0.0, lambda: 1 / 0), None)
    assert broken.wait(5)
    with pytest.raises(RuntimeError, match="the loop has ended: ZeroDivisionError"):
        loop.run(lambda: 1, "otherwise")
    loop.close(lambda: None)
    assert "venuesdk-fault-test" not in [thread.name for thread in threading.enumerate()]
