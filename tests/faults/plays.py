"""What peers and venues of the fault table do that no play of the product's does."""

from __future__ import annotations

import socket
from collections import Counter
from collections.abc import Iterator
from typing import Any

from faults.stage import SPAN

from venuesdk.testing.faults import MARK, Peer, PeerLeft, Play
from venuesdk.testing.faults.frames import PING, TEXT, frame
from venuesdk.timing import monotonic

__all__ = ["numbered", "pausing", "stuffed"]

PAUSE = 2.0
"""For how long a peer is bad that is good again afterwards: longer than the call's timeout."""
STALE = frame(TEXT, b'{"requestId":"nobody-1","status":"SUCCESS","responseBody":{}}')

DEAF = 2.5
"""For how long nothing is read once the filler comes: longer than the order's timeout."""
STUFFED = 1.0
"""After how long the buffers are full: by then the filler has stood still for long."""


def pausing(filled_with: str) -> Play:
    """Return a play that answers the marked request with nothing of use, and then goes on.

    Meanwhile there is ``"silence"``, a flood of ``"pings"``, or a frame of which it lets the bytes
    ``"drip"``.
    """

    def pause(peer: Peer) -> None:
        peer.relay(MARK)
        until = monotonic() + PAUSE
        rest = STALE if filled_with == "drip" else b""
        while monotonic() < until:
            if filled_with == "pings":
                peer.send(frame(PING, b"flood") * 100)
            elif rest:
                peer.send(rest[:1])
                rest = rest[1:]
            peer.pause(0.1 if rest else 0.01)
        peer.send(rest)
        peer.relay()

    return pause


def stuffed(pings: bool) -> Play:
    """Return a play that reads nothing while the client's side is stuffed, then goes on.

    The filler, which is zeros, it throws away. With `pings` it sends one when the buffers are full,
    so that the client has a pong of its own to send before whatever is asked for.
    """

    def deaf(peer: Peer) -> None:
        peer.relay(MARK)
        peer.socket.recv(1, socket.MSG_PEEK)
        if pings:
            peer.pause(STUFFED)
            peer.send(frame(PING, b"are you there?"))
        peer.pause(DEAF)
        skip(peer)
        peer.relay()

    return deaf


def skip(peer: Peer) -> None:
    """Read up to what is no zero; neither a frame nor a TLS record begins with one."""
    while True:
        seen = peer.socket.recv(65536, socket.MSG_PEEK)
        if not seen:
            raise PeerLeft("the client ended the connection")
        zeros = len(seen) - len(seen.lstrip(b"\0"))
        while zeros:
            zeros -= len(peer.socket.recv(zeros))
        if peer.socket.recv(1, socket.MSG_PEEK) != b"\0":
            return


def numbered(venue: Any) -> None:
    """Let the venue number its events, so that each shows on which connection it was sent."""
    events_for = venue.events_for
    numbers: Counter[int] = Counter()

    def events(connection: Any) -> Iterator[Any]:
        for event in events_for(connection):
            numbers[connection.number] += 1
            number = connection.number * SPAN + numbers[connection.number]
            event["message"] = {"id": number, **event["message"]}
            yield event

    venue.events_for = events
