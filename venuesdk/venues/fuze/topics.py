"""What one can subscribe to at Fuze, as topics."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, TypeAlias

from ...protocol.codec import Topic
from .models import MarketData, Quote

__all__ = ["MARKET_DATA", "QUOTES", "Route", "market_data_topic", "quote_route", "quotes_topic"]

QUOTES: Final = "quote_request"
MARKET_DATA: Final = "market_data_request"

Route: TypeAlias = tuple[str, str]
"""A method, and the symbol where its frames name one."""


def quote_route(symbol: str) -> Route:
    """Return where the quotes of `symbol` arrive; the venue may echo it in another case."""
    return QUOTES, symbol.upper()


def quotes_topic(symbol: str, type: str) -> Topic:
    """Return the topic of the quotes of one symbol; a quote does not name its type."""
    for argument, value in (("symbol", symbol), ("type", type)):
        if not isinstance(value, str):
            raise TypeError(f"{argument} is text, not {value.__class__.__name__}")
        if not value:
            raise ValueError(f"{argument} cannot be empty")
    return Topic(
        key=(QUOTES, symbol.upper(), type),
        name=f"{QUOTES} {symbol} {type}",
        spec={"symbol": symbol, "type": type},
        route=quote_route(symbol),
        split=_by_symbol,
    )


def market_data_topic() -> Topic:
    """Return the topic of the data of all assets."""
    return Topic(
        key=(MARKET_DATA,),
        name=MARKET_DATA,
        spec=None,
        route=(MARKET_DATA, ""),
        split=_by_asset,
    )


def _by_symbol(quote: Quote) -> Iterable[tuple[str, Quote]]:
    return ((quote.symbol, quote),)


def _by_asset(event: MarketData) -> Iterable[tuple[str, MarketData]]:
    for asset in event.assets:
        yield asset.asset, MarketData(event.timestamp_millis, (asset,))
