"""The shapes of Loopring's pushes on the wire, and what reads them; no value of ours is made here.

The venue writes integers as text in some places and as numbers in others: both are read.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from ...protocol.convert import Wire, decoder
from .models import BookSlot

__all__ = [
    "read_account",
    "read_blocks",
    "read_book",
    "read_candle",
    "read_order",
    "read_pool",
    "read_rows",
    "read_ticker",
]


class _PushTopic(Wire, frozen=True, rename="camel"):
    """What the topic of a push may say beside its name."""

    market: str | None = None
    level: int | None = None
    interval: str | None = None
    pool_address: str | None = None
    snapshot: bool = False


class _Push(Wire, frozen=True):
    """What every push has."""

    ts: int
    topic: _PushTopic


class _Balance(Wire, frozen=True, rename="camel"):
    """The data of ``account``; its newer form calls the amounts differently."""

    account_id: int
    token_id: int
    total_amount: int | None = None
    amount_locked: int | None = None
    total: int | None = None
    locked: int | None = None
    nft_id: str | None = None
    nft_data: str | None = None
    token_address: str | None = None


class _AccountPush(_Push, frozen=True):
    """A push of ``account``."""

    data: _Balance


class _OrderData(Wire, frozen=True, rename="camel"):
    """The data of ``order``."""

    hash: str
    market: str
    side: str
    status: str
    price: Decimal
    size: int
    volume: int
    filled_size: int
    filled_volume: int
    filled_fee: int
    created_at: int
    valid_since: int
    valid_until: int
    client_order_id: str | None = None
    update_at: int | None = None


class _OrderPush(_Push, frozen=True):
    """A push of ``order``."""

    data: _OrderData


class _Sides(Wire, frozen=True):
    """The data of ``orderbook``."""

    bids: tuple[BookSlot, ...]
    asks: tuple[BookSlot, ...]


class _BookPush(_Push, frozen=True, rename="camel"):
    """A push of ``orderbook``; whole books may have one version, or none."""

    data: _Sides
    start_version: int | None = None
    end_version: int | None = None
    version: int | None = None


class _RowsPush(_Push, frozen=True):
    """A push of ``trade``, whose rows are looked at before they are read."""

    data: tuple[tuple[Any, ...], ...]


class _TickerRow(Wire, frozen=True, array_like=True):
    """The data of ``ticker``; columns behind these are the REST row's."""

    market: str
    timestamp: int
    base_volume: int
    quote_volume: int
    open: Any
    high: Any
    low: Any
    close: Any
    count: int
    bid: Any
    ask: Any


class _TickerPush(_Push, frozen=True):
    """A push of ``ticker``."""

    data: _TickerRow


class _CandleRow(Wire, frozen=True, array_like=True):
    """The data of ``candlestick``: the close comes second."""

    start: int
    count: int
    open: Decimal
    close: Decimal
    high: Decimal
    low: Decimal
    base_volume: int
    quote_volume: int


class _CandlePush(_Push, frozen=True):
    """A push of ``candlestick``."""

    data: _CandleRow


class _PoolPush(_Push, frozen=True):
    """A push of ``ammpool``."""

    data: tuple[tuple[int, int], int]


class _BlocksPush(_Push, frozen=True):
    """A push of ``blockgen``."""

    data: list[dict[str, Any]] | dict[str, Any]


read_account = decoder(_AccountPush, strict=False)
read_order = decoder(_OrderPush, strict=False)
read_book = decoder(_BookPush, strict=False)
read_rows = decoder(_RowsPush, strict=False)
read_ticker = decoder(_TickerPush, strict=False)
read_candle = decoder(_CandlePush, strict=False)
read_pool = decoder(_PoolPush, strict=False)
read_blocks = decoder(_BlocksPush, strict=False)
