"""Onyx: log in, hear a refusal, and watch tickers through a callback.

Runs against the built-in simulator. For the venue itself put the API token into the environment as
VENUESDK_ONYX_TOKEN, and write ``with OnyxClient() as client:``.
"""

from venuesdk import OnyxClient, RequestRejected
from venuesdk.testing import simulate
from venuesdk.venues.onyx import Tickers

seen: list[Tickers] = []


def on_tickers(event: Tickers) -> None:
    for ticker in event.tickers:  # the venue may leave out either side
        print(ticker.symbol, ticker.bid and ticker.bid.price, ticker.ask and ticker.ask.price)
    seen.append(event)
    if len(seen) == 3:
        client.close()  # a callback may do anything, and this ends wait()


with simulate("onyx") as venue, OnyxClient(url=venue.url, token=venue.token) as client:
    try:
        client.subscribe_tickers(on_tickers, products=["unobtainium"])
    except RequestRejected as refusal:
        print("refused:", refusal)
    client.subscribe_tickers(on_tickers, products=["ebob"], on_gap=print)
    client.wait()  # until client.close(), or Ctrl-C
