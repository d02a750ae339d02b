"""The simulated Fuze, asked with the frames of the Fuze document.

The expected answers are those that were seen from a server of npm `rpc-websockets`, which the
venue's documents point to, and the documents' own stream frames.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from websockets.exceptions import InvalidStatus

from venuesdk.testing import simulate

KEY, SECRET = "apiKey", "apiSecret"
LOGIN = {
    "jsonrpc": "2.0",
    "method": "rpc.login",
    "params": {"apiKey": KEY, "apiSecret": SECRET},
    "id": "1",
}
QUOTES = {
    "jsonrpc": "2.0",
    "method": "quote_request",
    "params": {"symbol": "BTC_USD", "type": "RFQ"},
    "id": "1",
}
MARKET_DATA = {"jsonrpc": "2.0", "method": "market_data_request", "id": "1"}
OPTIONS: dict[str, Any] = {"api_key": KEY, "api_secret": SECRET, "interval": None}


def call(method: Any, identifier: Any = 1, **fields: Any) -> dict[str, Any]:
    """Return a request."""
    return {"jsonrpc": "2.0", "method": method, "id": identifier, **fields}


def refusal(code: int, message: str, identifier: Any = 1, **details: Any) -> dict[str, Any]:
    """Return the answer that refuses."""
    error = {"code": code, "message": message, **details}
    return {"jsonrpc": "2.0", "error": error, "id": identifier}


@pytest.fixture
def venue() -> Iterator[Any]:
    """Return the venue, without a ticker."""
    with simulate("fuze", **OPTIONS) as one:
        yield one


@pytest.fixture
def peer(venue: Any, dial: Any) -> Any:
    """Return a client that is not logged in."""
    return dial(venue.url)


@pytest.fixture
def member(peer: Any) -> Any:
    """Return a client that is logged in."""
    assert peer.ask(LOGIN)["result"] is True
    return peer


def test_the_credentials_are_those_of_the_client(venue: Any) -> None:
    """The client takes an `api_key` and an `api_secret`."""
    assert venue.credentials == {"api_key": KEY, "api_secret": SECRET}
    assert (venue.api_key, venue.api_secret) == (KEY, SECRET)


@pytest.mark.parametrize("identifier", [1, "1", "a-uuid", 1.5, {"a": 1}, [], True])
def test_a_login_is_true_and_echoes_its_id(peer: Any, identifier: Any) -> None:
    """The id comes back with its type."""
    answer = peer.ask({**LOGIN, "id": identifier})
    assert answer == {"jsonrpc": "2.0", "result": True, "id": identifier}
    assert type(answer["id"]) is type(identifier)


@pytest.mark.parametrize(
    "params", [{"apiKey": KEY, "apiSecret": "no"}, {"apiKey": KEY}, {}, [], [KEY, SECRET], 5]
)
def test_a_failed_login_is_a_successful_answer(peer: Any, params: Any) -> None:
    """The result is false; there is no error, and no login."""
    assert peer.ask(call("rpc.login", params=params)) == {
        "jsonrpc": "2.0",
        "result": False,
        "id": 1,
    }
    assert peer.ask(QUOTES) == refusal(-32605, "Method forbidden", "1")


def test_refused_logins_are_false(venue: Any, peer: Any) -> None:
    """The fault answers as a failed login is answered."""
    venue.refuse_login()
    assert peer.ask(LOGIN)["result"] is False


@pytest.mark.parametrize("extra", [{}, {"params": None}, {"params": 0}])
def test_a_login_without_params_is_refused(peer: Any, extra: Any) -> None:
    """Here the refusal is an error."""
    assert peer.ask(call("rpc.login", **extra)) == refusal(-32604, "Params not found")


@pytest.mark.parametrize("identifier", [0, None, "", False])
def test_a_login_with_a_false_id_is_not_answered_and_no_login(peer: Any, identifier: Any) -> None:
    """What JavaScript takes for false is no id: the login is a notification, and in vain."""
    peer.tell({**LOGIN, "id": identifier})
    missing = dict(LOGIN)
    del missing["id"]
    peer.tell(missing)
    assert peer.ask(call("rpc.login", 7, params={}))["id"] == 7
    assert peer.ask(QUOTES) == refusal(-32605, "Method forbidden", "1")


def test_a_bad_login_after_a_good_one_changes_nothing(member: Any) -> None:
    """The answer is false, and the connection stays logged in."""
    assert member.ask(call("rpc.login", params={"apiKey": "x"}))["result"] is False
    assert member.ask(QUOTES)["result"] is True


def test_a_request_right_behind_the_login_is_forbidden(venue: Any, peer: Any) -> None:
    """The document's sample order: its refusal even arrives before the login's answer."""
    peer.tell(LOGIN)
    peer.tell({**QUOTES, "id": "2"})
    assert peer.hear() == refusal(-32605, "Method forbidden", "2")
    assert peer.hear() == {"jsonrpc": "2.0", "result": True, "id": "1"}


def test_a_batch_is_run_in_its_order(peer: Any) -> None:
    """In one array the call comes after the login, and both are answered in one array."""
    assert peer.ask([call("rpc.login", 1, params=LOGIN["params"]), {**QUOTES, "id": 2}]) == [
        {"jsonrpc": "2.0", "result": True, "id": 1},
        {"jsonrpc": "2.0", "result": True, "id": 2},
    ]


def test_a_batch_leaves_out_notifications(member: Any) -> None:
    """Answers keep the order of the requests; unknown methods are refused, even without id."""
    quiet = {"jsonrpc": "2.0", "method": "__listMethods"}
    batch = [call("__listMethods", 1), call("nonsense", 2), quiet, call("__listMethods", 4)]
    answers = member.ask(batch)
    assert [answer["id"] for answer in answers] == [1, 2, 4]
    assert answers[1] == refusal(-32601, "Method not found", 2)
    assert member.ask([1, None, "x", {}]) == [
        refusal(-32600, "Invalid Request", None),
        refusal(-32600, "Invalid Request", None),
        refusal(-32600, "Invalid Request", None),
        refusal(-32600, "Invalid Request", None, data="Invalid JSON RPC version"),
    ]


def test_an_empty_batch_is_refused_and_one_of_notifications_is_silent(member: Any) -> None:
    """Nothing asked is an error, nothing to answer is none."""
    assert member.ask([]) == refusal(-32600, "Invalid Request", None, data="Invalid array")
    member.tell([{"jsonrpc": "2.0", "method": "__listMethods"}])
    assert member.ask(call("__listMethods", 9))["id"] == 9


@pytest.mark.parametrize(
    ("frame", "answer"),
    [
        (call("nonsense"), refusal(-32601, "Method not found")),
        ({"jsonrpc": "2.0", "method": "nonsense"}, refusal(-32601, "Method not found", None)),
        (call("nonsense", 0), refusal(-32601, "Method not found", None)),
        ("5", refusal(-32600, "Invalid Request", None)),
        ("null", refusal(-32600, "Invalid Request", None)),
        ('"x"', refusal(-32600, "Invalid Request", None)),
        (
            {"jsonrpc": "1.0", "method": "__listMethods", "id": 3},
            refusal(-32600, "Invalid Request", 3, data="Invalid JSON RPC version"),
        ),
        (
            {"jsonrpc": "2.0", "id": 1},
            refusal(-32602, "Invalid params", data="Method not specified"),
        ),
        (call(5), refusal(-32600, "Invalid Request", data="Invalid method name")),
        (call("__listMethods", params="text"), refusal(-32600, "Invalid Request")),
    ],
)
def test_a_malformed_request_is_refused_with_its_code(member: Any, frame: Any, answer: Any) -> None:
    """Code, text, detail and id are those of the library."""
    assert member.ask(frame) == answer


@pytest.mark.parametrize("text", ['{"jsonrpc":"2.0",', "", "ping", "[" * 100_000])
def test_what_is_no_json_is_a_parse_error(member: Any, text: str) -> None:
    """There is no text heartbeat either; the detail's words differ between servers."""
    answer = member.ask(text)
    assert answer["error"].pop("data").startswith("SyntaxError: ")
    assert answer == refusal(-32700, "Parse error", None)


def test_a_large_id_loses_digits_as_in_javascript(member: Any) -> None:
    """JavaScript keeps 53 bits of a number."""
    answer = member.ask('{"jsonrpc":"2.0","method":"__listMethods","id":12345678901234567890}')
    assert answer["id"] == 12345678901234567000


def test_the_methods_are_public(peer: Any) -> None:
    """`__listMethods` needs no login."""
    assert set(peer.ask(call("__listMethods"))["result"]) == {
        "__listMethods", "rpc.login", "quote_request", "market_data_request",
    }  # fmt: skip


def test_a_request_in_a_binary_frame_is_answered_in_text(member: Any) -> None:
    """The answer to bytes is text."""
    member.tell(json.dumps(call("__listMethods", 5)).encode())
    assert json.loads(member.hear_text())["id"] == 5


def test_another_path_is_a_namespace_without_methods(venue: Any, dial: Any) -> None:
    """The connection stands, and nothing can be called."""
    assert dial(venue.url + "foo").ask(LOGIN) == refusal(-32601, "Method not found", "1")


def test_a_handshake_without_a_user_agent_is_refused(venue: Any, dial: Any) -> None:
    """The venue's own sample had to add one; 403 until then."""
    with pytest.raises(InvalidStatus) as caught:
        dial(venue.url, user_agent_header=None)
    assert caught.value.response.status_code == 403
    with simulate("fuze", **OPTIONS, require_user_agent=False) as lenient:
        assert dial(lenient.url, user_agent_header=None).ask(LOGIN)["result"] is True


def test_quotes_stream_as_in_the_document(venue: Any, member: Any) -> None:
    """A frame has `method` and `response`, no id; prices are JSON floats, buy below sell."""
    assert member.ask(QUOTES) == {"jsonrpc": "2.0", "result": True, "id": "1"}
    venue.tick(2)
    frames = [member.hear() for _ in range(3)]
    for frame in frames:
        assert frame.keys() == {"method", "response"}
        assert frame["method"] == "quote_request"
        assert frame["response"].keys() == {"code", "data", "error"}
        assert (frame["response"]["code"], frame["response"]["error"]) == (200, None)
        data = frame["response"]["data"]
        assert list(data) == ["symbol", "buyPrice", "sellPrice"]
        assert data["symbol"] == "BTC_USD"
        assert isinstance(data["buyPrice"], float)
        assert 0 < data["buyPrice"] < data["sellPrice"]
    assert len({frame["response"]["data"]["buyPrice"] for frame in frames}) > 1


def test_each_symbol_has_a_stream_of_its_own(venue: Any, member: Any) -> None:
    """Only the symbol tells which request a frame belongs to; asking twice streams once."""
    for symbol in ("BTC_USD", "ETH_USD", "BTC_USD"):
        member.ask(call("quote_request", params={"symbol": symbol, "type": "RFQ"}))
        assert member.hear()["response"]["data"]["symbol"] == symbol
    venue.tick()
    symbols = [member.hear()["response"]["data"]["symbol"] for _ in range(2)]
    assert symbols == ["BTC_USD", "ETH_USD"]
    assert member.ask(call("__listMethods", 9))["id"] == 9


@pytest.mark.parametrize("style", ["true", "nothing", "quote", "silent"])
def test_a_stream_is_acknowledged_in_the_chosen_way(dial: Any, style: str) -> None:
    """No document says whether the request itself is answered, so all four can be had."""
    with simulate("fuze", **OPTIONS, acknowledge=style) as venue:
        peer = dial(venue.url)
        peer.ask(LOGIN)
        peer.tell({**QUOTES, "id": 2})
        answer = peer.hear() if style != "silent" else None
        frame = peer.hear()
        assert frame["method"] == "quote_request"
        assert (
            answer
            == {
                "true": {"jsonrpc": "2.0", "result": True, "id": 2},
                "nothing": {"jsonrpc": "2.0", "id": 2},
                "quote": {"jsonrpc": "2.0", "result": frame["response"], "id": 2},
                "silent": None,
            }[style]
        )


def test_an_unknown_way_to_acknowledge_is_refused() -> None:
    """A misspelt option is the caller's mistake."""
    with pytest.raises(ValueError, match="acknowledge"):
        simulate("fuze", acknowledge="yes")


@pytest.mark.parametrize(
    "params",
    [{"symbol": "NO_SUCH", "type": "RFQ"}, {"symbol": "BTC_USD"}, {"type": "RFQ"}, None, [], 5],
)
def test_a_bad_quote_request_gives_an_error_frame(venue: Any, member: Any, params: Any) -> None:
    """The stream's frame has the envelope of the venue's REST errors, and no stream begins."""
    member.ask(call("quote_request", params=params))
    response = member.hear()["response"]
    assert (response["code"], response["data"]) == (400, None)
    assert isinstance(response["error"], str)
    venue.tick()
    assert member.ask(call("__listMethods", 9))["id"] == 9


def test_market_data_stream_as_in_the_document(dial: Any) -> None:
    """All assets with their policies, floats among them, any of which may be null."""
    with simulate("fuze", **OPTIONS, clock=lambda: 1706792030.668) as venue:
        peer = dial(venue.url)
        peer.ask(LOGIN)
        assert peer.ask(MARKET_DATA)["result"] is True
        venue.tick()
        first, second = peer.hear(), peer.hear()
        assert first["method"] == second["method"] == "market_data_request"
        assert first["response"].keys() == {"code", "data", "error"}
        data = second["response"]["data"]
        assert data.keys() == {"timestamp", "data"}
        assert data["timestamp"] == 1706792030668
        assets = {row["asset"]: row["policies"] for row in data["data"]}
        assert set(assets) == {"BTC", "ETH", "USDC"}
        documented = (
            "NAME ICON ASSET_ENABLE QUOTE_LIMIT LOCAL_CURRENCY HIGH_24HR LOW_24HR "
            "PRICE_CHANGE_PERCENT_24H PRICE_CHANGE_PERCENT_1H PRICE_CHANGE_PERCENT_7D "
            "PRICE_CHANGE_PERCENT_30D PRICE_CHANGE_PERCENT_1Y CURRENT_PRICE MAX_SUPPLY "
            "CIRCULATING_SUPPLY ATH ATH_DATE ATL ATL_DATE MARKET_CAP"
        )
        assert assets["BTC"].keys() == set(documented.split(" "))
        assert isinstance(assets["BTC"]["CURRENT_PRICE"], float)
        assert assets["USDC"]["PRICE_CHANGE_PERCENT_1H"] is None


def test_streams_may_be_notifications_of_the_library(dial: Any) -> None:
    """With `stream_form="notification"` a frame has `notification` and `params`."""
    with simulate("fuze", **OPTIONS, stream_form="notification") as venue:
        peer = dial(venue.url)
        peer.ask(LOGIN)
        peer.ask(QUOTES)
        frame = peer.hear()
        assert frame.keys() == {"notification", "params"}
        assert frame["notification"] == "quote_request"
        assert frame["params"]["data"]["symbol"] == "BTC_USD"


def test_events_of_the_library_can_be_had(venue: Any, member: Any) -> None:
    """`rpc.on` and `rpc.off` answer per event; failures are in the result."""

    def ask(method: str, *events: str) -> Any:
        return member.ask(call(method, params=list(events)))["result"]

    assert ask("rpc.on", "quotes", "zzz") == {"quotes": "ok", "zzz": "provided event invalid"}
    again = {"quotes": "socket has already been subscribed to event"}
    assert ask("rpc.on", "quotes") == again
    venue.tick()
    frame = member.hear()
    assert frame.keys() == {"notification", "params"}
    assert frame["notification"] == "quotes"
    assert frame["params"].keys() == {"symbol", "buyPrice", "sellPrice"}
    assert ask("rpc.off", "quotes", "zzz") == {"quotes": "ok", "zzz": "provided event invalid"}
    assert ask("rpc.off", "quotes") == {"quotes": "not subscribed"}
    venue.tick()
    assert member.ask(call("__listMethods", 9))["id"] == 9


def test_events_without_a_login_or_a_name_are_refused(peer: Any) -> None:
    """A protected event forbids the whole request; no name is an error of its own."""
    assert peer.ask(call("rpc.on", params=["quotes"])) == refusal(-32606, "Event forbidden")
    for method in ("rpc.on", "rpc.off"):
        assert peer.ask(call(method)) == refusal(-32000, "Event not provided")


def test_a_slow_login_lets_others_pass(dial: Any) -> None:
    """Other requests are answered while a login takes its time."""
    with simulate("fuze", **OPTIONS, login_delay=0.2) as venue:
        peer = dial(venue.url)
        peer.tell(LOGIN)
        assert peer.ask(call("__listMethods", 5))["id"] == 5
        assert peer.hear() == {"jsonrpc": "2.0", "result": True, "id": "1"}


@pytest.mark.parametrize("option", ["stream_form"])
def test_a_form_that_there_is_not_is_refused(option: str) -> None:
    """A misspelt option is told at once, rather than taken for the default."""
    with pytest.raises(ValueError, match=f"{option} is one of"):
        simulate("fuze", **{option: "other"})
