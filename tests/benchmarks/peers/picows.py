"""picows with msgspec: the fastest asyncio client, written as one who wants speed would."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from decoding import TWO_PASSES
from job import Job
from picows import WSFrame, WSListener, WSMsgType, WSTransport, ws_connect

__all__ = ["stream"]


def stream(job: Job, on_event: Callable[[Any], object]) -> None:
    """Decode each frame to the models, in the listener."""
    decode = TWO_PASSES[job.shape]
    text = WSMsgType.TEXT

    class Listener(WSListener):
        def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
            if frame.msg_type == text and frame.fin:
                on_event(decode(frame.get_payload_as_bytes()))

    async def run() -> None:
        transport, _ = await ws_connect(Listener, job.url("now"), ssl_context=job.context())
        await transport.wait_disconnected()

    asyncio.run(run())
