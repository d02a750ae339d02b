"""The events of the simulated TimeX: books and trades of a pattern, news of the account.

Envelopes, keys and their order are those of recorded messages; an event with an id in its
message is the form of the TimeX document, one without is the form of recorded books. Nothing
here sends.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from venuesdk.testing.market import Market
from venuesdk.testing.sims import timex_shapes as shapes
from venuesdk.testing.sims.timex_books import Books
from venuesdk.testing.sims.timex_ledger import Ledger, Outcome, plain
from venuesdk.testing.sims.timex_patterns import Pattern
from venuesdk.testing.sims.timex_times import Stamps

__all__ = ["Events", "account_event", "account_news", "message"]


class Events:
    """Makes the events; `numeric_amounts` prints token amounts in trades as JSON numbers."""

    def __init__(self, market: Market, books: Books, stamps: Stamps, numeric_amounts: bool) -> None:
        self._market = market
        self._books = books
        self._stamps = stamps
        self._numeric = numeric_amounts
        self._message_id = 1267438

    def of(self, pattern: Pattern, subscription: str) -> dict[str, Any]:
        """Return what a streamed pattern brings now."""
        if pattern.family.startswith("trade"):
            return self._trade(pattern.symbol, subscription)
        raw = pattern.family == "orderbook.raw"
        event = {
            "timestamp": self._stamps.print(self._stamps.now(), ""),
            "type": "RAW_ORDER_BOOK_UPDATED" if raw else "GROUP_ORDER_BOOK_UPDATED",
            "reference": pattern.symbol,
            "topics": [pattern.symbol],
            "data": self.snapshot(pattern),
        }
        return message(subscription, {"event": event, "payload": None})

    def snapshot(self, pattern: Pattern) -> dict[str, Any]:
        """Return what a pattern shows now; invented: the data of a book's event, or a trade."""
        symbol = pattern.symbol
        if pattern.family == "orderbook.raw":
            return {"market": symbol, "rawOrderBook": self._books.raw(symbol)}
        if pattern.family == "orderbook.group":
            return {"market": symbol, "orderbook": self._books.grouped(symbol)}
        if not pattern.streamed:
            return {}
        one = self._market[symbol].trade
        row = {
            "id": str(self._reference(symbol) + 115),
            "timestamp": self._stamps.print(self._stamps.now(), "Z"),
            "direction": one.side,
            "price": plain(one.price),
            "quantity": plain(one.amount),
        }
        return {"trades": [row]}

    def _trade(self, symbol: str, subscription: str) -> dict[str, Any]:
        one = self._market[symbol].trade
        reference = self._reference(symbol)
        # As recorded, the reference is not the id in the data.
        data = shapes.trade(symbol, one, reference + 115, self._numeric)
        keys = ("baseTokenSymbol", "quoteTokenSymbol", "baseTokenAddress", "quoteTokenAddress")
        event = {
            "timestamp": self._stamps.print(self._stamps.now(), ""),
            "type": "TRADE",
            "reference": str(reference),
            "topics": [data[key] for key in keys],
            "data": data,
        }
        payload = {
            "price": plain(one.price),
            "quantity": plain(one.amount),
            "direction": one.side,
        }
        self._message_id += 1
        return {
            "type": "MESSAGE",
            "subscriptionId": subscription,
            "message": {"id": self._message_id, "event": event, "payload": payload},
        }

    def _reference(self, symbol: str) -> int:
        symbols = self._market.symbols
        return 30688731 + self._market.steps * len(symbols) + symbols.index(symbol)


def account_news(ledger: Ledger, outcomes: Iterable[Outcome]) -> list[dict[str, Any]]:
    """Return the payloads that tell of `outcomes`: each one's orders, then its balances."""
    news: list[dict[str, Any]] = []
    for outcome in outcomes:
        news += [shapes.order_event(change) for change in outcome.changes]
        news += [{"balance": shapes.balance(ledger, one)} for one in outcome.currencies]
    return news


def account_event(subscription: str, payload: object) -> dict[str, Any]:
    """Return one piece of news for one subscription of the account."""
    return {"type": "ACCOUNT_SUBSCRIPTION", "subscriptionId": subscription, "payload": payload}


def message(subscription: str, body: object) -> dict[str, Any]:
    """Return an event in the order of keys that was recorded, with the type at its end."""
    return {"subscriptionId": subscription, "message": body, "type": "MESSAGE"}
