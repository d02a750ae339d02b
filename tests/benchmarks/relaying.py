"""The relay: to Redis and out of it again, beside redis-py itself, and what it costs a client.

The Redis is of this section's own, one for each way in which it keeps what it was given. What is
done in the processes beside it is in `relayed.py` and `relayed_apart.py`.
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

from relayed import BARE, BESIDE, PUBLISHED, READ
from stage import Failed, Stage
from table import Columns, Table, against, middle, spread

sys.path.append(str(Path(__file__).resolve().parent.parent / "relay"))
if TYPE_CHECKING:
    from redis_server import RedisServer

__all__ = ["ALONE", "EACH", "FLOODS", "LATE", "PACE", "PACES", "WAYS", "tables"]

SHAPE = "onyx.tickers-1"
WAYS: dict[str, dict[str, str]] = {
    "nothing is kept on disk": {},
    "appendfsync everysec": {"appendonly": "yes", "appendfsync": "everysec"},
    "appendfsync always": {"appendonly": "yes", "appendfsync": "always"},
}
"""How a Redis keeps what it was given → its options."""
PACE = 2_000
PACES = (2_000, 5_000, 0)
"""Events a second beside a relay; 0 is a flood."""
ALONE = next(iter(BESIDE))
EACH = "redis-py: XADD in a callback, one by one; XREADGROUP"
LATE: dict[str, dict[str, Any]] = {
    EACH: {"by": "xadd"},
    **{
        f"venuesdk, relay and reader, `linger` {1000 * linger:g} ms": {"linger": linger}
        for linger in (0.0, 0.001, 0.002)
    },
}
"""The name of a row → what its publisher is."""
PER_SECOND = 60_000
"""How many events a flood to another process has for each second of the measurement."""
FLOODS = {"venuesdk, `max_queue` of 65,536": {}, "venuesdk, with room for all": {"room": True}}

PUBLISHING: Columns = (
    ("events/s (min–max)", spread("rate")),
    ("of the floor", against(BARE, "rate")),
    ("CPU µs/event", middle("cpu_us")),
    ("of it where events come in", middle("put_us")),
)
THROUGH: Columns = (
    ("events/s at the reader (min–max)", spread("rate")),
    ("CPU µs/event, publisher", middle("publisher_us")),
    ("reader", middle("reader_us")),
    ("dropped, and told by a gap", middle("told", 100, " %")),
    ("not told", middle("untold")),
)
LATENESS: Columns = (
    ("p50 µs (min–max)", spread("p50")),
    ("p99 µs", middle("p99")),
    ("max, ms", middle("max", 1e-3)),
    ("p50 of redis-py's", against(EACH, "p50")),
    ("CPU µs/event, publisher", middle("publisher_us")),
    ("reader", middle("cpu_us")),
)
OWN: Columns = (
    ("events/s (min–max)", spread("rate")),
    ("of the first", against(ALONE, "rate")),
    ("CPU µs/event", middle("cpu_us")),
    ("p50 µs", middle("p50")),
    ("of the first", against(ALONE, "p50")),
    ("p99 µs", middle("p99")),
    ("published/s", middle("published")),
)
READING: Columns = (
    ("events/s (min–max)", spread("rate")),
    ("of the floor", against(next(iter(READ)), "rate")),
    ("CPU µs/event", middle("cpu_us")),
)
MEMORY: Columns = (
    ("bytes of Redis for each entry", middle("bytes")),
    ("of its payload", middle("payload")),
)


def tables(stage: Stage, count: int, seconds: float) -> Iterator[Table]:
    """Measure all of it; where there is no Redis each table says so."""
    reason = _missing()
    for title, options in WAYS.items():
        table = Table("relay", f"Publishing: {title}", PUBLISHING)
        yield _alternating(stage, table, PUBLISHED, "publish", count, seconds, reason, options)
    yield _through(stage, count, seconds, reason)
    yield _late(stage, count, seconds, reason)
    for pace in PACES:
        title = f"{pace:,} events/s" if pace else "a flood"
        table = Table("relay", f"A client's own stream beside a relay: {title}", OWN)
        more = {"play": "paced" if pace else "flood", "number": pace}
        yield _alternating(stage, table, BESIDE, "beside", count, seconds, reason, {}, **more)
    table = Table("relay", "Reading", READING)
    yield _alternating(stage, table, READ, "read", count, seconds, reason, {})
    table = Table("relay", "Memory", MEMORY)
    yield _alternating(stage, table, PUBLISHED[:3], "weigh", 1, seconds, reason, {})


def _missing() -> str:
    """Return why there is no Redis, or nothing."""
    try:
        from redis_server import has_redis
    except ImportError:
        return "redis is not installed"
    return "" if has_redis() else "redis-server is not installed"


def _redis(stack: ExitStack, **options: str) -> RedisServer:
    """Return a Redis of this section's own, for as long as the stack stands."""
    from redis_server import RedisServer

    folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
    server = RedisServer(folder, **options)
    stack.callback(server.close)
    return server


def _alternating(
    stage: Stage,
    table: Table,
    rows: Sequence[str] | dict[str, Any],
    job: str,
    count: int,
    seconds: float,
    reason: str,
    options: dict[str, str],
    **more: Any,
) -> Table:
    """Let one process measure all rows in turn, window by window, in each round."""
    if reason:
        for name in rows:
            table.skip(name, reason)
        return table
    with ExitStack() as stack:
        server = _redis(stack, **options)
        for _ in range(count):
            server.ask("FLUSHALL")
            try:
                chosen = {"seconds": seconds, "options": {"redis": server.port}, **more}
                found = stage.run(f"relayed:{job}", "alone", SHAPE, **chosen)
            except Failed as error:
                for name in rows:
                    table.fail(name, str(error))
                continue
            for name in rows:
                for window in found[name]:
                    table.add(name, window)
    table.notes.append(_load())
    return table


def _through(stage: Stage, count: int, seconds: float, reason: str) -> Table:
    """Measure a flood: server, client, relay, Redis, reader in another process."""
    table = Table("relay", "End to end: a flood, read in another process", THROUGH)
    number = max(1_000, int(PER_SECOND * seconds))
    more = {"seconds": seconds, "play": "count", "number": number}
    return _together(stage, table, FLOODS, ("send", "receive"), count, reason, more)


def _late(stage: Stage, count: int, seconds: float, reason: str) -> Table:
    """Measure how long after the publisher had it an event is in another process."""
    table = Table("relay", f"From process to process at {PACE:,} events/s", LATENESS)
    more = {"seconds": seconds, "play": "paced", "number": PACE}
    return _together(stage, table, LATE, ("keep_sending", "keep_receiving"), count, reason, more)


def _together(
    stage: Stage,
    table: Table,
    rows: dict[str, dict[str, Any]],
    jobs: tuple[str, str],
    count: int,
    reason: str,
    more: dict[str, Any],
) -> Table:
    """Let a publisher and a reader run at the same time, row by row, in each round."""
    if reason:
        for name in rows:
            table.skip(name, reason)
        return table
    with ExitStack() as stack:
        server = _redis(stack)
        pool = stack.enter_context(ThreadPoolExecutor(2))
        for _ in range(count):
            for name, options in rows.items():
                server.ask("FLUSHALL")
                chosen = {**more, "options": {"redis": server.port, **options}}
                both = [
                    pool.submit(stage.run, f"relayed_apart:{job}", "alone", SHAPE, **chosen)
                    for job in jobs
                ]
                try:
                    publisher, reader = (one.result() for one in both)
                    table.add(name, publisher | reader)
                except Failed as error:
                    table.fail(name, str(error))
    table.notes.append(_load())
    return table


def _load() -> str:
    """Return how busy the machine is, for more than two processes run at once here."""
    return f"Load of the machine: {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores."
