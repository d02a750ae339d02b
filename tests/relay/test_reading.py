"""Reading: an entry made what it was before it was relayed."""

from __future__ import annotations

from typing import Any

import pytest
from entries import STREAM, tickers

from venuesdk.errors import ProtocolError
from venuesdk.models import Gap, GapReason
from venuesdk.relay import Position
from venuesdk.relay import reading as reading_module
from venuesdk.relay.custody import Entry
from venuesdk.relay.entry import Draft, Head, Kind, end_text, fields_of, gap_text
from venuesdk.relay.reading import NOTHING, Ending, Reading, number_in, origin_of

TICKERS = Head(Kind.EVENT, "tickers", ("products", "ebob"), "tickers 1", 4)


def entry(head: Head, payload: bytes, stream: str = STREAM, at: int | None = None) -> Entry:
    """Return an entry as an engine gives it."""
    return Entry(stream, Position(7, 3), fields_of(Draft(head, 17, at, payload)), False)


def test_an_event_is_read_by_the_names_that_go_with_it() -> None:
    """The venue of its stream knows its decoder, and its narrowing."""
    event = Reading().value(entry(TICKERS, tickers(5)))
    assert [(row.symbol, row.timestamp_millis) for row in event.tickers] == [("ebobjul24", 5)]
    crude = Head(Kind.EVENT, "tickers", ("products", "crude"), "tickers 1", 4)
    assert Reading().value(entry(crude, tickers(5))) is NOTHING


def test_a_decoder_is_looked_for_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """And however many there are, they are not all kept."""
    monkeypatch.setattr(reading_module, "REMEMBERED", 2)
    found: list[tuple[Any, ...]] = []
    find = reading_module._means_of

    def counted(*names: Any) -> Any:
        found.append(names)
        return find(*names)

    monkeypatch.setattr(reading_module, "_means_of", counted)
    reading = Reading()
    for _ in range(3):
        reading.value(entry(TICKERS, tickers(5)))
    assert len(found) == 1
    for kind in range(5):
        reading.value(entry(Head(Kind.EVENT, "t", (), f"tickers {kind}", 4), tickers(5)))
    assert len(reading._means) <= 2


def test_gaps_and_ends_have_the_epoch_of_their_entry() -> None:
    """An end says why, where its publisher did not close it."""
    gap = Gap(GapReason.LOST, 3, 4)
    assert Reading().value(entry(Head(Kind.GAP, "t", epoch=4), gap_text(gap))) == gap
    assert Reading().value(entry(Head(Kind.END, "t"), end_text(None))) == Ending(None)
    ended = Reading().value(entry(Head(Kind.END, "t"), end_text(ValueError("no"))))
    assert str(ended.error) == "ValueError: no"


@pytest.mark.parametrize(
    ("bad", "why"),
    [
        (entry(Head("novelty"), b""), "its kind is b'novelty'"),
        (entry(Head(Kind.EVENT, "t", (), "none"), b"[]"), "its decoder is b'none'"),
        (entry(Head(Kind.EVENT, "t", ("x",), "tickers 1"), b"[]"), "no narrowing is called 'x'"),
        (Entry(STREAM, Position(7, 3), {b"a": b"b"}, False), "no field b'kind'"),
        (Entry(STREAM, Position(7, 3), {b"kind": b"event"}, False), "no field b'decoder'"),
        (entry(TICKERS, tickers(5), "venuesdk:{zeta}:tickers"), "no venue 'zeta'"),
    ],
)
def test_what_cannot_be_read_says_where_it_stands_and_why(bad: Entry, why: str) -> None:
    """As an error that a direct subscription has too."""
    with pytest.raises(ProtocolError, match="entry 7-3 of") as caught:
        Reading().value(bad)
    assert why in str(caught.value)


def test_a_decoders_own_error_is_passed_on() -> None:
    """It knows best."""
    with pytest.raises(ProtocolError, match="cannot be read"):
        Reading().value(entry(TICKERS, b"{}"))


def test_an_origin_says_as_much_as_the_entry_does() -> None:
    """Of a foreign entry that is little, and nothing raises."""
    key = Reading().key("venuesdk:{onyx.eu}:tickers")
    origin = origin_of(entry(TICKERS, b"[]", "venuesdk:{onyx.eu}:tickers", 16), key)
    assert (origin.venue, origin.shard, origin.topic) == ("onyx", "eu", "tickers")
    assert (origin.term, origin.counter, origin.epoch) == (7, 3, 4)
    assert (origin.received_ns, origin.venue_time_ns) == (17, 16)
    bare = origin_of(Entry(STREAM, Position(7, 3), {b"topic": b"\xff"}, True), key)
    assert (bare.epoch, bare.received_ns, bare.venue_time_ns) == (0, 0, None)
    assert bare.redelivered and bare.topic == "\ufffd"


@pytest.mark.parametrize(
    ("text", "number"),
    [(b"12", 12), (b"-3", -3), (b"", None), (b"x", None), (b"1" * 30, None), (b"--1", None)],
)
def test_a_number_is_one_or_nothing(text: bytes, number: int | None) -> None:
    """Whoever wrote it."""
    assert number_in({b"n": text}, b"n") == number
