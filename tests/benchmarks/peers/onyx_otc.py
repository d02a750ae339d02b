"""onyx-otc: the venue's own client of its v1 protocol, on aiohttp and an asyncio loop."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from job import Job
from onyx_otc.websocket_v1 import OnyxWebsocketClientV1

__all__ = ["stream"]


def stream(job: Job, on_event: Callable[[Any], object]) -> None:
    """Log in, and subscribe to the tickers of one product."""

    def on_response(client: Any, answer: dict[str, Any]) -> None:
        if answer["method"] == "auth":
            client.subscribe("tickers", products=["dub"])

    client = OnyxWebsocketClientV1(
        api_token="a token of the benchmark",
        ws_url=job.url(),
        on_response=on_response,
        on_event=lambda _, event: on_event(event),
    )
    asyncio.run(client.run())
