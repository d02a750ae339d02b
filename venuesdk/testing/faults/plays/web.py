"""What an HTTP server does to a client: answers that lie, drip, explode or lead elsewhere."""

from __future__ import annotations

import zlib

from venuesdk.testing.faults.peer import Peer
from venuesdk.testing.faults.plays import Play, play

_DRIP = 0.2
_BOMB_SIZE = 200_000_000
_ZEROS = b"0" * 1_000_000


def _request(peer: Peer) -> None:
    peer.next_request()
    peer.read_body()


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
def http_short_body(peer: Peer) -> None:
    """Announce 1,000 bytes, send 10, and end the connection."""
    _request(peer)
    peer.respond("200 OK", "Content-Length: 1000", body=b'{"a": 1234')
    peer.finish()
    peer.drain()


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
    squeezer = zlib.compressobj(9, wbits=31)
    for _ in range(_BOMB_SIZE // len(_ZEROS)):
        peer.send(squeezer.compress(_ZEROS))
    peer.send(squeezer.flush())
    peer.finish()
    peer.drain()


@play
def http_cut(peer: Peer) -> None:
    """Read the whole request, and reset the connection."""
    _request(peer)
    peer.cut(reset=True)


@play
def http_stale_connection(peer: Peer) -> None:
    """Answer one request honestly enough, keep the connection alive, and close it at the next."""
    _request(peer)
    peer.respond("200 OK", "Content-Type: application/json", "Content-Length: 2", body=b"{}")
    _request(peer)
    peer.cut(reset=True)


@play
def http_garbage(peer: Peer) -> None:
    """Answer with bytes that are no HTTP."""
    _request(peer)
    peer.send(bytes(range(256)) * 4)
    peer.finish()
    peer.drain()


def _status(status: str, *headers: str) -> Play:
    def answer(peer: Peer) -> None:
        _request(peer)
        peer.respond(status, *headers, "Content-Length: 0")
        peer.drain()

    number = status.partition(" ")[0]
    answer.__name__, answer.__doc__ = f"http_{number}", f"Answer with {status}."
    return play(answer)


_status("302 Found", "Location: http://127.0.0.1:9/elsewhere")
_status("307 Temporary Redirect", "Location: http://127.0.0.1:9/elsewhere")
_status("401 Unauthorized")
_status("429 Too Many Requests", "Retry-After: 1")
_status("500 Internal Server Error")
_status("502 Bad Gateway")
_status("503 Service Unavailable", "Retry-After: 1")
