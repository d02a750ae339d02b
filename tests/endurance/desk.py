"""What a trading desk does with each venue: clients, calls whose answers are checked, streams.

Every answer names what was asked for, so an answer that went to another call is noticed.
"""

from __future__ import annotations

import contextlib
import random
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

from simulators import Site

from venuesdk.client import Client, clients
from venuesdk.errors import RequestRejected, VenueError
from venuesdk.session.subscription import Subscription
from venuesdk.venues import load
from venuesdk.venues.loopring import Candlesticks, OrderBook, Ticker, Trades

__all__ = ["WRONG", "Mismatch", "call", "is_documented", "make", "subscribe"]


class Mismatch(AssertionError):
    """An answer is not the answer to what was asked."""


WRONG = "the answer is another call's"


def make(venue: str, site: Site, ca_file: Path | None = None, **options: Any) -> Client:
    """Return a client of a simulated venue, not connected."""
    load(venue)
    addresses = {"url": site.url}
    if venue in ("infinex", "loopring"):
        addresses["http_url"] = site.http_url or ""
    if ca_file is not None:
        options["ca_file"] = ca_file
    return clients()[venue](**addresses, **site.credentials, **options)


def _must(true: object) -> None:
    if not true:
        raise Mismatch(WRONG)


# ---- calls ---------------------------------------------------------------------------------------

NETWORKS = {"USDT": ["ETH", "TRX"], "ETH": ["ETH"], "BTC": ["BTC"], "BPX": []}
PAIRS = ("BTC/USDT", "ETH/USDT")
MARKETS = ("ETHAUDT", "BTCUSDT")
LOOPRING_MARKETS = ("LRC-ETH", "LRC-USDT", "LRC-USDC", "ETH-USDT")


def _infinex(client: Any, dice: random.Random, timeout: float | None) -> None:
    choice = dice.random()
    if choice < 0.2:
        client.ping(timeout=timeout)
    elif choice < 0.6:
        asset = dice.choice(sorted(NETWORKS))
        found = client.networks(asset, timeout=timeout)
        _must(sorted(network.name for network in found) == NETWORKS[asset])
    elif choice < 0.9:
        pair = dice.choice(PAIRS)
        body = client.request("/spot/markets", {"offset": 0, "pair": pair}, timeout=timeout)
        _must([row["pair"] for row in body["markets"]] == [pair])
    else:
        # It changes the account, or would: there is no such order.
        with contextlib.suppress(RequestRejected):
            client.request("/spot/open_orders/cancel", {"obid": 999_999}, timeout=timeout)
            _must(False)


def _timex(client: Any, dice: random.Random, timeout: float | None) -> None:
    if dice.random() < 0.6:
        market, limit = dice.choice(MARKETS), dice.randint(1, 8)
        book = client.raw_order_book(market, limit, timeout=timeout)
        _must(book.market == market and len(book.bids) == len(book.asks) == limit)
    else:
        order = str(uuid.UUID(int=dice.getrandbits(128), version=4))
        _must(client.cancel_order(order, timeout=timeout).unchanged_orders == (order,))


def _fuze(client: Any, dice: random.Random, timeout: float | None) -> None:
    if dice.random() < 0.8:
        _must("quote_request" in client.request("__listMethods", timeout=timeout))
    else:
        with contextlib.suppress(RequestRejected):
            client.request(f"nothing_{dice.random()}", timeout=timeout)
            _must(False)


def _onyx(client: Any, dice: random.Random, timeout: float | None) -> None:
    product = f"unobtainium-{dice.getrandbits(64):x}"
    try:
        client.request(
            "subscribe", {"channel": {"tickers": {"products": [product]}}}, timeout=timeout
        )
        _must(False)
    except RequestRejected as error:
        # Any other refusal is that of a login.
        if "no permissions for product" not in error.message:
            raise
        _must(product in error.message)


def _loopring(client: Any, dice: random.Random, timeout: float | None) -> None:
    """It has no requests: subscribe to something of one's own, and end that."""
    topic = Candlesticks(dice.choice(LOOPRING_MARKETS), dice.choice(("1min", "5min", "15min")))
    (subscription,) = client.subscribe(topic, timeout=timeout)
    subscription.close()


_CALLS: dict[str, Callable[[Any, random.Random, float | None], None]] = {
    "fuze": _fuze,
    "infinex": _infinex,
    "loopring": _loopring,
    "onyx": _onyx,
    "timex": _timex,
}


def call(client: Client, dice: random.Random, timeout: float | None = None) -> None:
    """Make one call, and check that its answer is the one to it."""
    _CALLS[client.venue](client, dice, timeout)


# ---- streams -------------------------------------------------------------------------------------


def _timex_stream(client: Any, dice: random.Random, options: dict[str, Any]) -> Any:
    choice = dice.randrange(4)
    if choice == 0:
        return client.subscribe_raw_order_book(dice.choice(MARKETS), **options)
    if choice == 1:
        return client.subscribe_grouped_order_book(dice.choice(MARKETS), **options)
    if choice == 2:
        return client.subscribe_trades("BTC", "USDT", **options)
    snapshot = dice.random() < 0.5
    return client.subscribe(f"/orderbook.raw/{dice.choice(MARKETS)}", snapshot=snapshot, **options)


def _fuze_stream(client: Any, dice: random.Random, options: dict[str, Any]) -> Any:
    if dice.random() < 0.5:
        return client.subscribe_market_data(**options)
    return client.subscribe_quotes(dice.choice(("BTC_USD", "ETH_USD", "USDC_USD")), **options)


def _onyx_stream(client: Any, dice: random.Random, options: dict[str, Any]) -> Any:
    choice = dice.randrange(3)
    if choice == 0:
        return client.subscribe_server_info(**options)
    if choice == 1:
        return client.subscribe_dashboards(**options)
    return client.subscribe_tickers(products=[dice.choice(("brt", "dub", "ebob"))], **options)


def _loopring_stream(client: Any, dice: random.Random, options: dict[str, Any]) -> Any:
    market = dice.choice(LOOPRING_MARKETS)
    topics = (OrderBook(market, 0, 20, True), Trades(market), Ticker(market))
    return client.subscribe(dice.choice(topics), **options)[0]


_STREAMS: dict[str, Callable[[Any, random.Random, dict[str, Any]], Any]] = {
    "fuze": _fuze_stream,
    "loopring": _loopring_stream,
    "onyx": _onyx_stream,
    "timex": _timex_stream,
}


def subscribe(
    client: Client, dice: random.Random, callback: Callable[[Any], object] | None, **options: Any
) -> Subscription[Any] | None:
    """Start one stream of a client; None for a venue without streams.

    Raises `VenueError`, and `ValueError` where the venue's limit of topics is reached.
    """
    start = _STREAMS.get(client.venue)
    if start is None:
        return None
    found: Subscription[Any] = start(client, dice, {"callback": callback, **options})
    return found


def is_documented(error: BaseException) -> bool:
    """Tell whether an error is one that a program has to reckon with."""
    return isinstance(error, VenueError) or (
        isinstance(error, ValueError) and "topics in all" in str(error)
    )
