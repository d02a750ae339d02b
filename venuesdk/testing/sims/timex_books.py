"""The order books of the simulated TimeX, order by order and price by price.

They are always whole: this venue sends no differences. No socket and no thread lives here.
"""

from __future__ import annotations

import hashlib
from decimal import Decimal
from typing import Any

from venuesdk.testing.market import Market
from venuesdk.testing.sims.timex_ledger import Ledger, plain
from venuesdk.testing.sims.timex_times import SECOND, Stamps

__all__ = ["Books"]


class Books:
    """Both forms of every market's book, the account's own resting orders among the rest."""

    def __init__(self, seed: int | str, market: Market, ledger: Ledger, stamps: Stamps) -> None:
        self._seed = seed
        self._market = market
        self._ledger = ledger
        self._stamps = stamps
        self._since: dict[tuple[str, str, Decimal], int] = {}
        for symbol in market.symbols:
            self.age(symbol)

    def age(self, symbol: str) -> None:
        """Note since when each level that has just changed has stood."""
        now = self._stamps.now()
        for side, price, amount in self._market[symbol].changes:
            if amount:
                self._since[symbol, side, price] = now
            else:
                self._since.pop((symbol, side, price), None)

    def raw(self, symbol: str, limit: int | None = None) -> dict[str, Any]:
        """Return the book order by order; best prices first."""
        timestamp = self._stamps.print(self._stamps.now(), "Z")
        bid, ask = (self._orders(symbol, side)[:limit] for side in ("BUY", "SELL"))
        return {"timestamp": timestamp, "bid": bid, "ask": ask}

    def grouped(self, symbol: str) -> dict[str, Any]:
        """Return the book price by price; best prices first."""
        timestamp = self._stamps.print(self._stamps.now(), "")
        bid, ask = (self._groups(symbol, side) for side in ("BUY", "SELL"))
        return {"timestamp": timestamp, "bid": bid, "ask": ask}

    def _orders(self, symbol: str, side: str) -> list[dict[str, Any]]:
        walk = self._market[symbol]
        rows = []
        for price, amount in walk.bids() if side == "BUY" else walk.asks():
            since = self._since[symbol, side, price]
            name = f"{self._seed}/{symbol}/{side}/{price}/{amount}"
            digest = f"0x{hashlib.sha256(name.encode()).hexdigest()}"
            rows.append((price, self._row(symbol, digest, side, amount, price, since)))
        for own in self._ledger.open(symbol):
            if own.asked.side == side:
                price, left, since = own.asked.price, own.remaining, own.created_ns
                row = self._row(symbol, own.id, side, left, price, since, own.asked.expires_ns)
                rows.append((price, row))
        rows.sort(key=lambda row: row[0], reverse=side == "BUY")
        return [row for _, row in rows]

    def _row(
        self,
        symbol: str,
        digest: str,
        side: str,
        quantity: Decimal,
        price: Decimal,
        since: int,
        until: int | None = None,
    ) -> dict[str, Any]:
        return {
            "market": symbol,
            "hash": digest,
            "direction": side,
            "quantity": plain(quantity),
            "price": plain(price),
            "createdAt": self._stamps.print(since, ""),
            "expiredAt": self._stamps.print(since + 60 * SECOND if until is None else until, ""),
        }

    def _groups(self, symbol: str, side: str) -> list[dict[str, str]]:
        totals: dict[str, Decimal] = {}
        for row in self._orders(symbol, side):
            totals[row["price"]] = totals.get(row["price"], Decimal(0)) + Decimal(row["quantity"])
        return [
            {"price": price, "volume": plain(size), "volumeQuote": plain(Decimal(price) * size)}
            for price, size in totals.items()
        ]
