"""What a client's process needs to get going, and what it does while nothing happens."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

import ours
from job import Job
from meter import cpu_seconds, percentiles

__all__ = ["idle", "ready", "ready_usual", "watch"]

LOGIN = json.dumps({"id": "msg:1", "method": "auth", "token": "a token of the benchmark"})
SUBSCRIBE = json.dumps(
    {"id": "msg:2", "method": "subscribe", "channel": {"tickers": {"products": ["dub"]}}}
)


def ready(job: Job) -> dict[str, float]:
    """Make a client, connect it, subscribe, and wait for the first event; again and again."""

    def once(note: Callable[[str], None]) -> None:
        client = ours.make(job).connect()
        note("ready")
        subscription = ours.subscribe(job, client, None)
        subscription.get(timeout=10)
        note("event")
        client.close()

    return _repeat(job, once)


def ready_usual(job: Job) -> dict[str, float]:
    """Do the same with websocket-client, its answers received in the order in which they come."""
    from peers.websocket_client import connect

    def once(note: Callable[[str], None]) -> None:
        connection = connect(job, "1")
        connection.send(LOGIN)
        json.loads(connection.recv())
        note("ready")
        connection.send(SUBSCRIBE)
        json.loads(connection.recv())
        json.loads(connection.recv())
        note("event")
        connection.close()

    return _repeat(job, once)


def _repeat(job: Job, once: Callable[[Callable[[str], None]], None]) -> dict[str, float]:
    took: dict[str, list[int]] = {"ready": [], "event": []}
    times = job.options.pop("times")
    for number in range(times + 1):
        begun = time.perf_counter_ns()

        def note(what: str, begun: int = begun, first: bool = not number) -> None:
            # The first one imports what is imported late.
            if not first:
                took[what].append(time.perf_counter_ns() - begun)

        once(note)
    return {
        f"{what} {mark}": value
        for what, values in took.items()
        for mark, value in percentiles(values, 1e-6).items()
    }


def idle(job: Job) -> dict[str, float]:
    """Connect clients, and do nothing; return the processor time of each in the window."""
    clients = job.options.pop("clients")
    kept = [ours.make(job).connect() for _ in range(clients)]
    return watch(job, kept)


def watch(job: Job, kept: list[Any]) -> dict[str, float]:
    """Return the share of a processor that each of those kept has used."""
    time.sleep(1.0)
    begun, cpu = time.monotonic(), cpu_seconds()
    time.sleep(job.seconds)
    share = (cpu_seconds() - cpu) / (time.monotonic() - begun)
    return {"percent": share * 100 / len(kept)}
