"""Loopring's times: milliseconds by its documents' tables, seconds in one of its samples."""

from __future__ import annotations

from typing import Final

__all__ = ["milliseconds"]

FIRST_MILLIS: Final = 100_000_000_000
"""From here on a time is in milliseconds: as seconds it would lie beyond the year 5000."""


def milliseconds(time: int) -> int:
    """Return a time of the venue in milliseconds since 1970, whichever of the two it is in."""
    return time if abs(time) >= FIRST_MILLIS else time * 1_000
