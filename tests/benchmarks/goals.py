"""The goals, each a ratio of one run: printed beside what was measured, and never enforced."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from catalogue import FLOOR, INLINE, PICOWS, PLAIN, THREAD, USUAL, WEBSOCKETS
from growth import SUBSCRIPTIONS
from latency import PACES
from relayed import BARE as REDIS_PY
from relayed import BESIDE, RUNS
from relaying import WAYS
from roundtrips import RAW
from roundtrips import USUAL as USUAL_REQUESTS
from start import BARE, LIBRARIES
from streaming import SHAPES
from table import Table, number

__all__ = ["judge", "markdown"]

Found = dict[str, Any]
THREADED = (PLAIN.name, USUAL.name, "hyperliquid-python-sdk", "binance-connector")
PYBIT = ("pybit, trades", "pybit, tickers")


def judge(tables: Sequence[Table]) -> list[Found]:
    """Return each goal that these tables speak of, with what they say."""
    found: list[Found] = []
    for table in tables:
        note = _Judge(table, found)
        if table.section == "streaming":
            _streaming(table, note)
        elif table.section == "requests":
            _requests(table, note)
        elif table.section == "latency":
            _latency(table, note)
        elif table.section == "wss" and table.title.startswith("Streaming"):
            for name in (INLINE.name, THREAD.name):
                rate = table.ratio(name, FLOOR.name, "rate")
                note(f"{name}, of the floor (MemoryBIO)", 0.85, rate)
        elif table.section == "growth":
            _growth(table, note)
        elif table.section == "start":
            _start(table, note)
        elif table.section == "relay":
            _relay(table, note)
    return found


def markdown(found: Sequence[Found]) -> str:
    """Return the goals as a table."""
    lines = ["## goals", "", "| table | what | goal | measured | |", "|---|---|---:|---:|---|"]
    for one in found:
        sign = "≥" if one["least"] else "≤"
        verdict = "met" if one["met"] else "**not met**"
        goal = f"{sign} {number(one['goal'])}"
        lines.append(
            f"| {one['table']} | {one['what']} | {goal} | {number(one['measured'])} | {verdict} |"
        )
    return "\n".join(lines) + "\n"


class _Judge:
    """Writes down what one table says of a goal; nothing where it does not speak of it."""

    def __init__(self, table: Table, found: list[Found]) -> None:
        self._table = table
        self._found = found

    def __call__(
        self, what: str, goal: float, measured: float | None, least: bool = True
    ) -> None:
        if measured is None:
            return
        self._found.append(
            {
                "table": self._table.title,
                "what": what,
                "goal": goal,
                "least": least,
                "measured": measured,
                "met": measured >= goal if least else measured <= goal,
            }
        )


Note = Callable[..., None]


def _streaming(table: Table, note: Note) -> None:
    inline, thread = INLINE.name, THREAD.name
    if not table.title.endswith(SHAPES["onyx.tickers-1"]):
        goal = 0.8 if "Onyx" in table.title else 0.7
        note("`thread`, of the floor", goal, table.ratio(thread, FLOOR.name, "rate"))
        if "Onyx" in table.title:
            note("`inline`, of the floor", 0.9, table.ratio(inline, FLOOR.name, "rate"))
        return
    note("`inline`, of the floor", 0.9, table.ratio(inline, FLOOR.name, "rate"))
    note("`inline`, of picows", 0.9, table.ratio(inline, PICOWS.name, "rate"))
    note("`inline`, of websockets.sync", 2.0, table.ratio(inline, WEBSOCKETS.name, "rate"))
    for peers, goal in ((PYBIT, 20.0), (THREADED, 10.0)):
        for peer in peers:
            note(f"`inline`, of {peer}", goal, table.ratio(inline, peer, "rate"))
    note("`thread`, of the floor", 0.8, table.ratio(thread, FLOOR.name, "rate"))


def _requests(table: Table, note: Note) -> None:
    if table.title.endswith("1 caller"):
        note("p50, of the raw socket's", 1.5, table.ratio("venuesdk", RAW, "p50"), False)
        note("p50, of the usual SDK's", 0.8, table.ratio("venuesdk", USUAL_REQUESTS, "p50"), False)
    elif table.title.endswith("64 callers"):
        rate = table.ratio("venuesdk", USUAL_REQUESTS, "rate")
        note("requests/s, of the usual SDK's", 2.3, rate)
        note("p99, of the usual SDK's", 0.5, table.ratio("venuesdk", USUAL_REQUESTS, "p99"), False)


def _latency(table: Table, note: Note) -> None:
    inline = INLINE.name
    if table.title == f"Latency at {PACES[1]:,} events/s":
        note("`inline` p50, of the floor's", 1.1, table.ratio(inline, FLOOR.name, "p50"), False)
    elif table.title.startswith("Latency") and table.title.endswith("busy thread"):
        if "wss" not in table.title:
            for name in (inline, THREAD.name):
                behind = table.middle(name, "max")
                ms = None if behind is None else behind / 1000
                note(f"{name}, most behind, ms", 50.0, ms, False)
    elif table.title == "Streaming over wss, beside a busy thread":
        for peer in (USUAL.name, PLAIN.name):
            note(f"`inline`, of {peer}", 3.0, table.ratio(inline, peer, "rate"))


def _growth(table: Table, note: Note) -> None:
    for delivery in ("thread", "inline"):
        one, many = (f"{delivery}, {count:,}" for count in (SUBSCRIPTIONS[0], SUBSCRIPTIONS[-1]))
        if "subscriptions" in table.title:
            note(f"{many}, of the rate with one", 0.9, table.ratio(many, one, "rate"))
        name = f"venuesdk, `{delivery}`, connected"
        note(f"{name}, KiB", 400.0, table.middle(name, "kib"), False)
    for name in table.rows:
        if name.startswith("venuesdk, a ") and "wait" in table.title:
            note(f"{name}, bytes beyond payload", 120.0, table.middle(name, "beyond"), False)


def _start(table: Table, note: Note) -> None:
    if "import venuesdk" in table.rows:
        mine, bare = table.middle("import venuesdk", "ms"), table.middle(BARE, "ms")
        if mine is not None and bare is not None:
            note("`import venuesdk`, ms beyond the interpreter", 50.0, mine - bare, False)
        one = table.ratio("from venuesdk import OnyxClient", LIBRARIES, "ms")
        note("`from venuesdk import OnyxClient`, of its libraries", 1.4, one, False)
    percent = table.middle("venuesdk", "percent")
    note("CPU of an idle client, %", 0.1, percent, False)


def _relay(table: Table, note: Note) -> None:
    if table.title.endswith(next(iter(WAYS))):
        for name in RUNS:
            note(f"{name}, of redis-py", 0.7, table.ratio(name, REDIS_PY, "rate"))
    alone, relayed = BESIDE
    note("events/s, of those without", 0.9, table.ratio(relayed, alone, "rate"))
    note("p50, of that without", 1.1, table.ratio(relayed, alone, "p50"), False)
    for name in table.rows:
        note(f"{name}, not told", 0.0, table.middle(name, "untold"), False)
