"""The measuring inside a client's process: events in a window, their cost, their lateness.

The callback of every client of a table is the same. The thread that measures sleeps all the while.
"""

from __future__ import annotations

import json
import os
import resource
import sys
import threading
import time
from collections.abc import Callable
from typing import Any, NoReturn

from job import Job
from shapes import STAMP_BASE

__all__ = ["WARM", "cpu_seconds", "lateness", "percentiles", "report", "stream", "window"]

FIRST = 20.0
"""Seconds until the first event must have come."""
WARM = 0.25
"""How long a client runs before it is measured, as a part of how long it is."""

FAILURES: list[BaseException] = []
"""What drivers raised on their thread."""

Driver = Callable[[Job, Callable[[Any], object]], None]


def cpu_seconds() -> float:
    """Return the processor time of this process, all its threads together."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def report(found: dict[str, float]) -> NoReturn:
    """Print what was found, and end the process without waiting for anything."""
    print(json.dumps(found), flush=True)
    os._exit(0)


def percentiles(values: list[int], scale: float = 1e-3) -> dict[str, float]:
    """Return the quantiles that the tables show; nanoseconds become microseconds."""
    if not values:
        return {}
    ordered = sorted(values)
    last = len(ordered) - 1
    marks = {"p50": 0.5, "p99": 0.99, "p99.9": 0.999, "max": 1.0}
    return {name: ordered[round(last * mark)] * scale for name, mark in marks.items()}


def stream(job: Job, driver: Driver) -> dict[str, float]:
    """Count the events of a window, and the processor time of each."""
    count = 0

    def on_event(event: Any) -> None:
        nonlocal count
        count += 1

    _start(job, driver, on_event)
    job.probes.setdefault("events", lambda: count)
    return window(job)


def lateness(job: Job, driver: Driver) -> dict[str, float]:
    """Measure how long after it was sent each event came to the callback."""
    late: list[int] = []
    note, now = late.append, time.monotonic_ns

    def typed(event: Any) -> None:
        note(now() + STAMP_BASE - event.tickers[0].timestamp_millis)

    def raw(event: Any) -> None:
        note(now() + STAMP_BASE - event["message"][0]["timestamp_millis"])

    _start(job, driver, typed if job.values == "typed" else raw)
    job.probes["events"] = lambda: len(late)
    first = 0

    def begin() -> None:
        nonlocal first
        first = len(late)

    found = window(job, begin)
    return found | percentiles(late[first:])


def _start(job: Job, driver: Driver, on_event: Callable[[Any], object]) -> None:
    if job.switch_interval is not None:
        sys.setswitchinterval(job.switch_interval)
    if job.burner:
        threading.Thread(target=_burn, daemon=True).start()

    def run() -> None:
        try:
            driver(job, on_event)
        except BaseException as error:
            FAILURES.append(error)

    threading.Thread(target=run, daemon=True).start()


def _burn() -> None:
    """Keep a processor busy, as the program that the client is a part of may."""
    number = 0
    while True:
        number += 1


def window(job: Job, begin: Callable[[], None] | None = None) -> dict[str, float]:
    """Wait for the first event; return the rate of the window, its cost, and what was lost."""
    until = time.monotonic() + FIRST
    while "events" not in job.probes or not job.probes["events"]():
        if FAILURES:
            raise FAILURES[0]
        if time.monotonic() > until:
            raise TimeoutError(f"no event in {FIRST:g} s")
        time.sleep(0.01)
    time.sleep(job.seconds * WARM)
    if begin is not None:
        begin()
    before = _sample(job)
    time.sleep(job.seconds)
    after = _sample(job)
    spent = {name: after[name] - before[name] for name in before}
    events = spent["events"]
    if not events:
        raise TimeoutError("no event in the window")
    found = {"rate": events / spent["seconds"], "cpu_us": spent["cpu"] / events * 1e6}
    if "lost" in spent:
        found["lost"] = spent["lost"] / (spent["lost"] + events)
    return found


def _sample(job: Job) -> dict[str, float]:
    found = {name: probe() for name, probe in job.probes.items()}
    return {"seconds": time.monotonic(), "cpu": cpu_seconds(), **found}
