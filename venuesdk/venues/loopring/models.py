"""The values that Loopring's pushes become; no wire names, no decoding.

Amounts are exact integers in the smallest unit of their token, as the venue sends them: how many
of these make one token only the venue's token list says. Prices are Decimals.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, NamedTuple

from attrs import field, frozen

from ...protocol.times import datetime_from_ms
from .times import milliseconds

__all__ = [
    "AccountUpdate",
    "AmmPoolUpdate",
    "Block",
    "BlocksUpdate",
    "BookSlot",
    "CandlestickUpdate",
    "OrderBookUpdate",
    "OrderUpdate",
    "TickerUpdate",
    "TopicUpdate",
    "Trade",
    "TradesUpdate",
    "Update",
]


@frozen
class Update:
    """What all pushes have: `timestamp`, when the venue made it.

    It is in milliseconds since 1970 by the Loopring document's tables, in seconds in one of its
    samples; `datetime` tells the two apart.
    """

    timestamp: int

    @property
    def datetime(self) -> dt.datetime:
        """The aware UTC time of `timestamp`."""
        return datetime_from_ms(milliseconds(self.timestamp))


@frozen
class AccountUpdate(Update):
    """The balance of one token of the account (Loopring document, "Account Notification").

    `total` and `locked`, which is what orders hold of it, are amounts. What stands ``None`` the
    venue left out.
    """

    account_id: int
    token_id: int
    total: int
    locked: int
    nft_id: str | None = None
    nft_data: str | None = None
    token_address: str | None = None


@frozen
class OrderUpdate(Update):
    """The state of one order (Loopring document, "Order Notification").

    `hash` is the venue's id of it, `client_order_id` the one that it was given. `side` is ``buy``
    or ``sell`` and `status` one of ``processing``, ``processed``, ``cancelling``, ``cancelled``,
    ``expired``, ``waiting`` and ``failed``, both in lower case whatever the venue's. `size` and
    what is filled of it are amounts of the base token, `volume` of the quote token. Times are in
    the venue's unit; the documents show seconds.
    """

    hash: str
    client_order_id: str
    market: str
    side: str
    status: str
    price: Decimal
    size: int
    volume: int
    filled_size: int
    filled_volume: int
    filled_fee: int
    created_at: int
    valid_since: int
    valid_until: int
    updated_at: int | None = None

    @property
    def created(self) -> dt.datetime:
        """The aware UTC time of `created_at`."""
        return datetime_from_ms(milliseconds(self.created_at))


class BookSlot(NamedTuple):
    """One price of a book: amounts of base and quote token, and the number of its orders.

    These are the values that hold now, not changes; a `size` of zero says that the slot is gone.
    """

    price: Decimal
    size: int
    volume: int
    orders: int


@frozen
class OrderBookUpdate(Update):
    """Slots of a book (Loopring document, "Orderbook Notification").

    `snapshot` is true where the push says that its topic asks for whole books; else only the slots
    that changed are here. Of an unbroken series each `start_version` is the `end_version` before
    it plus one. `market` and `level` are ``None`` where the push does not say.
    """

    market: str | None
    level: int | None
    bids: tuple[BookSlot, ...]
    asks: tuple[BookSlot, ...]
    start_version: int | None = None
    end_version: int | None = None
    snapshot: bool = False


class Trade(NamedTuple):
    """One trade; `raw` is its row as the venue sent it, since two layouts of it are known.

    `timestamp` is in milliseconds since 1970 in the document. `side` is ``buy`` or ``sell``, `size`
    and `fee` are amounts.
    """

    timestamp: int
    trade_id: str
    side: str
    size: int
    price: Decimal
    market: str | None = None
    fee: int | None = None
    raw: tuple[Any, ...] = ()


@frozen
class TradesUpdate(Update):
    """Trades of a market (Loopring document, "Trade Notification")."""

    market: str | None
    trades: tuple[Trade, ...]


@frozen
class TickerUpdate(Update):
    """The last day of a market (Loopring document, "Ticker Notification").

    A price is ``None`` where the market has none; volumes are amounts. `market_timestamp` is the
    row's own time (milliseconds since 1970 in the document), `count` the number of trades.
    """

    market: str
    market_timestamp: int
    base_volume: int
    quote_volume: int
    open: Decimal | None
    high: Decimal | None
    low: Decimal | None
    close: Decimal | None
    count: int
    bid: Decimal | None
    ask: Decimal | None


@frozen
class CandlestickUpdate(Update):
    """The newest candle of a market (Loopring document, "Candlestick Notification").

    `start` is the time it began (milliseconds since 1970 in the document), `count` its number of
    trades; volumes are amounts, of the base and the quote token. `market` is ``None`` where the
    push does not name it, as in the document's sample.
    """

    market: str | None
    interval: str | None
    start: int
    count: int
    open: Decimal
    close: Decimal
    high: Decimal
    low: Decimal
    base_volume: int
    quote_volume: int


@frozen
class AmmPoolUpdate(Update):
    """The amounts in a pool (Loopring document, "AMM Pool Notification").

    `base` and `quote` are what it holds of its two tokens, `minted` the amount of its own;
    `pool_address` is ``None`` where the push does not say.
    """

    pool_address: str | None
    base: int
    quote: int
    minted: int


@frozen
class Block:
    """A block: its number, and all that the venue told of it, as plain data."""

    id: int
    details: Mapping[str, Any] = field(repr=False)


@frozen
class BlocksUpdate(Update):
    """New blocks (Loopring document, "Block Generation Notification")."""

    blocks: tuple[Block, ...]


@frozen
class TopicUpdate:
    """A push of a topic that has no model here, or in no form that a document describes.

    `topic`, `data` and the whole `body` are plain data with exact numbers; `timestamp` is ``None``
    where there is none.
    """

    timestamp: int | None
    topic: Any
    data: Any
    body: Mapping[str, Any] = field(repr=False)
