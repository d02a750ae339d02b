"""Where a session stands: what is refused, what waits, and that nothing is done under its lock."""

from __future__ import annotations

import logging
import threading
from typing import Any

import pytest

from venuesdk.errors import AuthenticationError, ClientClosed, ConnectionLost, NotSent
from venuesdk.models import State
from venuesdk.session import standing as standing_module
from venuesdk.session.delivery import Delivery
from venuesdk.session.link import Link
from venuesdk.session.standing import Standing
from venuesdk.timing import Deadline, monotonic

PATIENCE = 5.0


def standing() -> Standing:
    """Return where a session stands, without the session."""
    return Standing("toy", Delivery("toy"))


def link() -> Link:
    """Return a link that is only ever compared."""
    return Link(object(), object())  # type: ignore[arg-type]


def move(place: Standing, state: State) -> None:
    """Go to another state, as the session does."""
    with place.lock:
        place.move_locked(state, "test")
    place.log()


def run(place: Standing) -> None:
    """Tell the user all that waits to be told."""
    while place._delivery.run_some():
        continue


def test_changes_are_told_in_order_with_what_was_before() -> None:
    """To every handler; one that raises does not keep the others from it."""
    place, seen, errors = standing(), [], []
    place._delivery.error_handlers.append(errors.append)
    place.handlers.append(lambda change: 1 / 0)
    place.handlers.append(lambda change: seen.append((change.previous, change.state)))
    move(place, State.CONNECTING)
    move(place, State.CONNECTED)
    run(place)
    assert seen == [(State.NEW, State.CONNECTING), (State.CONNECTING, State.CONNECTED)]
    assert [type(error) for error in errors] == [ZeroDivisionError] * 2


def test_changes_that_nobody_takes_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """The newest are told: a program that never pumps does not grow, and learns how it stands."""
    monkeypatch.setattr(standing_module, "UNTOLD", 3)
    place, seen = standing(), []
    place.handlers.append(lambda change: seen.append(change.attempt))
    for attempt in range(100):
        with place.lock:
            place.move_locked(State.RECONNECTING, "again", attempt)
    place.log()
    assert place._delivery.depth() == 3
    run(place)
    assert seen == [97, 98, 99]


def test_a_logging_handler_that_asks_the_client_does_not_wait_for_ever() -> None:
    """Nothing is logged under the lock, for a handler is the user's code."""
    place = standing()
    asked: list[bool] = []

    class Asks(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            def ask() -> None:
                asked.append(place.lock.acquire(timeout=PATIENCE))
                place.lock.release()

            other = threading.Thread(target=ask)
            other.start()
            other.join(2 * PATIENCE)

    handler = Asks()
    place._delivery.journal.logger.addHandler(handler)
    try:
        move(place, State.CONNECTED)
    finally:
        place._delivery.journal.logger.removeHandler(handler)
    assert asked == [True]


def test_each_change_is_logged_as_loudly_as_it_matters(caplog: pytest.LogCaptureFixture) -> None:
    """With its reason, and with what a filter or an alert goes by."""
    place = standing()
    with place.lock:
        lost = ConnectionLost("the peer closed the connection (code 1012)", code=1012)
        place.move_locked(State.CONNECTED, "logged in")
        place.move_locked(State.RECONNECTING, str(lost), 2, lost)
        place.fail_locked(AuthenticationError("no", venue="toy"))
        place.move_locked(State.CLOSED, "closed")
    place.log()
    levels = [logging.INFO, logging.WARNING, logging.ERROR, logging.INFO]
    assert [record.levelno for record in caplog.records] == levels
    assert caplog.records[1].getMessage() == f"reconnecting: {lost}"
    facts = vars(caplog.records[1])
    assert (facts["venuesdk_state"], facts["venuesdk_previous_state"]) == (
        "reconnecting",
        "connected",
    )
    assert (facts["venuesdk_attempt"], facts["venuesdk_close_code"]) == (2, 1012)
    assert facts["venuesdk_error"] == "ConnectionLost"
    assert vars(caplog.records[2])["venuesdk_error"] == "AuthenticationError"
    kept = [text for _, text, _ in place._delivery.journal.changes]
    assert len(kept) == 4
    assert kept[1].endswith("(epoch 0, attempt 2): " + str(lost) + " [ConnectionLost]")


def test_a_link_is_there_at_once_or_it_is_not_sent() -> None:
    """`link_now` never waits."""
    place = standing()
    with pytest.raises(NotSent, match="new"):
        place.link_now()
    connection = link()
    with place.lock:
        place.link_locked(connection)
    move(place, State.CONNECTED)
    assert place.link_now() is connection


def test_a_link_is_waited_for_until_the_deadline() -> None:
    """Another one than that which is known to be dead."""
    place, dead, fresh = standing(), link(), link()
    move(place, State.RECONNECTING)
    with place.lock:
        place.link_locked(dead)
    started = monotonic()
    with pytest.raises(NotSent):
        place.await_link(Deadline(0.05), other_than=dead)
    assert monotonic() - started >= 0.05

    def replace() -> None:
        with place.lock:
            place.link_locked(fresh)

    timer = threading.Timer(0.02, replace)
    timer.start()
    assert place.await_link(Deadline(None), other_than=dead) is fresh
    timer.join()


def test_nobody_waits_for_a_connection_that_nobody_asked_for() -> None:
    """Before connect, a read is not sent at once."""
    with pytest.raises(NotSent):
        standing().await_link(Deadline(None))


@pytest.mark.parametrize(
    ("end", "error"), [(State.CLOSED, ClientClosed), (State.FAILED, AuthenticationError)]
)
def test_who_waits_for_a_link_is_woken_by_the_end(end: State, error: type[Exception]) -> None:
    """Of whichever kind, with an exception of its own."""
    place = standing()
    move(place, State.RECONNECTING)

    def finish() -> None:
        with place.lock:
            if end is State.FAILED:
                place.fail_locked(AuthenticationError("no", venue="toy"))
            else:
                place.move_locked(end, "closed")

    timer = threading.Timer(0.02, finish)
    timer.start()
    with pytest.raises(error) as first:
        place.await_link(Deadline(None))
    timer.join()
    with pytest.raises(error) as second:
        place.link_now()
    assert first.value is not second.value


def test_a_pause_ends_with_its_time_or_with_a_close() -> None:
    """True and False."""
    place = standing()
    assert place.pause(0.01) is True
    timer = threading.Timer(0.02, move, (place, State.CLOSED))
    timer.start()
    started = monotonic()
    assert place.pause(3600) is False
    assert monotonic() - started < PATIENCE
    timer.join()
    assert place.pause(3600) is False


def test_a_wait_ends_at_its_deadline_with_a_close_or_with_a_refusal() -> None:
    """False, True, and the refusal itself."""
    place = standing()
    assert place.await_close(Deadline(0.01)) is False
    timer = threading.Timer(0.02, move, (place, State.CLOSED))
    timer.start()
    assert place.await_close(Deadline(None)) is True
    timer.join()
    refused = standing()
    with refused.lock:
        refused.fail_locked(AuthenticationError("no"))
    with pytest.raises(AuthenticationError):
        refused.await_close(Deadline(None))


def test_a_state_can_be_waited_for() -> None:
    """The one that there is, one that comes, and one on a later connection than that of now."""
    place = standing()
    assert place.await_state({State.NEW}, 0, Deadline(0))
    assert not place.await_state({State.CONNECTED, State.CLOSED}, 0, Deadline(0.01))

    def connect() -> None:
        for epoch in (1, 2):
            with place.lock:
                place.epoch = epoch
                place.link_locked(link())
                place.move_locked(State.CONNECTED, "test")
                place.move_locked(State.RECONNECTING, "test")
        move(place, State.CONNECTED)

    timer = threading.Timer(0.02, connect)
    timer.start()
    assert place.await_state({State.CONNECTED}, 2, Deadline(None))
    assert place.epoch == 2
    timer.join()
    assert not place.await_state({State.CONNECTED}, 3, Deadline(0))
    assert place.connected
    with place.lock:
        place.link_locked(None)
    # The reader has not come to say so yet, while who got ConnectionLost waits for the next.
    assert not place.await_state({State.CONNECTED}, 0, Deadline(0))
    assert not place.connected


def test_a_wait_for_a_state_that_cannot_come_any_more_raises() -> None:
    """Of a client that is closed, or was refused; unless just that was waited for."""
    place = standing()
    timer = threading.Timer(0.02, move, (place, State.CLOSED))
    timer.start()
    with pytest.raises(ClientClosed):
        place.await_state({State.CONNECTED}, 0, Deadline(None))
    timer.join()
    assert place.await_state({State.CLOSED}, 0, Deadline(0))
    refused = standing()
    with refused.lock:
        refused.fail_locked(AuthenticationError("no"))
    with pytest.raises(AuthenticationError):
        refused.await_state({State.CONNECTED}, 0, Deadline(None))
    assert refused.await_state({State.FAILED}, 0, Deadline(0))


def test_a_refusal_is_kept_without_the_callers_frames() -> None:
    """It stays for the client's life, and must not keep alive whoever was told of it first."""
    place = standing()
    try:
        raise AuthenticationError("no", code=4)
    except AuthenticationError as error:
        with place.lock:
            place.fail_locked(error)
    with place.lock:
        kept = place.refusal_locked()
    assert kept.__traceback__ is None
    assert (str(kept), kept.code) == ("no (4)", 4)  # type: ignore[attr-defined]


def test_a_signal_handler_may_close_what_its_own_thread_was_changing() -> None:
    """The lock is reentrant: the handler runs inside the very code that it interrupted."""
    place = standing()
    done = threading.Event()

    def interrupted() -> None:
        with place.lock:
            move(place, State.CLOSED)
        done.set()

    thread = threading.Thread(target=interrupted, daemon=True)
    thread.start()
    assert done.wait(PATIENCE)


def test_a_forked_child_is_refused_without_the_lock() -> None:
    """Whoever held it in the parent will never let go of it here."""
    place = standing()
    place.forked = True
    outcomes: list[Any] = []

    def child() -> None:
        for call in (
            place.link_now,
            lambda: place.await_link(Deadline(None)),
            lambda: place.await_close(Deadline(None)),
            lambda: place.await_state({State.CONNECTED}, 0, Deadline(None)),
        ):
            try:
                call()
            except ClientClosed as error:
                outcomes.append(error)

    with place.lock:
        thread = threading.Thread(target=child)
        thread.start()
        thread.join(PATIENCE)
    assert len(outcomes) == 4
