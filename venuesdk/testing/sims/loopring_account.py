"""The accounts of the simulated Loopring: orders that come, fill and end, balances that follow.

An account trades by itself, one order per market at a time, so that its two topics have
something to tell. Statuses and fields are the documented ones; the trading is invented. No
socket, thread or clock lives here.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from attrs import define

from venuesdk.testing.market import Market, Walk
from venuesdk.testing.sims.loopring_market import INSTRUMENTS, TOKENS, plain, units

__all__ = ["Account"]

ZERO = Decimal(0)
_FEE = Decimal("0.001")
_MONTH = 30 * 86_400
_START = {
    "ETH": Decimal(100),
    "LRC": Decimal(500_000),
    "USDT": Decimal(200_000),
    "USDC": Decimal(200_000),
}


@define
class _Order:
    number: int
    market: str
    side: str
    size: Decimal
    price: Decimal
    created: int
    updated: int
    filled: Decimal = ZERO
    status: str = "processing"

    @property
    def pays(self) -> tuple[str, Decimal]:
        """The token that the order holds, and how much of it."""
        base, quote = self.market.split("-")
        left = self.size - self.filled
        return (quote, left * self.price) if self.side == "buy" else (base, left)


class Account:
    """One account; `news` is what the last step changed, in order."""

    def __init__(
        self, seed: int | str, account_id: int, balances: Mapping[str, Decimal] = _START
    ) -> None:
        self.id = account_id
        self._random = random.Random(f"{seed}/account/{account_id}")
        self._total = dict(balances)
        self._locked = dict.fromkeys(TOKENS, ZERO)
        self._orders: dict[str, _Order] = {}
        self._count = 0
        self._changed: list[_Order] = []
        self._tokens: list[str] = []

    def step(self, market: Market, now: int) -> None:
        """Open, fill or end one order in each market; `now` is in seconds since 1970."""
        self._changed, self._tokens = [], []
        for symbol in INSTRUMENTS:
            order = self._orders.get(symbol)
            if order is None or order.status != "processing":
                order = self._orders[symbol] = self._open(symbol, market[symbol], now)
            elif self._random.random() < 0.1:
                self._hold(order, -1)
                order.status = "cancelled"
            else:
                self._fill(order)
            order.updated = now
            self._changed.append(order)

    def orders(self, market: str) -> list[dict[str, str]]:
        """Return the orders of a market that the last step changed."""
        return [self._shown(order) for order in self._changed if order.market == market]

    def balances(self, v3: bool) -> list[dict[str, Any]]:
        """Return the balances that the last step moved; `v3` has its own names for the amounts."""
        total, locked = ("total", "locked") if v3 else ("totalAmount", "amountLocked")
        return [
            {
                "accountId": self.id,
                total: units(self._total[token], token),
                "tokenId": TOKENS[token].id,
                locked: units(self._locked[token], token),
            }
            for token in self._tokens
        ]

    def _open(self, market: str, walk: Walk, now: int) -> _Order:
        side = self._random.choice(("buy", "sell"))
        quote = walk.quote()
        price = quote.bid.price if side == "buy" else quote.ask.price
        size = INSTRUMENTS[market].lot * self._random.randint(50, 500)
        self._count += 1
        order = _Order(11211 + self._count, market, side, size, price, now, now)
        token, amount = order.pays
        if amount > self._total[token] - self._locked[token]:
            # It trades for ever: where luck has emptied a balance, a deposit comes in.
            self._total[token] += _START[token]
        self._hold(order, 1)
        return order

    def _fill(self, order: _Order) -> None:
        lot = INSTRUMENTS[order.market].lot
        share = lot * self._random.randint(1, 250)
        quantity = min(share, order.size - order.filled)
        base, quote = order.market.split("-")
        self._hold(order, -1)
        order.filled += quantity
        self._hold(order, 1)
        sign = 1 if order.side == "buy" else -1
        self._total[base] += sign * quantity
        self._total[quote] -= sign * quantity * order.price
        received, amount = (base, quantity) if sign > 0 else (quote, quantity * order.price)
        self._total[received] -= amount * _FEE
        self._touch(base, quote)
        if order.filled == order.size:
            order.status = "processed"

    def _hold(self, order: _Order, sign: int) -> None:
        token, amount = order.pays
        self._locked[token] += sign * amount
        self._touch(token)

    def _touch(self, *tokens: str) -> None:
        self._tokens += [token for token in tokens if token not in self._tokens]

    def _shown(self, order: _Order) -> dict[str, str]:
        base, quote = order.market.split("-")
        volume, filled = order.size * order.price, order.filled * order.price
        received = units(order.filled * _FEE, base)
        shown = {
            "hash": str(order.number),
            "clientOrderId": f"myOrder-{order.number}",
            "size": units(order.size, base),
            "volume": units(volume, quote),
            "price": plain(order.price),
            "filledSize": units(order.filled, base),
            "filledVolume": units(filled, quote),
            "filledFee": received if order.side == "buy" else units(filled * _FEE, quote),
            "status": order.status,
            "createdAt": str(order.created),
            "validSince": str(order.created),
            "validUntil": str(order.created + _MONTH),
            "side": order.side,
            "market": order.market,
        }
        # The table names it and the example lacks it: it comes once the order has changed.
        if order.filled or order.status != "processing":
            shown["updateAt"] = str(order.updated)
        return shown
