"""A peer reads and says what its play tells it, in the clear and in TLS."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from websockets.sync.client import connect

from venuesdk.testing.faults import HostileServer, Peer, PeerLeft
from venuesdk.testing.faults.peer import accept_key

PATIENCE = 5.0


@pytest.fixture
def played() -> Iterator[Callable[..., socket.socket]]:
    """Return a function that plays to a raw client, which it returns."""
    with contextlib.ExitStack() as stack:

        def start(play: Callable[[Peer], None], **options: Any) -> socket.socket:
            server = stack.enter_context(HostileServer(play, **options))
            address = ("127.0.0.1", server.port)
            return stack.enter_context(socket.create_connection(address, PATIENCE))

        yield start


def _read_all(sock: socket.socket) -> bytes:
    data = b""
    while more := sock.recv(65536):
        data += more
    return data


def test_the_accept_key_is_that_of_the_rfc() -> None:
    """RFC 6455, 1.3 shows a key and what it wants for it."""
    assert accept_key("dGhlIHNhbXBsZSBub25jZQ==") == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="


def test_requests_are_read_one_by_one(played: Any) -> None:
    """Two requests that came in one gulp are two heads, each with its own body."""
    seen: list[tuple[bytes, bytes, str]] = []

    def play(peer: Peer) -> None:
        for _ in range(2):
            head = peer.next_request()
            seen.append((head.split(b" ")[1], peer.read_body(), peer.header("x-name")))
        peer.respond("204 No Content", "X-Last: 1")

    client = played(play)
    client.sendall(
        b"POST /a HTTP/1.1\r\nContent-Length: 3\r\nX-Name: first\r\n\r\none"
        b"POST /b HTTP/1.1\r\ncontent-length: 4\r\n\r\nfour"
    )
    assert _read_all(client) == b"HTTP/1.1 204 No Content\r\nX-Last: 1\r\n\r\n"
    assert seen == [(b"/a", b"one", "first"), (b"/b", b"four", "")]


def test_frames_are_read_unmasked() -> None:
    """What another client sends is read frame by frame, right behind the upgrade."""
    payloads: list[bytes] = []
    done = threading.Event()

    def play(peer: Peer) -> None:
        peer.accept()
        payloads.extend(peer.read_frame().payload for _ in range(2))
        done.set()

    with HostileServer(play) as server, connect(server.url, compression=None) as client:
        client.send("one")
        client.send(b"two")
        assert done.wait(PATIENCE)
    assert payloads == [b"one", b"two"]


def test_a_cut_is_a_reset_or_a_bare_end(played: Any) -> None:
    """With `reset` the client gets a RST, without it a FIN."""

    def resetting(peer: Peer) -> None:
        peer.receive()
        peer.cut(reset=True)

    def ending(peer: Peer) -> None:
        peer.receive()
        peer.cut()

    client = played(resetting)
    client.sendall(b"x")
    with pytest.raises(ConnectionResetError):
        client.recv(1)
    client = played(ending)
    client.sendall(b"x")
    assert client.recv(1) == b""


def test_in_tls_an_end_is_told_and_a_cut_is_not(tls: Any) -> None:
    """`finish` sends the alert that TLS wants before the FIN, `cut` leaves it out."""

    def finishing(peer: Peer) -> None:
        peer.receive()
        peer.finish()
        peer.drain()

    def cutting(peer: Peer) -> None:
        peer.receive()
        peer.cut()

    for play, told in ((finishing, True), (cutting, False)):
        with HostileServer(play, tls=tls.server_context) as server:
            raw = socket.create_connection(("127.0.0.1", server.port), PATIENCE)
            with tls.client_context.wrap_socket(
                raw, server_hostname="127.0.0.1", suppress_ragged_eofs=False
            ) as client:
                client.sendall(b"x")
                if told:
                    assert client.recv(1) == b""
                else:
                    with pytest.raises(ssl.SSLEOFError):
                        client.recv(1)


def test_a_client_that_leaves_ends_the_play(played: Any) -> None:
    """A read that meets the end of the stream raises, and says so."""
    ends: list[BaseException] = []
    ended = threading.Event()

    def play(peer: Peer) -> None:
        try:
            peer.receive()
        except PeerLeft as left:
            ends.append(left)
        ended.set()

    played(play).close()
    assert ended.wait(PATIENCE)
    assert [type(end) for end in ends] == [PeerLeft]


def test_a_relay_withholds_what_it_waits_for(echo: str) -> None:
    """It returns the frame with the sign in it, whose answer is the play's; the rest goes on."""

    def play(peer: Peer) -> None:
        held = peer.relay(b"sign")
        assert held is not None
        peer.forward(held)
        assert peer.answer().payload == b"a sign"
        peer.relay()

    with (
        HostileServer(play, upstream=echo) as server,
        connect(server.url, compression=None) as client,
    ):
        client.send("one")
        assert client.recv(PATIENCE) == "one"
        client.send("a sign")
        client.send("two")
        assert client.recv(PATIENCE) == "two"


def test_a_relay_returns_when_it_is_told_to_strike(echo: str) -> None:
    """No frame is needed for it, and none is withheld."""
    struck = threading.Event()

    def play(peer: Peer) -> None:
        assert peer.relay(b"sign") is None
        struck.set()
        peer.relay()

    with (
        HostileServer(play, upstream=echo) as server,
        connect(server.url, compression=None) as client,
    ):
        client.send("one")
        assert client.recv(PATIENCE) == "one"
        server.strike()
        assert struck.wait(PATIENCE)
        client.send("two")
        assert client.recv(PATIENCE) == "two"


def test_a_refused_upgrade_is_passed_on(shut: str) -> None:
    """Where the venue refuses the upgrade, its client gets that very answer."""
    with (
        HostileServer("honest", upstream=shut) as server,
        socket.create_connection(("127.0.0.1", server.port), PATIENCE) as client,
    ):
        client.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        assert _read_all(client) == b"HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno"


@pytest.fixture
def shut() -> Iterator[str]:
    """Return the URL of a server that refuses every upgrade."""

    def refuse(peer: Peer) -> None:
        peer.read_head()
        peer.respond("403 Forbidden", "Content-Length: 2", body=b"no")
        peer.finish()
        peer.drain()

    with HostileServer(refuse) as server:
        yield server.url


def test_a_relay_needs_a_venue(played: Any) -> None:
    """Without an upstream the play is told so."""
    errors: list[str] = []
    done = threading.Event()

    def play(peer: Peer) -> None:
        try:
            peer.relay()
        except ValueError as error:
            errors.append(str(error))
        done.set()

    played(play)
    assert done.wait(PATIENCE)
    assert errors == ["a play that relays needs upstream="]
