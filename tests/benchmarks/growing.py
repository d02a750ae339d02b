"""What `venuesdk` does when there is more of everything, in a client's process.

More subscriptions, more clients, more that waits, a consumer that is too slow.
"""

from __future__ import annotations

import gc
import itertools
import json
import os
import resource
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import ours
from decoding import TWO_PASSES
from job import Job
from meter import WARM, cpu_seconds, percentiles, report, window
from shapes import STAMP_BASE, payloads

__all__ = [
    "clients",
    "memory_of",
    "memory_of_backlog",
    "memory_of_clients",
    "memory_of_payloads",
    "memory_of_subscriptions",
    "slow_consumer",
    "subscriptions",
]

LOOK = 256
"""After how many events the clock is looked at, where callbacks do it themselves."""
PATIENCE = 60.0
SETTLE = 0.5


def resident() -> int:
    """Return the bytes of memory that this process has now (at most so far, where not Linux)."""
    gc.collect()
    with suppress(OSError):
        return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def await_that(condition: Callable[[], bool]) -> None:
    """Look until it holds."""
    until = time.monotonic() + PATIENCE
    while not condition():
        if time.monotonic() > until:
            raise TimeoutError(f"not within {PATIENCE:g} s")
        time.sleep(0.01)


def _counter(job: Job) -> Callable[[Any], object]:
    count = 0

    def on_event(event: Any) -> None:
        nonlocal count
        count += 1

    job.probes["events"] = lambda: count
    return on_event


# ---- rates ---------------------------------------------------------------------------------------


def subscriptions(job: Job) -> dict[str, float]:
    """Stream on as many subscriptions of one client as the server waits for, in turn."""
    on_event = _counter(job)
    client = ours.make(job).connect()
    begun = time.monotonic()
    for number in range(int(job.start)):
        client.subscribe(f"/orderbook.group/M{number}", on_event)
    seconds = time.monotonic() - begun
    job.probes["lost"] = lambda: client.stats().dropped
    return window(job) | {"subscribed": int(job.start) / seconds}


def clients(job: Job) -> dict[str, float]:
    """Stream on several clients of one process at once.

    The callbacks themselves look at the clock, and end the process when the time is over: beside
    so many busy threads another one, which only measures, comes to its turn after seconds.
    """
    counter, samples, one_at_a_time = itertools.count(1), [], threading.Lock()
    due = 0.0

    def on_event(event: Any) -> None:
        nonlocal due
        count = next(counter)
        if count % LOOK or time.monotonic() < due or not one_at_a_time.acquire(blocking=False):
            return
        if due:
            # No lock is taken for these; there may be a long line for each.
            dropped = sum(each.stats.dropped for each in streams)
            samples.append((time.monotonic(), next(counter), cpu_seconds(), dropped))
        due = time.monotonic() + job.seconds * (1 if due else WARM)
        if len(samples) == 2:
            seconds, count, cpu, lost = (b - a for a, b in zip(*samples, strict=True))
            shares = {"cpu_us": cpu / count * 1e6, "lost": lost / (lost + count)}
            report({"rate": count / seconds, **shares})
        one_at_a_time.release()

    job.play, job.number = "together", job.options.pop("clients")
    url = f"{job.url()}/{os.getpid()}"
    every = [ours.make(job, url=url).connect() for _ in range(job.number)]
    # In place: the first callbacks may come before the last subscription.
    streams: list[Any] = []
    for client in every:
        streams.append(ours.subscribe(job, client, on_event, on_gap=lambda gap: None))
    threading.Event().wait(PATIENCE)
    raise TimeoutError(f"not measured in {PATIENCE:g} s")


def slow_consumer(job: Job) -> dict[str, float]:
    """Let the callback take `pause` seconds for each event; see what is read and how old it is.

    The age is that of an event of the paced server when its callback begins.
    """
    pause, conflate = job.options.pop("pause"), job.options.pop("conflate")
    ages: list[int] = []

    def on_event(event: Any) -> None:
        ages.append(time.monotonic_ns() + STAMP_BASE - event.tickers[0].timestamp_millis)
        if pause:
            time.sleep(pause)

    client = ours.make(job).connect()
    subscription = ours.subscribe(
        job, client, on_event, on_gap=lambda gap: None, conflate=conflate
    )
    await_that(lambda: bool(ages))
    time.sleep(job.seconds * WARM)
    begun, before, first = time.monotonic(), subscription.stats, len(ages)
    time.sleep(job.seconds)
    seconds, after = time.monotonic() - begun, subscription.stats
    found = {
        "read": (after.received - before.received) / seconds,
        "delivered": (len(ages) - first) / seconds,
        "conflated": (after.conflated - before.conflated) / seconds,
        "lost": (after.dropped - before.dropped) / seconds,
    }
    return found | percentiles(ages[first:])


# ---- memory --------------------------------------------------------------------------------------


def memory_of_clients(job: Job) -> dict[str, float]:
    """Return the bytes of each idle client beyond the first, connected and logged in."""
    count = job.options.pop("clients")
    return memory_of(count, lambda: ours.make(job).connect())


def memory_of(count: int, make: Callable[[], Any]) -> dict[str, float]:
    """Return the memory of each of `count` things beyond the first."""
    kept = [make()]
    time.sleep(SETTLE)
    before, threads = resident(), threading.active_count()
    kept += [make() for _ in range(count)]
    time.sleep(SETTLE)
    each = (resident() - before) / count
    return {"kib": each / 1024, "threads": (threading.active_count() - threads) / count}


def memory_of_subscriptions(job: Job) -> dict[str, float]:
    """Return the bytes of each idle subscription."""
    count = job.options.pop("subscriptions")
    on_event = _counter(job)
    client = ours.make(job).connect()
    client.subscribe("/orderbook.group/FIRST", on_event)
    before = resident()
    for number in range(count):
        client.subscribe(f"/orderbook.group/M{number}", on_event)
    return {"kib": (resident() - before) / count / 1024}


def memory_of_backlog(job: Job) -> dict[str, float]:
    """Let events wait, as many as the bound allows; return the bytes of each, and drain them."""
    bound, iterated = job.options.pop("bound"), job.options.pop("iterated")
    go = threading.Event()
    handled = itertools.count()
    done = 0

    def on_event(event: Any) -> None:
        nonlocal done
        go.wait()
        done = next(handled) + 1

    client = ours.make(job).connect()
    before = resident()
    more = {"max_queue": bound, "on_gap": lambda gap: None}
    subscription = ours.subscribe(job, client, None if iterated else on_event, **more)
    await_that(lambda: subscription.stats.received >= job.number)
    stats, after = subscription.stats, resident()
    payload = stats.queued_bytes / stats.queued
    begun = time.monotonic()
    if iterated:
        for _ in range(stats.queued):
            subscription.get(timeout=10)
    else:
        go.set()
        await_that(lambda: done >= stats.queued)
    seconds = time.monotonic() - begun
    return {
        "queued": stats.queued,
        "lost": stats.dropped,
        "payload": payload,
        "bytes": (after - before) / stats.queued,
        "beyond": (after - before) / stats.queued - payload,
        "drained": stats.queued / seconds,
    }


def memory_of_payloads(job: Job) -> dict[str, float]:
    """Return the bytes of each event that waits in a list, in the form that is asked for."""
    forms: dict[str, Callable[[bytes], Any]] = {
        "bytes": lambda payload: bytes(bytearray(payload)),
        "dict": json.loads,
        "attrs": TWO_PASSES[job.shape],
    }
    make = forms[job.options["form"]]
    frames = payloads(job.shape)
    length = sum(map(len, frames)) / len(frames)
    before = resident()
    kept = [make(frame) for _, frame in zip(range(job.number), itertools.cycle(frames))]
    each = (resident() - before) / len(kept)
    return {"queued": len(kept), "payload": length, "bytes": each, "beyond": each - length}
