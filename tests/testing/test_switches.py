"""What a venue does wrong when it is told to, as a client sees it."""

from __future__ import annotations

import json
import socket
import urllib.request
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed, ConnectionClosedError, InvalidStatus

from venuesdk.testing.switches import FAULTS

SILENCE = 0.1


def test_every_fault_is_a_method_of_every_venue(echo: Any) -> None:
    """What is listed can be called, and the list is sorted."""
    assert list(FAULTS) == sorted(FAULTS)
    assert {
        "drop", "mute", "half_open", "slow", "reorder", "garbage", "flood", "refuse_login",
        "close_with", "refuse_connections",
    } == set(FAULTS)  # fmt: skip
    assert all(callable(getattr(echo, name)) for name in echo.faults)


def test_dropping_cuts_without_a_close_frame(echo: Any, dial: Any) -> None:
    """Every connection ends at once, without a closing handshake; new ones are welcome."""
    peers = [dial(echo.url), dial(echo.url)]
    echo.drop()
    assert echo.connections == 0
    for peer in peers:
        with pytest.raises(ConnectionClosedError) as caught:
            peer.hear()
        assert caught.value.rcvd is None
    assert echo.wait_for(lambda venue: sorted(venue.ended) == [1, 2])
    assert dial(echo.url).ask("again") == {"echo": "again"}


def test_dropping_cuts_a_client_that_does_not_read(echo: Any, dial: Any) -> None:
    """A connection whose buffers are full is cut too."""
    dial(echo.url)
    echo.push("x" * 16_000_000)
    echo.drop()
    assert echo.wait_for(lambda venue: venue.ended == [1])


def test_a_muted_venue_reads_and_says_nothing(echo: Any, dial: Any) -> None:
    """No response, no event, no pong; and what was not said is lost."""
    peer = dial(echo.url)
    peer.ask("count")
    echo.mute()
    peer.tell("into the void")
    pong = peer.socket.ping()
    assert echo.wait_for(lambda venue: (1, "into the void") in venue.received)
    echo.tick()
    assert not pong.wait(SILENCE)
    with pytest.raises(TimeoutError):
        peer.hear(SILENCE)
    echo.mute(on=False)
    assert peer.ask("back") == {"echo": "back"}


def test_a_muted_venue_upgrades_nobody(echo: Any, dial: Any) -> None:
    """Who comes while the venue is mute waits in vain, and is not counted."""
    echo.mute()
    with pytest.raises(TimeoutError):
        dial(echo.url, open_timeout=SILENCE)
    assert echo.accepted == 0


@pytest.mark.usefixtures("no_system_proxy")
def test_muting_spares_the_http_side_unless_told(echo: Any) -> None:
    """HTTP lives on; with `http` its requests end without an answer."""
    url = f"{echo.http_url}/x"
    echo.mute()
    with urllib.request.urlopen(url, timeout=5.0) as response:
        assert json.loads(response.read())["path"] == "/x"
    echo.mute(http=True)
    with pytest.raises((TimeoutError, OSError)):
        urllib.request.urlopen(url, timeout=SILENCE)
    assert len(echo.http_received) == 2
    echo.mute(on=False)
    with urllib.request.urlopen(url, timeout=5.0) as response:
        assert response.status == 200


def test_a_half_open_venue_reads_nothing_and_loses_nothing(echo: Any, dial: Any) -> None:
    """As on a dead link nothing moves, either way; when it heals, everything comes."""
    peer = dial(echo.url)
    peer.ask("count")
    echo.half_open()
    peer.tell("stuck")
    echo.tick()
    with pytest.raises(TimeoutError):
        peer.hear(SILENCE)
    assert (1, "stuck") not in echo.received
    assert echo.connections == 1
    echo.half_open(on=False)
    heard = [peer.hear(), peer.hear()]
    assert {"count": 1} in heard
    assert {"echo": "stuck"} in heard


def test_a_half_open_venue_fills_the_senders_buffers(echo: Any) -> None:
    """A client that keeps sending finds, in the end, that nobody takes its bytes."""
    with socket.create_connection(("127.0.0.1", echo.port), 5.0) as client:
        client.sendall(
            b"GET /echo HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
        )
        assert echo.wait_for(lambda venue: venue.connections == 1)
        echo.half_open()
        client.settimeout(SILENCE)
        with pytest.raises(TimeoutError):
            for _ in range(1000):
                client.sendall(bytes(100_000))


def test_a_slow_venue_waits_before_every_frame(echo: Any, dial: Any) -> None:
    """Frames come one at a time, no sooner than the delay; 0 ends it."""
    peer = dial(echo.url)
    peer.ask("count")
    echo.slow(0.15)
    echo.tick(2)
    with pytest.raises(TimeoutError):
        peer.hear(0.05)
    assert peer.hear() == {"count": 1}
    with pytest.raises(TimeoutError):
        peer.hear(0.05)
    assert peer.hear() == {"count": 2}
    echo.slow(0)
    assert peer.ask("quick") == {"echo": "quick"}


def test_reordering_reverses_responses(echo: Any, dial: Any) -> None:
    """By default two responses change places; 0 ends it."""
    peer = dial(echo.url)
    echo.reorder()
    peer.tell("first")
    peer.tell("second")
    assert [peer.hear()["echo"], peer.hear()["echo"]] == ["second", "first"]
    echo.reorder(0)
    peer.tell("first")
    peer.tell("second")
    assert [peer.hear()["echo"], peer.hear()["echo"]] == ["first", "second"]


def test_reordering_holds_for_connections_that_come_later(echo: Any, dial: Any) -> None:
    """A client that reconnects finds the venue as it left it."""
    echo.reorder(2)
    peer = dial(echo.url)
    peer.tell("first")
    peer.tell("second")
    assert [peer.hear()["echo"], peer.hear()["echo"]] == ["second", "first"]


def test_garbage_is_one_frame_that_nobody_can_decode(echo: Any, dial: Any) -> None:
    """It reaches every connection, is no JSON, and the conversation goes on."""
    peers = [dial(echo.url), dial(echo.url)]
    echo.garbage()
    for peer in peers:
        with pytest.raises(ValueError):
            peer.hear()
        assert peer.ask("fine") == {"echo": "fine"}
    echo.garbage("\x00?")
    assert peers[0].hear_text() == "\x00?"


def test_pushed_text_is_sent_as_it_is(echo: Any, dial: Any) -> None:
    """A test may say anything to all clients."""
    peer = dial(echo.url)
    echo.push('{"any": "thing"}')
    assert peer.hear_text() == '{"any": "thing"}'


def test_a_flood_is_that_many_events_for_every_subscriber(echo: Any, dial: Any) -> None:
    """Each subscriber gets exactly the count, each event a new one; others get none."""
    subscribers, other = [dial(echo.url), dial(echo.url)], dial(echo.url)
    for peer in subscribers:
        peer.ask("count")
    echo.flood(500)
    for peer in subscribers:
        assert [peer.hear()["count"] for _ in range(500)] == list(range(1, 501))
        assert peer.ask("done") == {"echo": "done"}
    assert other.ask("quiet here") == {"echo": "quiet here"}


def test_a_close_frame_carries_code_and_reason(echo: Any, dial: Any) -> None:
    """Clients see the code that the test asked for."""
    peer = dial(echo.url)
    echo.close_with(1012, "service restart")
    assert echo.connections == 0
    with pytest.raises(ConnectionClosed) as caught:
        peer.hear()
    assert (caught.value.rcvd.code, caught.value.rcvd.reason) == (1012, "service restart")


@pytest.mark.parametrize("code", [-1, 0, 999, 1004, 1005, 1006, 1015, 1016, 2999, 5000, 65536])
def test_a_code_that_no_close_frame_may_have_is_refused(echo: Any, dial: Any, code: int) -> None:
    """RFC 6455 reserves some codes and leaves some out: none is sent, the connection lives on."""
    peer = dial(echo.url)
    with pytest.raises(ValueError, match=f"{code} cannot stand in a close frame"):
        echo.close_with(code)
    assert peer.ask("still here") == {"echo": "still here"}


def test_the_reason_of_a_close_frame_has_its_room(echo: Any, dial: Any) -> None:
    """A control frame has room for 123 bytes of it, of UTF-8 and not of characters."""
    peer = dial(echo.url)
    with pytest.raises(ValueError, match="at most 123 bytes"):
        echo.close_with(4000, "\u00e9" * 62)
    echo.close_with(4000, "\u00e9" * 61)
    with pytest.raises(ConnectionClosed) as caught:
        peer.hear()
    assert caught.value.rcvd.reason == "\u00e9" * 61


def test_the_socket_can_be_taken_away(echo: Any, dial: Any) -> None:
    """Connections are cut, new ones refused with a status of choice, until it is undone."""
    peer = dial(echo.url)
    echo.refuse_connections(status=429, retry_after=3)
    with pytest.raises(ConnectionClosed):
        peer.hear()
    with pytest.raises(InvalidStatus) as caught:
        dial(echo.url)
    assert caught.value.response.status_code == 429
    assert caught.value.response.headers["Retry-After"] == "3"
    echo.refuse_connections(on=False)
    assert dial(echo.url).ask("back") == {"echo": "back"}
    assert echo.accepted == 2


def test_a_refused_connection_is_503_by_default(echo: Any, dial: Any) -> None:
    """An unavailable service says 503, and no more than it was told to."""
    echo.refuse_connections()
    with pytest.raises(InvalidStatus) as caught:
        dial(echo.url)
    assert caught.value.response.status_code == 503
    assert "Retry-After" not in caught.value.response.headers


def test_refusing_logins_is_for_the_venue_to_obey(echo: Any) -> None:
    """The switch is what a venue asks at its login."""
    assert not echo.login_refused
    echo.refuse_login()
    assert echo.login_refused
    echo.refuse_login(on=False)
    assert not echo.login_refused


def test_a_fault_can_be_named_and_its_arguments_be_text(echo: Any, dial: Any) -> None:
    """A shell has only words: they are read as what the switch takes."""
    peer = dial(echo.url)
    peer.ask("count")
    echo.fault("flood", "2")
    assert [peer.hear()["count"], peer.hear()["count"]] == [1, 2]
    echo.fault("garbage", "123")
    assert peer.hear_text() == "123"
    echo.fault("mute", "on")
    echo.fault("mute", "off")
    echo.fault("slow", "0.001")
    echo.fault("slow", 0)
    echo.fault("close_with", "4000", "bye")
    with pytest.raises(ConnectionClosed) as caught:
        peer.hear()
    assert (caught.value.rcvd.code, caught.value.rcvd.reason) == (4000, "bye")


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (("explode",), "no fault 'explode'; there are close_with, drop"),
        (("close",), "no fault 'close'"),
        (("mute", "perhaps"), "neither on nor off"),
        (("flood", "many"), "many"),
        (("drop", "1"), "at most 0 arguments"),
        (("slow", "-1"), "negative"),
        (("slow",), "slow needs its argument 'seconds'"),
        (("close_with",), "close_with needs its argument 'code'"),
        (("close_with", "1006"), "1006 cannot stand in a close frame"),
        (("reorder", -1), "negative"),
    ],
)
def test_a_wrong_fault_is_refused(echo: Any, arguments: Any, complaint: str) -> None:
    """The caller's mistakes are ValueErrors that say what was wrong."""
    with pytest.raises(ValueError, match=complaint):
        echo.fault(*arguments)
