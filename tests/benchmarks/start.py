"""Start: what importing costs, how soon a client is ready, and what idle ones use."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

from catalogue import Client
from stage import Stage, measure
from table import Table, against, middle, spread

__all__ = ["BARE", "LIBRARIES", "tables"]

ROOT = Path(__file__).resolve().parent.parent.parent
TIMES = 3
"""How often each import is measured in each round."""
CONNECTS = 20
IDLE = 10

BARE = "pass"
LIBRARIES = "import websocket, attrs, cattrs, msgspec"
STATEMENTS = {
    BARE: "",
    "import venuesdk": "",
    "import websocket, attrs, msgspec": "",
    LIBRARIES: "",
    "from venuesdk import OnyxClient": "",
    "from venuesdk import FuzeClient, InfinexClient, LoopringClient, OnyxClient, TimexClient": "",
    "import websockets.sync.client": "websockets",
    "import picows": "picows",
    "from onyx_otc.websocket_v1 import OnyxWebsocketClientV1": "onyx_otc",
    "from pybit.unified_trading import WebSocket": "pybit",
}
"""What is imported → the package that it needs, beside those that `venuesdk` needs."""


def tables(stage: Stage, count: int, seconds: float, idle: float) -> Iterator[Table]:
    """Measure imports, connections, and clients that have nothing to do."""
    yield _imports(count)
    for tls in (False, True):
        if tls and stage.no_tls:
            print(f"connecting over wss is left out: {stage.no_tls}\n")
        else:
            yield _ready(stage, count, tls)
    yield _idle(stage, idle)


def _imports(count: int) -> Table:
    def beyond(table: Table, name: str) -> str:
        pairs = zip(table.rows[name], table.rows[BARE], strict=True)
        beyond = sorted(mine["ms"] - bare["ms"] for mine, bare in pairs)
        return f"{beyond[len(beyond) // 2]:.0f}"

    columns = (
        ("ms (min–max)", spread("ms")),
        ("beyond the bare interpreter, ms", beyond),
        ("of that of its libraries", against(LIBRARIES, "ms")),
    )
    table = Table("start", "Import, in an interpreter of its own", columns)
    table.first = "statement"
    present = []
    for statement, needs in STATEMENTS.items():
        table.rows[statement] = []
        if needs and find_spec(needs) is None:
            table.skip(statement, f"{needs} is not installed")
        else:
            present.append(statement)
    with tempfile.TemporaryDirectory() as folder:
        # Bytecode is written beforehand, as it is for whatever pip installs.
        for statement in present:
            _milliseconds(statement, folder)
        for _ in range(count * TIMES):
            for statement in present:
                table.add(statement, {"ms": _milliseconds(statement, folder)})
    return table


def _milliseconds(statement: str, folder: str) -> float:
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONPYCACHEPREFIX": folder}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    begun = time.perf_counter()
    subprocess.run([sys.executable, "-c", statement], env=environment, cwd=folder, check=True)
    return (time.perf_counter() - begun) * 1000


def _ready(stage: Stage, count: int, tls: bool) -> Table:
    columns = (
        ("ready, p50 ms (min–max)", spread("ready p50")),
        ("ready, most ms", middle("ready max")),
        ("first event, p50 ms (min–max)", spread("event p50")),
        ("first event, most ms", middle("event max")),
    )
    title = f"From nothing to logged in, and to the first event, over {'wss' if tls else 'ws'}"
    table = Table("start", title, columns)
    options = {"times": CONNECTS}
    clients = [
        Client("venuesdk", "starting:ready", options=options),
        Client(
            "websocket-client + json, in order",
            "starting:ready_usual",
            "websocket",
            options=options,
        ),
    ]
    more = {"play": "count", "number": 1, "tls": tls}
    measure(stage, table, clients, "alone", count, "onyx.tickers-1", **more)
    return table


def _idle(stage: Stage, seconds: float) -> Table:
    columns = (("CPU of each, %", middle("percent")),)
    table = Table("start", f"Processor time of {IDLE} idle clients, {seconds:g} s", columns)
    options = {"clients": IDLE}
    clients = [
        Client("venuesdk", "starting:idle", options=options),
        Client(
            "WebSocketApp + json, pings each 20 s",
            "peers.websocket_app:idle",
            "websocket",
            options=options,
        ),
        Client(
            "websockets.sync, pings each 20 s",
            "peers.websockets_sync:idle",
            "websockets",
            options=options,
        ),
    ]
    measure(stage, table, clients, "alone", 1, "onyx.tickers-1", play="quiet", seconds=seconds)
    return table
