"""Loopring's book, kept current: the base over HTTP, the changes of the stream on top of it.

The way is that of the venue's document: subscribe, ask for the depth, drop what it covers, and
take it from there, as long as every version follows the one before. That a stream's first push
would be the whole book no document says.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Final
from urllib.parse import urlencode

from ...book import BookUpdate
from ...errors import ProtocolError, RequestRejected
from ...models import HttpRequest, HttpResponse
from ...protocol.convert import Wire, decoder
from .answers import VENUE, refusal_of
from .models import BookSlot, OrderBookUpdate

__all__ = ["MOST_SLOTS", "book_update", "depth_of", "depth_request"]

DEPTH_PATH: Final = "/api/v3/depth"
MOST_SLOTS: Final = 50
"""The most slots of a side that the documents show being asked for."""


class _Depth(Wire, frozen=True):
    """The answer to a request for the depth of a market."""

    version: int
    market: str
    bids: tuple[BookSlot, ...]
    asks: tuple[BookSlot, ...]


_read_depth = decoder(_Depth, strict=False)


def depth_request(market: str, level: int, count: int) -> HttpRequest:
    """Return the request for the `count` best slots of each side of a market."""
    asked = {"market": market, "level": level, "limit": count}
    return HttpRequest("GET", f"{DEPTH_PATH}?{urlencode(asked)}")


def depth_of(market: str, count: int, response: HttpResponse) -> BookUpdate:
    """Return the base that `response` brings.

    Raises `RequestRejected` and its kin, `VenueUnavailable`, and `ProtocolError` for what is not
    the depth of `market`.
    """
    refused = refusal_of(response, f"no depth of {market}", _rejected)
    if refused is not None:
        raise refused
    depth = _read_depth(response.body)
    if depth.market.casefold() != market.casefold():
        raise ProtocolError(
            f"the depth of {market} was asked for, not that of {depth.market}",
            venue=VENUE,
            frame=response.body,
        )
    bids, asks = _rows(depth.bids), _rows(depth.asks)
    return BookUpdate(bids, asks, whole=True, last=depth.version, limit=count)


def book_update(event: OrderBookUpdate) -> BookUpdate:
    """Return what a push says of the book.

    A whole one is cut at a number of slots that it does not name: there may be more on a side
    that has as many as the longer one.
    """
    limit = max(len(event.bids), len(event.asks)) if event.snapshot else None
    return BookUpdate(
        _rows(event.bids),
        _rows(event.asks),
        event.snapshot,
        event.start_version,
        event.end_version,
        limit,
    )


def _rows(slots: tuple[BookSlot, ...]) -> list[tuple[Decimal, Decimal]]:
    return [(slot[0], Decimal(slot[1])) for slot in slots]


def _rejected(text: str, code: int, wait: float | None) -> RequestRejected:
    return RequestRejected(text, venue=VENUE, code=code)
