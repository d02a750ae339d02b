"""Deadlines and backoff, on a clock that the test turns by hand."""

from __future__ import annotations

import math
import threading
import time

import pytest

from venuesdk import timing
from venuesdk.timing import Backoff, Deadline


class Clock:
    """A clock that stands still until it is turned."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """Put a standing clock in the place of the monotonic one."""
    standing = Clock()
    monkeypatch.setattr(timing, "monotonic", standing)
    return standing


def test_the_clocks_are_the_systems_own() -> None:
    """Decisions use the clock that never goes back; people read the other."""
    assert timing.monotonic is time.monotonic
    assert timing.wall_clock is time.time


def test_a_deadline_counts_down_to_zero_and_no_further(clock: Clock) -> None:
    """What remains shrinks with the clock, reaches 0.0 at the deadline and stays there."""
    deadline = Deadline(2)
    assert deadline.timeout == 2
    assert deadline.remaining() == 2.0
    assert not deadline.expired()
    clock.now += 1.5
    assert deadline.remaining() == 0.5
    clock.now += 0.5
    assert deadline.remaining() == 0.0
    assert deadline.expired()
    clock.now += 100
    assert deadline.remaining() == 0.0


def test_one_deadline_is_shared_by_every_step(clock: Clock) -> None:
    """Two steps of 1.2 s do not fit into one deadline of 2 s: it is never restarted."""
    deadline = Deadline(2.0)
    clock.now += 1.2
    assert not deadline.expired()
    clock.now += 1.2
    assert deadline.expired()


def test_no_limit_never_expires(clock: Clock) -> None:
    """``Deadline(None)`` remains None whatever the clock says."""
    deadline = Deadline(None)
    clock.now += 1e9
    assert deadline.remaining() is None
    assert not deadline.expired()
    assert deadline.slice(0.1) == 0.1


def test_zero_has_expired_at_once(clock: Clock) -> None:
    """``Deadline(0)`` asks only for what needs no waiting."""
    assert Deadline(0).expired()
    assert Deadline(0).slice(0.1) == 0.0


def test_a_slice_is_never_longer_than_asked_nor_than_what_remains(clock: Clock) -> None:
    """A wait in slices neither sleeps past the deadline nor past its longest slice."""
    deadline = Deadline(1.0)
    assert deadline.slice(0.1) == 0.1
    clock.now += 0.95
    assert deadline.slice(0.1) == pytest.approx(0.05)
    clock.now += 1
    assert deadline.slice(0.1) == 0.0


@pytest.mark.parametrize("timeout", [None, 0, 5.0, math.inf])
def test_a_cancelled_deadline_has_expired(timeout: float | None) -> None:
    """Cancelling ends every kind of deadline, the endless one included."""
    deadline = Deadline(timeout)
    assert not deadline.cancelled
    deadline.cancel()
    assert deadline.cancelled
    assert deadline.expired()
    assert deadline.remaining() == 0.0
    assert deadline.slice(0.1) == 0.0


def test_another_threads_cancel_is_seen() -> None:
    """A thread that waits in slices ends soon after another one cancels."""
    deadline, ended, turn = Deadline(None), threading.Event(), threading.Event()

    def wait_in_slices() -> None:
        while not deadline.expired():
            turn.wait(deadline.slice(0.01))
        ended.set()

    waiter = threading.Thread(target=wait_in_slices, daemon=True)
    waiter.start()
    assert not ended.is_set()
    deadline.cancel()
    assert ended.wait(5)
    waiter.join(5)


@pytest.mark.parametrize("timeout", [-1, -0.001, math.nan, -math.inf])
def test_a_timeout_cannot_be_negative_or_nan(timeout: float) -> None:
    """A number that is no duration is the caller's mistake."""
    with pytest.raises(ValueError, match="negative"):
        Deadline(timeout)


@pytest.mark.parametrize("timeout", ["2", True, False, object(), [1]])
def test_a_timeout_is_a_number(timeout: object) -> None:
    """What is no number, and a bool, is refused by type."""
    with pytest.raises(TypeError, match="number of seconds"):
        Deadline(timeout)  # type: ignore[arg-type]


def test_a_deadline_says_what_it_is(clock: Clock) -> None:
    """The repr names the timeout asked for and what remains, or that it was cancelled."""
    deadline = Deadline(2.0)
    clock.now += 0.5
    assert repr(deadline) == "Deadline(2.0, remaining=1.5)"
    deadline.cancel()
    assert repr(deadline) == "Deadline(2.0, cancelled)"


def test_the_ceiling_doubles_up_to_the_maximum() -> None:
    """Attempt n may wait ``initial * factor**n`` seconds, never more than the maximum."""
    backoff = Backoff(initial=0.5, factor=2.0, maximum=30.0)
    assert [backoff.ceiling(n) for n in range(8)] == [0.5, 1, 2, 4, 8, 16, 30, 30]


def test_a_month_of_attempts_does_not_overflow() -> None:
    """The millionth attempt still waits at most the maximum."""
    assert Backoff().ceiling(1_000_000) == Backoff().maximum == 30.0


def test_the_jitter_is_full() -> None:
    """The delay is anywhere between nothing and the ceiling, in proportion to the random part."""
    backoff = Backoff(initial=1.0, maximum=10.0)
    assert backoff.delay(2, lambda: 0.0) == 0.0
    assert backoff.delay(2, lambda: 0.25) == 1.0
    assert backoff.delay(9, lambda: 0.5) == 5.0


def test_the_jitter_spreads_clients_that_were_cut_together() -> None:
    """A hundred clients cut at once come back all over the window, not at one moment."""
    backoff = Backoff(initial=8.0)
    delays = [backoff.delay(0) for _ in range(100)]
    assert all(0 <= delay <= 8 for delay in delays)
    assert len({int(delay) for delay in delays}) >= 5


@pytest.mark.parametrize(
    "wrong", [{"initial": 0}, {"initial": -1}, {"factor": 0.5}, {"maximum": 0}, {"healthy": -1}]
)
def test_a_backoff_that_would_hammer_is_refused(wrong: dict[str, float]) -> None:
    """No wait, a shrinking wait and a negative time are the caller's mistakes."""
    with pytest.raises(ValueError, match=next(iter(wrong))):
        Backoff(**wrong)
