"""Five clients that stream and ask for hours, under faults: memory, threads and all stay flat.

A program: ``python tests/endurance/soak.py --seconds 3600``. It prints one line of JSON, and ends
with 1 where something grew or is broken, with 86 where a thread did not get on. How it goes is
told on standard error each minute.
"""

from __future__ import annotations

import argparse
import gc
import json
import logging
import random
import sys
import threading
import time
import traceback
from array import array
from collections import Counter
from typing import Any

from census import descriptors, objects, open_slots, rss_kib, slope, threads
from seats import Seat
from simulators import VENUES, Simulators
from verdict import tell
from watchdog import Watchdog

INTERVAL = 0.02
"""Seconds between two steps of a simulated market; four streams then bring 200 events a second."""
BETWEEN_FAULTS = 5.0
STALLED_AFTER = 60.0
MORE_OBJECTS = 40
"""How many more of one class there may be at the end than at the start, both times settled.

The five clients stream on while it is counted: each has a few events, frames and deadlines in its
hands, and more of them at one moment than at another. What is kept per call, per event or per lost
connection is hundreds of each by then.
"""
COLUMNS = ("time", "rss", "blocks", "threads", "descriptors", "slots", "queued")

# What is done, what undoes it, and after how many seconds. Silence of 18 s is noticed, of 2 s not.
FAULTS: tuple[tuple[str, tuple[Any, ...], tuple[Any, ...] | None, float], ...] = (
    ("drop", (), None, 0.0),
    ("close_with", (1012, "restart"), None, 0.0),
    ("close_with", (1001, ""), None, 0.0),
    ("garbage", (), None, 0.0),
    ("flood", (2000,), None, 0.0),
    ("half_open", (True,), (False,), 2.0),
    ("half_open", (True,), (False,), 18.0),
    ("mute", (True, True), (False,), 2.0),
    ("mute", (True,), (False,), 18.0),
    ("slow", (0.005,), (0.0,), 3.0),
    ("reorder", (2, 0.2), (0,), 3.0),
    ("refuse_connections", (True, 503, 1), (False,), 2.0),
    ("network.reset", (), None, 0.0),
    ("network.finish", (), None, 0.0),
    ("network.cut_after", (5_000, "down"), None, 0.0),
    ("network.cut_after", (200, "up", "finish"), None, 0.0),
    ("network.latency", (0.1, 0.1), (0.0, 0.0), 4.0),
    ("network.slice", (7, 0.0005), (None,), 3.0),
    ("network.black_hole", (), (), 2.0),
    ("network.black_hole", (), (), 18.0),
    ("network.refuse", (True,), (False,), 2.0),
)


class Soak:
    """All seats, the fate that they share, and what is measured meanwhile."""

    def __init__(self, seed: int, sims: Simulators, dog: Watchdog) -> None:
        self.seed = seed
        self.sims = sims
        self.dog = dog
        self.wrong: list[str] = []
        self.events: Counter[str] = Counter()
        self.faults: Counter[str] = Counter()
        self.ended = threading.Event()
        self._fate = threading.Thread(target=self._cut_threads, name="fate")

    def complain(self, text: str, error: BaseException | None = None) -> None:
        """Note what is wrong; a hundred times, for more would only use up memory."""
        if error is not None:
            text = "\n".join([text, *traceback.format_exception(error)])
        if len(self.wrong) < 100:
            self.wrong.append(text)

    def run(self, seconds: float, warm_up: float) -> dict[str, Any]:
        """Let it run for so long, and return the figures."""
        kinds = ("pump", "post", "inline", "thread", "thread")
        seats = [Seat(self, venue, kind) for venue, kind in zip(VENUES, kinds, strict=True)]
        self.settle(seats)
        before = self.count()
        for seat in seats:
            seat.begin()
        self._fate.start()
        samples = self.watch(seats, seconds)
        self.ended.set()
        self._fate.join()
        for seat in seats:
            seat.pause()
        self.settle(seats)
        after = self.count()
        self.compare(before, after)
        for seat in seats:
            if open_slots(seat.client) or seat.client.stats().waiting_requests:
                self.complain(f"{seat.venue} has lost requests: {seat.client.stats()}")
        figures = self.figures(seats, samples, warm_up)
        for seat in seats:
            seat.close()
        return {**figures, "before": before, "after": after}

    # Fate

    def _cut_threads(self) -> None:
        """Every few seconds do something bad to a venue that is well, until the end; then heal."""
        dice = random.Random(self.seed)
        undo: dict[str, tuple[float, str, tuple[Any, ...]]] = {}
        next_one = time.monotonic()
        while not self.ended.wait(0.1):
            now = time.monotonic()
            for venue, (due, what, arguments) in list(undo.items()):
                if now >= due:
                    del undo[venue]
                    self.sims.tell(venue, what, *arguments)
            well = [venue for venue in VENUES if venue not in undo]
            if now < next_one or not well:
                continue
            next_one = now + dice.uniform(0.5, 1.5) * BETWEEN_FAULTS
            venue = dice.choice(well)
            what, arguments, back, after = dice.choice(FAULTS)
            self.faults[what] += 1
            self.sims.tell(venue, what, *arguments)
            if back is not None:
                cure = "network.heal" if what.startswith("network") else what
                undo[venue] = (now + after, cure, () if cure == "network.heal" else back)
        for venue, (_, what, arguments) in undo.items():
            self.sims.tell(venue, what, *arguments)
        for venue in VENUES:
            # A cut that still waits for its bytes would come later.
            self.sims.tell(venue, "network.heal")
            self.sims.tell(venue, "network.reset")

    # Looking

    def settle(self, seats: list[Seat]) -> None:
        """Bring about the one state that is counted: all connected, all streaming, HTTP used."""
        self.dog.step("main", "settling")
        for seat in seats:
            seat.must_work()
            if seat.venue == "infinex":
                self._use_http(seat)
        self.dog.leave("main")

    def _use_http(self, seat: Seat) -> None:
        """Take the socket away for one call, which so travels over HTTP."""
        self.sims.tell(seat.venue, "refuse_connections", True)
        while seat.client.connected:
            time.sleep(0.01)
        seat.client.networks("USDT")
        self.sims.tell(seat.venue, "refuse_connections", False)
        while not seat.client.connected:
            time.sleep(0.01)

    def count(self) -> dict[str, Any]:
        """Return what there is now."""
        return {
            "threads": threads(),
            "descriptors": len(descriptors()),
            "objects": objects(),
            "rss": rss_kib(),
        }

    def compare(self, before: dict[str, Any], after: dict[str, Any]) -> None:
        """See that nothing is there that was not."""
        was: Counter[str] = before["objects"]
        for kind, count in sorted((after["objects"] - was).items()):
            print(f"{count} more of {kind}", file=sys.stderr)
            if count > MORE_OBJECTS:
                self.complain(f"{kind}: {count} more than the {was[kind]} before")
        if before["threads"] != after["threads"]:
            self.complain(f"threads: {before['threads']}, then {after['threads']}")
        if before["descriptors"] != after["descriptors"]:
            self.complain(f"descriptors: {before} then {after}: {descriptors()}")

    def watch(self, seats: list[Seat], seconds: float) -> dict[str, array[float]]:
        """Take a sample each second; what they need is there before the first one."""
        size = int(seconds) + 2
        samples = {name: array("d", bytes(8 * size)) for name in COLUMNS}
        began = time.monotonic()
        count = 0
        for count in range(size):
            left = began + count - time.monotonic()
            if time.monotonic() - began > seconds:
                break
            self.ended.wait(max(0.0, left))
            self.dog.step("main", f"second {count}")
            stats = [seat.client.stats() for seat in seats]
            row = (
                time.monotonic() - began,
                rss_kib(),
                float(sys.getallocatedblocks()),
                float(len(threads())),
                float(len(descriptors())),
                float(sum(one.waiting_requests for one in stats)),
                float(sum(one.queue_depth for one in stats)),
            )
            for name, value in zip(COLUMNS, row, strict=True):
                samples[name][count] = value
            if count % 60 == 0:
                told = json.dumps(dict(zip(COLUMNS, row, strict=True)))
                print(told, file=sys.stderr, flush=True)
        return {name: values[:count] for name, values in samples.items()}

    def figures(
        self, seats: list[Seat], samples: dict[str, array[float]], warm_up: float
    ) -> dict[str, Any]:
        """Return what was measured; slopes are of what came after the warm-up."""
        times = list(samples["time"])
        start = next(n for n, when in enumerate(times) if when >= warm_up)
        calls = sum((seat.calls for seat in seats), Counter[str]())
        stats = [seat.client.stats() for seat in seats]
        return {
            "seconds": times[-1],
            "warm_up": warm_up,
            "faults": dict(self.faults),
            "events": dict(self.events),
            "calls": dict(calls),
            "reconnects": sum(one.reconnects for one in stats),
            "gaps": sum(seat.gaps for seat in seats),
            "worst_overrun": max(seat.worst_overrun for seat in seats),
            "slopes_per_hour": {
                name: 3600 * slope(times[start:], list(samples[name][start:]))
                for name in COLUMNS[1:]
            },
            "ranges": {
                name: [min(samples[name][start:]), max(samples[name][start:])]
                for name in COLUMNS[1:]
            },
        }


def found(seed: int, seconds: float, warm_up: float, proxied: bool) -> dict[str, Any]:
    """Run it all, and return the figures and what is wrong."""
    with Simulators(interval=INTERVAL, seed=seed, proxied=proxied) as sims:
        threads_before, descriptors_before = threads(), len(descriptors())
        with Watchdog(STALLED_AFTER) as dog:
            soak = Soak(seed, sims, dog)
            figures = soak.run(seconds, warm_up)
        gc.collect()
        if threads() != threads_before or len(descriptors()) != descriptors_before:
            soak.complain(f"left after the close: {threads()}, {descriptors()}")
    return {"seed": seed, **figures, "wrong": soak.wrong}


def main() -> int:
    """Read the command line, run, and print what was found."""
    logging.getLogger("venuesdk").addHandler(logging.NullHandler())
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=3600.0)
    parser.add_argument("--warm-up", type=float, help="a third of the time, ten minutes at most")
    options = parser.parse_args()
    warm_up = options.warm_up or min(600.0, options.seconds / 3)
    result = found(options.seed, options.seconds, warm_up, proxied=True)
    return tell(result)


if __name__ == "__main__":
    sys.exit(main())
