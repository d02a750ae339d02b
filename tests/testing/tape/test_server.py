"""Playing a tape as a venue on loopback."""

from __future__ import annotations

import math
import urllib.error
import urllib.request
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus

from venuesdk.errors import ConnectionLost
from venuesdk.models import Gap, GapReason
from venuesdk.testing.tape import Kind, Recorder, TapeHeader, read_tape, serve_tape
from venuesdk.testing.tape.entries import FORMAT, write_entry
from venuesdk.testing.tape.file import TapeFile
from venuesdk.timing import monotonic

WAIT = 5.0
INFO = '{"id":"x","method":"subscribe","channel":"server_info"}'


@pytest.mark.parametrize("speed", [math.inf, 20.0])
def test_every_venue_is_served_with_the_same_typed_events(
    stage: Any, venue: str, program: Any, speed: float
) -> None:
    """A client of the served tape gets what the recorded one got from the venue."""
    tape, recorded = stage.record(venue)
    with serve_tape(tape, speed) as served, stage.client(served) as client:
        assert program(client) == recorded
        assert served.surprises == []
        assert 0 < served.progress[0] <= served.progress[1]


def info(stage: Any, count: int = 3) -> Any:
    """Record some server info of Onyx."""
    tape, _ = stage.record(
        "onyx", lambda client: list(islice(client.subscribe_server_info(), count))
    )
    return tape


def test_another_librarys_client_is_answered_with_its_own_ids(stage: Any, dial: Any) -> None:
    """Whatever its ids and credentials are; not a character else differs from the tape."""
    tape = info(stage)
    sent = [one.text for one in tape if '"server_info","message"' in one.text]
    with serve_tape(tape, math.inf) as served:
        peer = dial(served.url)
        login = {"token": "whoever", "id": "mine", "method": "auth"}
        assert peer.ask(login)["id"] == "mine"
        assert peer.ask(INFO)["id"] == "x"
        assert [peer.hear_text() for _ in sent] == sent


@pytest.mark.parametrize(
    "frame",
    [
        {"id": "msg:1", "method": "subscribe", "channel": "dashboards"},
        {"id": "msg:1", "method": "auth", "token": "a", "more": 1},
        "ping",
    ],
)
def test_a_frame_that_the_tape_does_not_know_is_refused(stage: Any, dial: Any, frame: Any) -> None:
    """With code 1008 and a reason; nothing is invented, and the surprise is kept."""
    with serve_tape(info(stage), math.inf) as served:
        peer = dial(served.url)
        peer.tell(frame)
        with pytest.raises(ConnectionClosed) as caught:
            peer.hear(WAIT)
        assert caught.value.rcvd is not None
        assert (caught.value.rcvd.code, caught.value.rcvd.reason) == (
            1008,
            "the tape does not know this frame",
        )
        assert len(served.surprises) == 1


def test_a_frame_is_answered_as_often_as_it_was(stage: Any, dial: Any) -> None:
    """The second of two is one too many where the tape has one."""
    with serve_tape(info(stage), math.inf) as served:
        peer = dial(served.url)
        login = {"id": "a", "method": "auth", "token": "t"}
        peer.ask(login)
        peer.tell(login)
        with pytest.raises(ConnectionClosed):
            peer.hear(WAIT)
        assert served.surprises == ['{"id": "a", "method": "auth", "token": "********"}']


def test_each_connection_is_played_once(stage: Any, dial: Any) -> None:
    """A further one is refused in the handshake, and so is another path."""
    with serve_tape(info(stage)) as served:
        with pytest.raises(InvalidStatus) as wrong:
            dial(f"{served.url}/elsewhere")
        assert wrong.value.response.status_code == 404
        dial(served.url)
        with pytest.raises(InvalidStatus) as caught:
            dial(served.url)
        assert caught.value.response.status_code == 503
        assert served.surprises == []


def test_the_pace_is_that_of_the_recording(stage: Any, dial: Any) -> None:
    """From the moment of the subscribe on, whenever that comes."""
    tape = info(stage, 31)
    came = [one.monotonic for one in tape if '"server_info","message":{' in one.text]
    for speed in (3.0, math.inf):
        with serve_tape(tape, speed) as served:
            peer = dial(served.url)
            peer.ask({"id": "a", "method": "auth", "token": "t"})
            began = monotonic()
            peer.ask(INFO)
            for _ in range(31):
                peer.hear()
            took = monotonic() - began
        recorded = came[30] - came[0]
        assert recorded / speed * 0.9 <= took < recorded


def test_the_venue_ends_connections_as_it_did(stage: Any) -> None:
    """With its code; the client comes again, and goes on with the next connection of the tape."""

    def follow(client: Any, end: Any) -> tuple[list[Any], list[Gap]]:
        gaps: list[Gap] = []
        quotes = client.subscribe_quotes("BTC_USD", on_gap=gaps.append)
        events = [quotes.get(WAIT)]
        end()
        while not gaps:
            quotes.get(WAIT)
        return [*events, *islice(quotes, 2)], gaps

    path = stage.path()
    sim = stage.venue("fuze")
    client = stage.client(sim)
    with Recorder(client, path), client:
        recorded = follow(client, lambda: sim.close_with(4001, "maintenance"))
    with serve_tape(read_tape(path), math.inf) as served:
        changes: list[Any] = []
        with stage.client(served, on_state=changes.append) as client:
            assert follow(client, lambda: None) == recorded
        errors = [change.error for change in changes if change.error]
    assert isinstance(errors[0], ConnectionLost)
    assert (errors[0].code, errors[0].reason) == (4001, "maintenance")
    assert recorded[1][0].reason is GapReason.RECONNECTED


@pytest.mark.parametrize(("code", "played"), [("1001", 1001), ("1005", None), ("null", None)])
def test_what_came_before_an_end_is_said_before_it(
    tmp_path: Path, dial: Any, code: str, played: int | None
) -> None:
    """Also where it is no close frame: none came, or the code says that (RFC 6455, 7.4.1)."""
    file = TapeFile(tmp_path / "x.tape")
    file.begin(TapeHeader(FORMAT, "onyx", "1", 0.0))
    file.write(write_entry(1, Kind.OPENED, 1.0, 1.0, 1, "ws://h/p"))
    for number in range(2, 202):
        file.write(write_entry(number, Kind.IN, 1.0, 1.0, 1, f"{number} {'x' * 500}"))
    file.write(write_entry(202, Kind.ENDED, 2.0, 2.0, 1, "", f',"here":false,"code":{code}'))
    file.finish(202)
    with serve_tape(read_tape(file.path), math.inf) as served:
        peer = dial(served.url)
        heard = [int(peer.hear_text().split()[0]) for _ in range(200)]
        with pytest.raises(ConnectionClosed) as caught:
            peer.hear(WAIT)
    assert heard == list(range(2, 202))
    assert (caught.value.rcvd and caught.value.rcvd.code) == played


def test_http_is_served_from_the_tape_too(stage: Any) -> None:
    """The recorded answers, refusals included; what the tape lacks is a 501 and a surprise."""
    tape, answers = stage.record("infinex", stage.ask_over_http, route="http")
    with serve_tape(tape) as served:
        assert stage.ask_over_http(stage.client(served, route="http")) == answers
        with pytest.raises(urllib.error.HTTPError) as caught:
            urllib.request.urlopen(f"{served.http_url}/elsewhere", timeout=WAIT)
        caught.value.close()
        assert caught.value.code == 501
        assert served.surprises == ["GET /elsewhere"]


def test_a_tape_without_http_serves_none(stage: Any) -> None:
    """Nothing is invented there either."""
    with serve_tape(info(stage)) as served:
        assert served.http_url is None
        assert served.url.endswith("/stream/v1")


@pytest.mark.parametrize("speed", [0, -1.0, math.nan, "fast", True])
def test_a_speed_that_is_none_is_refused(stage: Any, speed: Any) -> None:
    """Before anything is served."""
    tape = info(stage)
    with pytest.raises(ValueError, match="a speed is"):
        serve_tape(tape, speed)
