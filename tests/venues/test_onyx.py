"""Onyx's codec, topics and models without a socket; then the client against the simulator.

The frames that the documents show are on the venue's tape; here is what lies between them.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import json
import pickle
from decimal import Decimal
from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from venuesdk import venues
from venuesdk.client import clients
from venuesdk.errors import (
    AuthenticationError,
    ConnectionLost,
    InvalidRequest,
    NotSubscribed,
    ProtocolError,
    RequestRejected,
    VenueError,
)
from venuesdk.models import GapReason, State
from venuesdk.protocol.codec import Event, Joining, Rejection, Request, Response
from venuesdk.secret import Secret
from venuesdk.testing import simulate
from venuesdk.venues.onyx import (
    ChannelEvent,
    DashboardsEvent,
    MessageType,
    OnyxClient,
    OnyxCodec,
    Quote,
    Reply,
    ServerInfo,
    Ticker,
    Tickers,
)
from venuesdk.venues.onyx.codec import read_reply
from venuesdk.venues.onyx.events import event_decoder
from venuesdk.venues.onyx.topics import channel_topic, covers, tickers_topic

TOKEN = "onyx-canary-token"


@pytest.fixture
def codec() -> OnyxCodec:
    """A codec of one new connection."""
    return OnyxCodec({"token": Secret(TOKEN)})


def decode_one(codec, frame):
    """Decode a frame that says one thing."""
    (message,) = codec.decode(json.dumps(frame).encode())
    return message


def value_of(codec, frame):
    """Decode an event down to its value."""
    event = decode_one(codec, frame)
    assert isinstance(event, Event)
    return event.decode(event.payload)


def answer(id, text="subscribed", **members):
    """Write the venue's answer to request `id`."""
    return {"id": f"msg:{id}", "method": "subscribe", "message": {"Message": text}, **members}


def ask(codec, id, request):
    """Write a request, and return what it says beside its id."""
    frame = json.loads(codec.encode(id, request))
    assert frame.pop("id") == f"msg:{id}"
    return frame


def start(codec, id, topic):
    """Subscribe, and let the venue confirm it."""
    frame = ask(codec, id, codec.subscribe([topic], {}))
    assert decode_one(codec, answer(id)) == Response(id, b'{"Message": "subscribed"}')
    return frame


def stop(codec, id, topic):
    """Write the request that ends `topic`."""
    return ask(codec, id, codec.unsubscribe(topic, topic.route))


class TestOpening:
    def test_the_login_carries_the_token_and_the_request_does_not(self, codec):
        """The token stands in the frame alone: neither in the request nor in any repr of it."""
        request = next(codec.opening())
        assert TOKEN not in repr(request)
        assert ask(codec, 1, request) == {"method": "auth", "token": TOKEN}

    def test_a_refused_login_is_an_authentication_error_with_the_venues_text(self, codec):
        """Whatever the text of a refused login, its caller gets `AuthenticationError`."""
        steps = codec.opening()
        next(steps)
        refusal = decode_one(codec, answer(1, "bad token", error=True)).error
        assert type(refusal) is RequestRejected
        with pytest.raises(AuthenticationError, match="bad token"):
            steps.throw(refusal)

    def test_a_refusal_that_says_so_itself_is_passed_on(self, codec):
        """A login refused in the words of authentication keeps its own exception object."""
        steps = codec.opening()
        next(steps)
        refusal = decode_one(codec, answer(1, "authentication required", error=True)).error
        with pytest.raises(AuthenticationError) as caught:
            steps.throw(refusal)
        assert caught.value is refusal

    def test_an_unreadable_answer_to_the_login_is_not_taken_for_a_refusal(self, codec):
        """An answer that does not say yes or no leaves the login as the `ProtocolError` it is."""
        steps = codec.opening()
        next(steps)
        error = decode_one(codec, answer(1, error="maybe")).error
        with pytest.raises(ProtocolError):
            steps.throw(error)


class TestAnswers:
    @pytest.mark.parametrize("id", ["msg:", "msg:x", "msg:-1", "msg:1.0", "msg:" + "9" * 5000, 2])
    def test_an_id_that_is_not_ours_is_named(self, codec, id):
        """An answer with an id of another form is a `ProtocolError` that names the id."""
        with pytest.raises(ProtocolError, match="no id of ours"):
            decode_one(codec, {"id": id, "method": "subscribe", "message": "x", "error": False})

    @pytest.mark.parametrize("error", ["true", 1, 0, {}, []])
    def test_an_error_flag_that_is_no_flag_leaves_the_outcome_unknown(self, codec, error):
        """Where `error` is neither true, false nor absent nobody can say whether it was done."""
        message = decode_one(codec, answer(7, error=error))
        assert isinstance(message, Rejection)
        assert message.id == 7
        assert type(message.error) is ProtocolError
        assert message.error.outcome_unknown

    def test_an_answer_without_a_method_is_known_by_its_id(self, codec):
        """The id alone makes an answer of a frame, so that its caller need not wait."""
        message = decode_one(codec, {"id": "msg:4", "message": "done"})
        assert message == Response(4, b'"done"')

    def test_an_answer_without_a_message_is_an_empty_reply(self, codec):
        """A missing message reads as null."""
        message = decode_one(codec, {"id": "msg:4", "method": "order"})
        assert read_reply(message.payload) == Reply("", None)

    @pytest.mark.parametrize(
        ("text", "kind"),
        [
            ("authentication required for method subscribe", AuthenticationError),
            ("no permissions for product x or product does not exist", AuthenticationError),
            ("not subscribed to server_info", NotSubscribed),
            ("no products specified", InvalidRequest),
            ("bad request", InvalidRequest),
            ("Bad Request", InvalidRequest),
            ("something new", RequestRejected),
        ],
    )
    @pytest.mark.parametrize("bare", [True, False])
    def test_a_refusal_is_classed_by_its_text(self, codec, text, kind, bare):
        """The venue has no codes: the text decides, bare or inside an object."""
        message = text if bare else {"Message": text}
        refusal = decode_one(
            codec, {"id": "msg:3", "method": "subscribe", "message": message, "error": True}
        )
        assert type(refusal.error) is kind
        assert (refusal.error.message, refusal.error.code) == (text, None)
        assert refusal.error.venue == "onyx"
        assert not refusal.error.outcome_unknown

    def test_a_refusal_without_a_text_shows_what_the_venue_sent(self, codec):
        """A refusal in a form of its own is still a refusal, and its JSON is its message."""
        frame = {"id": "msg:3", "method": "order", "message": {"Order": {"a": 1}}, "error": True}
        assert decode_one(codec, frame).error.message == '{"Order": {"a": 1}}'

    def test_a_refusal_that_cannot_be_read_is_a_refusal_still(self, codec):
        """The flag says no, whatever stands beside it."""
        frame = b'{"id":"msg:3","method":"order","message":{"Message":"\xff"},"error":true}'
        (message,) = codec.decode(frame)
        assert type(message.error) is RequestRejected

    @pytest.mark.parametrize("text", ["", "{", "[]", "5", "null", '{"channel":1}', "\xff"])
    def test_a_frame_that_is_neither_answer_nor_event_is_a_protocol_error(self, codec, text):
        """What cannot be read and belongs to nobody is reported, never dropped."""
        with pytest.raises(ProtocolError):
            codec.decode(text.encode("latin-1"))

    @pytest.mark.parametrize(
        ("body", "expected"),
        [
            ('"done"', Reply("done", "done")),
            ('{"Message":"done"}', Reply("done", {"Message": "done"})),
            ('{"Order":{"price":1.10}}', Reply("", {"Order": {"price": Decimal("1.10")}})),
            ("null", Reply("", None)),
        ],
    )
    def test_a_reply_has_the_text_and_the_whole_body(self, body, expected):
        """Both forms of text are read alike, and any other body stays reachable, exact."""
        assert read_reply(body.encode()) == expected


class TestEvents:
    def test_an_unknown_message_type_is_kept_as_its_number(self, codec):
        """A kind that no document lists is a `MessageType` that equals its number."""
        event = value_of(codec, {"channel": "dashboards", "message": {}, "message_type": 9})
        assert event.message_type == 9
        assert isinstance(event.message_type, MessageType)
        assert event.message_type.name == "UNKNOWN_9"
        assert pickle.loads(pickle.dumps(event)) == event

    @pytest.mark.parametrize("kind", ["1", 1.5, True, None, [1]])
    def test_a_message_type_that_is_no_number_is_a_protocol_error(self, codec, kind):
        """The kind of an event is a JSON integer; nothing is guessed from anything else."""
        with pytest.raises(ProtocolError):
            decode_one(codec, {"channel": "tickers", "message": [], "message_type": kind})

    def test_the_numbers_of_message_types_are_the_documents(self):
        """0 not specified, 1 update, 2 create, 3 delete."""
        names = ["NOT_SPECIFIED", "UPDATE", "CREATE", "DELETE"]
        assert [MessageType(number).name for number in range(4)] == names

    def test_text_is_no_message_type(self):
        """`MessageType` takes numbers only."""
        with pytest.raises(ValueError, match="'1'"):
            MessageType("1")

    def test_a_missing_message_type_is_not_specified(self, codec):
        """An event without a kind has the kind that the document calls not specified."""
        message = {"uid": "u", "timestamp": "2024-01-15T12:34:56Z", "age_millis": 1}
        event = value_of(codec, {"channel": "server_info", "message": message})
        assert event == ServerInfo("u", "2024-01-15T12:34:56Z", 1, MessageType.NOT_SPECIFIED)

    @pytest.mark.parametrize(
        ("age", "value"), [("12345", 12345), ("12345.678", Decimal("12345.678"))]
    )
    def test_an_age_may_be_any_number(self, codec, age, value):
        """The document calls it a number, where it calls other things integers."""
        message = f'{{"uid":"u","timestamp":"2024-01-15T12:34:56Z","age_millis":{age}}}'
        frame = f'{{"channel":"server_info","message":{message},"message_type":0}}'
        (event,) = codec.decode(frame.encode())
        info = event.decode(event.payload)
        assert (info.age_millis, type(info.age_millis)) == (value, type(value))

    def test_a_channel_may_be_an_object_in_an_event_too(self, codec):
        """An event that names its channel with the parameters goes where the name says."""
        channel = {"tickers": {"products": ["dub"]}}
        event = decode_one(codec, {"channel": channel, "message": [], "message_type": 1})
        assert event.route == "tickers"
        assert event.decode(event.payload) == Tickers((), MessageType.UPDATE)

    def test_tickers_are_exact(self, codec):
        """Prices keep every digit, whether the venue sends them as text or as numbers."""
        event = value_of(
            codec,
            {
                "channel": "tickers",
                "message": [
                    {
                        "symbol": "dubm24",
                        "timestamp_millis": 1,
                        "mid": 82.1,
                        "bid": {"price": "0.10000000000000000001", "amount": "5.00"},
                    }
                ],
                "message_type": 1,
            },
        )
        bid = Quote(Decimal("0.10000000000000000001"), Decimal("5.00"))
        (ticker,) = event.tickers
        assert ticker == Ticker("dubm24", 1, mid=Decimal("82.1"), bid=bid)
        assert str(ticker.bid.amount) == "5.00"

    @pytest.mark.parametrize(
        ("ticker", "path"),
        [
            ({"timestamp_millis": 1}, "symbol"),
            ({"symbol": "s", "timestamp_millis": "1"}, "timestamp_millis"),
            ({"symbol": "s", "timestamp_millis": 1, "bid": {"price": "1"}}, "amount"),
            ({"symbol": "s", "timestamp_millis": 1, "mid": "NaN"}, "not finite"),
        ],
    )
    def test_a_ticker_that_cannot_be_read_names_the_place(self, codec, ticker, path):
        """A missing or wrong field is a `ProtocolError`, raised where the event is decoded."""
        event = decode_one(codec, {"channel": "tickers", "message": [ticker], "message_type": 1})
        with pytest.raises(ProtocolError, match=path):
            event.decode(event.payload)

    @pytest.mark.parametrize(
        ("message", "kind", "full", "count"),
        [([{"a": 1}, {}], 0, True, 2), ([], 0, True, 0), ([{}], 1, False, 1), ({}, 3, False, 1)],
    )
    def test_only_a_list_of_no_kind_is_the_full_state(self, codec, message, kind, full, count):
        """The first event is a list with kind 0; everything else is a change."""
        event = value_of(codec, {"channel": "dashboards", "message": message, "message_type": kind})
        assert isinstance(event, DashboardsEvent)
        assert (event.full, len(event.dashboards), event.message_type) == (full, count, kind)

    @pytest.mark.parametrize("message", ["x", 5, None, ["x"]])
    def test_a_dashboard_that_is_no_object_is_a_protocol_error(self, codec, message):
        """The document calls a dashboard an object; nothing else is passed off as one."""
        with pytest.raises(ProtocolError, match="object"):
            value_of(codec, {"channel": "dashboards", "message": message, "message_type": 1})

    def test_a_channel_without_a_model_brings_plain_data(self, codec):
        """An event of an undocumented channel keeps its name, kind and message."""
        event = value_of(codec, {"channel": "news", "message": {"p": 1.10}, "message_type": 2})
        assert event == ChannelEvent("news", {"p": Decimal("1.10")}, MessageType.CREATE)


class TestModels:
    def test_times_are_aware_and_exact(self):
        """Text times give exact nanoseconds; both models give aware UTC datetimes."""
        info = ServerInfo("u", "2024-01-15T12:34:56.123456789Z", 5)
        # `date -u -d 2024-01-15T12:34:56Z +%s` prints 1705322096.
        assert info.timestamp_ns == 1_705_322_096_123_456_789
        utc = dt.timezone.utc
        assert info.datetime == dt.datetime(2024, 1, 15, 12, 34, 56, 123456, tzinfo=utc)
        ticker = Ticker("s", 1_713_950_000_123)
        assert ticker.datetime == dt.datetime(2024, 4, 24, 9, 13, 20, 123000, tzinfo=utc)

    def test_a_time_that_is_none_is_told_when_it_is_asked_for(self):
        """The event is delivered with the venue's text; only the computed time raises."""
        with pytest.raises(ProtocolError):
            _ = ServerInfo("u", "yesterday", 5).datetime


class TestTopics:
    def test_the_order_and_repetition_of_products_do_not_matter(self):
        """Two lists of the same products are one subscription on the wire."""
        first = tickers_topic(products=["dub", "ebob", "dub"])
        assert first == tickers_topic(products=("ebob", "dub"))
        assert first == channel_topic({"tickers": {"products": ["ebob", "dub"]}})
        assert first.spec == {"tickers": {"products": ["dub", "ebob"]}}
        assert first != tickers_topic(product_groups=["dub", "ebob"])

    def test_channels_are_told_apart_by_value_and_by_type(self):
        """The parameters are compared as JSON: 1 is not true, and the order of keys is nothing."""
        one = channel_topic({"rfq": {"size": 1, "symbol": "s"}})
        assert one == channel_topic({"rfq": {"symbol": "s", "size": 1}})
        assert one != channel_topic({"rfq": {"size": True, "symbol": "s"}})
        assert one != channel_topic({"rfq": {"size": "1", "symbol": "s"}})
        legs = {"legs": [{"b": 1, "a": 2}]}
        assert channel_topic({"rfq": legs}) == channel_topic({"rfq": {"legs": [{"a": 2, "b": 1}]}})

    def test_tickers_by_something_else_are_taken_as_they_are(self):
        """Parameters that no document knows make a channel of their own, and nothing is kept."""
        other = channel_topic({"tickers": {"symbols": ["dubm24"]}})
        assert (other.route, other.narrow) == ("tickers", None)
        assert covers({"tickers": {"symbols": ["dubm24"]}}, other.spec)
        assert not covers({"tickers": {"products": ["dub"]}}, other.spec)

    def test_a_topic_keeps_what_was_asked_for(self):
        """What the user does to the mapping later does not change what is asked for again."""
        products = ["dub"]
        topic = channel_topic({"tickers": {"products": products}})
        products.append("ebob")
        assert topic.spec == {"tickers": {"products": ["dub"]}}

    def test_only_channels_that_begin_with_a_full_state_are_started_anew(self):
        """A late joiner of the dashboards needs the full list, so the stream is started anew."""
        assert channel_topic("dashboards").joining is Joining.RESTART
        assert channel_topic("snapshots").joining is Joining.RESTART
        assert channel_topic("server_info").joining is Joining.SHARE
        assert tickers_topic(products=["dub"]).joining is Joining.SHARE

    def test_a_subscription_by_products_gets_its_products_and_the_nameless(self):
        """Tickers of other products are kept away; those that name no product are not."""
        narrow = tickers_topic(products=["dub", "EBOB"]).narrow
        dub, ebob = Ticker("dubm24", 1, "dub"), Ticker("ebobm24", 1, "ebob")
        brt, nameless = Ticker("brtm24", 1, "brt"), Ticker("x", 1)
        event = Tickers((dub, brt, nameless, ebob))
        assert narrow(event) == Tickers((dub, nameless, ebob))
        whole = Tickers((dub, nameless))
        assert narrow(whole) is whole
        assert narrow(Tickers((brt,))) is None

    def test_product_groups_cannot_be_told_apart(self):
        """A ticker does not name its group, so a subscription with groups gets every ticker."""
        assert tickers_topic(["crude"]).narrow is None
        assert tickers_topic(["crude"], ["dub"]).narrow is None

    def test_conflation_is_by_symbol(self):
        """One event of many tickers becomes one value for each symbol, of the same kind."""
        a, b = Ticker("a", 1), Ticker("b", 1)
        split = tickers_topic(products=["dub"]).split
        rows = list(split(Tickers((a, b), MessageType.CREATE)))
        assert rows == [
            ("a", Tickers((a,), MessageType.CREATE)),
            ("b", Tickers((b,), MessageType.CREATE)),
        ]

    def test_the_newest_server_info_replaces_the_one_before(self):
        """All events about the connection share one conflation key."""
        split = channel_topic("server_info").split
        keys = {key for n in (1, 2) for key, _ in split(ServerInfo(f"u{n}", "", n))}
        assert len(keys) == 1

    def test_a_changing_list_is_not_conflated(self):
        """Dashboards come as changes with no known key; dropping one would lose it."""
        assert channel_topic("dashboards").split is None

    @pytest.mark.parametrize(
        ("asked", "covered"),
        [
            ({"tickers": {"products": ["dub", "ebob"]}}, True),
            ({"tickers": {"products": ["dub", "ebob", "brt"], "product_groups": ["x"]}}, True),
            ({"tickers": {"products": ["dub"]}}, False),
            ({"tickers": {"product_groups": ["dub", "ebob"]}}, False),
            ("tickers", False),
            ("server_info", False),
        ],
    )
    def test_tickers_are_stopped_by_a_list_that_names_all_of_them(self, asked, covered):
        """A subscription loses its stream only when every product of it was named."""
        assert covers(asked, {"tickers": {"products": ["dub", "ebob"]}}) is covered

    @pytest.mark.parametrize(
        ("channel", "error"),
        [
            ("", ValueError),
            ({}, ValueError),
            ({"a": 1, "b": 2}, ValueError),
            ({"": 1}, ValueError),
            ({1: 1}, TypeError),
            (5, TypeError),
            (None, TypeError),
            ({"rfq": {"size": float("nan")}}, ValueError),
            ({"rfq": [object()]}, TypeError),
            ({"tickers": {"products": "dub"}}, TypeError),
            ({"tickers": {"products": [5]}}, TypeError),
        ],
    )
    def test_a_channel_that_is_none_is_the_callers_mistake(self, channel, error):
        """Neither a name nor an object of one key: refused before anything is sent."""
        with pytest.raises(error):
            channel_topic(channel)


class TestCatalogue:
    @pytest.mark.parametrize(
        ("channel", "kind", "name"),
        [
            ("tickers", 1, "tickers 1"),
            ("server_info", 0, "server_info 0"),
            ("dashboards", 3, "dashboards 3"),
            ("snapshots", 2, "snapshots 2"),
            ("a b", -7, "a b -7"),
            ("", 0, " 0"),
        ],
    )
    def test_stored_names_never_change(self, codec, channel, kind, name):
        """A decoder is called as its channel, a space, and the number of the message type.

        The names stand in stored data: a reader of tomorrow finds by them what was published
        today. None may be changed, or be given to anything else.
        """
        event = decode_one(codec, {"channel": channel, "message": [], "message_type": kind})
        assert OnyxCodec.catalogue.name(event.decode) == name
        assert OnyxCodec.catalogue.decoder(name) is event.decode

    @given(channel=st.text(), kind=st.integers())
    def test_any_channel_and_kind_can_be_made_again(self, channel, kind):
        """Whatever the venue may come to stream, its name is enough to read it."""
        name = OnyxCodec.catalogue.name(event_decoder(channel, kind))
        event = OnyxCodec.catalogue.decoder(name)(b"{}" if channel == "dashboards" else b"[]")
        assert event.message_type == kind
        assert getattr(event, "channel", channel) == channel

    def test_more_channels_than_are_remembered_have_their_names(self):
        """A decoder that waits in a queue is named, though many were made since."""
        decoders = [event_decoder(f"channel {number}", 1) for number in range(200)]
        names = [OnyxCodec.catalogue.name(decode) for decode in decoders]
        assert names == [f"channel {number} 1" for number in range(200)]

    @pytest.mark.parametrize("name", ["", "tickers", "tickers x", "tickers 1.0", "tickers \u0662"])
    def test_what_says_no_channel_and_kind_is_unknown(self, name):
        """It was published by something newer, or is no name at all."""
        assert OnyxCodec.catalogue.decoder(name) is None
        assert OnyxCodec.catalogue.time_ns(name, b"[]") is None

    @pytest.mark.parametrize("decode", [bytes.decode, lambda payload: payload, partial(int, "1")])
    def test_what_is_no_decoder_of_an_event_has_no_name(self, decode):
        """Be it made in the same way."""
        assert OnyxCodec.catalogue.name(decode) is None

    @pytest.mark.parametrize(
        ("name", "payload", "moment"),
        [
            # The first time is that of the Onyx document's ticker.
            ("tickers 1", '[{"timestamp_millis": 1713950000123}]', 1_713_950_000_123_000_000),
            ("tickers 0", '[{"timestamp_millis": 2}, {"timestamp_millis": 5}]', 5_000_000),
            ("tickers 1", '[{"timestamp_millis": -2}, {"timestamp_millis": -5}]', -2_000_000),
            ("tickers 1", "[]", None),
            ("tickers 1", '[{"timestamp_millis": 1}, {}]', None),
            ("tickers 1", '[{"timestamp_millis": "1"}]', None),
            ("server_info 0", '{"timestamp": "1970-01-01T00:00:01.000000007Z"}', 1_000_000_007),
            ("server_info 0", '{"timestamp": "soon"}', None),
            ("dashboards 0", '[{"timestamp_millis": 1}]', None),
            ("snapshots 1", '{"timestamp_millis": 1}', None),
        ],
    )
    def test_the_venues_time_is_that_of_the_newest_row(self, name, payload, moment):
        """Server info names one of its own; what no document describes has none."""
        assert OnyxCodec.catalogue.time_ns(name, payload.encode()) == moment

    def test_a_narrowing_is_made_again_from_its_words(self):
        """They are stored, as the names are: ``products``, then the products in order."""
        narrow = tickers_topic(products=["dub", "EBOB"]).narrow
        assert narrow.words == ("products", "EBOB", "dub")
        again = OnyxCodec.catalogue.narrowing(narrow.words)
        assert again == narrow == tickers_topic(products=["EBOB", "dub", "dub"]).narrow
        assert again != tickers_topic(products=["dub"]).narrow
        dub, brt = Ticker("dubm24", 1, "dub"), Ticker("brtm24", 1, "brt")
        assert again(Tickers((dub, brt))) == Tickers((dub,))

    @pytest.mark.parametrize("words", [("products",), ("products", ""), ("product_groups", "a")])
    def test_words_of_no_narrowing_are_refused(self, words):
        """There is none of no product, and none of groups, which tickers do not name."""
        with pytest.raises(ValueError, match="narrowing"):
            OnyxCodec.catalogue.narrowing(words)


class TestStanding:
    """The venue keeps one list of products for a connection, whoever asked for them."""

    def test_stopping_takes_away_only_what_nobody_else_needs(self, codec):
        """Of two overlapping subscriptions the one that ends leaves the other's products."""
        one, two = tickers_topic(products=["dub", "ebob"]), tickers_topic(products=["ebob", "brt"])
        start(codec, 1, one)
        start(codec, 2, two)
        assert stop(codec, 3, one) == {
            "method": "unsubscribe",
            "channel": {"tickers": {"products": ["dub"]}},
        }
        decode_one(codec, answer(3, "unsubscribed from dub"))
        assert stop(codec, 4, two)["channel"] == {"tickers": {"products": ["brt", "ebob"]}}

    def test_stopping_what_others_need_whole_asks_for_it_again(self, codec):
        """Nothing may be taken away, so the venue is asked for what it already sends."""
        one, two = tickers_topic(products=["dub", "ebob"]), tickers_topic(products=["ebob"])
        start(codec, 1, one)
        start(codec, 2, two)
        assert stop(codec, 3, two) == {
            "method": "subscribe",
            "channel": {"tickers": {"products": ["ebob"]}},
        }
        # Whether the venue calls that an error is recorded nowhere.
        message = decode_one(codec, answer(3, "already subscribed to tickers", error=True))
        assert isinstance(message, Response)
        assert stop(codec, 4, one)["channel"] == {"tickers": {"products": ["dub", "ebob"]}}

    def test_groups_and_products_are_counted_apart(self, codec):
        """A product group and a product of one name are two things on the wire."""
        one, two = tickers_topic(["crude"], ["dub"]), tickers_topic(["crude"])
        start(codec, 1, one)
        start(codec, 2, two)
        assert stop(codec, 3, one)["channel"] == {"tickers": {"products": ["dub"]}}
        assert stop(codec, 4, two)["channel"] == {"tickers": {"product_groups": ["crude"]}}

    def test_a_refused_subscription_needs_nothing(self, codec):
        """Products that the venue refused to one are taken away with the other."""
        one, two = tickers_topic(products=["dub"]), tickers_topic(products=["dub", "nope"])
        start(codec, 1, one)
        ask(codec, 2, codec.subscribe([two], {}))
        assert isinstance(decode_one(codec, answer(2, "no permissions", error=True)), Rejection)
        assert stop(codec, 3, one)["method"] == "unsubscribe"

    def test_a_refused_unsubscribe_leaves_the_need_standing(self, codec):
        """What the venue would not stop still stands, unless it says that it does not."""
        one, two = tickers_topic(products=["dub"]), tickers_topic(products=["dub", "ebob"])
        start(codec, 1, one)
        start(codec, 2, two)
        stop(codec, 3, two)
        decode_one(codec, answer(3, "try later", error=True))
        assert stop(codec, 4, one)["method"] == "subscribe"
        start(codec, 5, one)
        stop(codec, 6, two)
        decode_one(codec, answer(6, "not subscribed to ebob", error=True))
        assert stop(codec, 7, one)["method"] == "unsubscribe"

    def test_an_unsubscribe_of_the_users_own_counts_once_it_is_confirmed(self, codec):
        """An explicit unsubscribe removes what it names whole, and only after the venue's yes."""
        one, two = tickers_topic(products=["dub"]), tickers_topic(products=["dub", "ebob"])
        start(codec, 1, one)
        start(codec, 2, two)
        explicit = Request("unsubscribe", {"channel": {"tickers": {"products": ["dub", "ebob"]}}})
        ask(codec, 3, explicit)
        decode_one(codec, answer(3, "refused", error=True))
        assert stop(codec, 4, one)["method"] == "subscribe"
        start(codec, 5, one)
        ask(codec, 6, explicit)
        decode_one(codec, answer(6, "unsubscribed"))
        start(codec, 7, one)
        assert stop(codec, 8, one)["method"] == "unsubscribe"

    def test_what_the_user_stopped_is_not_stopped_again(self, codec):
        """A later unsubscribe names only what still stands: the venue refuses a list with more."""
        both = tickers_topic(products=["dub", "ebob"])
        start(codec, 1, both)
        ask(codec, 2, Request("unsubscribe", {"channel": {"tickers": {"products": ["dub"]}}}))
        decode_one(codec, answer(2, "unsubscribed from dub"))
        assert stop(codec, 3, both)["channel"] == {"tickers": {"products": ["ebob"]}}

    def test_a_nonsense_unsubscribe_of_the_users_own_changes_nothing(self, codec):
        """A general request may hold any channel; the answer to it is still delivered."""
        ask(codec, 1, Request("unsubscribe", {"channel": 5}))
        assert isinstance(decode_one(codec, answer(1)), Response)

    def test_an_already_subscribed_channel_is_what_the_subscriber_wanted(self, codec):
        """A subscribe that the venue calls superfluous has succeeded; a plain request has not."""
        ask(codec, 1, codec.subscribe([channel_topic("dashboards")], {}))
        frame = answer(1, "already subscribed to dashboards", error=True)
        assert isinstance(decode_one(codec, frame), Response)
        ask(codec, 2, Request("subscribe", {"channel": "dashboards"}))
        frame = answer(2, "already subscribed to dashboards", error=True)
        assert isinstance(decode_one(codec, frame), Rejection)


class Asked(OnyxClient):
    """A client that keeps its request instead of sending it."""

    requested: Request

    def _request(self, request, decode, timeout=None, *, wait=None):
        self.requested = request


class TestArguments:
    @pytest.fixture
    def client(self):
        return OnyxClient(token=TOKEN)

    def test_a_general_request_is_never_taken_for_a_read(self):
        """Nobody knows what a method does, so it is sent once, or not at all."""
        client = Asked(token=TOKEN)
        client.request("order", {"symbol": "brtu24"})
        assert not client.requested.read

    def test_tickers_need_something_to_be_about(self, client):
        """Neither products nor groups, an empty list, or bare text: refused before sending."""
        with pytest.raises(TypeError, match="no argument 'product'"):
            client.subscribe_tickers(product=["ebob"])
        with pytest.raises(ValueError, match="product_groups or products"):
            client.subscribe_tickers()
        with pytest.raises(ValueError, match="products cannot be empty"):
            client.subscribe_tickers(products=[])
        with pytest.raises(ValueError, match="empty name"):
            client.subscribe_tickers(products=[""])
        with pytest.raises(TypeError, match="product_groups is a sequence of text, not str"):
            client.subscribe_tickers(product_groups="crude")
        with pytest.raises(TypeError, match="not int"):
            client.subscribe_tickers(products=5)

    def test_the_fields_of_a_request_are_an_object(self, client):
        """A list would reach the venue as nothing it knows, and end the connection."""
        with pytest.raises(TypeError, match="fields are an object"):
            client.request("snapshot", [])

    @pytest.mark.parametrize("field", ["id", "method", "token"])
    def test_a_request_cannot_replace_what_the_client_writes(self, client, field):
        """The members that the client writes itself are refused among the fields."""
        with pytest.raises(ValueError, match=field):
            client.request("order", {field: "x"})

    @pytest.mark.parametrize(
        ("method", "error"), [("auth", ValueError), ("", ValueError), (5, TypeError)]
    )
    def test_a_method_that_cannot_be_asked_for_is_refused(self, client, method, error):
        """The login is the client's own business, and a method is text."""
        with pytest.raises(error):
            client.request(method)

    def test_an_unsubscribe_is_checked_too(self, client):
        """A channel that is none is refused before anything is sent."""
        with pytest.raises(ValueError, match="one key"):
            client.unsubscribe({})


def channels(venue, method, connection=1):
    """Return the channels that a connection asked the venue for, in order."""
    frames = [json.loads(text) for number, text in venue.received if number == connection]
    return [frame["channel"] for frame in frames if frame["method"] == method]


@pytest.fixture
def venue():
    """The simulated venue; its market moves only when a test says so."""
    with simulate("onyx", interval=None) as started:
        yield started


@pytest.fixture
def client(venue):
    """A connected client of it."""
    with OnyxClient(url=venue.url, token=venue.token, timeout=5) as connected:
        yield connected


class TestClient:
    """Against the simulator, over a real socket."""

    @pytest.mark.parametrize("form", ["string", "object"])
    @pytest.mark.parametrize("flag", [True, False])
    @pytest.mark.parametrize("early", [True, False])
    def test_every_stream_flows_in_every_form_of_answer(self, form, flag, early):
        """Text or object, with or without `error`, events behind or before their answer."""
        options = {"message_form": form, "error_field": flag, "early_events": early}
        with (
            simulate("onyx", interval=None, **options) as venue,
            OnyxClient(url=venue.url, token=venue.token, timeout=5) as client,
        ):
            dashboards = client.subscribe_dashboards()
            assert dashboards.get(5).full
            info = client.subscribe_server_info()
            tickers = client.subscribe_tickers(products=["dub"])
            venue.tick()
            assert info.get(5).datetime.tzinfo is dt.timezone.utc
            assert {ticker.product_symbol for ticker in tickers.get(5).tickers} == {"dub"}
            change = dashboards.get(5)
            assert not change.full
            assert change.message_type in (1, 2, 3)

    @pytest.mark.parametrize(
        ("form", "mid", "bid", "product"),
        [("full", True, True, True), ("mid", True, False, True), ("plain", False, True, False)],
    )
    def test_tickers_may_lack_what_the_venue_leaves_out(self, form, mid, bid, product):
        """Tickers of the first document, of later samples, and whole ones are all read."""
        with (
            simulate("onyx", interval=None, ticker_form=form) as venue,
            OnyxClient(url=venue.url, token=venue.token, timeout=5) as client,
        ):
            tickers = client.subscribe_tickers(product_groups=["crude"])
            venue.tick()
            ticker = tickers.get(5).tickers[0]
            assert (ticker.mid is not None, ticker.bid is not None) == (mid, bid)
            assert (ticker.product_symbol is not None) is product

    def test_a_refused_login_raises_at_connect(self, venue):
        """The wrong token is an `AuthenticationError` of `connect`, with the venue's text."""
        client = OnyxClient(url=venue.url, token="wrong")
        try:
            with pytest.raises(AuthenticationError, match="invalid token"):
                client.connect(5)
        finally:
            client.close()

    def test_refusals_are_typed_and_name_the_venues_reason(self, client):
        """A product without permission, a bad order, a stream that is not there."""
        with pytest.raises(AuthenticationError, match="no permissions for product nope"):
            client.subscribe_tickers(products=["nope"])
        with pytest.raises(InvalidRequest, match="bad request"):
            client.request("order", {"random": True})
        with pytest.raises(NotSubscribed, match="not subscribed to server_info"):
            client.unsubscribe("server_info")

    def test_a_general_request_brings_the_reply(self, client):
        """The reply has the venue's text and the body that it stood in."""
        reply = client.request("subscribe", {"channel": "server_info"})
        text = "subscribed to server_info"
        assert reply == Reply(text, {"Message": text})

    def test_an_unknown_method_costs_one_connection_and_its_caller_knows_at_once(
        self, venue, client
    ):
        """The venue hangs up without an answer; the client heals, streams and all."""
        gaps = []
        info = client.subscribe_server_info(on_gap=gaps.append)
        with pytest.raises(ConnectionLost) as caught:
            client.request("no_such_method", timeout=5)
        assert caught.value.outcome_unknown
        assert venue.wait_for(lambda v: channels(v, "subscribe", 2) == ["server_info"], 10)
        venue.tick()
        assert isinstance(info.get(5), ServerInfo)
        assert [gap.reason for gap in gaps] == [GapReason.RECONNECTED]
        assert client.state is State.CONNECTED

    def test_a_late_joiner_gets_the_full_dashboards_first(self, venue, client):
        """The stream is started anew for it, which the first one sees as a gap."""
        gaps = []
        first = client.subscribe_dashboards(on_gap=gaps.append)
        assert first.get(5).full
        second = client.subscribe_dashboards()
        assert second.get(5).full
        assert first.get(5).full
        assert [gap.reason for gap in gaps] == [GapReason.RESUBSCRIBED]
        assert channels(venue, "unsubscribe") == ["dashboards"]

    def test_each_subscription_gets_the_tickers_of_its_products(self, venue, client):
        """The venue mixes all products of a connection into its events."""
        dub = client.subscribe_tickers(products=["dub"])
        ebob = client.subscribe_tickers(products=["ebob"])
        venue.tick()
        assert {ticker.product_symbol for ticker in dub.get(5).tickers} == {"dub"}
        assert {ticker.product_symbol for ticker in ebob.get(5).tickers} == {"ebob"}

    def test_closing_one_of_two_overlapping_subscriptions_starves_neither(self, venue, client):
        """What the other needs stays subscribed at the venue."""
        both = client.subscribe_tickers(products=["dub", "ebob"])
        dub = client.subscribe_tickers(products=["dub"])
        dub.close()
        assert venue.wait_for(lambda v: len(channels(v, "subscribe")) == 3)
        venue.tick()
        assert {ticker.product_symbol for ticker in both.get(5).tickers} == {"dub", "ebob"}
        both.close()
        stopped = {"tickers": {"products": ["dub", "ebob"]}}
        assert venue.wait_for(lambda v: channels(v, "unsubscribe") == [stopped])

    def test_an_unsubscribe_ends_the_subscriptions_that_it_leaves_without_events(
        self, venue, client
    ):
        """Those whose every product was named end; the others go on."""
        dub = client.subscribe_tickers(products=["dub"])
        both = client.subscribe_tickers(products=["dub", "ebob"])
        client.unsubscribe({"tickers": {"products": ["dub"]}})
        assert list(dub) == []
        venue.tick()
        assert {ticker.product_symbol for ticker in both.get(5).tickers} == {"ebob"}

    def test_conflation_keeps_the_newest_ticker_of_each_symbol(self, venue, client):
        """A slow consumer gets each contract once, as it last was."""
        tickers = client.subscribe_tickers(products=["dub"], conflate=True)
        plain = client.subscribe_tickers(products=["dub"])
        venue.tick(3)
        newest = [plain.get(5) for _ in range(3)][-1]
        received = {tickers.get(5).tickers[0] for _ in newest.tickers}
        assert received == set(newest.tickers)
        with pytest.raises(TimeoutError):
            tickers.get(0.05)

    def test_any_channel_can_be_subscribed_to(self, venue, client):
        """A channel without a method of its own is plain data; one with it is its own value."""
        snapshots = client.subscribe("snapshots")
        first = snapshots.get(5)
        assert isinstance(first, ChannelEvent)
        assert (first.channel, first.message_type) == ("snapshots", 0)
        info = client.subscribe("server_info")
        venue.tick()
        assert isinstance(info.get(5), ServerInfo)


class TestFolder:
    """How the folders of the venues are found; this one stands for all."""

    def test_a_folder_is_found_by_its_name(self):
        """Nobody lists the venues: what has a folder is one, and loading it brings its client."""
        assert "onyx" in venues.names()
        assert venues.load("onyx").OnyxClient is OnyxClient
        assert clients()["onyx"] is OnyxClient

    def test_a_name_without_a_folder_is_refused(self):
        """The error names the venues that there are."""
        with pytest.raises(ValueError, match="onyx"):
            venues.load("nowhere")


NAMES = st.sampled_from(["id", "method", "channel", "message", "message_type", "error", "Message"])
PIECES = st.sampled_from(
    ["msg:1", "msg:2", "tickers", "server_info", "dashboards", {"symbol": "s"}, [{"mid": "1"}]]
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | PIECES,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(max_size=4) | NAMES, inner, max_size=4)
    ),
    max_leaves=8,
)


@given(frames=st.lists(st.dictionaries(NAMES, JSON, max_size=6) | JSON, max_size=3))
def test_no_frame_makes_the_codec_raise_anything_but_its_own_errors(frames):
    """Whatever the venue sends, reading it brings messages, values, or typed errors."""
    codec = OnyxCodec({"token": Secret(TOKEN)})
    start(codec, 1, tickers_topic(products=["dub"]))
    stop(codec, 2, tickers_topic(products=["dub"]))
    for frame in frames:
        with contextlib.suppress(VenueError):
            for message in codec.decode(json.dumps(frame).encode()):
                if isinstance(message, Event):
                    message.decode(message.payload)


def test_a_refused_login_shows_no_token_that_was_sent_back():
    """Neither the error, nor the state change, nor what later calls raise."""
    token, changes = "t0k-41f0", []  # short: the suite's own watch reads errors as they are made
    with simulate("onyx", interval=None) as venue:

        def echo(connection, text):
            message = json.loads(text)
            connection.respond({**message, "message": f"bad token {token}", "error": True})

        venue.on_text = echo
        client = OnyxClient(url=venue.url, token=token, on_state=changes.append)
        for call in (client.connect, lambda: client.request("x")):
            with pytest.raises(AuthenticationError, match=r"bad token \*+") as caught:
                call()
            assert token not in repr(caught.value)
        client.close()
    assert token not in repr(changes)
