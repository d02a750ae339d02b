"""Many programs, one connection: a relay, and two consumers in processes of their own.

Each is a group by itself, so each gets every event. Needs `venuesdk[relay]`, and a Redis: that of
``VENUESDK_RELAY_URL``, else a ``redis-server`` that is started for this.
"""

import contextlib
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from itertools import islice
from typing import Any

from venuesdk import OnyxClient
from venuesdk.relay import Relay, RelayReader
from venuesdk.testing import simulate


def write_ticks(url: str) -> None:
    """Write a line for each event; the one in hand when this ends comes again to the next."""
    with RelayReader(url, "ticks", "ticks-1", "onyx:tickers", on_gap=print) as reader:
        for event in islice(reader, 20):
            print("tick", event.tickers[0].symbol, event.tickers[0].mid)


def keep_table(url: str) -> None:
    """Keep the newest price of each symbol, as a screen does."""
    table: dict[str, Any] = {}
    with RelayReader(url, "table", "table-1", "onyx:tickers", on_gap=print) as reader:
        while len(table) < 4:
            table.update((one.symbol, one.mid) for one in reader.get(timeout=10).tickers)
    print("table", *sorted(table))


@contextlib.contextmanager
def program(*command: str, **options: Any) -> Iterator[subprocess.Popen[str]]:
    """Run a program beside this one, and end it where it has not ended by itself."""
    with subprocess.Popen(command, text=True, **options) as process:
        try:
            yield process
        finally:
            process.terminate()
            process.wait()


CONSUMERS = {"write_ticks": write_ticks, "keep_table": keep_table}
if sys.argv[-1] in CONSUMERS:
    CONSUMERS[sys.argv[-1]](os.environ["VENUESDK_RELAY_URL"])
    sys.exit()
with contextlib.ExitStack() as stack:
    if "VENUESDK_RELAY_URL" not in os.environ:
        folder = stack.enter_context(tempfile.TemporaryDirectory())
        command = f"redis-server --port 0 --unixsocket {folder}/redis --dir {folder}".split()
        server = stack.enter_context(program(*command, stdout=subprocess.PIPE))
        next(line for line in server.stdout or () if "eady to accept connections" in line)
        os.environ["VENUESDK_RELAY_URL"] = f"unix://{folder}/redis"  # the others inherit it
    run = [stack.enter_context(program(sys.executable, __file__, name)) for name in CONSUMERS]
    venue = stack.enter_context(simulate("onyx"))
    client = stack.enter_context(OnyxClient(url=venue.url, **venue.credentials))
    relay = stack.enter_context(Relay(client, os.environ["VENUESDK_RELAY_URL"]))
    client.subscribe_tickers(callback=relay, products=["dub", "brt"])
    print("both were served:", [one.wait(timeout=20) for one in run] == [0, 0])
