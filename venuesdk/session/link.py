"""Link: one connection that is logged in, with the codec that remembers what it taught.

What a session needs of a connection is named here; the one that is a socket is the wire's.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from attrs import field, frozen

from ..protocol.codec import Codec
from ..timing import Deadline, monotonic
from ..wire.parcel import Parcel

__all__ = ["Connection", "Link", "Traffic"]


class Connection(Protocol):
    """What a session needs of a connection; `WebSocketConnection` tells what each means."""

    last_received: float
    frames_in: int

    @property
    def closed(self) -> bool:
        """Whether it has ended, or is being closed."""

    @property
    def tls(self) -> tuple[str, str] | None:
        """The version and the cipher of TLS, or None where there is none."""

    @property
    def more(self) -> bool:
        """Whether a part of what came has not been read."""

    @property
    def bytes_in(self) -> int:
        """How many bytes came."""

    @property
    def bytes_out(self) -> int:
        """How many bytes left."""

    @property
    def frames_out(self) -> int:
        """How many frames were sent, or queued to be sent."""

    def send(self, data: str | bytes, timeout: float | Deadline | None = None) -> None:
        """Send one message."""

    def parcel(self, text: str) -> Parcel:
        """Return one text as `submit` takes it."""

    def submit(self, parcel: Parcel, deadline: Deadline) -> None:
        """Send, or leave it to whoever is sending."""

    def withdraw(self, parcel: Parcel) -> bool:
        """Take back what was submitted."""

    def post(self, data: str | bytes) -> bool:
        """Queue one message; never blocks."""

    def post_ping(self, payload: bytes = b"") -> bool:
        """Queue a ping; never blocks."""

    def read(self, timeout: float | None) -> list[bytes]:
        """Return the messages that one gulp brings."""

    def close(self, timeout: float = 2.0, code: int = 1000, reason: str = "") -> None:
        """Say goodbye, and end."""

    def shutdown(self) -> None:
        """End at once; never blocks."""

    def abandon(self) -> None:
        """Close only the descriptor, in a forked child."""


@frozen(eq=False)
class Link:
    """One connection in use; `early` are the frames that came right behind its login.

    `since` is when it was logged in, by `monotonic`.
    """

    connection: Connection
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
