"""hyperliquid-python-sdk: its Info client, given its metadata so that it asks nobody for them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from hyperliquid.info import Info
from job import Job

__all__ = ["stream"]


def stream(job: Job, on_event: Callable[[Any], object]) -> None:
    """Subscribe to the trades of one coin."""
    meta: Any = {"universe": [{"name": "BTC", "szDecimals": 5}]}
    spot_meta: Any = {"universe": [], "tokens": []}
    # It puts "/ws" behind the address, and "ws" where "http" stands.
    info = Info(f"http://{job.host}{job.path()}", meta=meta, spot_meta=spot_meta)
    info.subscribe({"type": "trades", "coin": "BTC"}, on_event)
