"""Who is measured: every client by the name of its row, what drives it, and what it needs."""

from __future__ import annotations

from dataclasses import dataclass, field
from importlib.util import find_spec
from typing import Any

__all__ = ["ASKING", "FLOODED", "PACED", "TYPED", "Client"]


@dataclass(frozen=True)
class Client:
    """One row of a table; `shape` is its own wire's, and `task` its own job, where it has one."""

    name: str
    driver: str
    needs: str = ""
    shape: str = ""
    values: str = "typed"
    task: str = ""
    options: dict[str, Any] = field(default_factory=dict)

    @property
    def missing(self) -> str:
        """Why it cannot be measured, or nothing."""
        if not self.needs or find_spec(self.needs.split(".")[0]) is not None:
            return ""
        return f"{self.needs} is not installed"

    @property
    def is_ours(self) -> bool:
        """Whether this is the package itself."""
        return self.driver.startswith("ours:")


def _ours(delivery: str) -> Client:
    options = {"delivery": delivery}
    return Client(f"venuesdk, {delivery}", "ours:stream", options=options)


RECEIVE = Client("floor: receive only", "floors:receive_only", values="none")
SLICE = Client("floor: slice only", "floors:slice_only", values="bytes")
FLOOR = Client("floor", "floors:typed")
ONE_PASS = Client("floor, which knows what comes", "floors:one_pass")
INLINE, THREAD, PUMP = _ours("inline"), _ours("thread"), _ours("pump")
PICOWS = Client("picows + msgspec → attrs", "peers.picows:stream", "picows")
WEBSOCKETS = Client(
    "websockets.sync + msgspec → attrs", "peers.websockets_sync:stream", "websockets"
)
ONYX_OTC = Client("onyx-otc (v1)", "peers.onyx_otc:stream", "onyx_otc", values="raw")
PLAIN = Client(
    "websocket-client, recv + json", "peers.websocket_client:stream", "websocket", values="raw"
)
USUAL = Client(
    "WebSocketApp + json (the usual SDK)", "peers.websocket_app:stream", "websocket", values="raw"
)
UNCHECKED = Client(
    "WebSocketApp + json, UTF-8 not checked",
    "peers.websocket_app:stream",
    "websocket",
    values="raw",
    options={"unchecked": True},
)

TYPED = (RECEIVE, FLOOR, INLINE, THREAD, PUMP, PICOWS, WEBSOCKETS, PLAIN, USUAL)
"""The clients that every venue's stream is given to."""

FLOODED = (
    RECEIVE,
    SLICE,
    ONE_PASS,
    *TYPED[1:],
    UNCHECKED,
    ONYX_OTC,
    Client("pybit, trades", "peers.pybit:trades", "pybit", "pybit.trade-1", "raw"),
    Client("pybit, tickers", "peers.pybit:tickers", "pybit", "pybit.ticker-1", "raw"),
    Client(
        "hyperliquid-python-sdk",
        "peers.hyperliquid:stream",
        "hyperliquid",
        "hyperliquid.trade-1",
        "raw",
    ),
    Client("binance-connector", "peers.binance:stream", "binance", "binance.ticker-1", "raw"),
)
"""Beside them those whose own wire carries an event of about the size of one ticker."""

PACED = (FLOOR, INLINE, THREAD, PICOWS, WEBSOCKETS, PLAIN, USUAL)

ASKING = (
    Client("raw socket", "bare:requests"),
    Client("raw socket + json, masks, ids", "bare:real_requests"),
    Client("venuesdk", "ours:requests"),
    Client("websocket-client directly", "peers.websocket_client:requests", "websocket"),
    Client("websockets.sync directly", "peers.websockets_sync:requests", "websockets"),
    Client(
        "WebSocketApp thread + Event (the usual SDK)", "peers.websocket_app:requests", "websocket"
    ),
)
"""The clients of the request tables."""
