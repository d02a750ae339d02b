"""How `venuesdk` is driven: its public clients, as its README shows them, and nothing beneath."""

from __future__ import annotations

import tempfile
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from job import Job

from venuesdk import FuzeClient, LoopringClient, OnyxClient, TimexClient
from venuesdk.testing.tape import Recorder
from venuesdk.venues.loopring import OrderBook

__all__ = ["ORDER", "make", "recorded", "requests", "stream", "subscribe"]

ORDER = {
    "symbol": "brtu24",
    "exchange": "ice",
    "side": "buy",
    "amount": "1",
    "price": "82.10",
    "timestamp_millis": 1713950000123,
}
"""The fields of the order that all clients of the request tables send (Onyx v1)."""


def make(job: Job, **options: Any) -> Any:
    """Return the client of the shape's venue."""
    chosen = {"url": job.url(), **job.options, **options}
    if job.tls:
        chosen["ca_file"] = job.ca_file
    venue = job.shape.split(".")[0]
    if venue == "onyx":
        return OnyxClient(token="a token of the benchmark", **chosen)
    if venue == "timex":
        return TimexClient(**chosen)
    if venue == "loopring":
        return LoopringClient(version="v2", **chosen)
    return FuzeClient(api_key="a key", api_secret="a secret", **chosen)


def subscribe(job: Job, client: Any, callback: Callable[[Any], object] | None, **more: Any) -> Any:
    """Start the stream of the shape, typed."""
    what = job.shape.split(".")[1].split("-")[0]
    if what == "tickers":
        return client.subscribe_tickers(callback, products=["dub"], **more)
    if what == "raw":
        return client.subscribe_raw_order_book("ETHUSD", callback, **more)
    if what == "grouped":
        return client.subscribe_grouped_order_book("ETHUSD", callback, **more)
    if what == "orderbook":
        (subscription,) = client.subscribe(OrderBook("LRC-USDT"), callback=callback, **more)
        return subscription
    return client.subscribe_quotes("BTC_USD", callback=callback, **more)


def stream(job: Job, on_event: Callable[[Any], object]) -> None:
    """Subscribe with a callback, and wait; with ``pump``, pump."""
    client = make(job).connect()
    subscription = subscribe(job, client, on_event, on_gap=lambda gap: None)
    job.probes["lost"] = lambda: subscription.stats.dropped
    if job.options.get("delivery") != "pump":
        threading.Event().wait()
    while True:
        client.pump(timeout=1.0)


def recorded(job: Job, on_event: Callable[[Any], object]) -> None:
    """Do as `stream`, with all of it going to a tape; nothing may be missing on that."""
    options = dict(job.options)
    suffix = options.pop("tape")
    job.options = options
    client = make(job)
    with tempfile.TemporaryDirectory() as folder:
        recorder = Recorder(client, Path(folder) / f"x{suffix}").start()
        job.probes["lost"] = lambda: recorder.lost
        subscribe(job, client.connect(), on_event, on_gap=lambda gap: None)
        threading.Event().wait()


def requests(job: Job) -> Callable[[], object]:
    """Return what places one order and waits for the answer, from any thread."""
    client = make(job).connect()
    order = client.request

    def ask() -> object:
        return order("order", ORDER)

    return ask
