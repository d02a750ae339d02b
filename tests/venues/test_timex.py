"""TimeX's codec, topics, models and orders without a socket; then the client on the simulator.

The frames that the documents show are on the venue's tape; here is what lies between them.
"""

from __future__ import annotations

import datetime as dt
import itertools
import json
import pickle
import queue
import uuid
from decimal import Decimal

import pytest

from venuesdk.errors import (
    AuthenticationError,
    ClientClosed,
    InsufficientFunds,
    InvalidRequest,
    NotSubscribed,
    OrderNotFound,
    ProtocolError,
    RateLimitExceeded,
    RequestRejected,
    RequestTimeout,
    VenueUnavailable,
)
from venuesdk.models import GapReason
from venuesdk.protocol.codec import Event, Joining, Rejection, Request, Response
from venuesdk.secret import Secret
from venuesdk.testing import simulate
from venuesdk.timing import Backoff
from venuesdk.venues.timex import (
    AccountSnapshot,
    Balance,
    BalanceUpdate,
    GroupedLevel,
    GroupedOrderBook,
    Order,
    OrderUpdate,
    RawOrder,
    RawOrderBook,
    Snapshot,
    TimexClient,
    TimexCodec,
    Trade,
    TradeInfo,
    Update,
    events,
    orders,
)
from venuesdk.venues.timex.topics import (
    account_topic,
    address_of,
    grouped_book_topic,
    pattern_topic,
    raw_book_topic,
    symbol_of,
    trades_topic,
)

API_ID = "timex-canary-id"
API_SECRET = "timex-canary-secret"
ACCOUNT = "0xb18e6e42cd252b78731f4eec48a7d1cf6a0b3849"
ROUTE = "5435a742-eed1-4874-951e-eefdfb559234"
OTHER = "864ff046-ba40-4c7b-95cb-cf75f9059916"
UTC = dt.timezone.utc
TRADED = 1_662_828_386_584_000_000
"""2022-09-10T16:46:26.584, worked out with GNU date."""

ENTRY = {
    "market": "ETHUSD",
    "hash": "0x68e6af4f2583477aa8bbc3ebf01ed6c37efb71678a7fa1869b19684dbc5b2976",
    "direction": "BUY",
    "quantity": "6",
    "price": "1323.3",
    "createdAt": "2022-09-19T18:03:29.618",
    "expiredAt": "2022-09-19T18:04:29.597",
}
RAW_ORDER = RawOrder(
    "ETHUSD",
    "0x68e6af4f2583477aa8bbc3ebf01ed6c37efb71678a7fa1869b19684dbc5b2976",
    "BUY",
    Decimal("6"),
    Decimal("1323.3"),
    "2022-09-19T18:03:29.618",
    "2022-09-19T18:04:29.597",
)
ORDER = {
    "id": "0x32bdca69a6d1bcf6ca1c3a0b734abe669c35b3e2821506642f5e96f041da5c39",
    "cursorId": 1893929467,
    "clientOrderId": None,
    "symbol": "ETHAUDT",
    "side": "BUY",
    "type": "LIMIT",
    "quantity": "36",
    "filledQuantity": "0",
    "cancelledQuantity": "0",
    "price": "1",
    "avgPrice": None,
    "createdAt": "2022-09-20T21:40:23.324Z",
    "updatedAt": "2022-09-20T21:40:23.324Z",
    "expireTime": "2022-09-20T21:40:26.323Z",
}
TRADE = {
    "id": 30688846,
    "direction": "SELL",
    "baseTokenAddress": "0x8370fbc6ddec1e18b4e41e72ed943e238458487c",
    "quoteTokenAddress": "0xdac17f958d2ee523a2206206994597c13d831ec7",
    "baseTokenSymbol": "BTC",
    "quoteTokenSymbol": "USDT",
    "baseTokenAmount": "500000000000000000",
    "quoteTokenAmount": "1066450000000000000",
    "makerAddress": "0xc2af39e7039462893d6e540be4dc6b1a447b42ab",
    "takerAddress": "0xc2af39e7039462893d6e540be4dc6b1a447b42ab",
}


@pytest.fixture
def codec():
    """A codec of one new connection."""
    return TimexCodec({"api_id": Secret(API_ID), "api_secret": Secret(API_SECRET)})


def ask(codec, id, request):
    """Write a request, and return what it says beside its id, and the id's text."""
    frame = json.loads(codec.encode(id, request))
    return frame, frame.pop("requestId")


def decode(codec, frame):
    """Decode a frame, given as JSON's value or as text."""
    return codec.decode((frame if isinstance(frame, str) else json.dumps(frame)).encode())


def decode_one(codec, frame):
    """Decode a frame that says one thing."""
    (message,) = decode(codec, frame)
    return message


def value_of(codec, frame):
    """Decode an event of ROUTE down to its value."""
    event = decode_one(codec, frame)
    assert isinstance(event, Event)
    assert event.route == ROUTE
    return event.decode(event.payload)


def message(event, payload=None, **members):
    """Write an event of a pattern."""
    body = {"event": event, "payload": payload, **members}
    return {"type": "MESSAGE", "subscriptionId": ROUTE, "message": body}


def account_event(payload):
    """Write an event of an account."""
    return {"type": "ACCOUNT_SUBSCRIPTION", "subscriptionId": ROUTE, "payload": payload}


def raw_event(**members):
    """Write the event of a raw book with one bid."""
    book = {"timestamp": "2022-09-19T18:03:39.122Z", "bid": [ENTRY], "ask": []}
    data = {"market": "ETHUSD", "rawOrderBook": book}
    event = {"timestamp": "2022-09-19T18:03:39.163", "type": "RAW_ORDER_BOOK_UPDATED"}
    return {**event, "data": data, **members}


def trade_event(**data):
    """Write the event of a trade, with other data."""
    timestamp = "2022-09-10T16:46:26.584"
    return {"timestamp": timestamp, "type": "TRADE", "data": {**TRADE, **data}}


def rest(stream="/get/trading/balances", payload=None):
    """Return a REST request."""
    fields = {"stream": stream, "payload": payload or {}}
    return Request("REST", fields, read=stream.startswith("/get/"))


def refused(codec, request, **members):
    """Return the error that a refusal of `request` becomes."""
    _, id = ask(codec, 7, request)
    rejection = decode_one(codec, {"requestId": id, "status": "ERROR", **members})
    assert isinstance(rejection, Rejection)
    assert rejection.id == 7
    return rejection.error


class TestRequests:
    def test_ids_are_text_of_a_random_prefix_and_the_number(self, codec):
        """One connection's ids share a prefix that another's do not have."""
        texts = [ask(codec, id, rest())[1] for id in (1, 2)]
        prefix = texts[0].removesuffix("1")
        assert texts == [f"{prefix}1", f"{prefix}2"]
        assert len(prefix) >= 8
        other = TimexCodec(codec.credentials)
        assert not ask(other, 1, rest())[1].startswith(prefix)

    def test_credentials_stand_in_the_frames_that_need_them_and_nowhere_else(self, codec):
        """REST and account subscriptions carry the key; no request and no repr of one does."""
        auth = {"id": API_ID, "secret": API_SECRET}
        account = codec.subscribe([account_topic(ACCOUNT)], {})
        pattern = codec.subscribe([pattern_topic("/p")], {})
        stop = codec.unsubscribe(pattern_topic("/p"), ROUTE)
        assert ask(codec, 1, rest())[0]["auth"] == auth
        assert ask(codec, 2, account)[0]["auth"] == auth
        assert "auth" not in ask(codec, 3, pattern)[0]
        assert "auth" not in ask(codec, 4, stop)[0]
        assert "canary" not in repr([rest(), account, pattern, stop, vars(codec)])

    def test_a_pattern_is_stopped_by_the_id_that_was_handed_out(self, codec):
        """The frame is the document's: the type and the id from the answer to the subscribe."""
        frame, _ = ask(codec, 1, codec.unsubscribe(pattern_topic("pattern"), ROUTE))
        assert frame == {
            "type": "UNSUBSCRIBE",
            "subscriptionId": "5435a742-eed1-4874-951e-eefdfb559234",
        }

    def test_public_streams_go_with_the_key_where_there_is_one(self, codec):
        """The document shows every REST request with its auth."""
        frame, _ = ask(codec, 1, rest("/get/public/markets"))
        assert frame["auth"] == {"id": API_ID, "secret": API_SECRET}

    def test_public_streams_go_without_a_key_where_there_is_none(self):
        """Without credentials a public stream has no auth, and anything else is refused."""
        codec = TimexCodec({})
        frame, _ = ask(codec, 1, rest("/get/public/markets"))
        assert frame == {"type": "REST", "stream": "/get/public/markets", "payload": {}}
        for request in (rest(), codec.subscribe([account_topic(ACCOUNT)], {})):
            with pytest.raises(ValueError, match="api_id= and api_secret="):
                codec.encode(2, request)

    def test_a_payload_goes_word_for_word(self, codec):
        """Whatever JSON can write is the payload as it was given; Decimals are text."""
        payload = {"b": [1, 1.5, None], "a": {"price": Decimal("1E-7")}, "é": True}
        frame = codec.encode(1, rest("/post/x", payload))
        text = '"payload":{"b":[1,1.5,null],"a":{"price":"0.0000001"},"é":true}}'
        assert frame.endswith(text)

    @pytest.mark.parametrize("payload", [{"x": Secret(API_SECRET)}, {"x": object()}, {1: 2}])
    def test_a_payload_that_cannot_be_written_is_the_callers_mistake(self, codec, payload):
        """A secret is not written into a payload, even where the frame has others."""
        with pytest.raises(TypeError):
            codec.encode(1, rest("/post/x", payload))

    def test_requests_that_are_never_answered_are_forgotten(self, codec):
        """What is remembered of unanswered requests is bounded."""
        for id in range(1, 5001):
            codec.encode(id, rest())
        assert len(codec._asked) == 4096


class TestAnswers:
    @pytest.mark.parametrize("echo", [3, "3", None])
    def test_the_number_of_an_answer_is_found_however_it_is_written(self, codec, echo):
        """The id comes back as it was sent; a bare number is taken too, text or not."""
        _, id = ask(codec, 3, rest())
        frame = {"requestId": echo or id, "status": "SUCCESS", "responseBody": [1]}
        assert decode_one(codec, frame) == Response(3, b"[1]")

    @pytest.mark.parametrize("echo", ["uniqueID", "", "-3", "３", "9" * 30, None])
    def test_an_answer_to_nobody_cannot_be_read(self, codec, echo):
        """An answer whose id is none of ours is an error that says what the venue said."""
        with pytest.raises(ProtocolError, match="no id of ours: go away"):
            decode(codec, {"requestId": echo, "status": "ERROR", "message": "go away"})

    @pytest.mark.parametrize("kind", ["SUBSCRIBED", "UNSUBSCRIBED"])
    def test_an_answer_that_came_too_late_to_be_remembered_is_still_one(self, codec, kind):
        """What is forgotten of a request does not keep its answer from the session."""
        frame = {"type": kind, "requestId": "4", "subscriptionId": ROUTE, "payload": None}
        answer = decode_one(codec, frame)
        assert (answer.id, answer.payload) == (4, b"null")

    def test_an_answer_without_a_body_is_null(self, codec):
        """A success that brings nothing is still a success."""
        _, id = ask(codec, 3, rest())
        assert decode_one(codec, {"requestId": id, "status": "success"}) == Response(3, b"null")

    @pytest.mark.parametrize(
        "members",
        [
            {"status": "PENDING"},
            {"type": "SUBSCRIBED", "payload": None},
            {"type": "SUBSCRIBED", "subscriptionId": "", "payload": None},
            {"type": "SUBSCRIBED", "subscriptionId": 5},
            {"status": 200},
            {"type": ["SUBSCRIBED"]},
            {"message": {"event": 5}, "status": "SUCCESS"},
        ],
    )
    def test_an_answer_that_cannot_be_read_is_told_to_its_caller(self, codec, members):
        """The caller of a known id learns that the answer is unreadable, its outcome unknown."""
        _, id = ask(codec, 3, rest())
        rejection = decode_one(codec, {"requestId": id, **members})
        assert (rejection.id, type(rejection.error)) == (3, ProtocolError)
        assert rejection.error.outcome_unknown
        assert rejection.error.venue == "timex"

    def test_an_answer_in_broken_json_is_told_to_its_caller(self, codec):
        """A frame that breaks off still names the request that it answered."""
        _, id = ask(codec, 3, rest())
        rejection = decode_one(codec, f'{{"requestId": "{id}", "status": "SUCCESS", "respo')
        assert (rejection.id, type(rejection.error)) == (3, ProtocolError)
        assert rejection.error.outcome_unknown

    @pytest.mark.parametrize(
        "frame",
        [
            "{not json",
            "[]",
            "null",
            "{}",
            '"text"',
            '{"requestId": "x-1", "stat',
            '{"type": "MESSAGE", "message": {}}',
            '{"type": "ACCOUNT_SUBSCRIPTION", "payload": {}}',
            '{"type": "MESSAGE", "subscriptionId": 5, "message": {}}',
            '{"a":' + "[" * 100_000,
            '{"type": "\udcff"}'.encode("utf-8", "surrogateescape"),
        ],
    )
    def test_a_frame_that_matches_nothing_is_a_protocol_error(self, codec, frame):
        """Neither a request nor a subscription is named: the frame cannot be given to anyone."""
        with pytest.raises(ProtocolError):
            codec.decode(frame if isinstance(frame, bytes) else frame.encode())


class TestRefusals:
    @pytest.mark.parametrize(
        ("text", "kind"),
        [
            ("Insufficient ETH balance. Required: 1, actual: 0.", InsufficientFunds),
            ("Insufficient permissions", RequestRejected),
            ("Access denied", AuthenticationError),
            ("UNAUTHORIZED", AuthenticationError),
            ("Validation error", InvalidRequest),
            ("Validation errors are fine", RequestRejected),
            ("No validation error", RequestRejected),
            ("", RequestRejected),
        ],
    )
    def test_a_text_decides_where_there_is_no_code(self, codec, text, kind):
        """Only the beginnings of known texts have a class of their own."""
        error = refused(codec, rest(), message=text)
        assert (type(error), error.message, error.code) == (kind, text, None)
        assert not error.outcome_unknown

    @pytest.mark.parametrize(
        ("code", "kind"),
        [
            (1, InvalidRequest),
            (4000, InvalidRequest),
            (4001, InsufficientFunds),
            (4002, RequestRejected),
            (4003, AuthenticationError),
            (4004, AuthenticationError),
            (4006, InvalidRequest),
            (4100, AuthenticationError),
            (4300, AuthenticationError),
            (4900, RateLimitExceeded),
            (4901, RateLimitExceeded),
            (10101, RequestRejected),
            (99, RequestRejected),
        ],
    )
    def test_a_code_decides_where_there_is_one(self, codec, code, kind):
        """The venue's constants have classes; the text then decides nothing."""
        for given in (code, str(code)):
            error = refused(codec, rest(), message="Access denied", code=given)
            assert (type(error), error.message, error.code) == (kind, "Access denied", code)

    @pytest.mark.parametrize("code", [0, 5002, 5003, 5005, 5051])
    def test_a_failure_inside_the_venue_is_no_refusal(self, codec, code):
        """An internal error may come after the order was placed: the outcome is unknown."""
        error = refused(codec, rest("/post/trading/orders"), message="Oops", code=code)
        assert type(error) is VenueUnavailable
        assert error.outcome_unknown
        assert str(error) == f"Oops ({code})"

    def test_what_was_not_found_depends_on_what_was_asked(self, codec):
        """One code stands for a missing order, a missing subscription, and anything else."""
        stop = codec.unsubscribe(pattern_topic("/p"), ROUTE)
        cancel = rest("/delete/trading/orders/json")
        start = codec.subscribe([pattern_topic("/p")], {})
        for request, kind in (
            (stop, NotSubscribed),
            (cancel, OrderNotFound),
            (start, RequestRejected),
            (rest("/get/public/markets"), RequestRejected),
        ):
            assert type(refused(codec, request, message="?", code=4400)) is kind
        late = decode_one(codec, {"requestId": 9, "status": "ERROR", "message": "?", "code": 4400})
        assert type(late.error) is RequestRejected

    @pytest.mark.parametrize(
        ("given", "text"),
        [
            ({"event": "no", "x": 1}, '{"event":"no","x":1}'),
            ({"problem": "price"}, '{"problem":"price"}'),
            (["a", 1], '["a",1]'),
            (5, "5"),
            (None, ""),
        ],
    )
    def test_a_refusal_is_read_whatever_its_message_is(self, codec, given, text):
        """A message that is not text becomes its JSON: a refusal stays a refusal."""
        error = refused(codec, rest(), message=given)
        assert (type(error), error.message) == (RequestRejected, text)

    def test_a_message_that_cannot_be_written_again_is_left_out(self, codec):
        """A number too long for any text does not hide the refusal."""
        _, id = ask(codec, 7, rest())
        frame = f'{{"requestId": "{id}", "status": "ERROR", "message": 1e5000}}'
        error = decode_one(codec, frame).error
        assert (type(error), error.message) == (RequestRejected, "")

    def test_a_strange_code_is_kept(self, codec):
        """A code that is no number decides nothing and is there to be read."""
        error = refused(codec, rest(), message="Access denied", code="E_DENIED")
        assert (type(error), error.code) == (AuthenticationError, "E_DENIED")


class TestEvents:
    def test_the_decoder_is_found_wherever_the_type_stands(self, codec):
        """No order of keys is promised: recorded events have their type last."""
        frame = message(raw_event(), id=5)
        expected = RawOrderBook(
            "ETHUSD",
            "2022-09-19T18:03:39.122Z",
            (RAW_ORDER,),
            (),
            event_timestamp="2022-09-19T18:03:39.163",
            update_id=5,
        )
        seen = 0
        for outer in itertools.permutations(frame.items()):
            for inner in itertools.permutations(frame["message"]["event"].items()):
                shuffled = dict(outer)
                shuffled["message"] = {**frame["message"], "event": dict(inner)}
                assert value_of(codec, shuffled) == expected
                seen += 1
        assert seen == 36

    def test_a_grouped_book_is_read_level_by_level(self, codec):
        """Its key is ``orderbook``, its levels have two volumes, its time no zone."""
        level = {"price": "1323.3", "volume": "6", "volumeQuote": "7939.8"}
        book = {"timestamp": "2022-09-19T18:03:39.122", "bid": [], "ask": [level]}
        data = {"market": "ETHUSD", "orderbook": book}
        event = {"type": "GROUP_ORDER_BOOK_UPDATED", "data": data}
        assert value_of(codec, message(event)) == GroupedOrderBook(
            "ETHUSD",
            "2022-09-19T18:03:39.122",
            (),
            (GroupedLevel(Decimal("1323.3"), Decimal("6"), Decimal("7939.8")),),
        )

    @pytest.mark.parametrize(
        ("payload", "price", "quantity"),
        [
            (None, None, None),
            ({}, None, None),
            ({"price": "21329.00", "quantity": 0.005}, "21329.00", "0.005"),
            ({"price": 1e-7, "other": [1]}, "1E-7", None),
        ],
    )
    def test_a_trade_has_its_price_where_the_venue_sent_one(self, codec, payload, price, quantity):
        """Price and quantity stand in the payload, as text or as numbers, or not at all."""
        trade = value_of(codec, message(trade_event(), payload))
        assert isinstance(trade, Trade)
        assert (trade.price and str(trade.price)) == price
        assert (trade.quantity and str(trade.quantity)) == quantity

    @pytest.mark.parametrize("written", ["{}", '"{}"', "{}.0", '"{}.000"'])
    def test_amounts_in_base_units_are_exact_however_they_are_written(self, codec, written):
        """Text or a number of 29 digits: every digit is kept."""
        digits = "31726800000000000000000000001"
        frame = json.dumps(message(trade_event(quoteTokenAmount="AMOUNT")))
        trade = value_of(codec, frame.replace('"AMOUNT"', written.format(digits)))
        assert trade.quote_token_amount == int(digits)
        assert type(trade.quote_token_amount) is int

    @pytest.mark.parametrize(
        "amount", ["0.5", "-1", "1e999999999", "1e78", "NaN", "Infinity", "", None, True, []]
    )
    def test_an_amount_that_no_token_can_have_is_unreadable(self, codec, amount):
        """A fraction, a negative, an absurd or no number is an error, and never a long wait."""
        with pytest.raises(ProtocolError):
            value_of(codec, message(trade_event(baseTokenAmount=amount)))

    def test_a_trades_id_and_direction_are_found_in_either_place(self, codec):
        """The id is text in some places; the payload may tell the direction."""
        event = trade_event(id="30688846")
        del event["data"]["direction"]
        trade = value_of(codec, message(event, {"direction": "BUY"}, id="12"))
        assert (trade.id, trade.direction, trade.update_id) == (30688846, "BUY", 12)
        for frame in (message(event), message(trade_event(id="x"))):
            with pytest.raises(ProtocolError, match="id or direction"):
                value_of(codec, frame)

    def test_a_missing_field_is_named_by_its_path(self, codec):
        """What is wrong with a known event is told when it is consumed, with the place."""
        entry = {name: value for name, value in ENTRY.items() if name != "price"}
        event = raw_event()
        event["data"]["rawOrderBook"]["ask"] = [ENTRY, entry]
        with pytest.raises(ProtocolError, match="price.*rawOrderBook.ask"):
            value_of(codec, message(event))

    @pytest.mark.parametrize("price", ["NaN", "-Infinity", "sNaN", "abc", None, True])
    def test_a_price_that_is_no_finite_number_is_unreadable(self, codec, price):
        """A book never holds a price that cannot be compared."""
        event = raw_event()
        event["data"]["rawOrderBook"]["bid"] = [{**ENTRY, "price": price}]
        with pytest.raises(ProtocolError):
            value_of(codec, message(event))

    @pytest.mark.parametrize(
        "event",
        [
            {"type": "ORDER_BOOK_UPDATED", "data": {"market": "ETHUSD"}},
            {"type": "ORDER", "timestamp": "2022-09-10T16:46:26.584"},
            {"type": 5},
            {"type": None},
            {},
            None,
            [1],
            "text",
            5,
        ],
    )
    def test_an_event_without_a_model_is_an_update(self, codec, event):
        """Whatever an event looks like, it is delivered as it came."""
        update = value_of(codec, message(event, {"a": 0.1}, id=1267438))
        assert update == Update(1267438, event, {"a": Decimal("0.1")})

    @pytest.mark.parametrize(
        ("body", "expected"),
        [
            ({"id": "77", "event": {}}, Update(77, {}, None)),
            ({"id": "x", "payload": 1}, Update(None, None, 1)),
            ({"id": 1.5}, Update(None, None, None)),
            ({"id": True}, Update(None, None, None)),
            ("text", Update(None, None, "text")),
            ([1], Update(None, None, [1])),
            (None, Update(None, None, None)),
        ],
    )
    def test_a_message_of_any_shape_is_an_update(self, codec, body, expected):
        """The id is a number where it is one; nothing else about a message is required."""
        frame = {"type": "MESSAGE", "subscriptionId": ROUTE, "message": body}
        assert value_of(codec, frame) == expected

    def test_an_update_names_its_type_where_it_has_one(self):
        """``type`` is the venue's name for the event."""
        assert Update(1, {"type": "DEPOSIT"}, None).type == "DEPOSIT"
        assert Update(1, {"type": 5}, None).type is None
        assert Update(1, None, None).type is None

    def test_a_filled_market_order_tells_its_trades(self, codec):
        """``tradeInfo`` is a list of exact trades."""
        info = [{"tradeId": 44773524, "tradePrice": "0.0089996", "tradeQuantity": "0.1"}]
        payload = {
            "order": {**ORDER, "type": "MARKET", "expireTime": None, "price": None},
            "messageType": "MARKET_ORDER",
            "orderStatus": "FILLED",
            "tradeInfo": info,
        }
        update = value_of(codec, account_event(payload))
        assert isinstance(update, OrderUpdate)
        assert update.trade_info == (TradeInfo(44773524, Decimal("0.0089996"), Decimal("0.1")),)
        assert (update.message_type, update.order_status) == ("MARKET_ORDER", "FILLED")
        order = update.order
        assert (order.price, order.expire_time, order.expire_time_ns) == (None, None, None)
        assert order.expire_datetime is None

    def test_an_account_event_with_both_is_two_events(self, codec):
        """Documents show a balance or an order; a frame with both loses neither."""
        balance = {"currency": "AUDT", "totalBalance": "1", "lockedBalance": "0.5"}
        messages = decode(codec, account_event({"balance": balance, "order": ORDER}))
        values = [each.decode(each.payload) for each in messages]
        assert [type(value) for value in values] == [OrderUpdate, BalanceUpdate]
        assert values[1].balance == Balance("AUDT", Decimal("1"), Decimal("0.5"))

    @pytest.mark.parametrize(
        "payload", [None, {}, [1], "text", {"withdrawal": {"amount": 1}}, {"balance": None}]
    )
    def test_an_account_event_of_another_kind_is_an_update(self, codec, payload):
        """What an account event may also tell is nowhere documented; it is passed on."""
        assert value_of(codec, account_event(payload)) == Update(None, None, payload)

    def test_an_unreadable_order_is_told_to_its_consumer(self, codec):
        """An order without its quantity is no order: the consumer gets the error and its path."""
        order = {name: value for name, value in ORDER.items() if name != "quantity"}
        with pytest.raises(ProtocolError, match=r"quantity.*order"):
            value_of(codec, account_event({"order": order}))

    def test_a_frame_of_an_unknown_type_reaches_its_subscription(self, codec):
        """Whatever names a subscription is an event of it, with the whole frame as payload."""
        for kind in ("NEWS", 5):
            frame = {"type": kind, "subscriptionId": ROUTE, "news": 0.1}
            expected = {**frame, "news": Decimal("0.1")}
            assert value_of(codec, frame) == Update(None, None, expected)

    def test_the_reader_copies_nothing_of_a_book(self, codec):
        """The event of a pattern carries the frame itself, to be decoded by its consumer."""
        frame = json.dumps(message(raw_event())).encode()
        (event,) = codec.decode(frame)
        assert event.payload is frame


class TestSnapshots:
    def subscribed(self, codec, topic, payload):
        _, id = ask(codec, 1, codec.subscribe([topic], {}))
        frame = {"type": "SUBSCRIBED", "requestId": id, "subscriptionId": ROUTE}
        return decode(codec, {**frame, "payload": payload})

    @pytest.mark.parametrize("payload", [None, {}, {"snapshot": None}])
    def test_an_answer_without_a_snapshot_is_only_an_answer(self, codec, payload):
        """Nothing is delivered where the venue sent no state."""
        (response,) = self.subscribed(codec, pattern_topic("/p", True), payload)
        assert (response.id, response.route) == (1, ROUTE)
        assert json.loads(response.payload) == payload

    def test_the_answer_comes_before_its_snapshot(self, codec):
        """The route is known before the first event of it."""
        response, event = self.subscribed(
            codec, pattern_topic("/p", True), {"snapshot": {"price": 0.1}}
        )
        assert isinstance(response, Response)
        assert event.route == response.route == ROUTE
        assert event.decode(event.payload) == Snapshot({"price": Decimal("0.1")})

    def test_an_account_has_a_snapshot_of_its_own(self, codec):
        """What an account subscription brings first is typed, market by market."""
        snapshot = {
            "balances": [{"currency": "A", "totalBalance": "1", "lockedBalance": "0"}],
            "openOrders": [
                {"market": "ETHAUDT", "orders": [ORDER], "pageNumber": 0, "totalPageCount": 1},
                {"market": "EOSUSDT", "orders": [], "pageNumber": 0, "totalPageCount": 0},
            ],
        }
        topic = account_topic(ACCOUNT, True)
        _, event = self.subscribed(codec, topic, {"snapshot": snapshot})
        value = event.decode(event.payload)
        assert isinstance(value, AccountSnapshot)
        assert value.balances == (Balance("A", Decimal("1"), Decimal("0")),)
        assert [order.id for order in value.orders()] == [ORDER["id"]]
        assert pickle.loads(pickle.dumps(value)) == value

    @pytest.mark.parametrize("payload", [{"snapshot": {"balances": []}}, ["odd"], "odd"])
    def test_an_unreadable_snapshot_does_not_end_the_subscription(self, codec, payload):
        """The subscription stands; its consumer learns that the first event cannot be read."""
        response, event = self.subscribed(codec, account_topic(ACCOUNT, True), payload)
        assert response.route == ROUTE
        with pytest.raises(ProtocolError):
            event.decode(event.payload)


class TestAccounts:
    """An account's address stops all of its subscriptions on a connection."""

    def start(self, codec, id, route, snapshot=True):
        topic = account_topic(ACCOUNT, snapshot)
        self.begin(codec, id, topic)
        self.answer(codec, id, "SUBSCRIBED", route)
        return topic

    def begin(self, codec, id, topic):
        codec.encode(id, codec.subscribe([topic], {}))

    def answer(self, codec, id, kind, target):
        frame = {"type": kind, "requestId": id, "subscriptionId": target, "payload": None}
        assert isinstance(decode_one(codec, frame), Response)

    def stop(self, codec, id, topic, route):
        request = codec.unsubscribe(topic, route)
        codec.encode(id, request)
        return request.fields["subscriptionId"]

    def test_the_only_subscription_is_stopped_by_the_address(self, codec):
        """The document names the account by its address, not by the subscription's id."""
        topic = self.start(codec, 1, ROUTE)
        assert self.stop(codec, 2, topic, ROUTE) == ACCOUNT

    def test_one_of_two_is_stopped_by_its_own_id(self, codec):
        """The address would stop the other one too; the last one is stopped by it."""
        one = self.start(codec, 1, ROUTE)
        two = self.start(codec, 2, OTHER, snapshot=False)
        assert self.stop(codec, 3, one, ROUTE) == ROUTE
        self.answer(codec, 3, "UNSUBSCRIBED", ROUTE)
        assert self.stop(codec, 4, two, OTHER) == ACCOUNT

    def test_one_that_is_only_asked_for_counts(self, codec):
        """A subscribe under way would be stopped by the address, right behind it."""
        one = self.start(codec, 1, ROUTE)
        self.begin(codec, 2, account_topic(ACCOUNT))
        assert self.stop(codec, 3, one, ROUTE) == ROUTE

    def test_an_explicit_unsubscribe_ends_them_all(self, codec):
        """After the venue confirmed it, a new subscription is the only one again."""
        self.start(codec, 1, ROUTE)
        self.start(codec, 2, OTHER)
        codec.encode(3, Request("UNSUBSCRIBE", {"subscriptionId": ACCOUNT}))
        self.answer(codec, 3, "UNSUBSCRIBED", ACCOUNT)
        again = self.start(codec, 4, ROUTE)
        assert self.stop(codec, 5, again, ROUTE) == ACCOUNT

    def test_a_pattern_that_got_no_id_cannot_be_stopped(self, codec):
        """Without the id that the venue hands out there is nothing to send."""
        assert codec.unsubscribe(pattern_topic("/p"), None) is None


class TestTimes:
    @pytest.mark.parametrize(
        ("text", "nanoseconds"),
        [
            ("2019-07-12T11:36:35.98", 1_562_931_395_980_000_000),
            ("2019-07-12T11:36:35.6Z", 1_562_931_395_600_000_000),
            ("2019-07-12T11:36:35.026856887", 1_562_931_395_026_856_887),
            ("2019-07-12T11:36:35", 1_562_931_395_000_000_000),
        ],
    )
    def test_every_form_is_exact_and_utc(self, text, nanoseconds):
        """One to nine digits, with and without a zone: the same instant to the nanosecond."""
        seconds, fraction = divmod(nanoseconds, 10**9)
        exact = dt.datetime.fromtimestamp(seconds, UTC).replace(microsecond=fraction // 1000)
        book = RawOrderBook("ETHUSD", text, (), (), event_timestamp=text)
        assert (book.timestamp_ns, book.datetime) == (nanoseconds, exact)
        assert (book.event_timestamp_ns, book.event_datetime) == (nanoseconds, exact)
        entry = RawOrder("ETHUSD", "0x", "BUY", Decimal(1), Decimal(1), text, text)
        assert (entry.created_at_ns, entry.created_datetime) == (nanoseconds, exact)
        assert (entry.expired_at_ns, entry.expired_datetime) == (nanoseconds, exact)
        order = Order("", "", "", "", *[Decimal(1)] * 3, text, text, expire_time=text)
        assert (order.created_at_ns, order.created_datetime) == (nanoseconds, exact)
        assert (order.updated_at_ns, order.updated_datetime) == (nanoseconds, exact)
        assert (order.expire_time_ns, order.expire_datetime) == (nanoseconds, exact)

    def test_a_book_that_was_asked_for_has_no_event(self):
        """There is no time of an event where no event brought the book."""
        book = GroupedOrderBook("ETHUSD", "2019-07-12T11:36:35.98", (), ())
        assert (book.event_timestamp_ns, book.event_datetime) == (None, None)

    def test_a_time_that_is_none_is_told_when_it_is_asked_for(self):
        """The value is delivered with the venue's text; only the computed time raises."""
        with pytest.raises(ProtocolError):
            _ = RawOrderBook("ETHUSD", "05.12.2019T05:25:43.584+0000", (), ()).datetime


class TestTopics:
    @pytest.mark.parametrize(("given", "sent"), [("btc", "BTC"), ("ETHaudt", "ETHAUDT")])
    def test_symbols_are_sent_in_upper_case(self, given, sent):
        """The venue knows only upper case."""
        assert symbol_of("market", given) == sent
        assert raw_book_topic(given).spec.pattern == f"/orderbook.raw/{sent}"
        assert grouped_book_topic(given).spec.pattern == f"/orderbook.group/{sent}"
        assert trades_topic(given, "usdt").spec.pattern == f"/trade.symbols/{sent}/USDT"

    @pytest.mark.parametrize("given", ["", "ETH/AUDT", "ETH.*", "straße", " BTC", "BTC\n", "٣"])
    def test_what_is_no_symbol_is_refused(self, given):
        """A slash, a dot or a letter with no upper case would ask for something else."""
        for make in (raw_book_topic, grouped_book_topic, lambda text: trades_topic("BTC", text)):
            with pytest.raises(ValueError):
                make(given)

    def test_addresses_are_sent_in_lower_case(self):
        """A checksummed address is brought into the venue's spelling (the document's example)."""
        lower = "0x5e0ebaed421589102ab78622e2f0cc6b632dc462"
        for given in ("0x5E0EBAEd421589102AB78622e2F0cc6B632dc462", lower.upper()):
            assert address_of(given) == lower
            assert account_topic(given) == account_topic(lower)

    @pytest.mark.parametrize("given", ["", "0x", ACCOUNT[:-1], ACCOUNT + "0", ACCOUNT[2:], "me"])
    def test_what_is_no_address_is_refused(self, given):
        """Anything but 0x and forty hexadecimal digits."""
        with pytest.raises(ValueError):
            account_topic(given)

    @pytest.mark.parametrize("make", [pattern_topic, raw_book_topic, account_topic])
    def test_what_is_not_text_is_refused(self, make):
        """A number, bytes or nothing at all is the caller's mistake."""
        for given in (5, b"/p", None):
            with pytest.raises(TypeError, match="must be text"):
                make(given)

    def test_a_pattern_goes_word_for_word(self):
        """Neither its case nor its regular expression is touched."""
        pattern = "^/trade/0xABC/.*"
        assert pattern_topic(pattern).spec.pattern == pattern

    def test_a_snapshot_is_part_of_the_topic(self):
        """Who asks for the state gets a subscription of its own; who does not may share."""
        plain, full = pattern_topic("/p"), pattern_topic("/p", True)
        assert plain != full
        assert (plain.joining, full.joining) == (Joining.SHARE, Joining.OWN)
        assert account_topic(ACCOUNT).joining is Joining.SHARE
        assert account_topic(ACCOUNT, True).joining is Joining.OWN
        assert raw_book_topic("ethusd") == pattern_topic("/orderbook.raw/ETHUSD")

    @pytest.mark.parametrize(
        ("pattern", "private"),
        [
            ("/order.symbols/0x1/BTC/USDT/F", True),
            ("/order-update/.*", True),
            ("^/order-expired.symbols/0x1/BTC/USDT/F", True),
            ("/market-order.symbols/0x1/BTC/USDT/F", True),
            ("/trade.accounts/0x1/0x2/0x3", True),
            ("/deposit.symbols/0x1/BTC", True),
            ("/withdrawal.symbols/0x1/BTC", True),
            ("/orderbook.raw/ETHUSD", False),
            ("/orderbook/ETHUSD", False),
            ("^/trade/0x2/0x3", False),
            ("/trade.symbols/BTC/USDT", False),
        ],
    )
    def test_what_is_the_accounts_own_is_never_dropped_silently(self, pattern, private):
        """Orders, deposits and own trades are private; books and public trades are not."""
        assert pattern_topic(pattern).private is private
        assert account_topic(ACCOUNT).private

    def test_a_book_of_another_market_is_kept_away(self):
        """A pattern may match more than it says: ETHUSD must not bring ETHUSDT."""
        mine = RawOrderBook("ETHUSD", "", (), ())
        grouped = GroupedOrderBook("ETHUSD", "", (), ())
        narrow = raw_book_topic("ethusd").narrow
        assert narrow(mine) is mine
        for other in (RawOrderBook("ETHUSDT", "", (), ()), grouped, Update(1, {}, None)):
            assert narrow(other) is None
        assert grouped_book_topic("ethusd").narrow(grouped) is grouped
        assert grouped_book_topic("ethusd").narrow(mine) is None

    def test_a_trade_of_another_pair_is_kept_away(self, codec):
        """Only the two tokens that were asked for, in their order."""
        trade = value_of(codec, message(trade_event()))
        assert trades_topic("BTC", "USDT").narrow(trade) is trade
        assert trades_topic("USDT", "BTC").narrow(trade) is None
        assert trades_topic("BTC", "USDT").narrow(Update(1, {}, None)) is None

    def test_conflation_keeps_the_newest_of_each_subject(self, codec):
        """Books by market, trades by pair, others by type and reference; never a snapshot."""
        split = pattern_topic("/.*").split
        values = [
            RawOrderBook("ETHUSD", "", (), ()),
            RawOrderBook("ETHUSDT", "", (), ()),
            GroupedOrderBook("ETHUSD", "", (), ()),
            value_of(codec, message(trade_event())),
            Update(1, {"type": "A", "reference": "1"}, None),
            Update(1, {"type": "A", "reference": ["2"]}, None),
            Update(1, None, None),
        ]
        rows = [row for value in values for row in split(value)]
        assert [value for _, value in rows] == values
        assert len({key for key, _ in rows}) == len(values)
        ((first, _),) = split(RawOrderBook("ETHUSD", "1", (), ()))
        assert first == rows[0][0]
        assert pattern_topic("/p", True).split is None
        assert account_topic(ACCOUNT).split is None


class TestCatalogue:
    STORED = {
        "RAW_ORDER_BOOK_UPDATED": events.MESSAGE_DECODERS["RAW_ORDER_BOOK_UPDATED"],
        "GROUP_ORDER_BOOK_UPDATED": events.MESSAGE_DECODERS["GROUP_ORDER_BOOK_UPDATED"],
        "TRADE": events.MESSAGE_DECODERS["TRADE"],
        "message": events.message_update,
        "frame": events.frame_update,
        "account": events.account_update,
        "balance": events.balance_update,
        "order": events.order_update,
        "snapshot": events.pattern_snapshot,
        "account snapshot": events.account_snapshot,
    }

    @pytest.mark.parametrize("name", STORED)
    def test_stored_names_never_change(self, name):
        """They stand in stored data: a reader of tomorrow finds by them what was published today.

        One may be added; none may be changed, or given to anything else.
        """
        assert TimexCodec.catalogue.decoder(name) is self.STORED[name]
        assert TimexCodec.catalogue.name(self.STORED[name]) == name

    def test_every_event_that_has_a_model_has_a_name(self):
        """It is the venue's own."""
        for event, decode in events.MESSAGE_DECODERS.items():
            assert TimexCodec.catalogue.name(decode) == event

    @pytest.mark.parametrize(
        ("name", "payload", "moment"),
        [
            ("TRADE", {"message": {"event": {"timestamp": "2022-09-10T16:46:26.584"}}}, TRADED),
            ("message", {"message": {"event": {"timestamp": "2022-09-10T16:46:26.584"}}}, TRADED),
            ("message", {"message": {"event": {}}}, None),
            ("message", {"message": "text"}, None),
            ("TRADE", {"message": {"event": {"timestamp": "soon"}}}, None),
            ("order", {"order": {"updatedAt": "2022-09-10T16:46:26.584Z"}}, TRADED),
            ("order", {"order": {"createdAt": "2022-09-10T16:46:26.584Z"}}, None),
            ("balance", {"balance": {"currency": "AUDT"}}, None),
            ("snapshot", {"timestamp": "2022-09-10T16:46:26.584Z"}, None),
        ],
    )
    def test_the_venues_time_is_the_events(self, name, payload, moment):
        """An order's is when it last changed; balances, snapshots and strange frames have none."""
        assert TimexCodec.catalogue.time_ns(name, json.dumps(payload).encode()) == moment

    @pytest.mark.parametrize(
        ("name", "book"),
        [("RAW_ORDER_BOOK_UPDATED", "rawOrderBook"), ("GROUP_ORDER_BOOK_UPDATED", "orderbook")],
    )
    def test_a_book_has_the_time_of_its_event_or_its_own(self, name, book):
        """The event that brings a book may not say when it was."""
        event = {
            "timestamp": "2022-09-10T16:46:26.584",
            "data": {book: {"timestamp": "2022-09-10T16:46:25.584Z"}},
        }
        frame = {"message": {"event": event}}
        time_ns = TimexCodec.catalogue.time_ns
        assert time_ns(name, json.dumps(frame).encode()) == TRADED
        del event["timestamp"]
        assert time_ns(name, json.dumps(frame).encode()) == TRADED - 1_000_000_000
        event["data"] = {}
        assert time_ns(name, json.dumps(frame).encode()) is None

    @pytest.mark.parametrize(
        ("topic", "words"),
        [
            (raw_book_topic("ethusd"), ("orderbook.raw", "ETHUSD")),
            (grouped_book_topic("ethusd"), ("orderbook.group", "ETHUSD")),
            (trades_topic("btc", "usdt"), ("trade.symbols", "BTC", "USDT")),
        ],
        ids=str,
    )
    def test_a_narrowing_is_made_again_from_its_words(self, topic, words):
        """They are stored, as the names are: the family of the pattern, and what it is about."""
        assert topic.narrow.words == words
        assert TimexCodec.catalogue.narrowing(words) == topic.narrow
        assert TimexCodec.catalogue.narrowing((*words[:-1], "OTHER")) != topic.narrow

    @pytest.mark.parametrize(
        "words", [("orderbook.raw",), ("trade.symbols", "BTC"), ("orderbook", "A"), ("", "A")]
    )
    def test_words_of_no_narrowing_are_refused(self, words):
        """Too few, and unknown ones."""
        with pytest.raises(ValueError, match="narrowing"):
            TimexCodec.catalogue.narrowing(words)


class TestOrders:
    END = "2022-09-12T10:20:30.123Z"

    def order(self, **changes):
        given = {
            "symbol": "ethaudt",
            "side": "buy",
            "quantity": Decimal("0.5"),
            "price": "1500.10",
            "type": "limit",
            "expire_time": self.END,
            "client_order_id": None,
        }
        return orders.new_order(**{**given, **changes})

    def test_typed_arguments_are_brought_into_the_venues_spelling(self):
        """Symbol, side and type in upper case; every digit of the amounts is kept."""
        assert self.order() == {
            "price": Decimal("1500.10"),
            "quantity": Decimal("0.5"),
            "side": "BUY",
            "type": "LIMIT",
            "symbol": "ETHAUDT",
            "expireTime": self.END,
        }
        assert self.order(client_order_id="my-1")["clientOrderId"] == "my-1"

    def test_a_market_order_is_sent_with_a_price_of_nought(self):
        """The venue wants a price even where there is none."""
        item = self.order(type="MARKET", price=None, expire_time=None)
        assert item["price"] == 0
        assert "expireTime" not in item

    @pytest.mark.parametrize(
        "end", ["2022-09-12T10:20:30z", "2022-09-12T10:20:30.5+02:00", "2022-09-12T10:20:30-0230"]
    )
    def test_an_end_may_be_text_with_a_zone(self, end):
        """It goes to the venue as it was written, past or not."""
        assert self.order(expire_time=end)["expireTime"] == end

    def test_an_end_may_be_a_datetime(self):
        """An aware datetime is sent in UTC and in milliseconds."""
        zone = dt.timezone(dt.timedelta(hours=2))
        end = dt.datetime(2022, 9, 12, 12, 20, 30, 123_999, zone)
        assert self.order(expire_time=end)["expireTime"] == self.END

    @pytest.mark.parametrize(
        ("changes", "error"),
        [
            ({"quantity": 0.5}, TypeError),
            ({"price": 1500.1}, TypeError),
            ({"quantity": True}, TypeError),
            ({"quantity": "lots"}, ValueError),
            ({"quantity": ""}, ValueError),
            ({"quantity": "1_000"}, ValueError),
            ({"quantity": "1,5"}, ValueError),
            ({"quantity": " 1"}, ValueError),
            ({"quantity": "1\n"}, ValueError),
            ({"quantity": "1."}, ValueError),
            ({"quantity": ".5"}, ValueError),
            ({"quantity": "1e3"}, ValueError),
            ({"quantity": "\u0661\u0662"}, ValueError),
            ({"price": "\uff11"}, ValueError),
            ({"quantity": "NaN"}, ValueError),
            ({"price": Decimal("Infinity")}, ValueError),
            ({"quantity": 0}, ValueError),
            ({"price": "-1"}, ValueError),
            ({"price": None}, ValueError),
            ({"type": "MARKET"}, ValueError),
            ({"type": "MARKET", "price": 0}, ValueError),
            ({"type": "ICEBERG"}, ValueError),
            ({"side": "hold"}, ValueError),
            ({"side": None}, TypeError),
            ({"symbol": "ETH/AUDT"}, ValueError),
            ({"expire_time": None}, ValueError),
            ({"type": "POST_ONLY", "expire_time": None}, ValueError),
            ({"expire_time": "tomorrow"}, ValueError),
            ({"expire_time": "2022-09-12T10:20:30"}, ValueError),
            ({"expire_time": "2022-09-12T10:20:30.123"}, ValueError),
            ({"expire_time": dt.datetime(2022, 9, 12)}, ValueError),
            ({"expire_time": 3600}, TypeError),
            ({"client_order_id": ""}, ValueError),
            ({"client_order_id": 5}, TypeError),
        ],
    )
    def test_a_mistake_is_told_before_anything_is_sent(self, changes, error):
        """Floats are no money, and what the venue is known to refuse is not asked."""
        with pytest.raises(error):
            self.order(**changes)

    def test_a_change_names_the_order_and_its_new_terms(self):
        """The end is left as it is where none is given."""
        item = {"id": "0x1", "price": Decimal("2"), "quantity": Decimal("3")}
        assert orders.change("0x1", 3, 2, None) == item
        assert orders.change("0x1", 3, 2, self.END) == {**item, "expireTime": self.END}
        assert orders.cancellation("0x1") == {"id": "0x1"}
        for wrong in ("", None):
            with pytest.raises((TypeError, ValueError)):
                orders.change(wrong, 3, 2, None)


class Asked(TimexClient):
    """A client that keeps its request instead of sending it."""

    requested: Request

    def _request(self, request, decode, timeout=None, *, wait=None):
        self.requested = request

    def _unsubscribe(self, request, cancels, timeout=None):
        self.requested, self.cancels = request, cancels


class TestArguments:
    @pytest.fixture
    def client(self):
        return TimexClient(api_id=API_ID, api_secret=API_SECRET)

    @pytest.mark.parametrize(
        ("call", "error"),
        [
            (lambda client: client.subscribe(""), ValueError),
            (lambda client: client.subscribe(5), TypeError),
            (lambda client: client.subscribe("/p", snapshot=True, conflate=True), ValueError),
            (lambda client: client.subscribe_account(ACCOUNT, conflate=True), ValueError),
            (lambda client: client.unsubscribe_account("me"), ValueError),
            (lambda client: client.unsubscribe("/p"), TypeError),
            (lambda client: client.rest(""), ValueError),
            (lambda client: client.rest(None), TypeError),
            (lambda client: client.raw_order_book("BTCUSD", 0), ValueError),
            (lambda client: client.raw_order_book("BTCUSD", True), TypeError),
            (lambda client: client.raw_order_book("BTC/USD"), ValueError),
            (lambda client: client.open_orders(page=-1), ValueError),
            (lambda client: client.open_orders(size="10"), TypeError),
            (lambda client: client.cancel_order(""), ValueError),
            (lambda client: client.amend_order("0x1", 1.5, 1), TypeError),
        ],
    )
    def test_a_mistake_is_told_before_anything_is_sent(self, client, call, error):
        """No connection is needed to learn of a mistake."""
        with pytest.raises(error):
            call(client)

    @pytest.mark.parametrize(
        ("call", "read"),
        [
            (lambda client: client.rest("/get/trading/orders"), True),
            (lambda client: client.rest("/post/trading/orders", {}), False),
            (lambda client: client.rest("/put/trading/orders/json", {}), False),
            (lambda client: client.rest("/delete/trading/orders/json", {}), False),
            (lambda client: client.balances(), True),
            (lambda client: client.open_orders(), True),
            (lambda client: client.raw_order_book("BTCUSD"), True),
            (lambda client: client.place_order("BTCUSD", "BUY", 1, type="MARKET"), False),
            (lambda client: client.amend_order("0x1", 1, 1), False),
            (lambda client: client.cancel_order("0x1"), False),
        ],
    )
    def test_only_what_gets_is_a_read(self, call, read):
        """A read may wait for a connection and be sent again; an order never."""
        client = Asked(api_id=API_ID, api_secret=API_SECRET)
        call(client)
        assert client.requested.read is read

    def test_stopping_an_account_ends_only_its_own_subscriptions(self):
        """Another account's go on, and so do patterns, even one that reads like the address."""
        client = Asked(api_id=API_ID, api_secret=API_SECRET)
        client.unsubscribe_account(ACCOUNT.upper().replace("0X", "0x"))
        assert client.requested.fields == {"subscriptionId": ACCOUNT}
        other = account_topic("0x" + "1" * 40)
        for topic, ends in (
            (account_topic(ACCOUNT), True),
            (account_topic(ACCOUNT, True), True),
            (other, False),
            (pattern_topic(ACCOUNT), False),
        ):
            assert client.cancels(topic) is ends

    def test_what_needs_a_key_says_so_at_once(self, monkeypatch):
        """The message names the argument and the environment variable that are missing."""
        monkeypatch.delenv("VENUESDK_TIMEX_API_ID", raising=False)
        monkeypatch.setenv("VENUESDK_TIMEX_API_SECRET", API_SECRET)
        client = TimexClient()
        for call in (client.balances, lambda: client.subscribe_account(ACCOUNT)):
            with pytest.raises(ValueError, match="api_id= or .* VENUESDK_TIMEX_API_ID"):
                call()

    def test_half_a_key_is_a_mistake(self, monkeypatch):
        """An id without its secret is noticed at ``connect()``, before the network is touched."""
        monkeypatch.delenv("VENUESDK_TIMEX_API_SECRET", raising=False)
        with pytest.raises(ValueError, match="needs both of api_id= and api_secret="):
            TimexClient(api_id=API_ID).connect()


@pytest.fixture
def venue():
    """The simulated venue; its market moves only when a test says so."""
    with simulate("timex", interval=None) as started:
        yield started


@pytest.fixture
def client(venue):
    """A connected client that loses no time before it connects again."""
    with connect(venue) as connected:
        yield connected


def connect(venue, **options):
    """Make a client of the simulated venue."""
    given = {"url": venue.url, "reconnect": Backoff(initial=0.01), **venue.credentials}
    return TimexClient(**{**given, **options})


def sent(venue, kind):
    """Return every request of one type that the venue received, oldest first."""
    frames = [json.loads(text) for _, text in venue.received]
    return [frame for frame in frames if frame["type"] == kind]


class TestStreams:
    def test_books_and_trades_arrive_typed_at_callbacks(self, client, venue):
        """Each stream calls its callback with its own type, in the order of arrival."""
        seen = queue.SimpleQueue()
        client.subscribe_raw_order_book("ethusd", seen.put)
        client.subscribe_grouped_order_book("ETHUSD", seen.put)
        client.subscribe_trades("btc", "usdt", seen.put)
        venue.tick(2)
        events = [seen.get(timeout=5) for _ in range(6)]
        assert [type(event) for event in events] == [RawOrderBook, GroupedOrderBook, Trade] * 2
        raw, grouped, trade = events[:3]
        assert (raw.market, grouped.market) == ("ETHUSD", "ETHUSD")
        assert all(order.direction == "BUY" for order in raw.bids)
        assert raw.bids[0].price < raw.asks[0].price
        level = grouped.asks[0]
        assert level.price * level.volume == level.volume_quote
        # The tokens' decimals, as recorded: 20 for BTC, 16 for USDT.
        assert trade.base_token_amount == trade.quantity * 10**20
        assert trade.quote_token_amount == trade.quantity * trade.price * 10**16

    def test_amounts_may_be_numbers_beyond_any_machine_integer(self):
        """Token amounts written as JSON numbers lose no digit."""
        with (
            simulate("timex", interval=None, numeric_amounts=True) as venue,
            connect(venue) as client,
            client.subscribe_trades("BTC", "USDT") as trades,
        ):
            venue.tick()
            trade = trades.get(5)
            assert trade.base_token_amount == trade.quantity * 10**20

    def test_a_snapshot_is_the_first_event_of_whoever_asked(self, client, venue):
        """A late joiner gets the state by a subscription of its own, and others none."""
        plain = client.subscribe("/orderbook.raw/ETHUSD")
        first = client.subscribe("/orderbook.raw/ETHUSD", snapshot=True)
        late = client.subscribe("/orderbook.raw/ETHUSD", snapshot=True)
        venue.tick()
        assert isinstance(plain.get(5), RawOrderBook)
        for subscription in (first, late):
            assert isinstance(subscription.get(5), Snapshot)
            assert isinstance(subscription.get(5), RawOrderBook)
        assert [frame["snapshot"] for frame in sent(venue, "SUBSCRIBE")] == [False, True, True]

    def test_an_event_before_its_answer_is_not_lost(self):
        """The venue promises no order of an event and the answer that names its route."""
        with (
            simulate("timex", interval=None, event_before_response=True) as venue,
            connect(venue) as client,
            client.subscribe_raw_order_book("ETHUSD") as book,
        ):
            assert book.get(5).market == "ETHUSD"

    def test_an_event_without_a_model_is_delivered_as_it_came(self, client, venue):
        """A pattern whose events no document shows brings updates, with the venue's number."""
        pattern = "/ticker/ETHUSD/H1"
        ticker = client.subscribe(pattern)
        assert venue.publish(pattern, {"type": "TICKER", "last": 0.1}, {"x": None}, id=12) == 1
        update = ticker.get(5)
        assert update == Update(12, {"type": "TICKER", "last": Decimal("0.1")}, {"x": None})
        assert update.type == "TICKER"

    def test_an_event_that_cannot_be_read_is_a_gap_in_its_place(self, client, venue):
        """The stream goes on behind it, and the error is reported."""
        errors, gaps = queue.SimpleQueue(), []
        client.on_error(errors.put)
        pattern = "/orderbook.raw/ETHUSD"
        book = client.subscribe(pattern, on_gap=gaps.append)
        venue.publish(pattern, {"type": "RAW_ORDER_BOOK_UPDATED", "data": {}})
        venue.tick()
        assert isinstance(book.get(5), RawOrderBook)
        assert [gap.reason for gap in gaps] == [GapReason.UNDECODABLE]
        assert type(errors.get(timeout=5)) is ProtocolError

    def test_a_pattern_that_the_venue_does_not_take_is_refused_by_it(self, client, venue):
        """Patterns go word for word: a lower-case symbol is the venue's to refuse."""
        with pytest.raises(RequestRejected, match="must always be uppercase"):
            client.subscribe("/orderbook.raw/ethusd")
        assert sent(venue, "SUBSCRIBE")[0]["pattern"] == "/orderbook.raw/ethusd"

    def test_one_stream_on_the_wire_ends_with_the_last_that_shares_it(self, client, venue):
        """Equal patterns share one subscription; its own id, handed out by the venue, stops it."""
        one = client.subscribe_raw_order_book("ETHUSD")
        two = client.subscribe("/orderbook.raw/ETHUSD")
        assert len(sent(venue, "SUBSCRIBE")) == 1
        client.unsubscribe(one)
        assert sent(venue, "UNSUBSCRIBE") == []
        venue.tick()
        assert isinstance(two.get(5), RawOrderBook)
        client.unsubscribe(two)
        (frame,) = sent(venue, "UNSUBSCRIBE")
        uuid.UUID(frame["subscriptionId"])
        with pytest.raises(ClientClosed):
            two.get(5)

    def test_after_a_cut_the_streams_begin_anew_behind_a_gap(self, client, venue):
        """Ids die with their connection: new ones are handed out, and the state comes first."""
        gaps = []
        account = client.subscribe_account(venue.account, snapshot=True, on_gap=gaps.append)
        book = client.subscribe_raw_order_book("ETHUSD", on_gap=gaps.append)
        assert isinstance(account.get(5), AccountSnapshot)
        venue.drop()
        assert isinstance(account.get(5), AccountSnapshot)
        assert venue.wait_for(lambda v: len(sent(v, "SUBSCRIBE")) == 2)
        client.rest("/get/public/markets")
        venue.tick()
        assert book.get(5).market == "ETHUSD"
        assert [gap.reason for gap in gaps] == [GapReason.RECONNECTED] * 2

    def test_a_refused_replay_ends_that_subscription_alone(self, client, venue):
        """A key that is refused later ends the account's stream; the book heals."""
        account = client.subscribe_account(venue.account)
        book = client.subscribe_raw_order_book("ETHUSD")
        client.on_error(lambda error: None)
        venue.refuse_login()
        venue.drop()
        with pytest.raises(AuthenticationError, match="Access denied"):
            account.get(5)
        client.rest("/get/public/markets")
        venue.tick()
        assert book.get(5).market == "ETHUSD"


class TestAccount:
    def test_an_order_is_placed_amended_and_cancelled_and_each_step_is_told(self, client, venue):
        """Answers are typed, ids change with an amendment, and the account hears of it all."""
        account = client.subscribe_account(venue.account.upper().replace("0X", "0x"))
        end = dt.datetime(2100, 1, 1, tzinfo=UTC)
        placed = client.place_order("ethaudt", "buy", "0.02", "1.50", expire_time=end)
        (order,) = placed.orders
        assert (order.symbol, order.side, order.type) == ("ETHAUDT", "BUY", "LIMIT")
        assert (order.quantity, order.price) == (Decimal("0.02"), Decimal("1.5"))
        assert order.expire_datetime == end
        told = account.get(5)
        assert (told.order, told.order_status) == (order, "ACTIVE")
        balance = account.get(5).balance
        assert balance == Balance("AUDT", Decimal("111.672571309375"), Decimal("0.03"))
        assert client.open_orders() == placed.orders
        assert balance in client.balances()

        (changed,) = client.amend_order(order.id, 1, Decimal(2)).changed_orders
        assert (changed.old_id, changed.new_order.quantity) == (order.id, Decimal(1))
        assert changed.new_order.id != order.id
        assert client.cancel_order(order.id).unchanged_orders == (order.id,)
        (gone,) = client.cancel_order(changed.new_order.id).changed_orders
        assert gone.new_order.cancelled_quantity == Decimal(1)
        assert client.open_orders(page=0, size=10) == ()

    def test_a_market_order_tells_its_trades(self, client, venue):
        """A filled order's update has the trades that filled it, exactly."""
        account = client.subscribe_account(venue.account)
        (order,) = client.place_order("BTCUSDT", "SELL", "0.001", type="MARKET").orders
        assert order.filled_quantity == Decimal("0.001")
        update = account.get(5)
        assert (update.message_type, update.order_status) == ("MARKET_ORDER", "FILLED")
        assert sum(info.trade_quantity for info in update.trade_info) == Decimal("0.001")
        assert {info.trade_price for info in update.trade_info} == {order.avg_price}

    def test_what_the_account_cannot_pay_is_refused_by_its_type(self, client, venue):
        """The venue's no is authoritative: the order was certainly not placed."""
        with pytest.raises(InsufficientFunds, match=r"Insufficient AUDT balance") as caught:
            client.place_order("ETHAUDT", "BUY", 1000, 2000, expire_time="2100-01-01T00:00:00Z")
        assert not caught.value.outcome_unknown
        assert caught.value.request.fields["stream"] == "/post/trading/orders/json"
        assert client.open_orders() == ()

    def test_an_order_that_is_not_answered_may_have_been_placed(self, client, venue):
        """A timeout tells that the outcome is unknown, and the order is not sent again."""
        venue.mute()
        with pytest.raises(RequestTimeout) as caught:
            client.place_order("BTCUSDT", "SELL", "0.001", type="MARKET", timeout=0.2)
        assert caught.value.outcome_unknown
        venue.mute(False)
        client.rest("/get/public/markets")
        assert len([f for f in sent(venue, "REST") if f["stream"].startswith("/post")]) == 1

    def test_a_wrong_secret_is_an_authentication_error(self, venue):
        """The venue has no login: each request that needs the key is refused by itself."""
        with connect(venue, api_secret="wrong") as client:
            for call in (client.balances, lambda: client.subscribe_account(venue.account)):
                with pytest.raises(AuthenticationError, match="Access denied"):
                    call()
            assert client.raw_order_book("BTCUSD").market == "BTCUSD"

    def test_public_data_needs_no_key(self, venue, monkeypatch):
        """Without credentials books can be asked for and subscribed to."""
        for name in ("API_ID", "API_SECRET"):
            monkeypatch.delenv(f"VENUESDK_TIMEX_{name}", raising=False)
        with TimexClient(url=venue.url) as client:
            book = client.raw_order_book("btcusd", 3)
            assert (len(book.bids), len(book.asks)) == (3, 3)
            with client.subscribe_grouped_order_book("BTCUSD") as books:
                venue.tick()
                assert books.get(5).market == "BTCUSD"

    def test_rest_returns_plain_data_with_exact_numbers(self, client, venue):
        """Any stream can be asked for; its body comes as it is, integers as ints."""
        (row,) = client.rest("/get/custody/deposit-addresses", {"showRemoved": False})
        assert row["address"]["account"] == venue.account
        (market, *_) = client.rest("/get/public/markets")
        assert market["tickSize"] == "1"
        assert type(market["sortOrder"]) is int

    def test_stopping_an_account_ends_all_of_its_subscriptions(self, client, venue):
        """One unsubscribe by the address ends every subscription, and no other."""
        plain = client.subscribe_account(venue.account)
        full = client.subscribe_account(venue.account, snapshot=True)
        book = client.subscribe_raw_order_book("ETHUSD")
        client.unsubscribe_account(venue.account)
        assert (plain.closed, full.closed, book.closed) == (True, True, False)
        assert [f["subscriptionId"] for f in sent(venue, "UNSUBSCRIBE")] == [venue.account]
        with pytest.raises(RequestRejected, match="Subscription not found"):
            client.unsubscribe_account(venue.account)
        assert not book.closed

    def test_closing_one_of_two_leaves_the_other_its_events(self, client, venue):
        """The address would have stopped both, so the first is stopped by its own id."""
        one = client.subscribe_account(venue.account)
        two = client.subscribe_account(venue.account, snapshot=True)
        assert isinstance(two.get(5), AccountSnapshot)
        client.unsubscribe(one)
        client.place_order("BTCUSDT", "SELL", "0.001", type="MARKET")
        assert isinstance(two.get(5), OrderUpdate)
        client.unsubscribe(two)
        first, last = (frame["subscriptionId"] for frame in sent(venue, "UNSUBSCRIBE"))
        uuid.UUID(first)
        assert last == venue.account


def test_an_account_that_lost_events_is_asked_for_with_a_snapshot():
    """Whether one was asked for at first or not; a pattern is asked for as before."""
    codec = TimexCodec({})
    (account, pattern) = (account_topic(ACCOUNT, False), pattern_topic("/orderbook.raw/ETHAUDT"))
    assert codec.subscribe([account], {}).fields["snapshot"] is False
    assert codec.subscribe([account], {"resync": True}).fields["snapshot"] is True
    assert codec.subscribe([pattern], {"resync": True}).fields["snapshot"] is False


class TestEcho:
    """A venue, or a gateway, that repeats the request in its answer."""

    def test_an_error_shows_no_credential_that_was_sent_back(self):
        """The auth of a request stands in an answer that cannot be read, and not in the error."""
        secret = "s3cr-41f0"  # short: the suite's own watch reads locals while an error is made
        with simulate("timex", interval=None, api_id="id-41f0", api_secret=secret) as venue:

            def echo(connection, text):
                message = json.loads(text)
                connection.respond({**message, "status": "SUCCESS", "responseBody": message})

            venue.on_text = echo
            with TimexClient(url=venue.url, **venue.credentials) as client:
                with pytest.raises(ProtocolError) as caught:
                    client.balances(timeout=5)
                assert secret not in caught.value.frame
                assert "********" in caught.value.frame
                assert caught.value.outcome_unknown
