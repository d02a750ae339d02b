"""The bookkeeping of the simulated TimeX, without a venue around it."""

from __future__ import annotations

import random
from decimal import Decimal

import pytest

from venuesdk.testing.sims.timex_ledger import Ledger, NewOrder, Order, Pair, Refused, plain

PAIRS = {"ETHUSD": Pair("ETH", "USD"), "BTCUSD": Pair("BTC", "USD")}
BIDS = [(Decimal(99), Decimal(1)), (Decimal(98), Decimal(2))]
ASKS = [(Decimal(101), Decimal(1)), (Decimal(102), Decimal(2))]


def ledger() -> Ledger:
    """An account with 1,000 of each currency."""
    balances = dict.fromkeys(("ETH", "BTC", "USD"), Decimal(1000))
    return Ledger(PAIRS, balances, random.Random(5))


def asked(side: str, price: int, quantity: int, kind: str = "LIMIT") -> NewOrder:
    """An order in ETHUSD."""
    return NewOrder("ETHUSD", side, kind, Decimal(quantity), Decimal(price))


def held(order: Order) -> tuple[str, Decimal]:
    """What an open order must be holding, from its own numbers."""
    pair = PAIRS[order.asked.symbol]
    if order.asked.side == "SELL":
        return pair.base, order.remaining
    return pair.quote, order.remaining * order.asked.price


def test_a_better_price_frees_the_rest() -> None:
    """A buyer at 110 who is filled at 101 and 102 has paid these, and holds nothing more."""
    book = ledger()
    order, _ = book.place(asked("BUY", 110, 3), ASKS, 1)
    assert order.status == "FILLED"
    assert order.average == (Decimal(101) + 2 * Decimal(102)) / 3
    assert book.total == {"ETH": 1003, "BTC": 1000, "USD": 1000 - 101 - 204}
    assert set(book.locked.values()) == {Decimal(0)}
    assert not book.resting
    assert list(book.closed) == [order]


def test_resting_orders_meet_only_what_reaches_them() -> None:
    """A seller at 105 waits until a bid is that high, and then sells no more than is bid."""
    book = ledger()
    order, _ = book.place(asked("SELL", 105, 3), BIDS, 1)
    assert not book.meet("ETHUSD", BIDS, ASKS, 2).changes
    outcome = book.meet("ETHUSD", [(Decimal(106), Decimal(1))], ASKS, 3)
    assert [change.status for change in outcome.changes] == ["PARTIAL"]
    assert [(price, size) for _, price, size in outcome.changes[0].trades] == [(105, 1)]
    assert outcome.currencies == ["USD", "ETH"]
    assert (order.filled, order.updated_ns) == (1, 3)


def test_orders_of_one_request_are_checked_together() -> None:
    """Two orders that are each affordable, but not both, are refused."""
    book = ledger()
    one = asked("BUY", 50, 11)
    book.check([(one, ASKS)])
    with pytest.raises(Refused, match="Insufficient USD balance. Required: 550, actual: 450."):
        book.check([(one, ASKS), (one, ASKS)])


def test_nothing_is_ever_lost() -> None:
    """Through any mix of steps, what is locked is what the open orders hold, and no more."""
    book, rng = ledger(), random.Random(11)
    for now in range(2000):
        step = rng.random()
        if step < 0.5:
            kind = rng.choice(["LIMIT", "LIMIT", "MARKET"])
            new = asked(rng.choice(["BUY", "SELL"]), rng.randint(90, 110), rng.randint(1, 3), kind)
            levels = ASKS if new.side == "BUY" else BIDS
            try:
                book.check([(new, levels)])
            except Refused:
                continue
            book.place(new, levels, now)
        elif step < 0.7 and book.resting:
            assert book.cancel(rng.choice(list(book.resting)), now)
        else:
            shift = rng.randint(-10, 10)
            bids = [(price + shift, size) for price, size in BIDS]
            asks = [(price + shift, size) for price, size in ASKS]
            book.meet("ETHUSD", bids, asks, now)
        expected = dict.fromkeys(book.total, Decimal(0))
        for order in book.open():
            currency, amount = held(order)
            expected[currency] += amount
        assert book.locked == expected
        assert all(book.available(currency) >= 0 for currency in book.total)
    assert book.closed


@pytest.mark.parametrize(
    ("number", "text"), [("1.500", "1.5"), ("100", "100"), ("1E+2", "100"), ("0.00", "0")]
)
def test_numbers_are_plain(number: str, text: str) -> None:
    """Amounts are printed without exponent and without trailing zeros."""
    assert plain(Decimal(number)) == text
