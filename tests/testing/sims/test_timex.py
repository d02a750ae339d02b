"""The simulated TimeX, spoken to with the frames of the TimeX documents."""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from typing import Any

import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from venuesdk.testing import simulate

ACCOUNT = "0xb18e6e42cd252b78731f4eec48a7d1cf6a0b3849"
NOON = 1663610619.163


class Peer:
    """A client that knows nothing but JSON."""

    def __init__(self, socket: Any, venue: Any) -> None:
        self.socket = socket
        self.auth = {"id": venue.api_id, "secret": venue.api_secret}

    def send(self, message: object) -> None:
        self.socket.send(message if isinstance(message, str) else json.dumps(message))

    def receive(self) -> Any:
        return json.loads(self.socket.recv(5))

    def ask(self, message: object) -> Any:
        self.send(message)
        return self.receive()

    def subscribe(self, pattern: str, **fields: object) -> Any:
        request = {"type": "SUBSCRIBE", "requestId": "uniqueID", "pattern": pattern}
        return self.ask({**request, "snapshot": False, **fields})

    def subscribe_account(self, account: str = ACCOUNT, **fields: object) -> Any:
        request = {"type": "ACCOUNT_SUBSCRIBE", "requestId": "uniqueID", "account": account}
        return self.ask({**request, "auth": self.auth, "snapshot": False, **fields})

    def unsubscribe(self, subscription: str) -> Any:
        request = {"type": "UNSUBSCRIBE", "requestId": "uniqueID", "subscriptionId": subscription}
        return self.ask(request)

    def rest(self, stream: str, payload: object = None, **fields: object) -> Any:
        request = {"type": "REST", "requestId": "uniqueID", "stream": stream, "auth": self.auth}
        return self.ask({**request, "payload": payload or {}, **fields})

    def order(self, **fields: object) -> Any:
        item = {"symbol": "ETHAUDT", "side": "BUY", "type": "LIMIT", "price": "1"}
        item |= {"quantity": "36", "expireTime": "2122-09-20T21:24:56.393Z"}
        return self.rest("/post/trading/orders/json", {"body": [item | fields]})


@contextmanager
def peer_of(venue: Any) -> Iterator[Peer]:
    """Connect a peer to a venue."""
    with connect(venue.url, proxy=None) as socket:
        yield Peer(socket, venue)


@contextmanager
def timex(**options: Any) -> Iterator[tuple[Any, Peer]]:
    """Start a venue whose market stands still, with one peer."""
    with simulate("timex", interval=None, **options) as venue, peer_of(venue) as peer:
        yield venue, peer


def error(message: str) -> dict[str, str]:
    """Return the documented rejection of a request called uniqueID."""
    return {"requestId": "uniqueID", "status": "ERROR", "message": message}


def test_the_address_has_the_documented_path() -> None:
    """The URL ends as the document's does, and another path is refused."""
    with simulate("timex", interval=None) as venue:
        assert venue.url.endswith("/socket/relay")
        with pytest.raises(InvalidStatus, match="404"):
            connect(venue.url + "/elsewhere", proxy=None)
        assert venue.http_url is None
        assert venue.credentials == {"api_id": venue.api_id, "api_secret": venue.api_secret}


def test_a_subscription_is_answered_with_an_id() -> None:
    """SUBSCRIBE is answered with SUBSCRIBED, a uuid of its own, and no payload."""
    with timex() as (_, peer):
        first = peer.subscribe("/orderbook.raw/ETHUSD")
        second = peer.subscribe("/orderbook.raw/ETHUSD")
        assert first | {"subscriptionId": ""} == {
            "type": "SUBSCRIBED",
            "requestId": "uniqueID",
            "subscriptionId": "",
            "payload": None,
        }
        ids = {uuid.UUID(answer["subscriptionId"]) for answer in (first, second)}
        assert len(ids) == 2


def test_a_numeric_request_id_comes_back_as_text() -> None:
    """The venue echoes the id as a string even when a number was sent."""
    with timex() as (_, peer):
        assert peer.subscribe("/orderbook.raw/ETHUSD", requestId=1)["requestId"] == "1"


def test_raw_books_come_as_recorded() -> None:
    """A raw book event has the keys, the order of keys and the time stamps of the recorded one."""
    with timex(clock=lambda: NOON) as (venue, peer):
        identity = peer.subscribe("/orderbook.raw/ETHUSD")["subscriptionId"]
        venue.tick()
        frame = peer.receive()
        assert list(frame) == ["subscriptionId", "message", "type"]
        assert frame["subscriptionId"] == identity
        assert frame["type"] == "MESSAGE"
        assert frame["message"]["payload"] is None
        event = frame["message"]["event"]
        assert event["type"] == "RAW_ORDER_BOOK_UPDATED"
        assert event["reference"] == event["data"]["market"] == "ETHUSD"
        assert event["topics"] == ["ETHUSD"]
        assert re.fullmatch(r"2022-09-19T18:03:39\.\d{1,9}", event["timestamp"])
        book = event["data"]["rawOrderBook"]
        assert re.fullmatch(r"2022-09-19T18:03:39\.\d{1,9}Z", book["timestamp"])
        for side, direction in (("bid", "BUY"), ("ask", "SELL")):
            prices = [Decimal(row["price"]) for row in book[side]]
            assert prices == sorted(prices, reverse=side == "bid")
            assert {row["direction"] for row in book[side]} == {direction}
            assert {row["market"] for row in book[side]} == {"ETHUSD"}
            assert all(re.fullmatch("0x[0-9a-f]{64}", row["hash"]) for row in book[side])
            keys = "market hash direction quantity price createdAt expiredAt"
            assert list(book[side][0]) == keys.split()
        assert Decimal(book["bid"][0]["price"]) < Decimal(book["ask"][0]["price"])


def test_every_book_is_whole() -> None:
    """Each event carries both sides in full: this venue sends no differences."""
    with timex() as (venue, peer):
        peer.subscribe("/orderbook.group/BTCUSDT")
        venue.tick(3)
        for _ in range(3):
            event = peer.receive()["message"]["event"]
            assert event["type"] == "GROUP_ORDER_BOOK_UPDATED"
            book = event["data"]["orderbook"]
            assert [len(book[side]) for side in ("bid", "ask")] == [10, 10]
            assert not book["timestamp"].endswith("Z")
            for level in book["bid"]:
                product = Decimal(level["price"]) * Decimal(level["volume"])
                assert Decimal(level["volumeQuote"]) == product


@pytest.mark.parametrize(
    "pattern",
    [
        "/trade.symbols/BTC/USDT",
        "^/trade/0x8370fbc6ddec1e18b4e41e72ed943e238458487c"
        "/0xdac17f958d2ee523a2206206994597c13d831ec7",
    ],
)
@pytest.mark.parametrize("numeric", [False, True])
def test_trades_are_in_base_units(pattern: str, numeric: bool) -> None:
    """A trade's amounts are whole units of 10^-20 BTC and 10^-16 USDT; its payload is readable."""
    with timex(numeric_amounts=numeric) as (venue, peer):
        peer.subscribe(pattern)
        venue.tick()
        message = peer.receive()["message"]
        event, payload = message["event"], message["payload"]
        assert event["type"] == "TRADE"
        assert set(payload) == {"price", "quantity", "direction"}
        price, quantity = Decimal(payload["price"]), Decimal(payload["quantity"])
        data = event["data"]
        kind = int if numeric else str
        assert isinstance(data["baseTokenAmount"], kind)
        assert int(data["baseTokenAmount"]) == quantity * 10**20
        assert int(data["quoteTokenAmount"]) == price * quantity * 10**16
        assert data["direction"] == payload["direction"]
        assert event["reference"] != str(data["id"])
        assert event["topics"] == [
            "BTC",
            "USDT",
            "0x8370fbc6ddec1e18b4e41e72ed943e238458487c",
            "0xdac17f958d2ee523a2206206994597c13d831ec7",
        ]
        assert isinstance(message["id"], int)


def test_tickers_are_accepted_and_stay_silent() -> None:
    """A ticker pattern is subscribed to, and nothing ever comes of it."""
    with timex() as (venue, peer):
        assert peer.subscribe("/ticker/BTCUSDT/H1")["type"] == "SUBSCRIBED"
        identity = peer.subscribe("/orderbook.raw/ETHUSD")["subscriptionId"]
        venue.tick(2)
        assert [peer.receive()["subscriptionId"] for _ in range(2)] == [identity] * 2


def test_a_snapshot_comes_in_the_response() -> None:
    """With snapshot true, the payload of SUBSCRIBED has one, of the shape of the event's data."""
    with timex() as (venue, peer):
        answer = peer.subscribe("/orderbook.raw/ETHUSD", snapshot=True)
        venue.tick()
        data = peer.receive()["message"]["event"]["data"]
        snapshot = answer["payload"]["snapshot"]
        assert snapshot.keys() == data.keys() == {"market", "rawOrderBook"}
        assert snapshot["rawOrderBook"].keys() == data["rawOrderBook"].keys()
        assert peer.subscribe("/ticker/BTCUSDT/H1", snapshot=True)["payload"] == {"snapshot": {}}
        answer = peer.subscribe("/trade.symbols/BTC/USDT", snapshot=True)
        (row,) = answer["payload"]["snapshot"]["trades"]
        assert row.keys() == {"id", "timestamp", "direction", "price", "quantity"}


def test_unsubscribing_ends_the_events() -> None:
    """UNSUBSCRIBE is answered with the id, and no event of it follows."""
    with timex() as (venue, peer):
        gone = peer.subscribe("/orderbook.raw/ETHUSD")["subscriptionId"]
        kept = peer.subscribe("/orderbook.raw/BTCUSD")["subscriptionId"]
        assert peer.unsubscribe(gone) == {
            "type": "UNSUBSCRIBED",
            "requestId": "uniqueID",
            "subscriptionId": gone,
            "payload": None,
        }
        venue.tick(2)
        assert [peer.receive()["subscriptionId"] for _ in range(2)] == [kept] * 2
        assert peer.unsubscribe(gone) == error(f"Subscription not found: {gone}")


def test_subscriptions_end_with_their_connection() -> None:
    """An id is worth nothing on the next connection."""
    with simulate("timex", interval=None) as venue:
        with peer_of(venue) as peer:
            identity = peer.subscribe("/orderbook.raw/ETHUSD")["subscriptionId"]
        with peer_of(venue) as peer:
            assert peer.unsubscribe(identity)["status"] == "ERROR"
            again = peer.subscribe("/orderbook.raw/ETHUSD")["subscriptionId"]
            assert again != identity


def test_an_account_is_unsubscribed_by_its_address() -> None:
    """The subscription has a uuid, but ends by the account's address, which is echoed."""
    with timex() as (_, peer):
        answer = peer.subscribe_account()
        assert answer["type"] == "SUBSCRIBED"
        assert uuid.UUID(answer["subscriptionId"])
        assert peer.unsubscribe(ACCOUNT) == {
            "type": "UNSUBSCRIBED",
            "requestId": "uniqueID",
            "subscriptionId": ACCOUNT,
            "payload": None,
        }
        assert peer.unsubscribe(ACCOUNT)["status"] == "ERROR"


def test_an_account_snapshot_has_balances_and_open_orders() -> None:
    """The snapshot lists every balance, and every market with its page of open orders."""
    with timex() as (_, peer):
        placed = peer.order()["responseBody"]["orders"][0]
        snapshot = peer.subscribe_account(snapshot=True)["payload"]["snapshot"]
        assert {"currency": "AUDT", "totalBalance": "111.672571309375", "lockedBalance": "36"} in (
            snapshot["balances"]
        )
        pages = {page["market"]: page for page in snapshot["openOrders"]}
        assert pages["ETHAUDT"] == {
            "market": "ETHAUDT",
            "orders": [placed],
            "pageNumber": 0,
            "totalPageCount": 1,
        }
        empty = {"market": "TIMEETH", "orders": [], "pageNumber": 0, "totalPageCount": 0}
        assert pages["TIMEETH"] == empty


@pytest.mark.parametrize(
    "pattern",
    [
        "/orderbook.raw/ethusd",
        "/trade.symbols/btc/USDT",
        "/trade/0x8370FBC6ddec1e18b4e41e72ed943e238458487c"
        "/0xdac17f958d2ee523a2206206994597c13d831ec7",
        "/trade/0x8370fbc6ddec1e18b4e41e72ed943e238458487c/0x0000000000000000000000000000000000000000",
        "/trade/BTC/USDT",
        "/trade.symbols/USDT/BTC",
        "/orderbook.raw/NOSUCH",
        "/nosuch/ETHUSD",
        "/ticker/BTCUSDT/H9",
        None,
    ],
)
def test_a_pattern_out_of_order_is_refused(pattern: str) -> None:
    """Lower-case symbols, mixed-case addresses and what is unknown are answered with ERROR."""
    with timex() as (_, peer):
        answer = peer.subscribe(pattern)
        assert answer == error(answer["message"])


def test_addresses_must_be_lower_case() -> None:
    """The document's own invalid address is refused wherever an address is sent."""
    address = "0x5E0EBAEd421589102AB78622e2F0cc6B632dc462"
    with timex() as (_, peer):
        assert peer.subscribe_account(address)["status"] == "ERROR"
        assert peer.unsubscribe(address)["status"] == "ERROR"
        assert peer.subscribe(f"/deposit.symbols/{address}/BTC")["status"] == "ERROR"
        assert peer.subscribe(f"/deposit.symbols/{address.lower()}/BTC")["type"] == "SUBSCRIBED"


def test_wrong_credentials_are_refused() -> None:
    """Wrong, missing and refused credentials are answered with the recorded words."""
    denied = error("Access denied")
    with timex() as (venue, peer):
        wrong = {"id": peer.auth["id"], "secret": "nonsense"}
        assert peer.subscribe_account(auth=wrong) == denied
        assert peer.rest("/get/trading/balances", auth=None) == denied
        assert peer.subscribe_account("0x" + "0" * 40) == denied
        venue.refuse_login()
        assert peer.subscribe_account() == denied
        assert peer.rest("/get/trading/balances") == denied
        assert peer.rest("/get/public/markets", auth=None)["status"] == "SUCCESS"
        venue.refuse_login(False)
        assert peer.subscribe_account()["type"] == "SUBSCRIBED"


@pytest.mark.parametrize("account", [False, True])
def test_an_event_may_overtake_its_response(account: bool) -> None:
    """Told so, the venue sends the first event of a subscription before its SUBSCRIBED."""
    with timex(event_before_response=True) as (_, peer):
        first = peer.subscribe_account() if account else peer.subscribe("/trade.symbols/BTC/USDT")
        assert first["type"] == ("ACCOUNT_SUBSCRIPTION" if account else "MESSAGE")
        response = peer.receive()
        assert response["type"] == "SUBSCRIBED"
        assert response["subscriptionId"] == first["subscriptionId"]


@pytest.mark.parametrize(
    ("frame", "identity"),
    [
        ("{not json", None),
        ("[]", None),
        ("[" * 100_000, None),
        ('{"type": "NONSENSE", "requestId": "uniqueID"}', "uniqueID"),
        ('{"type": ["SUBSCRIBE"], "requestId": 7}', "7"),
        ('{"requestId": "uniqueID"}', "uniqueID"),
    ],
)
def test_what_is_no_request_is_answered_with_an_error(frame: str, identity: str | None) -> None:
    """An unreadable message has no id to echo; an unknown type keeps its own."""
    with timex() as (_, peer):
        answer = peer.ask(frame)
        assert answer.keys() == {"requestId", "status", "message"}
        assert (answer["requestId"], answer["status"]) == (identity, "ERROR")


def test_any_event_can_be_published() -> None:
    """`publish` sends what no document shows to the subscribers of one pattern, with an id."""
    pattern = f"/deposit.symbols/{ACCOUNT}/BTC"
    with timex() as (venue, peer):
        identity = peer.subscribe(pattern)["subscriptionId"]
        assert venue.publish("/deposit.symbols/none", {}) == 0
        assert venue.publish(pattern, {"type": "DEPOSIT"}, {"amount": "1"}, id=1267438) == 1
        assert peer.receive() == {
            "type": "MESSAGE",
            "subscriptionId": identity,
            "message": {"id": 1267438, "event": {"type": "DEPOSIT"}, "payload": {"amount": "1"}},
        }


def test_the_same_seed_sends_the_same_events() -> None:
    """Two runs with one seed, clock and requests agree frame by frame; another seed does not."""

    def run(seed: int) -> list[str]:
        with timex(seed=seed, clock=lambda: NOON) as (venue, peer):
            peer.subscribe("/orderbook.raw/ETHUSD")
            peer.subscribe("/trade.symbols/BTC/USDT")
            peer.subscribe_account()
            frames = [peer.order(quantity="1")]
            venue.tick(5)
            return [*map(json.dumps, frames), *(peer.socket.recv(5) for _ in range(12))]

    assert run(7) == run(7)
    assert run(7) != run(8)


def test_a_flood_reaches_every_subscriber() -> None:
    """`flood` sends that many events, whatever the subscription."""
    with timex() as (venue, peer):
        peer.subscribe("/orderbook.raw/ETHUSD")
        venue.flood(50)
        assert [peer.receive()["type"] for _ in range(50)] == ["MESSAGE"] * 50
