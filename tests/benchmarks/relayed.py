"""What the processes of the relay's section do: publish, read, and look at what it takes.

Where rows take turns they do so in one process, for between two processes, and between minutes, the
machine drifts by more than is looked for.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from typing import Any

from job import Job
from meter import cpu_seconds, percentiles, window
from shapes import STAMP_BASE, payloads

__all__ = [
    "BARE",
    "BESIDE",
    "PUBLISHED",
    "READ",
    "RUNS",
    "beside",
    "keep_receiving",
    "keep_sending",
    "publish",
    "read",
    "receive",
    "send",
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
MOST = 500
WINDOWS = 3
"""How many windows each row has in one round, in turn."""
STREAM = "venuesdk:{onyx}:tickers"
PATIENCE = 10.0
"""Seconds that one process waits for the other."""


# ---- one process, its rows in turn ---------------------------------------------------------------


def publish(job: Job) -> dict[str, list[dict[str, float]]]:
    """Give the same events to a relay, and to redis-py."""
    number = max(1_000, int(20_000 * job.seconds)) // 64 * 64
    found: dict[str, list[dict[str, float]]] = {name: [] for name in PUBLISHED}
    for _ in range(WINDOWS):
        for name in PUBLISHED:
            _redis(job).flushall()
            found[name].append(_put_in(job, name, number))
    return found


def _put_in(job: Job, name: str, number: int) -> dict[str, float]:
    if name in RUNS:
        return _relayed(job, RUNS[name], number)
    events, client = _events(job.shape), _redis(job)
    prepared = [_fields(event, name == FIELDS) for event in events]
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

    events = _events(job.shape)
    runs = [events[first : first + run] for first in range(0, len(events), run)]
    with _relay(job, max_queue=number, max_bytes=1 << 40) as (client, relay):
        delivery = client._delivery
        subscription = SinkSubscription(_topic(), delivery, relay)
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
    number, client = 20_032, _redis(job)
    payload = sum(len(event.payload) for event in _events(job.shape)) / len(_events(job.shape))
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
    client = _client(job)
    ours.subscribe(job, client, stamped if paced else counted, on_gap=lambda gap: None)
    _until(lambda: bool(late or count))
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
            _redis(job).flushall()
    return found


@contextmanager
def _beside(job: Job, client: Any) -> Iterator[Any]:
    """Publish the client's stream, which goes on by itself afterwards."""
    import ours

    from venuesdk.relay import Relay

    with Relay(client, _url(job)) as relay:
        ours.subscribe(job, client, relay)
        _until(lambda: bool(relay.stats().published))
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

    client, came, decoder = _redis(job), 0, OnyxCodec.catalogue.decoder
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
    with _reader(job, group) as reader:
        for _ in reader:
            came += 1
            if came == number:
                break


_READERS: dict[str, Callable[[Job, str, int], None]] = {
    "bytes": _read_bytes,
    "floor": _read_floor,
    "reader": _read_reader,
}


# ---- two processes, at the same time -------------------------------------------------------------


def send(job: Job) -> dict[str, float]:
    """Relay so many events that are sent as fast as they are taken."""
    import ours

    from venuesdk.relay import Relay

    room = {"max_queue": job.number, "max_bytes": 1 << 40} if job.options.get("room") else {}
    client = _client(job)
    with Relay(client, _url(job), **room) as relay:
        _await(job, "reader")
        cpu = cpu_seconds()
        ours.subscribe(job, client, relay)
        _await(job, "done")
        return {"publisher_us": (cpu_seconds() - cpu) / job.number * 1e6}


def receive(job: Job) -> dict[str, float]:
    """Read until all has come, or was told to be missing."""
    came, told = 0, 0

    def on_gap(gap: Any) -> None:
        nonlocal told
        told += gap.count or 0

    with _reader(job, "flood", on_gap=on_gap) as reader:
        _tell(job, "reader")
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
    _tell(job, "done")
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
    import ours

    client = _client(job)
    with ExitStack() as stack:
        _await(job, "reader")
        if job.options.get("by") == "xadd":
            count = _send_each(job, client)
        else:
            from venuesdk.relay import Relay

            relay = stack.enter_context(Relay(client, _url(job), linger=job.options["linger"]))
            ours.subscribe(job, client, relay)

            def count() -> int:
                return int(relay.stats().published)

        job.probes["events"] = count
        found = window(job)
        _await(job, "done")
        return {"publisher_us": found["cpu_us"]}


def _send_each(job: Job, client: Any) -> Callable[[], int]:
    """Let a callback add each event to a stream, and wait for the answer, as one would begin."""
    import ours

    store, count = _redis(job), 0

    def on_event(event: Any) -> None:
        nonlocal count
        received = time.time_ns()
        store.xadd(STREAM, {"received": received, "payload": subscription.payload})
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
    _tell(job, "done")
    return found | percentiles(late[first:])


def _receive_typed(job: Job, note: Callable[[int], object]) -> None:
    now = time.time_ns
    with _reader(job, "late") as reader:
        _tell(job, "reader")
        for _ in reader:
            note(now() - reader.origin.received_ns)


def _receive_each(job: Job, note: Callable[[int], object]) -> None:
    now, client = time.time_ns, _redis(job)
    client.xgroup_create(STREAM, "late", id="0", mkstream=True)
    _tell(job, "reader")
    while True:
        answer = client.xreadgroup("late", "one", {STREAM: ">"}, count=MOST, block=500)
        for _, entries in answer or ():
            for _, fields in entries:
                note(now() - int(fields[b"received"]))
            client.xack(STREAM, "late", *[id for id, _ in entries])


# ---- what they share -----------------------------------------------------------------------------


def _redis(job: Job) -> Any:
    import redis

    return redis.Redis(port=job.options["redis"], protocol=2)


def _url(job: Job) -> str:
    return f"redis://127.0.0.1:{job.options['redis']}"


def _reader(job: Job, group: str, **more: Any) -> Any:
    from venuesdk.relay import RelayReader

    return RelayReader(_url(job), group=group, consumer="one", streams=["onyx:tickers"], **more)


@contextmanager
def _relay(job: Job, **more: Any) -> Iterator[tuple[Any, Any]]:
    """Publish for a client that is connected to nothing."""
    from venuesdk import OnyxClient
    from venuesdk.relay import Relay

    client = OnyxClient(token="a token of the benchmark")
    with closing(client), Relay(client, _url(job), **more) as relay:
        if not relay.wait_publishing(PATIENCE):
            raise TimeoutError("the relay is not in office")
        yield client, relay


def _client(job: Job) -> Any:
    """Return a client that is connected to the server."""
    from venuesdk import OnyxClient

    return OnyxClient(url=job.url(), token="a token of the benchmark").connect()


def _events(shape: str) -> list[Any]:
    """Return the events that a client makes of the frames of a shape."""
    from venuesdk.venues.onyx.codec import OnyxCodec

    codec = OnyxCodec({}, OnyxCodec.url, OnyxCodec.http_url or "")
    return [event for payload in payloads(shape) for event in codec.decode(payload)]


def _fields(event: Any, all_of_them: bool) -> dict[bytes, bytes]:
    """Return what redis-py is given of an event: its payload, or what the relay writes too."""
    from venuesdk.relay.entry import Draft, Head, Kind, fields_of
    from venuesdk.venues.onyx.codec import OnyxCodec

    if not all_of_them:
        return {b"d": event.payload}
    topic, catalogue = _topic(), OnyxCodec.catalogue
    words = () if topic.narrow is None else topic.narrow.words
    name = catalogue.name(event.decode) or ""
    at = catalogue.time_ns(name, event.payload)
    head = Head(Kind.EVENT, topic.name, words, name, 1)
    return fields_of(Draft(head, time.time_ns(), at, event.payload))


def _topic() -> Any:
    from venuesdk.venues.onyx.topics import tickers_topic

    return tickers_topic(products=["dub"])


def _tell(job: Job, word: str) -> None:
    """Let the other process go on."""
    _redis(job).set(word, 1)


def _await(job: Job, word: str) -> None:
    """Wait for the other process."""
    client = _redis(job)
    _until(lambda: bool(client.exists(word)), 2 * PATIENCE + 2 * job.seconds)


def _until(done: Callable[[], bool], seconds: float = PATIENCE) -> None:
    deadline = time.monotonic() + seconds
    while not done():
        if time.monotonic() > deadline:
            raise TimeoutError("the other side did not do its part")
        time.sleep(0.01)
