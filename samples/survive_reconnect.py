"""A stream over a cut connection: what the client says of it, in order, and what it does by itself.

It connects, logs in and subscribes again. What the venue sent in between is gone, and ``on_gap``
says so before the next event: what you have built from the stream is to be built anew then.
"""

from venuesdk import Backoff, FuzeClient, Gap, StateChange
from venuesdk.testing import simulate
from venuesdk.venues.fuze import Quote

quotes: list[Quote] = []
gaps: list[Gap] = []


def on_state(change: StateChange) -> None:
    print("state:", change.state.value)


def on_gap(gap: Gap) -> None:
    print("gap:", gap.reason.value)
    gaps.append(gap)


def on_quote(quote: Quote) -> None:
    print("quote:", quote.symbol, quote.buy_price, quote.sell_price)
    quotes.append(quote)
    if len(quotes) == 1:
        venue.drop()  # the network takes the connection away
    elif gaps:
        client.close()


with (
    simulate("fuze") as venue,
    FuzeClient(
        url=venue.url, **venue.credentials, reconnect=Backoff(initial=0.1), on_state=on_state
    ) as client,
):
    client.subscribe_quotes("BTC_USD", callback=on_quote, on_gap=on_gap)
    client.wait()
