"""Firehose: the peer of ``venuesdk bench``, a process of its own that sends frames made beforehand.

It speaks just enough of Onyx: a login, an answer to any request, and behind a subscribe the same
tickers for as long as they are taken. It prints its address, and ends when its input does.
"""

from __future__ import annotations

import sys
from typing import Any

from ..protocol.convert import decode_json, encode_json
from ..testing.faults import HostileServer, Peer
from ..testing.faults.frames import CLOSE, TEXT, frame

__all__ = ["EVENT", "firehose", "run"]

EVENT = encode_json(
    {
        "channel": {"tickers": {"products": ["dub"]}},
        "message_type": 1,
        "message": [
            {
                "symbol": "dubm25",
                "product_symbol": "dub",
                "timestamp_millis": 1713950000000,
                "mid": "81.35",
                "bid": {"price": "81.34", "amount": "25"},
                "ask": {"price": "81.36", "amount": "40"},
            }
        ],
    }
).encode()
"""One tickers event, in the form of the Onyx document."""
WRITE = 1 << 20
"""How many bytes one write has at least."""


def firehose(peer: Peer) -> None:
    """Answer a client of Onyx, and flood it once it has subscribed."""
    peer.accept()
    while True:
        asked = peer.read_frame()
        if asked.opcode == CLOSE:
            return
        request: dict[str, Any] = decode_json(asked.payload)
        answer = {"id": request["id"], "method": request["method"], "message": "ok"}
        peer.send(frame(TEXT, encode_json(answer).encode()))
        if request["method"] == "subscribe":
            break
    one = frame(TEXT, EVENT)
    block = one * (WRITE // len(one) + 1)
    while True:
        peer.send(block)


def run() -> None:
    """Serve until standard input ends."""
    with HostileServer(firehose) as server:
        print(server.url, flush=True)
        sys.stdin.read()


if __name__ == "__main__":
    run()
