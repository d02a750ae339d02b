"""The hostile server gives each connection its play, and leaves nothing behind."""

from __future__ import annotations

import socket
import threading
import time
from http.client import HTTPConnection
from typing import Any

import pytest
from websockets.sync.client import connect

from venuesdk.testing import simulate
from venuesdk.testing.faults import HostileServer, Peer, UnansweredPort, answering

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


WRONG: Any = 5


@pytest.mark.parametrize(
    ("make", "error", "says"),
    [
        (lambda: HostileServer(), ValueError, "^honest: a play that relays needs upstream="),
        (lambda: HostileServer("silent", "deaf"), ValueError, "^deaf: a play that relays"),
        (lambda: HostileServer(answering(b"x")), ValueError, "a play that relays needs"),
        (lambda: HostileServer(upstream="wss://127.0.0.1:1/x"), ValueError, "TLS is not supported"),
        (lambda: HostileServer(upstream="https://127.0.0.1:1"), ValueError, "TLS is not supported"),
        (lambda: HostileServer(upstream="nonsense"), ValueError, "not a URL of ws, http"),
        (lambda: HostileServer(upstream="ws://127.0.0.1:x/"), ValueError, "could not be cast"),
        (lambda: HostileServer(upstream=WRONG), TypeError, "a URL is text"),
        (lambda: HostileServer(WRONG), TypeError, "a play is a name or a function of a Peer"),
        (lambda: HostileServer("silent", port=WRONG / 2), TypeError, "a port is an int"),
        (lambda: HostileServer("silent", port=65536), ValueError, "65535 at most"),
        (lambda: HostileServer("silent", tls=WRONG), TypeError, "tls is an ssl.SSLContext"),
    ],
)
def test_mistakes_are_errors_before_anything_listens(make: Any, error: Any, says: str) -> None:
    """What no play could be played with is refused at once, and the error says why."""
    with pytest.raises(error, match=says):
        make()


def test_plays_of_http_stand_before_a_venues_http_side() -> None:
    """Their upstream is an http URL, and what the venue answers there is passed on."""
    with (
        simulate("infinex", interval=None) as venue,
        HostileServer("http_honest", upstream=venue.http_url) as server,
    ):
        client = HTTPConnection("127.0.0.1", server.port, timeout=PATIENCE)
        client.request("GET", "/nothing-of-this-name")
        assert client.getresponse().status == 404
        client.close()
        assert [request.path for request in venue.http_received] == ["/nothing-of-this-name"]


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


def test_closing_does_not_wait_for_a_venue_that_says_nothing() -> None:
    """A play that waits for the venue, on a socket or over HTTP, ends with its server."""
    upgrade = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
    with socket.create_server(("127.0.0.1", 0)) as venue:
        venue.settimeout(PATIENCE)
        where = f"127.0.0.1:{venue.getsockname()[1]}"
        for name, upstream in (("honest", f"ws://{where}/"), ("http_honest", f"http://{where}")):
            server = HostileServer(name, upstream=upstream)
            with socket.create_connection(("127.0.0.1", server.port), PATIENCE) as client:
                client.sendall(upgrade)
                with venue.accept()[0] as asked:
                    assert asked.recv(4)
                    begun = time.monotonic()
                    server.close()
                    assert time.monotonic() - begun < 1.0
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


def test_a_port_that_was_closed_is_not_given_out() -> None:
    """It would be answered, with a no or by another: so it is an error."""
    port = UnansweredPort()
    port.close()
    port.close()
    with pytest.raises(RuntimeError, match="was closed"):
        port.port  # noqa: B018 - reading it is what raises
