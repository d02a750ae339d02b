"""What the streams of a relay are called."""

from __future__ import annotations

import pytest

from venuesdk.relay.keys import Key, Wanted, key_of, office_of, stream_of, wanted_of


@pytest.mark.parametrize(
    ("office", "stream", "key"),
    [
        ("venuesdk:{onyx}", "venuesdk:{onyx}:tickers", Key("venuesdk", "onyx", "", "tickers")),
        (
            "desk-1.x:{timex.eu.2}",
            "desk-1.x:{timex.eu.2}:orderbook.raw",
            Key("desk-1.x", "timex", "eu.2", "orderbook.raw"),
        ),
    ],
)
def test_names_are_made_and_read(office: str, stream: str, key: Key) -> None:
    """The names stand in stored data: they are pinned here, made and read back."""
    assert office_of(key.prefix, key.venue, key.shard) == office == key.office
    assert stream_of(office, key.kind) == stream == str(key)
    assert key_of(stream) == key


@pytest.mark.parametrize("bad", ["", "a b", "a:b", "{a", "a}", "a\n", "\x00", "ä", "a*"])
def test_a_bad_name_is_refused_everywhere(bad: str) -> None:
    """Braces, colons, spaces and what is no plain letter would make another key of it."""
    for make in (
        lambda: office_of(bad, "onyx"),
        lambda: office_of("venuesdk", bad),
        lambda: stream_of("venuesdk:{onyx}", bad),
        lambda: stream_of(bad, "tickers"),
        lambda: key_of(bad),
        lambda: key_of(f"venuesdk:{{onyx}}:{bad}"),
        lambda: wanted_of(bad + ":tickers"),
        lambda: wanted_of("onyx:" + bad),
        lambda: wanted_of(f"onyx.{bad}{bad}:tickers"),
    ):
        with pytest.raises(ValueError, match="cannot be named|is no office"):
            make()
    if bad:
        with pytest.raises(ValueError, match="a shard cannot be named"):
            office_of("venuesdk", "onyx", bad)


def test_a_venue_has_no_dot() -> None:
    """What stands behind the dot is the shard, so that a venue's name can have none."""
    with pytest.raises(ValueError, match=r"a venue cannot be named 'onyx\.eu'"):
        office_of("venuesdk", "onyx.eu")


def test_what_is_no_text_is_refused() -> None:
    """Not a `ValueError` in the depths, but a `TypeError` that says what is wanted."""
    with pytest.raises(TypeError, match="named by text"):
        office_of("venuesdk", 5)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="asked for by text"):
        wanted_of(b"onyx")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("onyx", Wanted("onyx", "", "")),
        ("onyx:tickers", Wanted("onyx", "", "tickers")),
        ("onyx.eu:tickers", Wanted("onyx", "eu", "tickers")),
        ("onyx.eu", Wanted("onyx", "eu", "")),
    ],
)
def test_what_a_reader_asks_for(text: str, wanted: Wanted) -> None:
    """A venue, with its shard after a dot, and one kind of its channels after a colon."""
    assert wanted_of(text) == wanted
