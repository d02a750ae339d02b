"""The words of a conversation, and what a codec does where its venue says nothing."""

from __future__ import annotations

import re
from typing import Any, ClassVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from venuesdk.errors import AuthenticationError, NotSubscribed, RequestRejected
from venuesdk.protocol.codec import (
    Codec,
    Event,
    Heartbeat,
    Joining,
    Pulse,
    Rejection,
    Request,
    Response,
    Topic,
)
from venuesdk.secret import Secret


class Plain(Codec):
    """A venue that asks for nothing: two codes of the Loopring document, and a URL."""

    venue: ClassVar[str] = "plain"
    url: ClassVar[str] = "wss://plain.example/ws"
    rejections: ClassVar[dict[Any, type[RequestRejected]]] = {
        104112: AuthenticationError,
        104113: NotSubscribed,
    }


class WithHttp(Plain):
    http_url: ClassVar[str | None] = "https://plain.example"


def drained(generator: Any) -> tuple[list[Any], Any]:
    """Return what a generator yields, and what it returns."""
    yielded = []
    try:
        while True:
            yielded.append(next(generator))
    except StopIteration as end:
        return yielded, end.value


def test_topics_are_equal_by_their_key_alone() -> None:
    """Two topics with one key are one, whatever else they hold, unhashable things included."""
    one = Topic("LRC-ETH", "order book", {"count": 20}, route="a", private=True)
    same = Topic("LRC-ETH", "depth", ["other"], joining=Joining.OWN, narrow=str, split=list)
    other = Topic("LRC-USDT", "order book", {"count": 20}, route="a", private=True)
    assert one == same
    assert hash(one) == hash(same)
    assert one != other
    assert len({one, same, other}) == 2


def test_a_topic_shares_its_stream_unless_it_says_otherwise() -> None:
    """The defaults: no route yet, shared, public, not narrowed and not split."""
    topic = Topic("key", "name", None)
    assert topic.route is None
    assert topic.joining is Joining.SHARE
    assert not topic.private
    assert topic.narrow is None
    assert topic.split is None


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        # Onyx, Fuze, Loopring and TimeX, as their topics are called.
        ('tickers {"products":["dub"]}', "tickers"),
        ("server_info", "server_info"),
        ("quote_request BTC-USD RFQ", "quote_request"),
        ("market_data_request", "market_data_request"),
        ("orderbook count=5 level=0 market=lrc-eth", "orderbook"),
        ("account 0x0123", "account"),
        ("/orderbook.raw/ETHAUDT", "orderbook.raw"),
        ("/trade.symbols/BTC/USDT", "trade.symbols"),
        ("/order-update/.*", "order-update"),
        # Patterns are regular expressions.
        ("^/order.*", "order"),
        (r"^/orderbook\.raw/ETH.*$", "orderbook.raw"),
        ("^/(order|trade).symbols/.*", "order-trade-symbols"),
        ("/.*", "other"),
        # Whatever a user may call a channel of his own.
        ("Snapshots", "snapshots"),
        ("a:b{c}", "a-b-c"),
        ("...", "other"),
        ("кофе", "other"),
        (" ", "other"),
        ("", "other"),
    ],
)
def test_a_topic_is_of_a_kind(name: str, kind: str) -> None:
    """The first word or segment of its name, in letters that may stand in any key."""
    assert Topic("key", name, None).kind == kind


@given(st.text())
def test_a_kind_is_a_word_whatever_a_topic_is_called(name: str) -> None:
    """It is never empty, and holds no space, brace or colon that a key's parts are told by."""
    assert re.fullmatch(r"[a-z0-9._-]+", Topic("key", name, None).kind)


def test_a_topic_shows_its_name_and_not_its_spec() -> None:
    """What a log line shows of a topic is its key and name, never what the codec keeps in it."""
    shown = repr(Topic("key", "name", {"secret": "hidden"}))
    assert "key" in shown
    assert "name" in shown
    assert "hidden" not in shown


@pytest.mark.parametrize(
    "value", [Topic("key", "name", None), Request("ping"), Pulse()], ids=lambda v: type(v).__name__
)
def test_a_word_cannot_be_changed(value: Any) -> None:
    """Words pass between threads, so they are frozen and have no room for more."""
    name = value.__attrs_attrs__[0].name
    with pytest.raises(AttributeError):
        setattr(value, name, "changed")
    assert not hasattr(value, "__dict__")


def test_a_request_is_no_read_unless_it_says_so() -> None:
    """A request that did not say that it changes nothing is never taken for a read."""
    request = Request("order")
    assert request.read is False
    assert request.fields == {}
    assert request.topics == ()


def test_requests_do_not_share_their_fields() -> None:
    """The default fields of two requests are two objects."""
    assert Request("a").fields is not Request("b").fields


def test_messages_are_told_apart_by_their_class() -> None:
    """Equal contents do not make a response out of an event: the reader asks for the class."""
    response = Response(1, b"{}")
    assert response.route is None
    assert Heartbeat().answer is None
    kinds = [response, Rejection(1, RequestRejected("no")), Event("r", b"{}", bytes.decode)]
    assert [type(each) for each in kinds] == [Response, Rejection, Event]
    assert Event("route", b'"x"', bytes.decode).decode(b'"x"') == '"x"'


def test_the_address_is_the_url_and_asks_nothing_first() -> None:
    """A venue without a connection key is connected to where its URL says."""
    assert drained(Plain({}).address()) == ([], "wss://plain.example/ws")


def test_the_address_is_where_the_user_said() -> None:
    """A URL of the user's own replaces the venue's, for the socket and for HTTP."""
    codec = WithHttp({}, url="ws://127.0.0.1:1/ws", http_url="http://127.0.0.1:2")
    assert drained(codec.address()) == ([], "ws://127.0.0.1:1/ws")
    assert codec.connect_http_url == "http://127.0.0.1:2"


def test_the_http_url_is_the_venues_or_none() -> None:
    """Where the user names no HTTP URL it is the venue's, and empty where it has none."""
    assert WithHttp({}).connect_http_url == "https://plain.example"
    assert Plain({}).connect_http_url == ""


def test_the_opening_asks_nothing() -> None:
    """A venue without a login is open at once."""
    assert drained(Plain({}).opening()) == ([], None)


def test_a_codec_keeps_the_credentials_it_was_given() -> None:
    """Credentials stay secrets inside the codec."""
    codec = Plain({"token": Secret("opaque")})
    assert "opaque" not in repr(vars(codec))
    assert codec.credentials["token"].reveal() == "opaque"


def test_a_silent_venue_gets_a_websocket_ping_and_no_unsubscribe() -> None:
    """Without a heartbeat request and a way to stop a stream, a codec says so with None."""
    codec = Plain({})
    assert codec.heartbeat() is None
    assert codec.unsubscribe(Topic("key", "name", None), "route") is None


def test_the_rhythm_is_ten_quiet_seconds_and_five_of_patience() -> None:
    """Where a venue documents no rhythm, ten seconds and then five more are life and death."""
    assert Plain.pulse == Pulse(quiet=10.0, patience=5.0)


def test_what_a_venue_must_say_itself_is_not_guessed() -> None:
    """Encoding, decoding and subscribing have no default."""
    codec = Plain({})
    for call in (
        lambda: codec.encode(1, Request("ping")),
        lambda: codec.decode(b"{}"),
        lambda: codec.subscribe([], {}),
    ):
        with pytest.raises(NotImplementedError):
            call()


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        (104112, AuthenticationError),
        (104113, NotSubscribed),
        (104116, RequestRejected),
        ("104112", RequestRejected),
        (None, RequestRejected),
    ],
)
def test_a_refusal_has_the_class_of_its_code(code: Any, kind: type[RequestRejected]) -> None:
    """The venue's table names the class; an unknown code stays a plain rejection."""
    error = Plain({}).rejection(code, "invalid ApiKey")
    assert type(error) is kind
    assert error.code == code
    assert error.message == "invalid ApiKey"
    assert error.venue == "plain"
    assert not error.outcome_unknown


def test_a_refusal_can_be_given_its_class() -> None:
    """What the codec knows better than the table wins."""
    error = Plain({}).rejection(104113, "no", AuthenticationError)
    assert type(error) is AuthenticationError


def test_a_venue_without_a_table_refuses_plainly() -> None:
    """The base has no codes of its own."""
    assert Codec.rejections == {}
