"""The one truth behind the simulated Infinex: balances, orders, withdrawals, and their rules.

Both doors of the venue, the socket and HTTP, end here. Nothing here knows a request's form.
Every number is invented; error texts are the known ones, or marked as invented.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

from attrs import define

from venuesdk.testing.market import Instrument, Market

__all__ = ["ASSETS", "PAIRS", "Exchange", "Order", "Refused"]

ASSETS = {
    "BPX": "Block Pulse",
    "BTC": "Bitcoin",
    "ETH": "Ethereum",
    "USDT": "Tether",
}
PAIRS = {
    "BPX/USDT": Instrument(Decimal("0.0123"), Decimal("0.0001"), Decimal("10")),
    "BTC/USDT": Instrument(Decimal("42110.50"), Decimal("0.01"), Decimal("0.0001")),
    "ETH/USDT": Instrument(Decimal("2280.10"), Decimal("0.01"), Decimal("0.001")),
}
FUNDS = {
    "BPX": Decimal("899999856.2147932498"),
    "BTC": Decimal("2.50000000"),
    "ETH": Decimal("20"),
    "USDT": Decimal("100000.00"),
}


class Refused(Exception):
    """The venue says no, with this text."""


@define(eq=False)
class Order:
    """One order that the venue took in, and the door through which it came."""

    obid: int
    route: str
    pair: str
    side: str
    type: str
    time_in_force: str
    price: Decimal
    amount: Decimal
    stop: Decimal | None
    time: float
    locked: Decimal
    status: str = "OPEN"
    filled: Decimal = Decimal(0)


class Exchange:
    """Balances and orders against a walking market; not thread-safe."""

    def __init__(self, seed: str, clock: Callable[[], float]) -> None:
        self.market = Market(seed, PAIRS)
        self._clock = clock
        self.orders: list[Order] = []
        self.withdrawals: list[tuple[int, str, Decimal]] = []
        self._total = dict(FUNDS)
        self._locked = {asset: Decimal(0) for asset in FUNDS}

    def balance(self, asset: str) -> tuple[Decimal, Decimal, Decimal]:
        """Return the total, what is locked, and what is available."""
        total, locked = self._total[asset], self._locked[asset]
        return total, locked, total - locked

    def open_orders(self) -> list[Order]:
        """Return the orders that can still fill, newest first."""
        return [order for order in reversed(self.orders) if order.status == "OPEN"]

    def place(
        self,
        route: str,
        pair: str,
        side: str,
        kind: str,
        time_in_force: str,
        price: Decimal | None,
        amount: Decimal | None,
        total: Decimal | None,
        stop: Decimal | None,
    ) -> Order:
        """Take an order in, and fill it whole where the market's best price allows it."""
        quote = self.market[pair].quote()
        best = quote.ask.price if side == "BUY" else quote.bid.price
        limit = best if kind == "MARKET" else price
        if limit is None or (kind == "STOP_LIMIT" and stop is None):
            raise Refused("Missing data")
        if amount is None:
            if total is None:
                raise Refused("Missing data")
            amount = (total / limit).quantize(PAIRS[pair].lot)
        if amount <= 0 or limit <= 0:
            raise Refused("INSUF_TRADE_AMOUNT")
        crosses = best <= limit if side == "BUY" else best >= limit
        fills = kind != "STOP_LIMIT" and crosses
        base, counter = pair.split("/")
        asset, cost = (counter, amount * limit) if side == "BUY" else (base, amount)
        if cost > self.balance(asset)[2]:
            raise Refused("INSUF_FUNDS")
        order = Order(
            obid=955 + len(self.orders),
            route=route,
            pair=pair,
            side=side,
            type=kind,
            time_in_force=time_in_force,
            price=limit,
            amount=amount,
            stop=stop,
            time=self._clock(),
            locked=cost,
        )
        self._locked[asset] += cost
        self.orders.append(order)
        if fills:
            self._fill(order, best)
        elif time_in_force != "GTC":
            self._release(order, "KILLED")
        return order

    def cancel(self, obid: int) -> None:
        """Cancel an open order."""
        for order in self.open_orders():
            if order.obid == obid:
                self._release(order, "CANCELED")
                return
        raise Refused("Order not found")

    def withdraw(self, asset: str, amount: Decimal, fee: Decimal) -> int:
        """Take an amount and its fee out; returns the number of the transaction."""
        if amount + fee > self.balance(asset)[2]:
            raise Refused("INSUF_FUNDS")  # the text for orders; none is known for this
        self._total[asset] -= amount + fee
        number = 1001 + len(self.withdrawals)
        self.withdrawals.append((number, asset, amount))
        return number

    def step(self) -> None:
        """Move the market, and fill what it has reached."""
        self.market.step()
        for order in self.open_orders():
            quote = self.market[order.pair].quote()
            buys = order.side == "BUY"
            best = quote.ask.price if buys else quote.bid.price
            if order.stop is not None:
                order.stop = None if (best >= order.stop) == buys else order.stop
            elif (best <= order.price) if buys else (best >= order.price):
                self._fill(order, best)

    def _fill(self, order: Order, price: Decimal) -> None:
        base, counter = order.pair.split("/")
        sign = 1 if order.side == "BUY" else -1
        self._release(order, "FILLED")
        order.filled = order.amount
        self._total[base] += sign * order.amount
        self._total[counter] -= sign * order.amount * price

    def _release(self, order: Order, status: str) -> None:
        base, counter = order.pair.split("/")
        self._locked[counter if order.side == "BUY" else base] -= order.locked
        order.locked = Decimal(0)
        order.status = status
