"""Payloads as the documents print them, to typed values with exact numbers, or to one error."""

from __future__ import annotations

import decimal
import enum
import json
import pickle
import subprocess
import sys
import threading
import traceback
from contextlib import suppress
from datetime import datetime, timezone
from decimal import Decimal
from typing import Any, NamedTuple

import pytest
from attrs import field, frozen
from hypothesis import given
from hypothesis import strategies as st

from venuesdk.errors import ProtocolError
from venuesdk.protocol.convert import (
    Raw,
    Wire,
    decode_json,
    decoder,
    encode_json,
    from_plain,
    show_json,
    to_plain,
)
from venuesdk.secret import Secret

# ---- models, as venues have them ---------------------------------------------------------------


class Direction(enum.Enum):
    BUY = "BUY"
    SELL = "SELL"


class Kind(enum.IntEnum):
    UNKNOWN = -1
    UPDATE = 1

    @classmethod
    def _missing_(cls, value: object) -> Kind:
        return cls.UNKNOWN


@frozen
class RawOrder:
    market: str
    hash: str
    direction: Direction
    quantity: Decimal
    price: Decimal
    created_at: str
    expires_at: str


@frozen
class RawBook:
    timestamp: str
    bids: tuple[RawOrder, ...]
    asks: tuple[RawOrder, ...]


@frozen
class RawBookData:
    market: str
    book: RawBook


@frozen
class RawBookEvent:
    timestamp: str
    type: str
    reference: str
    topics: tuple[str, ...]
    data: RawBookData


TIMEX_NAMES = {
    RawOrder: {"created_at": "createdAt", "expires_at": "expiredAt"},
    RawBook: {"bids": "bid", "asks": "ask"},
    RawBookData: {"book": "rawOrderBook"},
}


@frozen
class Order:
    id: str
    cursor_id: int
    client_order_id: str | None
    symbol: str
    filled_quantity: Decimal
    price: Decimal | None = None
    avg_price: Decimal | None = None
    tags: list[str] = field(factory=list)
    venue: str = "timex"


@frozen
class TradeAmounts:
    id: int
    base_token_amount: int
    quote_token_amount: Decimal


@frozen
class Quote:
    symbol: str
    buy_price: Decimal
    sell_price: Decimal


@frozen
class Level:
    price: Decimal
    amount: Decimal


@frozen
class Ticker:
    symbol: str
    timestamp_millis: int
    product_symbol: str | None = None
    mid: Decimal | None = None
    bid: Level | None = None
    ask: Level | None = None


class Slot(NamedTuple):
    price: Decimal
    size: Decimal
    volume: Decimal
    count: str


@frozen
class Slots:
    bids: tuple[Slot, ...]
    asks: tuple[Slot, ...]


@frozen
class Versions:
    start_version: int
    end_version: int


@frozen
class Candle:
    opened_at_ms: int
    trades: int
    open: Decimal
    close: Decimal
    high: Decimal
    low: Decimal


class CandleRow(Wire, array_like=True):
    opened_at_ms: int
    trades: int
    open: Decimal
    close: Decimal
    high: Decimal
    low: Decimal


class Envelope(Wire, rename={"topic_colon": "topic:"}):
    channel: Any = None
    id: str | int | None = None
    message: Raw = Raw()  # noqa: RUF009
    message_type: int = 0
    topic_colon: str | None = None


@frozen
class Opaque:
    data: Any
    kind: Kind = Kind.UPDATE


@frozen
class Strict:
    amount: Decimal = field(default=Decimal(1))

    @amount.validator
    def _positive(self, _: Any, value: Decimal) -> None:
        if value <= 0:
            raise ValueError("an amount is positive")


@frozen
class Everything:
    """A model of all that a model may hold, for the way to plain data and back."""

    price: Decimal
    direction: Direction
    kind: Kind
    rows: tuple[Slot, ...]
    levels: list[Level]
    by_symbol: dict[str, Level]
    at: datetime
    code: int | str
    best: Level | None = None
    raw: Any = None
    ratio: float = 0.5
    open: bool = True


# ---- frames, as documents print them -----------------------------------------------------------

# TimeX, a raw book event as recorded by py-timex: the part under "message.event".
TIMEX_BOOK = b"""{
  "timestamp": "2022-09-19T18:03:39.163",
  "type": "RAW_ORDER_BOOK_UPDATED",
  "reference": "ETHUSD",
  "topics": ["ETHUSD"],
  "data": {
    "market": "ETHUSD",
    "rawOrderBook": {
      "timestamp": "2022-09-19T18:03:39.122Z",
      "bid": [
        {"market": "ETHUSD",
         "hash": "0x68e6af4f2583477aa8bbc3ebf01ed6c37efb71678a7fa1869b19684dbc5b2976",
         "direction": "BUY", "quantity": "6", "price": "1323.3",
         "createdAt": "2022-09-19T18:03:29.618", "expiredAt": "2022-09-19T18:04:29.597"},
        {"market": "ETHUSD",
         "hash": "0x7fc3a2a6ce36ed425e172fa7ec2c8d00c6cde5411dd7645fe52c185957ab7c00",
         "direction": "BUY", "quantity": "0.059", "price": "0.1",
         "createdAt": "2022-09-19T18:01:41.101", "expiredAt": "2022-09-19T18:07:41.073"}
      ],
      "ask": [
        {"market": "ETHUSD",
         "hash": "0x3c45062d5c7acf6e01e80d2b505c2aa619198e84281c9d232feec3c46efbaf80",
         "direction": "SELL", "quantity": "0.01", "price": "9999",
         "createdAt": "2022-01-03T22:42:07.453", "expiredAt": "2122-01-03T22:42:08.93"}
      ]
    }
  }
}"""
# TimeX, an account order update.
TIMEX_ORDER = (
    b'{"id": "0x32bdca69a6d1bcf6ca1c3a0b734abe669c35b3e2821506642f5e96f041da5c39",'
    b'"cursorId": 1893929467, "clientOrderId": null, "symbol": "ETHAUDT", "side": "BUY",'
    b'"type": "LIMIT", "quantity": "36", "filledQuantity": "0", "cancelledQuantity": "0",'
    b'"price": "1", "avgPrice": null, "createdAt": "2022-09-20T21:40:23.324Z"}'
)
# TimeX, token amounts as the huge JSON numbers of one of its samples.
TIMEX_AMOUNTS = (
    b'{"id": 30688846, "baseTokenAmount": 31726800000000000000000000000,'
    b'"quoteTokenAmount": 2014400000000000000}'
)
# Fuze, the data of a quote: JSON floats.
FUZE_QUOTE = b'{"symbol":"BTC_USD","buyPrice":42109.9312493366,"sellPrice":42110.99622133014}'
# Onyx, one tickers event.
ONYX_TICKERS = (
    b'[{"symbol":"dubm24","product_symbol":"dub","timestamp_millis":1713950000123,'
    b'"mid":"82.15","bid":{"price":"82.10","amount":"5"},"ask":{"price":"82.20","amount":"5"}}]'
)
ONYX_EVENT = b'{"channel":"tickers","message":' + ONYX_TICKERS + b',"message_type":1}'
# Loopring, the data of an order book push and of a candlestick push.
LOOPRING_BOOK = (
    b'{"bids":[["295.97","456781000000000","3015000000000","4"]],'
    b'"asks":[["298.97","456781000000000000","301500000000000","2"]]}'
)
LOOPRING_VERSIONS = b'{"startVersion":1212121,"endVersion":"1212123"}'
LOOPRING_CANDLE = (
    b'["1584717910000","5000","3997.3","3998.7","4031.9","3982.5",'
    b'"500000000000000000","2617521141385000000"]'
)

raw_book = decoder(RawBookEvent, rename=TIMEX_NAMES)
order = decoder(Order, rename="camel")
amounts = decoder(TradeAmounts, rename="camel")
quote = decoder(Quote, rename="camel")
tickers = decoder(tuple[Ticker, ...])
envelope = decoder(Envelope)
slots = decoder(Slots)
versions = decoder(Versions, rename="camel", strict=False)
candle = decoder(Candle, wire=CandleRow, strict=False)
opaque = decoder(Opaque)
strict = decoder(Strict)
optional_orders = decoder(dict[str, list[Order | None]], rename="camel")

DOCUMENTED = [
    (raw_book, TIMEX_BOOK),
    (order, TIMEX_ORDER),
    (optional_orders, b'{"TIMEUSDT": [' + TIMEX_ORDER + b", null]}"),
    (amounts, TIMEX_AMOUNTS),
    (quote, FUZE_QUOTE),
    (tickers, ONYX_TICKERS),
    (envelope, ONYX_EVENT),
    (slots, LOOPRING_BOOK),
    (versions, LOOPRING_VERSIONS),
    (candle, LOOPRING_CANDLE),
    (opaque, b'{"data": ' + ONYX_EVENT + b"}"),
    (decode_json, TIMEX_BOOK),
]


class Floors(Wire, frozen=True):
    row: CandleRow


def test_a_payload_with_more_floors_is_made_flat() -> None:
    """What `flat` returns becomes the model; what strikes it, Ctrl-C included, is not lost."""
    interrupted = False

    def flat(value: Floors) -> CandleRow:
        if interrupted:
            raise KeyboardInterrupt
        return value.row

    decode = decoder(Candle, wire=Floors, flat=flat, strict=False)
    assert decode(b'{"row":' + LOOPRING_CANDLE + b"}") == candle(LOOPRING_CANDLE)
    interrupted = True
    with pytest.raises(KeyboardInterrupt):
        decode(b'{"row":' + LOOPRING_CANDLE + b"}")



# ---- what is read ------------------------------------------------------------------------------


def test_a_timex_book_becomes_our_model() -> None:
    """Three levels of renamed classes, exact decimals, enums and times as the wire wrote them."""
    event = raw_book(TIMEX_BOOK)
    assert type(event) is RawBookEvent
    assert event.topics == ("ETHUSD",)
    book = event.data.book
    assert type(book) is RawBook
    assert book.timestamp == "2022-09-19T18:03:39.122Z"
    assert [(str(each.price), str(each.quantity)) for each in book.bids] == [
        ("1323.3", "6"),
        ("0.1", "0.059"),
    ]
    assert book.asks == (
        RawOrder(
            market="ETHUSD",
            hash="0x3c45062d5c7acf6e01e80d2b505c2aa619198e84281c9d232feec3c46efbaf80",
            direction=Direction.SELL,
            quantity=Decimal("0.01"),
            price=Decimal("9999"),
            created_at="2022-01-03T22:42:07.453",
            expires_at="2122-01-03T22:42:08.93",
        ),
    )


def test_absent_and_null_fields_take_what_the_model_says() -> None:
    """Null is None, an absent field is its default, and unknown fields are ignored."""
    value = order(TIMEX_ORDER)
    assert value.cursor_id == 1893929467
    assert value.client_order_id is None
    assert value.avg_price is None
    assert value.price == Decimal(1)
    assert value.tags == []
    assert value.venue == "timex"
    assert order(TIMEX_ORDER).tags is not value.tags


def test_renamed_models_are_found_inside_containers() -> None:
    """A dict of lists of optional models is read like the models themselves."""
    value = optional_orders(b'{"TIMEUSDT": [' + TIMEX_ORDER + b", null]}")
    assert value == {"TIMEUSDT": [order(TIMEX_ORDER), None]}


def test_huge_token_amounts_are_exact() -> None:
    """Integers far beyond 64 bits keep every digit, as ints and as decimals."""
    value = amounts(TIMEX_AMOUNTS)
    assert value.base_token_amount == 31726800000000000000000000000
    assert value.quote_token_amount == Decimal("2014400000000000000")


def test_json_floats_become_exact_decimals() -> None:
    """A Fuze price has the digits that the venue wrote, not those of a binary float."""
    value = quote(FUZE_QUOTE)
    assert str(value.buy_price) == "42109.9312493366"
    assert str(value.sell_price) == "42110.99622133014"


def test_models_with_the_venues_names_are_read_directly() -> None:
    """An Onyx ticker, and one in which all that may be absent is absent."""
    assert tickers(ONYX_TICKERS) == (
        Ticker(
            symbol="dubm24",
            timestamp_millis=1713950000123,
            product_symbol="dub",
            mid=Decimal("82.15"),
            bid=Level(Decimal("82.10"), Decimal("5")),
            ask=Level(Decimal("82.20"), Decimal("5")),
        ),
    )
    assert tickers(b'[{"symbol":"a","timestamp_millis":1}]') == (Ticker("a", 1),)
    assert str(tickers(ONYX_TICKERS)[0].bid.price) == "82.10"  # type: ignore[union-attr]


def test_an_envelope_keeps_its_message_raw() -> None:
    """The message is the very bytes that came, for its own decoder to read later."""
    value = envelope(ONYX_EVENT)
    assert value.channel == "tickers"
    assert value.message_type == 1
    assert bytes(value.message) == ONYX_TICKERS
    assert tickers(bytes(value.message)) == tickers(ONYX_TICKERS)
    assert bytes(envelope(b"{}").message) == b""
    assert envelope(b'{"topic:":"depth","id":7}').topic_colon == "depth"


def test_array_rows_are_named_tuples() -> None:
    """A Loopring slot is price, size, volume and count, by position."""
    value = slots(LOOPRING_BOOK)
    assert value.bids == (
        Slot(Decimal("295.97"), Decimal("456781000000000"), Decimal("3015000000000"), "4"),
    )
    assert value.asks[0].price == Decimal("298.97")


def test_rows_become_models_through_a_wire_type() -> None:
    """A candle is open, close, high, low by position; what the row has beyond it is ignored."""
    value = candle(LOOPRING_CANDLE)
    assert type(value) is Candle
    assert value == Candle(
        opened_at_ms=1584717910000,
        trades=5000,
        open=Decimal("3997.3"),
        close=Decimal("3998.7"),
        high=Decimal("4031.9"),
        low=Decimal("3982.5"),
    )


def test_numbers_are_read_from_text_only_when_asked() -> None:
    """Loopring's endVersion is text in its sample: strict refuses it, not strict reads it."""
    assert versions(LOOPRING_VERSIONS) == Versions(1212121, 1212123)
    with pytest.raises(ProtocolError, match=r"\$\.endVersion"):
        decoder(Versions, rename="camel")(LOOPRING_VERSIONS)


def test_opaque_data_has_decimals_and_no_floats() -> None:
    """Where a model says Any, numbers are exact all the same."""
    value = opaque(b'{"data": {"a": [1.10, 1e400, 7, "NaN"]}, "kind": 99}')
    assert value == Opaque({"a": [Decimal("1.10"), Decimal("1e400"), 7, "NaN"]}, Kind.UNKNOWN)
    assert str(value.data["a"][0]) == "1.10"


def test_plain_json_has_exact_numbers() -> None:
    """Integers stay ints and all else is Decimal; text is accepted beside bytes."""
    assert decode_json(FUZE_QUOTE)["buyPrice"] == Decimal("42109.9312493366")
    assert decode_json("[31726800000000000000000000000, true, null]") == [
        31726800000000000000000000000,
        True,
        None,
    ]
    assert type(decode_json(b"1E+2")) is Decimal


# ---- what is refused ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("decode", "payload", "said"),
    [
        (tickers, b'[{"symbol":"a"}]', r"timestamp_millis.*\$\[0\]"),
        (
            tickers,
            b'[{"symbol":"a","timestamp_millis":1,"bid":{"price":true,"amount":"1"}}]',
            r"\$\[0\]\.bid\.price",
        ),
        (raw_book, TIMEX_BOOK.replace(b'"1323.3"', b'"cheap"'), r"\$\.data\.rawOrderBook\.bid"),
        (raw_book, TIMEX_BOOK.replace(b"createdAt", b"created_at"), "createdAt"),
        (raw_book, TIMEX_BOOK.replace(b'"BUY"', b'"HOLD"'), r"direction"),
        (quote, b'{"symbol":"a","buyPrice":"","sellPrice":"1"}', r"\$\.buyPrice"),
        (quote, b'{"symbol":"a","buyPrice":1e99999999999999999999,"sellPrice":1}', "buyPrice"),
        (strict, b'{"amount":"0"}', "an amount is positive"),
        (slots, b'{"bids":[["1","2","3"]],"asks":[]}', r"\$\.bids\[0\]"),
        (tickers, b"{}", "array"),
        (tickers, b"", "truncated"),
        (tickers, b"[] []", "trailing"),
        (tickers, b"ping", "malformed"),
        (decode_json, b"{", "truncated"),
        (decode_json, b"NaN", "malformed"),
        (decode_json, b"1e99999999999999999999", "out of any range"),
        (decode_json, b'"\xff"', "utf-8"),
        (opaque, b'{"data":1e99999999999999999999}', "out of any range"),
        (tickers, b'[{"symbol":"\xc3\x28","timestamp_millis":1}]', "utf-8"),
        (tickers, b'[{"symbol":"\\ud800","timestamp_millis":1}]', "."),
    ],
)
def test_what_cannot_be_read_names_the_place(decode: Any, payload: bytes, said: str) -> None:
    """One kind of error, with the path in the venue's own names, the frame, and the cause."""
    with pytest.raises(ProtocolError, match=said) as caught:
        decode(payload)
    assert caught.value.frame == payload.decode("utf-8", "replace")[:400]
    assert caught.value.__cause__ is not None
    assert pickle.loads(pickle.dumps(caught.value)).frame == caught.value.frame


NOT_FINITE = ["NaN", "-nan", "sNaN", "NaN42", "Infinity", "-inf", "N_a_N", " NaN ", r"\u004eaN"]


@pytest.mark.parametrize("text", NOT_FINITE)
def test_a_number_that_is_not_finite_is_refused(text: str) -> None:
    """However it is spelt: escaped, signed, padded or cut by underscores."""
    wire = text.encode()
    with pytest.raises(ProtocolError, match=r"not finite - at `\$\[0\]\.bid\.amount`"):
        tickers(ONYX_TICKERS.replace(b'"amount":"5"},"ask"', b'"amount":"%s"},"ask"' % wire))
    with pytest.raises(ProtocolError, match=r"not finite - at `\$\.data\.rawOrderBook\.bid\[1\]"):
        raw_book(TIMEX_BOOK.replace(b"0.059", wire))
    with pytest.raises(ProtocolError, match=r"not finite - at `\$\.bids\[0\]"):
        slots(LOOPRING_BOOK.replace(b"295.97", wire))


def test_words_that_only_look_like_it_are_text() -> None:
    """A symbol or a reason may well contain "nan" or "inf"."""
    value = tickers(ONYX_TICKERS.replace(b"dubm24", b"INFINEX-NaN"))
    assert value[0].symbol == "INFINEX-NaN"


def test_no_decimal_context_of_the_users_lets_nan_through() -> None:
    """Where a thread does not trap invalid operations, Decimal("cheap") is NaN: refused here."""
    with decimal.localcontext() as context:
        context.traps[decimal.InvalidOperation] = False
        with pytest.raises(ProtocolError):
            tickers(ONYX_TICKERS.replace(b"82.15", b"cheap"))
        with pytest.raises(ProtocolError):
            decode_json(b"1e99999999999999999999")


def test_no_decimal_context_of_the_users_rounds_what_is_read() -> None:
    """A precision of two digits is for arithmetic, not for prices as they arrive."""
    with decimal.localcontext() as context:
        context.prec = 2
        assert str(quote(FUZE_QUOTE).buy_price) == "42109.9312493366"
        assert str(decode_json(b"42109.9312493366")) == "42109.9312493366"


@pytest.mark.parametrize("depth", [20_000, 100_000, 1_000_000])
@pytest.mark.parametrize("open_", [b"[", b'{"a":'], ids=["arrays", "objects"])
def test_nesting_without_end_is_refused(open_: bytes, depth: int) -> None:
    """A bomb is an error, in fields that are read, in fields that are skipped, and in raw ones."""
    bomb = open_ * depth
    closed = bomb + b"1" + (b"]" if open_ == b"[" else b"}") * depth
    for payload in (bomb, closed) if depth < 1_000_000 else (bomb,):
        for decode, around in (
            (decode_json, b"%s"),
            (opaque, b'{"data":%s}'),
            (opaque, b'{"data":1,"unknown":%s}'),
            (envelope, b'{"message":%s}'),
            (order, b'{"unknown":%s}'),
        ):
            with pytest.raises(ProtocolError, match="nested too deeply"):
                decode(around % payload)


def test_an_integer_of_five_thousand_digits_is_exact_or_refused() -> None:
    """A Decimal holds it; an int of that size is refused, since Python itself would not read it."""
    digits = b"9" * 5_000
    value = amounts(b'{"id":1,"baseTokenAmount":1,"quoteTokenAmount":%s}' % digits)
    assert value.quote_token_amount.as_tuple().digits == (9,) * 5_000
    for decode, payload in (
        (amounts, b'{"id":%s,"baseTokenAmount":1,"quoteTokenAmount":1}' % digits),
        (opaque, b'{"data":%s}' % digits),
        (decode_json, digits),
    ):
        with pytest.raises(ProtocolError, match="out of range"):
            decode(payload)


def test_a_wrong_argument_is_not_the_venues_fault() -> None:
    """What is neither bytes nor text is the caller's mistake, and no ProtocolError."""
    with pytest.raises(TypeError):
        tickers(None)  # type: ignore[arg-type]


def test_a_type_that_cannot_be_decoded_is_told_at_once() -> None:
    """A union of two models, a name for no field, and a model of no wire type are mistakes."""
    with pytest.raises(TypeError):
        decoder(Level | Ticker)
    with pytest.raises(ValueError, match="no field"):
        decoder(Level, rename={Level: {"cost": "price"}})
    with pytest.raises(TypeError):
        decoder(Level | Ticker, wire=CandleRow)


def _mutations(frame: bytes) -> st.SearchStrategy[bytes]:
    """Cut out, put in, double or replace a few stretches of a frame."""
    place = st.integers(0, len(frame))
    stuff = st.one_of(
        st.binary(max_size=6),
        st.sampled_from(
            [b'"', b"\\", b"\\ud800", b"null", b"NaN", b'"NaN"', b"-", b"1e999", b"9" * 400]
            + [b"[" * 3_000, b"{}", b"[]", b",", b":", b"\xff", b"\x00", b"true", b'"BUY"']
        ),
        st.tuples(place, place).map(lambda ends: frame[min(ends) : max(ends)]),
    )
    edits = st.lists(st.tuples(place, st.integers(0, 12), stuff), min_size=1, max_size=4)

    def apply(changes: list[tuple[int, int, bytes]]) -> bytes:
        mutant = frame
        for start, length, new in changes:
            mutant = mutant[:start] + new + mutant[start + length :]
        return mutant

    return edits.map(apply)


@pytest.mark.parametrize(("decode", "frame"), DOCUMENTED)
@given(data=st.data())
def test_any_mutation_gives_a_value_or_a_protocol_error(
    decode: Any, frame: bytes, data: st.DataObject
) -> None:
    """Whatever happens to a documented frame on its way, no other exception comes out."""
    mutant = data.draw(_mutations(frame))
    decode(frame)
    try:
        value = decode(mutant)
    except ProtocolError as error:
        assert error.frame == mutant[:1_600].decode("utf-8", "replace")[:400]
    else:
        assert "Decimal('NaN')" not in repr(value)


@given(st.binary(max_size=200))
def test_any_bytes_give_a_value_or_a_protocol_error(payload: bytes) -> None:
    """So it is with bytes that never were a frame."""
    for decode, _ in DOCUMENTED:
        with suppress(ProtocolError):
            decode(payload)


def test_decoders_may_be_called_from_all_threads_at_once() -> None:
    """Readers, dispatchers and callers decode with the same functions at the same time."""
    expected = [decode(frame) for decode, frame in DOCUMENTED]
    start = threading.Barrier(8)
    wrong: list[object] = []

    def work() -> None:
        start.wait(10)
        for _ in range(60):
            for (decode, frame), value in zip(DOCUMENTED, expected, strict=True):
                got = decode(frame)
                same = got.message_type == 1 if decode is envelope else got == value
                if not same:
                    wrong.append(got)
            with pytest.raises(ProtocolError):
                order(b"[")

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert not wrong
    assert not any(thread.is_alive() for thread in threads)


# ---- what is written ---------------------------------------------------------------------------


def test_a_request_is_written_compactly() -> None:
    """The TimeX document's own subscription, without a space too many, keys in their order."""
    request = {
        "type": "SUBSCRIBE",
        "requestId": "uniqueID",
        "pattern": "pattern",
        "snapshot": False,
    }
    assert encode_json(request) == (
        '{"type":"SUBSCRIBE","requestId":"uniqueID","pattern":"pattern","snapshot":false}'
    )


def test_numbers_are_written_exactly() -> None:
    """Decimals as text without an exponent, floats by their shortest digits, huge ints whole."""
    assert (
        encode_json(
            [Decimal("100.50"), Decimal("1E+2"), 36.6, 1.1, 2**100, -1, None, "\u20ac/USDT"]
        )
        == '["100.50","100",36.6,1.1,1267650600228229401496703205376,-1,null,"\u20ac/USDT"]'
    )


_json = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**200), 2**200)
    | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)  # fmt: skip


@given(_json)
def test_what_is_written_is_read_back_by_another_reader(value: Any) -> None:
    """Python's own json module reads the same value, and it is one line."""
    text = encode_json(value)
    assert json.loads(text) == value
    assert "\n" not in text


@pytest.mark.parametrize(
    ("value", "error"),
    [
        (float("nan"), ValueError),
        (Decimal("Infinity"), ValueError),
        ("\ud800", ValueError),
        ({"\udfff": 1}, ValueError),
        (10**5_000, ValueError),
        ({1: 2}, TypeError),
        (b"x", TypeError),
        ({1}, TypeError),
        (object(), TypeError),
        (datetime.now(timezone.utc), TypeError),
    ],
    ids=lambda value: type(value).__name__,
)
@pytest.mark.parametrize("reveal", [False, True])
def test_what_cannot_be_written_is_the_callers_mistake(
    value: Any, error: type[Exception], reveal: bool
) -> None:
    """ValueError or TypeError, and never a frame that says something else."""
    with pytest.raises(error):
        encode_json({"params": [value]}, reveal=reveal)


def test_a_value_without_end_cannot_be_written() -> None:
    """A list that contains itself is a mistake too."""
    value: list[Any] = []
    value.append(value)
    with pytest.raises(ValueError, match="nested too deeply"):
        encode_json(value)


def test_a_secret_is_written_only_when_asked() -> None:
    """It is refused by default, wherever it stands, and then written in clear."""
    request = {"auth": {"id": Secret("an id"), "secret": Secret("a \u20ac secret")}}
    with pytest.raises(TypeError):
        encode_json(request)
    assert encode_json(request, reveal=True) == '{"auth":{"id":"an id","secret":"a \u20ac secret"}}'


@pytest.mark.parametrize(
    "bad", [b"bytes", "\ud800", float("nan"), object()], ids=["bytes", "surrogate", "nan", "object"]
)
def test_no_traceback_shows_a_secret_beside_a_mistake(bad: Any) -> None:
    """A payload that cannot be written fails without the credential in any frame's locals."""
    request = {"auth": Secret("do-not-show"), "payload": bad}
    with pytest.raises((TypeError, ValueError)) as caught:
        encode_json(request, reveal=True)
    shown = "".join(traceback.TracebackException.from_exception(
        caught.value, capture_locals=True
    ).format())  # fmt: skip
    assert "do-not-show" not in shown.replace('Secret("do-not-show")', "")


def test_a_secret_that_is_no_text_is_refused_without_showing_it() -> None:
    """Even the error of the encoder, which carries the whole text, does not get out."""
    with pytest.raises(ValueError, match="not Unicode text") as caught:
        encode_json([Secret("do-not-show-\ud800")], reveal=True)
    assert caught.value.__context__ is None
    assert caught.value.__cause__ is None


# ---- plain data --------------------------------------------------------------------------------

EVERYTHING = Everything(
    price=Decimal("42109.9312493366"),
    direction=Direction.SELL,
    kind=Kind.UPDATE,
    rows=(Slot(Decimal("295.97"), Decimal("456781000000000"), Decimal("3015000000000"), "4"),),
    levels=[Level(Decimal("82.10"), Decimal(5))],
    by_symbol={"dub": Level(Decimal("82.20"), Decimal("1E+2"))},
    at=datetime(2022, 9, 19, 18, 3, 39, 163_000, timezone.utc),
    code="forbidden",
    raw={"opaque": [Decimal("1.10"), None, {"a": True}]},
)
PLAIN = {
    "price": "42109.9312493366",
    "direction": "SELL",
    "kind": 1,
    "rows": [
        {"price": "295.97", "size": "456781000000000", "volume": "3015000000000", "count": "4"}
    ],
    "levels": [{"price": "82.10", "amount": "5"}],
    "by_symbol": {"dub": {"price": "82.20", "amount": "1E+2"}},
    "at": "2022-09-19T18:03:39.163000+00:00",
    "code": "forbidden",
    "best": None,
    "raw": {"opaque": ["1.10", None, {"a": True}]},
    "ratio": 0.5,
    "open": True,
}


def test_a_model_becomes_plain_data() -> None:
    """Any JSON writer can write it, and every number that is money is text."""
    assert to_plain(EVERYTHING) == PLAIN
    assert json.loads(json.dumps(to_plain(EVERYTHING))) == PLAIN
    assert to_plain([EVERYTHING.levels[0], None]) == [{"price": "82.10", "amount": "5"}, None]
    assert to_plain(EVERYTHING.rows) == PLAIN["rows"]


AS_DECODED = PLAIN | {
    "price": Decimal("42109.9312493366"),
    "rows": [["295.97", 456781000000000, Decimal("3015000000000"), "4"]],
    "raw": EVERYTHING.raw,
    "unknown": 1,
}


def test_data_decoded_before_becomes_the_model() -> None:
    """Decimals as they are or as text, rows as arrays, and opaque data untouched."""
    value = from_plain(Everything, AS_DECODED)
    assert value == EVERYTHING
    assert type(value.rows[0]) is Slot
    assert from_plain(tuple[Level, ...], to_plain(EVERYTHING.levels)) == tuple(EVERYTHING.levels)
    assert from_plain(Level | None, None) is None


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"price": True}, r"\$\.price"),
        ({"price": "cheap"}, r"\$\.price"),
        ({"price": "NaN"}, r"not finite - at `\$\.price"),
        ({"price": float("inf")}, r"not finite - at `\$\.price"),
        (
            {"by_symbol": {"a": {"price": 1, "amount": Decimal("sNaN")}}},
            r"not finite - at .*amount",
        ),
        ({"direction": "HOLD"}, r"\$\.direction"),
        ({"levels": [{"price": "1"}]}, r"amount.*\$\.levels\[0\]"),
        ({"levels": "text"}, r"\$\.levels"),
        ({"rows": [["1"]]}, r"\$\.rows\[0\]"),
        ({"at": "yesterday"}, r"\$\.at"),
        ({"open": "yes"}, r"\$\.open"),
        ({"ratio": "0.5"}, r"\$\.ratio"),
    ],
    ids=str,
)
def test_decoded_data_that_does_not_fit_names_the_place(change: Any, said: str) -> None:
    """Nothing is guessed: text is no number and no list, and the path is told."""
    with pytest.raises(ProtocolError, match=said) as caught:
        from_plain(Everything, AS_DECODED | change)
    assert caught.value.frame


@pytest.mark.parametrize("data", [None, 5, "text", [], [1], {}], ids=repr)
def test_decoded_data_of_another_shape_is_refused(data: Any) -> None:
    """What is no mapping at all is no model."""
    with pytest.raises(ProtocolError):
        from_plain(Level, data)


@pytest.mark.long
def test_decoded_data_nested_without_end_is_refused() -> None:
    """Depth that Python made by hand does not escape as a RecursionError either."""
    data: Any = "1"
    for _ in range(2_000):
        data = [data]
    for around in ({"price": data, "amount": 1}, {"data": data}):
        with pytest.raises(ProtocolError):
            from_plain(Level if "price" in around else Opaque, around)


@given(_json)
def test_any_decoded_data_is_a_model_or_a_protocol_error(data: Any) -> None:
    """No data makes any other exception, in a model or in its fields."""
    for kind, around in (
        (Everything, data),
        (Everything, AS_DECODED | {"price": data}),
        (Everything, AS_DECODED | {"rows": [data]}),
        (Everything, AS_DECODED | {"at": data}),
        (Everything, AS_DECODED | {"by_symbol": data}),
        (tuple[Slot, ...], data),
        (Level | None, data),
    ):
        with suppress(ProtocolError):
            from_plain(kind, around)


@pytest.mark.parametrize("value", [Secret("hidden"), b"bytes", bytearray(b"x")], ids=repr)
def test_secrets_and_bytes_have_no_plain_form(value: Any) -> None:
    """They are refused wherever they stand, so that no output shows them by accident."""
    for whole in (value, [value], {"a": value}, Opaque(value)):
        with pytest.raises(TypeError, match="no plain form"):
            to_plain(whole)


def test_decoding_does_not_import_cattrs() -> None:
    """Only plain data needs it, and it is a third of the import's cost."""
    code = (
        "import sys\nfrom venuesdk.protocol.convert import decode_json, to_plain\n"
        "decode_json(b'{}'); assert 'cattrs' not in sys.modules\n"
        "to_plain({}); assert 'cattrs' in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=30)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ({"code": 1}, '{"code":1}'),
        (Decimal("1e999999999"), "a reason that cannot be shown"),
        (b"bytes", "a reason that cannot be shown"),
    ],
)
def test_a_reason_is_shown_whatever_it_is(value: Any, text: str) -> None:
    """What a venue gave as a reason becomes text, and never another error."""
    assert show_json(value) == text
