"""Payloads to the very models of `venuesdk`, with the same checks, by msgspec and nothing else.

What the floors and the typed peers decode with. Each function looks at the envelope first, since a
client that does not know what comes next must; refuses what is not UTF-8, and Decimals that are
not finite. `ONE_PASS` has, where there is one, a decoder that knows beforehand what comes.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import msgspec
from msgspec import Raw, Struct, convert
from msgspec.json import Decoder

from venuesdk.venues.fuze.models import Quote
from venuesdk.venues.loopring.models import BookSlot, OrderBookUpdate
from venuesdk.venues.onyx.models import MessageType, Ticker, Tickers
from venuesdk.venues.timex.models import GroupedLevel, GroupedOrderBook, RawOrder, RawOrderBook

__all__ = ["ONE_PASS", "TWO_PASSES"]

ABSENT = Raw(b"")


class Unreadable(Exception):
    """A payload that is not what it must be."""


def _not_finite(value: Any) -> Unreadable:
    return Unreadable(f"a number is not finite in {value!r:.200}")


# ---- Onyx ----------------------------------------------------------------------------------------


class _OnyxFrame(Struct, gc=False):
    id: Any = None
    method: Any = None
    channel: Any = None
    message: Raw = ABSENT
    message_type: Any = 0


class _TickersFrame(Struct, gc=False):
    message: tuple[Ticker, ...]
    channel: Any = None
    id: Any = None
    method: Any = None
    message_type: Any = 0


_onyx_frame = Decoder(_OnyxFrame).decode
_tickers = Decoder(tuple[Ticker, ...]).decode
_tickers_frame = Decoder(_TickersFrame).decode
_KINDS = {int(kind): kind for kind in MessageType}


def onyx_tickers(payload: bytes) -> Tickers:
    """Read an event of Onyx's tickers."""
    if not payload.isascii():
        payload.decode()
    frame = _onyx_frame(payload)
    if frame.method is not None or frame.id is not None or frame.channel != "tickers":
        raise Unreadable(payload)
    return _checked_tickers(_tickers(frame.message), frame.message_type)


def onyx_tickers_in_one(payload: bytes) -> Tickers:
    """Read the same in one pass, which only one who knows that it is one can do."""
    if not payload.isascii():
        payload.decode()
    frame = _tickers_frame(payload)
    if frame.method is not None or frame.id is not None or frame.channel != "tickers":
        raise Unreadable(payload)
    return _checked_tickers(frame.message, frame.message_type)


def _checked_tickers(tickers: tuple[Ticker, ...], kind: int) -> Tickers:
    for ticker in tickers:
        mid, bid, ask = ticker.mid, ticker.bid, ticker.ask
        if mid is not None and not mid.is_finite():
            raise _not_finite(ticker)
        if bid is not None and not (bid.price.is_finite() and bid.amount.is_finite()):
            raise _not_finite(ticker)
        if ask is not None and not (ask.price.is_finite() and ask.amount.is_finite()):
            raise _not_finite(ticker)
    return Tickers(tickers, _KINDS[kind])


# ---- Loopring ------------------------------------------------------------------------------------


class _Push(Struct, gc=False, rename="camel"):
    op: Any = None
    result: Any = None
    topic: Raw = ABSENT
    ts: int = 0
    start_version: int | None = None
    end_version: int | None = None
    data: Raw = ABSENT


class _Sides(Struct, gc=False):
    bids: tuple[BookSlot, ...]
    asks: tuple[BookSlot, ...]


class _Topic(Struct, gc=False):
    topic: str
    market: str | None = None
    level: int | None = None
    snapshot: bool = False


_push = Decoder(_Push, strict=False).decode
_sides = Decoder(_Sides, strict=False).decode
_topic = Decoder(_Topic).decode
_topics: dict[bytes, _Topic] = {}


def loopring_book(payload: bytes) -> OrderBookUpdate:
    """Read a push of Loopring's order book; a topic is read once for each of its spellings."""
    if not payload.isascii():
        payload.decode()
    push = _push(payload)
    if push.op is not None or push.result is not None:
        raise Unreadable(payload)
    spelling = bytes(push.topic)
    topic = _topics.get(spelling)
    if topic is None:
        topic = _topics[spelling] = _topic(spelling)
    sides = _sides(push.data)
    for side in (sides.bids, sides.asks):
        for slot in side:
            if not slot.price.is_finite():
                raise _not_finite(slot)
    market, level, snapshot = topic.market, topic.level, topic.snapshot
    versions = push.start_version, push.end_version
    return OrderBookUpdate(push.ts, market, level, sides.bids, sides.asks, *versions, snapshot)


# ---- TimeX ---------------------------------------------------------------------------------------


class _EventHead(Struct, gc=False):
    type: str
    timestamp: str | None = None
    data: Raw = ABSENT


class _MessageHead(Struct, gc=False):
    event: _EventHead
    id: int | None = None


class _TimexFrame(Struct, gc=False):
    message: _MessageHead
    type: str
    subscription_id: str = msgspec.field(name="subscriptionId")


class _RawRow(Struct, gc=False, rename="camel"):
    market: str
    hash: str
    direction: str
    quantity: Decimal
    price: Decimal
    created_at: str
    expired_at: str


class _RawBook(Struct, gc=False):
    timestamp: str
    bid: tuple[_RawRow, ...]
    ask: tuple[_RawRow, ...]


class _RawData(Struct, gc=False, rename="camel"):
    market: str
    raw_order_book: _RawBook


class _Level(Struct, gc=False, rename="camel"):
    price: Decimal
    volume: Decimal
    volume_quote: Decimal


class _GroupedBook(Struct, gc=False):
    timestamp: str
    bid: tuple[_Level, ...]
    ask: tuple[_Level, ...]


class _GroupedData(Struct, gc=False):
    market: str
    orderbook: _GroupedBook


_timex_frame = Decoder(_TimexFrame).decode
_raw_data = Decoder(_RawData).decode
_grouped_data = Decoder(_GroupedData).decode


def timex_raw(payload: bytes) -> RawOrderBook:
    """Read an event of TimeX's raw books."""
    message = _timex_message(payload, "RAW_ORDER_BOOK_UPDATED")
    data = _raw_data(message.event.data)
    book = data.raw_order_book
    for side in (book.bid, book.ask):
        for row in side:
            if not (row.quantity.is_finite() and row.price.is_finite()):
                raise _not_finite(row)
    bids = convert(book.bid, tuple[RawOrder, ...], from_attributes=True)
    asks = convert(book.ask, tuple[RawOrder, ...], from_attributes=True)
    event = message.event
    return RawOrderBook(data.market, book.timestamp, bids, asks, event.timestamp, message.id)


def timex_grouped(payload: bytes) -> GroupedOrderBook:
    """Read an event of TimeX's grouped books."""
    message = _timex_message(payload, "GROUP_ORDER_BOOK_UPDATED")
    data = _grouped_data(message.event.data)
    book = data.orderbook
    for side in (book.bid, book.ask):
        for row in side:
            volumes = row.volume.is_finite() and row.volume_quote.is_finite()
            if not (volumes and row.price.is_finite()):
                raise _not_finite(row)
    bids = convert(book.bid, tuple[GroupedLevel, ...], from_attributes=True)
    asks = convert(book.ask, tuple[GroupedLevel, ...], from_attributes=True)
    event = message.event
    return GroupedOrderBook(data.market, book.timestamp, bids, asks, event.timestamp, message.id)


def _timex_message(payload: bytes, kind: str) -> _MessageHead:
    if not payload.isascii():
        payload.decode()
    frame = _timex_frame(payload)
    if frame.type != "MESSAGE" or frame.message.event.type != kind:
        raise Unreadable(payload)
    return frame.message


# ---- Fuze ----------------------------------------------------------------------------------------


class _FuzeEnvelope(Struct, gc=False):
    code: Any = None
    data: Raw = ABSENT
    error: Any = None


class _FuzeFrame(Struct, gc=False):
    id: Any = None
    method: Any = None
    response: _FuzeEnvelope | None = None


class _QuoteData(Struct, gc=False, rename="camel"):
    symbol: str
    buy_price: Decimal
    sell_price: Decimal


_fuze_frame = Decoder(_FuzeFrame).decode
_quote_data = Decoder(_QuoteData).decode


def fuze_quote(payload: bytes) -> Quote:
    """Read an event of Fuze's quotes."""
    if not payload.isascii():
        payload.decode()
    frame = _fuze_frame(payload)
    envelope = frame.response
    if frame.method != "quote_request" or envelope is None or envelope.code != 200:
        raise Unreadable(payload)
    data = _quote_data(envelope.data)
    if not (data.buy_price.is_finite() and data.sell_price.is_finite()):
        raise _not_finite(data)
    return Quote(data.symbol, data.buy_price, data.sell_price)


TWO_PASSES: dict[str, Callable[[bytes], Any]] = {
    "onyx.tickers-1": onyx_tickers,
    "onyx.tickers-10": onyx_tickers,
    "loopring.orderbook-20": loopring_book,
    "timex.raw-10": timex_raw,
    "timex.grouped-20": timex_grouped,
    "timex.grouped-4": timex_grouped,
    "fuze.quote-1": fuze_quote,
}
ONE_PASS: dict[str, Callable[[bytes], Any]] = {
    "onyx.tickers-1": onyx_tickers_in_one,
    "onyx.tickers-10": onyx_tickers_in_one,
}
