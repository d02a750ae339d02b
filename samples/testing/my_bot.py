"""A bot of one screen: it buys once, when somebody sells below its limit."""

import uuid
from datetime import datetime, timedelta, timezone
from decimal import Decimal

from venuesdk import NotSent, VenueError


class Bot:
    """Watches one book, and stops when it has bought or when a person must look."""

    def __init__(self, client, limit, patience=5.0):
        self.client = client
        self.limit = Decimal(limit)
        self.patience = patience
        self.books = 0
        self.trusts_prices = False
        self.order = None  # as the venue took it
        self.trouble = None  # why a person must look before anything else is bought

    def start(self):
        """Begin to watch."""
        self.client.subscribe_raw_order_book(
            "ETHAUDT", self.on_book, on_gap=self.on_gap, stale_after=5
        )

    def on_gap(self, gap):
        """Hear that books were missed, or that none come."""
        self.trusts_prices = False  # until the next book: each is whole

    def on_book(self, book):
        """Look at a book."""
        self.books += 1
        self.trusts_prices = True
        if self.order is None and self.trouble is None and book.asks[0].price <= self.limit:
            self.buy()

    def buy(self):
        """Place the one order, and know what became of it."""
        expires = datetime.now(timezone.utc) + timedelta(hours=1)
        try:
            placed = self.client.place_order(
                "ETHAUDT",
                "BUY",
                Decimal("0.01"),
                self.limit,
                expire_time=expires,
                client_order_id=str(uuid.uuid4()),
                timeout=self.patience,
            )
            self.order = placed.orders[0]
        except NotSent:
            pass  # certainly not there: the next book is another chance
        except VenueError as error:
            self.trouble = error  # refused, or nobody knows
