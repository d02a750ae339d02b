"""Entries as a publisher writes them, for the tests of those who read; nothing here is a test."""

from __future__ import annotations

import json
from typing import Any

from venuesdk.relay import MemoryEngine, MemoryStore, Position
from venuesdk.relay.engine import Engine
from venuesdk.relay.entry import Draft, Head, Kind

__all__ = ["DASHBOARDS", "STREAM", "TICKERS", "Publisher", "seen", "tickers"]

STREAM = "venuesdk:{onyx}:tickers"
TICKERS = Head(Kind.EVENT, "tickers", (), "tickers 1", 1)
DASHBOARDS = Head(Kind.EVENT, "dashboards", (), "plain 1", 1)


def tickers(number: int, *symbols: str) -> bytes:
    """Return the payload of a ticker event, as Onyx's document shows one, told by its time."""
    row = {"mid": "-40.9600", "timestamp_millis": number, "product_symbol": "ebob"}
    return json.dumps([{**row, "symbol": symbol} for symbol in symbols or ("ebobjul24",)]).encode()


def seen(events: Any) -> list[int]:
    """Return the numbers of ticker events."""
    return [event.tickers[0].timestamp_millis for event in events]


class Publisher:
    """Writes entries to an engine, numbered as a publisher does."""

    def __init__(self, engine: Engine | MemoryStore, stream: str = STREAM, term: int = 7) -> None:
        self.engine = MemoryEngine(engine) if isinstance(engine, MemoryStore) else engine
        self.stream = stream
        self.term = term
        self.seq = 0

    def write(self, *payloads: bytes, head: Head = TICKERS, at: int | None = None) -> None:
        """Append entries of one head."""
        drafts = [Draft(head, 1_700_000_000_000_000_000, at, payload) for payload in payloads]
        self.engine.append(self.stream, Position(self.term, self.seq + 1), drafts)
        self.seq += len(drafts)

    def tick(self, first: int, last: int | None = None) -> None:
        """Append ticker events with these numbers."""
        self.write(*[tickers(number) for number in range(first, (last or first) + 1)])

    def skip(self, count: int) -> None:
        """Leave numbers out, as an engine that lost entries does."""
        self.seq += count
