"""What an HTTP server does to a client: answers that lie, drip, explode or lead elsewhere.

With a venue behind it, each of them is honest until a request has `MARK` in it, on a connection
that is kept alive; without one, it begins with the first request.
"""

from __future__ import annotations

import http.client
import struct
import zlib
from urllib.parse import urlsplit

from venuesdk.testing.faults.peer import Peer, PeerLeft
from venuesdk.testing.faults.play import Play, play
from venuesdk.testing.faults.plays.receiving import MARK

__all__ = [
    "http_closed_behind",
    "http_cut",
    "http_dripped_body",
    "http_dripped_chunks",
    "http_dripped_head",
    "http_endless_body",
    "http_endless_chunks",
    "http_endless_continue",
    "http_endless_head",
    "http_endless_line",
    "http_executed_then_502",
    "http_executed_then_cut",
    "http_finish",
    "http_garbage",
    "http_gzip_bomb",
    "http_honest",
    "http_short_body",
    "http_short_chunk",
    "http_silent",
    "http_stale_connection",
    "http_web_page",
]

_DRIP = 0.2
_BOMB_SIZE = 200_000_000
_ZEROS = bytes(1_000_000)
_GZIP_HEAD = b"\x1f\x8b\x08\0\0\0\0\0\0\xff"
_PATIENCE = 5.0
_ELSEWHERE = "Location: http://127.0.0.1:9/elsewhere"


def _read(peer: Peer) -> bytes:
    """Read one request, and return its body."""
    peer.next_request()
    return peer.read_body()


def _ask_venue(peer: Peer, body: bytes) -> tuple[str, list[str], bytes]:
    """Let the venue carry a request out; return its answer's status, headers and body."""
    parts = urlsplit(peer.upstream_url or "")
    method, target, _ = peer.head.decode("latin-1").split("\r\n")[0].split(" ")
    headers = {name: peer.header(name) for name in ("content-type", "user-agent")}
    venue = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=_PATIENCE)
    try:
        venue.connect()
        peer.adopt(venue.sock)
        venue.request(method, target, body, {k: v for k, v in headers.items() if v})
        answer = venue.getresponse()
        lines = [f"{name}: {value}" for name, value in answer.getheaders()]
        return f"{answer.status} {answer.reason}", lines, answer.read()
    except http.client.HTTPException as error:
        raise PeerLeft(f"the venue did not answer: {error!r}") from None
    finally:
        venue.close()


def _answer(peer: Peer, body: bytes) -> None:
    """Answer a request as the venue does, or, without one, with an empty object."""
    if peer.upstream_url is None:
        peer.respond("200 OK", "Content-Type: application/json", "Content-Length: 2", body=b"{}")
        return
    status, headers, content = _ask_venue(peer, body)
    peer.respond(status, *headers, body=content)


def _request(peer: Peer) -> bytes:
    """Be honest until it is time; return the body of the request that is not answered so."""
    while True:
        body = _read(peer)
        if peer.upstream_url is None or MARK in body:
            return body
        _answer(peer, body)


@play
def http_honest(peer: Peer) -> None:
    """Answer every request as the venue does; without one, with an empty object."""
    while True:
        _answer(peer, _read(peer))


@play
def http_silent(peer: Peer) -> None:
    """Read the request, and never answer it."""
    _request(peer)
    peer.drain()


@play
def http_dripped_head(peer: Peer) -> None:
    """Answer with a head that comes one byte at a time."""
    _request(peer)
    peer.drip(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n" * 100, _DRIP)


@play
def http_dripped_body(peer: Peer) -> None:
    """Answer with a body that comes one byte at a time."""
    _request(peer)
    peer.respond("200 OK", "Content-Length: 10000")
    peer.drip(b" " * 10_000, _DRIP)


@play
def http_dripped_chunks(peer: Peer) -> None:
    """Answer with chunks of one byte each, one at a time."""
    _request(peer)
    peer.respond("200 OK", "Transfer-Encoding: chunked")
    while True:
        peer.send(b"1\r\n \r\n")
        peer.pause(_DRIP)


@play
def http_short_body(peer: Peer) -> None:
    """Announce 1,000 bytes, send 10, and end the connection."""
    _request(peer)
    peer.respond("200 OK", "Content-Length: 1000", body=b'{"a": 1234')
    peer.finish()
    peer.drain()


@play
def http_short_chunk(peer: Peer) -> None:
    """Announce a chunk of 4,096 bytes, send 10, and end the connection."""
    _request(peer)
    peer.respond("200 OK", "Transfer-Encoding: chunked", body=b'1000\r\n{"a": 1234')
    peer.finish()
    peer.drain()


@play
def http_endless_head(peer: Peer) -> None:
    """Answer with headers that never end."""
    _request(peer)
    peer.send(b"HTTP/1.1 200 OK\r\n")
    while True:
        peer.send(b"X-More: " + b"x" * 200 + b"\r\n")


@play
def http_endless_line(peer: Peer) -> None:
    """Answer with a header line that never ends."""
    _request(peer)
    peer.send(b"HTTP/1.1 200 OK\r\nX-Long: ")
    while True:
        peer.send(b"x" * 4096)


@play
def http_endless_continue(peer: Peer) -> None:
    """Ask the client to continue, again and again, and never answer."""
    _request(peer)
    while True:
        peer.send(b"HTTP/1.1 100 Continue\r\n\r\n" * 10)
        peer.pause(0.01)


@play
def http_endless_body(peer: Peer) -> None:
    """Answer with a body without a length, and never end it."""
    _request(peer)
    peer.respond("200 OK")
    while True:
        peer.send(b"x" * 65536)


@play
def http_endless_chunks(peer: Peer) -> None:
    """Answer in chunks, and never send the last one."""
    _request(peer)
    peer.respond("200 OK", "Transfer-Encoding: chunked")
    while True:
        peer.send(b"10000\r\n" + b"x" * 65536 + b"\r\n")


@play
def http_gzip_bomb(peer: Peer) -> None:
    """Answer with 200 kB of gzip that are 200 MB of zeros."""
    _request(peer)
    peer.respond("200 OK", "Content-Encoding: gzip", "Content-Type: application/json")
    # Behind a full flush deflate knows nothing of what came before, so the piece can be repeated;
    # to squeeze all of it would take longer than a client waits.
    squeezer = zlib.compressobj(9, wbits=-15)
    piece = squeezer.compress(_ZEROS) + squeezer.flush(zlib.Z_FULL_FLUSH)
    peer.send(_GZIP_HEAD)
    check = 0
    for _ in range(_BOMB_SIZE // len(_ZEROS)):
        peer.send(piece)
        check = zlib.crc32(_ZEROS, check)
    peer.send(squeezer.flush() + struct.pack("<II", check, _BOMB_SIZE))
    peer.finish()
    peer.drain()


@play
def http_finish(peer: Peer) -> None:
    """Read the whole request, and close the connection instead of answering."""
    _request(peer)
    peer.finish()
    peer.drain()


@play
def http_cut(peer: Peer) -> None:
    """Read the whole request, and reset the connection."""
    _request(peer)
    peer.cut(reset=True)


@play
def http_executed_then_cut(peer: Peer) -> None:
    """Let the venue carry the request out, and reset the connection before its answer."""
    body = _request(peer)
    _ask_venue(peer, body)
    peer.cut(reset=True)


@play
def http_executed_then_502(peer: Peer) -> None:
    """Let the venue carry the request out, and answer with 502 all the same."""
    body = _request(peer)
    _ask_venue(peer, body)
    peer.respond("502 Bad Gateway", "Content-Length: 0")
    http_honest(peer)


@play
def http_stale_connection(peer: Peer) -> None:
    """Answer one request, keep the connection alive, and reset it under the next."""
    _answer(peer, _read(peer))
    _read(peer)
    peer.cut(reset=True)


@play
def http_closed_behind(peer: Peer) -> None:
    """Answer one request as if the connection were kept alive, and close it right behind."""
    _answer(peer, _read(peer))
    peer.finish()
    peer.drain()


@play
def http_garbage(peer: Peer) -> None:
    """Answer with bytes that are no HTTP."""
    _request(peer)
    peer.send(bytes(range(256)) * 4)
    peer.finish()
    peer.drain()


@play
def http_web_page(peer: Peer) -> None:
    """Answer with 200 and a page for people."""
    _request(peer)
    page = b"<html><body>We will be back soon.</body></html>"
    peer.respond("200 OK", "Content-Type: text/html", f"Content-Length: {len(page)}", body=page)
    http_honest(peer)


def _status(status: str, *headers: str) -> Play:
    def answer(peer: Peer) -> None:
        _request(peer)
        peer.respond(status, *headers, "Content-Length: 0")
        http_honest(peer)

    number = status.partition(" ")[0]
    answer.__name__, answer.__doc__ = f"http_{number}", f"Answer one request with {status}."
    return play(answer)


_status("302 Found", _ELSEWHERE)
_status("307 Temporary Redirect", _ELSEWHERE)
_status("401 Unauthorized")
_status("429 Too Many Requests", "Retry-After: 1")
_status("500 Internal Server Error")
_status("502 Bad Gateway")
_status("503 Service Unavailable", "Retry-After: 1")
