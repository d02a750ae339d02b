"""What a server's answer to the upgrade means, and what the library gets to see of it."""

from __future__ import annotations

import base64
import hashlib

import pytest

from venuesdk.errors import (
    AuthenticationError,
    ConnectFailed,
    ConnectionLost,
    ConnectTimeout,
    RateLimitExceeded,
    VenueUnavailable,
)
from venuesdk.timing import Deadline
from venuesdk.wire.endpoint import Endpoint
from venuesdk.wire.head import Head
from venuesdk.wire.upgrade import UpgradeSocket, refusal

# The key and the accept of RFC 6455, section 1.3.
KEY = "dGhlIHNhbXBsZSBub25jZQ=="
ACCEPT = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
GOOD = (("upgrade", "websocket"), ("connection", "Upgrade"), ("sec-websocket-accept", ACCEPT))


def changed(name: str, *values: str) -> tuple[tuple[str, str], ...]:
    """Return the good headers with those of one name replaced."""
    return (*(item for item in GOOD if item[0] != name), *((name, value) for value in values))


@pytest.mark.parametrize(
    "headers",
    [
        GOOD,
        changed("upgrade", "WebSocket"),
        changed("connection", "keep-alive, UPGRADE"),
        (*GOOD, ("set-cookie", "a=b"), ("server", "x")),
    ],
)
def test_a_good_answer_is_accepted(headers):
    """The answer of the RFC's example is good; words are compared without case."""
    assert refusal(Head(101, headers), KEY) is None


@pytest.mark.parametrize(
    "headers",
    [
        (),
        changed("upgrade"),
        changed("upgrade", "h2c"),
        changed("upgrade", "websocket, h2c"),
        changed("connection"),
        changed("connection", "close"),
        changed("sec-websocket-accept"),
        changed("sec-websocket-accept", ACCEPT.lower()),
        changed("sec-websocket-accept", ACCEPT, ACCEPT),
        changed("sec-websocket-accept", ACCEPT + "x"),
        (*GOOD, ("sec-websocket-extensions", "permessage-deflate")),
        (*GOOD, ("sec-websocket-protocol", "chat")),
    ],
)
def test_a_wrong_101_is_connect_failed(headers):
    """An answer that does not fit the request, or gives what nobody asked for, is refused."""
    error = refusal(Head(101, headers), KEY)
    assert type(error) is ConnectFailed
    assert "wrongly" in str(error)


@pytest.mark.parametrize("status", [401, 403])
def test_a_refused_login_is_an_authentication_error(status):
    """401 and 403 are the venue's no to the credentials."""
    error = refusal(Head(status, ()), KEY)
    assert isinstance(error, AuthenticationError)
    assert error.code == status


def test_too_many_connections_is_a_rate_limit():
    """429 carries how long to wait, where the venue says."""
    error = refusal(Head(429, (("retry-after", "7"),)), KEY)
    assert isinstance(error, RateLimitExceeded)
    assert (error.code, error.retry_after) == (429, 7.0)
    assert refusal(Head(429, ()), KEY).retry_after is None


@pytest.mark.parametrize("status", [500, 502, 503, 504, 599])
def test_a_gateway_error_is_venue_unavailable(status):
    """5xx is a venue that is not there, with how long to wait."""
    error = refusal(Head(status, (("retry-after", "30"),)), KEY)
    assert isinstance(error, VenueUnavailable)
    assert (error.status, error.retry_after, error.outcome_unknown) == (status, 30.0, False)


@pytest.mark.parametrize("status", [100, 200, 204, 301, 302, 307, 308, 400, 404, 426, 600])
def test_any_other_status_is_connect_failed(status):
    """No other status makes a connection, and a redirect is a refusal like any other."""
    error = refusal(Head(status, (("location", "wss://evil.example/secret"),)), KEY)
    assert type(error) is ConnectFailed
    assert error.status == status
    assert str(status) in str(error)
    assert "evil" not in str(error)


class Stream:
    """What an upgrade needs of a stream: it keeps what is written, and gives an answer."""

    def __init__(self):
        self.sent = b""
        self.answer = b""

    def write(self, data, deadline):
        self.sent += data

    def read_into(self, view, timeout):
        if not self.answer:
            digest = hashlib.sha1(f"{KEY}258EAFA5-E914-47DA-95CA-C5AB0DC85B11".encode()).digest()
            self.answer = (
                b"HTTP/1.1 101 X\r\nUpgrade: websocket\r\nConnection: upgrade\r\n"
                b"Set-Cookie: a=b\r\nX-Other: 1\r\n"
                b"Sec-WebSocket-Accept: " + base64.b64encode(digest) + b"\r\n\r\nbehind"
            )
            view[: len(self.answer)] = self.answer
            return len(self.answer)
        return 0


def test_a_request_that_cannot_be_sent_is_connect_failed():
    """When the connection ends under the request, nothing was asked of the venue."""

    class Gone(Stream):
        def write(self, data, deadline):
            raise ConnectionLost("gone", outcome_unknown=True)

    for deadline, kind in ((Deadline(5), ConnectFailed), (Deadline(0), ConnectTimeout)):
        stand_in = UpgradeSocket(Gone(), Endpoint("ws://h/"), deadline)
        with pytest.raises(ConnectFailed) as caught:
            stand_in.send(f"GET / HTTP/1.1\r\nSec-WebSocket-Key: {KEY}\r\n\r\n".encode())
        assert type(caught.value) is kind
        assert stand_in.failure is caught.value
        assert not caught.value.outcome_unknown


def test_the_library_sees_neither_headers_nor_cookies():
    """Headers are added to the request, cookies taken out; the answer played has neither."""
    stream = Stream()
    endpoint = Endpoint(
        "wss://h.example/p?key=1", headers={"X-Key": "2", "User-Agent": "me"}, origin="https://o"
    )
    stand_in = UpgradeSocket(stream, endpoint, Deadline(5))
    request = f"GET / HTTP/1.1\r\nHost: h\r\nSec-WebSocket-Key: {KEY}\r\nCookie: jar=1\r\n\r\n"
    assert stand_in.gettimeout() == 0
    assert stand_in.send(request.encode()) == len(request)
    assert stream.sent.decode() == (
        f"GET /p?key=1 HTTP/1.1\r\nHost: h\r\nSec-WebSocket-Key: {KEY}\r\n"
        "Origin: https://o\r\nX-Key: 2\r\nUser-Agent: me\r\n\r\n"
    )
    played = b""
    while more := stand_in.recv(7):
        played += more
    assert played.decode() == (
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        f"Sec-WebSocket-Accept: {ACCEPT}\r\n\r\n"
    )
    assert stand_in.early == b"behind"
    stand_in.close()
