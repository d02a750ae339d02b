"""Requests: how long one takes, and how many there are in a second."""

from __future__ import annotations

from collections.abc import Iterator

from catalogue import ASKING, Client
from stage import Stage, measure
from table import Table, against, middle, spread

__all__ = ["CALLERS", "RAW", "USUAL", "tables"]

CALLERS = (1, 8, 64)
RAW = ASKING[0].name
USUAL = ASKING[-1].name
PIPELINED = "floor: raw socket, so many requests under way from one thread"

_ALL = (
    ("p50 µs (min–max)", spread("p50")),
    ("p99 µs", middle("p99")),
    ("p99.9 µs", middle("p99.9")),
    ("requests/s (min–max)", spread("rate")),
    ("CPU µs/request", middle("cpu_us")),
)
ONE = (
    *_ALL,
    ("p50 of raw", against(RAW, "p50")),
    ("p50 of the usual SDK", against(USUAL, "p50")),
)
MANY = (
    *_ALL,
    ("requests/s of the usual SDK", against(USUAL, "rate")),
    ("p99 of the usual SDK", against(USUAL, "p99")),
)


def tables(stage: Stage, count: int, seconds: float, tls: bool = False) -> Iterator[Table]:
    """Measure one, few and many callers on one connection."""
    way = "wss" if tls else "ws"
    for callers in CALLERS:
        who = "1 caller" if callers == 1 else f"{callers} callers"
        table = Table("wss" if tls else "requests", f"Requests over {way}: {who}")
        table.columns = ONE if callers == 1 else MANY
        clients = list(ASKING)
        if callers > 1:
            clients.insert(0, Client(PIPELINED, "bare:pipelined", task="alone"))
        measure(
            stage,
            table,
            clients,
            "callers:measure",
            count,
            "onyx.tickers-1",
            seconds=seconds,
            tls=tls,
            play="quiet",
            callers=callers,
        )
        yield table
