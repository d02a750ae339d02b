"""The relay's two processes at the same time: one publishes, the other reads.

Each is a job of its own; the reader says when the publisher may begin, and when it has seen enough.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

import ours
from job import Job
from meter import cpu_seconds, percentiles, window
from relay_rig import (
    MOST,
    PATIENCE,
    STREAM,
    await_word,
    client_of,
    reader_of,
    store,
    tell,
    url,
)

from venuesdk.relay import Relay

__all__ = ["keep_receiving", "keep_sending", "receive", "send"]


def send(job: Job) -> dict[str, float]:
    """Relay so many events that are sent as fast as they are taken."""
    room = {"max_queue": job.number, "max_bytes": 1 << 40} if job.options.get("room") else {}
    client = client_of(job)
    with Relay(client, url(job), **room) as relay:
        await_word(job, "reader")
        cpu = cpu_seconds()
        ours.subscribe(job, client, relay)
        await_word(job, "done")
        return {"publisher_us": (cpu_seconds() - cpu) / job.number * 1e6}


def receive(job: Job) -> dict[str, float]:
    """Read until all has come, or was told to be missing."""
    came, told = 0, 0

    def on_gap(gap: Any) -> None:
        nonlocal told
        told += gap.count or 0

    with reader_of(job, "flood", on_gap=on_gap) as reader:
        tell(job, "reader")
        last = threading.Timer(PATIENCE + job.seconds, reader.close)
        last.daemon = True
        last.start()
        began = cpu = 0.0
        for _ in reader:
            came += 1
            if came == 1:
                began, cpu = time.perf_counter(), cpu_seconds()
            if came + told >= job.number:
                break
        seconds, cpu = time.perf_counter() - began, cpu_seconds() - cpu
    tell(job, "done")
    if not came:
        raise TimeoutError("no event came")
    return {
        "rate": came / seconds,
        "reader_us": cpu / came * 1e6,
        "told": told / job.number,
        "untold": job.number - came - told,
    }


def keep_sending(job: Job) -> dict[str, float]:
    """Publish a paced stream until the reader has seen enough of it."""
    client = client_of(job)
    with ExitStack() as stack:
        await_word(job, "reader")
        if job.options.get("by") == "xadd":
            count = _send_each(job, client)
        else:
            relay = stack.enter_context(Relay(client, url(job), linger=job.options["linger"]))
            ours.subscribe(job, client, relay)

            def count() -> int:
                return int(relay.stats().published)

        job.probes["events"] = count
        found = window(job)
        await_word(job, "done")
        return {"publisher_us": found["cpu_us"]}


def _send_each(job: Job, client: Any) -> Callable[[], int]:
    """Let a callback add each event to a stream, and wait for the answer, as one would begin."""
    redis, count = store(job), 0

    def on_event(event: Any) -> None:
        nonlocal count
        received = time.time_ns()
        redis.xadd(STREAM, {"received": received, "payload": subscription.payload})
        count += 1

    subscription = ours.subscribe(job, client, on_event, on_gap=lambda gap: None)
    return lambda: count


def keep_receiving(job: Job) -> dict[str, float]:
    """Note how long ago the publisher had each event, for a window."""
    late: list[int] = []
    run = _receive_each if job.options.get("by") == "xadd" else _receive_typed
    threading.Thread(target=run, args=(job, late.append), daemon=True).start()
    first = 0

    def begin() -> None:
        nonlocal first
        first = len(late)

    job.probes["events"] = lambda: len(late)
    found = window(job, begin)
    tell(job, "done")
    return found | percentiles(late[first:])


def _receive_typed(job: Job, note: Callable[[int], object]) -> None:
    now = time.time_ns
    with reader_of(job, "late") as reader:
        tell(job, "reader")
        for _ in reader:
            note(now() - reader.origin.received_ns)


def _receive_each(job: Job, note: Callable[[int], object]) -> None:
    now, client = time.time_ns, store(job)
    client.xgroup_create(STREAM, "late", id="0", mkstream=True)
    tell(job, "reader")
    while True:
        answer = client.xreadgroup("late", "one", {STREAM: ">"}, count=MOST, block=500)
        for _, entries in answer or ():
            for _, fields in entries:
                note(now() - int(fields[b"received"]))
            client.xack(STREAM, "late", *[id for id, _ in entries])
