"""One client's conversation over real sockets: connecting, losing, healing, closing."""

from __future__ import annotations

import gc
import logging
import os
import signal
import subprocess
import sys
import threading
import weakref
from collections.abc import Callable
from pathlib import Path
from queue import SimpleQueue
from typing import Any

import pytest

from venuesdk.errors import (
    AuthenticationError,
    ClientClosed,
    ConnectFailed,
    ConnectionLost,
    NotSent,
    VenueError,
)
from venuesdk.models import State
from venuesdk.secret import Secret
from venuesdk.session.reader import Reader
from venuesdk.session.session import Session, sessions
from venuesdk.session.slots import Slot
from venuesdk.timing import Backoff, Deadline, monotonic

PATIENCE = 5.0


def test_connecting_logs_in_and_says_so(open_desk: Callable[..., Any], login_codec: Any) -> None:
    """The states are connecting, then connected, with the epoch counted."""
    desk = open_desk(codec=login_codec).connect()
    assert desk.states.get(timeout=PATIENCE).state is State.CONNECTING
    change = desk.states.get(timeout=PATIENCE)
    assert (change.state, change.epoch) == (State.CONNECTED, 1)
    assert desk.venue.logins == ["let-me-in-5d1c"]


def test_connecting_twice_is_connecting_once(desk: Any) -> None:
    """A second connect does nothing."""
    desk.connect()
    assert desk.venue.accepted == 1


def test_the_first_connection_fails_at_once_with_its_cause(open_desk: Callable[..., Any]) -> None:
    """A refused port is ConnectFailed, no retry is begun, and connect may be called again."""
    desk = open_desk(url="ws://127.0.0.1:1/")
    for _ in range(2):
        with pytest.raises(ConnectFailed) as caught:
            desk.connect()
        assert caught.value.venue == "toy"
        assert caught.value.outcome_unknown is False
        assert desk.session.standing.state is State.NEW


def test_a_refused_login_is_an_authentication_error(
    open_desk: Callable[..., Any], login_codec: Any
) -> None:
    """The first connect raises it; every call repeats it, each with its own exception."""
    tokens = ["wrong-one-77aa"]
    desk = open_desk(codec=login_codec, credentials=lambda: {"token": Secret(tokens[0])})
    with pytest.raises(AuthenticationError):
        desk.connect()
    assert desk.session.standing.state is State.FAILED
    errors = []
    for _ in range(2):
        with pytest.raises(AuthenticationError) as caught:
            desk.ask("echo")
        errors.append(caught.value)
    assert errors[0] is not errors[1]
    tokens[0] = "let-me-in-5d1c"
    desk.connect()
    assert desk.ask("echo", value=1) == 1


class AtFailure(logging.Filter):
    """Does something on the reader's thread, once, when it has told of its failure.

    It is a filter because those run without a lock: other threads may go on logging meanwhile.
    """

    def __init__(self, desk: Any, action: Callable[[], None]) -> None:
        super().__init__()
        self._log: logging.Logger = desk.delivery.journal.logger
        self._actions = [action]
        self._log.addFilter(self)

    def filter(self, record: logging.LogRecord) -> bool:
        if record.getMessage().startswith("failed") and self._actions:
            self._log.removeFilter(self)
            self._actions.pop()()
        return True


def outcome_of(connect: Callable[[], object]) -> SimpleQueue[BaseException | None]:
    """Connect on another thread, and return where its outcome will be: an error, or None."""
    outcome: SimpleQueue[BaseException | None] = SimpleQueue()

    def run() -> None:
        try:
            connect()
            outcome.put(None)
        except VenueError as error:
            outcome.put(error)

    threading.Thread(target=run).start()
    return outcome


def test_a_connect_that_is_refused_is_told_so_even_where_another_one_comes_between(
    open_desk: Callable[..., Any], login_codec: Any
) -> None:
    """The one that comes before the first has its refusal is turned away; the first one gets it."""
    desk = open_desk(codec=login_codec, credentials=lambda: {"token": Secret("wrong-one-77aa")})
    seconds: list[BaseException | None] = []

    def connect_too() -> None:
        desk.venue.does["login"] = desk.venue.does["mute"]
        seconds.append(outcome_of(desk.connect).get(timeout=PATIENCE))

    AtFailure(desk, connect_too)
    first = outcome_of(desk.connect)
    assert isinstance(first.get(timeout=PATIENCE), AuthenticationError)
    assert isinstance(seconds[0], ConnectFailed)


def test_a_refusal_of_the_connection_before_is_not_the_next_connects_answer(
    open_desk: Callable[..., Any], login_codec: Any
) -> None:
    """It connects with new credentials while the old reader still tells of their refusal."""
    tokens = ["let-me-in-5d1c"]
    desk = open_desk(codec=login_codec, credentials=lambda: {"token": Secret(tokens[0])})
    desk.connect()
    login = desk.venue.does["login"]
    held: SimpleQueue[Any] = SimpleQueue()
    seconds: list[SimpleQueue[BaseException | None]] = []

    def connect_anew() -> None:
        tokens[0] = "let-me-in-5d1c"
        desk.venue.does["login"] = lambda *login: held.put(login)
        seconds.append(outcome_of(desk.connect))
        seconds.append(held.get(timeout=PATIENCE))

    AtFailure(desk, connect_anew)
    tokens[0] = "revoked-0b2e"
    desk.venue.cut()
    assert isinstance(desk.error(), AuthenticationError)
    login(*seconds[1])
    assert seconds[0].get(timeout=PATIENCE) is None
    assert desk.session.standing.state is State.CONNECTED


def test_a_login_refused_on_reconnect_stops_the_retries(
    open_desk: Callable[..., Any], login_codec: Any
) -> None:
    """The client fails for good: calls raise, streams end with the refusal, nobody knocks again."""
    tokens = ["let-me-in-5d1c"]
    desk = open_desk(codec=login_codec, credentials=lambda: {"token": Secret(tokens[0])})
    desk.connect()
    stream = desk.subscribe("a")
    tokens[0] = "revoked-0b2e"
    desk.venue.cut()
    assert isinstance(desk.state("failed").error, AuthenticationError)
    with pytest.raises(AuthenticationError):
        desk.ask("echo")
    with pytest.raises(AuthenticationError):
        stream.get(timeout=PATIENCE)
    with pytest.raises(AuthenticationError):
        desk.session.standing.await_close(Deadline(PATIENCE))
    assert desk.venue.accepted == 2


def test_a_cut_connection_heals_and_replays(desk: Any) -> None:
    """Calls work again, events flow again, and the stream was told of the gap first."""
    told: list[Any] = []
    stream = desk.subscribe("a", on_gap=lambda gap: told.append(gap.epoch))
    desk.venue.request("sub")
    desk.venue.cut()
    desk.state("reconnecting")
    desk.state("connected")
    desk.venue.request("sub")
    desk.venue.push("a", 1)
    assert stream.get(timeout=PATIENCE) == 1
    assert told == [2]
    assert desk.ask("echo", value="again") == "again"
    assert desk.session.overview.stats().reconnects == 1


def test_a_connection_that_ended_is_not_kept(desk: Any) -> None:
    """Its buffers are free when the next connection stands, and not only when that one ends."""
    freed = threading.Event()
    reference = weakref.ref(desk.session.standing.link.connection, lambda _: freed.set())
    desk.venue.cut()
    desk.state("connected")
    desk.state("connected")
    desk.ask("echo")
    gc.collect()
    assert freed.wait(PATIENCE), reference()


def test_eight_callers_that_are_cut_off_get_eight_exceptions(desk: Any) -> None:
    """All end at once, long before their timeouts, each with an exception of its own."""
    errors: list[BaseException] = []

    def call() -> None:
        try:
            desk.ask("mute", timeout=60)
        except VenueError as error:
            errors.append(error)

    callers = [threading.Thread(target=call) for _ in range(8)]
    for caller in callers:
        caller.start()
    for _ in callers:
        desk.venue.request("mute")
    desk.venue.cut()
    for caller in callers:
        caller.join(PATIENCE)
    assert len({id(error) for error in errors}) == 8
    assert all(isinstance(error, ConnectionLost) for error in errors)
    assert all(error.outcome_unknown for error in errors)  # type: ignore[attr-defined]


def test_two_threads_that_close_at_once_send_the_close_frame(
    desk: Any, venue: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second does not cut off what the first is sending; both return when all has ended."""
    (peer,) = venue.links
    stream = type(desk.session.standing.link.connection._stream)
    sending, joining = threading.Event(), threading.Event()
    write, join = stream.write, Reader.join

    def slowly(self: Any, data: bytes, deadline: Deadline) -> None:
        sending.set()
        assert joining.wait(PATIENCE)
        write(self, data, deadline)

    def joined(self: Reader, deadline: Deadline) -> bool:
        joining.set()
        return join(self, deadline)

    monkeypatch.setattr(stream, "write", slowly)
    monkeypatch.setattr(Reader, "join", joined)
    first = threading.Thread(target=desk.close)
    first.start()
    assert sending.wait(PATIENCE)
    desk.close()
    first.join(PATIENCE)
    assert not first.is_alive()
    peer.recv_events_thread.join(PATIENCE)
    assert peer.close_code == 1000


def test_close_wakes_every_waiter_and_is_idempotent(desk: Any) -> None:
    """A caller, a stream and a waiter end with the close; a second close does nothing."""
    outcomes: dict[str, Any] = {}
    stream = desk.subscribe("a")

    def call() -> None:
        with pytest.raises(ClientClosed) as caught:
            desk.ask("mute", timeout=60)
        outcomes["call"] = caught.value.outcome_unknown

    def listen() -> None:
        outcomes["events"] = list(stream)

    def wait() -> None:
        outcomes["wait"] = desk.session.standing.await_close(Deadline(60))

    threads = [threading.Thread(target=work) for work in (call, listen, wait)]
    for thread in threads:
        thread.start()
    desk.venue.request("mute")
    started = monotonic()
    desk.close()
    desk.close()
    assert monotonic() - started < 2.5
    for thread in threads:
        thread.join(PATIENCE)
    assert outcomes == {"call": True, "events": [], "wait": True}
    with pytest.raises(ClientClosed):
        desk.ask("echo")
    with pytest.raises(ClientClosed):
        desk.connect()


def test_close_ends_a_connect_that_is_under_way(
    open_desk: Callable[..., Any], login_codec: Any
) -> None:
    """A login that is never answered does not keep the close, and connect raises ClientClosed."""
    desk = open_desk(codec=login_codec)
    desk.venue.does["login"] = desk.venue.does["mute"]
    outcomes: list[BaseException] = []

    def connect() -> None:
        try:
            desk.connect(timeout=60)
        except VenueError as error:
            outcomes.append(error)

    connecting = threading.Thread(target=connect)
    connecting.start()
    desk.venue.request("login")
    started = monotonic()
    desk.close()
    connecting.join(PATIENCE)
    assert monotonic() - started < 2.0
    assert isinstance(outcomes[0], ClientClosed)


def test_close_ends_the_pause_between_two_attempts(open_desk: Callable[..., Any]) -> None:
    """Nobody waits for a backoff of a minute."""
    desk = open_desk(backoff=Backoff(initial=60, maximum=60)).connect()
    desk.venue.close()
    desk.state("reconnecting")
    started = monotonic()
    desk.close()
    assert monotonic() - started < 2.0


def test_a_write_is_not_sent_while_disconnected_and_a_read_waits(
    open_desk: Callable[..., Any],
) -> None:
    """NotSent comes at once; the read is answered over the next connection."""
    desk = open_desk(backoff=Backoff(initial=0.2, maximum=0.2)).connect()
    desk.venue.cut()
    desk.state("reconnecting")
    while desk.session.standing.state is State.RECONNECTING:
        started = monotonic()
        try:
            desk.ask("echo", value=1)
        except NotSent as error:
            assert error.outcome_unknown is False
            assert monotonic() - started < 1.0
            break
        except VenueError:
            continue
    assert desk.ask("echo", read=True, value=2) == 2


def test_nothing_can_be_asked_before_connect(open_desk: Callable[..., Any]) -> None:
    """Neither reads nor writes nor subscribes wait for a connection that nobody asked for."""
    desk = open_desk()
    for read in (False, True):
        with pytest.raises(NotSent):
            desk.ask("echo", read=read)
    with pytest.raises(NotSent):
        desk.subscribe("a")


def test_garbage_is_counted_and_reported_and_five_in_a_row_end_the_connection(desk: Any) -> None:
    """One bad frame is an error on the side; five are a venue that cannot be followed."""
    desk.venue.say("not json")
    assert "not JSON" in str(desk.error())
    assert desk.ask("echo", value=1) == 1
    for _ in range(5):
        desk.venue.say("still not json")
    assert "in a row" in desk.state("reconnecting").reason
    desk.state("connected")
    assert desk.session.overview.stats().garbage == 6


def test_a_text_ping_gets_its_answer(desk: Any) -> None:
    """The reader answers the venue's heartbeat with the exact text, once."""
    desk.venue.say("ping")
    assert desk.venue.texts.get(timeout=PATIENCE) == "pong"
    desk.ask("echo")
    assert desk.venue.texts.empty()


def test_silence_is_noticed_and_the_connection_replaced(
    open_desk: Callable[..., Any], quick_pulse: Any
) -> None:
    """A venue that answers no heartbeat is dead after quiet and patience."""
    desk = open_desk(pulse=quick_pulse, heartbeat=True)
    desk.venue.does["echo"] = desk.venue.does["mute"]
    desk.connect()
    assert "sign of life" in desk.state("reconnecting").reason


def test_an_answered_heartbeat_keeps_a_quiet_connection(
    open_desk: Callable[..., Any], quick_pulse: Any
) -> None:
    """Heartbeats are answered for longer than quiet and patience, and nothing is lost."""
    desk = open_desk(pulse=quick_pulse, heartbeat=True).connect()
    for _ in range(6):
        desk.venue.request("echo")
    assert desk.venue.accepted == 1
    assert desk.session.overview.stats().late_responses == 0


def test_a_websocket_ping_is_the_heartbeat_of_a_venue_without_one(
    open_desk: Callable[..., Any], quick_pulse: Any
) -> None:
    """The server's library answers protocol pings, and the connection stays."""
    desk = open_desk(pulse=quick_pulse).connect()
    before = desk.session.overview.stats().frames_out
    deadline = Deadline(PATIENCE)
    while desk.session.overview.stats().frames_out < before + 4:
        assert not deadline.expired()
        threading.Event().wait(0.01)
    assert desk.venue.accepted == 1


def test_credentials_are_asked_again_for_every_connection_off_the_reader(
    open_desk: Callable[..., Any], login_codec: Any
) -> None:
    """First on the caller's thread, then on one of its own."""
    threads: list[str] = []

    def credentials() -> dict[str, Secret]:
        threads.append(threading.current_thread().name)
        return {"token": Secret("let-me-in-5d1c")}

    desk = open_desk(codec=login_codec, credentials=credentials).connect()
    desk.venue.cut()
    desk.state("reconnecting")
    desk.state("connected")
    assert threads == [threading.current_thread().name, "venuesdk-toy-credentials"]


def test_a_forked_child_is_refused_and_the_parent_goes_on(desk: Any) -> None:
    """The child's calls raise at once; the parent's connection is not touched."""
    child = os.fork()
    if child == 0:
        status = 1
        try:
            desk.ask("echo")
        except ClientClosed:
            try:
                desk.close()
                status = 0
            except BaseException:
                status = 2
        finally:
            os._exit(status)
    assert os.waitpid(child, 0)[1] == 0
    assert desk.ask("echo", value="parent") == "parent"
    assert desk.venue.accepted == 1


def test_the_interpreter_exits_without_close(venue: Any) -> None:
    """A program that forgets to close ends within a second of its last line."""
    program = f"""
import sys, time
sys.path[:0] = {[str(Path(__file__).parent), *sys.path]!r}
from conftest import Desk
class Place: url = {venue.url!r}
desk = Desk(Place()).connect()
desk.subscribe("a", callback=print)
print("ready", flush=True)
"""
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parent)}
    process = subprocess.Popen(
        [sys.executable, "-c", program], stdout=subprocess.PIPE, env=environment
    )
    assert process.stdout is not None
    with process, process.stdout:
        assert process.stdout.readline() == b"ready\n"
        started = monotonic()
        assert process.wait(PATIENCE) == 0
        assert monotonic() - started < 1.0


def test_ctrl_c_passes_through_a_wait_and_leaves_no_slot(
    desk: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """KeyboardInterrupt ends the call at once; its late answer goes to nobody."""
    waiting = threading.Event()
    wait = Slot.wait

    def watched(self: Slot, deadline: Deadline) -> Any:
        # Not before the whole frame is out: an interrupted send costs the connection.
        waiting.set()
        return wait(self, deadline)

    monkeypatch.setattr(Slot, "wait", watched)
    late: SimpleQueue[Any] = SimpleQueue()
    desk.venue.does["slow"] = lambda link, message: late.put((link, message))

    def interrupt() -> None:
        desk.venue.request("slow")
        assert waiting.wait(PATIENCE)
        main = threading.main_thread().ident
        assert main is not None
        signal.pthread_kill(main, signal.SIGINT)

    interrupter = threading.Thread(target=interrupt)
    interrupter.start()
    with pytest.raises(KeyboardInterrupt):
        desk.ask("slow", timeout=60)
    interrupter.join()
    assert desk.session.overview.stats().waiting_requests == 0
    desk.venue.answer(*late.get(timeout=PATIENCE), "too late")
    assert desk.ask("echo", value=1) == 1
    assert desk.session.overview.stats().late_responses == 1


def test_stats_count_what_went_over_every_connection(desk: Any) -> None:
    """Frames, bytes and requests go on over a reconnection; the age is that of the last byte."""
    desk.ask("echo", value=1)
    before = desk.session.overview.stats()
    desk.venue.cut()
    desk.state("reconnecting")
    desk.state("connected")
    desk.ask("echo", value=1)
    after = desk.session.overview.stats()
    assert after.frames_out > before.frames_out
    assert after.bytes_in > before.bytes_in
    assert (after.requests, after.responses, after.epoch) == (2, 2, 2)
    assert desk.delivery.journal.epoch == 2
    assert after.last_frame_age is not None
    assert after.last_frame_age < PATIENCE


def test_every_session_that_is_alive_is_known(desk: Any) -> None:
    """While other threads make and forget more of them than anybody counts."""
    stop = threading.Event()

    def churn() -> None:
        plan, delivery = desk.session._plan, desk.session.delivery
        while not stop.is_set():
            Session(plan, delivery, dict)

    churner = threading.Thread(target=churn)
    churner.start()
    try:
        assert all(desk.session in sessions() for _ in range(300))
    finally:
        stop.set()
        churner.join()
