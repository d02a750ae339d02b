"""Metrics for Prometheus: what two clients count, collected when it is asked for.

Needs the extra: ``pip install 'venuesdk[metrics]'``. A program that is scraped calls
``prometheus_client.start_http_server(9000)`` once, and registers its collector as it is done here.
"""

from prometheus_client import REGISTRY, generate_latest

from venuesdk import FuzeClient, OnyxClient
from venuesdk.metrics import Collector
from venuesdk.testing import simulate

collector = Collector()  # subscriptions=False leaves out the samples of each stream
REGISTRY.register(collector)

with (
    simulate("onyx") as onyx,
    simulate("fuze") as fuze,
    OnyxClient(url=onyx.url, **onyx.credentials) as prices,
    FuzeClient(url=fuze.url, **fuze.credentials) as hedge,
):
    collector.register(prices)
    collector.register(hedge, "hedge")  # several clients of one venue are told apart by name
    tickers = prices.subscribe_tickers(products=["ebob"])
    for _ in range(3):
        tickers.get(timeout=5)

    shown = ("venuesdk_state{", "venuesdk_events_total{", "venuesdk_subscription_delivered")
    for line in generate_latest(REGISTRY).decode().splitlines():
        if line.startswith(shown) and not line.endswith(" 0.0"):
            print(line)

    # Without prometheus-client, for a file or a handler of your own:
    text = prices.stats().prometheus(subscriptions=False)
    print(len(text.splitlines()), "lines of text")
