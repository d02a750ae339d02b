"""What the simulated Loopring streams of its markets: books, trades, tickers, candles, pools.

Amounts are integers of a token's smallest unit, printed as texts, as documented. Prices, token
ids and the number of orders in a slot are invented. No socket, thread or account lives here.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from typing import Any, NamedTuple

from attrs import define

from venuesdk.testing.market import Instrument, Market
from venuesdk.testing.sims.loopring_topics import INTERVALS, Topic

__all__ = [
    "INSTRUMENTS",
    "TOKENS",
    "BookView",
    "Feed",
    "Token",
    "differences",
    "plain",
    "rows",
    "units",
]


class Token(NamedTuple):
    """A token's id, and how many of its smallest unit make one: ten to that power."""

    id: int
    decimals: int


TOKENS: Mapping[str, Token] = {
    "ETH": Token(0, 18),
    "LRC": Token(1, 18),
    "USDT": Token(3, 6),
    "USDC": Token(6, 6),
}

INSTRUMENTS: Mapping[str, Instrument] = {
    "LRC-ETH": Instrument(Decimal("0.0002"), Decimal("0.0000001"), Decimal("10")),
    "LRC-USDT": Instrument(Decimal("0.3512"), Decimal("0.0001"), Decimal("1")),
    "LRC-USDC": Instrument(Decimal("0.3509"), Decimal("0.0001"), Decimal("1")),
    "ETH-USDT": Instrument(Decimal("2958.97"), Decimal("0.01"), Decimal("0.001")),
}

Slot = tuple[str, str, str, str]
BookView = dict[str, dict[Decimal, Slot]]
"""Both sides of a book, `bids` and `asks`, best first: price to slot."""


def units(amount: Decimal, token: str) -> str:
    """Return an amount in the token's smallest unit; what is smaller is cut off."""
    return str(int(amount.scaleb(TOKENS[token].decimals)))


def plain(number: Decimal) -> str:
    """Return a decimal without exponent and trailing zeros."""
    text = format(number, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


@define
class _Candle:
    """One candle of one interval; `start` is in seconds since 1970."""

    start: int
    open: Decimal
    close: Decimal
    high: Decimal
    low: Decimal
    count: int = 0
    base: Decimal = Decimal(0)
    quote: Decimal = Decimal(0)

    def add(self, price: Decimal, amount: Decimal) -> None:
        """Take one trade in."""
        self.close = price
        self.high = max(self.high, price)
        self.low = min(self.low, price)
        self.count += 1
        self.base += amount
        self.quote += amount * price


class Feed:
    """All markets, and the data of each public topic as it stands after the last step.

    `trade_rows` is "fee" or "market": what a trade's row has behind its price.
    """

    def __init__(self, seed: int | str, trade_rows: str) -> None:
        if trade_rows not in ("fee", "market"):
            raise ValueError(f"trade_rows is fee or market, not {trade_rows!r}")
        self.market = Market(seed, INSTRUMENTS, depth=20)
        self.versions = dict.fromkeys(INSTRUMENTS, 1212120)
        self._seed = seed
        self._trade_rows = trade_rows
        self._random = random.Random(f"{seed}/blocks")
        self._blocks: list[int] = [0]
        self._candles: dict[tuple[str, str], _Candle] = {}
        self._days: dict[str, _Candle] = {}
        self._pools: dict[str, tuple[random.Random, int, int, int]] = {}
        self._now = 0

    def step(self, now_ms: int) -> None:
        """Move every market, block and pool; `now_ms` is the time that what follows will carry."""
        self._now = now_ms
        self.market.step()
        last = self._blocks[-1]
        self._blocks = [last + 1 + number for number in range(self._random.randint(1, 2))]
        for symbol in INSTRUMENTS:
            # Each changed slot counts: the versions of one push span its changes.
            self.versions[symbol] += len(self.market[symbol].changes)
            self._trade_into_candles(symbol, now_ms // 1000)
        for address, (rng, base, quote, minted) in self._pools.items():
            moved = base + base * rng.randint(-50, 50) // 100_000
            self._pools[address] = (rng, moved, base * quote // moved, minted)

    def book(self, symbol: str, level: int = 0) -> BookView:
        """Return the whole book; each level is ten times coarser than the one before (invented)."""
        walk, tick = self.market[symbol], INSTRUMENTS[symbol].tick.scaleb(level)
        base, quote = symbol.split("-")
        book: BookView = {}
        for side, levels, towards in (
            ("bids", walk.bids(), ROUND_FLOOR),
            ("asks", walk.asks(), ROUND_CEILING),
        ):
            sums: dict[Decimal, tuple[Decimal, Decimal, int]] = {}
            for price, amount in levels:
                key = (price / tick).to_integral_value(towards) * tick
                size, volume, count = sums.get(key, (Decimal(0), Decimal(0), 0))
                orders = 1 + int(amount / INSTRUMENTS[symbol].lot) % 4
                sums[key] = (size + amount, volume + amount * price, count + orders)
            book[side] = {
                key: (plain(key), units(size, base), units(volume, quote), str(count))
                for key, (size, volume, count) in sums.items()
            }
        return book

    def data(self, topic: Topic) -> Any:
        """Return the data of a public topic that is not a book."""
        match topic.name:
            case "trade":
                return [self._trade(topic.market)]
            case "ticker":
                return self._ticker(topic.market)
            case "candlestick":
                return self._candle(topic.market, topic.settings["interval"])
            case "ammpool":
                return self._pool(topic.settings["poolAddress"].lower())
            case _:
                return self._blockgen(topic.settings.get("verbose", False))

    def _trade_into_candles(self, symbol: str, now: int) -> None:
        trade = self.market[symbol].trade
        day = self._days.setdefault(symbol, _fresh(0, trade.price))
        day.add(trade.price, trade.amount)
        for name, seconds in INTERVALS.items():
            start = now - now % seconds
            candle = self._candles.get((symbol, name))
            if candle is None or candle.start != start:
                candle = self._candles[symbol, name] = _fresh(start, trade.price)
            candle.add(trade.price, trade.amount)

    def _trade(self, symbol: str) -> list[str]:
        """Return one row: `[ts, id, side, size, price, fee]`, or with the market before the fee."""
        trade, base = self.market[symbol].trade, symbol.split("-")[0]
        number = str(123456788 + trade.number)
        size, fee = units(trade.amount, base), units(trade.amount / 1000, base)
        row = [str(self._now), number, trade.side.lower(), size, plain(trade.price)]
        return [*row, symbol, fee] if self._trade_rows == "market" else [*row, fee]

    def _ticker(self, symbol: str) -> list[str]:
        day, quote = self._days[symbol], self.market[symbol].quote()
        base, quoted = symbol.split("-")
        prices = (day.open, day.high, day.low, day.close)
        volumes = (units(day.base, base), units(day.quote, quoted))
        best = (plain(quote.bid.price), plain(quote.ask.price))
        return [symbol, str(self._now), *volumes, *map(plain, prices), str(day.count), *best]

    def _candle(self, symbol: str, interval: str) -> list[str]:
        """Return `[start, count, open, close, high, low, base, quote]`: the close comes second."""
        candle = self._candles[symbol, interval]
        base, quote = symbol.split("-")
        prices = (candle.open, candle.close, candle.high, candle.low)
        volumes = (units(candle.base, base), units(candle.quote, quote))
        return [str(candle.start * 1000), str(candle.count), *map(plain, prices), *volumes]

    def _pool(self, address: str) -> list[Any]:
        if address not in self._pools:
            rng = random.Random(f"{self._seed}/{address}")
            self._pools[address] = (
                rng,
                11792920485390 * 10**12,
                3998385574130 * 10**9,
                41277091829000,
            )
        _, base, quote, minted = self._pools[address]
        return [[str(base), str(quote)], str(minted)]

    def _blockgen(self, verbose: bool) -> list[dict[str, Any]]:
        if not verbose:
            return [{"blockid": number} for number in self._blocks]
        # What a verbose block contains is nowhere shown; these two fields are invented.
        return [
            {"blockid": number, "blockSize": 128, "createdAt": self._now} for number in self._blocks
        ]


def _fresh(start: int, price: Decimal) -> _Candle:
    return _Candle(start, price, price, price, price)


def rows(book: BookView, count: int | None = None) -> dict[str, list[list[str]]]:
    """Return a book as it is sent, of each side at most `count` slots."""
    return {side: [list(slot) for slot in slots.values()][:count] for side, slots in book.items()}


def differences(old: BookView, new: BookView) -> BookView:
    """Return the slots of `new` that `old` has not; a slot that is gone comes with size zero."""
    changed: BookView = {}
    for side, slots in new.items():
        before = old[side]
        changed[side] = {price: slot for price, slot in slots.items() if before.get(price) != slot}
        for price in before:
            if price not in slots:
                changed[side][price] = (plain(price), "0", "0", "0")
    return changed
