"""What an event says about one instrument."""

from __future__ import annotations

from decimal import Decimal

from venuesdk.cli.readings import Reading, readings
from venuesdk.venues import fuze, loopring, onyx, timex

ONE, TWO, THREE = Decimal(1), Decimal(2), Decimal(3)


def test_a_ticker_is_a_line_for_each_contract() -> None:
    """Bid, ask and middle of each; a side that the venue left out is empty."""
    event = onyx.Tickers(
        (
            onyx.Ticker("a", 0, bid=onyx.Quote(ONE, ONE), ask=onyx.Quote(THREE, ONE), mid=TWO),
            onyx.Ticker("b", 0, bid=onyx.Quote(ONE, ONE)),
        )
    )
    first, second = readings(event)
    assert first == Reading("a", ONE, THREE, TWO)
    assert (first.middle, first.spread) == (TWO, TWO)
    assert second.middle is second.spread is second.ask is None
    assert second.is_priced


def test_a_book_shows_its_best_prices() -> None:
    """The highest bid and the lowest ask; one that is empty shows none."""
    levels = [timex.GroupedLevel(price, ONE, ONE) for price in (TWO, ONE, THREE)]
    book = timex.GroupedOrderBook("ETHAUDT", "", (levels[0], levels[1]), (levels[2],))
    assert list(readings(book)) == [Reading("ETHAUDT", TWO, THREE)]
    empty = loopring.OrderBookUpdate(0, "LRC-ETH", 0, (), ())
    assert list(readings(empty)) == [Reading("LRC-ETH")]
    assert not Reading("LRC-ETH").is_priced


def test_an_order_of_the_account_says_what_became_of_it() -> None:
    """Side, size, price, state and how much is done."""
    order = loopring.OrderUpdate(
        0, "0x1", "mine", "LRC-ETH", "buy", "processed", ONE, 5, 5, 5, 5, 0, 0, 0, 0
    )
    (reading,) = readings(order)
    assert reading == Reading("LRC-ETH", text="buy 5 at 1: processed, 5 done")


def test_every_asset_of_market_data_is_a_line() -> None:
    """Its price in the local currency, and its change of a day."""
    policies = fuze.Policies(current_price=TWO, price_change_percent_24h=Decimal("-1.5"))
    event = fuze.MarketData(0, (fuze.Asset("BTC", policies),))
    assert list(readings(event)) == [Reading("BTC", last=TWO, text="-1.5% in 24 h")]


def test_what_has_no_model_is_shown_as_what_it_is() -> None:
    """An event of a kind that nobody knew is not left out."""
    (reading,) = readings(timex.Update(None, None, {"a": 1}))
    assert reading.name == "Update"
    assert "{'a': 1}" in reading.text
