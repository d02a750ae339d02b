"""A thousand reconnects in a tight loop: what does a client hold that it did not before?

A program: ``python tests/endurance/reconnects.py --venue timex --times 1000 --tls``. It prints one
line of JSON, and ends with 1 where something was left behind.
"""

from __future__ import annotations

import argparse
import faulthandler
import logging
import random
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import desk
from census import census, open_slots
from simulators import VENUES, Simulators
from verdict import tell

from venuesdk.models import State
from venuesdk.session.quota import AttemptQuota
from venuesdk.timing import Backoff

FIRST = 10
"""After so many reconnects everything that a client ever needs is there."""
PATIENCE = 10.0


class Line:
    """One client that is cut off again and again, with its streams."""

    def __init__(self, sims: Simulators, venue: str, ca_file: Path | None) -> None:
        self._sims = sims
        self._dice = random.Random(venue)
        self.gaps = self.events = 0
        self.client = desk.make(
            venue,
            sims.sites[venue],
            ca_file,
            timeout=PATIENCE,
            reconnect=Backoff(initial=0.001, maximum=0.005),
            quota=AttemptQuota(rate=100_000.0, burst=1000),
        )
        self.client.connect()
        for _ in range(3):
            desk.subscribe(self.client, self._dice, self._on_event, on_gap=self._on_gap)

    def _on_event(self, event: Any) -> None:
        self.events += 1

    def _on_gap(self, gap: Any) -> None:
        self.gaps += 1

    def cut(self) -> None:
        """Cut the connection off; return when there is a new one, and every stream told of it."""
        before = self.client.stats()
        epoch, told = before.epoch, self.gaps + len(before.subscriptions)
        self._sims.tell(self.client.venue, "drop")
        until = time.monotonic() + PATIENCE
        while self.client.stats().epoch == epoch or self.client.state is not State.CONNECTED:
            if time.monotonic() > until:
                raise TimeoutError(f"not connected again: {self.client.stats()}")
            time.sleep(0.0005)
        desk.call(self.client, self._dice)
        while self.gaps < told:
            if time.monotonic() > until:
                raise TimeoutError(f"not told of the gap: {self.client.stats()}")
            time.sleep(0.0005)

    def rest(self) -> None:
        """Wait until everything that was on its way has arrived."""
        until = time.monotonic() + PATIENCE
        quiet, before = 0, None
        while quiet < 20:
            stats = self.client.stats()
            now = (stats.frames_in, stats.frames_out, stats.queue_depth, stats.waiting_requests)
            quiet, before = (quiet + 1 if now == before else 0), now
            if time.monotonic() > until:
                raise TimeoutError(f"never quiet: {stats}")
            time.sleep(0.02)


def count(line: Line) -> dict[str, Any]:
    """Return what there is now."""
    line.rest()
    return {**census(), "slots": open_slots(line.client)}


def run(sims: Simulators, venue: str, times: int, ca_file: Path | None) -> dict[str, Any]:
    """Reconnect that often; return what was there after the first ones and at the end."""
    line = Line(sims, venue, ca_file)
    began = time.monotonic()
    for _ in range(FIRST):
        line.cut()
    first = count(line)
    halfway: dict[str, Any] = first
    for number in range(FIRST, times):
        faulthandler.dump_traceback_later(60, exit=True)
        line.cut()
        if number == times // 2:
            halfway = count(line)
    last = count(line)
    faulthandler.cancel_dump_traceback_later()
    seconds = time.monotonic() - began
    stats, streams = line.client.stats(), len(line.client.stats().subscriptions)
    line.client.close()
    wrong = compare(first, last)
    if stats.reconnects != times:
        wrong.append(f"{stats.reconnects} reconnects instead of {times}")
    if line.gaps != times * streams:
        wrong.append(f"{line.gaps} gaps were told of, instead of {times} for each of {streams}")
    return {
        "venue": venue,
        "reconnects": stats.reconnects,
        "seconds": round(seconds, 1),
        "streams": streams,
        "gaps": line.gaps,
        "rss_growth_kib": last["rss"] - first["rss"],
        "rss_growth_kib_second_half": last["rss"] - halfway["rss"],
        "threads": [len(first["threads"]), len(last["threads"])],
        "descriptors": [first["descriptors"], last["descriptors"]],
        "objects": [sum(first["objects"].values()), sum(last["objects"].values())],
        "slots": last["slots"],
        "wrong": wrong,
    }


def compare(first: dict[str, Any], last: dict[str, Any]) -> list[str]:
    """Return what is there at the end that was not there after the first reconnects."""
    wrong = []
    for what in ("threads", "descriptors", "slots"):
        if first[what] != last[what]:
            wrong.append(f"{what}: {first[what]}, then {last[what]}")
    more = last["objects"] - first["objects"]
    if more:
        wrong.append(f"objects that were not there before: {dict(more)}")
    return wrong


def main() -> int:
    """Read the command line, run, and print what was found."""
    logging.getLogger("venuesdk").addHandler(logging.NullHandler())
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--venue", choices=VENUES, default="timex")
    parser.add_argument("--times", type=int, default=1000)
    parser.add_argument("--tls", action="store_true", help="over wss")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        ca_file = Path(folder, "ca.pem") if options.tls else None
        with Simulators(options.venue, ca_file=ca_file) as sims:
            result = run(sims, options.venue, options.times, ca_file)
    return tell({"tls": options.tls, **result})


if __name__ == "__main__":
    sys.exit(main())
