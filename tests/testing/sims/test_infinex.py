"""The simulated Infinex, asked with the frames and the curl of the Infinex document."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest

from venuesdk.testing import simulate

KEY = "3f9c" * 16
NETWORKS = {
    "ETH": {"description": "Ethereum / ERC20", "icon_url": "/ico/eth.svg"},
    "TRX": {"description": "Tron / TRC20", "icon_url": "/ico/trx.svg"},
}
MARKET_ORDER = {
    "api_key": KEY,
    "pair": "BPX/USDT",
    "side": "BUY",
    "type": "MARKET",
    "time_in_force": "FOK",
    "amount": "150",
}

pytestmark = pytest.mark.usefixtures("no_system_proxy")


@pytest.fixture
def venue() -> Iterator[Any]:
    """Return the venue, without a ticker and with a clock that stands."""
    with simulate("infinex", api_key=KEY, interval=None, clock=lambda: 1653823558.258593) as one:
        yield one


@pytest.fixture
def peer(venue: Any, dial: Any) -> Any:
    """Return a client of the socket."""
    return dial(venue.url)


class Http:
    """The other door: POST a path with its parameters."""

    def __init__(self, base: str) -> None:
        self.base = base

    def __call__(self, path: str, params: Any, method: str = "POST") -> tuple[int, Any]:
        body = params if isinstance(params, bytes) else json.dumps(params).encode()
        headers = {"Content-Type": "application/json"}
        request = urllib.request.Request(self.base + path, body, headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=5.0) as response:
                return response.status, json.loads(response.read())
        except urllib.error.HTTPError as error:
            with error:
                return error.code, json.loads(error.read())


@pytest.fixture
def http(venue: Any) -> Http:
    """Return a client of the HTTP side."""
    return Http(venue.http_url)


class Socket:
    """The socket's door, with ids from 1."""

    def __init__(self, peer: Any) -> None:
        self.peer = peer
        self.last = 0

    def __call__(self, path: str, params: Any = None) -> Any:
        self.last += 1
        frame = {"op": "req", "url": path, "id": self.last}
        reply = self.peer.ask(frame if params is None else {**frame, "post": params})
        assert reply["id"] == self.last
        assert reply["class"] == "resp"
        return reply["body"] if reply["success"] else reply["error"]


@pytest.fixture
def ask(peer: Any) -> Socket:
    """Return a caller of API requests over the socket."""
    return Socket(peer)


def test_the_credentials_are_those_of_the_client(venue: Any) -> None:
    """The client takes an `api_key`."""
    assert venue.credentials == {"api_key": KEY}
    assert venue.api_key == KEY


def test_ping_is_answered_as_in_the_document(peer: Any) -> None:
    """The document's sample: the response has the class, the id, and success."""
    assert peer.ask({"op": "ping", "id": 220}) == {"class": "resp", "id": 220, "success": True}


def test_an_api_request_is_answered_as_in_the_document(peer: Any) -> None:
    """The document's sample request and response, whole: success is nested twice."""
    request = {"op": "req", "url": "/wallet/networks", "post": {"asset": "USDT"}, "id": 2}
    assert peer.ask(request) == {
        "class": "resp",
        "id": 2,
        "success": True,
        "body": {"success": True, "networks": NETWORKS},
    }


def test_the_same_request_over_http_is_the_documents_curl(http: Http, venue: Any) -> None:
    """POST with the parameters as the JSON body gives the same body, with status 200."""
    assert http("/wallet/networks", {"asset": "USDT"}) == (
        200,
        {"success": True, "networks": NETWORKS},
    )
    request = venue.http_received[0]
    assert (request.method, request.path) == ("POST", "/wallet/networks")
    assert request.headers["content-type"] == "application/json"


@pytest.mark.parametrize(
    "frame",
    [
        {"op": "ping"},
        {"op": "fly", "id": 1},
        {"id": 1},
        {"op": "req", "id": 1},
        {"op": "req", "id": 1, "url": 5},
        {"op": "req", "id": 1, "url": "/wallet/networks", "post": "USDT"},
        {"op": "ping", "id": True},
        [],
        "not json",
    ],
)
def test_a_malformed_frame_is_missing_data(peer: Any, frame: Any) -> None:
    """The document's sample error, with the id where there was one; the connection goes on."""
    reply = peer.ask(frame)
    identifier = frame.get("id") if isinstance(frame, dict) else None
    assert reply == {"class": "resp", "id": identifier, "success": False, "error": "Missing data"}
    assert peer.ask({"op": "ping", "id": 2})["success"] is True


def test_an_absolute_url_and_an_empty_list_are_accepted(peer: Any) -> None:
    """The venue's own web page sent whole URLs, and its PHP client an empty list."""
    request = {"op": "req", "url": "https://api.infinex.cc/spot/orderbook", "id": 1}
    reply = peer.ask({**request, "post": []})
    assert reply["body"] == {"success": False, "error": "Missing data"}
    reply = peer.ask({**request, "post": {"pair": "BPX/USDT"}})
    assert reply["body"]["success"] is True


def test_an_unavailable_api_is_a_transport_error(peer: Any, http: Http, venue: Any) -> None:
    """The socket says `API unavailable`, HTTP 500 with an object for an error, and no success."""
    venue.api_unavailable()
    request = {"op": "req", "url": "/spot/markets", "post": {"offset": 0}, "id": 3}
    assert peer.ask(request) == {
        "class": "resp",
        "id": 3,
        "success": False,
        "error": "API unavailable",
    }
    assert http("/spot/markets", {"offset": 0}) == (
        500,
        {"error": {"code": "INTERNAL_SERVER_ERROR", "msg": "Internal server error"}},
    )
    assert peer.ask({"op": "ping", "id": 4})["success"] is True
    venue.fault("api_unavailable", "on", "off")
    assert peer.ask(request)["error"] == "API unavailable"
    assert http("/spot/markets", {"offset": 0})[0] == 200
    venue.api_unavailable(on=False)
    assert peer.ask(request)["body"]["success"] is True


def test_an_api_that_breaks_after_the_deed_leaves_the_deed_done(
    ask: Socket, http: Http, venue: Any
) -> None:
    """The answer is lost, the order is not: only the venue knows."""
    venue.api_unavailable(executes_first=True)
    assert ask("/spot/open_orders/new", MARKET_ORDER) == "API unavailable"
    assert http("/spot/open_orders/new", MARKET_ORDER)[0] == 500
    assert [order.route for order in venue.orders] == ["websocket", "http"]


def test_both_doors_show_one_truth(ask: Socket, http: Http, venue: Any) -> None:
    """An order placed through one door is seen, and cancelled, through the other."""
    limit = {
        **MARKET_ORDER,
        "type": "LIMIT",
        "time_in_force": "GTC",
        "price": "0.0001",
        "resp_type": "ACK",
    }
    placed = ask("/spot/open_orders/new", limit)
    assert placed == {"success": True, "obid": placed["obid"], "status": "OPEN"}
    _, seen = http("/spot/open_orders", {"api_key": KEY, "offset": 0})
    (row,) = seen["orders"]
    assert row["obid"] == placed["obid"]
    assert row["time"] == "1653823558.258593"
    assert (row["price"], row["amount"], row["side"]) == ("0.0001", "150", "BUY")
    cancel = {"api_key": KEY, "obid": placed["obid"]}
    assert http("/spot/open_orders/cancel", cancel) == (200, {"success": True})
    assert ask("/spot/open_orders", {"api_key": KEY, "offset": 0})["orders"] == []
    assert [(order.obid, order.status) for order in venue.orders] == [(placed["obid"], "CANCELED")]


def test_cancelling_what_is_not_there_is_refused(ask: Socket, http: Http) -> None:
    """The text is the venue's, and the refusal is nested: the transport was well."""
    cancel = {"api_key": KEY, "obid": 955}
    assert ask("/spot/open_orders/cancel", cancel) == {"success": False, "error": "Order not found"}
    assert http("/spot/open_orders/cancel", cancel) == (
        200,
        {"success": False, "error": "Order not found"},
    )


@pytest.mark.parametrize(
    ("form", "keys"),
    [
        (None, {"success"}),
        ("NONE", {"success"}),
        ("ACK", {"success", "obid", "status"}),
        ("RESULT", {"success", "obid", "status", "filled"}),
    ],
)
def test_an_order_is_answered_in_the_form_that_it_asks_for(
    ask: Socket, venue: Any, form: str | None, keys: set[str]
) -> None:
    """NONE says only that it was taken, ACK has its number, RESULT what became of it."""
    order = dict(MARKET_ORDER) if form is None else {**MARKET_ORDER, "resp_type": form}
    answer = ask("/spot/open_orders/new", order)
    assert answer.keys() == keys
    assert answer["success"] is True
    assert answer.get("status") == {"ACK": "OPEN", "RESULT": "FILLED"}.get(form or "")
    assert answer.get("filled", "150") == "150"
    assert [(one.status, one.filled) for one in venue.orders] == [("FILLED", Decimal(150))]


def test_a_filled_order_moves_the_balances_exactly(ask: Socket, venue: Any) -> None:
    """What was bought is there, what it cost is gone, and amounts are exact decimal strings."""
    asked = {"api_key": KEY, "symbols": ["BPX", "USDT"]}
    before = ask("/wallet/balances", asked)["balances"]
    price = Decimal(ask("/spot/orderbook", {"pair": "BPX/USDT"})["asks"][0]["price"])
    ask("/spot/open_orders/new", MARKET_ORDER)
    after = ask("/wallet/balances", asked)["balances"]
    assert Decimal(after["BPX"]["total"]) - Decimal(before["BPX"]["total"]) == 150
    assert Decimal(before["USDT"]["total"]) - Decimal(after["USDT"]["total"]) == 150 * price
    assert after["BPX"].keys() == {"total", "locked", "avbl"}
    assert before["BPX"]["total"] == "899999856.2147932498"


def test_an_open_order_locks_and_a_cancelled_one_releases(ask: Socket) -> None:
    """Available is total less locked."""
    limit = {**MARKET_ORDER, "type": "LIMIT", "time_in_force": "GTC", "price": "0.0010"}
    asked = {"api_key": KEY, "symbols": ["USDT"]}
    placed = ask("/spot/open_orders/new", {**limit, "resp_type": "RESULT"})
    assert placed == {"success": True, "obid": placed["obid"], "status": "OPEN"}
    row = ask("/wallet/balances", asked)["balances"]["USDT"]
    assert Decimal(row["locked"]) == Decimal("0.15")
    assert Decimal(row["avbl"]) == Decimal(row["total"]) - Decimal("0.15")
    ask("/spot/open_orders/cancel", {"api_key": KEY, "obid": placed["obid"]})
    assert Decimal(ask("/wallet/balances", asked)["balances"]["USDT"]["locked"]) == 0


def test_an_order_that_may_not_rest_is_killed(ask: Socket, venue: Any) -> None:
    """FOK away from the market fills nothing."""
    order = {**MARKET_ORDER, "type": "LIMIT", "price": "0.0001", "resp_type": "RESULT"}
    assert ask("/spot/open_orders/new", order)["status"] == "KILLED"
    assert venue.orders[0].filled == 0


def test_a_resting_order_fills_when_the_market_reaches_it(ask: Socket, venue: Any) -> None:
    """The market walks until the best price is there; a stop wakes an order first."""
    book = ask("/spot/orderbook", {"pair": "BPX/USDT"})
    best_bid, best_ask = (Decimal(book[side][0]["price"]) for side in ("bids", "asks"))
    order = {**MARKET_ORDER, "time_in_force": "GTC"}
    ask("/spot/open_orders/new", {**order, "type": "LIMIT", "price": str(best_bid)})
    stop = {"type": "STOP_LIMIT", "price": str(2 * best_ask), "stop": str(best_ask)}
    ask("/spot/open_orders/new", {**order, **stop})
    (waiting, _) = ask("/spot/open_orders", {"api_key": KEY, "offset": 0})["orders"]
    assert waiting["stop"] == str(best_ask)
    for _ in range(500):
        venue.tick()
    assert [one.status for one in venue.orders] == ["FILLED", "FILLED"]
    assert ask("/spot/open_orders", {"api_key": KEY, "offset": 0})["orders"] == []


def test_a_market_order_may_name_its_total(ask: Socket, venue: Any) -> None:
    """`total` instead of `amount` buys for so much of the quote."""
    order = {key: value for key, value in MARKET_ORDER.items() if key != "amount"}
    assert ask("/spot/open_orders/new", {**order, "total": "10", "resp_type": "RESULT"})["filled"]
    assert Decimal(10) - venue.orders[0].amount * venue.orders[0].price < 1
    assert ask("/spot/open_orders/new", order) == {"success": False, "error": "Missing data"}


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"amount": "1000000000000"}, "INSUF_FUNDS"),
        ({"amount": "0"}, "INSUF_TRADE_AMOUNT"),
        ({"pair": "NO/PAIR"}, "Pair not found"),
        ({"side": "HOLD"}, "Missing data"),
        ({"type": "LIMIT"}, "Missing data"),
        ({"amount": 150}, "Missing data"),
        ({"amount": "1e3"}, "Missing data"),
        ({"amount": "-1"}, "Missing data"),
    ],
)
def test_a_bad_order_is_refused(ask: Socket, venue: Any, change: Any, error: str) -> None:
    """ACK and RESULT say why; the ledger stays empty."""
    order = {**MARKET_ORDER, **change, "resp_type": "ACK"}
    assert ask("/spot/open_orders/new", order) == {"success": False, "error": error}
    assert venue.orders == []


def test_without_a_response_type_the_engine_refuses_in_silence(ask: Socket, venue: Any) -> None:
    """With NONE success means handed over, not taken."""
    order = {**MARKET_ORDER, "amount": "1000000000000"}
    assert ask("/spot/open_orders/new", order) == {"success": True}
    assert venue.orders == []


@pytest.mark.parametrize(
    "path",
    ["/wallet/balances", "/spot/open_orders", "/spot/open_orders/new", "/spot/open_orders/cancel",
     "/wallet/withdraw"],
)  # fmt: skip
def test_private_paths_want_the_key(ask: Socket, venue: Any, path: str) -> None:
    """Without one data is missing; a wrong one, or refused logins, fail; public paths do not."""
    assert ask(path, {"offset": 0}) == {"success": False, "error": "Missing data"}
    unauthorized = {"success": False, "error": "Unauthorized"}
    assert ask(path, {"api_key": "ff" * 32, "offset": 0}) == unauthorized
    venue.refuse_login()
    assert ask(path, {"api_key": KEY, "offset": 0}) == unauthorized
    assert ask("/wallet/networks", {"asset": "USDT"})["success"] is True


def test_a_withdrawal_asks_for_the_second_factor(ask: Socket) -> None:
    """The 2FA reply is no success and has no error; with the code it goes through."""
    request = {
        "api_key": KEY,
        "asset": "USDT",
        "network": "TRX",
        "address": "T000",
        "amount": "100",
        "fee": "1.5",
    }
    asked = ask("/wallet/withdraw", request)
    assert asked.keys() == {"success", "need_2fa", "provider_2fa"}
    assert (asked["success"], asked["need_2fa"]) == (False, True)
    assert isinstance(asked["provider_2fa"], str)
    assert ask("/wallet/withdraw", {**request, "code_2fa": "000000"})["success"] is False
    done = ask("/wallet/withdraw", {**request, "code_2fa": "123456"})
    assert done.keys() == {"success", "xid"}
    balances = ask("/wallet/balances", {"api_key": KEY, "symbols": ["USDT"]})["balances"]
    assert balances["USDT"]["total"] == "99898.50"


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"network": "DOGE"}, "Network not found"),
        ({"amount": "1000000"}, "INSUF_FUNDS"),
        ({"amount": None}, "Missing data"),
        ({"fee": "free"}, "Missing data"),
    ],
)
def test_a_bad_withdrawal_is_refused(ask: Socket, change: Any, error: str) -> None:
    """Nothing leaves."""
    request = {
        "api_key": KEY,
        "asset": "USDT",
        "network": "TRX",
        "address": "T000",
        "amount": "100",
        "fee": "1.5",
        "code_2fa": "123456",
        **change,
    }
    assert ask("/wallet/withdraw", request) == {"success": False, "error": error}


def test_assets_and_balances_can_be_chosen(ask: Socket) -> None:
    """By symbols, by search, or all by offset; never without saying which."""
    bitcoin = {"BTC": {"name": "Bitcoin", "icon_url": "/ico/btc.svg"}}
    assert ask("/wallet/assets", {"symbols": ["BTC"]})["assets"] == bitcoin
    assert ask("/wallet/assets", {"search": "bitc", "offset": 0})["assets"] == bitcoin
    assert len(ask("/wallet/assets", {"offset": 0})["assets"]) == 4
    assert ask("/wallet/assets") == {"success": False, "error": "Missing data"}
    both = {"symbols": ["BTC"], "search": "b"}
    assert ask("/wallet/assets", both) == {"success": False, "error": "Missing data"}


def test_an_empty_map_is_an_empty_list(ask: Socket) -> None:
    """So PHP writes it: an asset without networks, and a page behind the last."""
    assert ask("/wallet/networks", {"asset": "BPX"}) == {"success": True, "networks": []}
    assert ask("/wallet/assets", {"offset": 50})["assets"] == []
    assert ask("/wallet/networks", {"asset": "GOLD"})["success"] is False


def test_markets_can_be_chosen_and_sorted(ask: Socket, venue: Any) -> None:
    """By pair, quote or search; amounts and changes are text."""
    venue.tick(3)
    (row,) = ask("/spot/markets", {"pair": "BPX/USDT"})["markets"]
    assert row.keys() == {"pair", "base", "quote", "icon_url", "price", "change", "previous"}
    assert (row["base"], row["quote"]) == ("BPX", "USDT")
    assert all(isinstance(row[key], str) for key in ("price", "change", "previous"))
    everything = {"offset": 0, "quote": "USDT", "sort": "price", "sort_dir": "desc"}
    rows = ask("/spot/markets", everything)["markets"]
    assert [row["pair"] for row in rows] == ["BTC/USDT", "ETH/USDT", "BPX/USDT"]
    found = ask("/spot/markets", {"search": "eth", "offset": 0})["markets"]
    assert [row["pair"] for row in found] == ["ETH/USDT"]
    assert ask("/spot/markets", {"pair": "NO/PAIR"})["success"] is False
    assert ask("/spot/markets", {}) == {"success": False, "error": "Missing data"}


def test_an_order_book_is_sorted_and_text(ask: Socket) -> None:
    """Bids fall, asks rise, and both are decimal strings."""
    book = ask("/spot/orderbook", {"pair": "BTC/USDT"})
    for side, reverse in (("bids", True), ("asks", False)):
        prices = [Decimal(row["price"]) for row in book[side]]
        assert prices == sorted(prices, reverse=reverse)
        assert all(row.keys() == {"price", "amount"} for row in book[side])
        assert all(isinstance(value, str) for row in book[side] for value in row.values())


def test_open_orders_can_be_filtered_and_sorted(ask: Socket) -> None:
    """`filter_pair` leaves the others out, `sort_pair` puts its own first."""
    for pair, price in (("BTC/USDT", "1"), ("ETH/USDT", "1"), ("BTC/USDT", "2")):
        order = {**MARKET_ORDER, "type": "LIMIT", "time_in_force": "GTC", "amount": "1"}
        assert ask("/spot/open_orders/new", {**order, "pair": pair, "price": price})["success"]

    def pairs(**params: Any) -> list[str]:
        answer = ask("/spot/open_orders", {"api_key": KEY, "offset": 0, **params})
        return [row["pair"] for row in answer["orders"]]

    assert pairs() == ["BTC/USDT", "ETH/USDT", "BTC/USDT"]
    assert pairs(filter_pair="ETH/USDT") == ["ETH/USDT"]
    assert pairs(sort_pair="ETH/USDT") == ["ETH/USDT", "BTC/USDT", "BTC/USDT"]


def test_an_unknown_path_has_the_gateways_error(ask: Socket, http: Http) -> None:
    """An object without `success`, on the socket and with 404 over HTTP."""
    answer = {"error": {"code": "INVALID_ENDPOINT", "msg": "Invalid endpoint"}}
    assert ask("/no/such/path", {}) == answer
    assert http("/no/such/path", {}) == (404, answer)


def test_http_takes_what_clients_have_sent(http: Http) -> None:
    """GET with a body works, other methods do not, and a body that is no object is missing."""
    assert http("/wallet/networks", {"asset": "USDT"}, "GET")[1]["networks"] == NETWORKS
    status, answer = http("/wallet/networks", {"asset": "USDT"}, "DELETE")
    assert (status, answer["error"]["code"]) == (405, "METHOD_NOT_ALLOWED")
    missing = (200, {"success": False, "error": "Missing data"})
    assert http("/wallet/networks", b"not json") == missing
    assert http("/wallet/networks", []) == missing
    assert http("/wallet/networks", b"") == missing
