"""One connection: what it takes from a client, and how it ends."""

from __future__ import annotations

import logging
import socket
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed


def test_a_fragmented_message_arrives_whole(echo: Any, dial: Any) -> None:
    """Fragments are put together before the venue sees the message."""
    peer = dial(echo.url)
    peer.socket.send(["one ", "mess", "age"])
    assert peer.hear() == {"echo": "one message"}


def test_a_binary_message_is_read_as_text(echo: Any, dial: Any) -> None:
    """A binary frame is a message too, and is answered in a text frame."""
    assert dial(echo.url).ask("grüße".encode()) == {"echo": "grüße"}


def test_invalid_utf_8_ends_the_connection_with_1007(echo: Any, dial: Any) -> None:
    """RFC 6455 gives text that is not UTF-8 the code 1007."""
    peer = dial(echo.url)
    peer.socket.send(b"\xff\xfe", text=True)
    with pytest.raises(ConnectionClosed) as caught:
        peer.hear()
    assert caught.value.rcvd.code == 1007
    assert echo.received == []


def test_an_oversized_message_ends_the_connection_with_1009(echo: Any, dial: Any) -> None:
    """RFC 6455 gives a message that is too big the code 1009."""
    peer = dial(echo.url)
    peer.tell("x" * (16 * 1024 * 1024 + 1))
    with pytest.raises(ConnectionClosed) as caught:
        peer.hear()
    assert caught.value.rcvd.code == 1009


def test_a_ping_is_answered(echo: Any, dial: Any) -> None:
    """RFC 6455 pings get their pong."""
    assert dial(echo.url).socket.ping(b"alive?").wait(5.0)


def test_a_close_frame_is_answered_with_its_own_code(echo: Any, dial: Any) -> None:
    """The venue completes the closing handshake, and forgets the connection."""
    peer = dial(echo.url)
    peer.socket.close(4321, "done")
    assert peer.socket.protocol.close_rcvd.code == 4321
    assert echo.wait_for(lambda venue: venue.ended == [1])


def test_a_request_that_is_no_upgrade_is_refused(echo: Any) -> None:
    """Plain HTTP on the WebSocket port gets an HTTP error, and no connection is counted."""
    with socket.create_connection(("127.0.0.1", echo.port), 5.0) as plain:
        plain.sendall(b"GET /echo HTTP/1.1\r\nHost: x\r\n\r\n")
        assert plain.recv(100).startswith(b"HTTP/1.1 426 ")
    assert echo.accepted == 0


def test_nothing_that_a_client_sends_is_logged(
    echo: Any, dial: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """Whoever logs at DEBUG must not find credentials in what the venue's side logged."""
    caplog.set_level(logging.DEBUG)
    logging.getLogger("websockets.client").setLevel(logging.INFO)
    dial(f"{echo.url}?key=hush").ask("hush")
    assert "hush" not in caplog.text


def test_a_client_that_never_reads_is_cut(
    echo: Any, dial: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What waits for a client is bounded; beyond that its connection ends."""
    monkeypatch.setattr("venuesdk.testing.link._LARGEST_BACKLOG", 100_000)
    dial(echo.url).ask("hello")
    echo.half_open()
    for _ in range(3):
        echo.push("x" * 50_000)
    assert echo.wait_for(lambda venue: venue.ended == [1])
    assert echo.connections == 0
