"""Many threads that do anything at any time to clients of all five venues, by a seeded schedule.

A program: ``python tests/endurance/stress.py --seed 7 --seconds 60 --tls``. It prints one line of
JSON, and ends with 1 where something is wrong, with 86 where a thread did not get on.
"""

from __future__ import annotations

import argparse
import gc
import random
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

from arena import Stress
from census import descriptors, threads
from simulators import VENUES, Simulators
from verdict import tell
from watchdog import Watchdog
from workers import Worker

THREADS = 32
CLIENTS_OF_EACH_VENUE = 2
STALLED_AFTER = 30.0
"""Seconds in which every thread makes a step, or all of this counts as a deadlock."""


def run(seed: int, seconds: float, sims: Simulators, ca_file: Path | None) -> dict[str, Any]:
    """Let the threads run, and return what is found at the end."""
    threads_before, descriptors_before = threads(), descriptors()
    with Watchdog(STALLED_AFTER) as dog:
        stress = Stress(seed, sims, ca_file, dog)
        dice = random.Random(seed)
        for venue in VENUES:
            for _ in range(CLIENTS_OF_EACH_VENUE):
                stress.places.append(stress.new_client(venue, dice).connect(10.0))
        until = time.monotonic() + seconds
        workers = [Worker(stress, number, until) for number in range(THREADS)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
        dog.step("main", "settling")
        stress.settle()
        dog.leave("main")
    steps = sum(worker.steps for worker in workers)
    del workers, worker
    return found(stress, steps, threads_before, descriptors_before)


def found(
    stress: Stress, steps: int, threads_before: list[str], descriptors_before: list[str]
) -> dict[str, Any]:
    """Return the figures, and what is wrong."""
    until = time.monotonic() + 5.0
    while time.monotonic() < until:
        gc.collect()
        alive = [client for client in (reference() for reference in stress.made) if client]
        more_threads = Counter(threads()) - Counter(["watchdog", *threads_before])
        if not (alive or more_threads or len(descriptors()) > len(descriptors_before)):
            break
        time.sleep(0.05)
    if alive:
        stress.complain(f"{len(alive)} clients are held by somebody: {alive[:3]}")
    if more_threads:
        stress.complain(f"threads left: {sorted(more_threads.elements())}")
    left = descriptors()
    if len(left) != len(descriptors_before):
        stress.complain(f"descriptors left: {sorted({*left} - {*descriptors_before})}")
    late = sorted(stress.overruns)
    return {
        "threads": THREADS,
        "steps": steps,
        "slots_lost": stress.slots_lost,
        "counts": dict(sorted(stress.counts.items())),
        "errors": dict(sorted(stress.errors.items())),
        "late": sum(1 for seconds in late if seconds > 0.5),
        "worst_overrun": late[-1] if late else 0.0,
        "threads_left": sum(more_threads.values()),
        "descriptors_left": len(left) - len(descriptors_before),
        "wrong": stress.wrong,
    }


def main() -> int:
    """Read the command line, run, and print what was found."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--tls", action="store_true", help="over wss")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        ca_file = Path(folder, "ca.pem") if options.tls else None
        with Simulators(ca_file=ca_file, interval=0.05, seed=options.seed) as sims:
            sys.setswitchinterval(1e-6)
            result = run(options.seed, options.seconds, sims, ca_file)
    return tell({"seed": options.seed, "tls": options.tls, **result})


if __name__ == "__main__":
    sys.exit(main())
