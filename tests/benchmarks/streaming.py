"""Streaming: events per second to a callback, as fast as the server can send them."""

from __future__ import annotations

from collections.abc import Iterator

from catalogue import FLOODED, FLOOR, INLINE, THREAD, TYPED
from stage import Stage, measure
from table import Table, against, beaten_by, middle, spread

__all__ = ["COLUMNS", "SHAPES", "tables"]

SHAPES = {
    "onyx.tickers-1": "Onyx, tickers of 1",
    "onyx.tickers-10": "Onyx, tickers of 10",
    "loopring.orderbook-20": "Loopring, order book of 20 levels",
    "timex.raw-10": "TimeX, raw book of 10 orders",
    "timex.grouped-20": "TimeX, grouped book of 20 levels",
    "fuze.quote-1": "Fuze, quotes",
}

COLUMNS = (
    ("events/s (min–max)", spread("rate")),
    ("CPU µs/event", middle("cpu_us")),
    ("of the floor", against(FLOOR.name, "rate")),
    ("CPU of the floor's", against(FLOOR.name, "cpu_us")),
    ("`inline` is … times this", beaten_by(INLINE.name, "rate")),
    ("`thread` is … times this", beaten_by(THREAD.name, "rate")),
    ("lost", middle("lost", 100, " %")),
)


def tables(stage: Stage, count: int, seconds: float, tls: bool = False) -> Iterator[Table]:
    """Measure every venue's hottest event; over TLS only the first and the longest."""
    shapes = ["onyx.tickers-1", "loopring.orderbook-20"] if tls else list(SHAPES)
    for shape in shapes:
        way = "wss" if tls else "ws"
        title = f"Streaming over {way}: {SHAPES[shape]}"
        table = Table("wss" if tls else "streaming", title, COLUMNS)
        clients = FLOODED if shape == "onyx.tickers-1" and not tls else TYPED
        measure(stage, table, clients, "meter:stream", count, shape, seconds=seconds, tls=tls)
        yield table
