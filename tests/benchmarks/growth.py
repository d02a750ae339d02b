"""Growth: what more subscriptions, clients, callers and waiting events cost."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from catalogue import ASKING, Client
from stage import Stage, attempt, measure
from table import Table, against, middle, spread

__all__ = ["BACKLOG", "CALLERS", "CLIENTS", "SUBSCRIPTIONS", "tables"]

SUBSCRIPTIONS = (1, 100, 10_000)
CLIENTS = (1, 10, 50)
CALLERS = (1, 2, 4, 8, 16, 32, 64, 128)
BACKLOG = 100_000
BEYOND = 10_000
"""How many events come on top of a full queue."""
IDLE = 50
TICKERS = "onyx.tickers-1"
BOOKS = "timex.grouped-4"
DELIVERIES = ("thread", "inline")


def tables(stage: Stage, count: int, seconds: float) -> Iterator[Table]:
    """Measure each kind of growth."""
    yield _subscriptions(stage, count, seconds)
    yield _clients(stage, count, seconds)
    yield _callers(stage, count, seconds)
    yield _memory(stage, count)
    yield _backlog(stage, count)
    yield _slow(stage, count, seconds)


def _rates(title: str, first: str) -> Table:
    columns = (
        ("events/s (min–max)", spread("rate")),
        ("CPU µs/event", middle("cpu_us")),
        ("`thread`, of that with one", against(f"thread, {first}", "rate")),
        ("`inline`, of that with one", against(f"inline, {first}", "rate")),
        ("lost", middle("lost", 100, " %")),
    )
    table = Table("growth", title, columns)
    table.first = "delivery"
    return table


def _subscriptions(stage: Stage, count: int, seconds: float) -> Table:
    table = _rates("Events/s by subscriptions: TimeX, grouped book of 4 levels", "1")
    table.columns = (*table.columns, ("subscribes/s", middle("subscribed")))
    rows = [
        (f"{delivery}, {many:,}", {"delivery": delivery}, str(many))
        for delivery in DELIVERIES
        for many in SUBSCRIPTIONS
    ]
    for _ in range(count):
        for name, options, start in rows:
            client = Client(name, "growing:subscriptions", options=options)
            # As many different frames in each row, so that they do not differ in that as well.
            more = {"start": start, "number": 10_000, "seconds": seconds}
            attempt(stage, table, client, "alone", BOOKS, **more)
    return table


def _clients(stage: Stage, count: int, seconds: float) -> Table:
    table = _rates("Events/s by clients of one process: Onyx, tickers of 1", "1")
    rows = [
        Client(
            f"{delivery}, {many}",
            "growing:clients",
            options={"delivery": delivery, "clients": many},
        )
        for delivery in DELIVERIES
        for many in CLIENTS
    ]
    measure(stage, table, rows, "alone", count, TICKERS, seconds=seconds)
    return table


def _callers(stage: Stage, count: int, seconds: float) -> Table:
    ours, usual = ASKING[2], ASKING[-1]
    columns = (
        ("requests/s (min–max)", spread("rate")),
        ("p50 µs", middle("p50")),
        ("p99 µs", middle("p99")),
        ("CPU µs/request", middle("cpu_us")),
    )
    table = Table("growth", "Requests/s by callers", columns)
    for _ in range(count):
        for callers in CALLERS:
            for client in (ours, usual):
                named = Client(f"{client.name}, {callers}", client.driver, client.needs)
                more = {"play": "quiet", "callers": callers, "seconds": seconds}
                attempt(stage, table, named, "callers:measure", TICKERS, **more)
    return table


def _memory(stage: Stage, count: int) -> Table:
    columns = (
        ("KiB each (min–max)", spread("kib")),
        ("threads each", middle("threads")),
    )
    table = Table("growth", "Memory of what is idle", columns)
    table.first = "what"
    idle: dict[str, Any] = {"clients": IDLE}
    rows = [
        Client(
            f"venuesdk, `{delivery}`, connected",
            "growing:memory_of_clients",
            options={**idle, "delivery": delivery},
        )
        for delivery in DELIVERIES
    ]
    rows += [
        Client("WebSocketApp thread", "peers.websocket_app:memory", "websocket", options=idle),
        Client("websockets.sync", "peers.websockets_sync:memory", "websockets", options=idle),
        Client(
            "one of 10,000 subscriptions of a client",
            "growing:memory_of_subscriptions",
            shape=BOOKS,
            options={"subscriptions": 10_000},
        ),
    ]
    measure(stage, table, rows, "alone", count, TICKERS, play="quiet")
    table.notes.append(f"Each of {IDLE} clients of one process; the first one is not counted.")
    return table


def _backlog(stage: Stage, count: int) -> Table:
    columns = (
        ("waiting", middle("queued")),
        ("lost, of 10,000 too many", middle("lost")),
        ("payload bytes", middle("payload")),
        ("bytes each (min–max)", spread("bytes")),
        ("beyond the payload", middle("beyond")),
        ("drained, events/s", middle("drained")),
    )
    table = Table("growth", f"Memory of {BACKLOG:,} events that wait: Onyx, tickers of 1", columns)
    table.first = "where"
    rows = [
        Client(f"in a list, as {form}", "growing:memory_of_payloads", options={"form": form})
        for form in ("bytes", "dict", "attrs")
    ]
    measure(stage, table, rows, "alone", count, TICKERS, number=BACKLOG)
    rows = [
        Client(name, "growing:memory_of_backlog", options={"bound": BACKLOG, "iterated": iterated})
        for name, iterated in (
            ("venuesdk, a subscription that is iterated", True),
            ("venuesdk, a callback that is behind", False),
        )
    ]
    more = {"play": "count", "number": BACKLOG + BEYOND}
    measure(stage, table, rows, "alone", count, TICKERS, **more)
    return table


def _slow(stage: Stage, count: int, seconds: float) -> Table:
    columns = (
        ("read, events/s", middle("read")),
        ("called, events/s", middle("delivered")),
        ("conflated, events/s", middle("conflated")),
        ("lost, events/s", middle("lost")),
        ("age p50 µs", middle("p50")),
        ("age p99 µs", middle("p99")),
    )
    table = Table("growth", "A callback that takes 1 ms, at 10,000 events/s", columns)
    table.first = "subscription"
    rows = [
        Client(name, "growing:slow_consumer", options={"pause": pause, "conflate": conflate})
        for name, pause, conflate in (
            ("plain, a fast callback", 0.0, False),
            ("plain, a slow one", 0.001, False),
            ("conflated, a slow one", 0.001, True),
        )
    ]
    more: dict[str, Any] = {"play": "paced", "number": 10_000, "seconds": seconds}
    measure(stage, table, rows, "alone", count, TICKERS, **more)
    return table
