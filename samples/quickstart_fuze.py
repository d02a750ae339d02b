"""Fuze: log in, hear a refusal, and read quotes and market data.

Runs against the built-in simulator. For the venue itself put the key into the environment as
VENUESDK_FUZE_API_KEY and VENUESDK_FUZE_API_SECRET, and write ``with FuzeClient() as client:``. That
is its staging server, the only one that it documents: for production give ``url=`` too. The venue
offers its WebSocket to enterprise customers only.
"""

import itertools

from venuesdk import FuzeClient, RequestRejected
from venuesdk.testing import simulate

with simulate("fuze") as venue, FuzeClient(url=venue.url, **venue.credentials) as client:
    try:
        client.request("no_such_method")
    except RequestRejected as refusal:
        print("refused:", refusal)

    with client.subscribe_quotes("BTC_USD", on_gap=print) as quotes:
        for quote in itertools.islice(quotes, 3):
            print(quote.symbol, quote.buy_price, quote.sell_price)

    with client.subscribe_market_data(on_gap=print) as market_data:
        event = market_data.get(timeout=5)  # every asset, at one time
        for asset in event.assets:
            print(asset.asset, asset.policies.current_price, asset.policies.local_currency)
