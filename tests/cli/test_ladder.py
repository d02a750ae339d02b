"""A book as it is drawn."""

from __future__ import annotations

import io
from decimal import Decimal

import pytest
from rich.console import Console, RenderableType

from venuesdk import BookLevel, BookView
from venuesdk.cli.ladder import BAR, ladder, picture, size_of
from venuesdk.cli.notices import Notices
from venuesdk.mirrors.mirror import MirrorStats

STATS = MirrorStats(True, 12, 1, 1, 1, 0)


def level(price: str, size: str) -> BookLevel:
    """Return one price of a book."""
    return BookLevel(Decimal(price), Decimal(size))


VIEW = BookView(
    "ETHAUDT",
    (level("99.5", "2"), level("99", "0.25")),
    (level("100.5", "1"), level("101", "3"), level("102", "5")),
    version=7,
)


def drawn(what: RenderableType, width: int = 120) -> list[str]:
    """Return the lines of a picture."""
    out = io.StringIO()
    Console(file=out, width=width).print(what)
    return [line.rstrip() for line in out.getvalue().splitlines()]


def test_asks_stand_over_bids_with_the_spread_between_them() -> None:
    """Best prices in the middle, sums away from it, bars as long as the sums."""
    _, *rungs = drawn(ladder(VIEW, 2))
    assert [rung.split()[:4] for rung in rungs if rung[:3].strip()] == [
        ["ask", "101.0", "3", "4"],
        ["ask", "100.5", "1", "1"],
        ["bid", "99.5", "2.00", "2.00"],
        ["bid", "99.0", "0.25", "2.25"],
    ]
    (middle,) = (rung for rung in rungs if not rung[:3].strip())
    assert middle.split() == ["100", "middle", "spread", "1.0", "100.0", "bp"]
    bars = [rung.split()[-1] for rung in rungs if rung[:3].strip()]
    assert bars[0] == "█" * round(BAR * 3 / 4) + "░" * (BAR - round(BAR * 3 / 4))
    assert [len(bar) for bar in bars] == [BAR, BAR // 4, BAR // 2, round(BAR * 2.25 / 4)]


def test_a_side_that_is_short_has_empty_rungs() -> None:
    """The picture keeps its height, so that nothing jumps."""
    empty = BookView("ETHAUDT", (), ())
    assert len(drawn(ladder(VIEW, 9))) == len(drawn(ladder(empty, 9))) == 9 + 9 + 2
    assert "no spread" in "\n".join(drawn(ladder(empty, 1)))


def test_a_book_that_is_not_to_be_trusted_is_not_drawn() -> None:
    """The picture says so in words, and shows no price at all."""
    text = "\n".join(drawn(picture("timex ETHAUDT", None, STATS, Notices(), 0.0, 3)))
    assert "resynchronising" in text
    assert "synchronised" not in text
    assert not [word for word in text.split() if word.replace(".", "").isdigit() and "." in word]
    text = "\n".join(drawn(picture("timex ETHAUDT", VIEW, STATS, Notices(), 1.5, 3)))
    assert "✓ synchronised  version 7  1.5 s old  12 updates  1 gap" in text


def test_a_crossed_book_is_called_so() -> None:
    """The venue sent it, and a person should not take it for a spread."""
    crossed = BookView("X", (level("2", "1"),), (level("1", "1"),))
    assert "crossed -1" in "\n".join(drawn(ladder(crossed, 1)))


def test_a_size_in_the_smallest_unit_still_fits() -> None:
    """Twenty digits are shortened, by a sign that says so; a size of a few is not."""
    assert size_of(Decimal("1810000000000000000000")) == "1.8100e+21"
    assert size_of(Decimal("0.25"), 3) == "0.250"


@pytest.mark.parametrize("size", [(80, 24), (60, 12), (52, 40)])
def test_a_small_terminal_has_fewer_rungs_and_shorter_bars(size: tuple[int, int]) -> None:
    """The spread stays in the middle, and no number is cut."""
    rows = tuple(level(str(Decimal("99.5") - number), "12.345") for number in range(20))
    view = BookView("X", rows, (level("100.5", "12.345"),))
    lines = drawn(picture("timex X", view, STATS, Notices(), 0.0, 20, size), size[0])
    assert len(lines) < size[1]
    asks = [line for line in lines if line.startswith("ask")]
    bids = [line for line in lines if line.startswith("bid")]
    assert len(asks) == len(bids) >= 2
    assert bids[0].split()[1:4] == ["99.5", "12.345", "12.345"]
    assert all("…" not in line for line in asks + bids)


@pytest.mark.parametrize("width", [51, 30, 18, 12])
def test_a_price_that_does_not_fit_says_so(width: int) -> None:
    """Half a price is a wrong one: it ends with a sign; a bar goes before a price does."""
    view = BookView("X", (level("12345.675", "12.345"),), (level("12345.685", "12.345"),))
    lines = drawn(ladder(view, 1, width), width)
    numbers = [word for word in lines[1].split() if word[0].isdigit()]
    assert len(numbers) == 2
    for number, whole in zip(numbers, ("12345.685", "12.345"), strict=True):
        assert number == whole or (number[-1] == "…" and width < 20)
