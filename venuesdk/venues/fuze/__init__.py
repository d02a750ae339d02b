"""Fuze: streams of indicative quotes and market data, over JSON-RPC 2.0 on a WebSocket.

`FuzeClient` is the blocking client; the rest are the values that its streams bring.
"""

from __future__ import annotations

from .client import FuzeClient
from .codec import FuzeCodec
from .models import Asset, MarketData, Policies, Quote

__all__ = ["Asset", "FuzeClient", "FuzeCodec", "MarketData", "Policies", "Quote"]
