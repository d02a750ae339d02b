"""Parcel: what is on its way out, as those who send it, write it and listen to it know it."""

from __future__ import annotations

__all__ = ["Parcel"]


class Parcel:
    """Bytes on their way out; ``done`` once the system has taken every one of them.

    One that is ``withdrawn`` must not begin to leave any more.
    """

    __slots__ = ("data", "done", "posted", "withdrawn")

    def __init__(self, data: bytes, posted: bool = False) -> None:
        self.data = data
        self.posted = posted
        self.done = False
        self.withdrawn = False
