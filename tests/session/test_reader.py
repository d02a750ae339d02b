"""The reader thread: one path for every connection, with a pause that grows between two."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Generator
from types import SimpleNamespace
from typing import Any

import pytest

from venuesdk.errors import (
    AuthenticationError,
    ConnectFailed,
    ConnectionLost,
    ConnectTimeout,
    NotSent,
    ProtocolError,
    RequestRejected,
    RequestTimeout,
    VenueError,
    VenueUnavailable,
)
from venuesdk.models import HttpRequest, HttpResponse, State
from venuesdk.protocol.codec import Pulse, Request
from venuesdk.session import reader as reader_module
from venuesdk.session.journal import Journal
from venuesdk.session.link import Link
from venuesdk.session.quota import AttemptQuota
from venuesdk.session.reader import Reader
from venuesdk.timing import Backoff, Deadline, monotonic

PATIENCE = 5.0

Open = Callable[..., Any]


class Pauses:
    """A backoff without waiting: it writes down which attempt each pause was for."""

    def __init__(self, healthy: float = 60.0) -> None:
        self.healthy = healthy
        self.attempts: list[int] = []
        self.enough = threading.Event()
        self.stop_at = 6

    def delay(self, attempt: int) -> float:
        self.attempts.append(attempt)
        if len(self.attempts) >= self.stop_at:
            self.enough.set()
            return 3600.0
        return 0.0


def test_the_reader_is_a_daemon_with_a_name(desk: Any) -> None:
    """`venuesdk-<venue>-reader`; it ends with the close."""
    (reader,) = [one for one in threading.enumerate() if one.name == "venuesdk-toy-reader"]
    assert reader.daemon
    desk.close()
    assert not reader.is_alive()


def test_a_flapping_link_waits_longer_each_time(open_desk: Open) -> None:
    """A connection that comes up and falls at once does not begin the count anew."""
    pauses = Pauses()
    desk = open_desk(backoff=pauses).connect()
    desk.session.standing.handlers.append(
        lambda change: desk.venue.cut() if change.state is State.CONNECTED else None
    )
    desk.venue.cut()
    assert pauses.enough.wait(PATIENCE)
    assert pauses.attempts == [0, 1, 2, 3, 4, 5]


def test_a_healthy_connection_begins_the_count_anew(open_desk: Open) -> None:
    """After as many seconds as the backoff says; here none."""
    pauses = Pauses(healthy=0.0)
    desk = open_desk(backoff=pauses).connect()
    desk.session.standing.handlers.append(
        lambda change: desk.venue.cut() if change.state is State.CONNECTED else None
    )
    desk.venue.cut()
    assert pauses.enough.wait(PATIENCE)
    assert pauses.attempts == [0, 0, 0, 0, 0, 0]


def test_failed_attempts_are_told_with_their_number_and_their_cause(open_desk: Open) -> None:
    """A connection that cannot be made is not one that was healthy."""
    pauses = Pauses(healthy=0.0)
    pauses.stop_at = 3
    desk = open_desk(backoff=pauses).connect()
    for _ in range(2):
        desk.venue.refusals.put((503, {}))
    desk.venue.cut()
    changes = [desk.state("reconnecting") for _ in range(3)]
    assert [change.attempt for change in changes] == [0, 1, 2]
    assert all(change.error is not None and change.reason for change in changes)
    assert "503" in changes[1].reason


@pytest.mark.parametrize("status", [429, 503])
def test_a_venue_that_names_a_time_gets_it(open_desk: Open, status: int) -> None:
    """Retry-After is what is waited, whatever the backoff says, and a little to spread over."""
    desk = open_desk(backoff=Backoff(initial=0.01, maximum=3600, factor=1e9)).connect()
    waited: list[float] = []
    asked = threading.Event()
    pause = desk.session.pause

    def watched(seconds: float) -> bool:
        waited.append(seconds)
        if len(waited) == 2:
            asked.set()
        return bool(pause(min(seconds, 0.01)))

    desk.session.pause = watched
    desk.venue.refusals.put((status, {"Retry-After": "77"}))
    desk.venue.cut()
    assert asked.wait(PATIENCE)
    assert 77.0 <= waited[1] <= 77.01
    desk.state("reconnecting")
    desk.state("connected")


@pytest.mark.parametrize("status", [401, 403])
def test_a_reconnection_that_is_forbidden_is_the_last(open_desk: Open, status: int) -> None:
    """The client has failed, and knocks no more."""
    desk = open_desk().connect()
    desk.venue.refusals.put((status, {}))
    desk.venue.cut()
    assert isinstance(desk.state("failed").error, AuthenticationError)
    assert isinstance(desk.error(), AuthenticationError)
    with pytest.raises(AuthenticationError):
        desk.ask("echo", read=True)
    assert desk.venue.accepted == 1
    desk.connect()
    assert desk.ask("echo", value=1) == 1


def test_a_persistent_client_goes_on_after_a_first_failure(open_desk: Open) -> None:
    """Connect returns, and the connection is made in the background."""
    desk = open_desk(persistent=True)
    desk.venue.refusals.put((503, {}))
    desk.connect()
    assert desk.state("connected").epoch == 1
    assert desk.session.overview.stats().reconnects == 0
    assert desk.ask("echo", value=1) == 1


def test_a_persistent_client_does_not_go_on_after_a_refusal(open_desk: Open) -> None:
    """Forbidden is forbidden."""
    desk = open_desk(persistent=True)
    desk.venue.refusals.put((401, {}))
    with pytest.raises(AuthenticationError):
        desk.connect()
    assert desk.session.standing.state is State.FAILED


def test_a_login_that_is_not_answered_is_a_timeout(open_desk: Open, login_codec: Any) -> None:
    """The one deadline of the call goes through the login, too."""
    desk = open_desk(codec=login_codec)
    desk.venue.does["login"] = desk.venue.does["mute"]
    started = monotonic()
    with pytest.raises(ConnectTimeout, match="login"):
        desk.connect(timeout=0.1)
    assert monotonic() - started < 2.0


def test_a_login_may_take_many_frames_and_answer_pings(open_desk: Open, login_codec: Any) -> None:
    """What is not the answer is passed over; what comes behind it is not lost."""

    def login(link: Any, message: Any) -> None:
        desk.venue.send(link, "ping")
        desk.venue.send(link, {"route": "early", "data": 1})
        desk.venue.send(link, {"id": 999, "ok": None})
        desk.venue.answer(link, message, True)
        desk.venue.send(link, "ping")

    desk = open_desk(codec=login_codec)
    desk.venue.does["login"] = login
    desk.connect()
    assert [desk.venue.texts.get(timeout=PATIENCE) for _ in range(2)] == ["pong", "pong"]


def test_a_rejected_login_is_the_codecs_to_judge(open_desk: Open, login_codec: Any) -> None:
    """A refusal that is none of the credentials is a failed connection, not a failed client."""
    desk = open_desk(codec=login_codec)
    desk.venue.does["login"] = desk.venue.does["refuse"]
    with pytest.raises(RequestRejected, match="no"):
        desk.connect()
    assert desk.session.standing.state is State.NEW


def test_an_unexpected_error_is_a_lost_connection(
    open_desk: Open, caplog: pytest.LogCaptureFixture
) -> None:
    """The reader goes on; the log has the traceback."""
    desk = open_desk().connect()
    beat = desk.session.overdue
    faults = [KeyError("a bug of ours")]

    def overdue(now: float) -> Any:
        if faults:
            raise faults.pop()
        return beat(now)

    desk.session.overdue = overdue
    desk.venue.say("ping")
    change = desk.state("reconnecting")
    assert isinstance(change.error.__cause__, KeyError)
    desk.state("connected")
    assert "unexpected" in caplog.text
    reported = desk.error()
    assert isinstance(reported, ConnectionLost)
    assert isinstance(reported.__cause__, KeyError)


def test_each_attempt_to_connect_again_is_logged_with_its_reason(
    open_desk: Open, caplog: pytest.LogCaptureFixture
) -> None:
    """The loss and each failure as a warning, each coming attempt with its number and delay."""
    desk = open_desk().connect()
    desk.venue.refusals.put((503, {}))
    desk.venue.refusals.put((503, {"Retry-After": "0"}))
    desk.venue.cut()
    for _ in range(3):
        desk.state("reconnecting")
    desk.state("connected")
    # The reader logs a change when it was told; afterwards it has logged all of them.
    desk.close()
    ours = [one for one in caplog.records if one.name == "venuesdk.toy"]
    lost = [one for one in ours if one.levelno == logging.WARNING]
    assert [vars(one)["venuesdk_error"] for one in lost] == [
        "ConnectionLost",
        "VenueUnavailable",
        "VenueUnavailable",
    ]
    coming = [vars(one) for one in ours if "to connect again in" in one.getMessage()]
    assert [one["venuesdk_attempt"] for one in coming] == [1, 2, 3]
    assert all(one["venuesdk_delay"] >= 0.0 for one in coming)
    assert [one["venuesdk_epoch"] for one in coming] == [1, 1, 1]
    assert {one["levelno"] for one in coming} == {logging.INFO}
    connected = [one for one in ours if one.getMessage() == "connected: logged in"]
    assert [vars(one)["venuesdk_epoch"] for one in connected] == [1, 2]


def test_a_wait_for_a_turn_is_logged_once(
    open_desk: Open, caplog: pytest.LogCaptureFixture
) -> None:
    """With the quota that is used up, and how long it will be."""
    quota = AttemptQuota(rate=2, burst=1)
    desk = open_desk(quota=quota).connect()
    desk.venue.cut()
    desk.state("reconnecting")
    desk.state("connected")
    told = [one for one in caplog.records if "for its turn" in one.getMessage()]
    assert len(told) == 1
    assert "AttemptQuota(rate=2, burst=1)" in told[0].getMessage()
    assert 0.0 < vars(told[0])["venuesdk_delay"] <= 0.5


def test_no_message_is_logged_above_debug(
    open_desk: Open, caplog: pytest.LogCaptureFixture
) -> None:
    """However much comes and goes, and each login is told at DEBUG alone."""
    desk = open_desk().connect()
    before = len([one for one in caplog.records if one.name == "venuesdk.toy"])
    stream = desk.subscribe("a")
    for number in range(50):
        desk.ask("echo")
        desk.venue.push("a", number)
        assert stream.get(5) == number
    stream.close()
    assert len([one for one in caplog.records if one.name == "venuesdk.toy"]) == before


def test_an_unanswered_unsubscribe_costs_the_connection(open_desk: Open) -> None:
    """What stands on the wire is not known any more; a new connection makes it known."""
    desk = open_desk(timeout=0.2).connect()
    desk.venue.does["unsub"] = desk.venue.does["mute"]
    kept = desk.subscribe("kept")
    desk.subscribe("gone").close()
    assert "no answer to unsubscribe" in desk.state("reconnecting").reason
    desk.state("connected")
    desk.venue.push("kept", 1)
    assert kept.get(PATIENCE) == 1
    assert [one.topic for one in desk.session.overview.stats().subscriptions] == ["kept"]


def test_stopping_ends_a_connection_that_is_being_made(open_desk: Open, login_codec: Any) -> None:
    """A connect that its caller gave up leaves no thread and no connection behind."""
    desk = open_desk(codec=login_codec)
    desk.venue.does["login"] = desk.venue.does["mute"]
    wait = reader_module.Reader.start

    def start(self: Any, *arguments: Any) -> None:
        wait(self, *arguments)
        desk.venue.request("login")
        raise KeyboardInterrupt

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(reader_module.Reader, "start", start)
        started = monotonic()
        with pytest.raises(KeyboardInterrupt):
            desk.connect(timeout=60)
    assert monotonic() - started < 1.0
    assert not [one for one in threading.enumerate() if one.name.startswith("venuesdk-toy")]
    assert desk.session.standing.state is State.NEW
    desk.venue.does["login"] = desk.venue._login
    desk.connect()
    assert desk.ask("echo", value=1) == 1


def test_ctrl_c_when_the_connection_was_just_made_gives_it_up(open_desk: Open) -> None:
    """Connect raised, so there is no connection; the next connect makes one, and only one."""
    desk = open_desk()
    start = reader_module.Reader.start

    def start_and_interrupt(self: Any, *arguments: Any) -> None:
        start(self, *arguments)
        desk.state("connected")
        raise KeyboardInterrupt

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(reader_module.Reader, "start", start_and_interrupt)
        with pytest.raises(KeyboardInterrupt):
            desk.connect()
    assert desk.session.standing.state is State.NEW
    assert desk.session.standing.link is None
    desk.connect()
    assert desk.ask("echo", value=1) == 1
    assert len([one for one in threading.enumerate() if one.name == "venuesdk-toy-reader"]) == 1


def test_a_reader_that_was_stopped_before_it_connected_connects_no_more(open_desk: Open) -> None:
    """Its attempt is cancelled, whenever it begins."""
    desk = open_desk()
    reader = reader_module.Reader(desk.session, desk.plan, desk.delivery.journal)
    reader.hang_up()
    reader.stop()
    with pytest.raises((ConnectTimeout, ConnectFailed)):
        reader._dial()
    assert reader.join(Deadline(0)) is True


def test_a_reader_that_is_not_wanted_any_more_may_not_use_its_link(open_desk: Open) -> None:
    """Only the one that the session waits for."""
    desk = open_desk().connect()
    stale = reader_module.Reader(desk.session, desk.plan, desk.delivery.journal)
    with pytest.raises(Exception, match="closed"):
        desk.session.connected(stale, desk.session.standing.link)
    assert desk.session.standing.epoch == 1


def test_any_inbound_byte_is_life(open_desk: Open) -> None:
    """A stream of events keeps a connection whose heartbeats are not answered."""
    desk = open_desk(pulse=Pulse(quiet=0.1, patience=0.1), heartbeat=True)
    desk.venue.does["echo"] = lambda link, message: desk.venue.push("x", 1)
    desk.connect()
    for _ in range(4):
        desk.venue.request("echo")
    assert desk.session.overview.stats().epoch == 1
    assert Request("echo") == Request("echo")


def test_nothing_is_judged_while_more_is_in_hand(open_desk: Open) -> None:
    """Slow callbacks keep the reader from what has come long ago: the venue is not silent then."""
    desk = open_desk(delivery="inline").connect()
    link = desk.session.standing.link
    moments = iter([True, True, True, False])
    asked: list[bool] = []

    class Behind:
        """A connection from which nothing has been read for an hour, with more in hand."""

        more = True
        last_received = monotonic() - 3600

        def read(self, timeout: float | None) -> list[bytes]:
            self.more = next(moments)
            return [b'{"event": "x"}']

    class Host:
        def take(self, link: Any, frames: Any) -> None:
            pass

        def flush(self, more: bool = False) -> None:
            pass

        def beat(self, link: Any) -> None:
            asked.append(behind.more)
            raise ConnectionLost("enough")

    behind = Behind()
    host: Any = Host()
    reader = Reader(host, desk.session._plan, Journal("test"))
    with pytest.raises(ConnectionLost, match="enough"):
        reader._receive(Link(behind, link.codec))  # type: ignore[arg-type]
    assert asked == [False]


def test_the_backoff_is_jittered_and_bounded() -> None:
    """The real one: between nothing and a ceiling that doubles up to its maximum."""
    backoff = Backoff(initial=1, maximum=8)
    assert [backoff.ceiling(attempt) for attempt in range(5)] == [1, 2, 4, 8, 8]
    assert all(0 <= backoff.delay(3) <= 8 for _ in range(50))


@pytest.mark.parametrize(
    ("cause", "kind"),
    [
        (RequestTimeout("slow", outcome_unknown=True), ConnectTimeout),
        (ConnectionLost("cut", outcome_unknown=True), ConnectFailed),
        (NotSent("never left"), ConnectFailed),
        (ProtocolError("too long", outcome_unknown=True), ConnectFailed),
        (ConnectFailed("no such host"), ConnectFailed),
        (VenueUnavailable("down", status=503), VenueUnavailable),
    ],
)
def test_what_fails_over_http_on_the_way_to_a_connection_is_no_connection(
    open_desk: Any, toy_codec: Any, cause: VenueError, kind: type[VenueError]
) -> None:
    """The key that a venue wants first is part of connecting: nothing was asked of the venue.

    Whoever listens in hears of it all the same, and why there is no answer.
    """
    exchanges: list[Any] = []
    listener = SimpleNamespace(exchanged=lambda *told: exchanges.append(told))

    class Keyed(toy_codec):  # type: ignore[misc]
        def address(self) -> Generator[HttpRequest, HttpResponse, str]:
            yield HttpRequest("GET", "/key")
            return ""

    desk = open_desk(codec=Keyed)

    def make() -> Any:
        raise cause

    desk.plan.fetch._make = make
    desk.plan.taps.append(listener)
    with pytest.raises(kind) as caught:
        desk.connect()
    assert type(caught.value) is kind
    assert caught.value.outcome_unknown is False
    ((request, response, failure),) = exchanges
    assert (request.url, response, type(failure)) == ("/key", None, kind)


def test_the_end_of_a_connection_is_told_once(open_desk: Open, venue: Any) -> None:
    """To whoever listens in, and not again with each attempt that makes none."""
    told: list[str] = []

    class Listener:
        def __getattr__(self, name: str) -> Any:
            return lambda *arguments: told.append(name)

    desk = open_desk()
    desk.plan.taps.append(Listener())
    desk.connect()
    for _ in range(3):
        venue.refusals.put((503, {}))
    venue.cut()
    desk.state("reconnecting")
    desk.state("connected")
    assert [name for name in told if name in ("opened", "ended")] == ["opened", "ended", "opened"]


def test_a_fault_of_ours_leaves_nobody_waiting(
    open_desk: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever breaks the reader, the client fails: calls raise, streams end, waits return."""
    desk = open_desk().connect()
    stream = desk.subscribe("a")
    monkeypatch.setattr(desk.session, "retrying", None)
    desk.venue.cut()
    assert isinstance(desk.state("failed").error, ConnectionLost)
    with pytest.raises(ConnectionLost, match="a fault of ours"):
        desk.ask("echo")
    with pytest.raises(ConnectionLost):
        stream.get(timeout=PATIENCE)
    with pytest.raises(ConnectionLost):
        desk.session.standing.await_close(Deadline(PATIENCE))
    while not isinstance(desk.error(), ConnectionLost):
        continue
    monkeypatch.undo()
    assert desk.connect().ask("echo", value=1) == 1


def test_an_attempt_to_reconnect_waits_for_its_turn(open_desk: Open) -> None:
    """The first connection is the user's and waits for nothing; a close ends the wait at once."""
    quota = AttemptQuota(rate=0.001, burst=1)
    desk = open_desk(quota=quota).connect()
    other = open_desk(quota=quota).connect()
    assert quota.tokens < 0.1
    desk.venue.cut()
    waiting = Deadline(PATIENCE)
    while quota.waiting < 2 and not waiting.expired():
        threading.Event().wait(0.005)
    assert quota.waiting == 2
    assert desk.venue.accepted == 2
    for one in (desk, other):
        started = monotonic()
        one.close()
        assert monotonic() - started < 1.0
    assert quota.waiting == 0


def test_a_turn_that_comes_is_taken(open_desk: Open) -> None:
    """One after the other, at the rate of the quota."""
    quota = AttemptQuota(rate=10, burst=1)
    desk = open_desk(quota=quota).connect()
    for epoch in range(2, 5):
        started = monotonic()
        desk.venue.cut()
        while desk.state("connected").epoch < epoch:
            continue
    assert monotonic() - started >= 0.05
    assert desk.session.overview.stats().reconnects == 3
    assert quota.tokens < 1.0
