"""What another process needs to read TimeX's events: names, times, narrowings; all of it stored.

A decoder of one event of a ``MESSAGE`` frame has the event's name, in upper case as the venue
writes it. The names of all others are ours, in lower case.
"""

from __future__ import annotations

from typing import Final

from ...protocol.catalogue import Catalogue
from ...protocol.convert import Wire, decoder
from ...protocol.times import parse_time_ns
from . import events
from .topics import OfMarket, OfPair

__all__ = ["CATALOGUE"]


class _Stamp(Wire, frozen=True):
    """What has a time."""

    timestamp: str | None = None


class _Books(Wire, frozen=True, rename={"raw": "rawOrderBook", "grouped": "orderbook"}):
    """The data of a book's event, as far as the time of the book."""

    raw: _Stamp | None = None
    grouped: _Stamp | None = None


class _BookEvent(Wire, frozen=True):
    """A book's event, as far as its times."""

    timestamp: str | None = None
    data: _Books | None = None


class _BookMessage(Wire, frozen=True):
    """The message of a book, as far as its times."""

    event: _BookEvent


class _BookFrame(Wire, frozen=True):
    """A frame of a book, as far as its times."""

    message: _BookMessage


class _Message(Wire, frozen=True):
    """Any message, as far as its time."""

    event: _Stamp


class _Frame(Wire, frozen=True):
    """Any frame of a ``MESSAGE``, as far as its time."""

    message: _Message


class _Order(Wire, frozen=True, rename="camel"):
    """An order, as far as the time of its last change."""

    updated_at: str


class _OrderPayload(Wire, frozen=True):
    """The payload of an order event, as far as its time."""

    order: _Order


_read_book = decoder(_BookFrame)
_read_frame = decoder(_Frame)
_read_order = decoder(_OrderPayload)


def _book_time(frame: bytes) -> int | None:
    """Read when the event was, or, where that is not said, of when its book is."""
    event = _read_book(frame).message.event
    text = event.timestamp
    if text is None and event.data is not None:
        book = event.data.raw or event.data.grouped
        text = None if book is None else book.timestamp
    return None if text is None else parse_time_ns(text)


def _message_time(frame: bytes) -> int | None:
    text = _read_frame(frame).message.event.timestamp
    return None if text is None else parse_time_ns(text)


def _order_time(payload: bytes) -> int:
    return parse_time_ns(_read_order(payload).order.updated_at)


CATALOGUE: Final = Catalogue(
    {
        **{name: decode for name, decode in events.MESSAGE_DECODERS.items() if name is not None},
        "message": events.message_update,
        "frame": events.frame_update,
        "account": events.account_update,
        "balance": events.balance_update,
        "order": events.order_update,
        "snapshot": events.pattern_snapshot,
        "account snapshot": events.account_snapshot,
    },
    times={
        "RAW_ORDER_BOOK_UPDATED": _book_time,
        "GROUP_ORDER_BOOK_UPDATED": _book_time,
        "TRADE": _message_time,
        "message": _message_time,
        "order": _order_time,
    },
    narrowings={
        **dict.fromkeys(OfMarket.KINDS, OfMarket.of),
        OfPair.NAME: OfPair.of,
    },
)
