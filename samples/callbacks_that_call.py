"""A bot whose callbacks call: a book makes it place an order, the account's news cancel it.

All callbacks of a client run one after the other on one thread: what they share needs no lock. Each
may call, and wait for the answer, which another thread reads. Meanwhile events wait their turn, and
``conflate=True`` leaves only the newest book of them. What a callback raises goes to ``on_error``.
"""

import uuid
from datetime import datetime, timedelta, timezone
from decimal import Decimal

from venuesdk import TimexClient
from venuesdk.testing import simulate
from venuesdk.venues.timex import AccountEvent, GroupedOrderBook, OrderUpdate


class Bot:
    """Bid once, at half the market's price, and take the bid back when the venue shows it."""

    def __init__(self, client: TimexClient) -> None:
        self.client = client
        self.mark = ""

    def on_book(self, book: GroupedOrderBook) -> None:
        """Place the order, once."""
        if self.mark or not book.bids:
            return
        self.mark = str(uuid.uuid4())  # before it is sent: whatever becomes of it, never again
        price = (book.bids[0].price / 2).quantize(Decimal("0.1"))
        until = datetime.now(timezone.utc) + timedelta(minutes=1)
        placed = self.client.place_order(
            "ETHAUDT", "BUY", Decimal("0.01"), price, expire_time=until, client_order_id=self.mark
        )
        print("placed:", *(f"{order.quantity} at {order.price}" for order in placed.orders))

    def on_account(self, event: AccountEvent) -> None:
        """Cancel the order as long as it is open."""
        if not isinstance(event, OrderUpdate) or event.order.client_order_id != self.mark:
            return
        order = event.order
        print("news:", event.order_status)
        if order.filled_quantity + order.cancelled_quantity == order.quantity:
            self.client.close()
        else:
            print("cancelled:", len(self.client.cancel_order(order.id).changed_orders))

    def on_error(self, error: BaseException) -> None:
        """Stop: a bot that does not know what it did does nothing more."""
        print(f"{error!r}: look for the order {self.mark}")
        self.client.close()


with simulate("timex") as venue, TimexClient(url=venue.url, **venue.credentials) as client:
    bot = Bot(client)
    client.on_error(bot.on_error)
    client.subscribe_account(venue.account, bot.on_account, on_gap=print)
    client.subscribe_grouped_order_book("ETHAUDT", bot.on_book, conflate=True, on_gap=print)
    client.wait()  # until the bot has closed the client, or Ctrl-C
