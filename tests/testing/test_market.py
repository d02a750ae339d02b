"""Seeded prices and books: what is believable about them, and that they repeat."""

from __future__ import annotations

from decimal import Decimal

import pytest

from venuesdk.testing.market import Instrument, Level, Market

INSTRUMENTS = {
    "BTC_USD": Instrument(Decimal("42110.50"), Decimal("0.25"), Decimal("0.0001")),
    "PENNY": Instrument(Decimal("0.0012"), Decimal("0.0001"), Decimal(10)),
}


def _story(market: Market, symbol: str, steps: int = 50) -> list[object]:
    told: list[object] = []
    for _ in range(steps):
        market.step()
        walk = market[symbol]
        told.append((walk.quote(), walk.trade, walk.candle, walk.bids(), walk.changes))
    return told


def test_the_same_seed_gives_the_same_market() -> None:
    """Runs repeat, and another seed gives another market."""
    assert _story(Market(1, INSTRUMENTS), "PENNY") == _story(Market(1, INSTRUMENTS), "PENNY")
    assert _story(Market(1, INSTRUMENTS), "PENNY") != _story(Market(2, INSTRUMENTS), "PENNY")


def test_symbols_do_not_influence_each_other() -> None:
    """A symbol tells the same story beside others and alone."""
    alone = {"PENNY": INSTRUMENTS["PENNY"]}
    assert _story(Market(1, INSTRUMENTS), "PENNY") == _story(Market(1, alone), "PENNY")


@pytest.mark.parametrize("symbol", sorted(INSTRUMENTS))
def test_a_book_is_always_a_book(symbol: str) -> None:
    """Bids fall, asks rise, they never cross, and all numbers are whole ticks and lots."""
    market = Market(3, INSTRUMENTS, depth=10)
    instrument = INSTRUMENTS[symbol]
    for _ in range(200):
        market.step()
        bids, asks = market[symbol].bids(), market[symbol].asks()
        assert len(bids) == len(asks) == 10
        assert [row.price for row in bids] == sorted({row.price for row in bids}, reverse=True)
        assert [row.price for row in asks] == sorted({row.price for row in asks})
        assert 0 < bids[-1].price < bids[0].price < asks[0].price
        assert all(row.amount > 0 for row in bids + asks)
        assert all(row.price % instrument.tick == 0 for row in bids + asks)
        assert all(row.amount % instrument.lot == 0 for row in bids + asks)
        quote = market[symbol].quote()
        assert (quote.bid, quote.ask) == (bids[0], asks[0])
        assert quote.bid.price < quote.mid < quote.ask.price


def test_changes_turn_the_last_book_into_the_next() -> None:
    """Applying a step's changes to the book before gives the book after."""
    market = Market(4, INSTRUMENTS)
    walk = market["BTC_USD"]
    for _ in range(100):
        sides = {"BUY": dict(walk.bids()), "SELL": dict(walk.asks())}
        version = walk.version
        market.step()
        assert walk.version == version + 1
        for side, price, amount in walk.changes:
            if amount:
                sides[side][price] = amount
            else:
                del sides[side][price]
        assert sides == {"BUY": dict(walk.bids()), "SELL": dict(walk.asks())}


def test_prices_walk() -> None:
    """In a hundred steps a price has been above and below where it began."""
    market = Market(5, INSTRUMENTS)
    start = market["BTC_USD"].quote().mid
    seen = set()
    for _ in range(100):
        market.step()
        seen.add(market["BTC_USD"].quote().mid)
    assert len(seen) > 5
    assert min(seen) < start < max(seen)


def test_trades_and_the_candle_agree() -> None:
    """The candle is what the trades since the first step make it."""
    market = Market(6, INSTRUMENTS)
    walk = market["BTC_USD"]
    first = walk.candle.open
    trades = []
    for number in range(1, 51):
        market.step()
        assert walk.trade.number == number
        assert walk.trade.side in ("BUY", "SELL")
        trades.append(walk.trade)
    prices = [first, *(trade.price for trade in trades)]
    assert walk.candle == (
        first,
        max(prices),
        min(prices),
        trades[-1].price,
        sum(trade.amount for trade in trades),
    )


def test_a_market_knows_its_symbols_and_its_steps() -> None:
    """Symbols keep their order, and a part of a book can be asked for."""
    market = Market(7, INSTRUMENTS)
    market.step()
    assert market.symbols == ("BTC_USD", "PENNY")
    assert "PENNY" in market
    assert "GOLD" not in market
    assert market.steps == 1
    assert market["PENNY"].bids(3) == market["PENNY"].bids()[:3]
    assert isinstance(market["PENNY"].asks(1)[0], Level)
