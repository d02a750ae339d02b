"""A dump for a bug report: what is in it, that it never waits, and that no credential is."""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
from collections.abc import Callable
from queue import SimpleQueue
from typing import Any

import pytest

from venuesdk.errors import AuthenticationError, ClientClosed
from venuesdk.secret import Secret
from venuesdk.session import dump as dump_module
from venuesdk.session.dump import MOST_LISTED, dump_of, how_given, text_of_dump
from venuesdk.testing import simulate
from venuesdk.timing import Backoff, monotonic
from venuesdk.venues.onyx import OnyxClient
from venuesdk.wire.endpoint import Endpoint

PATIENCE = 5.0
SOON = 1.0
"""Seconds within which a dump is there whatever happens: the locks take two tenths of them."""


def dump(desk: Any, **options: Any) -> dict[str, Any]:
    """Return the dump of a session on the toy venue."""
    return dump_of(desk.session, "ToyClient", Endpoint(desk.venue.url), "", options, {})


def elsewhere(take: Callable[[], Any]) -> Any:
    """Take a dump on another thread, and return it, if it comes soon."""
    found: SimpleQueue[Any] = SimpleQueue()
    threading.Thread(target=lambda: found.put(take())).start()
    return found.get(timeout=SOON)


def test_it_says_what_the_client_is_about(desk: Any) -> None:
    """Versions, state, connection, counters, streams and the last changes of state."""
    desk.subscribe("a", print)
    desk.ask("echo")
    data = dump(desk)
    assert set(data) == {
        *("taken", "versions", "client", "endpoint", "credentials", "options", "locks"),
        *("connection", "stats", "requests", "subscriptions", "delivery", "threads"),
        *("state_changes", "errors"),
    }
    assert not [name for name, value in data.items() if "cannot be had" in str(value)]
    assert data["versions"]["python"].split()[0] == sys.version.split()[0]
    assert data["client"]["state"] == "connected"
    assert 0.0 <= data["client"]["state_seconds"] < PATIENCE
    assert data["connection"]["epoch"] == 1
    assert data["connection"]["bytes_in"] > 0
    assert data["connection"]["tls_version"] is None
    assert data["stats"]["requests"] == 1
    (stream,) = data["subscriptions"]["listed"]
    assert (stream["topic"], stream["wire"]) == ("a", "active")
    assert (stream["consumer"], stream["queued"]) == ("builtins.print", 0)
    changes = [entry["text"] for entry in data["state_changes"]]
    assert changes[-1] == "connecting -> connected (epoch 1): logged in"


def test_it_is_plain_values_and_text_that_says_the_same(desk: Any) -> None:
    """It can be written as JSON; each name of the one stands in the other."""
    data = json.loads(json.dumps(dump(desk)))
    text = text_of_dump(data)
    for name in data:
        assert f"\n  {name}:" in text
    assert "      state: connected" not in text
    assert "    state: connected\n" in text
    assert "venuesdk-toy-reader" in text


def test_it_lists_requests_that_wait_with_their_age(desk: Any) -> None:
    """By id and method, and the thread that waits, with where it stands."""
    outcome: SimpleQueue[Any] = SimpleQueue()

    def call() -> None:
        try:
            desk.ask("mute", timeout=PATIENCE)
        except ClientClosed as error:
            outcome.put(error)

    caller = threading.Thread(target=call, name="caller-of-mute")
    caller.start()
    desk.venue.request("mute")
    data = dump(desk)
    (waiting,) = data["requests"]["listed"]
    assert (waiting["id"], waiting["method"]) == (1, "mute")
    assert 0.0 <= waiting["age_seconds"] < PATIENCE
    (one,) = [thread for thread in data["threads"] if thread["name"] == "caller-of-mute"]
    assert one["role"] == "is inside the SDK"
    assert any("asking.py" in line for line in one["stack"])
    desk.close()
    outcome.get(timeout=PATIENCE)
    caller.join(PATIENCE)


def test_it_names_the_callback_that_keeps_the_others_waiting(desk: Any) -> None:
    """For how long, what waits behind it, and where its thread is: by line, without a variable."""
    inside, release = threading.Event(), threading.Event()

    def stubborn(value: Any) -> None:
        secret_local = "shown-to-nobody"
        inside.set()
        assert release.wait(PATIENCE), secret_local

    desk.subscribe("a", stubborn)
    desk.venue.push("a", 1, 2, 3)
    assert inside.wait(PATIENCE)
    desk.ask("echo")
    data = dump(desk)
    release.set()
    assert data["delivery"]["kind"] == "ThreadDelivery"
    assert data["delivery"]["running"].endswith("stubborn")
    assert 0.0 <= data["delivery"]["running_seconds"] < PATIENCE
    assert data["delivery"]["items_waiting"] >= 1
    (runner,) = [one for one in data["threads"] if "runs its callbacks" in one["role"]]
    assert runner["name"] == "venuesdk-toy-dispatch"
    assert any(__file__ in line and "stubborn" in line for line in runner["stack"])
    assert "shown-to-nobody" not in str(data)


def test_a_posted_function_that_does_not_run_is_shown(open_desk: Any) -> None:
    """With the name of `post`, and since when."""
    posted: SimpleQueue[Any] = SimpleQueue()
    desk = open_desk(delivery=posted.put).connect()
    function = posted.get(timeout=PATIENCE)
    delivery = dump(desk)["delivery"]
    assert delivery["post"] == "SimpleQueue.put"
    assert 0.0 <= delivery["posted_seconds"] < PATIENCE
    function()


def test_it_does_not_wait_for_a_thread_that_is_stuck_with_a_lock(
    desk: Any, hold: Callable[[Any], None]
) -> None:
    """It says who has which lock, and all the rest as if it were free."""
    desk.subscribe("a", print)
    hold(desk.session.standing.lock)
    hold(desk.delivery.lock)
    data = elsewhere(lambda: dump(desk))
    held = "held by stuck-thread for at least 0.1 s"
    assert data["locks"] == {"session": held, "delivery": held}
    assert data["subscriptions"]["count"] == 1
    assert data["stats"]["state"] == "connected"
    roles = [one["role"] for one in data["threads"] if one["name"] == "stuck-thread"]
    assert sorted(roles) == ["has the delivery lock", "has the session lock"]


@pytest.mark.skipif(not hasattr(signal, "SIGUSR1"), reason="there are no such signals")
def test_a_signal_handler_may_take_it_whatever_it_interrupts(desk: Any) -> None:
    """A request, a subscribe, a close of a stream, and the list of threads."""
    dumps: list[Any] = []
    done = threading.Event()
    before = signal.signal(signal.SIGUSR1, lambda *_: dumps.append(dump(desk)))

    def interrupt() -> None:
        while not done.wait(0.002):
            signal.pthread_kill(threading.main_thread().ident, signal.SIGUSR1)

    pest = threading.Thread(target=interrupt)
    pest.start()
    try:
        end = monotonic() + 0.3
        while monotonic() < end or len(dumps) < 20:
            desk.ask("echo")
            desk.subscribe("a", print).close()
            threading.enumerate()
    finally:
        done.set()
        pest.join(PATIENCE)
        signal.signal(signal.SIGUSR1, before)
    assert not [one for one in dumps if "cannot be had" in str(one)]
    assert {one["client"]["state"] for one in dumps} == {"connected"}


def test_it_is_there_of_a_client_in_every_state(open_desk: Any, login_codec: Any) -> None:
    """Before it is connected, when the login was refused, and after the close."""
    tokens = ["let-me-in-5d1c"]
    desk = open_desk(codec=login_codec, credentials=lambda: {"token": Secret(tokens[0])})
    assert dump(desk)["client"]["state"] == "new"
    assert dump(desk)["connection"] is None
    desk.connect()
    tokens[0] = "wrong-one-77aa"
    desk.venue.cut()
    assert isinstance(desk.error(), AuthenticationError)
    failed = dump(desk)
    assert failed["client"]["state"] == "failed"
    assert any(entry["text"].startswith("AuthenticationError") for entry in failed["errors"])
    desk.close()
    closed = dump(desk)
    assert closed["client"]["state"] == "closed"
    assert "cannot be had" not in str(closed)
    own = [one for one in closed["threads"] if one["role"].startswith("the client's own")]
    assert {one["role"] for one in own} == {"the client's own, not running"}


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system cannot fork")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_forked_child_can_dump_what_it_inherited(desk: Any, hold: Any) -> None:
    """Though a lock is held there for ever, by a thread that is not there."""
    hold(desk.session.standing.lock)
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:  # pragma: no cover
        try:
            os.write(writing, json.dumps(dump(desk)).encode())
        finally:
            os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as pipe:
        data = json.loads(pipe.read())
    os.waitpid(child, 0)
    assert data["client"]["forked"] is True
    assert data["locks"]["session"].startswith("held by ")
    assert "cannot be had" not in str(data)


def test_what_fails_is_said_in_its_place(desk: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """The rest is there all the same."""

    def fail(session: Any) -> None:
        raise KeyError("a bug of ours")

    monkeypatch.setattr(dump_module, "_connection", fail)
    data = dump(desk)
    assert data["connection"] == "cannot be had: KeyError: 'a bug of ours'"
    assert data["client"]["state"] == "connected"


def test_of_very_many_streams_the_first_are_listed(desk: Any) -> None:
    """And all of them counted."""
    for number in range(MOST_LISTED + 5):
        desk.subscribe(f"t{number}", print)
    streams = dump(desk)["subscriptions"]
    assert streams["count"] == MOST_LISTED + 5
    assert len(streams["listed"]) == MOST_LISTED


def test_options_are_shown_without_what_may_be_a_credential(desk: Any) -> None:
    """Headers by name, URLs without a query, functions by name, the rest as it is."""
    options = dump(
        desk,
        url="wss://venue.example/ws?key=k-5d1c",
        headers={"X-Api-Key": "k-5d1c", "X-Desk": "7"},
        on_state=print,
        reconnect=Backoff(initial=0.1),
        timeout=3.5,
        ssl_context=object(),
        delivery="thread",
    )["options"]
    assert options["url"] == "wss://venue.example/ws?…"
    assert options["headers"] == ["X-Api-Key", "X-Desk"]
    assert (options["on_state"], options["timeout"]) == ("builtins.print", 3.5)
    assert options["reconnect"].startswith("Backoff(initial=0.1")
    assert (options["ssl_context"], options["delivery"]) == ("object", "thread")
    assert "k-5d1c" not in str(options)


def test_a_credential_is_shown_by_where_it_comes_from(monkeypatch: pytest.MonkeyPatch) -> None:
    """Given, asked for, in the environment, or missing."""
    monkeypatch.setenv("VENUESDK_TOY_TOKEN", "k-5d1c")
    assert how_given(Secret("k-5d1c"), "VENUESDK_TOY_TOKEN") == "given"
    assert how_given(input, "VENUESDK_TOY_TOKEN") == "asked of builtins.input"
    assert how_given(None, "VENUESDK_TOY_TOKEN") == "environment VENUESDK_TOY_TOKEN"
    assert how_given(None, "VENUESDK_TOY_KEY") == "missing"


def test_no_credential_is_in_it_wherever_one_was_put(canaries: Any, tls: Any) -> None:
    """In the query of the URL, in a header, and in the error and the name of a callback."""

    def fails(event: Any) -> None:
        raise KeyError(f"the desk's own fault with {canaries.token}")

    fails.__qualname__ = f"made_for_{canaries.token}"
    told = threading.Event()
    with simulate("onyx", interval=None, token=canaries.token, tls=tls.server_context) as venue:
        client = OnyxClient(
            url=f"{venue.url}?key={canaries.api_key}",
            token=canaries.token,
            ca_file=tls.ca_file,
            headers={"X-Api-Secret": canaries.api_secret},
            on_error=lambda error: told.set(),
        )
        never = client.dump()
        with client:
            client.subscribe_tickers(fails, products=["ebob"])
            venue.tick()
            assert told.wait(PATIENCE)
            open_dump, data = client.dump(), client.dump_data()
        closed = client.dump()
    for text in (never, open_dump, closed, str(data)):
        assert canaries.found_in(text) == []
    assert "********" in data["errors"][-1]["text"]
    assert data["subscriptions"]["listed"][0]["consumer"].endswith("made_for_********")
    assert data["credentials"] == {"token": "given"}
    assert data["connection"]["tls_version"] in ("TLSv1.2", "TLSv1.3")
    assert data["connection"]["tls_cipher"]
    assert "X-Api-Secret" in open_dump
