"""binance-connector: its spot stream client; the callback parses, as in all of its examples."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from binance.websocket.spot.websocket_stream import SpotWebsocketStreamClient
from job import Job

__all__ = ["stream"]


def stream(job: Job, on_event: Callable[[Any], object]) -> None:
    """Subscribe to the mini ticker of one symbol."""

    def on_message(_: Any, text: str) -> None:
        message = json.loads(text)
        if "e" in message:
            on_event(message)

    client = SpotWebsocketStreamClient(stream_url=job.url(), on_message=on_message)
    client.mini_ticker(symbol="BTCUSDT")
