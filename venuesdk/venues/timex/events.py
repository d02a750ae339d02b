"""How TimeX's events and answers look on the wire, and the decoders that make them values.

Each decoder takes the bytes that its name says: a whole frame, the payload of an account event, a
snapshot, or the body of a ``REST`` answer. Which one a frame needs is the codec's decision.

The private classes have the shape of the wire; where a model is flat and the wire is not, a
function makes it so.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

from attrs import frozen

from ...errors import ProtocolError
from ...protocol.convert import Wire, decode_json, decoder
from .models import (
    AccountSnapshot,
    Balance,
    BalanceUpdate,
    ChangedOrders,
    GroupedOrderBook,
    Order,
    OrderUpdate,
    PlacedOrders,
    RawOrder,
    RawOrderBook,
    Snapshot,
    Trade,
    Update,
)

__all__ = [
    "MESSAGE_DECODERS",
    "account_snapshot",
    "account_update",
    "balance_update",
    "balances_body",
    "changed_orders_body",
    "frame_update",
    "message_update",
    "open_orders_body",
    "order_update",
    "orders_body",
    "pattern_snapshot",
    "raw_order_book_body",
]

LARGEST_AMOUNT = 2**256
"""No token contract counts this many base units."""

LONGEST_ID = 40
"""Digits: text that is longer is no number of a message or a trade."""


# ---- books ---------------------------------------------------------------------------------------


class _RawOrder(Wire, frozen=True, rename="camel"):
    market: str
    hash: str
    direction: str
    quantity: Decimal
    price: Decimal
    created_at: str
    expired_at: str


class _RawBook(Wire, frozen=True, rename={"bids": "bid", "asks": "ask"}):
    timestamp: str
    bids: tuple[_RawOrder, ...]
    asks: tuple[_RawOrder, ...]


class _RawData(Wire, frozen=True, rename={"book": "rawOrderBook"}):
    market: str
    book: _RawBook


class _RawEvent(Wire, frozen=True):
    data: _RawData
    timestamp: str | None = None


class _RawMessage(Wire, frozen=True):
    event: _RawEvent
    id: int | str | None = None


class _Level(Wire, frozen=True, rename="camel"):
    price: Decimal
    volume: Decimal
    volume_quote: Decimal


class _GroupedBook(Wire, frozen=True, rename={"bids": "bid", "asks": "ask"}):
    timestamp: str
    bids: tuple[_Level, ...]
    asks: tuple[_Level, ...]


class _GroupedData(Wire, frozen=True, rename={"book": "orderbook"}):
    market: str
    book: _GroupedBook


class _GroupedEvent(Wire, frozen=True):
    data: _GroupedData
    timestamp: str | None = None


class _GroupedMessage(Wire, frozen=True):
    event: _GroupedEvent
    id: int | str | None = None


class _RawFrame(Wire, frozen=True):
    message: _RawMessage


class _GroupedFrame(Wire, frozen=True):
    message: _GroupedMessage


class _FlatBook(Wire, frozen=True):
    market: str
    timestamp: str
    bids: tuple[Any, ...]
    asks: tuple[Any, ...]
    event_timestamp: str | None
    update_id: int | None


def _flat_book(frame: _RawFrame | _GroupedFrame) -> _FlatBook:
    """Return a book of either kind as its model has it."""
    message = frame.message
    event = message.event
    market, book = event.data.market, event.data.book
    return _FlatBook(
        market, book.timestamp, book.bids, book.asks, event.timestamp, _number(message.id)
    )


@frozen
class _RawBody:
    """The body of an answer that brings a raw book: it does not say of which market."""

    timestamp: str
    bids: tuple[RawOrder, ...]
    asks: tuple[RawOrder, ...]


# ---- trades --------------------------------------------------------------------------------------


class _TradeData(Wire, frozen=True, rename="camel"):
    id: int | str
    base_token_symbol: str
    quote_token_symbol: str
    base_token_address: str
    quote_token_address: str
    # Seen as text and as numbers beyond 64 bits: a Decimal reads both, and every digit.
    base_token_amount: Decimal
    quote_token_amount: Decimal
    maker_address: str
    taker_address: str
    direction: str | None = None


class _TradeEvent(Wire, frozen=True):
    timestamp: str
    data: _TradeData
    reference: str | None = None


class _TradePayload(Wire, frozen=True):
    price: Decimal | None = None
    quantity: Decimal | None = None
    direction: str | None = None


class _TradeMessage(Wire, frozen=True):
    event: _TradeEvent
    payload: _TradePayload | None = None
    id: int | str | None = None


class _TradeFrame(Wire, frozen=True):
    message: _TradeMessage


def _trade(frame: bytes) -> Trade:
    message = _trade_frame(frame).message
    event, data, payload = message.event, message.event.data, message.payload or _TradePayload()
    identity = _number(data.id)
    direction = data.direction or payload.direction
    if identity is None or direction is None:
        raise _unreadable("a trade lacks its id or direction", frame)
    return Trade(
        id=identity,
        direction=direction,
        base_token_symbol=data.base_token_symbol,
        quote_token_symbol=data.quote_token_symbol,
        base_token_address=data.base_token_address,
        quote_token_address=data.quote_token_address,
        base_token_amount=_base_units(data.base_token_amount, frame),
        quote_token_amount=_base_units(data.quote_token_amount, frame),
        maker_address=data.maker_address,
        taker_address=data.taker_address,
        price=payload.price,
        quantity=payload.quantity,
        timestamp=event.timestamp,
        reference=event.reference,
        update_id=_number(message.id),
    )


def _base_units(amount: Decimal, frame: bytes) -> int:
    # The order of the tests matters: int() of a vast exponent would fill the memory.
    if 0 <= amount < LARGEST_AMOUNT:
        units = int(amount)
        if units == amount:
            return units
    raise _unreadable("a trade's amount is not a whole number of base units", frame)


def _unreadable(reason: str, frame: bytes) -> ProtocolError:
    return ProtocolError(f"the venue's data cannot be read: {reason}", frame=frame)


def _number(id: int | str | None) -> int | None:
    """Return an id as a number, which it is in most places, and text in some."""
    if isinstance(id, str):
        return int(id) if id.isascii() and id.isdigit() and len(id) < LONGEST_ID else None
    return id


# ---- the decoders --------------------------------------------------------------------------------

_trade_frame = decoder(_TradeFrame)
_raw_body = decoder(_RawBody, wire=_RawBook)

MESSAGE_DECODERS: Mapping[str | None, Callable[[bytes], Any]] = {
    "RAW_ORDER_BOOK_UPDATED": decoder(RawOrderBook, wire=_RawFrame, flat=_flat_book),
    "GROUP_ORDER_BOOK_UPDATED": decoder(GroupedOrderBook, wire=_GroupedFrame, flat=_flat_book),
    "TRADE": _trade,
}
"""The name of an event in a ``MESSAGE`` frame → what reads such a frame; recorded shapes only."""

account_snapshot = decoder(AccountSnapshot, rename="camel")
balance_update = decoder(BalanceUpdate, rename="camel")
order_update = decoder(OrderUpdate, rename="camel")

orders_body = decoder(PlacedOrders, rename="camel")
changed_orders_body = decoder(ChangedOrders, rename="camel")
balances_body: Callable[[bytes], tuple[Balance, ...]] = decoder(tuple[Balance, ...], rename="camel")


def open_orders_body(body: bytes) -> tuple[Order, ...]:
    """Read an answer that brings the account's open orders."""
    return orders_body(body).orders


def raw_order_book_body(market: str) -> Callable[[bytes], RawOrderBook]:
    """Return the decoder of an answer that brings the raw book of `market`."""

    def decode(body: bytes) -> RawOrderBook:
        book = _raw_body(body)
        return RawOrderBook(market, book.timestamp, book.bids, book.asks)

    return decode


def pattern_snapshot(snapshot: bytes) -> Snapshot:
    """Read the snapshot of a pattern, whose shape no document tells."""
    return Snapshot(decode_json(snapshot))


def message_update(frame: bytes) -> Update:
    """Read a ``MESSAGE`` frame whose event has no model."""
    message = decode_json(frame).get("message")
    if not isinstance(message, dict):
        return Update(None, None, message)
    id = message.get("id")
    known = id if isinstance(id, (int, str)) and not isinstance(id, bool) else None
    return Update(_number(known), message.get("event"), message.get("payload"))


def account_update(payload: bytes) -> Update:
    """Read the payload of an account event that is neither a balance nor an order."""
    return Update(None, None, decode_json(payload))


def frame_update(frame: bytes) -> Update:
    """Read an event of a type that no document names: its payload is the whole frame."""
    return Update(None, None, decode_json(frame))
