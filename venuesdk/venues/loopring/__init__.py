"""Loopring: accounts, orders, books, trades and pools of the exchange, as streams.

`LoopringClient` is the blocking client. `Account`, `Orders`, `Depth`, `OrderBook`, `Trades`,
`Ticker`, `Candlesticks`, `AmmPool` and `Blocks` are what one subscribes to, `All` what one may
unsubscribe from; the rest are the values that the streams bring.
"""

from __future__ import annotations

from .client import LoopringClient
from .codec import LoopringCodec, LoopringV2Codec
from .models import (
    AccountUpdate,
    AmmPoolUpdate,
    Block,
    BlocksUpdate,
    BookSlot,
    CandlestickUpdate,
    OrderBookUpdate,
    OrderUpdate,
    TickerUpdate,
    TopicUpdate,
    Trade,
    TradesUpdate,
    Update,
)
from .topics import (
    Account,
    All,
    AmmPool,
    Blocks,
    Candlesticks,
    Depth,
    OrderBook,
    Orders,
    Ticker,
    Trades,
)

__all__ = [
    "Account",
    "AccountUpdate",
    "All",
    "AmmPool",
    "AmmPoolUpdate",
    "Block",
    "Blocks",
    "BlocksUpdate",
    "BookSlot",
    "CandlestickUpdate",
    "Candlesticks",
    "Depth",
    "LoopringClient",
    "LoopringCodec",
    "LoopringV2Codec",
    "OrderBook",
    "OrderBookUpdate",
    "OrderUpdate",
    "Orders",
    "Ticker",
    "TickerUpdate",
    "TopicUpdate",
    "Trade",
    "Trades",
    "TradesUpdate",
    "Update",
]
