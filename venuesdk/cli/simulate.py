"""``venuesdk simulate``: one simulated venue in the foreground, with its fault switches."""

from __future__ import annotations

import argparse
import sys
import threading

from ..testing import SimulatedVenue, simulate

__all__ = ["run_simulator"]


def run_simulator(name: str, options: argparse.Namespace) -> int:
    """Run a simulator until Ctrl-C, or for as long as was asked; return the exit status."""
    with simulate(
        name, seed=options.seed, interval=options.interval, port=options.port
    ) as venue:
        print(f"url          {venue.url}")
        if venue.http_url is not None:
            print(f"http_url     {venue.http_url}")
        for credential, value in venue.credentials.items():
            print(f"{credential:<12} {value}")
        print(f"faults       {' '.join(venue.faults)}", flush=True)
        threading.Thread(
            target=_take_switches, args=(venue,), name="venuesdk-sim-switches", daemon=True
        ).start()
        threading.Event().wait(options.seconds)
    return 0


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
