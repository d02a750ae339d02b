"""Entry: what stands in a stream; other programs, and later versions, read it."""

from __future__ import annotations

import datetime as dt

import pytest

from venuesdk.errors import ProtocolError
from venuesdk.models import Gap, GapReason, State, StateChange
from venuesdk.relay.entry import (
    FIELDS,
    Draft,
    Head,
    Kind,
    Origin,
    RelayedError,
    counted,
    end_of,
    end_text,
    fields_of,
    gap_of,
    gap_text,
    state_of,
    state_text,
    words_of,
)


def test_the_stored_names_never_change() -> None:
    """Literally: streams that were written yesterday are read tomorrow, by other languages too."""
    assert FIELDS == (
        "kind", "topic", "narrow", "decoder", "epoch", "received", "at", "payload"
    )  # fmt: skip
    assert (Kind.EVENT, Kind.GAP, Kind.STATE, Kind.END) == ("event", "gap", "state", "end")
    draft = Draft(
        Head("event", "tickers ebob", ("products", "ebob"), "tickers 1", 3), 17, 16, b"[]"
    )
    assert fields_of(draft) == {
        b"kind": b"event",
        b"topic": b"tickers ebob",
        b"narrow": b'["products","ebob"]',
        b"decoder": b"tickers 1",
        b"epoch": b"3",
        b"received": b"17",
        b"at": b"16",
        b"payload": b"[]",
    }
    assert fields_of(Draft(Head("gap"), 17, None, b"{}")) == {
        b"kind": b"gap",
        b"topic": b"",
        b"narrow": b"",
        b"decoder": b"",
        b"epoch": b"0",
        b"received": b"17",
        b"at": b"",
        b"payload": b"{}",
    }


@pytest.mark.parametrize(
    ("reason", "count", "text"),
    [
        (GapReason.RECONNECTED, None, b'{"reason":"reconnected","count":null}'),
        (GapReason.OVERFLOW, 5, b'{"reason":"overflow","count":5}'),
        (GapReason.UNDECODABLE, 1, b'{"reason":"undecodable","count":1}'),
        (GapReason.RESUBSCRIBED, None, b'{"reason":"resubscribed","count":null}'),
        (GapReason.STALE, None, b'{"reason":"stale","count":null}'),
        (GapReason.TAKEN_OVER, None, b'{"reason":"taken_over","count":null}'),
        (GapReason.LOST, 2, b'{"reason":"lost","count":2}'),
    ],
)
def test_the_text_of_a_gap_never_changes(
    reason: GapReason, count: int | None, text: bytes
) -> None:
    """Its epoch stands in the entry's own field."""
    gap = Gap(reason, count, 9)
    assert gap_text(gap) == text
    assert gap_of(text, 9) == gap


def test_the_text_of_a_state_change_never_changes() -> None:
    """Of its error there is the class and the text."""
    change = StateChange(
        State.RECONNECTING, State.CONNECTED, "lost", 2, 3, ConnectionResetError("gone")
    )
    text = (
        b'{"state":"reconnecting","previous":"connected","reason":"lost","attempt":2,'
        b'"error":"ConnectionResetError: gone"}'
    )
    assert state_text(change) == text
    read = state_of(text, 3)
    assert read == change
    assert isinstance(read.error, RelayedError)
    assert str(read.error) == "ConnectionResetError: gone"
    assert state_of(b'{"state":"connected","previous":"connecting"}', 1).error is None


def test_the_end_of_a_topic_says_why() -> None:
    """Nothing, where its publisher closed it."""
    assert end_text(None) == b'{"error":null}'
    assert end_of(end_text(None)) is None
    assert end_text(ValueError("no")) == b'{"error":"ValueError: no"}'
    assert str(end_of(b'{"error":"ValueError: no"}')) == "ValueError: no"
    # Half of a surrogate pair, which no text that is stored may hold.
    assert str(end_of(end_text(ValueError("\ud800")))) == "ValueError: \\ud800"


@pytest.mark.parametrize(
    "text", [b"", b"[]", b"{}", b'{"reason":"x"}', b'{"reason":"lost","count":"1"}']
)
def test_what_is_no_gap_and_no_state_is_refused(text: bytes) -> None:
    """By errors that say so, whatever stands there."""
    with pytest.raises((ValueError, ProtocolError)):
        gap_of(text, 1)
    with pytest.raises((ValueError, ProtocolError)):
        state_of(text, 1)


def test_the_words_of_a_narrowing_are_a_list_of_text() -> None:
    """Or nothing."""
    assert words_of(b"") == ()
    assert list(words_of(b'["products","ebob"]')) == ["products", "ebob"]
    for bad in (b"[1]", b'"products"', b"{}"):
        with pytest.raises(ValueError, match="list of text"):
            words_of(bad)


def test_an_origin_has_times() -> None:
    """Aware, in UTC; and it shows no payload."""
    origin = Origin(
        "onyx", "", "s", "t", 7, 1, 1, 1_700_000_000_000_000_000, None, payload=b"long"
    )
    assert origin.received == dt.datetime(2023, 11, 14, 22, 13, 20, tzinfo=dt.timezone.utc)
    assert origin.venue_time is None
    assert "long" not in repr(origin)


def test_entries_are_counted_in_words() -> None:
    """One is not many."""
    assert [counted(count) for count in (0, 1, 2)] == ["0 entries", "1 entry", "2 entries"]
