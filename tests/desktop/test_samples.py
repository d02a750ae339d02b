"""The samples with a window, run as they are and used as their user would.

``PICTURES=docs python -m pytest tests/desktop/test_samples.py`` takes their pictures anew.
"""

from __future__ import annotations

import os
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parent.parent.parent
SAMPLES = {"tk": "desktop_tk.py", "qt": "desktop_qt.py"}
PICTURES = os.environ.get("PICTURES")
LARGEST = 100_000
"""Bytes of a picture: everybody who clones the repository gets it."""


@pytest.mark.parametrize("toolkit", SAMPLES)
def test_the_sample_shows_prices_and_places_an_order(
    toolkit: str, request: pytest.FixtureRequest, run_program: Any
) -> None:
    """Table and ladder are filled, light, state and log tell how it stands; closing ends it."""
    if toolkit == "tk":
        environment = request.getfixturevalue("tk_environment")
    else:
        environment = request.getfixturevalue("qt_environment")("xcb")
    picture = str(ROOT / PICTURES / f"desktop-{toolkit}.png") if PICTURES else None
    options = ["--picture", picture] if picture else []
    sample = str(ROOT / "samples" / SAMPLES[toolkit])
    report = run_program("sample_driver.py", toolkit, sample, *options, environment=environment)
    assert report["title"] == "venuesdk · TimeX"
    assert len(report["rows"]) == 10
    for market, bid, ask, spread, change, arrow in report["rows"]:
        numbers = [float(text.replace(",", "")) for text in (bid, ask, spread)]
        assert 0 < numbers[0] < numbers[1], market
        assert numbers[2] > 0
        assert change.endswith(" %")
        assert arrow in "▲▼"
    check_ladder(report["depth"], "BTCUSDT")
    assert report["state"] == "connected"
    red, green, blue = (int(report["light"][at : at + 2], 16) for at in (1, 3, 5))
    assert green > max(red, blue)
    assert "connected" in report["log"]
    assert "placed: buy 0.01 BTCUSDT" in report["log"]


def check_ladder(texts: list[str], market: str) -> None:
    """Check that prices fall from the top to the bottom, with the spread in the middle."""
    (name, heading), (asks, middle, bids) = texts[:2], (texts[2:18], texts[18], texts[19:])
    assert (name, heading) == (market, "volume")
    assert len(bids) == len(asks) == 16, texts
    numbers = [Decimal(text.replace(",", "")) for text in asks + bids]
    prices, volumes = numbers[::2], numbers[1::2]
    assert prices == sorted(set(prices), reverse=True)
    assert min(volumes) > 0
    word, spread = middle.split()
    assert (word, Decimal(spread.replace(",", ""))) == ("spread", prices[7] - prices[8])


@pytest.mark.parametrize("toolkit", SAMPLES)
def test_its_picture_is_small(toolkit: str) -> None:
    """The README shows it."""
    assert 0 < (ROOT / "docs" / f"desktop-{toolkit}.png").stat().st_size < LARGEST
