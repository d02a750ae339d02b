"""Response heads are read strictly, within limits of size, number and time."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from venuesdk.timing import Deadline
from venuesdk.wire.head import MAX_HEAD, MAX_HEADERS, Head, HeadError, parse_head, read_head


def reading(*pieces: bytes | None):
    """Return what `read_head` calls to receive: the pieces, then the end of the stream."""
    left = list(pieces)
    return lambda deadline: left.pop(0) if left else b""


def test_a_head_is_read_with_what_came_behind_it():
    """Status and headers are read, names without case, and the bytes behind are not lost."""
    wire = b"HTTP/1.1 101 Fine\r\nUpgrade: websocket\r\nX-Two:a\r\nx-two:\t b \r\n\r\n\x81\x00"
    head, rest = read_head(reading(None, wire), Deadline(5))
    assert head.status == 101
    assert head.headers == (("upgrade", "websocket"), ("x-two", "a"), ("x-two", "b"))
    assert head.all("x-two") == ["a", "b"]
    assert head.tokens("x-two") == {"a", "b"}
    assert rest == b"\x81\x00"


@given(st.lists(st.integers(1, 9), min_size=1, max_size=6))
def test_a_head_may_come_in_any_pieces(sizes):
    """However the head is cut, it is read the same."""
    wire = b"HTTP/1.0 200\r\nA: 1\r\nB: 2\r\n\r\n"
    pieces, position, turn = [], 0, 0
    while position < len(wire):
        size = sizes[turn % len(sizes)]
        pieces.append(wire[position : position + size])
        position, turn = position + size, turn + 1
    head, rest = read_head(reading(*pieces), Deadline(5))
    assert (head.status, head.headers, rest) == (200, (("a", "1"), ("b", "2")), b"")


@pytest.mark.parametrize(
    "wire",
    [
        b"",
        b"HTTP/1.1 200 OK\r\nA: 1\r\n",
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"HTTP/2 200\r\n\r\n",
        b"HTTP/1.1 20\r\n\r\n",
        b"HTTP/1.1 2000 OK\r\n\r\n",
        b"HTTP/1.1 200 O\nK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nno colon\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n: no name\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nbad name : x\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nA: 1\r\n folded\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nA: 1\0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nA: 1\rB: 2\r\n\r\n",
    ],
)
def test_what_is_not_a_head_is_refused(wire):
    """A malformed head, or none, is a HeadError."""
    with pytest.raises(HeadError):
        read_head(reading(wire), Deadline(5))


@given(st.binary(max_size=300))
def test_noise_is_a_head_error_or_a_head(noise):
    """Whatever the bytes are, nothing but HeadError is raised."""
    try:
        assert 100 <= parse_head(noise).status <= 999
    except HeadError as error:
        assert str(error)


def test_a_head_stops_at_its_limits():
    """64 KiB and 100 headers are read; what goes on beyond that is refused while it comes."""
    start = b"HTTP/1.1 200 OK\r\n"
    hundred = b"".join(b"H%d: x\r\n" % number for number in range(MAX_HEADERS))
    head, _ = read_head(reading(start + hundred + b"\r\n"), Deadline(5))
    assert len(head.headers) == MAX_HEADERS
    with pytest.raises(HeadError, match="100 headers"):
        read_head(reading(start + hundred + b"More: x\r\n"), Deadline(5))
    with pytest.raises(HeadError, match="100 headers"):
        read_head(reading(start + hundred + b"More: x\r\n\r\n"), Deadline(5))
    long = start + b"A: " + b"x" * (MAX_HEAD - len(start) - 3)
    head, _ = read_head(reading(long, b"\r\n\r\n"), Deadline(5))
    assert len(head.all("a")[0]) > 65_000
    with pytest.raises(HeadError, match="65536"):
        read_head(reading(long, b"x", b"\r\n\r\n"), Deadline(5))


def test_the_deadline_ends_a_head_that_drips():
    """A head that comes byte by byte is given up at the deadline, however steadily it comes."""
    assert read_head(lambda deadline: None, Deadline(0.05)) is None
    deadline = Deadline(30)

    def drip(deadline: Deadline) -> bytes:
        deadline.cancel()
        return b"H"

    assert read_head(drip, deadline) is None


def wait(value: str) -> float | None:
    """Return what a Retry-After of this value comes to."""
    return Head(429, (("retry-after", value),)).retry_after()


def test_retry_after_is_read_in_both_its_forms():
    """Seconds and HTTP dates are understood; a day is the most; nonsense is no answer."""
    assert wait("0") == 0.0
    assert wait("120") == 120.0
    assert wait("9" * 5000) == 86_400.0
    assert Head(429, ()).retry_after() is None
    for nonsense in ("", "soon", "-5", "1.5", "²", "Wed, 99 Foo"):
        assert wait(nonsense) is None
    now = datetime.now(timezone.utc)
    assert 50 < wait(format_datetime(now + timedelta(minutes=1), usegmt=True)) <= 60
    assert wait("Wed, 21 Oct 2015 07:28:00 GMT") == 0.0
    assert wait(format_datetime(now + timedelta(days=400), usegmt=True)) == 86_400.0
