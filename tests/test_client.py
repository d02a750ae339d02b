"""What the five clients share: the constructor, connecting, the four deliveries, and the end."""

from __future__ import annotations

import os
import signal
import threading
import traceback
from collections.abc import Callable, Iterator
from queue import SimpleQueue
from typing import Any

import pytest

from venuesdk import client as client_module
from venuesdk.client import Client, clients
from venuesdk.errors import (
    AuthenticationError,
    ClientClosed,
    ConnectFailed,
    ConnectionLost,
    NotSent,
    ProtocolError,
    ReentrantCall,
    RequestRejected,
)
from venuesdk.models import HttpRequest, State, StateChange
from venuesdk.protocol.codec import Codec, Request
from venuesdk.secret import Secret
from venuesdk.session.quota import AttemptQuota
from venuesdk.testing import simulate
from venuesdk.timing import Backoff, Deadline, monotonic
from venuesdk.venues.onyx import OnyxClient

PATIENCE = 5.0
QUICK = Backoff(initial=0.01, maximum=0.05)


@pytest.fixture
def venue() -> Iterator[Any]:
    """A simulated venue that streams when it is told to."""
    with simulate("onyx", interval=None) as started:
        yield started


@pytest.fixture
def open_client(venue: Any) -> Iterator[Callable[..., Any]]:
    """Make clients of it that are closed, whatever the test does."""
    made: list[Any] = []

    def make(**options: Any) -> Any:
        chosen = {"url": venue.url, "token": venue.token, "timeout": PATIENCE, "reconnect": QUICK}
        made.append(OnyxClient(**{**chosen, **options}))
        return made[-1]

    yield make
    for client in made:
        client.close()


@pytest.fixture
def plain_client() -> Iterator[type[Client]]:
    """A client of a venue that is nowhere, with one credential that it needs and one that not."""

    class Nowhere(
        Client,
        venue="nowhere",
        codec=type("NowhereCodec", (Codec,), {"venue": "nowhere", "url": "ws://127.0.0.1:1/"}),
        credentials={"key": "VENUESDK_NOWHERE_KEY", "extra": "VENUESDK_NOWHERE_EXTRA"},
        optional_credentials=("extra",),
    ):
        def __init__(self, key: Any = None, **options: Any) -> None:
            super().__init__({"key": key}, **options)

    yield Nowhere
    del client_module._REGISTRY["nowhere"]


def states(client: Any) -> SimpleQueue[StateChange]:
    """Return the queue that the client's state changes come into."""
    changes: SimpleQueue[StateChange] = SimpleQueue()
    client.on_state(changes.put)
    return changes


def wait_for(changes: SimpleQueue[StateChange], state: State) -> StateChange:
    """Return the next change to that state."""
    while True:
        change = changes.get(timeout=PATIENCE)
        if change.state is state:
            return change


# ---- the constructor ---------------------------------------------------------------------------


def test_a_client_registers_with_its_venues_name(plain_client: type[Client]) -> None:
    """And is found by it; one without a codec is a mistake."""
    assert clients()["nowhere"] is plain_client
    with pytest.raises(TypeError, match="needs a codec"):

        class Half(Client, venue="half"):
            """Has a name, and nothing to say."""

    assert "half" not in clients()


def test_a_client_between_is_not_registered() -> None:
    """A base of the user's own has no venue."""
    before = clients()

    class Between(OnyxClient):
        """Only adds something."""

    assert clients() == before
    assert Between.venue == "onyx"


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"surprise": 1}, TypeError),
        ({"timeout": 0}, ValueError),
        ({"timeout": None}, ValueError),
        ({"timeout": -1}, ValueError),
        ({"timeout": "soon"}, TypeError),
        ({"delivery": "threads"}, ValueError),
        ({"reconnect": 5}, TypeError),
        ({"quota": 5}, TypeError),
        ({"on_state": 5}, TypeError),
        ({"on_error": "print"}, TypeError),
        ({"url": "http://127.0.0.1/"}, ValueError),
        ({"key": 5}, TypeError),
    ],
)
def test_a_mistake_in_the_constructor_is_found_there(
    plain_client: Any, options: Any, error: type[Exception]
) -> None:
    """As ValueError or TypeError, before anything is started; the half-made client can be shown."""
    with pytest.raises(error) as caught:
        plain_client(**options)
    trace = caught.value.__traceback__
    assert traceback.TracebackException(error, caught.value, trace, capture_locals=True)


def test_headers_and_a_proxys_password_are_secrets_too(venue: Any, open_client: Any) -> None:
    """A venue that repeats them in an answer does not make an error show them."""
    client = open_client(
        headers={"Authorization": "Bearer a-bearer-4f1d", "X-Desk": "desk-number-7", "X-Key": "k"},
    ).connect()
    hidden = {secret.reveal() for secret in client._delivery.secrets}
    assert hidden == {venue.token, "Bearer a-bearer-4f1d", "a-bearer-4f1d"}
    through = OnyxClient(token="t-oken", url="wss://h/", proxy="http://desk:pass-word@proxy:1")
    through._resolve_credentials()
    assert {secret.reveal() for secret in through._delivery.secrets} == {"t-oken", "pass-word"}
    through.close()
    assert "pass-word" not in repr(vars(through))


def test_clients_share_the_quota_that_they_are_given(open_client: Any) -> None:
    """And that of their host where they are given none."""
    quota = AttemptQuota(rate=1, burst=3)
    for left in (2, 1):
        open_client(quota=quota).connect()
        assert left <= quota.tokens < left + 0.9
    first, second = open_client(), open_client()
    plans = first._session._plan, second._session._plan
    assert plans[0].quota is plans[1].quota is not quota


def test_credentials_come_from_arguments_then_from_the_environment(
    plain_client: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Text, a Secret, or a callable; a missing one is named with its variable, when it connects."""
    for given in ("one-5a7b", Secret("one-5a7b"), lambda: "one-5a7b", lambda: Secret("one-5a7b")):
        found = plain_client(given)._resolve_credentials()
        assert {name: one.reveal() for name, one in found.items()} == {"key": "one-5a7b"}
    monkeypatch.setenv("VENUESDK_NOWHERE_KEY", "two-5a7b")
    monkeypatch.setenv("VENUESDK_NOWHERE_EXTRA", "three-5a7b")
    found = plain_client()._resolve_credentials()
    assert {name: one.reveal() for name, one in found.items()} == {
        "key": "two-5a7b",
        "extra": "three-5a7b",
    }
    monkeypatch.delenv("VENUESDK_NOWHERE_KEY")
    client = plain_client()
    with pytest.raises(ValueError, match="VENUESDK_NOWHERE_KEY"):
        client.connect()
    assert client.state is State.NEW
    client.close()


def test_a_subscription_takes_no_unknown_option(open_client: Any) -> None:
    """A misspelt one is not ignored."""
    with pytest.raises(TypeError, match="on_gaps"):
        open_client().subscribe_server_info(on_gaps=print)


# ---- connecting and closing --------------------------------------------------------------------


def test_a_with_block_connects_and_closes(open_client: Any, venue: Any) -> None:
    """And every thread of the client's has a name, is a daemon, and is gone afterwards."""
    client = open_client()
    with client as entered:
        assert entered is client
        assert client.connected
        assert repr(client) == "<OnyxClient connected>"
        ours = [one for one in threading.enumerate() if one.name.startswith("venuesdk-onyx")]
        assert sorted(one.name for one in ours) == [
            "venuesdk-onyx-dispatch",
            "venuesdk-onyx-reader",
        ]
        assert all(one.daemon for one in ours)
        assert client.connect() is client
    assert client.state is State.CLOSED
    assert not any(one.is_alive() for one in ours)
    assert venue.accepted == 1


def test_a_first_connection_that_fails_leaves_no_thread(plain_client: Any) -> None:
    """Neither a reader nor a dispatch thread: a program may try for a month without a close."""
    client = plain_client("key-71c0")
    changes = states(client)
    for _ in range(3):
        with pytest.raises(ConnectFailed), client:
            raise AssertionError("it was not entered")
        assert not [one for one in threading.enumerate() if one.name.startswith("venuesdk-now")]
    assert [changes.get_nowait().state for _ in range(6)] == [State.CONNECTING, State.NEW] * 3
    client.close()


def test_two_threads_that_connect_at_once_make_one_connection(open_client: Any) -> None:
    """One of them connects; the other is told so, or finds it done."""
    entered, leave = threading.Event(), threading.Event()
    token = open_client()._given["token"]

    def slow_token() -> Any:
        entered.set()
        leave.wait(PATIENCE)
        return token

    client = open_client(token=slow_token)
    first = threading.Thread(target=client.connect)
    first.start()
    assert entered.wait(PATIENCE)
    with pytest.raises(ConnectFailed, match="another thread") as caught:
        client.connect()
    assert caught.value.venue == "onyx"
    leave.set()
    first.join(PATIENCE)
    assert client.connected


def test_a_token_that_raises_or_closes_the_client_fails_the_connect(open_client: Any) -> None:
    """As what it is; the client can be connected again, or is closed."""

    def broken() -> str:
        raise LookupError("no such entry")

    client = open_client(token=broken)
    for _ in range(2):
        with pytest.raises(LookupError):
            client.connect()
        assert client.state is State.NEW
    clients_to_close: list[Any] = []

    def closing() -> str:
        clients_to_close[0].close()
        return "token-18d2"

    clients_to_close.append(open_client(token=closing))
    with pytest.raises(ClientClosed):
        clients_to_close[0].connect()


def test_a_refused_login_fails_until_connect_is_called_again(
    open_client: Any, venue: Any
) -> None:
    """Every call raises the refusal; a later connect may succeed."""
    client = open_client()
    venue.refuse_login()
    with pytest.raises(AuthenticationError):
        client.connect()
    for call in (client.subscribe_server_info, client.wait, lambda: client.request("order")):
        with pytest.raises(AuthenticationError):
            call()
    assert client.state is State.FAILED
    venue.refuse_login(False)
    client.connect()
    assert client.connected


def test_states_are_told_in_order_with_epoch_and_attempt(open_client: Any, venue: Any) -> None:
    """To a handler given at once, and to one added later."""
    changes: SimpleQueue[StateChange] = SimpleQueue()
    client = open_client(on_state=changes.put)
    client.connect()
    venue.drop()
    seen = [changes.get(timeout=PATIENCE) for _ in range(4)]
    assert [(one.state, one.epoch) for one in seen] == [
        (State.CONNECTING, 0),
        (State.CONNECTED, 1),
        (State.RECONNECTING, 1),
        (State.CONNECTED, 2),
    ]
    client.close()
    assert changes.get(timeout=PATIENCE).state is State.CLOSED


def test_wait_ends_at_its_timeout_or_with_a_close(open_client: Any) -> None:
    """False and True."""
    client = open_client().connect()
    assert client.wait(0.01) is False
    timer = threading.Timer(0.02, client.close)
    timer.start()
    assert client.wait() is True
    timer.join()


def test_the_next_connection_can_be_waited_for(open_client: Any, venue: Any) -> None:
    """From any thread, without a callback: the state that there is ends a wait at once."""
    client = open_client()
    assert client.wait_state(State.CONNECTED, timeout=0.01) is False
    client.connect()
    assert client.wait_state(State.CLOSED, State.CONNECTED) is True
    epoch = client.stats().epoch + 1
    assert client.wait_state(State.CONNECTED, timeout=0.01, epoch=epoch) is False
    timer = threading.Timer(0.02, venue.drop)
    timer.start()
    assert client.wait_state(State.CONNECTED, timeout=PATIENCE, epoch=epoch) is True
    assert client.stats().epoch == epoch
    timer.join()
    client.close()
    with pytest.raises(ClientClosed):
        client.wait_state(State.CONNECTED)


@pytest.mark.parametrize("states", [(), ("connected",), (State.NEW, None), ({State.NEW},)])
def test_what_is_no_state_cannot_be_waited_for(open_client: Any, states: Any) -> None:
    """Else it would be waited for for ever."""
    with pytest.raises(TypeError, match="one State, or several"):
        open_client().wait_state(*states)


@pytest.mark.parametrize("epoch", ["2", 2.0, None, True])
def test_what_is_no_number_of_a_connection_cannot_be_waited_for(
    open_client: Any, epoch: Any
) -> None:
    """It is said at once, and not when the state has come."""
    with pytest.raises(TypeError, match="number of a connection"):
        open_client().wait_state(State.CONNECTED, epoch=epoch)


def test_ctrl_c_ends_a_wait(open_client: Any) -> None:
    """At once, and leaves the client connected."""
    client = open_client().connect()
    main = threading.main_thread().ident
    assert main is not None
    timer = threading.Timer(0.05, signal.pthread_kill, (main, signal.SIGINT))
    timer.start()
    with pytest.raises(KeyboardInterrupt):
        client.wait(PATIENCE)
    timer.join()
    assert client.connected


def test_a_signal_handler_may_close_the_client(open_client: Any) -> None:
    """Whatever the main thread is doing with it at that moment."""
    client = open_client().connect()
    before = signal.signal(signal.SIGTERM, lambda number, frame: client.close())
    main = threading.main_thread().ident
    assert main is not None
    try:
        timer = threading.Timer(0.05, signal.pthread_kill, (main, signal.SIGTERM))
        timer.start()
        while client.state is not State.CLOSED:
            client.stats()
        timer.join()
    finally:
        signal.signal(signal.SIGTERM, before)
    assert client.wait(PATIENCE) is True


def test_a_close_with_a_hanging_credential_is_bounded_and_says_so(
    open_client: Any, venue: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """Two seconds at the most; the callable of the user's is the one thing left running."""
    asked, leave = threading.Event(), threading.Event()
    first = [venue.token]

    def token() -> str:
        if first:
            return str(first.pop())
        asked.set()
        leave.wait(2 * PATIENCE)
        return str(venue.token)

    client = open_client(token=token).connect()
    venue.drop()
    assert asked.wait(PATIENCE)
    started = monotonic()
    client.close()
    assert monotonic() - started < 2.5
    assert "credentials are still being asked for" in caplog.text
    alive = [one.name for one in threading.enumerate() if one.name.startswith("venuesdk-onyx")]
    assert alive == ["venuesdk-onyx-credentials"]
    leave.set()


def test_a_close_beside_a_callback_that_does_not_end_names_it(
    open_client: Any, venue: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """Inline, where the reader itself is inside of it; what others wait for ends all the same."""
    entered, leave = threading.Event(), threading.Event()

    def stubborn(value: Any) -> None:
        entered.set()
        leave.wait(2 * PATIENCE)

    client = open_client(delivery="inline").connect()
    client.subscribe_server_info(stubborn)
    venue.tick()
    assert entered.wait(PATIENCE)
    started = monotonic()
    client.close()
    assert monotonic() - started < 2.5
    assert "stubborn" in caplog.text
    leave.set()


# ---- requests ----------------------------------------------------------------------------------


def test_a_request_returns_what_its_decoder_makes_of_the_answer(
    open_client: Any, venue: Any
) -> None:
    """And the venue's no is raised with what was asked."""
    client = open_client().connect()
    reply = client.request("subscribe", {"channel": "server_info"})
    assert reply.message == "subscribed to server_info"
    with pytest.raises(RequestRejected) as caught:
        client.request("order")
    assert caught.value.request == Request("order")
    assert (caught.value.venue, caught.value.outcome_unknown) == ("onyx", False)


@pytest.mark.parametrize("fault", [ProtocolError("no number", frame=b"x"), KeyError("x")])
def test_an_answer_that_cannot_be_decoded_leaves_the_outcome_unknown(
    open_client: Any, fault: Exception
) -> None:
    """The venue said something, and it may have been yes; whoever's fault the decoder is."""

    def decode(payload: bytes) -> None:
        raise fault

    client = open_client().connect()
    with pytest.raises(ProtocolError) as caught:
        client._request(Request("subscribe", {"channel": "dashboards"}), decode)
    assert caught.value.outcome_unknown is True
    assert caught.value.venue == "onyx"
    assert caught.value.frame


def test_a_refusal_inside_an_answer_is_a_refusal(open_client: Any) -> None:
    """A decoder that finds the venue's no raises it, and its word stands."""

    def decode(payload: bytes) -> None:
        raise RequestRejected("inner no")

    client = open_client().connect()
    with pytest.raises(RequestRejected, match="inner no") as caught:
        client._request(Request("subscribe", {"channel": "dashboards"}), decode)
    assert caught.value.outcome_unknown is False


def test_nothing_is_asked_before_connect_or_after_close(open_client: Any) -> None:
    """NotSent, then ClientClosed."""
    client = open_client()
    with pytest.raises(NotSent):
        client.request("order")
    client.close()
    with pytest.raises(ClientClosed):
        client.request("order")
    with pytest.raises(ClientClosed):
        client.connect()


def test_the_timeout_of_a_call_is_the_clients_unless_it_is_given(open_client: Any) -> None:
    """In seconds; zero is one that has come."""
    client = open_client()
    assert client._deadline(None).timeout == PATIENCE
    assert client._deadline(2).timeout == 2
    assert client._deadline(0).expired()


def test_the_http_side_is_closed_with_the_client(plain_client: Any) -> None:
    """Its connection is made when it is first used."""
    client = plain_client("key-71c0", http_url="http://127.0.0.1:1")
    with pytest.raises(ConnectFailed) as caught:
        client._http(HttpRequest("GET", "/x"), Deadline(PATIENCE))
    assert caught.value.venue == "nowhere"
    client.close()
    with pytest.raises(ClientClosed):
        client._http(HttpRequest("GET", "/x"), Deadline(PATIENCE))


def test_an_address_of_its_own_keeps_every_other_option(plain_client: Any) -> None:
    """A venue whose address changes with each connection does not lose its headers."""
    client = plain_client("key-71c0", headers={"X-Desk": "7"}, user_agent="desk/1")
    moved = client._endpoint_at("ws://127.0.0.1:2/other")
    assert (moved.url, dict(moved.headers)) == ("ws://127.0.0.1:2/other", {"X-Desk": "7"})
    assert client._endpoint_at(client._url) is client._endpoint
    client.close()


# ---- deliveries --------------------------------------------------------------------------------


def test_inside_an_inline_callback_every_blocking_call_is_refused_at_once(
    open_client: Any, venue: Any
) -> None:
    """Requests, subscribes, unsubscribes, reads, waits, connects: each would wait for itself."""
    client = open_client(delivery="inline").connect()
    other = client.subscribe_tickers(products=["dub"])
    outcomes: SimpleQueue[Any] = SimpleQueue()
    calls: list[Callable[[], Any]] = [
        lambda: client.request("order"),
        lambda: client.subscribe_dashboards(),
        lambda: client.unsubscribe("server_info"),
        lambda: client._unsubscribe_one(other),
        lambda: client._http(HttpRequest("GET", "/"), Deadline(60)),
        lambda: other.get(60),
        lambda: next(iter(other)),
        lambda: client.wait(60),
        lambda: client.wait_state(State.CLOSED, timeout=60),
        lambda: client.connect(60),
    ]

    def callback(value: Any) -> None:
        started = monotonic()
        for call in calls:
            try:
                call()
            except ReentrantCall as error:
                outcomes.put(error.venue)
        other.close()
        client.close()
        outcomes.put(monotonic() - started)

    client.subscribe_server_info(callback)
    venue.tick()
    assert [outcomes.get(timeout=PATIENCE) for _ in calls] == ["onyx"] * len(calls)
    assert outcomes.get(timeout=PATIENCE) < 0.5


def test_a_pump_loop_drives_a_program(open_client: Any, venue: Any) -> None:
    """Events run in `pump`, which returns how many there were, until the client is closed."""
    client = open_client(delivery="pump").connect()
    seen: list[Any] = []
    client.subscribe_server_info(lambda value: (seen.append(value), client.close()))
    venue.tick()
    while client.state is not State.CLOSED:
        assert client.pump(PATIENCE) >= 0
    assert len(seen) == 1
    with pytest.raises(ValueError, match="pump"):
        open_client().pump()


def test_a_client_tells_where_its_callbacks_run(open_client: Any) -> None:
    """What it was made with; on a thread of its own by default."""
    assert open_client().delivery == "thread"
    for choice in ("pump", "inline", print):
        assert open_client(delivery=choice).delivery is choice


def test_a_stream_is_iterated_in_every_delivery(open_client: Any, venue: Any) -> None:
    """On the thread that iterates; `on_gap` runs there, before the next event."""
    for delivery in ("thread", "inline", "pump", print):
        client = open_client(delivery=delivery).connect()
        told: list[Any] = []
        stream = client.subscribe_server_info(
            on_gap=lambda gap, told=told: told.append((gap.epoch, threading.current_thread()))
        )
        venue.tick()
        assert stream.get(PATIENCE)
        venue.drop()
        while True:
            venue.wait_for(lambda there: there.connections == 1, PATIENCE)
            venue.tick()
            try:
                stream.get(0.05)
                break
            except TimeoutError:
                continue
        assert told == [(2, threading.current_thread())]
        client.close()
        assert list(stream) == []


def test_a_subscription_of_another_client_is_refused(open_client: Any) -> None:
    """Nothing is sent for it."""
    one, other = open_client().connect(), open_client().connect()
    stream = other.subscribe_server_info()
    with pytest.raises(ValueError, match="another client"):
        one._unsubscribe_one(stream)
    assert not stream.closed
    other._unsubscribe_one(stream)
    assert stream.closed


def test_the_topics_of_a_client_are_those_that_somebody_listens_to(open_client: Any) -> None:
    """Whichever way they were begun and ended."""
    client = open_client().connect()
    stream = client.subscribe_server_info()
    client.subscribe_dashboards()
    assert len(client._topics()) == 2
    client.unsubscribe("dashboards")
    stream.close()
    assert client._topics() == []
    assert client.stats().subscriptions == ()


def test_a_venue_that_goes_mute_times_a_call_out_and_a_cut_fails_it_at_once(
    open_client: Any, venue: Any
) -> None:
    """The one at its timeout, the other long before it; both unknown."""
    client = open_client().connect()
    changes = states(client)
    venue.mute()
    started = monotonic()
    with pytest.raises(TimeoutError) as caught:
        client.request("order", timeout=0.1)
    assert 0.1 <= monotonic() - started < 0.6
    assert caught.value.outcome_unknown is True  # type: ignore[attr-defined]
    timer = threading.Timer(0.05, venue.drop)
    timer.start()
    with pytest.raises(ConnectionLost) as lost:
        client.request("order", timeout=60)
    assert lost.value.outcome_unknown is True
    timer.join()
    venue.mute(False)
    wait_for(changes, State.CONNECTED)


def test_an_error_that_nobody_waits_for_goes_to_on_error(open_client: Any, venue: Any) -> None:
    """One given at once, and one added later."""
    first: SimpleQueue[BaseException] = SimpleQueue()
    second: SimpleQueue[BaseException] = SimpleQueue()
    client = open_client(on_error=first.put).connect()
    client.on_error(second.put)
    venue.garbage()
    assert isinstance(first.get(timeout=PATIENCE), ProtocolError)
    assert isinstance(second.get(timeout=PATIENCE), ProtocolError)
    assert client.stats().garbage == 1


def test_every_call_of_a_forked_child_raises_and_the_parent_goes_on(
    open_client: Any, venue: Any
) -> None:
    """Streams, pumps and requests; closing does nothing there."""
    client = open_client(delivery="pump").connect()
    stream = client.subscribe_server_info()
    child = os.fork()
    if child == 0:
        status = 1
        try:
            calls: list[Callable[[], Any]] = [
                lambda: client.request("order"),
                lambda: client.subscribe_dashboards(),
                lambda: stream.get(1),
                lambda: list(stream),
                lambda: client.pump(1),
                lambda: client.wait(1),
                lambda: client.connect(1),
                lambda: client.stats(),
                lambda: client._http(HttpRequest("GET", "/"), Deadline(1)),
            ]
            refused = 0
            for call in calls:
                try:
                    call()
                except ClientClosed:
                    refused += 1
            stream.close()
            client.close()
            status = 0 if refused == len(calls) else 10 + refused
        finally:
            os._exit(status)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    venue.tick()
    assert stream.get(PATIENCE)
    assert venue.accepted == 1


async def _never_awaited(event: object) -> None:
    """Be what somebody who comes from asyncio would give as a callback."""


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"reconnect": 3}, TypeError),
        ({"reconnect": False}, TypeError),
        ({"reconnect": None}, TypeError),
        ({"url": ""}, ValueError),
        ({"http_url": ""}, ValueError),
        ({"http_url": "x"}, ValueError),
        ({"http_url": "http://venue.example/"}, ValueError),
        ({"on_error": _never_awaited}, TypeError),
        ({"on_state": "print"}, TypeError),
    ],
)
def test_a_mistake_is_found_by_the_constructor(
    open_client: Any, options: dict[str, Any], error: type[Exception]
) -> None:
    """A mistaken option is told where it is made, not in the middle of an outage."""
    with pytest.raises(error):
        open_client(**options)


def test_a_coroutine_function_is_no_callback(open_client: Any) -> None:
    """Calling it would do nothing, and every event would be lost."""
    client = open_client().connect()
    with pytest.raises(TypeError, match="nobody would await"):
        client.subscribe_server_info(_never_awaited)
    with pytest.raises(TypeError, match="nobody would await"):
        client.subscribe_server_info(on_gap=_never_awaited)


def test_who_forgot_to_connect_is_told_so(open_client: Any) -> None:
    """The first error of a beginner says what to do."""
    with pytest.raises(NotSent, match=r"call connect\(\) first"):
        open_client().request("x")
