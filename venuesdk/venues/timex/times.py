"""The times that several of TimeX's values carry, read from the venue's text; nothing else.

A time stays the text that the venue sent, since that alone is complete: TimeX writes one to nine
fraction digits, and leaves out the zone in some places, where UTC is meant. Beside every time
``x`` stand ``x_ns``, the exact number of nanoseconds since 1970, and an aware `datetime` cut to
microseconds. Both are computed when asked for, and raise `ProtocolError` if the venue's text is
not a time.
"""

from __future__ import annotations

import datetime as dt

from ...protocol.times import datetime_from_ns, parse_time_ns

__all__ = ["Created", "Timed", "Told"]


class Timed:
    """What has a ``timestamp``."""

    __slots__ = ()
    timestamp: str

    @property
    def timestamp_ns(self) -> int:
        """Return `timestamp` in nanoseconds since 1970; `ProtocolError` where it is no time."""
        return parse_time_ns(self.timestamp)

    @property
    def datetime(self) -> dt.datetime:
        """Return `timestamp` as an aware UTC time, cut to microseconds."""
        return datetime_from_ns(self.timestamp_ns)


class Told(Timed):
    """What has the time of the event that brought it, too."""

    __slots__ = ()
    event_timestamp: str | None

    @property
    def event_timestamp_ns(self) -> int | None:
        """Return `event_timestamp` in nanoseconds since 1970, where there is one.

        Raises `ProtocolError` where it is no time.
        """
        return None if self.event_timestamp is None else parse_time_ns(self.event_timestamp)

    @property
    def event_datetime(self) -> dt.datetime | None:
        """Return `event_timestamp` as an aware UTC time, where there is one.

        It is cut to microseconds.
        """
        nanoseconds = self.event_timestamp_ns
        return None if nanoseconds is None else datetime_from_ns(nanoseconds)


class Created:
    """What was placed at a time."""

    __slots__ = ()
    created_at: str

    @property
    def created_at_ns(self) -> int:
        """Return `created_at` in nanoseconds since 1970; `ProtocolError` where it is no time."""
        return parse_time_ns(self.created_at)

    @property
    def created_datetime(self) -> dt.datetime:
        """Return `created_at` as an aware UTC time, cut to microseconds."""
        return datetime_from_ns(self.created_at_ns)
