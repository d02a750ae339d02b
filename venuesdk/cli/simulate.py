"""``venuesdk simulate``: one simulated venue in the foreground, with its fault switches."""

from __future__ import annotations

import sys
import threading

import click

from ..testing import SimulatedVenue, simulate
from .target import VENUES

__all__ = ["command"]


@click.command()
@click.argument("venue", type=click.Choice(VENUES))
@click.option("--port", default=0, show_default="a free one", help="Where it listens.")
@click.option("--seed", default=1, show_default=True, help="The same seed, the same data.")
@click.option(
    "--interval", default=0.5, show_default=True, help="Seconds between two steps of the market."
)
@click.option("--seconds", type=float, help="Stop after so many seconds.")
def command(venue: str, port: int, seed: int, interval: float, seconds: float | None) -> None:
    """Run one simulated venue on loopback, and print how to reach it.

    Until Ctrl-C. Takes fault switches on standard input, one a line: drop, mute, half_open,
    slow 0.5, close_with 1012, and so on; "mute off" and "slow 0" end one.
    """
    with simulate(venue, seed=seed, interval=interval, port=port) as simulator:
        _run(simulator, seconds)


def _run(venue: SimulatedVenue, seconds: float | None) -> None:
    print(f"url          {venue.url}")
    if venue.http_url is not None:
        print(f"http_url     {venue.http_url}")
    for credential, value in venue.credentials.items():
        print(f"{credential:<12} {value}")
    print(f"faults       {' '.join(venue.faults)}", flush=True)
    threading.Thread(
        target=_take_switches, args=(venue,), name="venuesdk-sim-switches", daemon=True
    ).start()
    threading.Event().wait(seconds)


def _take_switches(venue: SimulatedVenue) -> None:
    """Turn lines of standard input into faults."""
    for line in sys.stdin:
        words = line.split()
        if not words:
            continue
        try:
            venue.fault(words[0], *words[1:])
        except (TypeError, ValueError) as error:
            print(f"venuesdk: {error}", file=sys.stderr, flush=True)
        else:
            print(f"fault        {line.strip()}", flush=True)
