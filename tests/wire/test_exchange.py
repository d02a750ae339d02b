"""What a failure means for one request, and the line that looks like a socket."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Iterator

import pytest

from venuesdk.errors import (
    ConnectFailed,
    ConnectionLost,
    NotSent,
    ProtocolError,
    RequestTimeout,
    SequenceGap,
)
from venuesdk.timing import Deadline
from venuesdk.wire.exchange import Exchange, Line
from venuesdk.wire.sockets import NO_WAIT
from venuesdk.wire.stream import ByteStream


class Ends:
    """A line over one end of a pair of sockets, and the other end."""

    def __init__(self) -> None:
        self.own, self.peer = socket.socketpair()
        self.stream = ByteStream(self.own)
        self.exchange = Exchange(Deadline(5))
        self.closed: list[ByteStream] = []
        self.line = Line(self.stream, lambda: self.exchange, self.closed.append)

    def fill(self) -> None:
        """Fill what the peer does not read, until the socket takes nothing more."""
        with contextlib.suppress(BlockingIOError):
            while True:
                self.own.send(bytes(65536), NO_WAIT)


@pytest.fixture
def ends() -> Iterator[Ends]:
    """Return a line and its peer."""
    pair = Ends()
    yield pair
    pair.stream.close()
    pair.peer.close()


def test_what_is_sent_arrives_and_is_noted(ends: Ends) -> None:
    """With the first byte that left, the outcome of the request is no longer known."""
    assert not ends.exchange.sent
    ends.line.sendall(b"GET / HTTP/1.1\r\n\r\n")
    assert ends.peer.recv(100) == b"GET / HTTP/1.1\r\n\r\n"
    assert ends.exchange.sent


def test_a_line_that_takes_nothing_sends_nothing(ends: Ends) -> None:
    """Not one byte left by the deadline: NotSent, and nothing unknown."""
    ends.fill()
    ends.exchange = Exchange(Deadline(0.05))
    with pytest.raises(NotSent) as caught:
        ends.line.sendall(b"order")
    assert not caught.value.outcome_unknown
    assert not ends.exchange.sent
    assert ends.exchange.failure is caught.value


def test_after_the_first_piece_the_outcome_is_unknown(ends: Ends) -> None:
    """The head of the request left, its body did not: that is no longer NotSent."""
    ends.line.sendall(b"POST / HTTP/1.1\r\n\r\n")
    ends.fill()
    ends.exchange.deadline = Deadline(0.05)
    with pytest.raises(RequestTimeout) as caught:
        ends.line.sendall(b"body")
    assert caught.value.outcome_unknown


def test_a_piece_that_left_in_part_is_unknown(ends: Ends) -> None:
    """Half of a large request left before the deadline."""
    ends.exchange = Exchange(Deadline(0.05))
    with pytest.raises(RequestTimeout) as caught:
        ends.line.sendall(bytes(2 << 20))
    assert caught.value.outcome_unknown
    assert ends.exchange.sent


def test_a_peer_that_went_away_before_the_first_byte(ends: Ends) -> None:
    """The system refuses the first byte: it was certainly not sent."""
    ends.peer.close()
    with pytest.raises(NotSent) as caught:
        ends.line.sendall(b"order")
    assert not caught.value.outcome_unknown


def test_a_file_reads_what_the_peer_sends_and_its_end(ends: Ends) -> None:
    """The end in good order is an empty read, and the exchange knows of it."""
    file = ends.line.makefile("rb")
    ends.peer.sendall(b"one\r\ntwo")
    assert file.readline() == b"one\r\n"
    assert not ends.exchange.broken
    ends.peer.close()
    assert file.read() == b"two"
    assert ends.exchange.broken
    assert file.readable()
    file.close()


def test_reading_ends_at_the_deadline(ends: Ends) -> None:
    """A read waits for no longer than the exchange has left."""
    ends.exchange = Exchange(Deadline(0.05))
    ends.exchange.sent = True
    with ends.line.makefile("rb") as file, pytest.raises(RequestTimeout):
        file.read(1)


def test_the_stream_closes_with_its_last_user(ends: Ends) -> None:
    """The owner may let go while an answer is still being read, as ``http.client`` does."""
    file = ends.line.makefile("rb")
    ends.line.close()
    ends.peer.sendall(b"rest")
    assert file.read(4) == b"rest"
    assert ends.closed == []
    file.close()
    file.close()
    ends.line.close()
    assert ends.closed == [ends.stream]
    assert ends.peer.recv(1) == b""


def test_only_a_silent_line_can_take_a_request(ends: Ends) -> None:
    """A line is quiet until something arrives that was not asked for."""
    assert ends.line.quiet
    ends.line.makefile("rb").close()
    assert ends.line.quiet
    ends.peer.sendall(b"x")
    assert not ends.line.quiet


def test_a_line_whose_peer_hung_up_is_not_quiet(ends: Ends) -> None:
    """The end of the stream is noticed before a request is sent."""
    ends.peer.close()
    assert not ends.line.quiet


def test_what_was_read_beyond_an_answer_spoils_the_line(ends: Ends) -> None:
    """Bytes behind an answer vanish with its file, so the next answer might be cut."""
    ends.peer.sendall(b"answer\r\nand more")
    with ends.line.makefile("rb") as file:
        assert file.readline() == b"answer\r\n"
    assert not ends.line.quiet


def test_a_librarys_timeout_changes_nothing(ends: Ends) -> None:
    """``settimeout`` is accepted and has no effect."""
    ends.line.settimeout(0.0)
    ends.exchange = Exchange(Deadline(0.2))
    with ends.line.makefile("rb") as file:
        ends.peer.sendall(b"y")
        assert file.read(1) == b"y"


def exchange_at(*stages: str) -> Exchange:
    """Return an exchange that got as far as some stages."""
    exchange = Exchange(Deadline(None))
    for stage in stages:
        setattr(exchange, stage, True)
    return exchange


@pytest.mark.parametrize(
    ("stages", "kind", "unknown"),
    [
        ((), ConnectFailed, False),
        (("established",), NotSent, False),
        (("established", "broken"), NotSent, False),
        (("established", "sent", "broken"), ConnectionLost, True),
        (("established", "sent"), ProtocolError, True),
    ],
)
def test_a_librarys_exception_means_what_the_exchange_knows(
    stages: tuple[str, ...], kind: type[Exception], unknown: bool
) -> None:
    """Not its type but how far the request came decides; its text, which may tell, is not kept."""
    failure = exchange_at(*stages).explain(OSError("with a key=canary"))
    assert type(failure) is kind
    assert failure.outcome_unknown is unknown
    assert "canary" not in str(failure)


def test_an_error_of_ours_is_kept() -> None:
    """What the product raised itself is not translated."""
    error = SequenceGap("mind")
    assert exchange_at("sent").explain(error) is error


def test_the_first_known_cause_wins() -> None:
    """Whatever the libraries made of it, the cause is what was noted where it happened."""
    exchange = exchange_at("established", "sent")
    cause = exchange.fail(exchange.cut("reset"))
    assert exchange.explain(OSError("wrapped")) is cause
    assert isinstance(cause, ConnectionLost)


def test_an_answer_that_takes_too_many_bytes_ends_the_exchange(ends: Ends) -> None:
    """The last byte that there is room for is given; the next one is a protocol error."""
    ends.exchange.room = 3
    ends.peer.sendall(b"abc")
    buffer = bytearray(10)
    assert ends.line.receive_into(buffer) == 3
    ends.peer.sendall(b"d")
    with pytest.raises(ProtocolError, match="does not end"):
        ends.line.receive_into(buffer)
    assert isinstance(ends.exchange.failure, ProtocolError)
