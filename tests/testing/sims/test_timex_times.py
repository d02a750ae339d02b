"""The time stamps of the simulated TimeX."""

from __future__ import annotations

import pytest

from venuesdk.testing.sims.timex_times import Stamps, parse_time, stamp

MOMENT = 1663610619_026856887


@pytest.mark.parametrize(
    ("text", "nanoseconds"),
    [
        ("2022-09-19T18:03:39.026856887", MOMENT),
        ("2022-09-19T18:03:39.026856887Z", MOMENT),
        ("2022-09-19T20:03:39.026856887+02:00", MOMENT),
        ("2022-09-19T18:03:39.6Z", 1663610619_600000000),
        ("2022-09-19T18:03:39", 1663610619_000000000),
        ("1969-12-31T23:59:59.5Z", -500000000),
    ],
)
def test_times_are_read_exactly(text: str, nanoseconds: int) -> None:
    """All recorded forms are read to the nanosecond; no zone means UTC."""
    assert parse_time(text) == nanoseconds


@pytest.mark.parametrize("text", ["", "2022-09-19", "2022-09-31T18:03:39Z", 5, None, "x" * 20])
def test_what_is_no_time_is_a_value_error(text: object) -> None:
    """Anything else is refused."""
    with pytest.raises(ValueError, match="."):
        parse_time(text)


def test_stamps_vary_as_the_recorded_ones_do() -> None:
    """Stamps have from one to nine fraction digits, and each is the moment, cut."""
    stamps = Stamps(lambda: 1663610619.5)
    assert stamps.now() == 1663610619_500000000
    printed = [stamps.print(MOMENT, "Z") for _ in range(30)]
    whole = "2022-09-19T18:03:39.026856887"
    assert {len(text.partition(".")[2]) - 1 for text in printed} == set(range(1, 10))
    assert all(whole.startswith(text.removesuffix("Z")) for text in printed)
    assert stamp(MOMENT, "", 2) == "2022-09-19T18:03:39.02"
