"""Loopring's codec, topics and models without a socket; then the client against the simulator.

The frames that the documents show are on the venue's tape; here is what lies between them.
"""

from __future__ import annotations

import datetime as dt
import json
import threading
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal

import pytest

from venuesdk.errors import (
    AuthenticationError,
    ClientClosed,
    ConnectFailed,
    InvalidRequest,
    NotSubscribed,
    ProtocolError,
    RateLimitExceeded,
    RequestRejected,
    VenueUnavailable,
)
from venuesdk.models import GapReason, HttpResponse, State
from venuesdk.protocol.codec import Event, Heartbeat, Rejection, Response
from venuesdk.secret import Secret
from venuesdk.testing import simulate
from venuesdk.timing import Backoff
from venuesdk.venues.loopring import (
    Account,
    AccountUpdate,
    All,
    AmmPool,
    AmmPoolUpdate,
    Block,
    Blocks,
    BlocksUpdate,
    BookSlot,
    Candlesticks,
    CandlestickUpdate,
    Depth,
    LoopringClient,
    LoopringCodec,
    LoopringV2Codec,
    OrderBook,
    OrderBookUpdate,
    Orders,
    OrderUpdate,
    Ticker,
    TickerUpdate,
    TopicUpdate,
    Trades,
    TradesUpdate,
)
from venuesdk.venues.loopring.address import with_key
from venuesdk.venues.loopring.codec import leave_request
from venuesdk.venues.loopring.events import DECODERS
from venuesdk.venues.loopring.topics import config_of, topic_of

KEY = "loopring-key-of-a-test"
POOL = "0x18920d6E6Fb7EbE057a4DD9260D6D95845c95036"
NOW = 1_584_717_910_000


@pytest.fixture
def codec():
    """A codec of one new connection."""
    return LoopringCodec({"api_key": Secret(KEY)})


def decode(codec, frame):
    """Decode a frame, given as JSON data."""
    return codec.decode(json.dumps(frame).encode())


def ask(codec, id, request):
    """Write a request, and return it as the venue reads it."""
    return json.loads(codec.encode(id, request))


def sub(codec, id, *topics, reply=True, **options):
    """Subscribe, and let the venue say yes."""
    frame = ask(codec, id, codec.subscribe([topic_of(topic) for topic in topics], options))
    if reply:
        assert decode(codec, answer(id)) == (Response(id, b"[]"),)
    return frame


def answer(sequence=None, status="ok", code=None, message="why", **members):
    """Write a reply of the venue."""
    result = {"status": status}
    if code is not None:
        result["error"] = {"code": code, "message": message}
    reply = {"op": "sub", "topics": [], "result": result, **members}
    return reply if sequence is None else reply | {"sequence": sequence}


def push(topic, data=(), **members):
    """Write a push."""
    return {"topic": topic, "ts": NOW, "data": data, **members}


def value_of(codec, frame):
    """Decode a push down to its value."""
    event = decode(codec, frame)[0]
    assert isinstance(event, Event)
    return event.decode(event.payload)


def routes(codec, topic):
    """Return where a push of `topic` goes."""
    return {event.route for event in decode(codec, push(topic))}


def key(topic):
    """Return the route of a topic."""
    return topic_of(topic).route


class TestFrames:
    @pytest.mark.parametrize(
        ("topics", "needed"),
        [
            ([Account()], True),
            ([Ticker("LRC-ETH"), Orders("LRC-ETH")], True),
            ([{"topic:": "order", "market": "LRC-ETH"}], True),
            ([Ticker("LRC-ETH"), OrderBook("LRC-ETH"), Blocks()], False),
        ],
    )
    def test_the_key_is_sent_only_where_a_topic_needs_it(self, codec, topics, needed):
        """Public topics travel without the account's key, to stop as to start."""
        assert ("apiKey" in sub(codec, 1, *topics)) is needed
        stop = leave_request([config_of(topic) for topic in topics], False)
        assert ("apiKey" in ask(codec, 2, stop)) is needed

    def test_stopping_all_orders_needs_the_key_too(self, codec):
        """A topic that stands for all of its name is one that needs the key."""
        assert ask(codec, 1, leave_request([All("order").config()], False))["apiKey"] == KEY

    def test_a_private_topic_without_a_key_cannot_be_written(self):
        """Whoever reaches the codec without a key learns it before anything is sent."""
        with pytest.raises(ValueError, match="api_key"):
            sub(LoopringCodec({}), 1, Account())

    def test_stopping_a_topic_names_its_whole_configuration(self, codec):
        """What is stopped is exactly what was started."""
        topic = topic_of(OrderBook("LRC-ETH", 1, count=20, snapshot=True))
        frame = ask(codec, 5, codec.unsubscribe(topic, topic.route))
        assert frame["op"] == "unSub"
        assert frame["topics"] == sub(codec, 6, OrderBook("LRC-ETH", 1, 20, True))["topics"]

    def test_settings_that_are_not_asked_for_are_not_sent(self, codec):
        """The smallest form of each topic is the documents'."""
        frame = sub(codec, 1, OrderBook("A-B"), Depth("A-B"), Blocks())
        assert frame["topics"] == [
            {"topic": "orderbook", "market": "A-B", "level": 0},
            {"topic": "depth", "market": "A-B"},
            {"topic": "blockgen"},
        ]

    def test_only_one_request_is_in_flight(self):
        """That is what makes a reply without a sequence somebody's."""
        assert LoopringCodec.serial
        assert LoopringCodec.grouped


class TestReplies:
    def test_a_reply_without_a_sequence_answers_the_request_in_flight(self, codec):
        """A rejection, or a success, that names no request is for the only one there is."""
        sub(codec, 7, Blocks(), reply=False)
        (rejection,) = decode(codec, answer(status="failed", code=104115))
        assert isinstance(rejection, Rejection)
        assert rejection.id == 7
        sub(codec, 8, Blocks(), reply=False)
        assert decode(codec, answer()) == (Response(8, b"[]"),)

    def test_a_reply_without_a_sequence_is_nobodys_while_nothing_is_in_flight(self, codec):
        """Nor does it answer a request that was answered before."""
        sub(codec, 7, Blocks())
        with pytest.raises(ProtocolError, match="nothing was asked"):
            decode(codec, answer())

    def test_a_late_reply_leaves_the_request_in_flight_alone(self, codec):
        """A reply with the number of another request is that one's, and changes nothing."""
        sub(codec, 7, Ticker("A-B"), reply=False)
        (late,) = decode(codec, answer(6, "failed", 104113))
        assert (late.id, type(late.error)) == (6, NotSubscribed)
        assert decode(codec, answer(7)) == (Response(7, b"[]"),)
        assert routes(codec, {"topic": "ticker", "market": "A-B"}) == {key(Ticker("A-B"))}

    @pytest.mark.parametrize("status", ["ok", "OK", "Ok"])
    def test_the_status_is_compared_without_case(self, codec, status):
        """Documents say ok, captured replies OK."""
        sub(codec, 1, Blocks(), reply=False)
        assert isinstance(decode(codec, answer(1, status))[0], Response)

    @pytest.mark.parametrize("status", ["failed", "FAILED", "okay", ""])
    def test_any_other_status_is_a_refusal(self, codec, status):
        """What is not a yes is a no, with or without an error."""
        sub(codec, 1, Blocks(), reply=False)
        (message,) = decode(codec, answer(1, status))
        assert type(message.error) is RequestRejected
        assert (message.error.code, message.error.message) == (None, status)
        assert not message.error.outcome_unknown

    @pytest.mark.parametrize("result", [None, "ok", {}, {"status": None}, {"status": 1}])
    def test_a_reply_without_a_status_leaves_the_outcome_unknown(self, codec, result):
        """It answers its request all the same, so that its caller need not wait."""
        sub(codec, 3, Blocks(), reply=False)
        (message,) = decode(codec, {"op": "sub", "sequence": 3, "result": result})
        assert message.id == 3
        assert type(message.error) is ProtocolError
        assert message.error.outcome_unknown

    def test_a_code_written_as_text_counts(self, codec):
        """An unknown code stays on a plain refusal."""
        sub(codec, 1, Blocks(), reply=False)
        (message,) = decode(codec, answer(1, "failed", "104113"))
        assert (type(message.error), message.error.code) == (NotSubscribed, 104113)
        sub(codec, 2, Blocks(), reply=False)
        (message,) = decode(codec, answer(2, "failed", 104999))
        assert (type(message.error), message.error.code) == (RequestRejected, 104999)

    @pytest.mark.parametrize(
        "frame", [b"", b"{", b"[]", b"5", b"pong", b"{}", b"\xff", b'{"ts":1}']
    )
    def test_a_frame_that_is_neither_is_a_protocol_error(self, codec, frame):
        """What is no ping, no reply and no push is reported, never dropped."""
        with pytest.raises(ProtocolError):
            codec.decode(frame)


class TestHeartbeat:
    def test_each_ping_has_exactly_one_pong(self, codec):
        """The venue hangs up on one pong too many, so there is none of its own accord."""
        assert codec.decode(b"ping") == (Heartbeat("pong"),)
        assert codec.heartbeat() is None


class TestRouting:
    def test_a_push_goes_to_the_topics_that_fit_what_it_carries(self, codec):
        """Name, market whatever its case, level, interval and pool decide."""
        topics = (
            OrderBook("LRC-ETH"),
            OrderBook("LRC-ETH", level=1),
            OrderBook("LRC-USDT"),
            Trades("LRC-ETH"),
            AmmPool(POOL),
        )
        sub(codec, 1, *topics)
        book = {"topic": "orderbook", "market": "lrc-eth"}
        assert routes(codec, book | {"level": 1}) == {key(OrderBook("LRC-ETH", 1))}
        assert routes(codec, book) == {key(OrderBook("LRC-ETH")), key(OrderBook("LRC-ETH", 1))}
        assert routes(codec, {"topic": "trade"}) == {key(Trades("LRC-ETH"))}
        pool = {"topic": "ammpool", "poolAddress": POOL.lower()}
        assert routes(codec, pool) == {key(AmmPool(POOL))}

    def test_a_candle_without_a_market_goes_to_all_of_its_interval(self, codec):
        """The document's own sample names no market."""
        one, two = Candlesticks("LRC-ETH", "2hr"), Candlesticks("LRC-USDT", "2hr")
        sub(codec, 1, one, two, Candlesticks("LRC-ETH", "1hr"))
        assert routes(codec, {"topic": "candlestick", "interval": "2hr"}) == {key(one), key(two)}

    def test_a_push_that_names_one_configuration_whole_is_of_that_one(self, codec):
        """Changes do not end up among whole books of the same market."""
        changes, whole = OrderBook("LRC-ETH"), OrderBook("LRC-ETH", count=5, snapshot=True)
        sub(codec, 1, changes, whole)
        topic = {"topic": "orderbook", "market": "LRC-ETH", "level": 0}
        assert routes(codec, topic) == {key(changes)}
        assert routes(codec, topic | {"count": 5, "snapshot": True}) == {key(whole)}
        assert routes(codec, topic | {"snapshot": False}) == {key(changes)}

    @pytest.mark.parametrize("topic", [{"topic": "news"}, "account", {}, ["x"], 5])
    def test_a_push_that_nobody_asked_for_keeps_its_topic_as_its_route(self, codec, topic):
        """So it is counted as one that nobody claims; its value is plain data."""
        (event,) = decode(codec, push(topic, data=1.10))
        assert event.route == json.dumps(topic).encode()
        value = event.decode(event.payload)
        assert (value.topic, value.data) == (topic, Decimal("1.10"))

    def test_a_topic_nested_without_end_breaks_nothing(self, codec):
        """It is somebody else's push, or one that cannot be read."""
        frame = b'{"topic":{"topic":"trade","x":' + b"[" * 900 + b"]" * 900 + b'},"ts":1,"data":[]}'
        try:
            (event,) = codec.decode(frame)
        except ProtocolError:
            return
        assert isinstance(event.route, bytes)

    def test_a_push_right_behind_the_request_has_its_route(self, codec):
        """It may come before the reply does."""
        sub(codec, 1, Blocks(), reply=False)
        assert routes(codec, {"topic": "blockgen"}) == {key(Blocks())}

    def test_what_was_found_once_is_found_anew_when_the_topics_change(self, codec):
        """A further topic, a refused one and a stopped one change where pushes go."""
        ticker = {"topic": "candlestick", "interval": "1d"}
        one, two = Candlesticks("A-B", "1d"), Candlesticks("C-D", "1d")
        sub(codec, 1, one)
        assert routes(codec, ticker) == {key(one)}
        sub(codec, 2, two, reply=False)
        assert routes(codec, ticker) == {key(one), key(two)}
        decode(codec, answer(2, "failed", 104106))
        assert routes(codec, ticker) == {key(one)}
        sub(codec, 3, two)
        ask(codec, 4, leave_request([one.config()], False))
        decode(codec, answer(4, "failed", 104113))
        assert routes(codec, ticker) == {key(one), key(two)}
        ask(codec, 5, leave_request([one.config()], False))
        decode(codec, answer(5))
        assert routes(codec, ticker) == {key(two)}

    def test_a_refused_request_takes_nothing_from_what_stood_before(self, codec):
        """A topic that was there already survives the refusal of a request that names it again."""
        sub(codec, 1, Blocks())
        sub(codec, 2, Blocks(), Ticker("A-B"), reply=False)
        decode(codec, answer(2, "failed", 104102))
        assert routes(codec, {"topic": "blockgen"}) == {key(Blocks())}

    def test_stopping_everything_leaves_what_the_same_request_started(self, codec):
        """The top-level flag of a sub ends what stood before it, that of an unSub everything."""
        sub(codec, 1, Ticker("A-B"), Blocks())
        sub(codec, 2, Blocks(), unsubscribe_all=True)
        assert routes(codec, {"topic": "blockgen"}) == {key(Blocks())}
        assert key(Ticker("A-B")) not in routes(codec, {"topic": "ticker", "market": "A-B"})
        ask(codec, 3, leave_request([Blocks().config()], True))
        decode(codec, answer(3))
        assert key(Blocks()) not in routes(codec, {"topic": "blockgen"})

    def test_stopping_all_of_a_name_stops_its_every_configuration(self, codec):
        """Other names are left alone."""
        sub(codec, 1, OrderBook("A-B"), OrderBook("C-D"), Trades("A-B"))
        ask(codec, 2, leave_request([All("orderbook").config()], False))
        decode(codec, answer(2))
        assert key(OrderBook("C-D")) not in routes(codec, {"topic": "orderbook", "market": "C-D"})
        assert routes(codec, {"topic": "trade", "market": "A-B"}) == {key(Trades("A-B"))}

    def test_spellings_of_topics_are_not_remembered_without_end(self, codec):
        """A venue that invents topics does not fill the memory."""
        for number in range(3_000):
            routes(codec, {"topic": "trade", "market": f"A-{number}"})
        assert len(codec._targets) <= 1_000


TRADE = ["1584717910000", "123456789", "SELL", "500000", "0.0008"]


class TestValues:
    @pytest.mark.parametrize(
        ("row", "market", "fee"),
        [
            ([*TRADE, "100"], "LRC-ETH", 100),
            ([*TRADE, "LRC-USDT", "100"], "LRC-USDT", 100),
            ([*TRADE, "AMM-LRC-USDT", "100", "9", "1"], "AMM-LRC-USDT", 100),
            (["AMM-LRC-ETH", *TRADE, "100"], "AMM-LRC-ETH", 100),
            ([*TRADE, "-5"], "LRC-ETH", -5),
            ([*TRADE, ""], "LRC-ETH", None),
            ([*TRADE, None], "LRC-ETH", None),
            ([*TRADE, "LRC-USDT"], "LRC-USDT", None),
            (TRADE, "LRC-ETH", None),
            ([1584717910000, 123456789, "sell", 500000, 0.0008, 100], "LRC-ETH", 100),
        ],
    )
    def test_every_layout_of_a_trade_is_read(self, codec, row, market, fee):
        """The market may stand first, before the fee, or nowhere; the raw row stays."""
        update = value_of(codec, push({"topic": "trade", "market": "LRC-ETH"}, [row]))
        (trade,) = update.trades
        assert (trade.timestamp, trade.trade_id, trade.side) == (NOW, "123456789", "sell")
        assert (trade.size, trade.price) == (500_000, Decimal("0.0008"))
        assert (trade.market, trade.fee) == (market, fee)
        assert [str(cell) for cell in trade.raw] == [str(cell) for cell in row]

    @pytest.mark.parametrize(
        ("row", "path"),
        [
            (TRADE[:4], "too short"),
            ([], "too short"),
            ([*TRADE[:4], ""], "no price"),
            ([*TRADE[:4], "NaN"], "no price"),
            ([*TRADE[:4], "1e999999999999999999999"], "no price"),
            ([*TRADE[:4], "1_0"], "no price"),
            ([*TRADE[:3], "5.5", "1"], "no integer"),
            (["now", *TRADE[1:]], "no integer"),
            ([*TRADE[:2], 5, "1", "1"], "no side"),
        ],
    )
    def test_a_trade_that_cannot_be_read_names_its_row(self, codec, row, path):
        """Nothing is guessed: the error says which row, and why."""
        good = [*TRADE, "1"]
        with pytest.raises(ProtocolError, match=rf"\$\.data\[1\].*{path}"):
            value_of(codec, push({"topic": "trade", "market": "A-B"}, [good, row]))

    def test_a_ticker_may_lack_prices_and_have_more_columns(self, codec):
        """A dead market has none, and the REST row goes on."""
        row = ["A-B", "1", "0", "0", "", None, "0.1", 0.25, "0", "", "1E-7", "9", "9"]
        update = value_of(codec, push({"topic": "ticker", "market": "A-B"}, row))
        assert (update.open, update.high, update.bid) == (None, None, None)
        assert (update.low, update.close) == (Decimal("0.1"), Decimal("0.25"))
        assert update.ask == Decimal("1E-7")
        with pytest.raises(ProtocolError, match=r"\$\.data\[9\]"):
            value_of(codec, push({"topic": "ticker", "market": "A-B"}, [*row[:9], "x", "1"]))

    def test_amounts_of_any_length_are_exact(self, codec):
        """Smallest units go far beyond 64 bits, as text or as numbers."""
        slot = ["0.1", "123456789012345678901234567890", 98765432109876543210987654321, "1"]
        frame = push({"topic": "orderbook", "market": "A-B"}, {"bids": [slot], "asks": []})
        (bid,) = value_of(codec, frame).bids
        assert bid == BookSlot(Decimal("0.1"), int(slot[1]), slot[2], 1)

    def test_whole_books_may_have_one_version_or_none(self, codec):
        """A single version is the end of the series; the push's topic says that it is whole."""
        topic = {"topic": "orderbook", "market": "A-B", "level": 0, "snapshot": True}
        data = {"bids": [], "asks": []}
        update = value_of(codec, push(topic, data, version=5))
        assert (update.start_version, update.end_version, update.snapshot) == (None, 5, True)
        assert value_of(codec, push(topic, data)).end_version is None

    @pytest.mark.parametrize(
        ("data", "path"),
        [
            ({"bids": [["1", "1", "1"]], "asks": []}, "bids"),
            ({"bids": [["NaN", "1", "1", "1"]], "asks": []}, "finite"),
            ({"bids": []}, "asks"),
            ([], "data"),
        ],
    )
    def test_a_book_that_cannot_be_read_names_the_place(self, codec, data, path):
        """A slot of another shape is an error, and never half a book."""
        with pytest.raises(ProtocolError, match=path):
            value_of(codec, push({"topic": "orderbook", "market": "A-B"}, data))

    def test_a_depth_is_a_book_where_it_looks_like_one(self, codec):
        """No document shows such a push, so anything else stays plain data."""
        topic = {"topic:": "depth", "market": "A-B", "count": 10}
        data = {"bids": [["1.50", "1", "1", "1"]], "asks": []}
        book = value_of(codec, push(topic, data))
        assert isinstance(book, OrderBookUpdate)
        assert book.bids[0].price == Decimal("1.50")
        plain = value_of(codec, push(topic, {"bids": [["1.5", "2"]]}))
        assert isinstance(plain, TopicUpdate)
        assert plain.data == {"bids": [["1.5", "2"]]}
        assert plain.body["ts"] == NOW

    def test_an_account_without_amounts_is_not_read_as_empty(self, codec):
        """A balance is never invented."""
        topic, data = {"topic": "account"}, {"accountId": 1, "tokenId": 2, "totalAmount": "1"}
        with pytest.raises(ProtocolError, match="no amounts"):
            value_of(codec, push(topic, data))

    def test_an_orders_words_are_in_lower_case(self, codec):
        """Sides and statuses are written in both cases by the venue's own programs."""
        amounts = dict.fromkeys(
            ("size", "volume", "filledSize", "filledVolume", "filledFee", "createdAt"), 1
        )
        data = {
            "hash": "0x1",
            "market": "A-B",
            "side": "BUY",
            "status": "PROCESSING",
            "price": "0.50",
            "validSince": "1494900087",
            "validUntil": 2,
            "updateAt": "1494900088",
            **amounts,
        }
        order = value_of(codec, push({"topic": "order", "market": "A-B"}, data))
        assert (order.side, order.status, order.client_order_id) == ("buy", "processing", "")
        assert (order.updated_at, order.valid_since) == (1494900088, 1494900087)
        assert order.created == dt.datetime(1970, 1, 1, 0, 0, 1, tzinfo=dt.timezone.utc)

    def test_seconds_and_milliseconds_are_told_apart(self, codec):
        """The venue's tables say milliseconds, one of its samples has seconds."""
        topic, data = {"topic": "blockgen"}, [{"blockid": 1}]
        utc = dt.timezone.utc
        # `date -u -d 2020-03-20T15:25:10Z +%s` prints 1584717910.
        expected = dt.datetime(2020, 3, 20, 15, 25, 10, tzinfo=utc)
        assert value_of(codec, push(topic, data)).datetime == expected
        assert value_of(codec, push(topic, data) | {"ts": 1584717910}).datetime == expected

    def test_blocks_keep_all_that_the_venue_tells(self, codec):
        """Numbers are read under both names, and one block may come without a list."""
        update = value_of(codec, push({"topic": "blockgen"}, {"blockId": "7", "size": 1.5}))
        assert update.blocks == (Block(7, {"blockId": "7", "size": Decimal("1.5")}),)
        with pytest.raises(ProtocolError, match=r"\$\.data\[0\]"):
            value_of(codec, push({"topic": "blockgen"}, [{"size": 1}]))

    def test_a_push_without_a_time_is_a_protocol_error(self, codec):
        """Every documented push has one."""
        frame = push({"topic": "blockgen"}, [])
        del frame["ts"]
        with pytest.raises(ProtocolError, match="ts"):
            value_of(codec, frame)


class TestCatalogue:
    @pytest.mark.parametrize(
        ("topic", "name"),
        [
            ("account", "account"),
            ("ammpool", "ammpool"),
            ("blockgen", "blockgen"),
            ("candlestick", "candlestick"),
            ("depth", "depth"),
            ("order", "order"),
            ("orderbook", "orderbook"),
            ("ticker", "ticker"),
            ("trade", "trade"),
            # These are read as another topic is.
            ("btradedepth", "orderbook"),
            ("mixorder", "orderbook"),
            ("mixtrade", "trade"),
            ("anything", "topic"),
        ],
    )
    def test_stored_names_never_change(self, codec, topic, name):
        """They stand in stored data: a reader of tomorrow finds by them what was published today.

        One may be added; none may be changed, or given to anything else.
        """
        (event,) = decode(codec, {"topic": {"topic": topic}, "ts": NOW, "data": {}})
        assert LoopringCodec.catalogue.name(event.decode) == name
        assert LoopringCodec.catalogue.decoder(name) is event.decode
        assert LoopringV2Codec.catalogue is LoopringCodec.catalogue

    def test_every_decoder_has_a_name(self):
        """Whatever a topic is decoded by can be handed on."""
        names = {LoopringCodec.catalogue.name(decode) for decode in DECODERS.values()}
        assert None not in names

    @pytest.mark.parametrize(
        ("ts", "moment"),
        [
            (1_584_717_910_000, 1_584_717_910_000_000_000),
            ("1584717910000", 1_584_717_910_000_000_000),
            (1_565_844_328, 1_565_844_328_000_000_000),
            (None, None),
            ("soon", None),
            (1.5, None),
        ],
    )
    @pytest.mark.parametrize("name", ["order", "orderbook", "topic"])
    def test_the_venues_time_is_the_pushs(self, name, ts, moment):
        """In milliseconds by the documents' tables, in seconds in the sample of an order."""
        frame = json.dumps({"topic": {}, "ts": ts, "data": []}).encode()
        assert LoopringCodec.catalogue.time_ns(name, frame) == moment


class TestTopics:
    @pytest.mark.parametrize(
        ("one", "same"),
        [
            (Ticker("LRC-ETH"), Ticker("lrc-eth")),
            (OrderBook("A-B", 0), {"topic": "orderbook", "level": 0, "market": "A-B"}),
            (
                OrderBook("A-B"),
                {"topic": "orderbook", "level": 0, "market": "A-B", "snapshot": False},
            ),
            (Depth("A-B", 10), {"topic:": "depth", "market": "A-B", "count": 10}),
            (AmmPool(POOL), AmmPool(POOL.lower())),
        ],
    )
    def test_one_configuration_is_one_topic_however_it_is_written(self, one, same):
        """Two subscriptions to it share one stream on the wire."""
        assert topic_of(one) == topic_of(same)

    @pytest.mark.parametrize(
        ("one", "other"),
        [
            (OrderBook("A-B"), OrderBook("A-B", 1)),
            (OrderBook("A-B", snapshot=True), OrderBook("A-B")),
            (OrderBook("A-B", count=5, snapshot=True), OrderBook("A-B", count=6, snapshot=True)),
            (Candlesticks("A-B", "1d"), Candlesticks("A-B", "1D")),
            (Blocks(), Blocks(verbose=True)),
            (Account(), {"topic": "account", "v3": True}),
        ],
    )
    def test_another_configuration_is_another_topic(self, one, other):
        """Everything in a configuration counts."""
        assert topic_of(one) != topic_of(other)

    def test_what_concerns_the_account_is_private(self):
        """Its events never drop silently."""
        private = [Account(), Orders("A-B"), {"topic:": "order", "market": "A-B"}]
        assert all(topic_of(topic).private for topic in private)
        assert not topic_of(Trades("A-B")).private

    def test_only_values_that_stand_for_themselves_are_conflated(self, codec):
        """A newest ticker replaces the one before; a change of a book replaces nothing."""
        row = ["A-B", "1", "0", "0", "1", "1", "1", "1", "0", "1", "1"]
        update = value_of(codec, push({"topic": "ticker", "market": "A-B"}, row))
        assert list(topic_of(Ticker("A-B")).split(update)) == [("A-B", update)]
        assert topic_of(OrderBook("A-B", snapshot=True)).split is not None
        assert topic_of(OrderBook("A-B")).split is None
        assert topic_of(Depth("A-B")).split is None
        assert topic_of(Trades("A-B")).split is None

    @pytest.mark.parametrize(
        ("make", "error"),
        [
            (lambda: Ticker(""), ValueError),
            (lambda: Ticker(5), TypeError),
            (lambda: Candlesticks("A-B", ""), ValueError),
            (lambda: OrderBook("A-B", level=-1), ValueError),
            (lambda: OrderBook("A-B", level=True), TypeError),
            (lambda: OrderBook("A-B", count=0), ValueError),
            (lambda: OrderBook("A-B", count="5"), TypeError),
            (lambda: OrderBook("A-B", snapshot="yes"), TypeError),
            (lambda: AmmPool(None), TypeError),
            (lambda: All(""), ValueError),
        ],
    )
    def test_a_topic_that_cannot_be_is_refused_when_it_is_made(self, make, error):
        """Markets, levels, counts and flags are what they are called."""
        with pytest.raises(error):
            make()


class TestArguments:
    @pytest.fixture
    def client(self):
        return LoopringClient(api_key=KEY)

    @pytest.mark.parametrize(
        ("topics", "error", "why"),
        [
            ((), ValueError, "needs a topic"),
            ((Ticker("A-B"), Ticker("a-b")), ValueError, "occurs twice"),
            ((Depth("A-B"), {"topic:": "depth", "market": "A-B"}), ValueError, "occurs twice"),
            (tuple(Ticker(f"A-{n}") for n in range(21)), ValueError, "20 topics"),
            ((All("order"),), ValueError, "only be unsubscribed"),
            (({"topic": "order", "unsubscribeAll": "true"},), ValueError, "only be unsubscribed"),
            (("account",), TypeError, "a topic is"),
            (({},), ValueError, "its name"),
            (({"topic": 5},), ValueError, "its name"),
            (({"topic": "trade", "market": Secret("x")},), TypeError, "Secret"),
        ],
    )
    def test_what_the_venues_rules_forbid_is_refused_before_sending(
        self, client, topics, error, why
    ):
        """The numbered rules of its document are the caller's to keep."""
        with pytest.raises(error, match=why):
            client.subscribe(*topics)

    def test_unsubscribing_is_checked_too(self, client):
        """The same rules hold for what is stopped."""
        with pytest.raises(ValueError, match="needs a topic"):
            client.unsubscribe()
        with pytest.raises(ValueError, match="occurs twice"):
            client.unsubscribe(Blocks(), Blocks())
        with pytest.raises(ValueError, match="occurs twice"):
            client.unsubscribe(All("order"), All("order"))
        for call in (client.subscribe, client.unsubscribe):
            with pytest.raises(TypeError, match="unsubscribe_all"):
                call(Blocks(), unsubscribe_all="true")

    @pytest.mark.parametrize("topic", [Account(), Orders("A-B"), {"topic": "order"}])
    def test_a_private_topic_needs_a_key(self, topic, monkeypatch):
        """Without one nothing is sent; the environment counts as one."""
        client = LoopringClient()
        for call in (client.subscribe, client.unsubscribe):
            with pytest.raises(ValueError, match="VENUESDK_LOOPRING_API_KEY"):
                call(topic)
        monkeypatch.setenv("VENUESDK_LOOPRING_API_KEY", KEY)
        assert client._has_key()

    def test_there_are_two_versions(self):
        """Each has its own address."""
        with pytest.raises(ValueError, match="v3 or v2"):
            LoopringClient(version="v1")
        assert LoopringCodec.url == "wss://ws.api3.loopring.io/v3/ws"
        assert LoopringV2Codec.url == "wss://ws.loopring.io/v2/ws"


class TestAddress:
    URL = "wss://ws.api3.loopring.io/v3/ws"

    def with_key(self, body, status=200, url=URL, **headers):
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        return with_key(url, HttpResponse(status, headers, data))

    def test_the_key_is_asked_for_and_put_into_the_url(self, codec):
        """v3 asks first; the document's sample is used as it is."""
        steps = codec.address()
        request = next(steps)
        assert (request.method, request.url) == ("GET", "/v3/ws/key")
        with pytest.raises(StopIteration) as stop:
            steps.send(HttpResponse(200, {}, b'{"key":"fx2xW5hoVFbcaanWS"}'))
        assert stop.value.value == self.URL + "?wsApiKey=fx2xW5hoVFbcaanWS"

    def test_v2_asks_for_nothing(self):
        """The address of the first document is connected to as it is."""
        with pytest.raises(StopIteration) as stop:
            next(LoopringV2Codec({}).address())
        assert stop.value.value == "wss://ws.loopring.io/v2/ws"

    def test_a_key_is_quoted_and_joins_a_query_that_is_there(self):
        """Whatever the key is made of, it is one value of the query."""
        assert self.with_key({"key": "a&b=c"}).endswith("?wsApiKey=a%26b%3Dc")
        assert self.with_key({"key": "k"}, url="ws://x/?a=1") == "ws://x/?a=1&wsApiKey=k"

    def test_the_older_form_of_the_answer_is_read_too(self):
        """There the key is called data."""
        body = {"resultInfo": {"code": 0, "message": "SUCCESS"}, "data": "k"}
        assert self.with_key(body).endswith("?wsApiKey=k")

    @pytest.mark.parametrize(
        ("status", "body", "kind", "text"),
        [
            (200, {"resultInfo": {"code": 104112, "message": "no"}}, AuthenticationError, "no"),
            (400, {"code": 100206, "msg": "Invalid signature."}, AuthenticationError, "signature"),
            (403, b"<html>", AuthenticationError, "403"),
            (400, {"code": 100001, "msg": "bad"}, ConnectFailed, r"bad \(100001\)"),
            (404, b"", ConnectFailed, "404"),
            (302, {"key": "k"}, ConnectFailed, "302"),
            (502, b"<html>", VenueUnavailable, "502"),
            (429, {"code": 1, "msg": "slow down"}, RateLimitExceeded, "slow down"),
            (200, {}, ConnectFailed, "no connection key"),
            (200, {"key": ""}, ConnectFailed, "no connection key"),
            (200, {"key": 5}, ConnectFailed, "no connection key"),
            (200, b"[]", ConnectFailed, "no connection key"),
            (200, b"{", ConnectFailed, "no connection key"),
        ],
    )
    def test_a_key_that_is_not_given_is_a_typed_error(self, status, body, kind, text):
        """In either form of the venue's errors, or by the status alone."""
        with pytest.raises(kind, match=text) as caught:
            self.with_key(body, status)
        assert type(caught.value) is kind

    def test_the_time_to_wait_is_kept(self):
        """Whoever asked too often learns for how long to be quiet."""
        for status, kind in ((429, RateLimitExceeded), (503, VenueUnavailable)):
            with pytest.raises(kind) as caught:
                self.with_key({}, status, **{"retry-after": "9"})
            assert caught.value.retry_after == 9.0


ALL_TOPICS = {
    Account(): AccountUpdate,
    Orders("LRC-ETH"): OrderUpdate,
    OrderBook("LRC-ETH"): OrderBookUpdate,
    OrderBook("LRC-USDT", count=3, snapshot=True): OrderBookUpdate,
    Trades("LRC-ETH"): TradesUpdate,
    Ticker("LRC-ETH"): TickerUpdate,
    Candlesticks("LRC-ETH", "15min"): CandlestickUpdate,
    AmmPool(POOL): AmmPoolUpdate,
    Blocks(): BlocksUpdate,
    Blocks(verbose=True): BlocksUpdate,
}


@pytest.fixture
def start(canaries):
    """Start simulated venues and clients of them, and close them afterwards."""
    opened = []

    def start(version="v3", connect=True, client=None, **options):
        options = {"interval": None, "ping_interval": None, "api_key": canaries.api_key} | options
        venue = simulate("loopring", **options)
        venue.start()
        opened.append(venue)
        settings = {
            "url": venue.url if version == "v3" else venue.v2_url,
            "http_url": venue.http_url,
            "api_key": canaries.api_key,
            "reconnect": Backoff(0.01, maximum=0.05),
            "version": version,
        } | (client or {})
        made = LoopringClient(**settings)
        opened.append(made)
        return venue, made.connect() if connect else made

    yield start
    for each in reversed(opened):
        each.close()


def frames(venue, op):
    """Return the requests of one kind that the venue has received."""
    requests = [json.loads(text) for _, text in venue.received if text != "pong"]
    return [request for request in requests if request["op"] == op]


class TestStreams:
    @pytest.mark.parametrize(
        "forms",
        [
            {},
            {"reply_key": "topic", "status_case": "upper", "topic_key": "topic:"},
            {"trade_rows": "market", "market_case": "lower", "snapshot_versions": False},
        ],
    )
    def test_every_topic_brings_its_values_in_each_of_the_venues_forms(self, start, forms):
        """One request, one subscription for each topic, in order; all of it typed."""
        venue, client = start(**forms)
        subscriptions = client.subscribe(*ALL_TOPICS)
        assert len(frames(venue, "sub")) == 1
        venue.tick(3)
        for subscription, (topic, kind) in zip(subscriptions, ALL_TOPICS.items(), strict=True):
            assert subscription.topic == topic_of(topic)
            assert type(subscription.get(5)) is kind
        assert client.stats().unrouted_events == 0

    def test_the_versions_of_a_book_have_no_hole(self, start):
        """Each update begins where the one before ended, until the venue skips one."""
        venue, client = start()
        (book,) = client.subscribe(OrderBook("LRC-ETH"))
        venue.tick(2)
        first, second = book.get(5), book.get(5)
        assert second.start_version == first.end_version + 1
        venue.lose_update()
        venue.tick()
        assert book.get(5).start_version > second.end_version + 1

    def test_the_oldest_topic_is_sent_as_it_is(self, start):
        """A raw mapping, typo included, reaches the venue word for word."""
        venue, client = start(seed_depth=True)
        raw = {"topic:": "depth", "market": "LRC-ETH", "count": 10}
        (depth,) = client.subscribe(raw)
        assert frames(venue, "sub")[0]["topics"] == [raw]
        venue.tick()
        assert isinstance(depth.get(5), OrderBookUpdate)

    def test_a_callback_gets_the_values_of_all_the_topics(self, start):
        """In the order in which they came."""
        venue, client = start()
        seen, enough = [], threading.Event()

        def take(update):
            seen.append(type(update))
            if len(seen) == 2:
                enough.set()

        client.subscribe(Trades("LRC-ETH"), Ticker("LRC-ETH"), callback=take)
        venue.tick()
        assert enough.wait(5)
        assert seen == [TradesUpdate, TickerUpdate]

    def test_two_subscriptions_share_one_stream(self, start):
        """The venue is asked once, and told to stop with the last of them."""
        venue, client = start()
        (one,) = client.subscribe(Ticker("LRC-ETH"))
        (two,) = client.subscribe(Ticker("lrc-eth"))
        assert len(frames(venue, "sub")) == 1
        one.close()
        venue.tick()
        assert isinstance(two.get(5), TickerUpdate)
        assert frames(venue, "unSub") == []
        two.close()
        assert venue.wait_for(lambda venue: frames(venue, "unSub"))

    def test_subscribing_from_many_threads_works_one_by_one(self, start):
        """Each has its own request and reply."""
        venue, client = start()
        markets = ["LRC-ETH", "LRC-USDT", "LRC-USDC", "ETH-USDT"] * 2
        topics = [(Ticker, Trades)[index // 4](market) for index, market in enumerate(markets)]
        with ThreadPoolExecutor(8) as pool:
            subscriptions = list(pool.map(lambda topic: client.subscribe(topic)[0], topics))
        assert [each.topic for each in subscriptions] == [topic_of(topic) for topic in topics]
        assert len(frames(venue, "sub")) == 8

    def test_the_limit_counts_what_is_subscribed_already(self, start):
        """The venue allows 20 in total, so the 21st is refused before it is sent."""
        _, client = start()
        intervals = ["1min", "5min", "15min", "30min", "1hr"]
        markets = ["LRC-ETH", "LRC-USDT", "LRC-USDC", "ETH-USDT"]
        client.subscribe(*(Candlesticks(m, i) for m in markets for i in intervals))
        with pytest.raises(ValueError, match="20 topics in all, not 21"):
            client.subscribe(Blocks())
        client.subscribe(Candlesticks("LRC-ETH", "1hr"))
        client.subscribe(Blocks(), unsubscribe_all=True)


class TestRefusals:
    def test_a_refused_request_starts_nothing(self, start):
        """One bad topic of two: neither is subscribed to, and the good one can be, alone."""
        venue, client = start()
        with pytest.raises(InvalidRequest) as caught:
            client.subscribe(Ticker("LRC-ETH"), Candlesticks("LRC-ETH", "3hr"))
        assert caught.value.code == 104106
        assert caught.value.message == "receive illegal arg for candlestick:lrc-eth"
        (ticker,) = client.subscribe(Ticker("LRC-ETH"))
        venue.tick()
        assert isinstance(ticker.get(5), TickerUpdate)

    def test_a_refused_unsubscribe_ends_nothing(self, start):
        """One topic that was never subscribed to: the other goes on."""
        venue, client = start()
        (ticker,) = client.subscribe(Ticker("LRC-ETH"))
        with pytest.raises(NotSubscribed) as caught:
            client.unsubscribe(Ticker("LRC-ETH"), Ticker("LRC-USDT"))
        assert caught.value.code == 104113
        assert not ticker.closed
        venue.tick()
        assert isinstance(ticker.get(5), TickerUpdate)

    def test_a_refused_exchange_of_all_topics_ends_nothing(self, start):
        """With `unsubscribe_all` too a refusal leaves everything as it was."""
        venue, client = start()
        (ticker,) = client.subscribe(Ticker("LRC-ETH"))
        with pytest.raises(InvalidRequest):
            client.subscribe(Ticker("NO-SUCH"), unsubscribe_all=True)
        venue.tick()
        assert isinstance(ticker.get(5), TickerUpdate)

    @pytest.mark.parametrize(
        ("api_key", "code"),
        [("another-key", 104112), ("simulated-loopring-key-of-nobody", 104114)],
    )
    def test_a_key_that_the_venue_does_not_know_is_refused(self, start, api_key, code):
        """The account's key is checked where it is used; public topics go on."""
        _, client = start(client={"api_key": api_key})
        with pytest.raises(AuthenticationError) as caught:
            client.subscribe(Account())
        assert caught.value.code == code
        assert client.subscribe(Blocks())
        assert client.state is State.CONNECTED

    def test_the_topic_of_the_first_document_is_unknown_by_now(self, start):
        """The refusal has the venue's code."""
        _, client = start()
        with pytest.raises(InvalidRequest) as caught:
            client.subscribe(Depth("LRC-ETH", 10))
        assert caught.value.code == 104102


class TestUnsubscribing:
    def test_all_of_a_name_ends_here_and_there(self, start):
        """Every configuration of the topic ends, and is not replayed."""
        venue, client = start()
        one, two, ticker = client.subscribe(
            OrderBook("LRC-ETH"), OrderBook("LRC-USDT"), Ticker("LRC-ETH")
        )
        client.unsubscribe(All("orderbook"))
        assert (one.closed, two.closed, ticker.closed) == (True, True, False)
        with pytest.raises(ClientClosed):
            one.get(1)
        venue.drop()
        assert venue.wait_for(lambda venue: len(frames(venue, "sub")) == 2)
        assert frames(venue, "sub")[1]["topics"] == [{"topic": "ticker", "market": "LRC-ETH"}]

    @pytest.mark.parametrize("bare", [True, False])
    def test_everything_ends_at_once(self, start, bare):
        """Also at a venue that wants the topics named."""
        venue, client = start(bare_unsubscribe_all=bare)
        subscriptions = client.subscribe(Account(), Ticker("LRC-ETH"), Blocks())
        client.unsubscribe(unsubscribe_all=True)
        assert all(subscription.closed for subscription in subscriptions)
        assert frames(venue, "unSub")[0]["unsubscribeAll"] is True
        client.unsubscribe(unsubscribe_all=True)
        client.close()
        with pytest.raises(ClientClosed):
            client.unsubscribe(unsubscribe_all=True)

    def test_a_subscription_may_replace_all_others(self, start):
        """What it does not name ends; what it names goes on."""
        venue, client = start()
        ticker, blocks = client.subscribe(Ticker("LRC-ETH"), Blocks())
        again, trades = client.subscribe(Blocks(), Trades("LRC-ETH"), unsubscribe_all=True)
        assert (ticker.closed, blocks.closed) == (True, False)
        venue.tick()
        assert isinstance(blocks.get(5), BlocksUpdate)
        assert isinstance(again.get(5), BlocksUpdate)
        assert isinstance(trades.get(5), TradesUpdate)
        assert client.stats().unrouted_events == 0

    def test_one_topic_ends_for_everyone_who_listens_to_it(self, start):
        """An explicit unsubscribe is the venue's, so it is for all."""
        _, client = start()
        (one,) = client.subscribe(Ticker("LRC-ETH"))
        (two,) = client.subscribe(Ticker("LRC-ETH"))
        client.unsubscribe({"topic": "ticker", "market": "lrc-eth"})
        assert one.closed
        assert two.closed


class TestConnections:
    def test_every_connection_has_a_key_of_its_own(self, start):
        """A key is good once; a broken connection heals with a new one, and a gap."""
        venue, client = start()
        gaps = []
        subscriptions = client.subscribe(Ticker("LRC-ETH"), Blocks(), on_gap=gaps.append)
        venue.drop()
        assert venue.wait_for(lambda venue: len(frames(venue, "sub")) == 3)
        assert [len(request["topics"]) for request in frames(venue, "sub")] == [2, 1, 1]
        assert [request.path for request in venue.http_received] == ["/v3/ws/key"] * 2
        venue.tick()
        assert isinstance(subscriptions[0].get(5), TickerUpdate)
        assert [gap.reason for gap in gaps] == [GapReason.RECONNECTED]

    def test_the_first_version_needs_no_key(self, start):
        """Nothing is asked over HTTP."""
        venue, client = start("v2")
        (blocks,) = client.subscribe(Blocks())
        venue.tick()
        assert isinstance(blocks.get(5), BlocksUpdate)
        assert venue.http_received == []

    @pytest.mark.parametrize("form", ["resultInfo", "code"])
    def test_a_refused_connection_key_is_an_authentication_error(self, start, form):
        """In either form of the venue's errors, and no connection is tried without."""
        venue, client = start(connect=False, key_error=form)
        venue.refuse_login()
        with pytest.raises(AuthenticationError, match="Invalid signature") as caught:
            client.connect()
        assert caught.value.code == 100206
        assert venue.accepted == 0

    def test_a_used_connection_key_is_refused_by_the_venue(self, start):
        """That a client asks for a fresh one each time is no luxury."""
        venue, client = start(connect=False, v2_needs_key=True)
        plain = LoopringClient(url=venue.v2_url, version="v2")
        with pytest.raises(AuthenticationError):
            plain.connect()
        plain.close()
        assert client.connect().connected

    def test_each_ping_has_one_pong(self, start):
        """The venue hangs up on a missing pong as on one too many; it does neither here."""
        venue, client = start()
        for _ in range(5):
            venue.send_ping()
        assert venue.wait_for(lambda venue: [text for _, text in venue.received].count("pong") == 5)
        client.subscribe(Blocks())
        assert [text for _, text in venue.received].count("pong") == 5
        assert venue.accepted == 1


@pytest.mark.parametrize("given", ["url", "http_url"])
def test_a_connection_elsewhere_never_begins_with_a_key_from_the_venue(given):
    """The two addresses of v3 belong together; v2 has only one."""
    address = {"url": "ws://127.0.0.1:1/v3/ws", "http_url": "http://127.0.0.1:1"}[given]
    with pytest.raises(ValueError, match="belong together"):
        LoopringClient(**{given: address})
    LoopringClient(version="v2", url="ws://127.0.0.1:1/v2/ws")
