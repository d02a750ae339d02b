"""Keep an order book current; it mends itself after a lost update and a cut connection.

A book that may be wrong is not shown: then `book.view` is None, and `book.wait` blocks.
"""

from queue import SimpleQueue

from venuesdk import Backoff, BookView, LoopringClient
from venuesdk.testing import simulate

views: SimpleQueue[BookView] = SimpleQueue()

with (
    simulate("loopring") as venue,
    LoopringClient(
        url=venue.url,
        http_url=venue.http_url,
        reconnect=Backoff(initial=0.1),
        on_error=lambda error: print(f"reported: {error}"),
    ) as client,
    client.keep_order_book("LRC-ETH", on_book=views.put, on_gap=print) as book,
):
    view = book.wait(timeout=5)
    print(f"bid {view.bids[0].price}, ask {view.asks[0].price}")
    print(f"spread {view.spread:f}, mid {view.mid:f}")
    for level in view.depth(3).bids:  # cumulated: the size at this price and at better ones
        print(f"  {level.size} at {level.price} or better")

    venue.lose_update()  # the next update shows that a version is missing
    while book.stats.resyncs < 1:
        views.get(timeout=5)
    print(f"mended: version {book.wait(timeout=5).version}")

    venue.drop()
    while (view := views.get(timeout=5)).epoch < 2:
        pass
    print(f"after the cut, on connection {view.epoch}: version {view.version}")
    print(book.stats)
