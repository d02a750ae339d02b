"""Connect, watch a stream through a callback, and survive a refusal: the first fifteen lines.

Runs against the built-in simulator. For the venue itself: ``OnyxClient(token="…")``.
"""

import threading

from venuesdk import OnyxClient, RequestRejected
from venuesdk.testing import simulate

enough = threading.Semaphore(0)


def on_tickers(event):
    for ticker in event.tickers:
        print(ticker.symbol, ticker.bid and ticker.bid.price, ticker.ask and ticker.ask.price)
    enough.release()


with simulate("onyx") as venue, OnyxClient(url=venue.url, token=venue.token) as client:
    client.subscribe_tickers(on_tickers, products=["ebob"])
    try:
        client.subscribe_tickers(on_tickers, products=["unobtainium"])
    except RequestRejected as refusal:
        print("refused:", refusal)
    for _ in range(3):
        enough.acquire(timeout=5)
