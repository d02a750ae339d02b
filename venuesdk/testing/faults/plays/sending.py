"""What a peer does to a client that sends: read nothing, answer twice, late, or another."""

from __future__ import annotations

from venuesdk.testing.faults.frames import TEXT, close_frame, frame
from venuesdk.testing.faults.peer import Peer
from venuesdk.testing.faults.play import Play, play
from venuesdk.testing.faults.plays.receiving import MARK

__all__ = [
    "answered_late",
    "answered_twice",
    "answering",
    "cutting_under",
    "deaf",
    "deaf_and_streaming",
    "deaf_for_a_while",
    "executed_then_cut",
]


@play
def deaf(peer: Peer) -> None:
    """Stop reading, so that the client's buffers fill up."""
    peer.relay(MARK)
    peer.hold()


@play
def deaf_and_streaming(peer: Peer) -> None:
    """Stop reading, and send pings without end, which all want to be answered."""
    peer.relay(MARK)
    while True:
        peer.send(frame(0x9, b"x" * 125) * 20)
        peer.pause(0.01)


@play
def deaf_for_a_while(peer: Peer) -> None:
    """Stop reading for half a second, then go on as if nothing had been."""
    held = peer.relay(MARK)
    peer.pause(0.5)
    if held is not None:
        peer.forward(held)
    peer.relay()


@play
def answered_twice(peer: Peer) -> None:
    """Send the answer twice."""
    held = peer.relay(MARK)
    if held is not None:
        peer.forward(held)
    peer.send(peer.answer().raw * 2)
    peer.relay()


@play
def answered_late(peer: Peer) -> None:
    """Send the answer two seconds late, when nobody may be waiting for it any more."""
    held = peer.relay(MARK)
    if held is not None:
        peer.forward(held)
    answer = peer.answer()
    peer.pause(2.0)
    peer.send(answer.raw)
    peer.relay()


@play
def executed_then_cut(peer: Peer) -> None:
    """Let the venue carry the request out, and lose the connection before its answer."""
    held = peer.relay(MARK)
    if held is not None:
        peer.forward(held)
    peer.answer()
    peer.cut(reset=True)


def answering(*payloads: bytes) -> Play:
    """Return a play that answers the marked request with these `payloads`, and then goes on."""

    def answer(peer: Peer) -> None:
        peer.relay(MARK)
        for payload in payloads:
            peer.send(frame(TEXT, payload))
        peer.relay()

    return answer


def cutting_under(count: int) -> Play:
    """Return a play that withholds `count` marked requests, then closes with code 1001."""

    def cut(peer: Peer) -> None:
        for _ in range(count):
            peer.relay(MARK)
        peer.send(close_frame(1001))
        peer.drain()

    return cut
