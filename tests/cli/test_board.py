"""The live table, as text."""

from __future__ import annotations

import io
from decimal import Decimal
from typing import Any

import attrs
import pytest
from rich.console import Console

from venuesdk.cli.board import Board, trend_of
from venuesdk.cli.stream import Entry
from venuesdk.models import Gap, GapReason, State, StateChange
from venuesdk.session.subscription import SubscriptionStats
from venuesdk.venues import loopring, onyx


class Clock:
    """A time that a test sets."""

    now = 100.0

    def __call__(self) -> float:
        return self.now


def ticker(symbol: str, bid: str, ask: str) -> Entry:
    """Return an event of one contract."""
    one = Decimal(1)
    row = onyx.Ticker(
        symbol, 0, bid=onyx.Quote(Decimal(bid), one), ask=onyx.Quote(Decimal(ask), one)
    )
    return Entry("event", onyx.Tickers((row,)), "tickers:dub")


def stats(**counts: int) -> dict[str, SubscriptionStats]:
    """Return the counters of the one topic."""
    every: dict[str, Any] = {field.name: 0 for field in attrs.fields(SubscriptionStats)}
    return {"tickers:dub": SubscriptionStats(**{**every, "topic": "tickers", **counts})}


def drawn(
    board: Board, counts: dict[str, SubscriptionStats], room: int | None = None, width: int = 110
) -> str:
    """Return the picture as text."""
    out = io.StringIO()
    Console(file=out, width=width).print(board.picture(counts, room, width))
    return out.getvalue()


def test_a_line_shows_prices_spread_direction_and_age() -> None:
    """An arrow says where the middle went, whatever the colours; the spread in basis points too."""
    clock = Clock()
    board = Board("onyx", ["tickers:dub"], clock)
    board.take([ticker("dubm25", "99", "101"), ticker("dubm25", "100", "102")])
    clock.now += 7.3
    (line,) = (one for one in drawn(board, stats()).splitlines() if "dubm25" in one)
    assert line.split() == ["dubm25", "▲", "▁█", "100", "102", "2", "198.0", "7.3", "s"]
    board.take([ticker("dubm25", "98", "100")])
    assert "▼" in drawn(board, stats())


def test_what_was_lost_is_counted_and_told() -> None:
    """Drops and gaps stand at the topic and in the head, a gap is a notice with its reason."""
    board = Board("onyx", ["tickers:dub"], Clock())
    board.take([Entry("gap", Gap(GapReason.OVERFLOW, 1200), "tickers:dub")])
    text = drawn(board, stats(received=5000, dropped=1200, gaps=1))
    assert "tickers:dub  5,000 events · 1,200 dropped · 1 gap" in text
    assert "gap in tickers:dub: overflow, 1,200 events lost" in text


def test_the_state_is_a_word_and_a_sign() -> None:
    """Lost and back are told with their reason; an error is told as what it is."""
    board = Board("onyx", ["tickers:dub"], Clock())
    board.take([Entry("state", StateChange(State.RECONNECTING, State.CONNECTED, "gone", 0, 1))])
    text = drawn(board, stats())
    assert "◌ reconnecting" in text.splitlines()[0]
    assert "reconnecting: gone" in text
    board.take(
        [
            Entry("state", StateChange(State.CONNECTED, State.RECONNECTING, "", 0, 2)),
            Entry("error", ValueError("bad frame")),
        ]
    )
    text = drawn(board, stats())
    assert "● connected" in text.splitlines()[0]
    assert "connection 2" in text
    assert "connected again" in text
    assert "ValueError: bad frame" in text


def test_a_small_terminal_is_told_what_it_does_not_show() -> None:
    """The picture never has more lines than there are, and says how many instruments it hides."""
    board = Board("onyx", ["tickers:dub"], Clock())
    board.take([ticker(f"dub{number}", "1", "2") for number in range(50)])
    text = drawn(board, stats(), room=20)
    assert len(text.splitlines()) <= 20
    shown = sum(line.startswith("dub") for line in text.splitlines())
    assert f"{50 - shown} more lines than there is room for" in text


def test_a_price_that_stood_still_is_a_flat_line() -> None:
    """The arrow is a dot then; a price that was never there has no line at all."""
    assert trend_of([Decimal(2)] * 3, 0).plain == "· ▄▄▄"
    assert trend_of([], 0).plain == "· "


@pytest.mark.parametrize("width", [110, 80, 60, 45])
def test_a_narrow_terminal_has_fewer_columns_and_whole_prices(width: int) -> None:
    """Half a price is a wrong one; every line is one line."""
    board = Board("onyx", ["tickers:dub"], Clock())
    board.take([ticker("dubm25", "12345.675", "12345.685")] * 20)
    lines = drawn(board, stats(), width=width).splitlines()
    (line,) = (one for one in lines if "dubm25" in one)
    assert {"12345.675", "12345.685"} <= set(line.split())
    assert "…" not in line
    assert line.split()[-2:] == ["0.0", "s"]
    assert len(lines) == len(drawn(board, stats(), width=110).splitlines())


@pytest.mark.parametrize("width", [36, 30, 20])
def test_a_price_that_does_not_fit_says_so(width: int) -> None:
    """Where a terminal is too narrow for two prices, what is cut ends with a sign of that."""
    board = Board("onyx", ["tickers:dub"], Clock())
    board.take([ticker("dubm25", "12345.675", "12345.685")] * 20)
    row = drawn(board, stats(), width=width).splitlines()[4]
    prices = [word for word in row.split() if word.startswith("12")]
    assert len(prices) == 2
    assert all(price in ("12345.675", "12345.685") or price[-1] == "…" for price in prices)


def test_trades_have_the_columns_that_they_fill() -> None:
    """No empty bids and asks: the last price, and what was traded, on a narrow terminal too."""
    board = Board("loopring", ["tickers:dub"], Clock())
    trade = loopring.Trade(0, "1", "sell", 3, Decimal("0.0002"), "LRC-ETH")
    update = loopring.TradesUpdate(0, "LRC-ETH", (trade,))
    board.take([Entry("event", update, "tickers:dub")])
    for width in (110, 60):
        text = drawn(board, stats(), width=width)
        assert "bid" not in text
        (line,) = (one for one in text.splitlines() if "LRC-ETH" in one)
        assert line.split()[-5:] == ["0.0002", "sell", "3", "0.0", "s"]
