"""What happens later, and what happens again."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from venuesdk.testing.schedule import Schedule


@pytest.fixture
def guard() -> threading.RLock:
    """Return the lock of a venue."""
    return threading.RLock()


@pytest.fixture
def schedule(guard: threading.RLock) -> Iterator[Schedule]:
    """Return a schedule that ends with the test."""
    one = Schedule(guard, "venuesdk-sim-test-clock")
    yield one
    one.close()


def test_what_is_due_first_happens_first(schedule: Schedule, guard: threading.RLock) -> None:
    """The order is that of the times, not that of the calls; equal times keep their order."""
    done: list[str] = []
    finished = threading.Event()
    with guard:
        schedule.later(0.03, lambda: (done.append("late"), finished.set()))  # type: ignore[func-returns-value, arg-type, return-value]
        schedule.later(0.0, lambda: done.append("first"))
        schedule.later(0.0, lambda: done.append("second"))
    assert finished.wait(5.0)
    assert done == ["first", "second", "late"]


def test_a_function_runs_with_the_lock_held(
    schedule: Schedule, guard: threading.RLock
) -> None:
    """Nobody else is inside the lock while a function runs."""
    inside: list[bool] = []
    finished = threading.Event()

    def look() -> None:
        probe = threading.Thread(target=lambda: inside.append(guard.acquire(blocking=False)))
        probe.start()
        probe.join()
        finished.set()

    schedule.later(0.0, look)
    assert finished.wait(5.0)
    assert inside == [False]


def test_what_is_called_off_does_not_happen(
    schedule: Schedule, guard: threading.RLock
) -> None:
    """A cancelled alarm stays silent; those after it do not."""
    done: list[str] = []
    finished = threading.Event()
    with guard:
        schedule.later(0.0, lambda: done.append("cancelled")).cancel()
        schedule.later(0.01, finished.set)
    assert finished.wait(5.0)
    assert done == []


def test_what_repeats_goes_on_until_it_is_called_off(schedule: Schedule) -> None:
    """A repeated function may call itself off."""
    times: list[int] = []
    finished = threading.Event()

    def again() -> None:
        times.append(1)
        if len(times) == 3:
            alarm.cancel()
            schedule.later(0.05, finished.set)

    alarm = schedule.every(0.005, again)
    assert finished.wait(5.0)
    assert len(times) == 3


def test_closing_forgets_everything_and_ends_the_thread(schedule: Schedule) -> None:
    """After closing nothing runs, nothing is added, and closing again is harmless."""
    done: list[str] = []
    schedule.later(60.0, lambda: done.append("never"))
    schedule.close()
    schedule.close()
    schedule.later(0.0, lambda: done.append("too late"))
    assert not [one for one in threading.enumerate() if one.name == "venuesdk-sim-test-clock"]
    assert done == []
