"""What TimeX sends, as values; nothing here knows a frame.

Names of attributes are the venue's in snake case. Amounts of money are exact `Decimal`s, except
where the venue counts in a token's base units, which are ints. A time stays the text that the
venue sent, since that alone is complete: TimeX writes one to nine fraction digits, and leaves out
the zone in some places, where UTC is meant. Beside every time stand the exact number of
nanoseconds since 1970 (``timestamp_ns``, ``created_at_ns``) and an aware `datetime`, cut to
microseconds (``datetime``, ``created_datetime``); both are computed when asked for, and raise
`ProtocolError` if the venue's text is not a time.

The shapes are those of the TimeX WebSocket document and, where that shows none, of recorded
messages.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from decimal import Decimal
from typing import Any, TypeAlias

from attrs import frozen

from ...protocol.times import datetime_from_ns, parse_time_ns
from .times import Created, Timed, Told

__all__ = [
    "AccountEvent",
    "AccountSnapshot",
    "Balance",
    "BalanceUpdate",
    "ChangedOrder",
    "ChangedOrders",
    "GroupedLevel",
    "GroupedOrderBook",
    "MarketEvent",
    "OpenOrders",
    "Order",
    "OrderUpdate",
    "PlacedOrders",
    "RawOrder",
    "RawOrderBook",
    "Snapshot",
    "Trade",
    "TradeInfo",
    "Update",
]


@frozen
class RawOrder(Created):
    """One order that rests in a raw book.

    ``direction`` is ``BUY`` or ``SELL``; ``hash`` is the order's id. ``quantity`` is in the base
    token, ``price`` what one of it costs in the quote token. ``created_at`` and ``expired_at``, the
    time when the order ends by itself, are the venue's text.
    """

    market: str
    hash: str
    direction: str
    quantity: Decimal
    price: Decimal
    created_at: str
    expired_at: str

    @property
    def expired_at_ns(self) -> int:
        """Return `expired_at` in nanoseconds since 1970; `ProtocolError` where it is no time."""
        return parse_time_ns(self.expired_at)

    @property
    def expired_datetime(self) -> dt.datetime:
        """Return `expired_at` as an aware UTC time, cut to microseconds."""
        return datetime_from_ns(self.expired_at_ns)


@frozen
class RawOrderBook(Told):
    """A whole book, order by order: every event replaces the one before, none is a difference.

    ``bids`` and ``asks`` are in the venue's order, best first. ``timestamp`` is the book's,
    ``event_timestamp`` that of the event that brought it, and ``update_id`` the number that the
    venue gave the message; the last two are ``None`` where there is none, as in a book that was
    asked for.
    """

    market: str
    timestamp: str
    bids: tuple[RawOrder, ...]
    asks: tuple[RawOrder, ...]
    event_timestamp: str | None = None
    update_id: int | None = None


@frozen
class GroupedLevel:
    """All orders of one price: ``volume`` in the base token, ``volume_quote`` in the quote one."""

    price: Decimal
    volume: Decimal
    volume_quote: Decimal


@frozen
class GroupedOrderBook(Told):
    """A whole book, price by price; its attributes are those of `RawOrderBook`."""

    market: str
    timestamp: str
    bids: tuple[GroupedLevel, ...]
    asks: tuple[GroupedLevel, ...]
    event_timestamp: str | None = None
    update_id: int | None = None


@frozen
class Trade(Timed):
    """A trade between two accounts.

    The two ``…_amount`` are exact numbers of the tokens' base units: to get an amount of tokens,
    shift by the ``tradeDecimals`` (not the ``decimals``) that ``/public/currencies`` gives for the
    token. ``direction`` is ``BUY`` or ``SELL``, as the venue says it. ``price`` and ``quantity``
    are in tokens; no document promises them, and they are ``None`` where the venue left them out.
    """

    id: int
    direction: str
    base_token_symbol: str
    quote_token_symbol: str
    base_token_address: str
    quote_token_address: str
    base_token_amount: int
    quote_token_amount: int
    maker_address: str
    taker_address: str
    price: Decimal | None
    quantity: Decimal | None
    timestamp: str
    reference: str | None = None
    update_id: int | None = None


@frozen
class Balance:
    """What the account holds of one currency, and how much of that its orders hold; in tokens."""

    currency: str
    total_balance: Decimal
    locked_balance: Decimal


@frozen
class Order(Created):
    """An order of the account.

    Quantities are in the base token, prices are what one of it costs in the quote token;
    ``avg_price`` is that of its fills. ``side`` and ``type`` are the venue's words (``BUY``,
    ``LIMIT``), ``client_order_id`` the id that you gave it. Times are the venue's text. ``id`` is a
    hash, and changes when the order is amended. The venue sends no state with an order: it is
    filled when ``filled_quantity`` is ``quantity``, and was cancelled when ``cancelled_quantity``
    is not zero. What is ``None`` was null.
    """

    id: str
    symbol: str
    side: str
    type: str
    quantity: Decimal
    filled_quantity: Decimal
    cancelled_quantity: Decimal
    created_at: str
    updated_at: str
    price: Decimal | None = None
    avg_price: Decimal | None = None
    client_order_id: str | None = None
    cursor_id: int | None = None
    expire_time: str | None = None

    @property
    def updated_at_ns(self) -> int:
        """Return `updated_at` in nanoseconds since 1970; `ProtocolError` where it is no time."""
        return parse_time_ns(self.updated_at)

    @property
    def updated_datetime(self) -> dt.datetime:
        """Return `updated_at` as an aware UTC time, cut to microseconds."""
        return datetime_from_ns(self.updated_at_ns)

    @property
    def expire_time_ns(self) -> int | None:
        """Return `expire_time` in nanoseconds since 1970, or None where the order has none.

        Raises `ProtocolError` where it is no time.
        """
        return None if self.expire_time is None else parse_time_ns(self.expire_time)

    @property
    def expire_datetime(self) -> dt.datetime | None:
        """Return `expire_time` as an aware UTC time, or None where the order has none."""
        nanoseconds = self.expire_time_ns
        return None if nanoseconds is None else datetime_from_ns(nanoseconds)


@frozen
class OpenOrders:
    """One page of the account's open orders in one market.

    ``page_number`` and ``total_page_count`` are the venue's: where there are more pages,
    `TimexClient.open_orders` asks for them.
    """

    market: str
    orders: tuple[Order, ...]
    page_number: int = 0
    total_page_count: int = 0


@frozen
class AccountSnapshot:
    """What an account holds and has open, as it stands when the subscription begins."""

    balances: tuple[Balance, ...]
    open_orders: tuple[OpenOrders, ...]

    def orders(self) -> Iterator[Order]:
        """Yield every open order of the snapshot, market by market."""
        for page in self.open_orders:
            yield from page.orders


@frozen
class BalanceUpdate:
    """A balance of the account, as it is now."""

    balance: Balance


@frozen
class TradeInfo:
    """One trade that an order update tells of: its price and quantity are in tokens."""

    trade_id: int
    trade_price: Decimal
    trade_quantity: Decimal


@frozen
class OrderUpdate:
    """An order of the account, as it is now, and the trades that changed it.

    ``message_type`` has been seen as ``ORDER`` and ``MARKET_ORDER``, ``order_status`` as
    ``ACTIVE``, ``PARTIAL`` and ``FILLED``; there may be others.
    """

    order: Order
    message_type: str | None = None
    order_status: str | None = None
    trade_info: tuple[TradeInfo, ...] = ()


@frozen
class Snapshot:
    """The initial state of a pattern; no document says its shape, so ``payload`` is plain data."""

    payload: Any


@frozen
class Update:
    """An event that has no type of its own, as plain data with `Decimal`s.

    ``id`` is the venue's number of the message, where it sent one.
    """

    id: int | None
    event: Any
    payload: Any

    @property
    def type(self) -> str | None:
        """Return the venue's name for this type of event, where the event has one."""
        kind = self.event.get("type") if isinstance(self.event, dict) else None
        return kind if isinstance(kind, str) else None


@frozen
class PlacedOrders:
    """The orders that were placed, as the venue took them."""

    orders: tuple[Order, ...]


@frozen
class ChangedOrder:
    """An order after a change; ``old_id`` is the id that it had before."""

    new_order: Order
    old_id: str | None = None


@frozen
class ChangedOrders:
    """What became of the orders that were to be changed or cancelled.

    An id in ``unchanged_orders`` could not be changed any more: most likely it was filled.
    """

    changed_orders: tuple[ChangedOrder, ...] = ()
    unchanged_orders: tuple[str, ...] = ()


MarketEvent: TypeAlias = RawOrderBook | GroupedOrderBook | Trade | Snapshot | Update
"""What a pattern's subscription brings."""

AccountEvent: TypeAlias = AccountSnapshot | BalanceUpdate | OrderUpdate | Update
"""What an account's subscription brings."""
