"""Venue times: the wire's text or integer to exact nanoseconds and to aware datetimes.

Pure arithmetic; no clock is ever read here.
"""

from __future__ import annotations

import re
from datetime import date, datetime, timedelta, timezone
from functools import lru_cache
from typing import Final

from ..errors import ProtocolError

__all__ = ["NS_PER_MS", "datetime_from_ms", "datetime_from_ns", "parse_time_ns"]

NS_PER_MS: Final = 1_000_000

_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
_EPOCH_DAY = _EPOCH.toordinal()
_ISO_TIME = re.compile(
    r"(\d{4}-\d\d-\d\d[Tt ](?:[01]\d|2[0-3]):[0-5]\d):([0-5]\d)(?:\.(\d{1,9}))?"
    r"(?:[Zz]|([+-](?:[01]\d|2[0-3]):?[0-5]\d))?",
    re.ASCII,
)


def parse_time_ns(text: str) -> int:
    """Return the exact nanoseconds since 1970-01-01 UTC that an ISO 8601 time names.

    The fraction may have up to nine digits or be absent. A time without a zone is UTC: so TimeX
    sends them. Raises `ProtocolError` for anything else.
    """
    match = _ISO_TIME.fullmatch(text)
    if match is None:
        raise ProtocolError("the venue's time cannot be read: not an ISO time", frame=text)
    minute, second, fraction, offset = match.groups()
    try:
        seconds = _seconds_before(minute) + int(second)
    except ValueError as exc:
        raise ProtocolError(f"the venue's time cannot be read: {exc}", frame=text) from exc
    if offset:
        ahead = int(offset[1:3]) * 3_600 + int(offset[-2:]) * 60
        seconds += ahead if offset[0] == "-" else -ahead
    return seconds * 1_000_000_000 + int((fraction or "").ljust(9, "0"))


@lru_cache(maxsize=256)
def _seconds_before(minute: str) -> int:
    """Return the seconds from 1970 to a minute; those of a stream are few, and come again."""
    days = date(int(minute[:4]), int(minute[5:7]), int(minute[8:10])).toordinal() - _EPOCH_DAY
    return days * 86_400 + int(minute[11:13]) * 3_600 + int(minute[14:]) * 60


def datetime_from_ns(nanoseconds: int) -> datetime:
    """Return the aware UTC datetime of nanoseconds since 1970, cut down to whole microseconds.

    Raises `ProtocolError` where that lies outside the years 1 to 9999.
    """
    return _after_epoch(nanoseconds // 1_000)


def datetime_from_ms(milliseconds: int) -> datetime:
    """Return the aware UTC datetime of milliseconds since 1970.

    Raises `ProtocolError` where that lies outside the years 1 to 9999.
    """
    return _after_epoch(milliseconds * 1_000)


def _after_epoch(microseconds: int) -> datetime:
    try:
        return _EPOCH + timedelta(microseconds=microseconds)
    except OverflowError as exc:
        raise ProtocolError("the venue's time lies outside the years 1 to 9999") from exc
