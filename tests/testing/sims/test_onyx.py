"""The simulated Onyx, asked with the frames of the Onyx document."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed

from venuesdk.testing import simulate

TOKEN = "API token"
SERVER_INFO = {"id": "2", "method": "subscribe", "channel": "server_info"}
TICKERS = {"id": "3", "method": "subscribe", "channel": {"tickers": {"product_groups": ["crude"]}}}
DASHBOARDS = {"id": "4", "method": "subscribe", "channel": "dashboards"}


@pytest.fixture
def venue() -> Iterator[Any]:
    """Return the venue, without a ticker and with a clock that stands."""
    with simulate("onyx", token=TOKEN, interval=None, clock=lambda: 1_713_950_000.123456) as one:
        yield one


@pytest.fixture
def peer(venue: Any, dial: Any) -> Any:
    """Return a client that is not logged in."""
    return dial(venue.url)


@pytest.fixture
def member(peer: Any) -> Any:
    """Return a client that is logged in."""
    assert peer.ask({"id": "1", "method": "auth", "token": TOKEN})["error"] is False
    return peer


def test_the_url_and_the_credentials_are_those_of_the_client(venue: Any) -> None:
    """The path is version 1's, and the credentials are the client's keyword arguments."""
    assert venue.url.endswith("/stream/v1")
    assert venue.credentials == {"token": TOKEN}
    assert venue.token == TOKEN


def test_a_response_echoes_id_and_method(peer: Any) -> None:
    """Every valid request gets a response with its own id and method, a message, and `error`."""
    response = peer.ask({"id": "any string", "method": "auth", "token": TOKEN})
    assert response.keys() == {"id", "method", "message", "error"}
    assert (response["id"], response["method"]) == ("any string", "auth")
    assert response["message"].keys() == {"Message"}
    assert response["error"] is False


def test_a_wrong_token_is_an_error_response(peer: Any, venue: Any) -> None:
    """A failed login is answered with `error`, and leaves the connection without a login."""
    assert peer.ask({"id": "1", "method": "auth", "token": "wrong"})["error"] is True
    assert peer.ask(SERVER_INFO)["error"] is True
    venue.refuse_login()
    assert peer.ask({"id": "1", "method": "auth", "token": TOKEN})["error"] is True


def test_a_login_without_a_token_is_a_bad_request(peer: Any) -> None:
    """A malformed payload of a valid method is answered, and the connection stays."""
    assert peer.ask({"id": "1", "method": "auth"})["message"] == {"Message": "bad request"}
    assert peer.ask({"id": "1", "method": "auth", "token": TOKEN})["error"] is False


@pytest.mark.parametrize("method", ["subscribe", "unsubscribe", "order"])
def test_requests_before_the_login_are_refused(peer: Any, method: str) -> None:
    """The text names the method."""
    assert peer.ask({"id": "1", "method": method, "channel": "server_info"}) == {
        "id": "1",
        "method": method,
        "message": {"Message": f"authentication required for method {method}"},
        "error": True,
    }


@pytest.mark.parametrize(
    "frame",
    ['{"id": "1", "method": "fly"}', '{"id": "1"}', '{"id": "1", "method": 5}', "[]", "not json"],
)
def test_an_invalid_method_ends_the_connection_without_a_response(member: Any, frame: str) -> None:
    """The document: the server will terminate the connection without response."""
    member.tell(frame)
    with pytest.raises(ConnectionClosed):
        member.hear()


def test_a_connection_without_a_login_is_closed_at_the_deadline(dial: Any) -> None:
    """Who has not logged in in time is hung up on; who has stays."""
    with simulate("onyx", token=TOKEN, interval=None, auth_deadline=0.1) as venue:
        member, stranger = dial(venue.url), dial(venue.url)
        member.ask({"id": "1", "method": "auth", "token": TOKEN})
        with pytest.raises(ConnectionClosed):
            stranger.hear()
        assert venue.connections == 1
        assert member.ask(SERVER_INFO)["error"] is False


def test_an_id_that_is_no_string_is_a_bad_request(member: Any) -> None:
    """Ids are strings in this protocol; what was sent comes back."""
    response = member.ask({"id": 5, "method": "subscribe", "channel": "server_info"})
    assert response["message"] == {"Message": "bad request"}
    assert response["id"] == 5


def test_a_malformed_order_is_a_bad_request(member: Any) -> None:
    """The frame is one that the venue's own tests send."""
    assert member.ask({"id": "msg:1", "method": "order", "random": True}) == {
        "id": "msg:1",
        "method": "order",
        "message": {"Message": "bad request"},
        "error": True,
    }


def test_a_well_formed_order_is_refused_for_another_reason(member: Any) -> None:
    """Orders are not simulated, and the answer says so."""
    order = {
        "id": "msg:12", "method": "order", "symbol": "brtu24", "exchange": "ice", "side": "buy",
        "amount": "1", "price": "82.10", "timestamp_millis": 1713950000123,
    }  # fmt: skip
    response = member.ask(order)
    assert response["error"] is True
    assert response["message"] != {"Message": "bad request"}


def test_server_info_tells_of_the_connection(venue: Any, member: Any, dial: Any) -> None:
    """The event has the connection's own uid, the time of sending in UTC, and the age."""
    assert member.ask(SERVER_INFO)["message"] == {"Message": "subscribed to server_info"}
    venue.tick()
    event = member.hear()
    assert event["channel"] == "server_info"
    assert event["message_type"] == 0
    message = event["message"]
    assert message.keys() == {"uid", "timestamp", "age_millis"}
    sent = datetime.fromisoformat(message["timestamp"].replace("Z", "+00:00"))
    assert sent.utcoffset() == timedelta(0)
    assert sent.timestamp() == pytest.approx(1_713_950_000.123456, abs=1e-6)
    assert message["age_millis"] == 0
    other = dial(venue.url)
    other.ask({"id": "1", "method": "auth", "token": TOKEN})
    other.ask(SERVER_INFO)
    venue.tick()
    assert other.hear()["message"]["uid"] != message["uid"]
    assert member.hear()["message"]["uid"] == message["uid"]


def test_the_age_grows_with_the_connection(dial: Any) -> None:
    """`age_millis` is milliseconds since the connection was established."""
    now = [1000.0]
    with simulate("onyx", token=TOKEN, interval=None, clock=lambda: now[0]) as venue:
        peer = dial(venue.url)
        peer.ask({"id": "1", "method": "auth", "token": TOKEN})
        peer.ask(SERVER_INFO)
        now[0] += 12.345
        venue.tick()
        assert peer.hear()["message"]["age_millis"] == 12345


def test_tickers_by_product_group(venue: Any, member: Any) -> None:
    """The document's frame: all tickers of the group `crude`, as decimal strings, type 1."""
    assert member.ask(TICKERS)["error"] is False
    venue.tick()
    event = member.hear()
    assert (event["channel"], event["message_type"]) == ("tickers", 1)
    assert {row["product_symbol"] for row in event["message"]} == {"brt", "dub"}
    for row in event["message"]:
        assert row.keys() == {
            "symbol", "product_symbol", "timestamp_millis", "mid", "bid", "ask",
        }  # fmt: skip
        assert row["symbol"].startswith(row["product_symbol"])
        assert row["timestamp_millis"] == 1_713_950_000_123
        for side in ("bid", "ask"):
            assert row[side].keys() == {"price", "amount"}
            assert all(isinstance(value, str) for value in row[side].values())
        bid, ask = Decimal(row["bid"]["price"]), Decimal(row["ask"]["price"])
        assert 0 < bid < Decimal(row["mid"]) < ask
        assert Decimal(row["bid"]["amount"]) > 0


def test_tickers_by_product(venue: Any, member: Any) -> None:
    """Products are named in the response, add up, and only theirs are sent."""
    first = {"id": "5", "method": "subscribe", "channel": {"tickers": {"products": ["dub"]}}}
    second = {"id": "6", "method": "subscribe", "channel": {"tickers": {"products": ["ebob"]}}}
    assert member.ask(first)["message"] == {"Message": "subscribed to tickers for product dub"}
    venue.tick()
    assert {row["product_symbol"] for row in member.hear()["message"]} == {"dub"}
    member.ask(second)
    venue.tick()
    assert {row["product_symbol"] for row in member.hear()["message"]} == {"dub", "ebob"}


@pytest.mark.parametrize(
    ("parameters", "text"),
    [
        ({"products": []}, "no products specified"),
        ({}, "no products specified"),
        (
            {"products": ["brt", "gjhgjg"]},
            "no permissions for product gjhgjg or product does not exist",
        ),
        (
            {"product_groups": ["moon"]},
            "no permissions for product group moon or product group does not exist",
        ),
        ({"products": "brt"}, "bad request"),
        ({"products": [1]}, "bad request"),
        ("brt", "bad request"),
    ],
)
def test_refused_tickers_name_the_reason(
    venue: Any, member: Any, parameters: Any, text: str
) -> None:
    """A refusal has its text, and subscribes to nothing."""
    request = {"id": "7", "method": "subscribe", "channel": {"tickers": parameters}}
    response = member.ask(request)
    assert (response["message"], response["error"]) == ({"Message": text}, True)
    venue.tick()
    assert member.ask(SERVER_INFO)["id"] == "2"


@pytest.mark.parametrize(
    "channel", ["tickers", "nonsense", None, 5, [], {}, {"server_info": {}}, {"a": {}, "b": {}}]
)
def test_a_channel_that_is_none_is_a_bad_request(member: Any, channel: Any) -> None:
    """Unknown and malformed channels are answered."""
    response = member.ask({"id": "8", "method": "subscribe", "channel": channel})
    assert (response["message"], response["error"]) == ({"Message": "bad request"}, True)


def test_channels_of_the_venue_s_own_people_are_refused(member: Any) -> None:
    """`rfq` exists, and is for internal users only."""
    rfq = {"rfq": {"symbol": "brtu24", "exchange": "ice", "size": 10}}
    response = member.ask({"id": "8", "method": "subscribe", "channel": rfq})
    assert response["error"] is True
    assert "no permissions" in response["message"]["Message"]


def test_dashboards_begin_with_the_full_state(venue: Any, member: Any) -> None:
    """First the list with type 0, then single objects, created (2), updated (1), deleted (3)."""
    assert member.ask(DASHBOARDS)["message"] == {"Message": "subscribed to dashboards"}
    first = member.hear()
    assert (first["channel"], first["message_type"]) == ("dashboards", 0)
    state = {row["id"]: row for row in first["message"]}
    assert state
    venue.tick(9)
    kinds = []
    for _ in range(9):
        event = member.hear()
        kinds.append(event["message_type"])
        row = event["message"]
        if event["message_type"] == 2:
            assert row["id"] not in state
            state[row["id"]] = row
        elif event["message_type"] == 1:
            assert state[row["id"]] != row
            state[row["id"]] = row
        else:
            del state[row["id"]]
    assert kinds == [2, 1, 3] * 3
    member.ask({"id": "9", "method": "unsubscribe", "channel": "dashboards"})
    member.ask(DASHBOARDS)
    assert {row["id"]: row for row in member.hear()["message"]} == state


def test_snapshots_begin_with_type_0(venue: Any, member: Any) -> None:
    """The first event is a list of type 0 that is not empty."""
    member.ask({"id": "9", "method": "subscribe", "channel": "snapshots"})
    first = member.hear()
    assert (first["channel"], first["message_type"]) == ("snapshots", 0)
    assert first["message"]
    venue.tick()
    assert member.hear()["message_type"] == 1


@pytest.mark.parametrize("channel", ["server_info", "dashboards", "snapshots"])
def test_subscribing_and_unsubscribing_say_what_is_so(
    venue: Any, member: Any, channel: str
) -> None:
    """Twice subscribed and never subscribed have texts of their own; unsubscribing stops."""

    def said(method: str) -> tuple[str, bool]:
        member.tell({"id": "x", "method": method, "channel": channel})
        response = member.hear()
        while "method" not in response:
            response = member.hear()
        return response["message"]["Message"], response["error"]

    assert said("unsubscribe") == (f"not subscribed to {channel}", True)
    assert said("subscribe") == (f"subscribed to {channel}", False)
    assert said("subscribe")[0] == f"already subscribed to {channel}"
    assert said("unsubscribe") == (f"unsubscribed from {channel}", False)
    venue.tick()
    assert said("unsubscribe") == (f"not subscribed to {channel}", True)


def test_tickers_can_be_unsubscribed(venue: Any, member: Any) -> None:
    """What is unsubscribed is sent no more, and only what was subscribed can be."""
    tickers = {"tickers": {"products": ["brt", "ebob"]}}
    member.ask({"id": "1", "method": "subscribe", "channel": tickers})
    ebob = {"tickers": {"products": ["ebob"]}}
    response = member.ask({"id": "2", "method": "unsubscribe", "channel": ebob})
    assert response["message"] == {"Message": "unsubscribed from ebob"}
    assert response["error"] is False
    assert member.ask({"id": "3", "method": "unsubscribe", "channel": ebob})["error"] is True
    venue.tick()
    assert {row["product_symbol"] for row in member.hear()["message"]} == {"brt"}
    bad = member.ask({"id": "4", "method": "unsubscribe", "channel": {"tickers": 1}})
    assert bad["message"] == {"Message": "bad request"}


def test_messages_can_be_bare_strings_as_in_the_document(dial: Any) -> None:
    """With `message_form="string"` the text stands alone; `error` may be left out on success."""
    options = {"message_form": "string", "error_field": False, "ticker_form": "plain"}
    with simulate("onyx", token=TOKEN, interval=None, **options) as venue:
        peer = dial(venue.url)
        refused = peer.ask({"id": "1", "method": "subscribe", "channel": "server_info"})
        assert refused["message"] == "authentication required for method subscribe"
        assert refused["error"] is True
        assert "error" not in peer.ask({"id": "1", "method": "auth", "token": TOKEN})
        assert peer.ask(SERVER_INFO)["message"] == "subscribed to server_info"
        peer.ask(TICKERS)
        venue.tick()
        assert peer.hear()["channel"] == "server_info"
        assert peer.hear()["message"][0].keys() == {"symbol", "timestamp_millis", "bid", "ask"}


def test_an_event_may_come_before_its_response(dial: Any) -> None:
    """With `early_events` the full list overtakes the response; tickers may have only `mid`."""
    options = {"early_events": True, "ticker_form": "mid"}
    with simulate("onyx", token=TOKEN, interval=None, **options) as venue:
        peer = dial(venue.url)
        peer.ask({"id": "1", "method": "auth", "token": TOKEN})
        assert peer.ask(DASHBOARDS)["channel"] == "dashboards"
        assert peer.hear()["id"] == "4"
        peer.ask(TICKERS)
        venue.tick()
        assert peer.hear()["message"][0].keys() == {
            "symbol", "product_symbol", "timestamp_millis", "mid",
        }  # fmt: skip


@pytest.mark.parametrize("option", ["message_form", "ticker_form"])
def test_a_form_that_there_is_not_is_refused(option: str) -> None:
    """A misspelt option is told at once, rather than taken for the default."""
    with pytest.raises(ValueError, match=f"{option} is one of"):
        simulate("onyx", **{option: "other"})
