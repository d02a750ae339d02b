"""HTTP answers, right and wrong: heads that lie, bodies that do not end, compression that explodes.

An answer is built from a documented body in one of the framings that HTTP has, and is then spoilt.
Led by `Choices`, as the mutations of frames are. Nothing here knows the product.
"""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Callable

from fuzzing.mutations import Choices

__all__ = ["answer", "respoilt"]

Headers = list[bytes]

NUMBERS = (
    *(b"0", b"-1", b"+2", b"1_0", b" 5 ", b"5, 5", b"5, 6", b"", b"x", b"1e3", b"0x10", b"\xb2"),
    *(b"99999999999999999999", b"9" * 5000, b"\xd9\xa1", b"5;q=1", b"00002", b"2\t", b"1.5"),
)
LINES = (
    *(b"Content-Length: 3", b"Content-Length: 0", b"Transfer-Encoding: chunked", b"X", b": x", b""),
    *(b"Transfer-Encoding: gzip, chunked", b"Transfer-Encoding: identity", b" folded: x"),
    *(b"Transfer-Encoding : chunked", b"transfer-encoding: CHUNKED", b"Transfer-Encoding: \x0bx"),
    *(b"Content-Encoding: br", b"Content-Encoding: zstd", b"Content-Encoding: gzip, gzip"),
    *(b"Content-Encoding: deflate", b"Content-Encoding: x-gzip"),
    *(b"Content-Encoding: " + b"gzip," * 9, b"Content-Encoding: gzip;q=1, deflate"),
    *(b"Connection: close", b"Connection: keep-alive, close", b"Retry-After: 9" + b"9" * 400),
    *(b"Retry-After: Wed, 21 Oct 99999 07:28:00 GMT", b"Set-Cookie: a=b; Domain=.com", b"A: \xff"),
    *(b"Retry-After: Fri, 31 Dec 9999 23:59:59 -2359", b"Location: http://192.0.2.1/", b"A: \r b"),
    *(b"Content-Type: text/html; charset=\xff", b"Upgrade: websocket", b"A:\0b"),
    *(b"A: " + b"x" * 70_000, b"B" * 70_000 + b": x"),
    *(b"Sec-WebSocket-Extensions: permessage-deflate", b"Content-Length: 2\r\nContent-Length: 2"),
)
STATUS_LINES = (
    *(b"HTTP/1.1 204 No Content", b"HTTP/1.1 304 Not Modified", b"HTTP/1.1 100 Continue"),
    *(b"HTTP/1.1 101 Switching Protocols", b"HTTP/1.1 999 ", b"HTTP/1.1 000 x", b"HTTP/1.1 -20 x"),
    *(b"HTTP/1.0 200 OK", b"HTTP/0.9 200 OK", b"HTTP/2 200", b"HTTP/1.1 2000 OK", b"HTTP/1.1", b""),
    *(b"HTTP/1.1  200 OK", b"http/1.1 200 OK", b"HTTP/1.1 200\tOK", b"ICY 200 OK", b"HTTP/1.1 20x"),
    *(b"HTTP/1.1 \xb2\xb2\xb2 OK", b"HTTP/1.1 429 Slow", b"HTTP/1.1 503 x", b"HTTP/1.1 302 Found"),
    *(b"HTTP/1.1 200 \x1b[31m", b"HTTP/1.1 200 " + b"x" * 70_000, b"HTTP/1.1 103 Early Hints"),
)
SIZES = (
    *(b"-1", b"0x5", b"+5", b"5 ", b" 5", b"", b"g", b"5_0", b"F" * 16, b"F" * 5000),
    b"5;" + b"x" * 9,
)


def _compressed(body: bytes, choose: Choices) -> tuple[Headers, bytes]:
    """Compress a body, or not; sometimes what is compressed is far larger than it looks."""
    if choose.below(4) == 0:
        body = body[:1] * choose.of([100_000, 3_000_000])
    how = choose.below(5)
    if how == 0:
        return [b"Content-Encoding: gzip"], gzip.compress(body, 9, mtime=0)
    if how == 1:
        return [b"Content-Encoding: deflate"], zlib.compress(body)
    if how == 2:
        layers = choose.of([2, 5, 6, 12])
        for _ in range(layers):
            body = gzip.compress(body, 1, mtime=0)
        return [b"Content-Encoding: " + b", ".join([b"gzip"] * layers)], body
    if how == 3:
        return [b"Content-Encoding: gzip"], b"".join(
            gzip.compress(part, mtime=0) for part in (body, b"", body)
        )
    return [], body[:100_000]


def _sized(body: bytes, choose: Choices) -> tuple[Headers, bytes]:
    return [b"Content-Length: %d" % len(body)], body


def _missized(body: bytes, choose: Choices) -> tuple[Headers, bytes]:
    """Say a length that is not the body's."""
    near = [b"%d" % (len(body) + off) for off in (-1, 1, -len(body), 10, 10**6, 10**12)]
    return [b"Content-Length: " + choose.of([*near, *NUMBERS])], body


def _endless(body: bytes, choose: Choices) -> tuple[Headers, bytes]:
    return [], body


def _chunked(body: bytes, choose: Choices) -> tuple[Headers, bytes]:
    """Send a body in chunks, whose sizes may lie."""
    pieces: list[bytes] = []
    honest = choose.below(3) > 0
    step = choose.of([1, 7, 1000, 100_000])
    for start in range(0, min(len(body), 40 * step), step):
        piece = body[start : start + step]
        size = b"%x" % len(piece)
        if not honest and choose.below(4) == 0:
            size = choose.of([*SIZES, b"%x" % (len(piece) + 1), b"%x" % (len(piece) - 1), b"0"])
        ending = b"\r\n" if honest else choose.of([b"\r\n", b"\n", b"", b"\r\n\r\n"])
        extension = choose.of([b"", b";a=b", b";" + b"x" * 70_000]) if not honest else b""
        pieces += [size, extension, b"\r\n", piece, ending]
    last = b"0\r\n\r\n"
    if not honest:
        lasts = [last, b"", b"0\r\n", b"0\r\nTrailer: x\r\n\r\n", b"0\r\n" + b"T: x\r\n" * 200]
        last = choose.of([*lasts, b"0\r\n" + b"T" * 70_000, b"000\r\n\r\n", b"-0\r\n\r\n"])
    return [b"Transfer-Encoding: chunked"], b"".join([*pieces, last])


FRAMINGS: tuple[Callable[[bytes, Choices], tuple[Headers, bytes]], ...] = (
    *(_sized, _chunked, _missized, _endless, _chunked),
)


def answer(body: bytes, choose: Choices) -> bytes:
    """Return an HTTP answer with a body, as `choose` says: whole and right, or spoilt."""
    headers, body = _compressed(body, choose)
    framing, body = choose.of(FRAMINGS)(body, choose)
    lines = [b"Content-Type: application/json", *headers, *framing]
    first = b"HTTP/1.1 200 OK"
    if choose.flip():
        first = choose.of([first, first, *STATUS_LINES])
        for _ in range(choose.below(3)):
            lines.insert(choose.below(len(lines) + 1), choose.of(LINES))
        if choose.below(8) == 0:
            lines += [b"H%d: x" % number for number in range(choose.of([90, 101, 5000]))]
    ending = choose.of([b"\r\n", b"\r\n", b"\r\n", b"\n"])
    wire = ending.join([first, *lines, b"", b""]) + body
    return respoilt(wire, choose) if choose.below(3) == 0 else wire


def respoilt(wire: bytes, choose: Choices) -> bytes:
    """Cut an answer off, change some of its bytes, or send more than was asked for."""
    how = choose.below(4)
    if how == 0:
        return wire[: choose.below(len(wire) + 1)]
    if how == 1:
        return wire + choose.of([wire, b"\r\n", b"x", b"HTTP/1.1 200 OK\r\n\r\n"])
    # The head is where there is most to break.
    start = choose.below(min(len(wire), choose.of([200, len(wire)])) + 1)
    return wire[:start] + choose.noise(4) + wire[start + choose.below(4) :]
