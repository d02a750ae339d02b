"""``venuesdk simulate``: one simulated venue in the foreground, with its fault switches."""

from __future__ import annotations

import math
import sys
import threading

import click

from ..testing import SimulatedVenue, simulate
from .output import note, write_json
from .target import PORT, VENUES

__all__ = ["command"]


@click.command()
@click.argument("venue", type=click.Choice(VENUES))
@click.option("--port", type=PORT, default=0, show_default="a free one", help="Where it listens.")
@click.option("--seed", default=1, show_default=True, help="The same seed, the same data.")
@click.option(
    "--interval", default=0.5, show_default=True, help="Seconds between two steps of the market."
)
@click.option("--seconds", type=click.FloatRange(min=0), help="Stop after so many seconds.")
@click.option("--json", "as_json", is_flag=True, help="Lines of JSON.")
def command(
    venue: str, port: int, seed: int, interval: float, seconds: float | None, as_json: bool
) -> None:
    """Run one simulated venue on loopback, and print how to reach it.

    Until Ctrl-C. Takes fault switches on standard input, one a line: drop, mute, half_open,
    slow 0.5, close_with 1012, and so on; "mute off" and "slow 0" end one.
    """
    if not 0 < interval < math.inf:
        raise click.BadParameter(f"{interval} s is no time between two steps")
    with simulate(venue, seed=seed, interval=interval, port=port) as simulator:
        _announce(simulator, as_json)
        threading.Thread(
            target=_take_switches,
            args=(simulator, as_json),
            name="venuesdk-sim-switches",
            daemon=True,
        ).start()
        threading.Event().wait(seconds)


def _announce(venue: SimulatedVenue, as_json: bool) -> None:
    """Say how to reach it; its credentials are made up, and no secret."""
    facts = {"url": venue.url, "http_url": venue.http_url}
    if as_json:
        told = {**facts, "credentials": venue.credentials, "faults": list(venue.faults)}
        write_json({"kind": "serving", "venue": venue.name, **told})
        return
    for name, value in {**facts, **venue.credentials}.items():
        if value is not None:
            print(f"{name:<12} {value}")
    print(f"faults       {' '.join(venue.faults)}", flush=True)


def _take_switches(venue: SimulatedVenue, as_json: bool) -> None:
    """Turn lines of standard input into faults."""
    for line in sys.stdin:
        words = line.split()
        if not words:
            continue
        try:
            venue.fault(words[0], *words[1:])
        except (TypeError, ValueError) as error:
            note(f"venuesdk: {error}")
            continue
        if as_json:
            write_json({"kind": "fault", "fault": words})
        else:
            print(f"fault        {line.strip()}", flush=True)
