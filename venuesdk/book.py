"""Order books: immutable views of one, and the arithmetic that keeps one current.

Pure: no socket, no thread, no clock, no venue. Prices and sizes are exact Decimals in the venue's
own units. Who asks a venue for what is missing is the business of `venuesdk.mirrors`.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from decimal import Context, Decimal
from itertools import accumulate
from typing import Final, NamedTuple, TypeAlias

from attrs import frozen

from .errors import ProtocolError, SequenceGap

__all__ = ["EXACT", "Book", "BookLevel", "BookSides", "BookUpdate", "BookView"]

EXACT: Final = Context(prec=1_000)
"""What sums and middles are reckoned in: Python's own 28 digits do not hold a sum of wei."""
HALF: Final = Decimal("0.5")
MOST_COVERED: Final = 100
"""How many updates that a base covers already may come after it, before the base is doubted."""


class BookLevel(NamedTuple):
    """One price of a book, and all that rests there."""

    price: Decimal
    size: Decimal


Levels: TypeAlias = tuple[BookLevel, ...]


class BookSides(NamedTuple):
    """A part of both sides of a book, best prices first."""

    bids: Levels
    asks: Levels


@frozen
class BookView:
    """A book as it was at one moment; it never changes, and any thread may read it.

    ``bids`` and ``asks`` are sorted, best price first. A side that the venue cut off ends where
    nothing more is known. ``version`` is the venue's number of this state, where it has one, and
    ``epoch`` the number of the connection that it is from.
    """

    market: str
    bids: Levels
    asks: Levels
    version: int | None = None
    epoch: int = 0

    @property
    def best_bid(self) -> BookLevel | None:
        """The highest price that somebody pays, where anybody does."""
        return self.bids[0] if self.bids else None

    @property
    def best_ask(self) -> BookLevel | None:
        """The lowest price that somebody takes, where anybody does."""
        return self.asks[0] if self.asks else None

    @property
    def spread(self) -> Decimal | None:
        """How much the best ask is above the best bid; None where a side is empty."""
        if not (self.bids and self.asks):
            return None
        return EXACT.subtract(self.asks[0].price, self.bids[0].price)

    @property
    def mid(self) -> Decimal | None:
        """The middle between the best bid and the best ask; None where a side is empty."""
        if not (self.bids and self.asks):
            return None
        return EXACT.multiply(EXACT.add(self.asks[0].price, self.bids[0].price), HALF)

    @property
    def crossed(self) -> bool:
        """Whether the best bid is not below the best ask: then the venue itself sent it so."""
        return bool(self.bids and self.asks) and self.bids[0].price >= self.asks[0].price

    def levels(self, count: int) -> BookSides:
        """Return the `count` best levels of each side, or all there are."""
        _check_count(count)
        return BookSides(self.bids[:count], self.asks[:count])

    def depth(self, count: int | None = None) -> BookSides:
        """Return the `count` best levels of each side (all by default) with cumulated sizes.

        The size of each is what rests at its price and at every better one.
        """
        if count is not None:
            _check_count(count)
        return BookSides(_cumulated(self.bids[:count]), _cumulated(self.asks[:count]))


class BookUpdate(NamedTuple):
    """What a venue says of a book: all of it (`whole`), or the prices that changed.

    Rows are pairs of price and size, the size that holds now; zero says that the price is gone.
    ``first`` and ``last`` are the versions that a change spans, and ``last`` is that of a whole
    book; None where the venue says none. ``limit`` is how many levels of each side a whole book
    was cut at: where a side has as many, there may be more.
    """

    bids: Sequence[tuple[Decimal, Decimal]]
    asks: Sequence[tuple[Decimal, Decimal]]
    whole: bool = False
    first: int | None = None
    last: int | None = None
    limit: int | None = None


class _Side:
    """One side: prices in rising order, beside each its level, and where knowledge ends."""

    __slots__ = ("falling", "horizon", "levels", "prices", "shown")

    def __init__(self, falling: bool, update: Sequence[tuple[Decimal, Decimal]], limit: int | None):
        self.falling = falling
        rows = dict(update)
        if len(rows) != len(update):
            raise ProtocolError("a whole book names a price twice")
        for price, size in update:
            _check_size(price, size)
        self.levels = [BookLevel(price, rows[price]) for price in sorted(rows) if rows[price]]
        self.prices = [level.price for level in self.levels]
        self.shown: Levels | None = None
        cut = limit is not None and len(update) >= limit and bool(self.prices)
        self.horizon = self.prices[0 if falling else -1] if cut else None

    def set(self, rows: Iterable[tuple[Decimal, Decimal]]) -> None:
        prices, levels, horizon = self.prices, self.levels, self.horizon
        for price, size in rows:
            if size < 0:
                _check_size(price, size)
            if horizon is not None and (price < horizon if self.falling else price > horizon):
                continue
            at = bisect_left(prices, price)
            there = at < len(prices) and prices[at] == price
            if not size:
                if there:
                    del prices[at], levels[at]
            elif there:
                levels[at] = BookLevel(price, size)
            else:
                prices.insert(at, price)
                levels.insert(at, BookLevel(price, size))
            self.shown = None

    def view(self) -> Levels:
        shown = self.shown
        if shown is None:
            shown = self.shown = tuple(self.levels[::-1] if self.falling else self.levels)
        return shown


class Book:
    """One market's book as it is now, for one thread at a time.

    The rule of versions is the Loopring document's ("Orderbook Notification" and its predecessor):
    of an unbroken series each change begins one behind the last; behind a base that was asked for,
    what the base covers is left out, and the first change may begin inside of it. A change holds
    the sizes that are, not differences, so that one which begins inside of what is known already
    does no harm; the venue's own web page takes such, too. Whatever fits neither rule raises
    `SequenceGap`, after which the book is void until the next `replace`.
    """

    def __init__(self, market: str) -> None:
        self.market = market
        self.version: int | None = None
        self._limit: int | None = None
        self._newest: BookUpdate | None = None
        self._covered = 0
        self._crossed = False
        self._bids = _Side(True, (), None)
        self._asks = _Side(False, (), None)

    def replace(self, update: BookUpdate) -> None:
        """Take a whole book for what it is, whatever was known before.

        Raises `ProtocolError` for one that cannot be: a size below zero, a price twice.
        """
        bids = _Side(True, update.bids, update.limit)
        asks = _Side(False, update.asks, update.limit)
        self._bids, self._asks = bids, asks
        self._limit = update.limit
        self.version = update.last
        self._newest = None
        self._covered = 0
        self._crossed = self._is_crossed()

    def change(self, update: BookUpdate) -> bool:
        """Take a change; return False where it says nothing that is not known.

        Raises `SequenceGap` where one before it is missing or it cannot be placed, and
        `ProtocolError` for a size below zero.
        """
        if not self._follows(update):
            return False
        self._bids.set(update.bids)
        self._asks.set(update.asks)
        self.version = update.last
        self._newest = update
        crossed = self._is_crossed()
        # A book that was crossed when it came whole says nothing by being it still.
        if crossed and not self._crossed:
            raise SequenceGap(f"version {update.last} of {self.market} crosses the book")
        self._crossed = crossed
        return True

    def check(self, update: BookUpdate, newest: BookUpdate | None = None) -> None:
        """Raise `SequenceGap` for a change that can follow nothing, whatever is known.

        `newest` is the change that came before it, where one has been held.
        """
        first, last = update.first, update.last
        if first is None or last is None:
            raise SequenceGap(f"a change of {self.market} without a version cannot be placed")
        if last < first:
            raise SequenceGap(f"a change of {self.market} ends at {last}, before its own {first}")
        if newest is not None and newest.last is not None and last <= newest.last:
            self._check_same(update, newest)

    def join(self, changes: Iterable[BookUpdate]) -> None:
        """Take the changes that came while the base was being asked for."""
        for update in changes:
            self.change(update)
            self._covered = 0

    @property
    def shallow(self) -> bool:
        """Whether a side that was cut off has lost half of its levels since."""
        return self._limit is not None and any(
            side.horizon is not None and 2 * len(side.prices) < self._limit
            for side in (self._bids, self._asks)
        )

    @property
    def exhausted(self) -> bool:
        """Whether nothing is left of a side that was cut off: then its best price is not known."""
        return any(
            side.horizon is not None and not side.prices for side in (self._bids, self._asks)
        )

    def view(self, epoch: int = 0) -> BookView:
        """Return the book as it is now."""
        return BookView(self.market, self._bids.view(), self._asks.view(), self.version, epoch)

    def _follows(self, update: BookUpdate) -> bool:
        """Return whether a change is the next one; raise where that cannot be said."""
        version, first, last = self.version, update.first, update.last
        if version is None or first is None or last is None or last < first:
            self.check(update)
            raise SequenceGap(f"a change of {self.market} cannot be placed behind no version")
        if first > version + 1:
            raise SequenceGap(f"{self.market} lacks versions {version + 1} to {first - 1}")
        if last > version:
            return True
        if self._newest is not None:
            self._check_same(update, self._newest)
            return False
        # Nobody says how far a base may be ahead of the stream; without an end it would hide that
        # the venue counts anew.
        self._covered += 1
        if self._covered > MOST_COVERED:
            raise SequenceGap(f"{self.market} stays behind its base, version {version}")
        return False

    def _check_same(self, update: BookUpdate, newest: BookUpdate) -> None:
        """Raise for a change that ends no later than the one before it, and is not that again."""
        if update != newest:
            before, now = newest.last, update.last
            raise SequenceGap(f"{self.market} goes back from version {before} to {now}")

    def _is_crossed(self) -> bool:
        bids, asks = self._bids.prices, self._asks.prices
        return bool(bids and asks) and bids[-1] >= asks[0]


def _cumulated(levels: Levels) -> Levels:
    sums = accumulate([level[1] for level in levels], EXACT.add)
    return tuple(map(BookLevel, [level[0] for level in levels], sums))


def _check_size(price: Decimal, size: Decimal) -> None:
    if size < 0:
        raise ProtocolError(f"a book has the size {size} at the price {price}")


def _check_count(count: object) -> None:
    if isinstance(count, bool) or not isinstance(count, int):
        raise TypeError(f"a count of levels is an int, not {type(count).__name__}")
    if count < 1:
        raise ValueError(f"a count of levels is at least 1, not {count}")
