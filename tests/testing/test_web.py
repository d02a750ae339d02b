"""The HTTP side: requests in, replies out, and its end."""

from __future__ import annotations

import http.client
import json
import socket
import threading
from collections.abc import Iterator
from contextlib import closing

import pytest

from venuesdk.testing.web import HttpReply, HttpRequest, HttpSide, Refusal

HOST = "127.0.0.1"


def _answer(request: HttpRequest) -> HttpReply | None:
    if request.path == "/silence":
        return None
    if request.path == "/text":
        return HttpReply(503, "no", {"Content-Type": "text/plain", "Retry-After": "7"})
    return HttpReply(200, [*request[:2], request.headers.get("x-one"), request.body.decode()])


@pytest.fixture
def side() -> Iterator[HttpSide]:
    """Return an HTTP side that ends with the test."""
    one = HttpSide(_answer, thread_name="venuesdk-sim-test-http")
    yield one
    one.close()


def _port(side: HttpSide) -> int:
    return int(side.url.rpartition(":")[2])


def test_requests_are_handed_over_whole_on_one_connection(side: HttpSide) -> None:
    """Method, path with its query, lower-case headers and body arrive; the connection is kept."""
    with closing(http.client.HTTPConnection(HOST, _port(side), timeout=5.0)) as client:
        for method, body in (("POST", "eins"), ("GET", ""), ("PUT", "zwei"), ("DELETE", "")):
            client.request(method, "/a?b=c", body, {"X-One": "1"})
            sock = client.sock
            response = client.getresponse()
            assert response.status == 200
            assert response.headers["Content-Type"] == "application/json"
            assert json.loads(response.read()) == [method, "/a?b=c", "1", body]
            assert client.sock is sock is not None


def test_a_reply_may_be_text_with_headers_of_its_own(side: HttpSide) -> None:
    """A text body goes as it is, and headers of the reply replace the usual ones."""
    with closing(http.client.HTTPConnection(HOST, _port(side), timeout=5.0)) as client:
        client.request("GET", "/text")
        response = client.getresponse()
        assert (response.status, response.read()) == (503, b"no")
        assert response.headers["Content-Type"] == "text/plain"
        assert response.headers["Retry-After"] == "7"


def test_no_reply_ends_the_connection(side: HttpSide) -> None:
    """Where there is no answer, the client sees its connection end without one."""
    with closing(http.client.HTTPConnection(HOST, _port(side), timeout=5.0)) as client:
        client.request("GET", "/silence")
        with pytest.raises(http.client.RemoteDisconnected):
            client.getresponse()


def test_it_speaks_tls(tls: object) -> None:
    """With a context the URL is https, and a client that trusts the authority is served."""
    side = HttpSide(_answer, tls=tls.server_context)  # type: ignore[attr-defined]
    try:
        assert side.url.startswith("https://")
        context = tls.client_context  # type: ignore[attr-defined]
        with closing(
            http.client.HTTPSConnection(HOST, _port(side), timeout=5.0, context=context)
        ) as client:
            client.request("POST", "/", "body")
            assert json.loads(client.getresponse().read())[-1] == "body"
    finally:
        side.close()


def test_closing_cuts_what_is_open_and_ends_every_thread(side: HttpSide) -> None:
    """An idle connection does not keep the server alive."""
    with socket.create_connection((HOST, _port(side)), 5.0) as idle:
        idle.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        assert idle.recv(12) == b"HTTP/1.1 200"
        side.close()
        while idle.recv(1000):
            pass
    left = [one.name for one in threading.enumerate() if one.name.startswith("venuesdk-sim-test")]
    assert left == []


def test_a_refusal_needs_no_headers() -> None:
    """A refusal is a status and a text, and headers only where there are some."""
    assert dict(Refusal(503, "no\n").headers) == {}
