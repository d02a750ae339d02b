"""The values that Onyx's answers and events become; no wire names, no decoding.

What no document describes (a dashboard, the events of other channels) stays as plain data.
"""

from __future__ import annotations

import datetime as dt
import enum
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from attrs import field, frozen

from ...protocol.times import datetime_from_ms, datetime_from_ns, parse_time_ns

__all__ = [
    "ChannelEvent",
    "DashboardsEvent",
    "MessageType",
    "Quote",
    "Reply",
    "ServerInfo",
    "Ticker",
    "Tickers",
]


class MessageType(enum.IntEnum):
    """What an event does to what came before it (Onyx document, "Streaming Events").

    A number that the document does not list is kept: ``MessageType(7)`` equals 7 and is called
    ``UNKNOWN_7``.
    """

    NOT_SPECIFIED = 0
    UPDATE = 1
    CREATE = 2
    DELETE = 3

    @classmethod
    def _missing_(cls, value: object) -> MessageType | None:
        if type(value) is not int:
            return None
        member = int.__new__(cls, value)
        member._name_ = f"UNKNOWN_{value}".replace("-", "MINUS_")
        member._value_ = value
        return member


@frozen
class Reply:
    """What the venue answered to a request that it carried out.

    `message` is its text ("" where it sent none), whether it came bare or as
    ``{"Message": "…"}``; `body` is all that it sent, as plain data with exact numbers.
    """

    message: str
    body: Any = field(default=None, repr=False)


@frozen
class ServerInfo:
    """What the venue says about this connection (Onyx document, "Server Info Event").

    `uid` identifies the WebSocket connection, `timestamp` is the ISO text of the UTC time when
    the event was sent, `age_millis` the milliseconds since the connection was established: an
    int, or an exact Decimal where the venue sends a fraction of one.
    """

    uid: str
    timestamp: str
    age_millis: int | Decimal
    message_type: MessageType = MessageType.NOT_SPECIFIED

    @property
    def timestamp_ns(self) -> int:
        """Nanoseconds since 1970, exact. Raises `ProtocolError` where the text is no time."""
        return parse_time_ns(self.timestamp)

    @property
    def datetime(self) -> dt.datetime:
        """The aware UTC time, cut to microseconds. Raises as `timestamp_ns` does."""
        return datetime_from_ns(self.timestamp_ns)


@frozen
class Quote:
    """One side of a ticker: a price and the amount that it holds for."""

    price: Decimal
    amount: Decimal


@frozen
class Ticker:
    """The state of one contract (Onyx document, "Tickers Event").

    `timestamp_millis` is in milliseconds since 1970. `product_symbol` is the product that `symbol`
    is a contract of. The venue may leave out any of `product_symbol`, `mid`, `bid` and `ask`; they
    are ``None`` then.
    """

    symbol: str
    timestamp_millis: int
    product_symbol: str | None = None
    mid: Decimal | None = None
    bid: Quote | None = None
    ask: Quote | None = None

    @property
    def datetime(self) -> dt.datetime:
        """The aware UTC time of `timestamp_millis`."""
        return datetime_from_ms(self.timestamp_millis)


@frozen
class Tickers:
    """One event of the tickers channel: the contracts that it tells about, in its order.

    `message_type` is what it does to what came before.
    """

    tickers: tuple[Ticker, ...]
    message_type: MessageType = MessageType.UPDATE


@frozen
class DashboardsEvent:
    """One event of the dashboards channel (Onyx document, "Dashboards Event").

    `full` is true of the first event after subscribing, which holds every dashboard of the user;
    each later one holds what `message_type` says was updated, created or deleted. No document
    describes a dashboard: each is the venue's own object as it came, with exact numbers.
    """

    dashboards: tuple[Mapping[str, Any], ...]
    message_type: MessageType
    full: bool


@frozen
class ChannelEvent:
    """One event of a channel that has no model here: its message as plain data."""

    channel: str
    message: Any
    message_type: MessageType
