"""Onyx: streams of tickers, dashboards and connection facts, over its v1 JSON WebSocket protocol.

`OnyxClient` is the blocking client; the rest are the values that its calls and streams bring.
"""

from __future__ import annotations

from .client import OnyxClient
from .codec import OnyxCodec
from .mirror import DashboardMirror, DashboardsView
from .models import (
    ChannelEvent,
    DashboardsEvent,
    MessageType,
    Quote,
    Reply,
    ServerInfo,
    Ticker,
    Tickers,
)

__all__ = [
    "ChannelEvent",
    "DashboardMirror",
    "DashboardsEvent",
    "DashboardsView",
    "MessageType",
    "OnyxClient",
    "OnyxCodec",
    "Quote",
    "Reply",
    "ServerInfo",
    "Ticker",
    "Tickers",
]
