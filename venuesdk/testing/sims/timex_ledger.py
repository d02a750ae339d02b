"""One simulated TimeX account: its balances, and orders that rest, fill, change and end.

Pure bookkeeping in exact decimals. No frame, socket, clock or thread lives here: the caller says
what time it is, shows the book an order meets, and turns the outcome into messages. No fee is
ever charged, and an order never uses up the liquidity of the book it meets.
"""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal

from attrs import define, evolve, field, frozen

__all__ = ["Change", "Ledger", "NewOrder", "Order", "Outcome", "Pair", "Refused", "plain"]

Levels = Sequence[tuple[Decimal, Decimal]]

ZERO = Decimal(0)
_KEPT = 10_000


class Refused(Exception):
    """A request that the venue answers with ``status: ERROR``; `args[0]` is its message."""


@frozen
class Pair:
    """The two tokens a market trades, by symbol."""

    base: str
    quote: str


@frozen
class NewOrder:
    """What a client asks for; `expires_ns` is nanoseconds since 1970, or None."""

    symbol: str
    side: str
    type: str
    quantity: Decimal
    price: Decimal
    expires_ns: int | None = None
    client_order_id: str | None = None


@define
class Order:
    """An order as the account sees it; `paid` is the quote amount of all its fills."""

    id: str
    cursor: int
    asked: NewOrder
    created_ns: int
    updated_ns: int
    filled: Decimal = ZERO
    cancelled: Decimal = ZERO
    paid: Decimal = ZERO

    @property
    def remaining(self) -> Decimal:
        """Return what may still be filled."""
        return self.asked.quantity - self.filled - self.cancelled

    @property
    def average(self) -> Decimal | None:
        """Return the average price of its fills, or None before the first."""
        return self.paid / self.filled if self.filled else None

    @property
    def status(self) -> str:
        """Return the venue's word; ACTIVE, PARTIAL and FILLED are recorded, CANCELLED is not."""
        if self.cancelled:
            return "CANCELLED"
        if not self.remaining:
            return "FILLED"
        return "PARTIAL" if self.filled else "ACTIVE"


@frozen
class Change:
    """One order as it stood after one change, with the trades (id, price, quantity) of it."""

    order: Order
    status: str
    trades: tuple[tuple[int, Decimal, Decimal], ...] = ()


@define
class Outcome:
    """What a step did: order changes in order, and the currencies whose balance moved."""

    changes: list[Change] = field(factory=list)
    currencies: list[str] = field(factory=list)

    def touch(self, *currencies: str) -> None:
        """Note that the balances of `currencies` moved; each is listed once."""
        for currency in currencies:
            if currency not in self.currencies:
                self.currencies.append(currency)

    def note(self, order: Order, trades: Iterable[tuple[int, Decimal, Decimal]] = ()) -> None:
        """Keep a copy of `order` as it stands now."""
        self.changes.append(Change(evolve(order), order.status, tuple(trades)))


class Ledger:
    """The account's balances and orders; the caller holds whatever lock is needed.

    `resting` are the orders that can still fill, by id; `closed` the newest 10,000 of the others.
    """

    def __init__(
        self, pairs: Mapping[str, Pair], balances: Mapping[str, Decimal], rng: random.Random
    ) -> None:
        self.pairs = dict(pairs)
        self.total = dict(balances)
        self.locked = dict.fromkeys(balances, ZERO)
        self.resting: dict[str, Order] = {}
        self.closed: deque[Order] = deque(maxlen=_KEPT)
        self._rng = rng
        # The first numbers are those of recorded messages; what matters is that they only grow.
        self._cursor = 1893903546
        self._trade = 44773524

    def open(self, symbol: str | None = None) -> list[Order]:
        """Return the orders that can still fill, oldest first."""
        return [order for order in self.resting.values() if symbol in (None, order.asked.symbol)]

    def available(self, currency: str) -> Decimal:
        """Return the part of a balance that no order holds."""
        return self.total.get(currency, ZERO) - self.locked.get(currency, ZERO)

    def check(
        self, orders: Sequence[tuple[NewOrder, Levels]], instead_of: Sequence[Order] = ()
    ) -> None:
        """Raise `Refused` unless all `orders`, each with the levels it would meet, can be taken.

        What the orders in `instead_of` hold counts as free: they are about to be replaced.
        """
        free = {currency: self.available(currency) for currency in self.total}
        for order in instead_of:
            currency, held = self._holds(order)
            free[currency] += held
        for asked, levels in orders:
            self._check_type(asked, levels)
            currency, required = self._required(asked, levels)
            actual = free.get(currency, ZERO)
            if required > actual:
                raise Refused(
                    f"Insufficient {currency} balance. "
                    f"Required: {plain(required)}, actual: {plain(actual)}."
                )
            free[currency] = actual - required

    def place(self, asked: NewOrder, levels: Levels, now_ns: int) -> tuple[Order, Outcome]:
        """Take one checked order: fill what crosses `levels`, let a limit order rest."""
        outcome = Outcome()
        self._cursor += 1
        identity = f"0x{self._rng.getrandbits(256):064x}"
        order = Order(identity, self._cursor, asked, now_ns, now_ns)
        self.resting[identity] = order
        self._lock(order, outcome)
        if asked.type != "MARKET":
            outcome.note(order)
        if trades := self._take(order, levels, outcome):
            outcome.note(order, trades)
        if order.remaining and asked.type in ("MARKET", "FILL_OR_KILL"):
            self._end(order, now_ns, outcome)
        return order, outcome

    def cancel(self, identity: str, now_ns: int) -> tuple[Order, Outcome] | None:
        """End an open order; None if there is no such order, or it can no longer be cancelled."""
        order = self.resting.get(identity)
        if order is None:
            return None
        outcome = Outcome()
        self._end(order, now_ns, outcome)
        return order, outcome

    def meet(self, symbol: str, bids: Levels, asks: Levels, now_ns: int) -> Outcome:
        """Fill resting orders of `symbol` that the market's new levels reach, at their price."""
        outcome = Outcome()
        for order in self.open(symbol):
            against = asks if order.asked.side == "BUY" else bids
            reached = sum((size for price, size in against if _crosses(order.asked, price)), ZERO)
            if reached:
                order.updated_ns = now_ns
                quantity = min(reached, order.remaining)
                trade = self._fill(order, order.asked.price, quantity, outcome)
                outcome.note(order, [trade])
        return outcome

    def expire(self, now_ns: int) -> Outcome:
        """End the orders whose time has come."""
        outcome = Outcome()
        for order in self.open():
            if order.asked.expires_ns is not None and order.asked.expires_ns <= now_ns:
                self._end(order, now_ns, outcome)
        return outcome

    def _check_type(self, asked: NewOrder, levels: Levels) -> None:
        crossing = [size for price, size in levels if _crosses(asked, price)]
        # The venue's constants name both refusals (4007, 4008) and print no text for them.
        if asked.type == "POST_ONLY" and crossing:
            raise Refused("Orderbook is not empty")
        if asked.type == "FILL_OR_KILL" and sum(crossing, ZERO) < asked.quantity:
            raise Refused("Order cannot be fully matched")

    def _required(self, asked: NewOrder, levels: Levels) -> tuple[str, Decimal]:
        pair = self.pairs[asked.symbol]
        if asked.side == "SELL":
            return pair.base, asked.quantity
        if asked.type != "MARKET":
            return pair.quote, asked.quantity * asked.price
        cost, left = ZERO, asked.quantity
        for price, size in levels:
            cost += price * min(size, left)
            left -= min(size, left)
        return pair.quote, cost

    def _holds(self, order: Order) -> tuple[str, Decimal]:
        pair = self.pairs[order.asked.symbol]
        if order.asked.type == "MARKET":
            return pair.quote, ZERO
        if order.asked.side == "SELL":
            return pair.base, order.remaining
        return pair.quote, order.remaining * order.asked.price

    def _lock(self, order: Order, outcome: Outcome) -> None:
        currency, held = self._holds(order)
        if held:
            self.locked[currency] += held
            outcome.touch(currency)

    def _take(
        self, order: Order, levels: Levels, outcome: Outcome
    ) -> list[tuple[int, Decimal, Decimal]]:
        trades = []
        for price, size in levels:
            if not order.remaining or not _crosses(order.asked, price):
                break
            trades.append(self._fill(order, price, min(size, order.remaining), outcome))
        return trades

    def _fill(
        self, order: Order, price: Decimal, quantity: Decimal, outcome: Outcome
    ) -> tuple[int, Decimal, Decimal]:
        pair = self.pairs[order.asked.symbol]
        currency, before = self._holds(order)
        order.filled += quantity
        order.paid += price * quantity
        self.locked[currency] -= before - self._holds(order)[1]
        sign = 1 if order.asked.side == "BUY" else -1
        self.total[pair.base] += sign * quantity
        self.total[pair.quote] -= sign * price * quantity
        outcome.touch(pair.quote, pair.base)
        self._retire(order)
        self._trade += 1
        return self._trade, price, quantity

    def _end(self, order: Order, now_ns: int, outcome: Outcome) -> None:
        currency, held = self._holds(order)
        order.cancelled = order.remaining
        order.updated_ns = now_ns
        if held:
            self.locked[currency] -= held
            outcome.touch(currency)
        self._retire(order)
        outcome.note(order)

    def _retire(self, order: Order) -> None:
        if not order.remaining:
            self.closed.append(self.resting.pop(order.id))


def _crosses(asked: NewOrder, price: Decimal) -> bool:
    """Return whether an order would trade at `price`."""
    if asked.type == "MARKET":
        return True
    return price <= asked.price if asked.side == "BUY" else price >= asked.price


def plain(number: Decimal) -> str:
    """Return a decimal as the venue prints one: no exponent, no trailing zeros."""
    text = format(number, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text
