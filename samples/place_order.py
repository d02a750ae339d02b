"""Place an order and know what became of it, even where the answer never came.

An error says whether the order may have been carried out. Where it may, look for it at the venue by
the id that you gave it. To find it proves that it is there; not to find it proves nothing yet: it
may be filled, or still on its way. Never send an order twice.
"""

import uuid
from datetime import datetime, timedelta, timezone
from decimal import Decimal

from venuesdk import NotSent, RequestRejected, TimexClient, VenueError
from venuesdk.testing import simulate


class Unresolved(Exception):
    """Nobody knows yet whether the order was carried out: watch the account, and ask again."""


def place(client, price, timeout=10.0):
    """Return the order as the venue knows it, or None where there certainly is none.

    Raises `Unresolved` where neither can be told now.
    """
    mark = str(uuid.uuid4())
    expires = datetime.now(timezone.utc) + timedelta(hours=1)
    try:
        placed = client.place_order(
            "ETHAUDT",
            "BUY",
            Decimal("0.5"),
            price,
            expire_time=expires,
            client_order_id=mark,
            timeout=timeout,
        )
        return placed.orders[0]
    except (NotSent, RequestRejected) as error:
        print(f"certainly not placed: {error}")
        return None
    except VenueError as error:
        if not error.outcome_unknown:
            raise
        print(f"outcome unknown: {type(error).__name__}: {error}")
    # A read waits for the connection, where that is what failed.
    found = [order for order in client.open_orders() if order.client_order_id == mark]
    if not found:
        raise Unresolved(mark)
    return found[0]


with simulate("timex") as venue, TimexClient(url=venue.url, **venue.credentials) as client:
    print(f"placed: {place(client, Decimal('1.25')).id}")
    print(f"refused: {place(client, Decimal('1000000'))}")
    venue.slow(0.5)  # the venue takes the order, and its answer comes too late
    print(f"found: {place(client, Decimal('1.50'), timeout=0.2).id}")
