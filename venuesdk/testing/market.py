"""Seeded prices, books, trades and candles: pure arithmetic, no clock, no thread, no venue.

The same seed and the same number of steps give the same market, on every machine; symbols do
not influence each other, so adding one changes none of the rest. All numbers are invented.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from decimal import Decimal
from typing import NamedTuple

__all__ = ["Candle", "Change", "Instrument", "Level", "Market", "Quote", "Trade", "Walk"]

BUY = "BUY"
SELL = "SELL"


class Instrument(NamedTuple):
    """What a symbol starts from: its first price, the price step and the amount step."""

    price: Decimal
    tick: Decimal = Decimal("0.01")
    lot: Decimal = Decimal("0.001")


class Level(NamedTuple):
    """One row of a book."""

    price: Decimal
    amount: Decimal


class Change(NamedTuple):
    """One row of a book that became another; an amount of zero means that it is gone."""

    side: str
    price: Decimal
    amount: Decimal


class Quote(NamedTuple):
    """Best bid, best ask, and the middle between the two."""

    bid: Level
    ask: Level
    mid: Decimal


class Trade(NamedTuple):
    """One trade of the last step; `number` counts from 1 per symbol."""

    number: int
    side: str
    price: Decimal
    amount: Decimal


class Candle(NamedTuple):
    """Prices and volume since the first step."""

    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal
    volume: Decimal


class Walk:
    """One symbol: a mid price that walks, and the book around it."""

    def __init__(self, seed: str, instrument: Instrument, depth: int = 20) -> None:
        self._random = random.Random(seed)
        self._tick = instrument.tick
        self._lot = instrument.lot
        self._depth = depth
        self._middle = max(depth + 2, int(instrument.price / instrument.tick))
        self._books: dict[str, dict[int, int]] = {BUY: {}, SELL: {}}
        self.version = 0
        self.changes: list[Change] = []
        self._rebuild()
        first = self._price(self._middle)
        self.candle = Candle(first, first, first, first, Decimal(0))
        self.trade = Trade(0, BUY, first, self._lot)

    def step(self) -> None:
        """Move the price, the book around it, and make one trade."""
        move = self._random.choice((-2, -1, -1, 0, 0, 1, 1, 2))
        self._middle = max(self._depth + 2, self._middle + move)
        self.version += 1
        self._rebuild()
        side = self._random.choice((BUY, SELL))
        quote = self.quote()
        price = quote.ask.price if side == BUY else quote.bid.price
        amount = self._lot * self._random.randint(1, 500)
        self.trade = Trade(self.trade.number + 1, side, price, amount)
        old = self.candle
        self.candle = Candle(
            old.open, max(old.high, price), min(old.low, price), price, old.volume + amount
        )

    def quote(self) -> Quote:
        """Return the best prices and the middle."""
        bid, ask = self.bids(1)[0], self.asks(1)[0]
        return Quote(bid, ask, (bid.price + ask.price) / 2)

    def bids(self, count: int | None = None) -> list[Level]:
        """Return the buying side, best (highest) first."""
        return self._levels(BUY, count, reverse=True)

    def asks(self, count: int | None = None) -> list[Level]:
        """Return the selling side, best (lowest) first."""
        return self._levels(SELL, count, reverse=False)

    def _levels(self, side: str, count: int | None, *, reverse: bool) -> list[Level]:
        rows = sorted(self._books[side].items(), reverse=reverse)[:count]
        return [Level(self._price(price), self._lot * amount) for price, amount in rows]

    def _rebuild(self) -> None:
        self.changes = []
        for side, sign in ((BUY, -1), (SELL, 1)):
            book = self._books[side]
            wanted = [self._middle + sign * (1 + distance) for distance in range(self._depth)]
            for price in [price for price in book if price not in wanted]:
                del book[price]
                self._note(side, price, 0)
            for price in wanted:
                if price not in book or self._random.random() < 0.1:
                    book[price] = self._random.randint(1, 5000)
                    self._note(side, price, book[price])

    def _note(self, side: str, price: int, amount: int) -> None:
        self.changes.append(Change(side, self._price(price), self._lot * amount))

    def _price(self, ticks: int) -> Decimal:
        return self._tick * ticks


class Market:
    """Several symbols that step together: `market["BTC_USD"].quote()`."""

    def __init__(
        self, seed: int | str, instruments: Mapping[str, Instrument], depth: int = 20
    ) -> None:
        self.steps = 0
        self._walks = {
            symbol: Walk(f"{seed}/{symbol}", instrument, depth)
            for symbol, instrument in instruments.items()
        }

    @property
    def symbols(self) -> tuple[str, ...]:
        """The symbols, in the order in which they were given."""
        return tuple(self._walks)

    def __contains__(self, symbol: object) -> bool:
        return symbol in self._walks

    def __getitem__(self, symbol: str) -> Walk:
        return self._walks[symbol]

    def step(self) -> None:
        """Move every symbol one step."""
        self.steps += 1
        for walk in self._walks.values():
            walk.step()
