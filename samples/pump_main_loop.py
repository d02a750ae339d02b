"""Callbacks inside a main loop of your own: nothing runs until you pump, then on your thread."""

import threading

from venuesdk import LoopringClient
from venuesdk.testing import simulate
from venuesdk.venues.loopring import Ticker, TickerUpdate

seen: list[TickerUpdate] = []


def on_ticker(update: TickerUpdate) -> None:
    print(threading.current_thread().name, update.market, update.close)
    seen.append(update)


with (
    simulate("loopring") as venue,
    LoopringClient(url=venue.url, http_url=venue.http_url, delivery="pump") as client,
):
    client.subscribe(Ticker("LRC-ETH"), callback=on_ticker, on_gap=print)
    while len(seen) < 5:
        # Waits for the first event up to that long; with 0, the default, it never waits.
        client.pump(timeout=0.1)
        # The rest of your loop goes here. Keep coming back: what waits too long is dropped, and
        # told by a gap.
