"""Readings: what an event says about one instrument, as a line of a table shows it.

Here, and only here, the shell knows the models of all venues. Nothing is drawn here.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from functools import singledispatch
from typing import Any

from attrs import frozen

from ..venues import fuze, loopring, onyx, timex

__all__ = ["Reading", "readings"]


@frozen
class Reading:
    """What an event says about one instrument; prices where it has any, else a `text`."""

    name: str
    bid: Decimal | None = None
    ask: Decimal | None = None
    last: Decimal | None = None
    text: str = ""

    @property
    def middle(self) -> Decimal | None:
        """What it is worth: between bid and ask, else the last price."""
        if self.bid is None or self.ask is None:
            return self.last
        return (self.bid + self.ask) / 2

    @property
    def spread(self) -> Decimal | None:
        """What lies between bid and ask."""
        return None if self.bid is None or self.ask is None else self.ask - self.bid

    @property
    def is_priced(self) -> bool:
        """Whether it has a price at all."""
        return self.middle is not None or self.bid is not None or self.ask is not None


@singledispatch
def readings(event: Any) -> Iterator[Reading]:
    """Yield what an event says, instrument by instrument; of one without a model, what it is."""
    yield Reading(type(event).__name__, text=repr(event))


@readings.register
def _(event: onyx.Tickers) -> Iterator[Reading]:
    for row in event.tickers:
        bid = None if row.bid is None else row.bid.price
        ask = None if row.ask is None else row.ask.price
        yield Reading(row.symbol, bid, ask, row.mid)


@readings.register
def _(event: onyx.ServerInfo) -> Iterator[Reading]:
    yield Reading("connection", text=f"{event.uid}, {event.age_millis} ms old")


@readings.register
def _(event: onyx.DashboardsEvent) -> Iterator[Reading]:
    what = "full list" if event.full else event.message_type.name.lower()
    yield Reading("dashboards", text=f"{what}: {len(event.dashboards)}")


@readings.register
def _(event: onyx.ChannelEvent) -> Iterator[Reading]:
    yield Reading(event.channel, text=f"{event.message_type.name.lower()}: {event.message!r}")


@readings.register(timex.RawOrderBook)
@readings.register(timex.GroupedOrderBook)
def _(event: timex.RawOrderBook | timex.GroupedOrderBook) -> Iterator[Reading]:
    yield Reading(
        event.market,
        event.bids[0].price if event.bids else None,
        event.asks[0].price if event.asks else None,
    )


@readings.register
def _(event: timex.Trade) -> Iterator[Reading]:
    name = f"{event.base_token_symbol}/{event.quote_token_symbol}"
    yield Reading(name, last=event.price, text=f"{event.direction} {event.quantity}")


@readings.register
def _(event: timex.OrderUpdate) -> Iterator[Reading]:
    order, status = event.order, event.order_status or "changed"
    text = f"{order.side} {order.quantity} at {order.price}: {status}, {order.filled_quantity} done"
    yield Reading(order.symbol, text=text)


@readings.register
def _(event: timex.BalanceUpdate) -> Iterator[Reading]:
    yield _balance(event.balance)


@readings.register
def _(event: timex.AccountSnapshot) -> Iterator[Reading]:
    yield Reading("orders", text=f"{sum(1 for _ in event.orders())} open")
    yield from map(_balance, event.balances)


def _balance(balance: timex.Balance) -> Reading:
    text = f"{balance.total_balance}, of which {balance.locked_balance} locked"
    return Reading(balance.currency, text=text)


@readings.register
def _(event: loopring.TickerUpdate) -> Iterator[Reading]:
    yield Reading(event.market, event.bid, event.ask, event.close)


@readings.register
def _(event: loopring.OrderBookUpdate) -> Iterator[Reading]:
    bids, asks = [row.price for row in event.bids], [row.price for row in event.asks]
    yield Reading(event.market or "book", max(bids, default=None), min(asks, default=None))


@readings.register
def _(event: loopring.TradesUpdate) -> Iterator[Reading]:
    for trade in event.trades:
        name = trade.market or event.market or "trades"
        yield Reading(name, last=trade.price, text=f"{trade.side} {trade.size}")


@readings.register
def _(event: loopring.CandlestickUpdate) -> Iterator[Reading]:
    name = " ".join(filter(None, (event.market, event.interval)))
    yield Reading(name or "candle", last=event.close, text=f"{event.count} trades")


@readings.register
def _(event: loopring.AmmPoolUpdate) -> Iterator[Reading]:
    yield Reading(event.pool_address or "pool", text=f"{event.base} and {event.quote}")


@readings.register
def _(event: loopring.BlocksUpdate) -> Iterator[Reading]:
    for block in event.blocks:
        yield Reading("block", text=str(block.id))


@readings.register
def _(event: loopring.AccountUpdate) -> Iterator[Reading]:
    yield Reading(f"token {event.token_id}", text=f"{event.total}, of which {event.locked} locked")


@readings.register
def _(event: loopring.OrderUpdate) -> Iterator[Reading]:
    text = f"{event.side} {event.size} at {event.price}: {event.status}, {event.filled_size} done"
    yield Reading(event.market, text=text)


@readings.register
def _(event: fuze.Quote) -> Iterator[Reading]:
    yield Reading(event.symbol, event.buy_price, event.sell_price)


@readings.register
def _(event: fuze.MarketData) -> Iterator[Reading]:
    for asset in event.assets:
        change = asset.policies.price_change_percent_24h
        text = "" if change is None else f"{change:+}% in 24 h"
        yield Reading(asset.asset, last=asset.policies.current_price, text=text)
