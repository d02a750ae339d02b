"""Recording: how much processor time a tape adds to each event of a stream at a steady pace."""

from __future__ import annotations

import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from statistics import median
from typing import Any

from job import Job
from meter import cpu_seconds
from stage import Failed, Stage
from table import Table, middle, number, spread

__all__ = ["alternate", "tables"]

PACE = 5_000
SHAPE = "onyx.tickers-1"
PLAIN = "without"
ROWS = {PLAIN: "", "to a `.tape.zst`": ".tape.zst", "to a `.tape`": ".tape"}
"""The name of a row → the kind of its tape, if any."""
WINDOWS = 5
"""How many windows each row has in one round, in turn."""


def _added() -> Callable[[Table, str], str]:
    """Return what writes how much more a row takes than the one without, window by window."""

    def write(table: Table, name: str) -> str:
        pairs = zip(table.rows[name], table.rows[PLAIN], strict=True)
        found = [mine["cpu_us"] - theirs["cpu_us"] for mine, theirs in pairs if mine and theirs]
        return "" if not found or name == PLAIN else number(median(found))

    return write


COLUMNS = (
    ("CPU µs/event (min–max)", spread("cpu_us")),
    ("added µs", _added()),
    ("bytes/event", middle("bytes")),
    ("lost", middle("lost")),
)


def tables(stage: Stage, count: int, seconds: float) -> Iterator[Table]:
    """Measure one stream of one client with a recorder and without, window by window."""
    table = Table("recording", f"Recording {PACE:,} events/s", COLUMNS)
    for _ in range(count):
        try:
            found = stage.run(
                "recording:alternate", "alone", SHAPE, seconds=seconds, play="paced", number=PACE
            )
        except Failed as error:
            for name in ROWS:
                table.fail(name, str(error))
            continue
        for name, windows in found.items():
            for window in windows:
                table.add(name, window)
    yield table


def alternate(job: Job) -> dict[str, Any]:
    """Measure windows of one client, which is recorded in some of them.

    One process and one connection for all: between processes, and between minutes, the machine
    drifts by more than a tape takes.
    """
    import ours

    count = 0

    def on_event(event: Any) -> None:
        nonlocal count
        count += 1

    client = ours.make(job).connect()
    ours.subscribe(job, client, on_event, on_gap=lambda gap: None)
    while not count:
        threading.Event().wait(0.01)
    found: dict[str, list[dict[str, float]]] = {name: [] for name in ROWS}
    for _ in range(WINDOWS):
        for name, suffix in ROWS.items():
            found[name].append(_window(client, suffix, job.seconds / WINDOWS, lambda: count))
    return found


def _window(
    client: Any, suffix: str, seconds: float, events: Callable[[], int]
) -> dict[str, float]:
    from venuesdk.testing.tape import Recorder

    with ExitStack() as stack:
        path = Path(stack.enter_context(tempfile.TemporaryDirectory())) / f"x{suffix}"
        recorder = stack.enter_context(Recorder(client, path)) if suffix else None
        # The first pass of the writing thread imports and opens.
        time.sleep(0.15)
        began, before = events(), cpu_seconds()
        time.sleep(seconds)
        if recorder is not None:
            # What waits to be written is a part of what it takes.
            recorder.close()
        spent, came = cpu_seconds() - before, events() - began
        size = path.stat().st_size if suffix else 0
        lost = recorder.lost if recorder is not None else 0
    return {"cpu_us": spent / came * 1e6, "bytes": size / came, "lost": lost / came}
