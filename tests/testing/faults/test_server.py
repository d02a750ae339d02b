"""The hostile server gives each connection its play, and leaves nothing behind."""

from __future__ import annotations

import socket
import threading
import time
from typing import Any

import pytest
from websockets.sync.client import connect

from venuesdk.testing import simulate
from venuesdk.testing.faults import HostileServer, Peer, UnansweredPort

PATIENCE = 5.0


def _said(server: HostileServer) -> bytes:
    with socket.create_connection(("127.0.0.1", server.port), PATIENCE) as client:
        data = b""
        while more := client.recv(100):
            data += more
        return data


def _saying(text: bytes) -> Any:
    return lambda peer: peer.send(text)


def test_plays_are_given_out_in_their_order() -> None:
    """The first connection gets the first play, and the last one is for all that follow."""
    with HostileServer(_saying(b"one"), _saying(b"two"), _saying(b"more")) as server:
        assert [_said(server) for _ in range(4)] == [b"one", b"two", b"more", b"more"]
        assert server.accepted == 4
        assert [peer.number for peer in server.peers] == [1, 2, 3, 4]


def test_an_unknown_play_is_refused_with_the_names_of_all() -> None:
    """A name that is no play is a ValueError before anything listens."""
    with pytest.raises(ValueError, match="no play 'nice'.*endless_head.*wrong_accept"):
        HostileServer("nice")


@pytest.mark.parametrize("secure", [False, True])
def test_without_plays_it_stands_honestly_before_a_venue(secure: bool, tls: Any) -> None:
    """It keeps the venue's path, and speaks TLS where it has a context, the venue or not."""
    context = tls.server_context if secure else None
    trust = {"ssl": tls.client_context} if secure else {}
    with simulate("onyx", interval=None) as venue:
        with HostileServer(upstream=venue.url, tls=context) as server:
            scheme = "wss" if secure else "ws"
            assert server.url == f"{scheme}://127.0.0.1:{server.port}/stream/v1"
            assert server.http_url == f"{scheme.replace('ws', 'http')}://127.0.0.1:{server.port}"
            assert server.url_of(venue.url) == server.url
            with connect(server.url, compression=None, **trust) as client:
                client.send('{"id":"1","method":"subscribe","channel":"server_info"}')
                assert "authentication required" in str(client.recv(PATIENCE))
        assert venue.accepted == 1


@pytest.mark.parametrize("name", ["silent", "stalled_handshake", "deaf", "dripped_upgrade"])
def test_closing_ends_every_play_and_every_thread(name: str) -> None:
    """Whatever a play waits for, `close` returns soon, and no thread of the server is left."""
    with simulate("onyx", interval=None) as venue:
        server = HostileServer(name, upstream=venue.url)
        with socket.create_connection(("127.0.0.1", server.port), PATIENCE) as client:
            client.sendall(b"GET / HTTP/1.1\r\n")
            begun = time.monotonic()
            server.close()
            server.close()
            assert time.monotonic() - begun < 2.0
    names = [thread.name for thread in threading.enumerate()]
    assert not [one for one in names if one.startswith("venuesdk-fault-server")]


def test_a_closed_server_refuses() -> None:
    """Its port is shut, which tests of a refused connection use."""
    server = HostileServer("silent")
    server.close()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", server.port), PATIENCE)


def test_a_play_that_its_client_leaves_is_no_error() -> None:
    """A client that goes away in the middle ends the play quietly, and the next is served."""
    started = threading.Event()

    def streaming(peer: Peer) -> None:
        started.set()
        while True:
            peer.send(b"x" * 65536)

    with HostileServer(streaming, _saying(b"next")) as server:
        client = socket.create_connection(("127.0.0.1", server.port), PATIENCE)
        assert started.wait(PATIENCE)
        client.close()
        assert _said(server) == b"next"


def test_a_port_answers_no_attempt_to_connect() -> None:
    """Neither a yes nor a no comes: the attempt is under way for as long as one waits."""
    with UnansweredPort() as port, pytest.raises(TimeoutError):
        socket.create_connection(("127.0.0.1", port.port), 0.3)
