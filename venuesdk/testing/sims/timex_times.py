"""The time stamps of the simulated TimeX: read, and printed as irregularly as recorded.

The clock is the caller's; nothing here reads one by itself.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from typing import Any

__all__ = ["SECOND", "Stamps", "parse_time", "stamp"]

SECOND = 1_000_000_000
_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
_TIME = re.compile(
    r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?(?:Z|([+-])(\d\d):?(\d\d))?", re.ASCII
)


class Stamps:
    """Prints moments as the venue does: with Z or without, with one to nine fraction digits."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._digits = itertools.cycle((3, 3, 2, 9, 1, 6, 3, 4, 5, 7, 8))

    def now(self) -> int:
        """Return nanoseconds since 1970."""
        return int(self._clock() * SECOND)

    def print(self, moment_ns: int, zone: str) -> str:
        """Return `moment_ns` in UTC, cut to the next number of digits in turn."""
        return stamp(moment_ns, zone, next(self._digits))


def stamp(moment_ns: int, zone: str, digits: int = 3) -> str:
    """Return `moment_ns` in UTC with that many fraction digits and that zone suffix."""
    seconds, nanoseconds = divmod(moment_ns, SECOND)
    moment = _EPOCH + timedelta(seconds=seconds)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{f'{nanoseconds:09d}'[:digits]}{zone}"


def parse_time(text: Any) -> int:
    """Return nanoseconds since 1970 of an ISO time, taken as UTC where it names no zone.

    Anything else is a ValueError.
    """
    match = _TIME.fullmatch(text) if isinstance(text, str) else None
    if match is None:
        raise ValueError(f"not a time: {text!r}")
    whole, fraction, sign, hours, minutes = match.groups()
    moment = datetime.strptime(f"{whole}+0000", "%Y-%m-%dT%H:%M:%S%z")
    offset = timedelta(hours=int(hours or 0), minutes=int(minutes or 0))
    moment += offset if sign == "-" else -offset
    return (moment - _EPOCH) // timedelta(seconds=1) * SECOND + int((fraction or "").ljust(9, "0"))
