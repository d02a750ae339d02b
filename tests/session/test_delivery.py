"""The line between the reader and user code: order, exceptions, slowness, and who may run it."""

from __future__ import annotations

import logging
import threading
from typing import Any

import pytest

from venuesdk.errors import ClientClosed
from venuesdk.models import Gap, GapReason
from venuesdk.protocol.codec import Event, Topic
from venuesdk.session import delivery as delivery_module
from venuesdk.session.delivery import CHUNK, Delivery
from venuesdk.session.subscription import Subscription
from venuesdk.timing import Deadline

PATIENCE = 5.0


class Line(Delivery):
    """The base of all kinds, with the errors that it told."""

    def __init__(self) -> None:
        super().__init__("toy")
        self.told: list[BaseException] = []
        self.error_handlers.append(self.told.append)

    def subscription(self, callback: Any, **options: Any) -> Subscription[Any]:
        return Subscription(Topic("t", "t", None, "r"), self, callback, **options)

    def send(self, *pairs: tuple[Subscription[Any], int]) -> None:
        self.put([(one, [Event("r", b"%d" % value, int)]) for one, value in pairs])

    def run(self, own: bool = False) -> int:
        count = 0
        while ran := self.run_some(own=own):
            count += ran
        return count


def test_callbacks_run_in_the_order_of_arrival_over_all_subscriptions() -> None:
    """One line for all of them, with gaps and notices in their places."""
    line, order = Line(), []
    a = line.subscription(lambda value: order.append(("a", value)))
    b = line.subscription(lambda value: order.append(("b", value)), on_gap=order.append)
    gap = Gap(GapReason.RECONNECTED, None, 2)
    line.send((a, 1), (b, 1), (a, 2))
    line.put_gap(b, gap)
    line.notify(lambda: order.append("notice"))
    line.send((b, 2))
    assert line.depth() == 6
    assert line.run() == 6
    assert order == [("a", 1), ("b", 1), ("a", 2), gap, "notice", ("b", 2)]


def test_more_than_one_chunk_is_run_in_order() -> None:
    """As many at a time as asked for."""
    line, seen = Line(), []
    stream = line.subscription(seen.append)
    line.send(*((stream, number) for number in range(3 * CHUNK)))
    assert line.run_some(10) == 10
    assert line.depth() == 3 * CHUNK - 10
    assert line.run() == 3 * CHUNK - 10
    assert seen == list(range(3 * CHUNK))


def test_an_exception_in_a_callback_is_reported_and_stops_nothing() -> None:
    """`on_error` gets it; the next event comes as if nothing had been."""
    line, seen = Line(), []

    def callback(value: int) -> None:
        seen.append(value)
        raise KeyError(value)

    stream = line.subscription(callback)
    line.send((stream, 1), (stream, 2))
    line.run()
    assert seen == [1, 2]
    assert [type(error) for error in line.told] == [KeyError, KeyError]


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


def test_a_notice_that_raises_is_reported() -> None:
    """As a callback's exception is."""
    line = Line()
    line.notify(lambda: 1 / 0)
    line.run()
    assert [type(error) for error in line.told] == [ZeroDivisionError]


@pytest.mark.parametrize("kind", [SystemExit, KeyboardInterrupt, GeneratorExit])
def test_nothing_gets_out_on_a_thread_of_the_clients_own(kind: type[BaseException]) -> None:
    """`sys.exit()` in a callback does not end the stream of events; it is reported."""
    line, seen = Line(), []

    def callback(value: int) -> None:
        seen.append(value)
        raise kind

    stream = line.subscription(callback, on_gap=lambda gap: callback(0))
    line.send((stream, 1))
    line.put_gap(stream, Gap(GapReason.RECONNECTED))
    line.notify(lambda: callback(2))
    assert line.run(own=True) == 3
    assert seen == [1, 0, 2]
    assert [type(error) for error in line.told] == [kind] * 3


def test_an_on_error_that_exits_does_not_end_a_thread_of_the_clients_own(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Not even that."""
    monkeypatch.setattr(threading, "excepthook", lambda arguments: None)
    line, seen = Line(), []

    def leave(error: BaseException) -> None:
        raise SystemExit

    line.error_handlers[:] = [leave]
    stream = line.subscription(lambda value: (seen.append(value), 1 / 0))
    line.send((stream, 1), (stream, 2))
    line.run(own=True)
    assert seen == [1, 2]


def test_ctrl_c_in_a_callback_on_the_users_thread_loses_no_event() -> None:
    """It passes to the user; what was waiting is run the next time, in order."""
    line, seen = Line(), []

    def callback(value: int) -> None:
        seen.append(value)
        if value == 1:
            raise KeyboardInterrupt

    stream = line.subscription(callback)
    line.send((stream, 1), (stream, 2), (stream, 3))
    with pytest.raises(KeyboardInterrupt):
        line.run()
    assert line.depth() == 2
    line.send((stream, 4))
    line.run()
    assert seen == [1, 2, 3, 4]
    assert line.told == []


def test_ctrl_c_in_a_notice_or_on_error_passes_on_the_users_thread() -> None:
    """On its own thread it is the user's."""
    line = Line()

    def interrupt(*arguments: Any) -> None:
        raise KeyboardInterrupt

    line.notify(interrupt)
    with pytest.raises(KeyboardInterrupt):
        line.run()
    line.error_handlers[:] = [interrupt]
    line.report(ValueError("x"))
    with pytest.raises(KeyboardInterrupt):
        line.run()


def test_one_thread_at_a_time_runs_callbacks() -> None:
    """Another one, and the same one inside a callback, find nothing to do."""
    line, counts = Line(), []

    def callback(value: int) -> None:
        counts.append(line.run_some())
        other = threading.Thread(target=lambda: counts.append(line.run_some()))
        other.start()
        other.join(PATIENCE)

    stream = line.subscription(callback)
    line.send((stream, 1), (stream, 2))
    assert line.run() == 2
    assert counts == [0, 0, 0, 0]
    assert line.runner is None


def test_a_slow_callback_is_named_in_a_warning(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """With how long it took and how much waits behind it; a quick one is not."""
    assert delivery_module.SLOW_CALLBACK == 0.25
    line = Line()

    def slow_one(value: int) -> None:
        threading.Event().wait(0.02)

    def quick_one(value: int) -> None:
        return

    monkeypatch.setattr(delivery_module, "SLOW_CALLBACK", 0.01)
    slow, quick = line.subscription(slow_one), line.subscription(quick_one)
    line.send((slow, 1), (quick, 1))
    line.run()
    assert "slow_one took" in caplog.text
    assert "with 1 items waiting" in caplog.text
    assert "quick_one" not in caplog.text
    assert line.callback_seconds >= 0.02
    assert slow.stats.callback_seconds >= 0.02 > quick.stats.callback_seconds


def test_a_slow_on_gap_and_on_state_are_named_too(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Whatever of the user's keeps the others waiting."""
    monkeypatch.setattr(delivery_module, "SLOW_CALLBACK", -1.0)
    line = Line()

    def gap_listener(gap: Gap) -> None:
        return

    stream = line.subscription(lambda value: None, on_gap=gap_listener)
    line.put_gap(stream, Gap(GapReason.RECONNECTED))
    line.run()
    assert "gap_listener took" in caplog.text


def test_a_warning_of_a_slow_callback_carries_its_facts(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Of events, of newest values, of gaps and of errors: whatever of the user's was slow."""
    monkeypatch.setattr(delivery_module, "SLOW_CALLBACK", -1.0)
    line = Line()

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
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A slow `on_error` is named, and not whoever raised quickly."""
    monkeypatch.setattr(delivery_module, "SLOW_CALLBACK", 0.01)
    line = Line()

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
    monkeypatch.setattr(delivery_module, "MAX_REPORTS", 3)
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
    assert Line().log is logging.getLogger("venuesdk.toy")
    line = Line()
    line.warn_of_running()
    assert caplog.records[-1].name == "venuesdk.toy"


def test_the_base_works_nothing_off_by_itself() -> None:
    """What the kinds differ in does nothing here."""
    line = Line()
    line.notify(lambda: None)
    line.start()
    line.flush()
    line.rest(Deadline(0))
    line.refuse_reentrant("request")
    assert line.depth() == 1
    with pytest.raises(ValueError, match="pump"):
        line.pump(0, None)
    line.close(Deadline(0))
    line.forked = True
    with pytest.raises(ClientClosed):
        line.check_fork()
