"""A stream without a callback, over a cut connection: iterate, and be told of the gap.

The client connects, logs in and subscribes again by itself. What the venue sent in between is gone,
and ``on_gap`` says so before the next event: what you built from the stream is to be built anew.
"""

from venuesdk import Backoff, FuzeClient, Gap, StateChange
from venuesdk.testing import simulate

gaps: list[Gap] = []


def on_gap(gap: Gap) -> None:
    print("gap:", gap.reason.value)
    gaps.append(gap)


def on_state(change: StateChange) -> None:
    print("state:", change.state.value)


with (
    simulate("fuze") as venue,
    FuzeClient(
        url=venue.url, **venue.credentials, reconnect=Backoff(initial=0.1), on_state=on_state
    ) as client,
    client.subscribe_quotes("BTC_USD", on_gap=on_gap) as quotes,
):
    quote = quotes.get(timeout=5)
    print("before:", quote.symbol, quote.buy_price, quote.sell_price)
    venue.drop()  # every connection ends, without a close frame
    for quote in quotes:
        if gaps:
            print("after:", quote.symbol, quote.buy_price, quote.sell_price)
            break
