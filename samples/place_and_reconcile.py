"""Place an order and know what became of it, even where the answer never came.

An error says whether the order may have been carried out. Where it may, look for it at the venue by
the id that you gave it. To find it proves that it is there; not to find it proves nothing yet: it
may be filled, or still on its way. Never send an order twice.
"""

import uuid
from datetime import datetime, timedelta, timezone
from decimal import Decimal

from venuesdk import TimexClient, VenueError
from venuesdk.testing import simulate
from venuesdk.venues.timex import Order

SIZE = Decimal("0.5")


class Unresolved(Exception):
    """Nobody knows yet whether the order was carried out: watch the account, and ask again."""


def place(client: TimexClient, price: Decimal, mark: str, timeout: float = 10) -> Order | None:
    """Return the order as the venue knows it, or None where there certainly is none.

    Raises `Unresolved` where neither can be told now. Take Ctrl-C in here for the same.
    """
    until = datetime.now(timezone.utc) + timedelta(hours=1)
    try:
        placed = client.place_order(
            "ETHAUDT", "BUY", SIZE, price, expire_time=until, client_order_id=mark, timeout=timeout
        )
        return placed.orders[0]
    except VenueError as error:
        if not error.outcome_unknown:
            print("certainly not placed:", error)
            return None
        print("outcome unknown:", type(error).__name__)
    try:
        return find(client, mark)
    except VenueError as error:
        raise Unresolved(mark) from error


def find(client: TimexClient, mark: str) -> Order:
    """Look for the order on every page of the open ones; a read waits for the connection."""
    for page in range(100):
        orders = client.open_orders(page=page)
        for order in orders:
            if order.client_order_id == mark:
                return order
        if not orders:
            break
    raise Unresolved(mark)


# For the simulator alone: at the venue these are orders, and one of them pays any price.
with simulate("timex") as venue, TimexClient(url=venue.url, **venue.credentials) as client:
    for price, delay, timeout in (("1.25", 0, 10), ("1000000", 0, 10), ("1.50", 0.3, 0.2)):
        venue.slow(delay)  # the venue takes the order at once; its answer comes that much later
        mark = str(uuid.uuid4())
        print("placing", mark)  # write it down before it is sent: a crash leaves nothing else
        order = place(client, Decimal(price), mark, timeout)
        print("the venue has", order and order.client_order_id)
