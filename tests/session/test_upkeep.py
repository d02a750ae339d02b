"""Upkeep: errands, notices and waiting, over a real session with the toy venue."""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import partial
from queue import SimpleQueue
from typing import Any

import pytest

from venuesdk.errors import ClientClosed, ConnectionLost, NotSent, ReentrantCall, RequestTimeout
from venuesdk.timing import Deadline, monotonic

PATIENCE = 5.0


def upkeep_threads() -> list[threading.Thread]:
    """Return the threads that run errands now."""
    return [thread for thread in threading.enumerate() if thread.name == "venuesdk-toy-upkeep"]


def test_errands_run_one_by_one_in_the_order_of_their_time(desk: Any) -> None:
    """On one thread, which is there only while there is something to do."""
    ran: SimpleQueue[Any] = SimpleQueue()

    def errand(name: str) -> Any:
        return lambda: ran.put((name, threading.current_thread()))

    desk.session.upkeep.later(0.2, errand("last"))
    desk.session.upkeep.later(0.1, errand("later"))
    desk.session.upkeep.later(0.0, errand("first"))
    got = [ran.get(timeout=PATIENCE) for _ in range(3)]
    assert [name for name, _ in got] == ["first", "later", "last"]
    (thread,) = {thread for _, thread in got}
    thread.join(PATIENCE)
    assert upkeep_threads() == []
    desk.session.upkeep.later(0.0, errand("again"))
    assert ran.get(timeout=PATIENCE)[0] == "again"


def test_an_errand_that_raises_is_reported_and_stops_nothing(desk: Any) -> None:
    """Not even one that raises what no errand should."""
    ran: SimpleQueue[str] = SimpleQueue()

    def broken() -> None:
        raise SystemExit("broken")

    desk.session.upkeep.later(0.0, broken)
    desk.session.upkeep.later(0.0, lambda: ran.put("next"))
    assert ran.get(timeout=PATIENCE) == "next"
    assert isinstance(desk.error(), SystemExit)


def test_a_notice_runs_where_callbacks_run(desk: Any) -> None:
    """On the dispatch thread, from whichever thread it comes."""
    where: SimpleQueue[str] = SimpleQueue()
    desk.session.upkeep.here(lambda: where.put(threading.current_thread().name))
    assert where.get(timeout=PATIENCE) == "venuesdk-toy-dispatch"


def test_closing_forgets_errands_and_waits_for_the_one_under_way(desk: Any) -> None:
    """No thread is left, and what comes later is not run."""
    begun, go_on = threading.Event(), threading.Event()
    ran: SimpleQueue[str] = SimpleQueue()

    def slow() -> None:
        begun.set()
        go_on.wait(PATIENCE)
        ran.put("slow")

    upkeep = desk.session.upkeep
    upkeep.later(0.0, slow)
    upkeep.later(0.0, lambda: ran.put("never"))
    assert begun.wait(PATIENCE)
    threading.Timer(0.1, go_on.set).start()
    desk.close()
    assert upkeep_threads() == []
    upkeep.later(0.0, lambda: ran.put("never"))
    assert ran.get_nowait() == "slow"
    assert ran.empty()


def test_an_errand_of_now_and_a_close_end_a_long_wait_for_an_errands_time(desk: Any) -> None:
    """The thread sleeps until the hour comes, and neither waits for that."""
    ran: SimpleQueue[int] = SimpleQueue()
    desk.session.upkeep.later(3600.0, lambda: None)
    for number in range(3):
        desk.session.upkeep.later(0.0, lambda number=number: ran.put(number))
        assert ran.get(timeout=PATIENCE) == number
    started = monotonic()
    desk.close()
    assert monotonic() - started < 1.5
    assert upkeep_threads() == []


def test_wait_for_returns_what_it_is_told_to_look_for(desk: Any) -> None:
    """As soon as it is announced; None at the deadline."""
    upkeep = desk.session.upkeep
    found: list[str] = []
    assert upkeep.wait_for(lambda: found or None, Deadline(0)) is None

    def announce() -> None:
        found.append("it")
        upkeep.announce()

    threading.Timer(0.05, announce).start()
    started = monotonic()
    assert upkeep.wait_for(lambda: found or None, Deadline(PATIENCE)) == ["it"]
    assert monotonic() - started < 0.5


def test_waiting_in_a_callback_raises_at_once(desk: Any) -> None:
    """What it waits for could never come."""
    upkeep = desk.session.upkeep

    def wait() -> None:
        upkeep.wait_for(lambda: None, Deadline(None))

    upkeep.here(wait)
    assert isinstance(desk.error(), ReentrantCall)


def test_the_epoch_is_that_of_the_connection_that_there_is(open_desk: Any, venue: Any) -> None:
    """0 before the first, between two, and after the last."""
    desk = open_desk()
    upkeep = desk.session.upkeep
    assert upkeep.epoch == 0
    desk.connect()
    assert upkeep.epoch == 1
    for _ in range(100):
        venue.refusals.put((503, {}))
    venue.cut()
    desk.state("reconnecting")
    assert upkeep.epoch == 0
    while not venue.refusals.empty():
        venue.refusals.get()
    desk.state("connected")
    assert upkeep.epoch == 2
    desk.close()
    assert upkeep.epoch == 0


def test_a_subscription_is_awaited_over_a_reconnection(desk: Any, venue: Any) -> None:
    """At once where it stands; else until the venue has confirmed it again."""
    upkeep = desk.session.upkeep
    subscription = desk.subscribe("prices", lambda event: None)
    assert subscription.began == 1
    upkeep.await_active(subscription, Deadline(0))
    confirm = threading.Event()
    answer = venue.does["sub"]

    def late(link: Any, message: Any) -> None:
        confirm.wait(PATIENCE)
        answer(link, message)

    venue.does["sub"] = late
    venue.cut()
    desk.state("reconnecting")
    desk.state("connected")
    # Whether its subscribe has left by then is a matter of chance.
    with pytest.raises((NotSent, RequestTimeout)):
        upkeep.await_active(subscription, Deadline(0.05))
    threading.Timer(0.1, confirm.set).start()
    started = monotonic()
    upkeep.await_active(subscription, Deadline(PATIENCE))
    assert monotonic() - started > 0.05
    assert confirm.is_set()


def test_awaiting_ends_with_the_connection_the_client_or_the_subscription(
    desk: Any, venue: Any
) -> None:
    """With the error of the connection, with that of the client, and at once without a stream."""
    upkeep = desk.session.upkeep
    subscription = desk.subscribe("prices", lambda event: None)
    other = desk.subscribe("trades", lambda event: None)
    other.close()
    upkeep.await_active(other, Deadline(0))
    asked: SimpleQueue[Any] = SimpleQueue()
    venue.does["sub"] = lambda link, message: asked.put(message)
    errors: SimpleQueue[Exception] = SimpleQueue()

    def wait(end: Callable[[], None]) -> None:
        # Whoever ends it comes after the wait has begun.
        threading.Timer(0.1, end).start()
        try:
            upkeep.await_active(subscription, Deadline(PATIENCE))
        except Exception as error:
            errors.put(error)

    venue.cut()
    for end, kind in ((venue.cut, ConnectionLost), (desk.close, ClientClosed)):
        # Each connection asks once; the venue confirms none.
        asked.get(timeout=PATIENCE)
        upkeep.later(0.0, partial(wait, end))
        assert type(errors.get(timeout=PATIENCE)) is kind


def test_the_end_of_a_subscription_wakes_who_waits(desk: Any) -> None:
    """Whoever told it where to announce is told at once, under the session's own lock too."""
    upkeep = desk.session.upkeep
    subscription = desk.subscribe("prices", lambda event: None)
    subscription.ended = upkeep.announce
    threading.Timer(0.05, desk.close).start()
    started = monotonic()
    assert upkeep.wait_for(lambda: subscription.closed or None, Deadline(PATIENCE))
    assert monotonic() - started < 0.4


def test_nothing_of_a_forked_child_waits_for_a_lock(desk: Any) -> None:
    """Another thread may have held it when the process forked, and never lets go of it there."""
    upkeep = desk.session.upkeep
    held, done = threading.Event(), threading.Event()

    def look() -> bool:
        held.set()
        return done.wait(PATIENCE)

    holder = threading.Thread(target=upkeep.wait_for, args=(look, Deadline(PATIENCE)))
    holder.start()
    assert held.wait(PATIENCE)
    desk.session.standing.forked = True
    started = monotonic()
    upkeep.announce()
    upkeep.later(0.0, done.set)
    assert upkeep.epoch == 0
    assert monotonic() - started < 1.0
    desk.session.standing.forked = False
    assert not done.is_set()
    done.set()
    holder.join(PATIENCE)
