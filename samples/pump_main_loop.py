"""Callbacks inside a main loop of your own: nothing runs until you pump, then on your thread."""

import threading

from venuesdk import LoopringClient
from venuesdk.testing import simulate
from venuesdk.venues.loopring import Ticker, TickerUpdate

seen: list[TickerUpdate] = []


def on_ticker(tick):
    assert threading.current_thread() is threading.main_thread()
    seen.append(tick)


with (
    simulate("loopring") as venue,
    LoopringClient(url=venue.url, http_url=venue.http_url, delivery="pump") as client,
):
    client.subscribe(Ticker("LRC-ETH"), callback=on_ticker)
    while len(seen) < 5:
        client.pump(timeout=0.1)  # the rest of your loop goes here
    print(seen[-1])
