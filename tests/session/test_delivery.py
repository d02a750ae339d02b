"""The line between the reader and user code: order, exceptions, slowness, and who may run it."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from lines import Line

from venuesdk.errors import ClientClosed
from venuesdk.models import Gap, GapReason
from venuesdk.session.delivery import CHUNK
from venuesdk.timing import Deadline

PATIENCE = 5.0


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
