"""Playing a tape into a client without a socket."""

from __future__ import annotations

import math
import threading
from itertools import islice
from queue import SimpleQueue
from typing import Any

import pytest

from venuesdk.client import clients
from venuesdk.errors import AuthenticationError, ConnectFailed, ConnectionLost
from venuesdk.models import Gap, GapReason
from venuesdk.testing.tape import Recorder, read_tape, replay_into, replayed
from venuesdk.timing import Backoff, monotonic
from venuesdk.venues.fuze import FuzeClient
from venuesdk.venues.infinex import InfinexClient
from venuesdk.venues.onyx import OnyxClient

WAIT = 5.0


@pytest.mark.parametrize("speed", [math.inf, 20.0])
def test_every_venue_is_played_with_the_same_typed_events(
    stage: Any, venue: str, program: Any, speed: float
) -> None:
    """What the program got from the venue it gets from the tape, value by value."""
    tape, recorded = stage.record(venue)
    with replayed(tape, clients()[venue], speed=speed) as client:
        assert program(client) == recorded


def test_the_gap_of_a_reconnect_is_played(stage: Any) -> None:
    """The connection ends where it did, the client comes again, and is told what it was told."""
    sims: list[Any] = []

    def follow(client: Any) -> tuple[list[Any], list[Gap]]:
        gaps: list[Gap] = []
        quotes = client.subscribe_quotes("BTC_USD", on_gap=gaps.append)
        events = [quotes.get(WAIT), quotes.get(WAIT)]
        if sims:
            sims.pop().drop()
        while not gaps:
            events.append(quotes.get(WAIT))
        return [events[0], *islice(quotes, 2)], gaps

    path = stage.path()
    sims.append(stage.venue("fuze"))
    client = stage.client(sims[0])
    with Recorder(client, path), client:
        recorded, gaps = follow(client)
    with replayed(read_tape(path), FuzeClient, speed=math.inf) as client:
        events, again = follow(client)
        assert client.stats().epoch == 2
    assert (events, again) == (recorded, gaps)
    assert [gap.reason for gap in gaps] == [GapReason.RECONNECTED]


def test_the_pace_is_that_of_the_recording(stage: Any) -> None:
    """Ten times as fast takes a tenth of the time; at once takes none of it."""
    tape, _ = stage.record("onyx", lambda client: list(islice(client.subscribe_server_info(), 31)))
    came = [entry.monotonic for entry in tape if '"server_info","message":{' in entry.text]
    recorded = came[30] - came[0]
    for speed in (3.0, math.inf):
        with replayed(tape, OnyxClient, speed=speed) as client:
            events = iter(client.subscribe_server_info())
            next(events)
            began = monotonic()
            list(islice(events, 30))
            took = monotonic() - began
        assert recorded / speed * 0.9 <= took < recorded


def test_callbacks_are_called_as_by_the_venue(stage: Any) -> None:
    """A typed event for each on the tape, whoever runs the callbacks."""
    tape, recorded = stage.record(
        "onyx", lambda client: list(islice(client.subscribe_server_info(), 5))
    )
    for delivery in ("thread", "inline"):
        events: SimpleQueue[Any] = SimpleQueue()
        with replayed(tape, OnyxClient, speed=math.inf, delivery=delivery) as client:
            client.subscribe_server_info(events.put)
            assert [events.get(timeout=WAIT) for _ in range(5)] == recorded


def test_a_frame_that_the_tape_does_not_know_ends_the_connection(stage: Any) -> None:
    """Its caller is told so; the player keeps what it was, and not a credential of it."""
    tape, _ = stage.record("onyx")
    client = OnyxClient(token="another", reconnect=Backoff(initial=0.01))
    player = replay_into(client, tape, math.inf)
    with client, pytest.raises(ConnectionLost, match="does not know this frame") as caught:
        client.request("order", {"api_key": "x" * 20})
    assert caught.value.code == 1008
    played, total = player.progress
    assert played <= total
    assert player.surprises == ['{"id": "msg:2", "method": "order", "api_key": "********"}']


def test_a_heartbeat_need_not_be_on_the_tape(stage: Any, venue: str) -> None:
    """A client that hears nothing asks for a sign of life, at its own pace; its user's ping is a
    request like any other."""
    tape, _ = stage.record(venue, lambda client: None)
    with replayed(tape, clients()[venue], speed=math.inf) as client:
        connection = client._session.standing.link.connection
        connection.last_received = 0.0
        client._session.beat(client._session.standing.link)
        assert connection.last_received > 0.0
        assert not connection.closed
        if venue == "infinex":
            with pytest.raises(ConnectionLost, match="does not know this frame"):
                client.ping()


def test_a_login_that_was_refused_is_refused_again(stage: Any) -> None:
    """With the error that it had."""
    path = stage.path()
    sim = stage.venue("onyx")
    sim.refuse_login()
    client = stage.client(sim)
    with Recorder(client, path), pytest.raises(AuthenticationError) as first:
        client.connect()
    with pytest.raises(AuthenticationError) as again, replayed(read_tape(path), OnyxClient):
        pass
    assert str(again.value) == str(first.value)


def test_http_is_played_too(stage: Any) -> None:
    """Infinex's other route, the refusals included; what the tape lacks is a failed connection."""
    tape, answers = stage.record("infinex", stage.ask_over_http, route="http")
    with replayed(tape, InfinexClient, route="http") as client:
        assert stage.ask_over_http(client) == answers
        with pytest.raises(ConnectFailed, match="does not know"):
            client.networks("USDT")


def test_what_is_played_can_be_recorded(stage: Any) -> None:
    """A copy of a tape has the same frames, at the pace that they were played at."""
    tape, _ = stage.record("onyx", lambda client: list(islice(client.subscribe_server_info(), 3)))
    client = OnyxClient(token="t" * 20)
    replay_into(client, tape, math.inf)
    path = stage.path()
    with Recorder(client, path), client:
        list(islice(client.subscribe_server_info(), 3))
    wanted = [(one.kind, one.text) for one in tape if one.frame == "text" and one.text][1:6]
    found = [(one.kind, one.text) for one in read_tape(path) if one.text][1:6]
    assert found == wanted


def test_it_is_told_at_once_what_cannot_be_played(stage: Any) -> None:
    """Another venue's tape, a speed that is none, a client that was connected before."""
    tape, _ = stage.record("onyx", lambda client: None)
    with pytest.raises(ValueError, match="a tape of onyx for fuze"), replayed(tape, FuzeClient):
        pass
    for speed in (0, -1, math.nan, True, "1"):
        with pytest.raises(ValueError, match="a speed is"):
            replay_into(OnyxClient(token="t"), tape, speed)  # type: ignore[arg-type]
    with stage.client(stage.venue("onyx")) as client, pytest.raises(ValueError, match="before"):
        replay_into(client, tape)


def test_a_client_of_a_tape_is_closed_like_any_other(stage: Any) -> None:
    """Also while its tape is silent: at once, and whoever waits for an event is told."""
    tape, _ = stage.record("onyx", lambda client: list(islice(client.subscribe_server_info(), 1)))
    with replayed(tape, OnyxClient, speed=math.inf) as client:
        events = client.subscribe_server_info()
        list(islice(events, 1))
        closer = threading.Timer(0.05, client.close)
        closer.start()
        began = monotonic()
        list(events)
        assert monotonic() - began < 1.0
        closer.join()
