"""The clock that a test puts forward: what happens then, what does not, and that it is put back."""

from __future__ import annotations

import re
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from queue import SimpleQueue
from types import ModuleType
from typing import Any

import pytest

from venuesdk import timing
from venuesdk.errors import RequestTimeout, VenueUnavailable
from venuesdk.models import GapReason, State
from venuesdk.session import reader
from venuesdk.session.quota import AttemptQuota
from venuesdk.session.session import Session
from venuesdk.testing import FakeClock, client_of, simulate
from venuesdk.testing import clock as clock_module
from venuesdk.timing import Deadline

PATIENCE = 5.0
AN_HOUR = 3600.0


@pytest.fixture
def venue() -> Iterator[Any]:
    """A simulated venue that says nothing by itself, and does not hang up."""
    with simulate("onyx", interval=None) as started:
        yield started


@pytest.fixture
def connect() -> Iterator[Callable[..., Any]]:
    """Return a function that connects a client to a venue; it is closed with the test."""
    with ExitStack() as stack:
        yield lambda venue, **options: stack.enter_context(client_of(venue, **options))


@pytest.fixture
def clock() -> Iterator[FakeClock]:
    """A clock in the SDK's place."""
    with FakeClock() as started:
        yield started


# ---- what happens ------------------------------------------------------------------------------


def test_fifteen_seconds_of_silence_end_a_connection_and_no_other(connect: Any, venue: Any) -> None:
    """10 quiet seconds, a ping, 5 more: who answers it stays, in the same process, who not goes.

    One of the two clients was there before the clock.
    """
    changes: SimpleQueue[Any] = SimpleQueue()
    with simulate("fuze", interval=None) as mute:
        dying = connect(mute, on_state=changes.put)
        mute.mute()
        with FakeClock() as clock:
            well = connect(venue)
            clock.advance(9)
            before = well.stats()
            assert dying.connected and not before.last_frame_age < 8
            clock.advance(6)
            assert not dying.wait_state(State.CONNECTED, timeout=0)
            assert well.stats().epoch == 1 and well.connected
            # The pong.
            assert well.stats().frames_in == before.frames_in + 1
            while (change := changes.get(timeout=PATIENCE)).state is not State.RECONNECTING:
                continue
            assert "no sign of life for 15 s" in str(change.error)
            # On the clock that its attempt to reconnect began by.
            dying.close()


def test_a_stream_goes_stale_when_its_time_has_passed(
    connect: Any, venue: Any, clock: FakeClock
) -> None:
    """Not before; and within the 2.5 seconds after that are promised."""
    gaps: SimpleQueue[Any] = SimpleQueue()
    client = connect(venue)
    client.subscribe_tickers(print, products=["ebob"], on_gap=gaps.put, stale_after=2)
    clock.advance(1.5)
    assert gaps.empty()
    clock.advance(3)
    assert gaps.get(timeout=PATIENCE).reason is GapReason.STALE


def test_a_call_without_an_answer_ends_at_its_timeout(
    connect: Any, venue: Any, clock: FakeClock
) -> None:
    """Of ten seconds, here: not after nine, and soon after they have passed."""
    client = connect(venue)
    venue.mute()
    outcome: SimpleQueue[BaseException] = SimpleQueue()

    def ask() -> None:
        with pytest.raises(RequestTimeout) as caught:
            client.request("unsubscribe", {"channel": "dashboards"}, timeout=10)
        outcome.put(caught.value)

    asked = len(venue.received)
    caller = threading.Thread(target=ask)
    caller.start()
    assert venue.wait_for(lambda venue: len(venue.received) > asked)
    clock.jump(9)
    assert outcome.empty()
    begun = time.monotonic()
    clock.jump(1)
    error = outcome.get(timeout=PATIENCE)
    caller.join()
    assert "no answer within 10 s" in str(error) and error.outcome_unknown  # type: ignore[attr-defined]
    assert time.monotonic() - begun < 1


def test_the_pause_before_the_next_attempt_passes(
    connect: Any, venue: Any, clock: FakeClock
) -> None:
    """A venue that asks to be left alone for an hour is, and then the client is back."""
    changes: SimpleQueue[Any] = SimpleQueue()
    client = connect(venue, on_state=changes.put)
    venue.refuse_connections(retry_after=int(AN_HOUR))
    while not isinstance(changes.get(timeout=PATIENCE).error, VenueUnavailable):
        continue
    venue.refuse_connections(False)
    accepted = venue.accepted
    clock.jump(AN_HOUR - 60)
    assert venue.accepted == accepted and client.state is State.RECONNECTING
    # All of it, for it may have begun to wait only after the jump.
    clock.jump(AN_HOUR + 1)
    assert client.wait_state(State.CONNECTED, timeout=PATIENCE)
    assert venue.accepted == accepted + 1


def test_an_hour_asleep_is_no_silence(connect: Any, venue: Any, clock: FakeClock) -> None:
    """A jump finds nobody who looked: a stream is not stale, a connection is asked, and lives."""
    gaps: SimpleQueue[Any] = SimpleQueue()
    client = connect(venue)
    client.subscribe_tickers(print, products=["ebob"], on_gap=gaps.put, stale_after=5)
    before = client.stats().frames_in
    clock.jump(AN_HOUR)
    clock.advance(1)
    assert gaps.empty()
    assert client.connected and client.stats().epoch == 1
    assert client.stats().frames_in == before + 1


def test_a_host_may_be_knocked_at_again(clock: FakeClock) -> None:
    """A quota fills with the SDK's time, one that was made before the clock too."""
    quota = AttemptQuota(rate=0.01, burst=1)
    quota.spend()
    assert quota.tokens < 0.5
    clock.jump(100)
    assert quota.tokens == 1


def test_now_is_what_the_sdk_judges_by(clock: FakeClock) -> None:
    """It runs by itself, as any clock, and is ahead by what was put forward."""
    deadline = Deadline(AN_HOUR)
    begun = clock.now()
    clock.jump(AN_HOUR - 1)
    assert AN_HOUR - 1 <= clock.now() - begun < AN_HOUR
    assert not deadline.expired()
    clock.jump(1)
    assert deadline.expired()


# ---- what does not -----------------------------------------------------------------------------


def test_the_venue_has_a_time_of_its_own(venue: Any, clock: FakeClock) -> None:
    """Of two things that a venue will do, the clock does not bring the later one forward."""
    late, soon = threading.Event(), threading.Event()
    venue.later(60, late.set)
    clock.jump(61)
    venue.later(0, soon.set)
    assert soon.wait(PATIENCE) and not late.is_set()


def test_whatever_plays_a_venue_reads_the_real_clock() -> None:
    """What is moved, beside the clients, is what stands on a client's side of a tape."""
    folder = Path(clock_module.__file__).parent
    moved = [
        path.relative_to(folder).as_posix()
        for path in folder.rglob("*.py")
        if re.search(r"^from .* import .*\bmonotonic\b", path.read_text(encoding="utf-8"), re.M)
    ]
    assert sorted(moved) == ["tape/player.py", "tape/recorder.py"]


def test_a_reader_that_does_not_look_is_not_waited_for_long(
    connect: Any, venue: Any, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A callback on its thread holds it up: one step waits, the others go on without it."""
    monkeypatch.setattr(clock_module, "PATIENCE", 0.2)
    inside, leave = threading.Event(), threading.Event()

    def callback(_: object) -> None:
        inside.set()
        leave.wait(PATIENCE)

    client = connect(venue, delivery="inline")
    client.subscribe_tickers(callback, products=["ebob"])
    venue.tick()
    assert inside.wait(PATIENCE)
    begun = time.monotonic()
    clock.advance(3)
    took = time.monotonic() - begun
    leave.set()
    assert 0.2 <= took < 1


# ---- its place ---------------------------------------------------------------------------------


def places() -> list[object]:
    """Return all that a clock takes the place of."""
    named = [module for name, module in sys.modules.items() if name.startswith("venuesdk")]
    readers = [vars(module)["monotonic"] for module in named if "monotonic" in vars(module)]
    return [*readers, reader.TICK, vars(Deadline)["slice"], vars(Session)["look"]]


def test_everything_is_put_back(monkeypatch: pytest.MonkeyPatch) -> None:
    """After an error too, and in a module that was first loaded under the clock."""
    before = places()
    assert before.count(time.monotonic) > 5
    loaded = ModuleType("venuesdk.loaded_later")
    with pytest.raises(ZeroDivisionError), FakeClock() as clock:
        assert timing.monotonic is not time.monotonic
        assert time.monotonic not in places()
        monkeypatch.setitem(sys.modules, loaded.__name__, loaded)
        exec("from venuesdk.timing import monotonic", vars(loaded))
        clock.jump(AN_HOUR)
        held = timing.monotonic
        assert held() - time.monotonic() == pytest.approx(AN_HOUR, abs=1)
        raise ZeroDivisionError
    assert loaded.monotonic is time.monotonic
    monkeypatch.undo()
    assert places() == before
    # A thread may still have it in hand.
    assert held() == pytest.approx(time.monotonic(), abs=1)


def test_there_is_one_at_a_time(clock: FakeClock) -> None:
    """A second one is refused, and takes nothing from the first."""
    with pytest.raises(RuntimeError, match="another clock"), FakeClock():
        pass
    begun = timing.monotonic()
    clock.jump(60)
    assert timing.monotonic() - begun >= 60


def test_one_that_does_not_run_is_refused() -> None:
    """Before the block and after it, nothing would see what it says; it can be used again."""
    clock = FakeClock()
    for _ in range(2):
        for put_forward in (clock.advance, clock.jump):
            with pytest.raises(RuntimeError, match="does not run"):
                put_forward(1)
        with clock:
            clock.jump(1)


@pytest.mark.parametrize(
    ("seconds", "error"),
    [
        (-1, ValueError),
        (float("nan"), ValueError),
        (float("inf"), ValueError),
        ("1", TypeError),
        (None, TypeError),
        (True, TypeError),
    ],
)
def test_what_is_no_time_is_refused(
    clock: FakeClock, seconds: Any, error: type[Exception]
) -> None:
    """Time does not go back, nor end, and a word is no number of seconds."""
    begun = clock.now()
    for put_forward in (clock.advance, clock.jump):
        with pytest.raises(error):
            put_forward(seconds)
    assert clock.now() - begun < 1


def test_nothing_passes_in_no_time(clock: FakeClock) -> None:
    """Zero seconds are a time like any other."""
    begun = clock.now()
    clock.advance(0)
    clock.jump(0)
    assert clock.now() - begun < 1
