"""Tap: who listens in to a connection, such as a recorder; and how a connection tells them.

Nothing is kept here, and nothing here changes what is sent or received. Where nobody listens, a
connection looks at one list for each gulp of frames, and for each batch that it writes.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from venuesdk.errors import VenueError
from venuesdk.models import HttpRequest, HttpResponse
from venuesdk.secret import Secret
from venuesdk.wire.parcel import Parcel

__all__ = ["UNTAPPED", "Tap", "Wiretap"]


class Tap(Protocol):
    """What a listener is told, on whatever thread it happens: it must neither wait nor raise.

    Some of it is told under the locks of the connection, so a listener calls nothing of the
    client's. `epoch` is the number of the connection.
    """

    def learn(self, secrets: Sequence[Secret]) -> None:
        """Hear of credentials, before the first byte in which one of them may stand."""

    def opened(self, epoch: int, url: str) -> None:
        """Hear of a connection that was made; its URL may hold a credential."""

    def received(self, epoch: int, frames: Sequence[bytes]) -> None:
        """Hear of the messages that one gulp brought."""

    def signalled(self, epoch: int, control: Sequence[tuple[int, bytes]]) -> None:
        """Hear of pings, pongs and close frames that came: opcode and payload."""

    def leaving(self, epoch: int, parcels: Sequence[Parcel]) -> None:
        """Hear of what is about to be written, in that order: nothing else goes between."""

    def stayed(self, epoch: int, parcel: Parcel) -> None:
        """Hear that no byte of what was about to be written has left; it may be tried again."""

    def cut(self, epoch: int, parcels: Sequence[Parcel]) -> None:
        """Hear that the connection ended with these unfinished: a part may have left, or all."""

    def ended(self, epoch: int, here: bool, code: int | None, reason: str) -> None:
        """Hear that a connection is over, and whether the client was closed."""

    def exchanged(
        self, request: HttpRequest, response: HttpResponse | None, error: VenueError | None
    ) -> None:
        """Hear of an HTTP request, with its answer or with why there is none."""


class Wiretap:
    """Those who listen in to one connection.

    `taps` is the client's own list, in which others put and remove listeners at any time: so
    everything that is told goes round a copy.
    """

    __slots__ = ("epoch", "taps")

    def __init__(self, taps: Sequence[Tap], epoch: int) -> None:
        self.taps = taps
        self.epoch = epoch

    def opened(self, url: str) -> None:
        """Tell of the connection."""
        for tap in tuple(self.taps):
            tap.opened(self.epoch, url)

    def received(self, frames: Sequence[bytes]) -> None:
        """Tell of what came; the list may change afterwards."""
        gulp = tuple(frames)
        for tap in tuple(self.taps):
            tap.received(self.epoch, gulp)

    def signalled(self, control: Sequence[tuple[int, bytes]]) -> None:
        """Tell of control frames that came."""
        for tap in tuple(self.taps):
            tap.signalled(self.epoch, tuple(control))

    def leaving(self, parcels: Sequence[Parcel]) -> None:
        """Tell of what is written next."""
        batch = tuple(parcels)
        for tap in tuple(self.taps):
            tap.leaving(self.epoch, batch)

    def stayed(self, parcel: Parcel) -> None:
        """Tell of what was not written after all."""
        for tap in tuple(self.taps):
            tap.stayed(self.epoch, parcel)

    def cut(self, parcels: Sequence[Parcel]) -> None:
        """Tell of what was left unfinished."""
        unfinished = tuple(parcels)
        for tap in tuple(self.taps):
            tap.cut(self.epoch, unfinished)

    def ended(self, here: bool, code: int | None, reason: str) -> None:
        """Tell of the end."""
        for tap in tuple(self.taps):
            tap.ended(self.epoch, here, code, reason)


UNTAPPED = Wiretap((), 0)
"""What a connection has to which nobody can listen in."""
