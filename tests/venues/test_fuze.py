"""Fuze's codec, topics and models without a socket; then the client against the simulator.

The frames that the documents show are on the venue's tape; here is what lies between them.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import json
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from venuesdk.errors import (
    AuthenticationError,
    InvalidRequest,
    ProtocolError,
    RequestRejected,
    RequestTimeout,
    VenueError,
    VenueUnavailable,
)
from venuesdk.models import GapReason
from venuesdk.protocol.codec import Ended, Event, Rejection, Request, Response
from venuesdk.secret import Secret
from venuesdk.testing import simulate
from venuesdk.venues.fuze import Asset, FuzeClient, FuzeCodec, MarketData, Policies, Quote
from venuesdk.venues.fuze.topics import market_data_topic, quotes_topic

BTC = ("quote_request", "BTC_USD")
ETH = ("quote_request", "ETH_USD")
MARKET = ("market_data_request", "")


@pytest.fixture
def codec() -> FuzeCodec:
    """A codec of one new connection."""
    return FuzeCodec({"api_key": Secret("the-key"), "api_secret": Secret("the-secret")})


def decode(codec, frame):
    """Decode a frame to the list of what it says."""
    return list(codec.decode(json.dumps(frame).encode()))


def begin(codec, id, topic):
    """Write the request that starts `topic`."""
    return json.loads(codec.encode(id, codec.subscribe([topic], {})))


def quote(symbol="BTC_USD", buy=1.5, sell=1.75):
    """Write a quote as the venue's data."""
    return {"symbol": symbol, "buyPrice": buy, "sellPrice": sell}


def ok(data):
    """Write the envelope of a success."""
    return {"code": 200, "data": data, "error": None}


def stream(data, method="quote_request"):
    """Write a frame of a stream."""
    return {"method": method, "response": ok(data)}


def refusal(code=400, error="Invalid symbol", method="quote_request", data=None):
    """Write a frame by which a stream is refused."""
    return {"method": method, "response": {"code": code, "data": data, "error": error}}


def answer(id, **members):
    """Write an answer."""
    return {"jsonrpc": "2.0", "id": id, **members}


def kinds(messages):
    """Return the types of messages."""
    return [type(message) for message in messages]


def raised_by(event):
    """Return the refusal that an event's decoding raises."""
    with pytest.raises(RequestRejected) as caught:
        event.decode(event.payload)
    return caught.value


class TestOpening:
    def test_the_login_carries_the_credentials_and_the_request_does_not(self, codec):
        """Key and secret stand in the frame alone."""
        request = next(codec.opening())
        assert "the-" not in repr(request)
        assert json.loads(codec.encode(1, request)) == {
            "jsonrpc": "2.0",
            "method": "rpc.login",
            "params": {"apiKey": "the-key", "apiSecret": "the-secret"},
            "id": 1,
        }

    def test_nothing_follows_a_login_but_its_true(self, codec):
        """The login is one request, and done when the venue says true."""
        steps = codec.opening()
        next(steps)
        with pytest.raises(StopIteration):
            steps.send(b"true")

    def test_a_login_answered_false_is_an_authentication_error(self, codec):
        """A successful response that says false is the venue's refusal."""
        steps = codec.opening()
        next(steps)
        with pytest.raises(AuthenticationError) as caught:
            steps.send(b"false")
        assert caught.value.venue == "fuze"

    @pytest.mark.parametrize("payload", [b"null", b"1", b'"true"', b"{}", b""])
    def test_a_login_answered_otherwise_is_no_login(self, codec, payload):
        """Only true lets the client in; an answer of another kind is not taken for a refusal."""
        steps = codec.opening()
        next(steps)
        with pytest.raises(ProtocolError):
            steps.send(payload)

    @pytest.mark.parametrize(
        ("error", "raised"),
        [
            ({"code": -32604, "message": "Params not found"}, AuthenticationError),
            ({"code": -32099, "message": "login refused"}, AuthenticationError),
            ("bad key", AuthenticationError),
            ({"code": -32605, "message": "Method forbidden"}, AuthenticationError),
            ({"code": -32000, "message": "Error"}, VenueUnavailable),
            ({"code": -32603, "message": "Internal error"}, VenueUnavailable),
        ],
    )
    def test_only_the_venues_own_trouble_is_no_refusal_of_the_credentials(
        self, codec, error, raised
    ):
        """A failed handler may work again, so it must not end the client's attempts."""
        steps = codec.opening()
        codec.encode(1, next(steps))
        (message,) = decode(codec, answer(1, error=error))
        with pytest.raises(VenueError) as caught:
            steps.throw(message.error)
        assert type(caught.value) is raised


class TestAnswers:
    @pytest.mark.parametrize("id", [5, "5"])
    def test_an_answer_is_matched_by_the_text_of_its_id(self, codec, id):
        """The venue's samples show ids as numbers and as text."""
        assert decode(codec, answer(id, result=[1.10])) == [Response(5, b"[1.1]")]

    @pytest.mark.parametrize("id", ["x", "", -1, 1.5, True, [1], "9" * 5000, "msg:1", " 1"])
    def test_an_id_that_is_not_ours_is_named(self, codec, id):
        """An answer with an id of another form is a `ProtocolError` that names the id."""
        with pytest.raises(ProtocolError, match="no id of ours"):
            decode(codec, answer(id, result=True))

    def test_an_error_of_null_is_none(self, codec):
        """A result beside an error of null is a success."""
        assert kinds(decode(codec, answer(5, result=True, error=None))) == [Response]

    def test_an_error_outweighs_a_result(self, codec):
        """Where an answer has both it is a refusal."""
        assert kinds(decode(codec, answer(5, result=True, error="no"))) == [Rejection]

    @pytest.mark.parametrize(
        ("error", "code", "message"),
        [
            (["odd"], None, '["odd"]'),
            (False, None, "false"),
            ({}, None, "{}"),
            ({"code": 7}, 7, '{"code": 7}'),
            ({"code": "E7", "message": "seven"}, "E7", "seven"),
            ({"code": [1], "message": "listed"}, None, "listed"),
            ({"code": -32099, "message": "Error", "data": "down"}, -32099, "Error: down"),
        ],
    )
    def test_an_error_of_any_form_is_a_refusal(self, codec, error, code, message):
        """Whatever the venue puts into `error`, it said no, and what it put there is shown."""
        (rejection,) = decode(codec, answer(5, error=error))
        assert (rejection.error.code, rejection.error.message) == (code, message)
        assert not rejection.error.outcome_unknown

    @pytest.mark.parametrize(
        ("code", "text", "kind"),
        [
            (-32700, "Parse error", InvalidRequest),
            (-32600, "Invalid Request", InvalidRequest),
            (-32601, "Method not found", InvalidRequest),
            (-32602, "Invalid params", InvalidRequest),
            (-32604, "Params not found", InvalidRequest),
            (-32605, "Method forbidden", AuthenticationError),
            (-32606, "Event forbidden", AuthenticationError),
            (-32000, "Event not provided", RequestRejected),
            (400, "Bad Request", InvalidRequest),
            (401, "You're not authorized", AuthenticationError),
            (403, "Unauthorized", AuthenticationError),
            (404, "Not Found", RequestRejected),
            (4001, "custom", RequestRejected),
        ],
    )
    def test_a_code_decides_the_class_of_a_refusal(self, codec, code, text, kind):
        """The server's own codes and those of the REST answers; any other is a plain refusal."""
        (rejection,) = decode(codec, answer(5, error={"code": code, "message": text}))
        error = rejection.error
        assert (type(error), error.code, error.message) == (kind, code, text)
        assert (error.venue, error.outcome_unknown) == ("fuze", False)

    @pytest.mark.parametrize(
        ("error", "text"),
        [
            (
                {"code": -32000, "message": "TypeError", "data": "plain Error thrown"},
                "TypeError: plain Error thrown (-32000)",
            ),
            ({"code": -32603, "message": "Internal error"}, "Internal error (-32603)"),
            ({"code": 500, "message": "oops"}, "oops (500)"),
        ],
    )
    def test_a_handler_that_failed_may_have_done_what_was_asked(self, codec, error, text):
        """The venue's own trouble is no refusal: nobody can say how far its handler came."""
        (rejection,) = decode(codec, answer(5, error=error))
        assert (rejection.id, type(rejection.error)) == (5, VenueUnavailable)
        assert (str(rejection.error), rejection.error.venue) == (text, "fuze")
        assert rejection.error.outcome_unknown

    def test_a_result_is_not_judged_for_a_plain_request(self, codec):
        """A general call gets what the venue returned, be it false or an envelope."""
        for result in (False, {"code": 400, "data": None, "error": "x"}, quote()):
            codec.encode(5, Request("foo"))
            (response,) = decode(codec, answer(5, result=result))
            assert json.loads(response.payload) == result

    def test_a_refusal_without_an_id_is_the_only_unanswered_requests(self, codec):
        """The venue refuses with the id null what it could not read; one request can be meant."""
        codec.encode(4, Request("foo"))
        codec.encode(5, Request("foo"))
        decode(codec, answer(4, result=True))
        (rejection,) = decode(codec, answer(None, error={"code": -32700, "message": "Parse error"}))
        assert rejection.id == 5
        assert type(rejection.error) is InvalidRequest

    def test_a_refusal_without_an_id_is_nobodys_among_several(self, codec):
        """Where it may be any of several requests it is reported with its text, and none fails."""
        codec.encode(4, Request("foo"))
        codec.encode(5, Request("foo"))
        with pytest.raises(ProtocolError, match="Parse error"):
            decode(codec, answer(None, error={"code": -32700, "message": "Parse error"}))
        assert kinds(decode(codec, answer(4, result=True))) == [Response]

    def test_an_error_that_cannot_be_read_is_a_refusal_still(self, codec):
        """An `error` says no, whatever stands in it."""
        (message,) = codec.decode(b'{"jsonrpc":"2.0","id":5,"error":{"message":"\xff"}}')
        assert (message.id, type(message.error)) == (5, RequestRejected)

    def test_an_answer_that_cannot_be_read_leaves_the_outcome_unknown(self, codec):
        """An answer that names its request is that request's, readable or not."""
        begin(codec, 5, quotes_topic("BTC_USD", "RFQ"))
        (message,) = codec.decode(b'{"jsonrpc":"2.0","id":5,"result":{"error":"\xff"}}')
        assert message.id == 5
        assert type(message.error) is ProtocolError
        assert message.error.outcome_unknown

    @pytest.mark.parametrize(
        "frame",
        [
            "",
            "{",
            "5",
            "null",
            '"x"',
            "{}",
            '{"id":null}',
            '{"response":{}}',
            '{"method":5}',
            "\xff",
        ],
    )
    def test_a_frame_that_is_nothing_known_is_a_protocol_error(self, codec, frame):
        """What cannot be read and belongs to nobody is reported, never dropped."""
        with pytest.raises(ProtocolError):
            codec.decode(frame.encode("latin-1"))

    def test_a_call_from_the_venue_is_not_taken_for_an_answer(self, codec):
        """A frame with a method, and neither result nor error, answers nobody, whatever its id."""
        codec.encode(5, Request("foo"))
        (event,) = decode(codec, answer(5, method="hello", params={"a": 1}))
        assert (event.route, event.decode(event.payload)) == ("hello", {"a": 1})


class TestBatches:
    def test_a_batch_says_what_its_members_say(self, codec):
        """Answers and stream frames in one array are read in their order."""
        begin(codec, 3, quotes_topic("BTC_USD", "RFQ"))
        messages = decode(codec, [answer(2, result=1), stream(quote()), answer(4, error="no")])
        assert kinds(messages) == [Response, Response, Event, Rejection]
        assert [m.id for m in messages if type(m) is not Event] == [2, 3, 4]

    def test_white_space_before_a_batch_is_nothing(self, codec):
        """JSON may begin with white space."""
        assert len(codec.decode(b' \n[{"jsonrpc":"2.0","id":1,"result":1}]')) == 1

    def test_an_unreadable_member_takes_no_answer_with_it(self, codec):
        """The other members are delivered; the unreadable one is an event without a reader."""
        messages = decode(codec, [answer(2, result=1), answer("?", result=2)])
        assert kinds(messages) == [Response, Event]
        assert json.loads(messages[1].payload)["id"] == "?"

    def test_a_batch_of_nothing_readable_is_a_protocol_error(self, codec):
        """Where nothing is lost by it, the frame is reported as unreadable."""
        with pytest.raises(ProtocolError):
            decode(codec, [answer("?", result=2), 5])

    def test_an_empty_batch_says_nothing(self, codec):
        """An empty array has no members to read."""
        assert decode(codec, []) == []


class TestAcknowledgements:
    """No document says how the request of a stream is answered."""

    @pytest.fixture
    def waiting(self, codec):
        frame = begin(codec, 2, quotes_topic("BTC_USD", "RFQ"))
        assert frame["params"] == {"symbol": "BTC_USD", "type": "RFQ"}
        return codec

    @pytest.mark.parametrize("members", [{"result": True}, {}, {"result": None}, {"result": "ok"}])
    def test_an_answer_without_a_quote_acknowledges(self, waiting, members):
        """True, nothing, null or a text: the request was accepted."""
        assert kinds(decode(waiting, answer(2, **members))) == [Response]
        assert kinds(decode(waiting, stream(quote()))) == [Event]

    @pytest.mark.parametrize("result", [ok(quote()), quote()])
    def test_a_quote_acknowledges_and_is_the_first_event(self, waiting, result):
        """The quote in the answer is delivered, in its envelope or bare."""
        response, event = decode(waiting, answer(2, result=result))
        assert (response.id, event.route) == (2, BTC)
        assert event.decode(event.payload) == Quote("BTC_USD", Decimal("1.5"), Decimal("1.75"))
        assert kinds(decode(waiting, stream(quote()))) == [Event]

    def test_the_first_frame_acknowledges_where_no_answer_came(self, waiting):
        """The stream flows, so its request was accepted; later frames are events alone."""
        response, event = decode(waiting, stream(quote()))
        assert (response, event.route) == (Response(2, b"true"), BTC)
        assert kinds(decode(waiting, stream(quote()))) == [Event]

    @pytest.mark.parametrize("form", ["object", "array", "envelope", "standard"])
    def test_the_first_notification_acknowledges_too(self, waiting, form):
        """A stream may come as notifications: of the data, in an array, enveloped, or standard."""
        frame = {
            "object": {"notification": "quotes", "params": quote()},
            "array": {"notification": "quotes", "params": [quote()]},
            "envelope": {"notification": "quote_request", "params": ok(quote())},
            "standard": {"jsonrpc": "2.0", "method": "quote_request", "params": quote()},
        }[form]
        response, event = decode(waiting, frame)
        assert (response.id, event.route) == (2, BTC)
        assert event.decode(event.payload).sell_price == Decimal("1.75")

    def test_an_answer_behind_the_first_frame_says_nothing_more(self, waiting):
        """A request is answered once."""
        decode(waiting, stream(quote()))
        assert decode(waiting, answer(2, result=True)) == []

    def test_a_quote_behind_the_first_frame_is_an_event(self, waiting):
        """A quote that comes as a late answer is a quote still."""
        decode(waiting, stream(quote()))
        (event,) = decode(waiting, answer(2, result=ok(quote(buy=2.5))))
        assert event.decode(event.payload).buy_price == Decimal("2.5")

    @pytest.mark.parametrize(
        "members",
        [{"error": {"code": 400, "message": "no"}}, {"result": {"code": 400, "error": "no"}}],
    )
    def test_a_refusal_behind_the_first_frame_is_not_lost(self, waiting, members):
        """It ends the stream, of which no more can come; asked for again, it starts anew."""
        decode(waiting, stream(quote()))
        (ended,) = decode(waiting, answer(2, **members))
        assert type(ended) is Ended
        assert ended.route == BTC
        error = ended.error
        assert (type(error), error.code, error.message) == (InvalidRequest, 400, "no")

    def test_a_quiet_stream_is_no_fault(self):
        """A request that nothing has answered yet does not make the connection suspect."""
        assert FuzeCodec.silent

    def test_the_frame_of_another_symbol_acknowledges_nothing(self, waiting):
        """Each stream is known by its symbol."""
        assert kinds(decode(waiting, stream(quote("ETH_USD")))) == [Event]

    def test_a_symbol_is_the_same_in_any_case(self, codec):
        """Where the venue writes a symbol in its own case its quotes still arrive."""
        frame = begin(codec, 2, quotes_topic("btc_usd", "RFQ"))
        assert frame["params"]["symbol"] == "btc_usd"
        response, event = decode(codec, stream(quote("BTC_USD")))
        assert (response.id, event.route) == (2, quotes_topic("btc_usd", "RFQ").route)

    def test_market_data_acknowledge_market_data(self, codec):
        """The first frame of the market data answers their request, and no other's."""
        begin(codec, 2, quotes_topic("BTC_USD", "RFQ"))
        assert "params" not in begin(codec, 3, market_data_topic())
        data = {"timestamp": 1706792030668, "data": []}
        response, event = decode(codec, stream(data, "market_data_request"))
        assert (response.id, event.route) == (3, MARKET)
        assert event.decode(event.payload) == MarketData(1706792030668, ())

    @pytest.mark.parametrize(
        "result", [{"timestamp": 5, "data": []}, ok({"timestamp": 5, "data": []})]
    )
    def test_market_data_in_an_answer_are_the_first_event(self, codec, result):
        """What comes as the answer is delivered, in its envelope or bare."""
        begin(codec, 3, market_data_topic())
        response, event = decode(codec, answer(3, result=result))
        assert (response.id, event.decode(event.payload)) == (3, MarketData(5, ()))

    @pytest.mark.parametrize("result", [{"anything": 1}, ok(None), ok([1]), ok({}), {"symbol": 5}])
    def test_an_answer_of_no_known_shape_only_acknowledges(self, waiting, result):
        """A result that is no quote is not passed off as one."""
        assert kinds(decode(waiting, answer(2, result=result))) == [Response]

    def test_two_types_of_one_symbol_share_their_first_frame(self, waiting):
        """A quote does not name its type, so it acknowledges every request for its symbol."""
        begin(waiting, 3, quotes_topic("BTC_USD", "OTHER"))
        messages = decode(waiting, stream(quote()))
        assert [getattr(message, "id", None) for message in messages] == [2, 3, None]

    def test_a_quote_in_one_answer_acknowledges_the_other_request_too(self, waiting):
        """The quote that answers one of two requests for a symbol is the stream's first frame."""
        begin(waiting, 3, quotes_topic("BTC_USD", "OTHER"))
        messages = decode(waiting, answer(2, result=ok(quote())))
        assert [getattr(message, "id", None) for message in messages] == [2, 3, None]


class TestRefusedStreams:
    @pytest.mark.parametrize(
        ("members", "kind"),
        [
            ({"result": False}, RequestRejected),
            ({"result": {"code": 400, "data": None, "error": "no"}}, InvalidRequest),
            ({"result": {"code": 404, "data": None, "error": None}}, RequestRejected),
            ({"result": {"code": 500, "data": None, "error": None}}, VenueUnavailable),
            ({"error": {"code": -32605, "message": "Method forbidden"}}, AuthenticationError),
        ],
    )
    def test_an_answer_can_refuse(self, codec, members, kind):
        """False, an envelope that is no success, or an error: the stream does not begin."""
        begin(codec, 2, quotes_topic("BTC_USD", "RFQ"))
        (rejection,) = decode(codec, answer(2, **members))
        assert (rejection.id, type(rejection.error)) == (2, kind)
        assert kinds(decode(codec, stream(quote()))) == [Event]

    def test_a_frame_refuses_the_one_request_that_waits(self, codec):
        """The frame names the method alone; the stream that flows already is not meant."""
        begin(codec, 2, quotes_topic("BTC_USD", "RFQ"))
        decode(codec, stream(quote()))
        begin(codec, 3, quotes_topic("NO_SUCH", "RFQ"))
        (rejection,) = decode(codec, refusal())
        assert rejection.id == 3
        assert (rejection.error.code, rejection.error.message) == (400, "Invalid symbol")

    def test_a_frame_refuses_the_stream_that_was_acknowledged_without_a_frame(self, codec):
        """After a mere true the refusal ends the stream that has had no frame."""
        begin(codec, 2, quotes_topic("BTC_USD", "RFQ"))
        decode(codec, stream(quote()))
        begin(codec, 3, quotes_topic("NO_SUCH", "RFQ"))
        decode(codec, answer(3, result=True))
        (ended,) = decode(codec, refusal())
        assert type(ended) is Ended
        assert ended.route == ("quote_request", "NO_SUCH")
        assert ended.error.message == "Invalid symbol"
        begin(codec, 4, quotes_topic("NO_SUCH", "RFQ"))
        (rejection,) = decode(codec, refusal())
        assert rejection.id == 4

    def test_a_failure_of_the_venue_ends_no_stream(self, codec):
        """It may be passing: the one stream sees it as an event that raises it."""
        begin(codec, 2, quotes_topic("BTC_USD", "RFQ"))
        decode(codec, stream(quote()))
        (event,) = decode(codec, refusal(503, "try later"))
        assert type(event) is Event
        with pytest.raises(VenueUnavailable, match="try later"):
            event.decode(event.payload)

    def test_a_refusal_that_may_mean_several_requests_is_told_to_each(self, codec):
        """Nobody can say which is meant, so no request fails and every stream hears of it."""
        begin(codec, 2, quotes_topic("BTC_USD", "RFQ"))
        begin(codec, 3, quotes_topic("ETH_USD", "RFQ"))
        events = decode(codec, refusal(error={"a": 1}))
        assert [event.route for event in events] == [BTC, ETH]
        assert [raised_by(event).message for event in events] == ['{"a":1}'] * 2
        assert kinds(decode(codec, stream(quote("ETH_USD")))) == [Response, Event]

    def test_a_refusal_in_mid_stream_is_told_to_every_stream_of_the_method(self, codec):
        """Streams of another method are not concerned."""
        begin(codec, 2, quotes_topic("BTC_USD", "RFQ"))
        begin(codec, 3, quotes_topic("ETH_USD", "RFQ"))
        begin(codec, 4, market_data_topic())
        for frame in (stream(quote()), stream(quote("ETH_USD"))):
            decode(codec, frame)
        events = decode(codec, refusal(403, "Unauthorized"))
        assert [event.route for event in events] == [BTC, ETH]
        assert type(raised_by(events[0])) is AuthenticationError

    def test_a_refusal_of_nothing_that_was_asked_for_is_reported(self, codec):
        """Where no stream can be meant the frame is a `ProtocolError` with the venue's text."""
        with pytest.raises(ProtocolError, match="Invalid symbol"):
            decode(codec, refusal())

    def test_a_refused_request_waits_for_nothing(self, codec):
        """The next refusal can only mean the other request."""
        begin(codec, 2, quotes_topic("BTC_USD", "RFQ"))
        begin(codec, 3, quotes_topic("ETH_USD", "RFQ"))
        decode(codec, answer(2, error="no"))
        (rejection,) = decode(codec, refusal())
        assert rejection.id == 3

    def test_the_other_request_for_the_symbol_still_waits(self, codec):
        """One type of a symbol is refused; the first quote answers the other."""
        begin(codec, 2, quotes_topic("BTC_USD", "NOPE"))
        begin(codec, 3, quotes_topic("BTC_USD", "RFQ"))
        decode(codec, answer(2, error="no"))
        response, _ = decode(codec, stream(quote()))
        assert response.id == 3


class TestEvents:
    def test_prices_have_every_digit_of_the_number(self, codec):
        """A JSON number becomes the Decimal that it spells, never a binary fraction."""
        (event,) = codec.decode(
            b'{"method":"quote_request","response":{"code":200,"error":null,"data":'
            b'{"symbol":"X","buyPrice":0.10000000000000000000001,"sellPrice":1e-7}}}'
        )
        assert event.decode(event.payload) == Quote(
            "X", Decimal("0.10000000000000000000001"), Decimal("1E-7")
        )

    @pytest.mark.parametrize(
        ("data", "path"),
        [
            ({"symbol": "X", "buyPrice": 1}, "sellPrice"),
            ({"symbol": "X", "buyPrice": None, "sellPrice": 1}, "buyPrice"),
            ({"symbol": "X", "buyPrice": "NaN", "sellPrice": 1}, "not finite"),
        ],
    )
    def test_a_quote_that_cannot_be_read_names_the_place(self, codec, data, path):
        """A missing or wrong price is a `ProtocolError`, raised where the event is decoded."""
        (event,) = decode(codec, stream(data))
        with pytest.raises(ProtocolError, match=path):
            event.decode(event.payload)

    @pytest.mark.parametrize("data", [None, [], {}, {"symbol": 5}, "x"])
    def test_a_quote_of_no_symbol_is_a_protocol_error(self, codec, data):
        """Nobody can be told of a quote that does not say what it is about."""
        with pytest.raises(ProtocolError):
            decode(codec, stream(data))

    def test_a_stream_of_an_unknown_method_is_plain_data(self, codec):
        """It goes to its method's name, where nobody may listen, and can be read."""
        (event,) = decode(codec, stream({"a": 1}, "other_request"))
        assert (event.route, event.decode(event.payload)) == ("other_request", {"a": 1})

    def test_market_data_have_a_time(self):
        """The venue's milliseconds make an aware UTC datetime."""
        # `date -u -d @1706792030` prints 2024-02-01 12:53:50.
        moment = dt.datetime(2024, 2, 1, 12, 53, 50, 668000, tzinfo=dt.timezone.utc)
        assert MarketData(1706792030668, ()).datetime == moment


class TestCatalogue:
    @pytest.mark.parametrize(
        ("frame", "name"),
        [
            (stream(quote()), "quote"),
            (stream({"timestamp": 1, "data": []}, "market_data_request"), "market_data"),
            (stream({"a": 1}, "other_request"), "json"),
        ],
    )
    def test_stored_names_never_change(self, codec, frame, name):
        """They stand in stored data: a reader of tomorrow finds by them what was published today.

        One may be added; none may be changed, or given to anything else.
        """
        (event,) = decode(codec, frame)
        assert FuzeCodec.catalogue.name(event.decode) == name
        assert FuzeCodec.catalogue.decoder(name) is event.decode

    def test_a_refusal_has_no_name(self, codec):
        """It is told where the stream is read, and means nothing elsewhere."""
        for id, topic in ((1, quotes_topic("BTC_USD", "RFQ")), (2, quotes_topic("ETH_USD", "RFQ"))):
            begin(codec, id, topic)
        refused = [each for each in decode(codec, refusal()) if isinstance(each, Event)]
        assert refused
        assert {FuzeCodec.catalogue.name(event.decode) for event in refused} == {None}

    def test_only_market_data_have_a_time(self):
        """It is in milliseconds; a quote has none."""
        time_ns = FuzeCodec.catalogue.time_ns
        payload = json.dumps({"timestamp": 1_706_792_030_668, "data": []}).encode()
        assert time_ns("market_data", payload) == 1_706_792_030_668_000_000
        assert time_ns("quote", payload) is None
        assert time_ns("market_data", b'{"timestamp": "1706792030668"}') is None


class TestTopics:
    def test_quotes_are_told_apart_by_symbol_and_type(self):
        """The same symbol in another case is the same; another type is not."""
        one = quotes_topic("BTC_USD", "RFQ")
        assert one == quotes_topic("btc_usd", "RFQ")
        assert one != quotes_topic("BTC_USD", "OTHER")
        assert one != quotes_topic("ETH_USD", "RFQ")
        assert one != market_data_topic()

    def test_conflation_is_by_symbol_and_by_asset(self):
        """A quote is one value; market data are cut into one for each asset."""
        price = Quote("BTC_USD", Decimal(1), Decimal(2))
        assert list(quotes_topic("BTC_USD", "RFQ").split(price)) == [("BTC_USD", price)]
        assets = (Asset("BTC", Policies()), Asset("ETH", Policies()))
        rows = list(market_data_topic().split(MarketData(7, assets)))
        assert rows == [
            ("BTC", MarketData(7, assets[:1])),
            ("ETH", MarketData(7, assets[1:])),
        ]

    def test_no_request_stops_a_stream(self, codec):
        """No document names one."""
        topic = quotes_topic("BTC_USD", "RFQ")
        assert codec.unsubscribe(topic, topic.route) is None


class Asked(FuzeClient):
    """A client that keeps its request instead of sending it."""

    requested: Request

    def _request(self, request, decode, timeout=None, *, wait=None):
        self.requested = request


class TestArguments:
    @pytest.fixture
    def client(self):
        return FuzeClient(api_key="k", api_secret="s")

    def test_a_general_request_is_never_taken_for_a_read(self):
        """Nobody knows what a method does, so it is sent once, or not at all."""
        client = Asked(api_key="k", api_secret="s")
        client.request("foo", {"a": 1})
        assert not client.requested.read

    @pytest.mark.parametrize(
        ("arguments", "error"),
        [(("",), ValueError), ((5,), TypeError), (("X", ""), ValueError), (("X", None), TypeError)],
    )
    def test_a_quote_is_of_a_symbol_and_a_type(self, client, arguments, error):
        """Both are text: refused before anything is sent."""
        with pytest.raises(error):
            client.subscribe_quotes(*arguments)

    @pytest.mark.parametrize(
        ("arguments", "error"),
        [
            (("rpc.login",), ValueError),
            (("",), ValueError),
            ((5,), TypeError),
            (("foo", "text"), TypeError),
            (("foo", b"bytes"), TypeError),
            (("foo", 5), TypeError),
        ],
    )
    def test_a_request_is_a_method_and_an_object_or_array(self, client, arguments, error):
        """The login is the client's own, and the venue refuses params that are text."""
        with pytest.raises(error):
            client.request(*arguments)


ACKNOWLEDGEMENTS = ["true", "nothing", "quote", "silent"]


class TestClient:
    """Against the simulator, over a real socket."""

    @pytest.mark.parametrize("acknowledge", ACKNOWLEDGEMENTS)
    @pytest.mark.parametrize("form", ["response", "notification"])
    def test_quotes_flow_however_they_are_acknowledged(self, acknowledge, form):
        """Each way of answering starts the stream, in both forms of its frames."""
        with (
            simulate("fuze", interval=None, acknowledge=acknowledge, stream_form=form) as venue,
            FuzeClient(url=venue.url, **venue.credentials) as client,
        ):
            quotes = client.subscribe_quotes("BTC_USD", timeout=5)
            market = client.subscribe_market_data(timeout=5)
            venue.tick()
            assert quotes.get(5).symbol == "BTC_USD"
            assert [row.asset for row in market.get(5).assets] == ["BTC", "ETH", "USDC"]

    def test_nothing_is_sent_before_the_login_is_answered(self):
        """A slow login holds back the request that was made meanwhile."""
        with (
            simulate("fuze", interval=None, login_delay=0.1) as venue,
            FuzeClient(url=venue.url, **venue.credentials) as client,
        ):
            assert "rpc.login" in client.request("__listMethods", timeout=5)
            login, call = (json.loads(text) for _, text in venue.received)
            assert (login["method"], call["method"]) == ("rpc.login", "__listMethods")
            assert "params" not in call

    def test_a_refused_login_raises_at_connect(self):
        """The venue's `false` is an `AuthenticationError` of `connect`."""
        with simulate("fuze", interval=None) as venue:
            client = FuzeClient(url=venue.url, api_key="wrong", api_secret="wrong")
            try:
                with pytest.raises(AuthenticationError, match="false"):
                    client.connect(5)
            finally:
                client.close()

    @pytest.mark.parametrize("acknowledge", ["quote", "silent"])
    def test_a_bad_symbol_is_refused_to_its_caller(self, acknowledge):
        """The refusal comes in the answer, or in the only frame, and is the caller's."""
        with (
            simulate("fuze", interval=None, acknowledge=acknowledge) as venue,
            FuzeClient(url=venue.url, **venue.credentials) as client,
        ):
            with pytest.raises(InvalidRequest) as caught:
                client.subscribe_quotes("NO_SUCH", timeout=5)
            assert (caught.value.code, caught.value.message) == (400, "Invalid symbol")

    @pytest.mark.parametrize("acknowledge", ["true", "nothing"])
    def test_a_refusal_behind_the_acknowledgement_ends_the_subscription(self, acknowledge):
        """It is typed, in ``get`` and in ``on_error``; asking again asks the venue again."""
        errors = []
        with (
            simulate("fuze", interval=None, acknowledge=acknowledge) as venue,
            FuzeClient(
                url=venue.url, delivery="pump", on_error=errors.append, **venue.credentials
            ) as client,
        ):
            for asked in (1, 2):
                bad = client.subscribe_quotes("NO_SUCH", timeout=5)
                with pytest.raises(InvalidRequest, match="Invalid symbol"):
                    bad.get(5)
                assert bad.closed
                requests = [text for _, text in venue.received if "quote_request" in text]
                assert len(requests) == asked
            client.pump(1)
        assert [type(error) for error in errors] == [InvalidRequest] * 2

    def test_a_stream_that_stays_silent_is_a_timeout_and_costs_no_connection(self):
        """Nothing comes at all: the caller's time runs out, and the client stays connected."""
        with (
            simulate("fuze", interval=None) as venue,
            FuzeClient(url=venue.url, **venue.credentials) as client,
        ):
            venue.mute()
            with pytest.raises(RequestTimeout):
                client.subscribe_quotes("BTC_USD", timeout=0.1)
            venue.mute(False)
            assert client.request("__listMethods", timeout=5)
            assert venue.accepted == 1

    def test_a_cut_connection_heals_with_a_gap_and_a_new_login(self):
        """After a cut the streams are asked for again, behind a login, and the gap comes first."""
        gaps = []
        with (
            simulate("fuze", interval=None) as venue,
            FuzeClient(url=venue.url, **venue.credentials) as client,
        ):
            quotes = client.subscribe_quotes("BTC_USD", on_gap=gaps.append, timeout=5)
            quotes.get(5)
            venue.drop()
            assert quotes.get(10).symbol == "BTC_USD"
            assert [gap.reason for gap in gaps] == [GapReason.RECONNECTED]
            again = [json.loads(text)["method"] for number, text in venue.received if number == 2]
            assert again == ["rpc.login", "quote_request"]

    def test_a_closed_stream_is_not_started_again(self):
        """Closing asks the venue for nothing, and leaves the replay."""
        with (
            simulate("fuze", interval=None) as venue,
            FuzeClient(url=venue.url, **venue.credentials) as client,
        ):
            quotes = client.subscribe_quotes("BTC_USD", timeout=5)
            market = client.subscribe_market_data(timeout=5)
            market.get(5)
            quotes.close()
            venue.drop()
            market.get(10)
            again = [json.loads(text)["method"] for number, text in venue.received if number == 2]
            assert again == ["rpc.login", "market_data_request"]


NAMES = st.sampled_from(
    ["id", "method", "response", "notification", "params", "result", "error", "code", "data"]
    + ["symbol", "timestamp", "message"]
)
PIECES = st.sampled_from(
    [1, 2, 200, "quote_request", "market_data_request", "quotes", quote(), ok(quote()), ok([])]
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
    codec = FuzeCodec({"api_key": Secret("k"), "api_secret": Secret("s")})
    begin(codec, 1, quotes_topic("BTC_USD", "RFQ"))
    begin(codec, 2, market_data_topic())
    for frame in frames:
        with contextlib.suppress(VenueError):
            for message in codec.decode(json.dumps(frame).encode()):
                if isinstance(message, Event):
                    message.decode(message.payload)
