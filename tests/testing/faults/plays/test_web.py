"""What plays of HTTP send, as raw sockets and the standard library's client see it."""

from __future__ import annotations

import gzip
import http.client
import io
import time
from typing import Any

import pytest

from venuesdk.testing.faults import MARK

ORDER = b"order " + MARK


def _client(server: Any) -> http.client.HTTPConnection:
    return http.client.HTTPConnection("127.0.0.1", server.port, timeout=5)


def _ask(client: http.client.HTTPConnection, body: bytes) -> tuple[int, bytes]:
    client.request("POST", "/orders", body)
    answer = client.getresponse()
    return answer.status, answer.read()


@pytest.mark.parametrize(
    "name", ["http_honest", "http_302", "http_executed_then_502", "http_web_page"]
)
def test_it_is_honest_before_the_mark_and_afterwards(name: str, shop: Any, staged: Any) -> None:
    """On one connection that is kept alive, only the marked request is answered otherwise."""
    server, _ = staged(name, upstream=shop.url)
    client = _client(server)
    assert _ask(client, b"one") == (200, b"one")
    _ask(client, ORDER)
    assert _ask(client, b"two") == (200, b"two")
    client.close()
    assert server.accepted == 2  # the second is the raw caller, which says nothing


def test_without_a_venue_it_begins_with_the_first_request(staged: Any) -> None:
    """Without an upstream there is no mark to wait for; what follows is an empty object."""
    server, _ = staged("http_500")
    client = _client(server)
    assert _ask(client, b"one") == (500, b"")
    assert _ask(client, b"two") == (200, b"{}")
    client.close()


@pytest.mark.parametrize(
    ("status", "header"),
    [
        (302, ("Location", "http://127.0.0.1:9/elsewhere")),
        (307, ("Location", "http://127.0.0.1:9/elsewhere")),
        (401, ("Content-Length", "0")),
        (429, ("Retry-After", "1")),
        (500, ("Content-Length", "0")),
        (502, ("Content-Length", "0")),
        (503, ("Retry-After", "1")),
    ],
)
def test_a_status_comes_instead(
    status: int, header: tuple[str, str], shop: Any, staged: Any
) -> None:
    """The marked request does not reach the venue, and is answered with that status."""
    server, _ = staged(f"http_{status}", upstream=shop.url)
    client = _client(server)
    client.request("POST", "/orders", ORDER)
    answer = client.getresponse()
    assert answer.status == status
    assert header in answer.getheaders()
    client.close()
    assert shop.posted == []


@pytest.mark.parametrize("name", ["http_executed_then_cut", "http_executed_then_502"])
def test_the_venue_has_executed_what_looks_failed(name: str, shop: Any, staged: Any) -> None:
    """The request reaches the venue once, whatever its client is told."""
    server, caller = staged(name, upstream=shop.url)
    caller.post(ORDER)
    try:
        assert caller.head().startswith(b"HTTP/1.1 502 ")
    except ConnectionResetError:
        assert name == "http_executed_then_cut"
    assert shop.posted == [ORDER]


def test_no_answer_comes(staged: Any) -> None:
    """Neither an answer nor an end."""
    _, caller = staged("http_silent")
    caller.post(b"one")
    assert caller.is_silent()


@pytest.mark.parametrize(
    ("name", "begins"),
    [
        ("http_dripped_head", b"HTT"),
        ("http_dripped_body", b"HTTP/1.1 200 OK\r\nContent-Length: 10000\r\n\r\n  "),
        ("http_dripped_chunks",
         b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n \r\n1\r\n \r\n"),
    ],
)
def test_an_answer_is_dripped(name: str, begins: bytes, staged: Any) -> None:
    """Its bytes come with pauses between."""
    _, caller = staged(name)
    caller.post(b"one")
    begun = time.monotonic()
    assert caller.read(len(begins)) == begins
    assert time.monotonic() - begun > 0.15
    assert caller.is_silent(0.05)


@pytest.mark.parametrize("name", ["http_short_body", "http_short_chunk"])
def test_a_body_is_short(name: str, staged: Any) -> None:
    """A client that counts misses the rest of what was announced."""
    server, _ = staged(name)
    client = _client(server)
    with pytest.raises(http.client.IncompleteRead):
        _ask(client, b"one")
    client.close()


@pytest.mark.parametrize(
    ("name", "begins"),
    [
        ("http_endless_head", b"HTTP/1.1 200 OK\r\nX-More: xx"),
        ("http_endless_line", b"HTTP/1.1 200 OK\r\nX-Long: xx"),
        ("http_endless_body", b"HTTP/1.1 200 OK\r\n\r\nxx"),
        ("http_endless_chunks", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n10000\r\n"),
        ("http_endless_continue", b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n"),
    ],
)
def test_an_answer_does_not_end(name: str, begins: bytes, staged: Any) -> None:
    """It begins as it should, and goes on."""
    _, caller = staged(name)
    caller.post(b"one")
    more = 2_000 if name == "http_endless_continue" else 400_000
    data = caller.read(len(begins) + more)
    assert data.startswith(begins)
    assert len(data) == len(begins) + more
    assert b"\r\n0\r\n" not in data


def test_a_bomb_is_small_until_it_is_opened(staged: Any) -> None:
    """200 kB of gzip hold 200 MB."""
    server, _ = staged("http_gzip_bomb")
    client = _client(server)
    status, body = _ask(client, b"one")
    client.close()
    assert status == 200
    assert len(body) < 300_000
    with gzip.open(io.BytesIO(body)) as opened:
        total = 0
        while piece := opened.read(1 << 20):
            total += len(piece)
    assert total == 200_000_000


@pytest.mark.parametrize("name", ["http_finish", "http_closed_behind"])
def test_a_connection_ends_in_order(name: str, shop: Any, staged: Any) -> None:
    """One ends instead of an answer, the other right behind one."""
    _, caller = staged(name, upstream=shop.url)
    caller.post(ORDER)
    data = caller.rest()
    assert (data == b"") == (name == "http_finish")
    assert data.endswith(ORDER if name == "http_closed_behind" else b"")


@pytest.mark.parametrize("name", ["http_cut", "http_stale_connection"])
def test_a_connection_is_reset(name: str, shop: Any, staged: Any) -> None:
    """It has served one request before, and the next one does not reach the venue."""
    server, _ = staged(name, upstream=shop.url)
    client = _client(server)
    assert _ask(client, b"one") == (200, b"one")
    with pytest.raises(ConnectionResetError):
        _ask(client, ORDER)
    client.close()
    assert shop.posted == [b"one"]


def test_garbage_is_no_http(staged: Any) -> None:
    """The standard library cannot read a status from it."""
    server, _ = staged("http_garbage")
    client = _client(server)
    with pytest.raises(http.client.HTTPException):
        _ask(client, b"one")
    client.close()


def test_a_page_comes_for_an_answer(shop: Any, staged: Any) -> None:
    """It has status 200, and is HTML."""
    server, _ = staged("http_web_page", upstream=shop.url)
    client = _client(server)
    status, body = _ask(client, ORDER)
    client.close()
    assert (status, body[:6]) == (200, b"<html>")
