"""Faults: hostile peers and bad networks on loopback, for any client to be tested against.

`HostileServer` speaks WebSocket, HTTP and the CONNECT of proxies on raw sockets, and gets each of
them wrong on purpose, as a named play of `PLAYS` says; between a client and a simulated venue it
is honest until it strikes. `FaultProxy` leaves the bytes as they are and spoils the network under
them. `UnansweredPort` answers nothing at all.
"""

from __future__ import annotations

from venuesdk.testing.faults.peer import Peer, PeerLeft
from venuesdk.testing.faults.play import PLAYS, Play, play
from venuesdk.testing.faults.plays.connecting import redirecting_to
from venuesdk.testing.faults.plays.receiving import MARK
from venuesdk.testing.faults.plays.sending import answering, cutting_under
from venuesdk.testing.faults.proxy import FaultProxy
from venuesdk.testing.faults.server import HostileServer, UnansweredPort

__all__ = [
    "MARK",
    "PLAYS",
    "FaultProxy",
    "HostileServer",
    "Peer",
    "PeerLeft",
    "Play",
    "UnansweredPort",
    "answering",
    "cutting_under",
    "play",
    "redirecting_to",
]
