"""What one process does for the relay's section: it publishes, or reads, in one way after another.

All rows of a table take turns in it, for between two processes, and between minutes, the machine
drifts by more than is looked for.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from job import Job
from meter import cpu_seconds, percentiles
from relay_rig import (
    MOST,
    PATIENCE,
    STREAM,
    client_of,
    events_of,
    fields_of_event,
    reader_of,
    relay_of,
    store,
    topic,
    until,
    url,
)
from shapes import STAMP_BASE

__all__ = [
    "BARE",
    "BESIDE",
    "PUBLISHED",
    "READ",
    "RUNS",
    "beside",
    "publish",
    "read",
    "weigh",
]

BARE = "floor: redis-py, XADD of one field, 200 in a pipeline"
FIELDS = "redis-py, XADD of the same eight fields"
RUNS = {"venuesdk, relay, one event at a time": 1, "venuesdk, runs of 16": 16}
RUNS["venuesdk, runs of 64"] = 64
PUBLISHED = (BARE, FIELDS, *reversed(RUNS))
"""What is published with."""
BESIDE = {"venuesdk, alone": False, "venuesdk, beside a relay": True}
"""Whether a relay publishes the same stream."""
TYPED = "floor: the same, typed"
READ = {
    "floor: redis-py, XREADGROUP 500, XACK": "bytes",
    TYPED: "floor",
    "venuesdk, reader": "reader",
}
BATCH = 200
"""How many entries go to Redis at once."""
WINDOWS = 3
"""How many windows each row has in one round, in turn."""


def publish(job: Job) -> dict[str, list[dict[str, float]]]:
    """Give the same events to a relay, and to redis-py."""
    number = max(1_000, int(20_000 * job.seconds)) // 64 * 64
    found: dict[str, list[dict[str, float]]] = {name: [] for name in PUBLISHED}
    for _ in range(WINDOWS):
        for name in PUBLISHED:
            store(job).flushall()
            found[name].append(_put_in(job, name, number))
    return found


def _put_in(job: Job, name: str, number: int) -> dict[str, float]:
    if name in RUNS:
        return _relayed(job, RUNS[name], number)
    events, client = events_of(job.shape), store(job)
    prepared = [fields_of_event(event, name == FIELDS) for event in events]
    began, cpu = time.perf_counter(), cpu_seconds()
    for first in range(0, number, BATCH):
        pipeline = client.pipeline(transaction=False)
        for each in range(first, min(first + BATCH, number)):
            pipeline.xadd(STREAM, prepared[each % len(prepared)])
        pipeline.execute()
    seconds, cpu = time.perf_counter() - began, cpu_seconds() - cpu
    return {"rate": number / seconds, "cpu_us": cpu / number * 1e6}


def _relayed(job: Job, run: int, number: int) -> dict[str, float]:
    """Offer events to a relay as the client's reader does, in runs, and wait for the engine."""
    from venuesdk.session.sink import SinkSubscription

    events = events_of(job.shape)
    runs = [events[first : first + run] for first in range(0, len(events), run)]
    with relay_of(job, batch=BATCH, max_queue=number, max_bytes=1 << 40) as (client, relay):
        delivery = client._delivery
        subscription = SinkSubscription(topic(), delivery, relay)
        subscription.ready()
        began, cpu, mine = time.perf_counter(), cpu_seconds(), time.thread_time()
        for each in range(number // run):
            with delivery.lock:
                subscription.offer_locked(list(runs[each % len(runs)]))
        mine = time.thread_time() - mine
        if not relay.flush(PATIENCE):
            raise TimeoutError("the relay did not publish")
        seconds, cpu = time.perf_counter() - began, cpu_seconds() - cpu
        stats = relay.stats()
        if stats.published < number or stats.dropped:
            raise ValueError(f"not all was published: {stats}")
    return {
        "rate": number / seconds, "cpu_us": cpu / number * 1e6, "put_us": mine / number * 1e6
    }  # fmt: skip


def weigh(job: Job) -> dict[str, list[dict[str, float]]]:
    """Ask Redis for the memory that an entry takes of it."""
    number, client = 20_032, store(job)
    payload = sum(len(event.payload) for event in events_of(job.shape)) / len(events_of(job.shape))
    found = {}
    for name in PUBLISHED[:3]:
        client.flushall()
        _put_in(job, name, number)
        taken = client.memory_usage(STREAM, samples=0) / client.xlen(STREAM)
        found[name] = [{"bytes": taken, "payload": payload}]
    return found


def beside(job: Job) -> dict[str, list[dict[str, float]]]:
    """Look at one stream of a client, which a relay publishes in some of the windows."""
    import ours

    late: list[int] = []
    count = 0
    note, now = late.append, time.monotonic_ns

    def stamped(event: Any) -> None:
        note(now() + STAMP_BASE - event.tickers[0].timestamp_millis)

    def counted(event: Any) -> None:
        nonlocal count
        count += 1

    paced = job.play == "paced"
    client = client_of(job)
    ours.subscribe(job, client, stamped if paced else counted, on_gap=lambda gap: None)
    until(lambda: bool(late or count))
    found: dict[str, list[dict[str, float]]] = {name: [] for name in BESIDE}
    for _ in range(WINDOWS):
        for name, relayed in BESIDE.items():
            with ExitStack() as stack:
                relay = stack.enter_context(_beside(job, client)) if relayed else None
                time.sleep(job.seconds / 8)
                published = relay.stats().published if relay else 0
                first, began, cpu = len(late) + count, time.perf_counter(), cpu_seconds()
                time.sleep(job.seconds / 2)
                cpu, seconds = cpu_seconds() - cpu, time.perf_counter() - began
                came = len(late) + count - first
                one = {"rate": came / seconds, "cpu_us": cpu / came * 1e6}
                if relay is not None:
                    one["published"] = (relay.stats().published - published) / seconds
                found[name].append(one | percentiles(late[first:]))
            store(job).flushall()
    return found


@contextmanager
def _beside(job: Job, client: Any) -> Iterator[Any]:
    """Publish the client's stream, which goes on by itself afterwards."""
    import ours

    from venuesdk.relay import Relay

    with Relay(client, url(job)) as relay:
        ours.subscribe(job, client, relay)
        until(lambda: bool(relay.stats().published))
        yield relay


def read(job: Job) -> dict[str, list[dict[str, float]]]:
    """Read one stream again and again, by a group of its own each time."""
    number = max(1_000, int(20_000 * job.seconds)) // 64 * 64
    _relayed(job, 64, number)
    found: dict[str, list[dict[str, float]]] = {name: [] for name in READ}
    for turn in range(WINDOWS):
        for name, how in READ.items():
            began, cpu = time.perf_counter(), cpu_seconds()
            _READERS[how](job, f"{how}-{turn}", number)
            seconds, cpu = time.perf_counter() - began, cpu_seconds() - cpu
            found[name].append({"rate": number / seconds, "cpu_us": cpu / number * 1e6})
    return found


def _read_bytes(job: Job, group: str, number: int, typed: bool = False) -> None:
    from venuesdk.venues.onyx.codec import OnyxCodec

    client, came, decoder = store(job), 0, OnyxCodec.catalogue.decoder
    client.xgroup_create(STREAM, group, id="0")
    while came < number:
        ((_, entries),) = client.xreadgroup(group, "one", {STREAM: ">"}, count=MOST)
        for _, fields in entries:
            if fields[b"kind"] != b"event":
                continue
            if typed:
                decoder(fields[b"decoder"].decode())(fields[b"payload"])
            came += 1
        client.xack(STREAM, group, *[id for id, _ in entries])


def _read_floor(job: Job, group: str, number: int) -> None:
    _read_bytes(job, group, number, typed=True)


def _read_reader(job: Job, group: str, number: int) -> None:
    came = 0
    with reader_of(job, group) as reader:
        for _ in reader:
            came += 1
            if came == number:
                break


_READERS: dict[str, Callable[[Job, str, int], None]] = {
    "bytes": _read_bytes,
    "floor": _read_floor,
    "reader": _read_reader,
}
