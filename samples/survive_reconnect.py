"""A stream without a callback, over a cut connection: iterate, and be told of the gap."""

from venuesdk import Backoff, FuzeClient
from venuesdk.testing import simulate


def on_gap(gap):
    print(f"gap: {gap.reason.value}")


with (
    simulate("fuze") as venue,
    FuzeClient(
        url=venue.url,
        api_key=venue.api_key,
        api_secret=venue.api_secret,
        reconnect=Backoff(initial=0.1),
        on_state=lambda change: print(f"state: {change.state.value}"),
    ) as client,
    client.subscribe_quotes("BTC_USD", on_gap=on_gap) as quotes,
):
    for number, quote in enumerate(quotes):
        print(quote.symbol, quote.buy_price, quote.sell_price)
        if number == 2:
            venue.drop()
        if number == 5:
            break
