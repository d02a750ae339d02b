"""Latency: how long after it was sent an event comes to its callback, at a steady pace.

Then the same in a program that burns the processor on another thread, as a desktop program may.
"""

from __future__ import annotations

from collections.abc import Iterator

from catalogue import FLOOR, INLINE, PACED, USUAL
from stage import Stage, measure
from table import Table, against, middle, spread

__all__ = ["PACES", "SWITCH", "tables"]

PACES = (2_000, 10_000)
SHAPE = "onyx.tickers-1"
SWITCH = 0.0005
"""Seconds: the switch interval to try beside Python's own 0.005."""

LATE = (
    ("p50 µs (min–max)", spread("p50")),
    ("p99 µs", middle("p99")),
    ("p99.9 µs", middle("p99.9")),
    ("most behind, ms", middle("max", 1e-3)),
    ("events/s", middle("rate")),
    ("p50 of the floor", against(FLOOR.name, "p50")),
    ("p50 of the usual SDK", against(USUAL.name, "p50")),
)
BURNT = (
    ("events/s (min–max)", spread("rate")),
    ("of the floor", against(FLOOR.name, "rate")),
    ("of `inline`", against(INLINE.name, "rate")),
    ("of the usual SDK", against(USUAL.name, "rate")),
)


def tables(stage: Stage, count: int, seconds: float) -> Iterator[Table]:
    """Measure lateness at both paces, quiet and busy; then how much gets through when busy."""
    for burner in (False, True):
        for pace in PACES:
            title = f"Latency at {pace:,} events/s" + (", beside a busy thread" if burner else "")
            yield _paced(stage, title, count, seconds, pace, burner, False, None)
    if stage.no_tls:
        print(f"the tables over wss are left out: {stage.no_tls}\n")
    else:
        for interval in (None, SWITCH):
            which = "" if interval is None else f", switch interval {interval * 1000:g} ms"
            title = f"Latency at {PACES[0]:,} events/s over wss, beside a busy thread{which}"
            yield _paced(stage, title, count, seconds, PACES[0], True, True, interval)
    for tls in (False,) if stage.no_tls else (False, True):
        for interval in (None, SWITCH):
            yield _flooded(stage, count, seconds, tls, interval)


def _paced(
    stage: Stage,
    title: str,
    count: int,
    seconds: float,
    pace: int,
    burner: bool,
    tls: bool,
    interval: float | None,
) -> Table:
    table = Table("latency", title, LATE)
    measure(
        stage,
        table,
        PACED,
        "meter:lateness",
        count,
        SHAPE,
        seconds=seconds,
        play="paced",
        number=pace,
        burner=burner,
        tls=tls,
        switch_interval=interval,
    )
    return table


def _flooded(
    stage: Stage, count: int, seconds: float, tls: bool, interval: float | None
) -> Table:
    way = "wss" if tls else "ws"
    which = "" if interval is None else f", switch interval {interval * 1000:g} ms"
    table = Table("latency", f"Streaming over {way}, beside a busy thread{which}", BURNT)
    measure(
        stage,
        table,
        PACED,
        "meter:stream",
        count,
        SHAPE,
        seconds=seconds,
        burner=True,
        tls=tls,
        switch_interval=interval,
    )
    return table
