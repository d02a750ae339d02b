"""Telling: what becomes of the errors that nobody waits for, and who is too slow."""

from __future__ import annotations

import logging
import threading
from typing import Any

import pytest
from lines import Line

from venuesdk.models import Gap, GapReason
from venuesdk.protocol.codec import Topic
from venuesdk.session import telling as telling_module
from venuesdk.session.subscription import Subscription

PATIENCE = 5.0


def test_an_error_that_no_on_error_took_goes_where_it_would_without_any(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """To the hook and to the log, with its traceback; each failure of an `on_error` does too."""
    hooked: list[Any] = []
    monkeypatch.setattr(threading, "excepthook", hooked.append)
    line = Line()
    line.error_handlers[:] = [lambda error: [][1]]
    stream = line.subscription(lambda value: 1 / 0)
    line.send((stream, 1))
    line.run()
    assert [one.exc_type for one in hooked] == [IndexError, ZeroDivisionError]
    (last,) = [one for one in caplog.records if one.getMessage().startswith("ZeroDivisionError")]
    assert last.exc_info is not None and last.exc_info[2] is not None


def test_an_error_names_the_callback_that_raised_it(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """In the record's facts, and in what a dump shows; an `on_gap` of a reader of its own too."""
    monkeypatch.setattr(threading, "excepthook", lambda arguments: None)
    line = Line()
    line.error_handlers.clear()

    def fails(value: Any) -> None:
        raise KeyError(value)

    line.send((line.subscription(fails), 1))
    line.run()
    reading = line.subscription(None, on_gap=fails)
    line.put_gap(reading, Gap(GapReason.RECONNECTED))
    with pytest.raises(TimeoutError):
        reading.get(0)
    records = [one for one in caplog.records if one.levelno == logging.ERROR]
    assert len(records) == 2
    for record in records:
        assert vars(record)["venuesdk_callback"].endswith(".fails")
        assert vars(record)["venuesdk_error"] == "KeyError"
    assert all(text.endswith(".fails)") for _, text, _ in line.journal.errors)


def test_errors_whose_turn_may_never_come_are_told_by_the_close(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Once each, where there is no `on_error`: that needs no thread of the user's."""
    hooked: list[Any] = []
    monkeypatch.setattr(threading, "excepthook", hooked.append)
    line = Line()
    line.error_handlers.clear()
    line.report(ValueError("untold"))
    line.tell_untold()
    line.tell_untold()
    assert [str(one.exc_value) for one in hooked] == ["untold"]
    line.run()
    assert len(hooked) == 1


def test_errors_that_wait_for_on_error_at_a_close_are_warned_of(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """They stay in the line: whoever pumps afterwards is told."""
    line = Line()
    line.report(ValueError("untold"))
    line.tell_untold()
    assert "closed while 1 errors wait for on_error" in caplog.text
    assert line.told == []
    line.run()
    assert [str(error) for error in line.told] == ["untold"]


def test_without_on_error_the_threads_own_hook_gets_it_and_the_log(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """With its type, its traceback and its thread."""
    hooked: list[Any] = []
    monkeypatch.setattr(threading, "excepthook", hooked.append)
    line = Line()
    line.error_handlers.clear()
    stream = line.subscription(lambda value: 1 / 0)
    line.send((stream, 1))
    line.run()
    (arguments,) = hooked
    assert arguments.exc_type is ZeroDivisionError
    assert arguments.exc_traceback is not None
    assert arguments.thread is threading.current_thread()
    assert "ZeroDivisionError" in caplog.text


def test_a_hook_that_raises_stops_nothing(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The hook is the user's code, too."""

    def hook(arguments: Any) -> None:
        raise RuntimeError("the hook's own fault")

    monkeypatch.setattr(threading, "excepthook", hook)
    line, seen = Line(), []
    line.error_handlers.clear()
    stream = line.subscription(lambda value: (seen.append(value), 1 / 0))
    line.send((stream, 1), (stream, 2))
    line.run()
    assert seen == [1, 2]
    assert "excepthook itself raised" in caplog.text


def test_an_on_error_that_raises_is_logged_and_the_others_are_told(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Its own failure goes to the threads' hook."""
    hooked: list[Any] = []
    monkeypatch.setattr(threading, "excepthook", hooked.append)
    line = Line()
    line.error_handlers.insert(0, lambda error: [][1])
    stream = line.subscription(lambda value: 1 / 0)
    line.send((stream, 1))
    line.run()
    assert [type(error) for error in line.told] == [ZeroDivisionError]
    assert [arguments.exc_type for arguments in hooked] == [IndexError]
    assert "on_error itself raised" in caplog.text


def test_a_slow_callback_is_named_in_a_warning(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """With how long it took and how much waits behind it; a quick one is not."""
    assert Line().slow_after == 0.25
    line = Line()

    def slow_one(value: int) -> None:
        threading.Event().wait(0.02)

    def quick_one(value: int) -> None:
        return

    line.slow_after = 0.01
    slow, quick = line.subscription(slow_one), line.subscription(quick_one)
    line.send((slow, 1), (quick, 1))
    line.run()
    assert "slow_one took" in caplog.text
    assert "with 1 items waiting" in caplog.text
    assert "quick_one" not in caplog.text
    assert line.callback_seconds >= 0.02
    assert slow.stats.callback_seconds >= 0.02 > quick.stats.callback_seconds


def test_a_slow_on_gap_and_on_state_are_named_too(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Whatever of the user's keeps the others waiting."""
    line = Line()
    line.slow_after = -1.0

    def gap_listener(gap: Gap) -> None:
        return

    stream = line.subscription(lambda value: None, on_gap=gap_listener)
    line.put_gap(stream, Gap(GapReason.RECONNECTED))
    line.run()
    assert "gap_listener took" in caplog.text


def test_a_warning_of_a_slow_callback_carries_its_facts(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Of events, of newest values, of gaps and of errors: whatever of the user's was slow."""
    line = Line()
    line.slow_after = -1.0

    def slow(value: Any) -> None:
        raise KeyError

    def errors(error: BaseException) -> None:
        return

    line.error_handlers[:] = [errors]
    stream = line.subscription(slow, on_gap=slow)
    topic = Topic("t", "c", None, "r", split=lambda value: [("key", value)])
    newest = Subscription(topic, line, slow, conflate=True)
    line.put_gap(stream, Gap(GapReason.RECONNECTED))
    line.send((stream, 1), (newest, 1))
    line.run()
    warned = [vars(one) for one in caplog.records if "slow callback" in one.getMessage()]
    slow_ones = [one for one in warned if one["venuesdk_callback"].endswith("slow")]
    assert [one["venuesdk_topic"] for one in slow_ones] == ["t", "t", "c"]
    assert sum(one["venuesdk_callback"].endswith("errors") for one in warned) == 3
    assert line.slow_callbacks == len(warned) == 6
    for one in warned:
        assert one["venuesdk_seconds"] >= 0.0
        assert one["venuesdk_waiting"] >= 0


def test_what_telling_of_an_error_takes_is_not_the_callbacks(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """A slow `on_error` is named, and not whoever raised quickly."""
    line = Line()
    line.slow_after = 0.01

    def quick_one(value: int) -> None:
        raise KeyError(value)

    def slow_one(error: BaseException) -> None:
        threading.Event().wait(0.02)

    line.error_handlers[:] = [slow_one]
    line.send((line.subscription(quick_one), 1))
    line.run()
    assert "slow_one took" in caplog.text
    assert "quick_one" not in caplog.text
    assert line.callback_seconds < 0.01


def test_errors_that_nobody_takes_are_bounded_and_counted(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A callback that never returns does not make a flood of bad frames fill the memory."""
    monkeypatch.setattr(telling_module, "MAX_REPORTS", 3)
    line = Line()
    for number in range(10):
        line.report(ValueError(number))
    assert line.depth() == 3
    line.run()
    assert [error.args for error in line.told] == [(0,), (1,), (2,)]
    assert "7 errors before this one were not reported" in caplog.text
    line.report(ValueError("again"))
    line.run()
    assert len(line.told) == 4


def test_what_the_log_says_is_said_under_the_clients_own_name(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """`venuesdk.<venue>`, so that each can be turned up or down."""
    assert Line().journal.logger is logging.getLogger("venuesdk.toy")
    line = Line()
    line.warn_of_running()
    assert caplog.records[-1].name == "venuesdk.toy"


def test_telling_on_another_thread_leaves_the_running_callback_its_name() -> None:
    """Whoever asks what is running is told of the callback, and not of an `on_error` elsewhere."""
    line, names = Line(), []

    def callback(value: int) -> None:
        other = threading.Thread(target=line.tell, args=(ValueError("elsewhere"),))
        other.start()
        other.join(PATIENCE)
        names.append(line.running)

    line.error_handlers.append(lambda error: names.append(line.running))
    line.send((line.subscription(callback), 1))
    line.run()
    assert names == [callback, callback]
    assert line.running is None
