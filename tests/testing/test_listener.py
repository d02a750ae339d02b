"""Accepting connections, and ending them."""

from __future__ import annotations

import socket
import threading
from contextlib import suppress
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed


def test_connections_are_numbered_as_they_are_accepted(echo: Any, dial: Any) -> None:
    """The first accepted connection has number 1; refused handshakes take no number."""
    with pytest.raises(Exception, match="404"):
        dial(echo.url + "/elsewhere")
    peers = [dial(echo.url) for _ in range(3)]
    for peer in peers:
        peer.ask("here")
    assert echo.received == [(1, "here"), (2, "here"), (3, "here")]
    assert (echo.accepted, echo.connections) == (3, 3)


def test_closing_says_goodbye_with_1001(echo: Any, dial: Any) -> None:
    """Clients that listen are told that the venue goes away."""
    peer = dial(echo.url)
    echo.close()
    with pytest.raises(ConnectionClosed) as caught:
        peer.hear()
    assert caught.value.rcvd.code == 1001


@pytest.mark.parametrize("fault", ["half_open", "mute", "slow"])
def test_closing_ends_every_thread_whatever_the_weather(echo: Any, dial: Any, fault: str) -> None:
    """A fault that is on does not keep a connection, or a thread, alive."""
    dial(echo.url).ask("count")
    echo.fault(fault, *(("30",) if fault == "slow" else ()))
    echo.flood(100)
    echo.close()
    left = [one.name for one in threading.enumerate() if one.name.startswith("venuesdk-sim-echo")]
    assert left == []


def test_closing_cuts_a_client_that_does_not_read(echo: Any) -> None:
    """A connection whose buffers are full, and one without an upgrade, end with the venue."""
    address = ("127.0.0.1", echo.port)
    with socket.create_connection(address, 5.0) as idle, socket.create_connection(address) as deaf:
        deaf.sendall(
            b"GET /echo HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
        )
        assert echo.wait_for(lambda venue: venue.connections == 1)
        echo.push("x" * 16_000_000)
        echo.close()
        with suppress(ConnectionResetError):
            assert idle.recv(10) == b""
    assert echo.wait_for(lambda venue: venue.ended == [1])
