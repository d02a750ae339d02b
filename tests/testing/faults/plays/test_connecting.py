"""What plays do to a client that connects, as a raw socket sees it."""

from __future__ import annotations

import socket
from typing import Any

import pytest
from websockets.exceptions import InvalidHandshake
from websockets.sync.client import connect

from venuesdk.testing.faults import PLAYS, redirecting_to

ACCEPT = b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo="  # RFC 6455, 1.3: the answer to the callers' key


def test_every_play_says_what_it_does() -> None:
    """A play has a docstring of one sentence, and its own name."""
    for name, play in PLAYS.items():
        text = (play.__doc__ or "").strip()
        assert text.endswith("."), name
        assert play.__name__ == name


def test_honest_passes_everything_on(echo: str, staged: Any) -> None:
    """Between a client and its venue nothing changes."""
    server, _ = staged("honest", upstream=echo)
    with connect(server.url) as client:
        client.send("to the venue")
        assert client.recv(5) == "to the venue"
        client.ping().wait(5)


@pytest.mark.parametrize("name", ["silent", "proxy_hangs"])
def test_no_answer_comes(name: str, staged: Any) -> None:
    """The request is read, and nothing comes back: neither an answer nor an end."""
    _, caller = staged(name)
    caller.socket.sendall(b"CONNECT venue.example:443 HTTP/1.1\r\n\r\n")
    assert caller.is_silent()


def test_a_stalled_handshake_reads_nothing(staged: Any) -> None:
    """Nothing is answered, and nothing is taken: what the client sends piles up."""
    server, caller = staged("stalled_handshake")
    caller.socket.sendall(b"\x16\x03\x01")
    assert caller.is_silent()
    assert [peer.bytes_in for peer in server.peers] == [0]


def test_tls_is_answered_in_the_clear(staged: Any) -> None:
    """What comes back for a TLS hello is an HTTP response."""
    _, caller = staged("plain_text_on_tls")
    caller.socket.sendall(b"\x16\x03\x01\x00\x00")
    assert caller.head().startswith(b"HTTP/1.1 400 ")


def test_an_answer_is_dripped(staged: Any) -> None:
    """The answer comes a byte at a time, with pauses between."""
    _, caller = staged("dripped_upgrade")
    caller.socket.sendall(b"GET / HTTP/1.1\r\n\r\n")
    assert caller.read(1) == b"H"
    assert caller.is_silent(0.05)
    assert caller.read(2) == b"TT"


@pytest.mark.parametrize("name", ["endless_head", "endless_line"])
def test_a_head_does_not_end(name: str, staged: Any) -> None:
    """More than a hundred headers and 64 KiB come, and no end of the head."""
    _, caller = staged(name)
    caller.socket.sendall(b"GET / HTTP/1.1\r\n\r\n")
    data = caller.read(300_000)
    assert data.startswith(b"HTTP/1.1 101 ")
    assert b"\r\n\r\n" not in data
    assert (data.count(b"\r\n") > 100) == (name == "endless_head")


def test_many_headers_come_with_an_upgrade(staged: Any) -> None:
    """The upgrade itself is right, and a thousand headers stand beside it."""
    _, caller = staged("many_headers")
    head = caller.upgrade()
    assert b"Sec-WebSocket-Accept: " + ACCEPT in head
    assert head.count(b"\r\n") > 1000


@pytest.mark.parametrize(
    ("name", "status", "header"),
    [
        ("refused_401", b"401", b"Content-Length: 0"),
        ("refused_403", b"403", b"Content-Length: 0"),
        ("refused_429", b"429", b"Retry-After: 1"),
        ("refused_503", b"503", b"Retry-After: 1"),
        ("proxy_wants_login", b"407", b"Proxy-Authenticate: Basic"),
    ],
)
def test_an_upgrade_is_refused(name: str, status: bytes, header: bytes, staged: Any) -> None:
    """The answer has the status, and the header that goes with it."""
    _, caller = staged(name)
    head = caller.upgrade()
    assert head.startswith(b"HTTP/1.1 " + status)
    assert header in head.split(b"\r\n")


def test_an_error_body_is_announced_and_comes_without_end(staged: Any) -> None:
    """A body of 10 GB is announced, and it comes."""
    _, caller = staged("endless_error_body")
    assert b"Content-Length: 10000000000" in caller.upgrade()
    assert len(caller.read(1_000_000)) == 1_000_000


def test_an_error_body_is_announced_and_does_not_come(staged: Any) -> None:
    """A body of 1,000 bytes is announced, and none of them comes."""
    _, caller = staged("missing_error_body")
    assert b"Content-Length: 1000" in caller.upgrade()
    assert caller.is_silent()


def test_a_connection_ends_instead_of_an_answer(staged: Any) -> None:
    """One play ends it with a FIN, the other with a RST."""
    _, caller = staged("finish_at_once")
    assert caller.upgrade() == b""
    _, caller = staged("reset_at_once")
    with pytest.raises(ConnectionResetError):
        caller.upgrade()


@pytest.mark.parametrize("name", ["garbage_answer", "proxy_garbage"])
def test_an_answer_is_no_http(name: str, staged: Any) -> None:
    """What comes back does not begin as HTTP does, and then the stream ends."""
    _, caller = staged(name)
    caller.socket.sendall(b"GET / HTTP/1.1\r\n\r\n")
    data = caller.rest()
    assert data
    assert not data.startswith(b"HTTP/")


@pytest.mark.parametrize(
    "name", ["unrequested_protocol", "unrequested_extension", "wrong_accept"]
)
def test_an_upgrade_is_wrong(name: str, staged: Any) -> None:
    """A peer that knows the RFC refuses the upgrade, though it is a 101."""
    server, _ = staged(name)
    with pytest.raises(InvalidHandshake), connect(server.url, compression=None):
        pass
    sock = socket.create_connection(("127.0.0.1", server.port), 5)
    with sock:
        sock.sendall(b"GET / HTTP/1.1\r\n\r\n")
        assert sock.recv(65536).startswith(b"HTTP/1.1 101 ")


def test_a_redirect_leads_elsewhere(staged: Any) -> None:
    """The answer has the status and the place that it was made with."""
    _, caller = staged(redirecting_to("ws://127.0.0.1:9/there", "308 Permanent Redirect"))
    head = caller.upgrade().split(b"\r\n")
    assert head[0] == b"HTTP/1.1 308 Permanent Redirect"
    assert b"Location: ws://127.0.0.1:9/there" in head
