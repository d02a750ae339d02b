"""Link: one connection that is logged in, with the codec that remembers what it taught."""

from __future__ import annotations

from collections.abc import Sequence

from attrs import field, frozen

from ..protocol.codec import Codec
from ..timing import monotonic
from ..wire.websocket import WebSocketConnection

__all__ = ["Link", "Traffic"]


@frozen(eq=False)
class Link:
    """One connection in use; `early` are the frames that came right behind its login.

    `since` is when it was logged in, by `monotonic`.
    """

    connection: WebSocketConnection
    codec: Codec
    early: Sequence[bytes] = ()
    since: float = field(factory=monotonic)


class Traffic:
    """What went over the links of a session."""

    __slots__ = ("bytes_in", "bytes_out", "frames_in", "frames_out")

    def __init__(self) -> None:
        self.bytes_in = 0
        self.bytes_out = 0
        self.frames_in = 0
        self.frames_out = 0

    def add(self, link: Link) -> None:
        """Add what went over a link that is used no more."""
        connection = link.connection
        self.bytes_in += connection.bytes_in
        self.bytes_out += connection.bytes_out
        self.frames_in += connection.frames_in
        self.frames_out += connection.frames_out

    def plus(self, link: Link | None) -> Traffic:
        """Return the sum with a link that is in use."""
        total = Traffic()
        for name in self.__slots__:
            setattr(total, name, getattr(self, name))
        if link is not None:
            total.add(link)
        return total
