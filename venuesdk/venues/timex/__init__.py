"""TimeX: books and trades by pattern, an account's events, and REST over one WebSocket.

`TimexClient` is the blocking client; the rest are the values that its calls and streams bring.
"""

from __future__ import annotations

from .client import TimexClient
from .codec import TimexCodec
from .models import (
    AccountEvent,
    AccountSnapshot,
    Balance,
    BalanceUpdate,
    ChangedOrder,
    ChangedOrders,
    GroupedLevel,
    GroupedOrderBook,
    MarketEvent,
    OpenOrders,
    Order,
    OrderUpdate,
    PlacedOrders,
    RawOrder,
    RawOrderBook,
    Snapshot,
    Trade,
    TradeInfo,
    Update,
)

__all__ = [
    "AccountEvent",
    "AccountSnapshot",
    "Balance",
    "BalanceUpdate",
    "ChangedOrder",
    "ChangedOrders",
    "GroupedLevel",
    "GroupedOrderBook",
    "MarketEvent",
    "OpenOrders",
    "Order",
    "OrderUpdate",
    "PlacedOrders",
    "RawOrder",
    "RawOrderBook",
    "Snapshot",
    "TimexClient",
    "TimexCodec",
    "Trade",
    "TradeInfo",
    "Update",
]
