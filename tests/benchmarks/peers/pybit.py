"""pybit: its WebSocket client of the unified v5 API, on websocket-client's WebSocketApp."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from job import Job
from pybit import unified_trading

__all__ = ["tickers", "trades"]


def tickers(job: Job, on_event: Callable[[Any], object]) -> None:
    """Subscribe to tickers: each message is merged into a state, and copied for the callback."""
    _client(job).ticker_stream("BTCUSDT", on_event)


def trades(job: Job, on_event: Callable[[Any], object]) -> None:
    """Subscribe to trades: the shortest way that a message can take through it."""
    _client(job).trade_stream("BTCUSDT", on_event)


def _client(job: Job) -> Any:
    # The one place that says where it connects to; the end is what it recognises topics by.
    unified_trading.PUBLIC_WSS = f"{job.url()}/v5/public/{{CHANNEL_TYPE}}"
    return unified_trading.WebSocket("linear", testnet=False)
