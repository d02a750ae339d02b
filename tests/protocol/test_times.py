"""Times as venues write them, to exact nanoseconds and to aware datetimes."""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from venuesdk.errors import ProtocolError
from venuesdk.protocol.times import datetime_from_ms, datetime_from_ns, parse_time_ns

SECOND = 1_000_000_000

# The seconds were worked out with GNU date: date -u -d 2022-09-19T18:03:39Z +%s
DOCUMENTED = [
    # TimeX, a raw book event: without a zone, and inside it with one.
    ("2022-09-19T18:03:39.163", 1_663_610_619 * SECOND + 163_000_000),
    ("2022-09-19T18:03:39.122Z", 1_663_610_619 * SECOND + 122_000_000),
    ("2122-01-03T22:42:08.93", 4_796_923_328 * SECOND + 930_000_000),
    # TimeX: one, two, three, six and nine digits, and none.
    ("2022-09-19T18:06:25.3", 1_663_610_785 * SECOND + 300_000_000),
    ("2019-07-12T11:36:35.98", 1_562_931_395 * SECOND + 980_000_000),
    ("2018-12-14T20:50:36.134Z", 1_544_820_636 * SECOND + 134_000_000),
    ("2023-09-21T07:07:43.521164Z", 1_695_280_063 * SECOND + 521_164_000),
    ("2019-12-04T23:00:00.026856887", 1_575_500_400 * SECOND + 26_856_887),
    ("2019-12-04T23:00:00", 1_575_500_400 * SECOND),
    # The official Onyx client sends an offset.
    ("2026-11-21T07:48:43.885063+00:00", 1_795_247_323 * SECOND + 885_063_000),
]


@pytest.mark.parametrize(("text", "expected"), DOCUMENTED)
def test_a_documented_time_is_exact(text: str, expected: int) -> None:
    """Every form of time in the documents gives its exact nanoseconds."""
    assert parse_time_ns(text) == expected


@pytest.mark.parametrize("digits", range(1, 10))
@pytest.mark.parametrize("zone", ["", "Z", "z", "+00:00", "-00:00", "+0000"])
def test_any_number_of_fraction_digits_is_read(digits: int, zone: str) -> None:
    """One to nine digits, each with and without a zone, mean what they say."""
    fraction = "987654321"[:digits]
    expected = int("987654321"[:digits] + "0" * (9 - digits))
    assert parse_time_ns(f"1970-01-01T00:00:00.{fraction}{zone}") == expected


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("1970-01-01T00:00:00+01:30", -5_400),
        ("1970-01-01T00:00:00-01:30", 5_400),
        ("1970-01-01 00:00:01", 1),
        ("1969-12-31T23:59:59Z", -1),
        ("0001-01-01T00:00:00Z", -62_135_596_800),
        ("9999-12-31T23:59:59Z", 253_402_300_799),
        ("2024-02-29T00:00:00Z", 1_709_164_800),
    ],
)
def test_zones_and_the_ends_of_time_are_exact(text: str, seconds: int) -> None:
    """Offsets shift the way ISO 8601 says, and dates far from today are right too."""
    assert parse_time_ns(text) == seconds * SECOND


@pytest.mark.parametrize(
    "text",
    [
        "",
        "2022-09-19",
        "18:03:39",
        "2022-09-19T18:03",
        "2022-09-19T18:03:39.",
        "2022-09-19T18:03:39.1234567890",
        "2022-09-19T18:03:39,163",
        "2022-09-19T18:03:39+25:00",
        "2022-09-19T18:03:39+01:60",
        "2022-09-19T18:03:39 Z",
        "2022-09-19T18:03:39Z\n",
        "2022-09-19T24:00:00Z",
        "2022-09-19T18:60:00Z",
        "2022-09-19T18:03:60Z",
        "2023-02-29T00:00:00Z",
        "2022-13-01T00:00:00Z",
        "0000-01-01T00:00:00Z",
        "-2022-09-19T18:03:39Z",
        "２０２２-09-19T18:03:39Z",
        "05.12.2019T05:25:43.584+0000",
        "1653823558.258593",
        "NaN",
    ],
)
def test_what_is_no_time_is_refused(text: str) -> None:
    """Anything else is a ProtocolError that shows what came."""
    with pytest.raises(ProtocolError) as caught:
        parse_time_ns(text)
    assert caught.value.frame == text


@given(st.text(alphabet="0123456789-:.TZ+ ", max_size=40) | st.text(max_size=40))
def test_any_text_is_a_time_or_a_protocol_error(text: str) -> None:
    """No text makes any other exception."""
    with suppress(ProtocolError):
        assert isinstance(parse_time_ns(text), int)


@given(st.datetimes(timezones=st.just(timezone.utc)))
def test_a_datetime_comes_back_from_its_text(moment: datetime) -> None:
    """What Python writes as ISO text is read as the same moment, to the microsecond."""
    assert datetime_from_ns(parse_time_ns(moment.isoformat())) == moment


@given(
    st.datetimes(min_value=datetime(2, 1, 1), max_value=datetime(9998, 12, 31)),
    st.integers(-1439, 1439),
)
def test_an_offset_names_the_same_moment(moment: datetime, minutes: int) -> None:
    """A time with an offset is the moment that Python's own reading of it gives."""
    there = moment.replace(tzinfo=timezone(timedelta(minutes=minutes)))
    assert datetime_from_ns(parse_time_ns(there.isoformat())) == there


def test_milliseconds_become_an_aware_datetime() -> None:
    """Loopring's 1584717910000 and Onyx's timestamp_millis are UTC datetimes."""
    moment = datetime_from_ms(1_584_717_910_000)
    assert moment == datetime(2020, 3, 20, 15, 25, 10, tzinfo=timezone.utc)
    assert moment.utcoffset() == timedelta(0)
    assert datetime_from_ms(1_713_950_000_123).microsecond == 123_000


def test_nanoseconds_are_cut_to_microseconds() -> None:
    """A datetime holds microseconds: the rest is cut off, towards the past."""
    assert datetime_from_ns(26_856_887).microsecond == 26_856
    assert datetime_from_ns(-1) == datetime(1969, 12, 31, 23, 59, 59, 999_999, timezone.utc)


@pytest.mark.parametrize("milliseconds", [10**30, -(10**30), 253_402_300_800_000])
def test_a_time_outside_the_calendar_is_refused(milliseconds: int) -> None:
    """An integer that names no date is a ProtocolError, not an OverflowError."""
    with pytest.raises(ProtocolError):
        datetime_from_ms(milliseconds)
    with pytest.raises(ProtocolError):
        datetime_from_ns(milliseconds * 1_000_000)
