"""The scenes of the demo: what each client does, against its simulator or a real venue.

A scene is given a connected client. `venue` is its simulator, or None at a real venue, where
nothing is cut and nothing is ordered.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any, TypeAlias

from ..client import Client
from ..errors import (
    AuthenticationError,
    InsufficientFunds,
    InvalidRequest,
    RequestRejected,
    VenueUnavailable,
)
from ..models import GapReason, State
from ..venues.fuze import FuzeClient
from ..venues.infinex import InfinexClient
from ..venues.loopring import Candlesticks, LoopringClient, OrderBook, Orders, Ticker, Trades
from ..venues.onyx import OnyxClient
from ..venues.timex import TimexClient
from .stage import Arrivals, Stage

__all__ = ["SCENES", "Scene"]

Scene: TypeAlias = Callable[[Stage, Any, Any], None]


def _infinex(stage: Stage, client: InfinexClient, venue: Any) -> None:
    """Play Infinex: calls on the socket, a nested refusal, and HTTP when the socket is gone."""
    stage.call("ping()", client.ping)
    stage.call('networks("USDT")', lambda: client.networks("USDT"))
    markets = stage.call(
        '/spot/markets {"offset": 0}',
        lambda: client.request("/spot/markets", {"offset": 0})["markets"][0],
    )
    stage.must(markets["pair"], "a market has a pair")
    stage.refused(
        '/spot/open_orders/cancel {"obid": 999999}',
        RequestRejected,
        lambda: client.request("/spot/open_orders/cancel", {"obid": 999_999}),
    )
    if venue is None:
        return
    stage.measure("ping()", client.ping)
    venue.api_unavailable()
    lost = stage.refused(
        "an order while the API is gone",
        VenueUnavailable,
        lambda: client.request("/spot/open_orders/new", _INFINEX_ORDER),
    )
    stage.must(lost.outcome_unknown, "an order that a gateway lost has an unknown outcome")
    venue.api_unavailable(False)

    venue.refuse_connections()
    stage.say("cut", "the socket is taken away; the same call goes over HTTP")
    stage.call('networks("USDT")', lambda: client.networks("USDT"))
    stage.must(venue.http_received, "the call went over HTTP")
    venue.refuse_connections(False)
    stage.call("ping(), when the socket is back", lambda: client.ping(timeout=8.0))


_INFINEX_ORDER = {
    "pair": "BTC/USDT",
    "side": "BUY",
    "type": "LIMIT",
    "time_in_force": "GTC",
    "price": "100.50",
    "amount": "0.5",
    "resp_type": "ACK",
}


def _timex(stage: Stage, client: TimexClient, venue: Any) -> None:
    """Play TimeX: REST over the socket, books, an account's stream, an order from a callback."""
    book = stage.call('raw_order_book("ETHAUDT")', lambda: client.raw_order_book("ETHAUDT"), False)
    stage.say("value", f"best bid {book.bids[0]!r}")
    books = Arrivals()
    stream = stage.call(
        'subscribe_raw_order_book("ETHAUDT")',
        lambda: client.subscribe_raw_order_book("ETHAUDT", books.put, on_gap=stage.gap),
    )
    _exact(stage, stage.event(books, "a book").bids[0].price)
    if venue is None:
        return
    stage.refused(
        'subscribe("/orderbook.raw/ethaudt")',
        RequestRejected,
        lambda: client.subscribe("/orderbook.raw/ethaudt"),
    )
    stage.refused(
        "place_order of more than the account holds",
        InsufficientFunds,
        lambda: client.place_order(
            "ETHAUDT", "BUY", 100, 1_000_000, expire_time="2027-01-01T00:00:00.000Z"
        ),
    )
    account = Arrivals()
    placed = Arrivals()

    order = _once(
        placed,
        lambda: client.place_order(
            "ETHAUDT", "BUY", 36, 1, expire_time="2027-01-01T00:00:00.000Z"
        ),
    )

    def on_account(event: Any) -> None:
        account.put(event)
        order(event)

    stage.call(
        "subscribe_account(…, snapshot=True)",
        lambda: client.subscribe_account(
            venue.account, on_account, snapshot=True, on_gap=stage.gap
        ),
    )
    stage.event(account, "the account's snapshot")
    stage.say("callback", f"placed, from inside the callback: {placed.next('the order')!r}")
    stage.event(account, "the order on the account's stream")
    stage.measure('raw_order_book("ETHAUDT")', lambda: client.raw_order_book("ETHAUDT"))
    _cut(stage, client, venue, books)
    stage.call("unsubscribe(…)", lambda: client.unsubscribe(stream))


def _loopring(stage: Stage, client: LoopringClient, venue: Any) -> None:
    """Play Loopring: several topics in one request, refused as a whole or not at all."""
    events = Arrivals()
    streams = stage.call(
        "subscribe(OrderBook, Trades, Ticker, Candlesticks)",
        lambda: client.subscribe(
            OrderBook("LRC-ETH", level=0, count=20, snapshot=True),
            Trades("LRC-ETH"),
            Ticker("LRC-ETH"),
            Candlesticks("LRC-ETH", "1min"),
            callback=events.put,
            on_gap=stage.gap,
        ),
        False,
    )
    stage.must(len(streams) == 4, "there is one subscription for each topic")
    for _ in range(4):
        stage.event(events, "a push")
    if venue is None:
        return
    stage.refused(
        "subscribe(Ticker, Candlesticks of 7min): the whole request fails",
        InvalidRequest,
        lambda: client.subscribe(
            Ticker("LRC-USDT"),
            {"topic": "candlestick", "market": "LRC-USDT", "interval": "7min"},
        ),
    )
    done = Arrivals()

    stop = _once(done, lambda: client.unsubscribe(Trades("LRC-ETH")))

    stage.call(
        "subscribe(Orders)",
        lambda: client.subscribe(Orders("LRC-ETH"), on_gap=stage.gap),
        show=False,
    )
    client.subscribe(Ticker("LRC-USDT"), callback=stop, on_gap=stage.gap)
    done.next("the unsubscribe")
    stage.say("callback", "unsubscribed from trades, from inside a callback")
    stage.must(streams[1].closed, "what was unsubscribed has ended")

    def round_trip() -> None:
        client.subscribe(Trades("LRC-USDT"))
        client.unsubscribe(Trades("LRC-USDT"))

    stage.measure("subscribe(Trades), unsubscribe(Trades)", round_trip)
    venue.send_ping()
    stage.must(
        venue.wait_for(lambda v: any(text == "pong" for _, text in v.received)),
        "a text ping gets its pong",
    )
    stage.say("pong", "the venue's text ping got exactly one text pong")
    _cut(stage, client, venue, events)


def _fuze(stage: Stage, client: FuzeClient, venue: Any) -> None:
    """Play Fuze: a login that must come first, quotes with exact decimals, market data."""
    quotes = Arrivals()
    stage.call(
        'subscribe_quotes("BTC_USD")',
        lambda: client.subscribe_quotes("BTC_USD", callback=quotes.put, on_gap=stage.gap),
    )
    _exact(stage, stage.event(quotes, "a quote").buy_price)
    if venue is None:
        return
    stage.call('request("__listMethods")', lambda: client.request("__listMethods"))
    stage.refused(
        'request("place_order")', InvalidRequest, lambda: client.request("place_order", {})
    )
    asked = Arrivals()

    ask = _once(asked, lambda: client.request("__listMethods"))
    market = stage.call(
        "subscribe_market_data()",
        lambda: client.subscribe_market_data(ask, on_gap=stage.gap),
    )
    stage.say("callback", f"called from inside a callback: {asked.next('the answer')!r}")
    market.close()
    stage.measure('request("__listMethods")', lambda: client.request("__listMethods"))
    _cut(stage, client, venue, quotes)


def _onyx(stage: Stage, client: OnyxClient, venue: Any) -> None:
    """Play Onyx: a login, tickers, dashboards, and a method that the venue hangs up on."""
    tickers = Arrivals()
    stage.call(
        'subscribe_tickers(products=["ebob"])',
        lambda: client.subscribe_tickers(tickers.put, products=["ebob"], on_gap=stage.gap),
    )
    _exact(stage, stage.event(tickers, "a ticker").tickers[0].mid or Decimal(0))
    information = client.subscribe_server_info()
    stage.call("next(server_info)", lambda: information.get(8.0))
    information.close()
    if venue is None:
        return
    stage.refused(
        'subscribe_tickers(products=["unobtainium"])',
        AuthenticationError,
        lambda: client.subscribe_tickers(products=["unobtainium"]),
    )
    done = Arrivals()

    subscribe = _once(
        done, lambda: client.subscribe_tickers(lambda event: None, products=["brt"])
    )
    dashboards = stage.call(
        "subscribe_dashboards()",
        lambda: client.subscribe_dashboards(subscribe, on_gap=stage.gap),
    )
    brent = done.next("the subscription")
    stage.say("callback", f"subscribed from inside a callback: {brent!r}")
    brent.close()
    dashboards.close()

    def round_trip() -> None:
        client.subscribe("snapshots")
        client.unsubscribe("snapshots")

    stage.measure('subscribe("snapshots"), unsubscribe("snapshots")', round_trip)
    _cut(stage, client, venue, tickers)


SCENES: Mapping[str, Scene] = {
    "infinex": _infinex,
    "timex": _timex,
    "loopring": _loopring,
    "fuze": _fuze,
    "onyx": _onyx,
}


def _once(results: Arrivals, call: Callable[[], object]) -> Callable[[Any], None]:
    """Return a callback that makes a blocking call on its first event, and keeps the result."""
    waiting = [call]

    def callback(event: Any) -> None:
        if waiting:
            results.put(waiting.pop()())

    return callback


def _cut(stage: Stage, client: Client, venue: Any, events: Arrivals) -> None:
    """Cut the connection, and see it heal: a gap, and then events again."""
    before = client.stats().reconnects
    venue.drop()
    stage.say("cut", "the venue's side of the connection is torn down")
    gap = stage.gaps.next("the gap")
    stage.must(gap.reason is GapReason.RECONNECTED, "the gap says why")
    while not events.empty():
        events.get()
    stage.event(events, "an event of the new connection")
    stage.must(client.stats().reconnects == before + 1, "the client reconnected once")
    stage.must(client.state is State.CONNECTED, "the client is connected")
    stage.say("healed", f"epoch {gap.epoch}, logged in and subscribed again")


def _exact(stage: Stage, value: object) -> None:
    stage.must(isinstance(value, Decimal), "money is a Decimal")
