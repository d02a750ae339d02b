"""The values that Fuze's streams bring; no wire names, no decoding."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

from attrs import frozen

from ...protocol.times import datetime_from_ms

__all__ = ["Asset", "MarketData", "Policies", "Quote"]


@frozen
class Quote:
    """An indicative two-sided price (Fuze document, "Quote Request").

    It has no id, no expiry, no quantity and no time. `buy_price` is below `sell_price` in the
    document's sample, which fits a price that the venue buys and one that it sells at; no
    document says whose side is meant. Both have every digit of the JSON number.
    """

    symbol: str
    buy_price: Decimal
    sell_price: Decimal


@frozen
class Policies:
    """What the venue says about one asset (Fuze document, "Market Data Request").

    The venue may send null for any of these, or leave it out; it is ``None`` then. Prices are in
    `local_currency`, changes in percent, `ath` and `atl` the highest and lowest price ever, their
    dates text as the venue writes it (a year, in the document).
    """

    name: str | None = None
    icon: str | None = None
    asset_enable: bool | None = None
    quote_limit: Decimal | None = None
    local_currency: str | None = None
    high_24hr: Decimal | None = None
    low_24hr: Decimal | None = None
    price_change_percent_24h: Decimal | None = None
    price_change_percent_1h: Decimal | None = None
    price_change_percent_7d: Decimal | None = None
    price_change_percent_30d: Decimal | None = None
    price_change_percent_1y: Decimal | None = None
    current_price: Decimal | None = None
    max_supply: Decimal | None = None
    circulating_supply: Decimal | None = None
    ath: Decimal | None = None
    ath_date: str | None = None
    atl: Decimal | None = None
    atl_date: str | None = None
    market_cap: Decimal | None = None


@frozen
class Asset:
    """One asset and its policies."""

    asset: str
    policies: Policies


@frozen
class MarketData:
    """One event of the market data stream: every asset, at one time.

    `timestamp_millis` is in milliseconds since 1970.
    """

    timestamp_millis: int
    assets: tuple[Asset, ...]

    @property
    def datetime(self) -> dt.datetime:
        """The aware UTC time of `timestamp_millis`."""
        return datetime_from_ms(self.timestamp_millis)
