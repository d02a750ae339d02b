"""Orders and other REST streams of the simulated TimeX, and the account events they cause."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from typing import Any

import pytest
from websockets.sync.client import connect

from venuesdk.testing import simulate

LATE = "2122-09-20T21:24:56.393Z"
NOON = 1663610619.163
ORDER_KEYS = (
    "id cursorId clientOrderId symbol side type quantity filledQuantity cancelledQuantity price "
    "avgPrice createdAt updatedAt expireTime"
)


class Trader:
    """A client that sends REST messages, and keeps the account's events apart."""

    def __init__(self, socket: Any, venue: Any) -> None:
        self.socket = socket
        self.venue = venue
        self.auth = {"id": venue.api_id, "secret": venue.api_secret}

    def receive(self) -> Any:
        return json.loads(self.socket.recv(5))

    def ask(self, stream: str, payload: object) -> Any:
        request = {"type": "REST", "requestId": "uniqueID", "stream": stream}
        self.socket.send(json.dumps({**request, "auth": self.auth, "payload": payload}))
        return self.receive()

    def get(self, stream: str, **payload: object) -> Any:
        answer = self.ask(stream, payload)
        assert list(answer) == ["requestId", "status", "responseBody"]
        assert (answer["requestId"], answer["status"]) == ("uniqueID", "SUCCESS")
        return answer["responseBody"]

    def place(self, **fields: object) -> Any:
        item = {"symbol": "ETHAUDT", "side": "BUY", "type": "LIMIT", "price": "1"}
        item |= {"quantity": "36", "expireTime": LATE}
        return self.get("/post/trading/orders/json", body=[item | fields])["orders"][0]

    def watch(self) -> None:
        request = {"type": "ACCOUNT_SUBSCRIBE", "requestId": "w", "account": self.venue.account}
        self.socket.send(json.dumps({**request, "auth": self.auth}))
        assert self.receive()["type"] == "SUBSCRIBED"

    def news(self, count: int) -> list[Any]:
        frames = [self.receive() for _ in range(count)]
        assert {frame["type"] for frame in frames} == {"ACCOUNT_SUBSCRIPTION"}
        return [frame["payload"] for frame in frames]

    def refused(self, stream: str, payload: object) -> str:
        answer = self.ask(stream, payload)
        assert list(answer) == ["requestId", "status", "message"]
        assert (answer["requestId"], answer["status"]) == ("uniqueID", "ERROR")
        return str(answer["message"])


@pytest.fixture
def trader() -> Iterator[Trader]:
    """A trader at a venue whose market stands still."""
    with trading() as trader:
        yield trader


@contextmanager
def trading(**options: Any) -> Iterator[Trader]:
    """Start a venue and connect a trader."""
    with (
        simulate("timex", interval=None, **options) as venue,
        connect(venue.url, proxy=None) as socket,
    ):
        yield Trader(socket, venue)


def test_markets_are_listed_with_every_recorded_field(trader: Trader) -> None:
    """`/get/public/markets` has the recorded market, field by field, with numbers of its own."""
    market = {one["symbol"]: one for one in trader.get("/get/public/markets")}["EOSUSDT"]
    assert market["name"] == "EOS/USDT"
    assert market["baseTokenAddress"] == "0x3dc290b60a1a11b1a6cbb3fda56c055d3c17ccc8"
    assert market["feeTokenAddress"] == "0xdac17f958d2ee523a2206206994597c13d831ec7"
    assert (market["tickSize"], market["quantityIncrement"]) == ("0.0001", "0.01")
    assert market["locked"] is False
    assert market["alternativeCurrency"] is None
    assert len(market) == 23


def test_currencies_tell_the_decimals_of_trades(trader: Trader) -> None:
    """`/get/public/currencies` has the decimals by which amounts in trades are scaled."""
    decimals = {one["symbol"]: one["tradeDecimals"] for one in trader.get("/get/public/currencies")}
    assert (decimals["BTC"], decimals["USDT"]) == (20, 16)


def test_the_raw_book_can_be_fetched(trader: Trader) -> None:
    """`/get/public/orderbook/raw` returns the bare book, of each side at most `limit` orders."""
    book = trader.get("/get/public/orderbook/raw", market="BTCUSD", limit=2)
    assert list(book) == ["timestamp", "bid", "ask"]
    assert (len(book["bid"]), len(book["ask"])) == (2, 2)
    assert len(trader.get("/get/public/orderbook/raw", market="BTCUSD")["bid"]) == 10
    assert "BTCUSX" in trader.refused("/get/public/orderbook/raw", {"market": "BTCUSX"})
    assert "btcusd" in trader.refused("/get/public/orderbook/raw", {"market": "btcusd"})


def test_balances_are_listed(trader: Trader) -> None:
    """`/get/trading/balances` lists all currencies, or those asked for."""
    rows = trader.get("/get/trading/balances")
    assert {"currency": "TIME", "totalBalance": "0.00123249098837567187", "lockedBalance": "0"} in (
        rows
    )
    assert [row["currency"] for row in trader.get("/get/trading/balances", currencies="BTC")] == [
        "BTC"
    ]


def test_deposit_addresses_are_those_of_the_document(trader: Trader) -> None:
    """The official sample's request is answered with the official sample's address."""
    (row,) = trader.get("/get/custody/deposit-addresses", showRemoved=False)
    assert row["address"]["depositAddress"] == "0x4652c318a15ccb1967ac1431efbce99d8e0db1b9"
    assert row["address"]["account"] == trader.venue.account
    assert trader.get("/get/custody/credentials/me") == {"address": trader.venue.account}


def test_a_limit_order_rests(trader: Trader) -> None:
    """An order far from the market is returned as recorded, locks its cost, and stands open."""
    order = trader.place(clientOrderId="ABCDEF123456")
    assert " ".join(order) == ORDER_KEYS
    assert order["quantity"] == "36"
    assert order["filledQuantity"] == order["cancelledQuantity"] == "0"
    assert order["avgPrice"] is None
    assert order["clientOrderId"] == "ABCDEF123456"
    assert order["expireTime"] == LATE
    assert trader.get("/get/trading/orders", pageable={"size": 10}) == {"orders": [order]}
    assert trader.get("/get/trading/orders", symbol="BTCUSD") == {"orders": []}
    (row,) = trader.get("/get/trading/balances", currencies=["AUDT"])
    assert row["lockedBalance"] == "36"
    book = trader.get("/get/public/orderbook/raw", market="ETHAUDT")
    assert book["bid"][-1]["hash"] == order["id"]
    assert book["bid"][-1]["quantity"] == "36"


def test_the_form_variant_takes_parallel_arrays(trader: Trader) -> None:
    """`/post/trading/orders` reads one order per position, numbers exactly, `expireIn` seconds."""
    orders = trader.get(
        "/post/trading/orders",
        price=[1.1, 2],
        side=["BUY", "BUY"],
        symbol=["ETHAUDT", "TIMEUSDT"],
        orderTypes=["LIMIT", "LIMIT"],
        quantity=[36.6, 0.3],
        expireIn=[3, 300],
        clientOrderId=["one", "two"],
    )["orders"]
    assert [(order["price"], order["quantity"]) for order in orders] == [
        ("1.1", "36.6"),
        ("2", "0.3"),
    ]
    assert [order["clientOrderId"] for order in orders] == ["one", "two"]
    assert trader.refused("/post/trading/orders", {"price": [1, 2], "orderTypes": ["LIMIT"]}) == (
        "Validation error"
    )


def test_an_insufficient_balance_is_named(trader: Trader) -> None:
    """Too large an order is refused in the recorded words, and none of its request is taken."""
    sell = {"symbol": "TIMEETH", "side": "SELL", "type": "LIMIT", "price": "1"}
    small = sell | {"quantity": "0.001", "expireTime": LATE}
    large = sell | {"quantity": "1", "expireTime": LATE}
    # Recorded: "Insufficient ETH balance. Required: 1, actual: 0."
    assert trader.refused("/post/trading/orders/json", {"body": [small, large]}) == (
        "Insufficient TIME balance. Required: 1, actual: 0.00023249098837567187."
    )
    assert trader.get("/get/trading/orders") == {"orders": []}


@pytest.mark.parametrize(
    "change",
    [
        {"quantity": "0"},
        {"quantity": True},
        {"quantity": "NaN"},
        {"quantity": "much"},
        {"price": "-1"},
        {"price": None},
        {"price": "1e999999"},
        {"side": "buy"},
        {"side": ["BUY"]},
        {"type": "NONSENSE"},
        {"clientOrderId": 5},
        {"expireTime": None},
        {"expireTime": "tomorrow"},
        {"expireTime": "2022-13-01T00:00:00Z"},
        {"expireTime": None, "expireIn": "1e30"},
    ],
    ids=str,
)
def test_an_order_out_of_order_is_refused(trader: Trader, change: dict[str, object]) -> None:
    """Fields that no order may have, and a resting order without an end, fail validation."""
    item = {"symbol": "ETHAUDT", "side": "BUY", "type": "LIMIT", "price": "1", "quantity": "1"}
    item["expireTime"] = LATE
    assert trader.refused("/post/trading/orders/json", {"body": [item | change]}) == (
        "Validation error"
    )


@pytest.mark.parametrize(
    ("stream", "payload"),
    [
        ("/get/nosuch", {}),
        (None, {}),
        ("/get/trading/balances", []),
        ("/get/trading/balances", {"currencies": "btc"}),
        ("/get/trading/balances", {"currencies": 5}),
        ("/get/trading/orders", {"symbol": "ethaudt"}),
        ("/get/trading/orders", {"pageable": 5}),
        ("/get/trading/orders", {"pageable": {"size": "ten"}}),
        ("/get/public/orderbook/raw", {"market": "BTCUSD", "limit": 0}),
        ("/post/trading/orders/json", {"body": []}),
        ("/post/trading/orders/json", {"body": ["order"]}),
        ("/post/trading/orders/json", {}),
        ("/delete/trading/orders", {}),
        ("/delete/trading/orders", {"id": [5]}),
        ("/put/trading/orders/json", {"body": [{}]}),
    ],
    ids=str,
)
def test_a_stream_out_of_order_is_refused(trader: Trader, stream: str, payload: object) -> None:
    """Unknown streams and payloads that do not fit are answered with ERROR."""
    assert trader.refused(stream, payload)


def test_orders_can_be_cancelled(trader: Trader) -> None:
    """Both streams end what is open, free what it held, and list what they could not end."""
    first, second = trader.place(quantity="1"), trader.place(quantity="2")
    done = trader.get("/delete/trading/orders", id=[first["id"], "0xnosuch"])
    assert done["unchangedOrders"] == ["0xnosuch"]
    (change,) = done["changedOrders"]
    assert change["oldId"] == first["id"]
    assert change["newOrder"]["cancelledQuantity"] == "1"
    done = trader.get("/delete/trading/orders/json", body=[{"id": second["id"]}])
    assert done["changedOrders"][0]["newOrder"]["cancelledQuantity"] == "2"
    done = trader.get("/delete/trading/orders/json", body=[{"id": second["id"]}])
    assert done == {"changedOrders": [], "unchangedOrders": [second["id"]]}
    assert trader.get("/get/trading/orders") == {"orders": []}
    (row,) = trader.get("/get/trading/balances", currencies=["AUDT"])
    assert row["lockedBalance"] == "0"


def test_an_edited_order_gets_a_new_id(trader: Trader) -> None:
    """`/put/trading/orders/json` replaces the order; what it does not name stays as it was."""
    old = trader.place(clientOrderId="mine")
    body = [{"id": old["id"], "price": "1.5", "quantity": "20"}, {"id": "0xnosuch"}]
    done = trader.get("/put/trading/orders/json", body=body)
    (change,) = done["changedOrders"]
    assert done["unchangedOrders"] == ["0xnosuch"]
    new = change["newOrder"]
    assert change["oldId"] == old["id"] != new["id"]
    assert (new["price"], new["quantity"], new["clientOrderId"]) == ("1.5", "20", "mine")
    assert new["expireTime"] == old["expireTime"]
    assert trader.get("/get/trading/orders") == {"orders": [new]}
    (row,) = trader.get("/get/trading/balances", currencies=["AUDT"])
    assert row["lockedBalance"] == "30"


def test_an_edit_counts_what_the_old_order_held(trader: Trader) -> None:
    """An edit is refused only for what the balance lacks once the old order is gone."""
    old = trader.place(quantity="111")
    body = {"body": [{"id": old["id"], "quantity": "112"}]}
    assert trader.refused("/put/trading/orders/json", body) == (
        "Insufficient AUDT balance. Required: 112, actual: 111.672571309375."
    )
    body = {"body": [{"id": old["id"], "quantity": "110"}]}
    changed = trader.get("/put/trading/orders/json", **body)["changedOrders"]
    assert changed[0]["newOrder"]["quantity"] == "110"


def test_placing_an_order_tells_the_account(trader: Trader) -> None:
    """Behind the response come the order, ACTIVE, and the balance that it locks."""
    trader.watch()
    order = trader.place(quantity="36.09")
    assert trader.news(2) == [
        {"order": order, "messageType": "ORDER", "orderStatus": "ACTIVE"},
        {
            "balance": {
                "currency": "AUDT",
                "totalBalance": "111.672571309375",
                "lockedBalance": "36.09",
            }
        },
    ]


def test_a_market_order_fills_at_once(trader: Trader) -> None:
    """Its event is FILLED, with trades that add up to it, and the balances move by their cost."""
    trader.watch()
    order = trader.place(
        symbol="BTCUSDT", type="MARKET", quantity="0.5", price="0", expireTime=None
    )
    assert order["filledQuantity"] == "0.5"
    filled, quote, base = trader.news(3)
    assert filled["order"] == order
    assert (filled["messageType"], filled["orderStatus"]) == ("MARKET_ORDER", "FILLED")
    trades = [
        (Decimal(one["tradePrice"]), Decimal(one["tradeQuantity"])) for one in filled["tradeInfo"]
    ]
    assert sum(quantity for _, quantity in trades) == Decimal("0.5")
    assert all(isinstance(one["tradeId"], int) for one in filled["tradeInfo"])
    cost = sum(price * quantity for price, quantity in trades)
    assert Decimal(order["avgPrice"]) == cost / Decimal("0.5")
    assert quote["balance"]["currency"] == "USDT"
    assert Decimal(quote["balance"]["totalBalance"]) == 100000 - cost
    assert base["balance"] == {"currency": "BTC", "totalBalance": "2.5", "lockedBalance": "0"}


def test_a_crossing_limit_order_trades_and_rests(trader: Trader) -> None:
    """A limit order takes what its price reaches, at the book's prices; the rest stays open."""
    book = trader.get("/get/public/orderbook/raw", market="BTCUSDT")
    best = book["ask"][0]
    trader.watch()
    quantity = Decimal(best["quantity"]) + Decimal("0.1")
    order = trader.place(symbol="BTCUSDT", price=best["price"], quantity=str(quantity))
    active, partial, *_ = trader.news(4)
    assert active["orderStatus"] == "ACTIVE"
    assert partial["orderStatus"] == "PARTIAL"
    assert "tradeInfo" not in active
    assert partial["order"]["filledQuantity"] == order["filledQuantity"] == best["quantity"]
    assert trader.get("/get/trading/orders")["orders"] == [order]


def test_types_that_must_not_or_must_match(trader: Trader) -> None:
    """POST_ONLY never takes, FILL_OR_KILL never rests; a market order ends what it cannot fill."""
    item = {"symbol": "ETHUSD", "side": "BUY", "price": "2000", "expireTime": LATE}
    post = item | {"type": "POST_ONLY", "quantity": "1"}
    trader.refused("/post/trading/orders/json", {"body": [post]})
    assert trader.place(**post | {"price": "1000"})["filledQuantity"] == "0"
    kill = item | {"type": "FILL_OR_KILL", "quantity": "1", "expireTime": None}
    trader.refused("/post/trading/orders/json", {"body": [kill | {"price": "1000"}]})
    assert trader.place(**kill)["filledQuantity"] == "1"
    ended = trader.place(symbol="TIMEUSDT", type="MARKET", price=None, quantity="1000")
    sold = Decimal(ended["filledQuantity"])
    assert 0 < sold < 1000
    assert Decimal(ended["cancelledQuantity"]) == 1000 - sold


def test_the_market_fills_what_rests() -> None:
    """An order that the market comes to is filled at its own price, and its events say so."""
    with trading() as trader:
        book = trader.get("/get/public/orderbook/raw", market="BTCUSDT")
        price = book["bid"][0]["price"]
        order = trader.place(symbol="BTCUSDT", price=price, quantity="0.0001")
        trader.watch()
        for _ in range(200):
            if not trader.venue.orders.open():
                break
            trader.venue.tick()
        change, quote, base = trader.news(3)
        assert change["orderStatus"] == "FILLED"
        assert change["order"]["id"] == order["id"]
        assert change["order"]["avgPrice"] == price
        (trade,) = change["tradeInfo"]
        assert (trade["tradePrice"], trade["tradeQuantity"]) == (price, "0.0001")
        assert quote["balance"]["lockedBalance"] == "0"
        assert base["balance"]["totalBalance"] == "2.0001"


def test_orders_expire() -> None:
    """An order ends when its time has come, and frees what it held."""
    now = [NOON]
    with trading(clock=lambda: now[0]) as trader:
        trader.watch()
        order = trader.place(expireTime=None, expireIn=3)
        assert order["expireTime"] == "2022-09-19T18:03:42.163Z"
        trader.news(2)
        trader.venue.tick()
        assert len(trader.get("/get/trading/orders")["orders"]) == 1
        now[0] += 3
        trader.venue.tick()
        change, balance = trader.news(2)
        assert change["order"]["id"] == order["id"]
        assert change["order"]["cancelledQuantity"] == "36"
        assert balance["balance"]["lockedBalance"] == "0"


def test_balances_can_be_chosen() -> None:
    """The option `balances` says what the account starts with."""
    with trading(balances={"LTC": "7.5"}) as trader:
        (row,) = trader.get("/get/trading/balances", currencies=["LTC"])
        assert row["totalBalance"] == "7.5"
