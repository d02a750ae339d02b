"""``venuesdk bench``: what the library does on this machine, in a few seconds."""

from __future__ import annotations

import os
import platform
import statistics
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import click

from .output import console, note, write_json

__all__ = ["command", "measure"]

WARM = 0.2
SMALL = 0.05
"""The least that ``--seconds`` may be."""
STARTS = 3
DELIVERIES = ("inline", "thread")

CAVEATS = (
    "One event of one ticker, {size} bytes, sent again and again by a process of its own on this "
    "machine: no network, no TLS, no venue. Both processes share its processors, so on fewer than "
    "two free ones the figures halve. A callback that counts is all that is done with an event."
)


@click.command()
@click.option(
    "--seconds",
    type=click.FloatRange(min=SMALL, max=5.0),
    default=1.0,
    show_default=True,
    help="For each of the three measurements.",
)
@click.option("--json", "as_json", is_flag=True, help="The figures as a line of JSON.")
def command(seconds: float, as_json: bool) -> None:
    """Measure events a second, round trips and start-up on this machine, within ten seconds.

    Against a server process on loopback that sends frames made beforehand, and not against the
    simulators, which in Python are slower than the client.
    """
    if not as_json:
        note(f"measuring for about {3 * (seconds + WARM) + 2:.0f} s …")
    figures = measure(seconds)
    if as_json:
        write_json({"kind": "bench", **figures})
    else:
        _print(figures)


def measure(seconds: float) -> dict[str, Any]:
    """Return the figures; each has its unit in its name."""
    figures: dict[str, Any] = {
        "machine": f"CPython {platform.python_version()}, {os.cpu_count()} processors"
    }
    with _firehose() as url:
        for delivery in DELIVERIES:
            rate, dropped = _rate(url, delivery, seconds)
            figures |= {f"{delivery}_events_per_second": rate, f"{delivery}_dropped": dropped}
        trips = sorted(_round_trips(url, seconds))
    bare = _start("pass")
    return {
        **figures,
        "requests": len(trips),
        "round_trip_p50_seconds": statistics.median(trips),
        "round_trip_p99_seconds": trips[int(len(trips) * 0.99)],
        "import_package_seconds": max(0.0, _start("import venuesdk") - bare),
        "import_client_seconds": max(0.0, _start("from venuesdk import OnyxClient") - bare),
    }


@contextmanager
def _firehose() -> Iterator[str]:
    with subprocess.Popen(
        [sys.executable, "-m", f"{__package__}.firehose"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,  # Ctrl-C is for us alone
    ) as process:
        assert process.stdout is not None
        try:
            url = process.stdout.readline().strip()
            if not url:
                raise OSError("the server of the benchmark did not start")
            yield url
        finally:
            process.terminate()


def _client(url: str, **options: Any) -> Any:
    from ..venues.onyx import OnyxClient

    return OnyxClient(url=url, token="benchmark", **options)


def _rate(url: str, delivery: str, seconds: float) -> tuple[float, int]:
    """Return how many events a second reach a callback, and how many were lost on the way."""
    from ..timing import monotonic

    count = 0

    def on_tickers(event: object) -> None:
        nonlocal count
        count += 1

    with _client(url, delivery=delivery) as client:
        client.subscribe_tickers(on_tickers, products=["dub"], on_gap=lambda gap: None)
        rest = threading.Event().wait
        rest(min(WARM, seconds))
        before, since = count, monotonic()
        rest(seconds)
        after, until = count, monotonic()
        return (after - before) / (until - since), client.stats().dropped


def _round_trips(url: str, seconds: float) -> list[float]:
    from ..timing import Deadline, monotonic

    trips: list[float] = []
    with _client(url) as client:
        _repeat(lambda: client.request("ping"), Deadline(min(WARM, seconds)))
        end = Deadline(seconds)
        while not end.expired():
            since = monotonic()
            client.request("ping")
            trips.append(monotonic() - since)
    return trips


def _repeat(call: Callable[[], object], deadline: Any) -> None:
    while not deadline.expired():
        call()


def _start(statement: str) -> float:
    """Return how long a fresh interpreter takes for a statement; the best of a few."""
    from ..timing import monotonic

    times = []
    for _ in range(STARTS):
        since = monotonic()
        subprocess.run([sys.executable, "-c", statement], check=True, start_new_session=True)
        times.append(monotonic() - since)
    return min(times)


def _print(figures: dict[str, Any]) -> None:
    from rich.table import Table

    from .firehose import EVENT

    table = Table(box=None, pad_edge=False, show_header=False, title=figures["machine"])
    table.title_justify = "left"
    table.add_column("")
    table.add_column("", justify="right")
    table.add_column("", style="dim")
    for delivery in DELIVERIES:
        what = f'delivery="{delivery}", {figures[f"{delivery}_dropped"]:,} dropped'
        rate = f"{figures[f'{delivery}_events_per_second']:,.0f} /s"
        table.add_row("events to a callback", rate, what)
    for name, figure, unit, what in (
        ("round trip, median", "round_trip_p50", "µs", f"{figures['requests']:,} requests"),
        ("round trip, 99 of 100", "round_trip_p99", "µs", "one after the other"),
        ("import venuesdk", "import_package", "ms", ""),
        ("import of a client", "import_client", "ms", "with all that a client needs"),
    ):
        value = figures[f"{figure}_seconds"] * (1e6 if unit == "µs" else 1e3)
        table.add_row(name, f"{value:,.0f} {unit}", what)
    out = console()
    out.print(table)
    out.print(CAVEATS.format(size=len(EVENT)), style="dim")
