"""Entries are written as lines, and read back as they were."""

from __future__ import annotations

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from venuesdk.testing.tape.entries import (
    FORMAT,
    Exchange,
    Kind,
    TapeCorrupted,
    TapeEntry,
    TapeHeader,
    read_entry,
    read_header,
    read_stop,
    write_entry,
    write_header,
    write_stop,
)

TEXTS = st.text(st.characters(exclude_categories=["Cs"]))
TIMES = st.floats(0, 1e12, allow_nan=False)


@given(st.sampled_from(Kind), TIMES, TIMES, st.integers(0, 10**9), TEXTS)
def test_an_entry_comes_back_as_it_was_written(
    kind: Kind, monotonic: float, wall: float, epoch: int, text: str
) -> None:
    """To the last bit of its times; and any JSON reader reads the line."""
    line = write_entry(5, kind, monotonic, wall, epoch, text)
    assert read_entry(line.encode()) == TapeEntry(5, kind, monotonic, wall, epoch, text)
    assert line.count("\n") == 1
    assert json.loads(line)["text"] == text


def test_further_members_come_back() -> None:
    """Payloads that are no text, exchanges, codes, references and counts."""
    exchange = {"method": "GET", "url": "/x", "sent": "", "status": 200, "headers": {"a": "b"}}
    more = f',"frame":"ping","binary":"AAE=","code":1001,"exchange":{json.dumps(exchange)}'
    entry = read_entry(write_entry(1, Kind.HTTP, 1.0, 2.0, 3, "", more).encode())
    assert entry.binary == b"\0\1"
    assert (entry.frame, entry.code) == ("ping", 1001)
    assert entry.exchange == Exchange("GET", "/x", "", 200, {"a": "b"})


@pytest.mark.parametrize(
    "line",
    [b"", b"{}\n", b"[]\n", b'{"number":1,"kind":"up","monotonic":1,"wall":1}\n', b"\xff\n"],
)
def test_what_is_no_entry_is_corrupt(line: bytes) -> None:
    """It is told so by an error of its own."""
    with pytest.raises(TapeCorrupted):
        read_entry(line)


def test_the_header_tells_format_venue_release_and_time() -> None:
    """It comes back as it was; that of a newer format is refused, and says what helps."""
    header = TapeHeader(FORMAT, "onyx", "1.2.3", 1700000000.25)
    assert read_header(write_header(header).encode()) == header
    with pytest.raises(TapeCorrupted, match="a newer venuesdk"):
        read_header(write_header(TapeHeader(FORMAT + 1, "onyx", "9", math.pi)).encode())
    with pytest.raises(TapeCorrupted, match="no tape"):
        read_header(b'{"source": "Onyx document"}\n')


def test_the_last_line_counts_the_entries() -> None:
    """An entry is none; a last line that cannot be read is corrupt."""
    assert read_stop(write_stop(12).encode()) == 12
    assert read_stop(write_entry(1, Kind.IN, 1.0, 1.0, 1, "").encode()) is None
    with pytest.raises(TapeCorrupted):
        read_stop(b'{"stop":"x"}\n')
