"""How a program that uses venuesdk is tested: copy this, put your own program in the bot's place.

The fixtures come with venuesdk, for pytest finds its plugin by itself: pip install 'venuesdk[sim]'.
"""

import time

import pytest
from my_bot import Bot

from venuesdk import InsufficientFunds

pytestmark = [
    pytest.mark.venue_sim("timex", interval=0.01),  # a step of the market every 10 ms
    pytest.mark.venue_client(delivery="pump"),  # callbacks run where the test says so
    pytest.mark.usefixtures("venue_leaks"),  # no thread left behind, no error gone unheard
]


@pytest.fixture
def bot(venue_client):
    bot = Bot(venue_client, limit="5000")  # ETH is at 2,000: whatever is offered will do
    bot.start()
    return bot


def run(bot, until):
    """Let the bot's callbacks run, one by one, until what is waited for is so."""
    give_up = time.monotonic() + 5
    while not until():
        assert time.monotonic() < give_up, "it did not come to that"
        bot.client.pump(timeout=0.1, max_events=1)


def orders_at(venue):
    """Return the orders that the venue was asked for, whatever the bot believes."""
    return [text for _, text in venue.received if "/post/trading/orders" in text]


def test_it_buys_once(bot, venue_sim):
    run(bot, until=lambda: bot.books >= 10)
    assert len(orders_at(venue_sim)) == 1
    assert bot.order.client_order_id in orders_at(venue_sim)[0]


def test_it_does_not_insist_where_the_venue_says_no(bot, venue_sim):
    bot.limit = 1_000_000  # nobody has so much
    run(bot, until=lambda: bot.books >= 10)
    assert len(orders_at(venue_sim)) == 1
    assert isinstance(bot.trouble, InsufficientFunds)


def test_it_does_not_pay_too_much(bot, venue_sim):
    bot.limit = 1000
    run(bot, until=lambda: bot.books >= 10)
    assert not orders_at(venue_sim)


def test_it_buys_no_second_time_when_the_answer_is_lost(bot, venue_sim, venue_client):
    book = venue_client.raw_order_book("ETHAUDT")
    venue_sim.mute()  # the venue still hears, but nobody hears the venue
    bot.patience = 0.2
    bot.on_book(book)
    bot.on_book(book)
    assert len(orders_at(venue_sim)) == 1
    assert bot.order is None and bot.trouble.outcome_unknown


def test_it_goes_on_after_a_cut(bot, cut_connection):
    bot.limit = 0
    run(bot, until=lambda: bot.trusts_prices)
    with cut_connection.away():
        assert not bot.client.connected
    run(bot, until=lambda: not bot.trusts_prices)  # it is told that it missed something
    run(bot, until=lambda: bot.trusts_prices)


def test_it_distrusts_a_venue_that_falls_silent(bot, venue_sim, fake_clock):
    bot.limit = 0
    run(bot, until=lambda: bot.trusts_prices)
    venue_sim.mute()
    fake_clock.advance(8)  # which takes less than half a second
    run(bot, until=lambda: not bot.trusts_prices)
