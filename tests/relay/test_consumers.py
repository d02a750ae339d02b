"""Who consumes a reader: callbacks, other threads, signal handlers; and how it ends meanwhile."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from types import FrameType
from typing import Any

import pytest
from consuming import PATIENCE, Setting, eventually, take
from entries import STREAM, seen
from faulty import FaultyEngine

from venuesdk.errors import ClientClosed, ReentrantCall
from venuesdk.models import Gap, GapReason
from venuesdk.relay import EngineUnavailable, GroupLag, MemoryEngine, Position
from venuesdk.relay import intake as intake_module
from venuesdk.relay.entry import Head, Kind, gap_text
from venuesdk.timing import Backoff


def test_a_callback_is_called_on_a_thread_of_the_readers_own(setting: Setting) -> None:
    """With each event; what it returned from is acknowledged at the close."""
    got: list[Any] = []
    names: set[str] = set()

    def callback(event: Any) -> None:
        names.add(threading.current_thread().name)
        got.append(event)

    setting.publisher.tick(1, 5)
    reader = setting.reader(callback=callback)
    with reader:
        assert reader.start() is reader
        eventually(lambda: len(got) == 5)
        with pytest.raises(ValueError, match="has a callback"):
            reader.get()
        assert not reader.wait(0)
    assert reader.wait(PATIENCE)
    assert seen(got) == [1, 2, 3, 4, 5]
    assert names == {"venuesdk-relay-reader"}
    assert setting.held() == set()


def test_what_a_callback_raises_is_told_of_and_stops_nothing(setting: Setting) -> None:
    """The event counts as seen to: it would raise the next time too."""
    got: list[Any] = []

    def callback(event: Any) -> None:
        got.append(event)
        raise SystemExit(f"no {len(got)}")

    setting.publisher.tick(1, 3)
    with setting.reader(callback=callback):
        eventually(lambda: len(setting.errors) == 3)
    assert [str(error) for error in setting.errors] == ["no 1", "no 2", "no 3"]
    assert setting.held() == set()


def test_a_callback_may_close_its_reader(setting: Setting) -> None:
    """It is at once; what it has in hand is acknowledged as it returns, and no other comes."""
    got: list[Any] = []

    def callback(event: Any) -> None:
        got.append(event)
        reader.close()
        with pytest.raises(ReentrantCall):
            reader.wait()

    setting.publisher.tick(1, 3)
    reader = setting.reader(callback=callback)
    reader.start()
    assert reader.wait(PATIENCE)
    assert seen(got) == [1]
    assert setting.held() == {Position(7, 2), Position(7, 3)}
    assert setting.errors == []


def test_a_callback_that_runs_on_is_named_and_its_event_acknowledged_later(
    setting: Setting, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A close does not wait for it longer than it may."""
    monkeypatch.setattr("venuesdk.relay.reader.CLOSE_TIMEOUT", 0.1)
    running, over = threading.Event(), threading.Event()

    def callback(event: Any) -> None:
        running.set()
        over.wait(PATIENCE)

    setting.publisher.tick(1)
    reader = setting.reader(callback=callback).start()
    assert running.wait(PATIENCE)
    reader.close()
    assert "closed while a callback is still running" in caplog.text
    over.set()
    assert reader.wait(PATIENCE)
    assert setting.held() == set()


def test_a_close_from_elsewhere_ends_the_wait(setting: Setting) -> None:
    """Promptly: `get` raises, an iteration ends."""
    engine = FaultyEngine(MemoryEngine(setting.store))
    reader = setting.reader(engine).start()
    outcome: list[Any] = []

    def iterate() -> None:
        outcome.append(list(reader))

    thread = threading.Thread(target=iterate)
    thread.start()
    eventually(lambda: engine.calls.count("read"))
    started = time.monotonic()
    reader.close()
    thread.join(PATIENCE)
    assert time.monotonic() - started < 0.5
    assert outcome == [[]]
    assert list(reader) == []
    for call in (reader.get, reader.start, reader.lag):
        with pytest.raises(ClientClosed):
            call()
    assert reader.wait(0)
    assert setting.errors == []


def test_a_signal_handler_may_close_what_it_interrupted(setting: Setting) -> None:
    """Also at the moment at which a wait begins, with a lock in its hands."""
    engine = FaultyEngine(MemoryEngine(setting.store))
    reader = setting.reader(engine, reconnect=Backoff(initial=0.5)).start()
    engine.always = EngineUnavailable("down")

    def handler(frame: FrameType, event: str, argument: object) -> None:
        if event == "call" and frame.f_code is threading.Condition.wait.__code__:
            sys.setprofile(None)
            reader.close()

    def consume() -> None:
        sys.setprofile(handler)
        with pytest.raises(ClientClosed):
            reader.get()

    thread = threading.Thread(target=consume, daemon=True)
    thread.start()
    thread.join(PATIENCE)
    assert not thread.is_alive()


def test_a_close_does_not_wait_for_an_engine_that_hangs(
    setting: Setting, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It says how many acknowledgements are in doubt: those events come again."""
    monkeypatch.setattr("venuesdk.relay.reader.CLOSE_TIMEOUT", 0.2)
    monkeypatch.setattr("venuesdk.relay.reader.SETTLE_TIMEOUT", 0.1)
    engine = FaultyEngine(MemoryEngine(setting.store))
    setting.publisher.tick(1, 2)
    reader = setting.reader(engine)
    take(reader, 2)
    gate = engine.hold("acknowledge")
    started = time.monotonic()
    reader.close()
    assert time.monotonic() - started < 0.5
    assert "close" in engine.calls
    assert "still owes an answer" in caplog.text
    gate.set()
    assert reader.wait(PATIENCE)
    assert "has not confirmed 1 acknowledgements" in caplog.text


def test_leaving_a_loop_does_not_acknowledge_what_was_in_hand(setting: Setting) -> None:
    """Nobody knows whether it was seen to: it comes again."""
    setting.publisher.tick(1, 3)
    with setting.reader() as reader:
        for event in reader:
            if seen([event]) == [2]:
                break
    assert setting.held() == {Position(7, 2), Position(7, 3)}
    assert take(setting.reader(), 2) == [2, 3]


def test_a_second_thread_is_refused(setting: Setting) -> None:
    """While the first waits, and while it has an event in hand; not when it is gone."""
    setting.publisher.tick(1, 2)
    reader = setting.reader()
    take(reader, 1)
    raised: list[BaseException] = []

    def other() -> None:
        try:
            reader.get(0)
        except ValueError as error:
            raised.append(error)

    thread = threading.Thread(target=other)
    thread.start()
    thread.join()
    assert [str(error) for error in raised] == ["another thread consumes this reader: MainThread"]
    assert take(reader, 1) == [2]
    with pytest.raises(TimeoutError):
        reader.get(0)


def test_what_a_thread_that_died_had_in_hand_is_not_acknowledged(setting: Setting) -> None:
    """Another may go on, and has it first: perhaps it was not seen to."""
    setting.publisher.tick(1, 2)
    reader = setting.reader(adopt_after=None)
    thread = threading.Thread(target=reader.get)
    thread.start()
    thread.join()
    assert take(reader, 1) == [1]
    assert reader.origin is not None and reader.origin.redelivered
    assert take(reader, 1) == [2]
    assert not reader.origin.redelivered


def test_a_callback_of_the_consumers_cannot_ask_for_events(setting: Setting) -> None:
    """It would wait for itself."""
    raised: list[BaseException] = []

    def on_gap(gap: Gap) -> None:
        with pytest.raises(ReentrantCall) as caught:
            reader.get(0)
        raised.append(caught.value)

    setting.publisher.write(gap_text(Gap(GapReason.OVERFLOW, 5, 1)), head=Head(Kind.GAP, "t"))
    setting.publisher.tick(1)
    reader = setting.reader(on_gap=on_gap)
    assert take(reader, 1) == [1]
    assert len(raised) == 1


def test_control_c_ends_a_wait_and_loses_nothing(setting: Setting) -> None:
    """What the engine handed out meanwhile is asked for again."""
    engine = FaultyEngine(MemoryEngine(setting.store))
    reader = setting.reader(engine).start()

    def interrupt() -> None:
        eventually(lambda: "read" in engine.calls)
        os.kill(os.getpid(), signal.SIGINT)

    thread = threading.Thread(target=interrupt)
    thread.start()
    with pytest.raises(KeyboardInterrupt):
        reader.get(PATIENCE)
    thread.join()
    setting.publisher.tick(1, 2)
    engine.fail("read", KeyboardInterrupt(), done=True)  # type: ignore[arg-type]
    with pytest.raises(KeyboardInterrupt):
        reader.get(PATIENCE)
    assert take(reader, 2) == [1, 2]


def interrupted_at(call: int) -> Callable[..., None]:
    """Return what raises `KeyboardInterrupt` at one of a reader's calls: there a signal comes."""
    left = [call]

    def profile(frame: FrameType, event: str, argument: object) -> None:
        path = frame.f_code.co_filename.replace(os.sep, "/")
        if "/venuesdk/relay/" in path and not path.endswith("memory.py"):
            left[0] -= event in ("call", "c_return")
            if left[0] == 0 and event in ("call", "c_return"):
                raise KeyboardInterrupt

    return profile


def test_control_c_at_any_call_neither_loses_nor_doubles() -> None:
    """Nor takes an event that the consumer never got for one that it has seen to."""
    call, reached = 0, True
    while reached:
        call, reached, setting = call + 1, False, Setting()
        setting.publisher.tick(1, 3)
        reader = setting.reader(batch=2, adopt_after=None).start()
        got: list[Any] = []
        before = sys.getprofile()
        sys.setprofile(interrupted_at(call))
        try:
            for _ in range(3):
                got.append(reader.get(0))
        except KeyboardInterrupt:
            reached = True
        finally:
            sys.setprofile(before)
        while len(got) < 3:
            got.append(reader.get(PATIENCE))
        with pytest.raises(TimeoutError):
            reader.get(0)
        assert (call, seen(got)) == (call, [1, 2, 3])
        assert setting.held() == set()
        reader.close()
    assert call > 200


def test_lag_may_be_asked_while_another_thread_waits(
    setting: Setting, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its turn comes when the wait that is under way is over."""
    monkeypatch.setattr(intake_module, "LONGEST_WAIT", 0.1)
    engine = FaultyEngine(MemoryEngine(setting.store))
    reader = setting.reader(engine, callback=lambda event: None).start()
    eventually(lambda: engine.calls.count("read"))
    assert reader.lag() == (GroupLag(STREAM, 0, 0, 0),)


def test_the_counters_say_what_came_of_each_entry(setting: Setting) -> None:
    """Each is counted once, whatever the engine hands out again."""
    setting.publisher.tick(1, 3)
    setting.publisher.write(b"no json")
    reader = setting.reader()
    assert take(reader, 3) == [1, 2, 3]
    with pytest.raises(TimeoutError):
        reader.get(0)
    stats = reader.stats
    assert (stats.received, stats.delivered, stats.undecodable) == (4, 3, 1)
    assert (stats.acknowledged, stats.unacknowledged) == (4, 0)
    assert (stats.gaps, stats.duplicates, stats.redelivered) == (1, 0, 0)
