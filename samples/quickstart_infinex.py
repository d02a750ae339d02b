"""Infinex: a sign of life, a public call, a private one, and a refusal.

Runs against the built-in simulator. For the venue itself put the API key into the environment as
VENUESDK_INFINEX_API_KEY, and write ``with InfinexClient() as client:``; without a key the public
paths work.
"""

from venuesdk import InfinexClient, OrderNotFound
from venuesdk.testing import simulate

with (
    simulate("infinex") as venue,
    InfinexClient(url=venue.url, http_url=venue.http_url, api_key=venue.api_key) as client,
):
    client.ping()
    print("alive")
    for network in client.networks("USDT"):
        print(network.name, network.description)

    # Any path of the venue's API; the client adds the key, and amounts in the body are text.
    body = client.request("/wallet/balances", {"symbols": ["BTC", "USDT"]})
    for symbol, balance in dict(body["balances"]).items():  # where there are none, it is a list
        print(symbol, balance["total"])

    try:
        client.request("/spot/open_orders/cancel", {"obid": 0})
    except OrderNotFound as refusal:
        print("refused:", refusal)
