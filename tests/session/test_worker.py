"""A thread that may be waited for at any time: before it runs, while it starts, from itself."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator

import pytest

from venuesdk.session.worker import Worker
from venuesdk.timing import Deadline

PATIENCE = 5.0


@pytest.fixture
def gate() -> Iterator[threading.Event]:
    """A gate that workers wait at; it opens at the end at the latest."""
    gate = threading.Event()
    yield gate
    gate.set()


def worker_that(does: Callable[[], object]) -> Worker:
    """Return a worker that does this."""
    return Worker(does, "venuesdk-toy-worker")


def test_it_is_a_daemon_with_a_name_that_ends(gate: threading.Event) -> None:
    """Who waits is told whether it ended in time."""
    worker = worker_that(lambda: gate.wait(PATIENCE))
    worker.start()
    assert (worker.name, worker.daemon) == ("venuesdk-toy-worker", True)
    assert worker.ended(Deadline(0.05)) is False
    gate.set()
    assert worker.ended(Deadline(PATIENCE)) is True
    assert not worker.is_alive()


def test_one_that_never_started_has_ended() -> None:
    """Nobody waits for it, not even with no deadline."""
    assert worker_that(lambda: None).ended(Deadline(None)) is True


def test_it_does_not_wait_for_itself() -> None:
    """What it does may wait for its end, and is let go at once."""
    told: list[bool] = []
    worker = worker_that(lambda: told.append(worker.ended(Deadline(None))))
    worker.start()
    assert worker.ended(Deadline(PATIENCE))
    assert told == [True]


def test_one_that_is_just_starting_is_waited_for(gate: threading.Event) -> None:
    """The thread has its number already, and Python would refuse to join it."""
    worker = worker_that(lambda: None)
    reached = threading.Event()
    begin = worker._started.set  # type: ignore[attr-defined]

    def slow() -> None:
        reached.set()
        gate.wait(PATIENCE)
        begin()

    worker._started.set = slow  # type: ignore[attr-defined]
    starter = threading.Thread(target=worker.start)
    starter.start()
    assert reached.wait(PATIENCE)
    assert worker.ident is not None
    with pytest.raises(RuntimeError):
        worker.join()
    assert worker.ended(Deadline(0.05)) is False
    gate.set()
    assert worker.ended(Deadline(PATIENCE)) is True
    starter.join(PATIENCE)


def test_one_that_the_system_refused_has_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    """The refusal is raised by the start; waiting for what never came takes no time."""

    def refuse(self: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", refuse)
    worker = worker_that(lambda: None)
    with pytest.raises(RuntimeError):
        worker.start()
    assert worker.ended(Deadline(None)) is True
