"""Streams without callbacks: iterate in a thread of your own, or ask with a time limit.

The thread that iterates, or asks, decodes the events and hears of gaps. Closing a subscription, or
its client, ends every loop over it.
"""

from concurrent.futures import ThreadPoolExecutor

from venuesdk import OnyxClient, Subscription
from venuesdk.testing import simulate
from venuesdk.venues.onyx import Tickers


def follow(tickers: Subscription[Tickers]) -> str:
    for event in tickers:
        for ticker in event.tickers:
            print(f"ticker: {ticker.symbol} {ticker.mid}")
    return f"{tickers!r}, {tickers.stats.dropped} dropped"


# interval=None: this market stands still but for venue.tick().
with (
    simulate("onyx", interval=None) as venue,
    ThreadPoolExecutor() as pool,  # left after the client: by then the loop has ended
    OnyxClient(url=venue.url, token=venue.token) as client,
):
    with (
        client.subscribe_tickers(products=["ebob"], on_gap=print) as tickers,
        client.subscribe_server_info(on_gap=print) as infos,
    ):
        following = pool.submit(follow, tickers)
        try:
            infos.get(timeout=0.05)
        except TimeoutError as quiet:
            print(f"quiet: {quiet}")
        for _ in range(3):
            venue.tick()
            print(f"connected for {infos.get(timeout=5).age_millis} ms")
    print(f"ended: {following.result()}")
