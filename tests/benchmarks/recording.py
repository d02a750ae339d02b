"""Recording: how much processor time a tape adds to each event of a stream at a steady pace."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from statistics import median

from catalogue import Client
from stage import Stage, measure
from table import Table, middle, number, spread

__all__ = ["tables"]

PACE = 5_000
SHAPE = "onyx.tickers-1"

PLAIN = Client("without", "ours:stream", options={"delivery": "thread"})
PACKED = replace(
    PLAIN,
    name="to a `.tape.zst`",
    driver="ours:recorded",
    needs="zstandard",
    options={**PLAIN.options, "tape": ".tape.zst"},
)
LINES = replace(
    PACKED, name="to a `.tape`", needs="", options={**PLAIN.options, "tape": ".tape"}
)


def _added() -> Callable[[Table, str], str]:
    """Return what writes how much more a row takes than the one without, round by round."""

    def write(table: Table, name: str) -> str:
        pairs = zip(table.rows[name], table.rows[PLAIN.name], strict=False)
        found = [mine["cpu_us"] - theirs["cpu_us"] for mine, theirs in pairs if mine and theirs]
        return "" if not found or name == PLAIN.name else number(median(found))

    return write


COLUMNS = (
    ("CPU µs/event (min–max)", spread("cpu_us")),
    ("added µs", _added()),
    ("events/s", middle("rate")),
    ("lost", middle("lost")),
)


def tables(stage: Stage, count: int, seconds: float) -> Iterator[Table]:
    """Measure a stream with a recorder and without, in turn."""
    table = Table("recording", f"Recording {PACE:,} events/s", COLUMNS)
    more = {"seconds": seconds, "play": "paced", "number": PACE}
    measure(stage, table, (PLAIN, PACKED, LINES), "meter:stream", count, SHAPE, **more)
    yield table
