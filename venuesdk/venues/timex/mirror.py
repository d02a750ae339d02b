"""TimeX's books as what a mirror keeps: every event is the whole book, none is a difference.

Orders of one price are one level. What the venue numbers its messages by says nothing of a book's
order, so that the newest book is the one that came last.
"""

from __future__ import annotations

from decimal import Decimal

from ...book import EXACT, BookUpdate
from .models import GroupedOrderBook, RawOrder, RawOrderBook

__all__ = ["grouped_update", "raw_update"]


def raw_update(event: RawOrderBook) -> BookUpdate:
    """Return a raw book price by price."""
    return BookUpdate(_summed(event.bids), _summed(event.asks), True, last=event.update_id)


def grouped_update(event: GroupedOrderBook) -> BookUpdate:
    """Return a grouped book as it is; sizes are volumes in the base token."""
    bids, asks = (
        [(level.price, level.volume) for level in side] for side in (event.bids, event.asks)
    )
    return BookUpdate(bids, asks, True, last=event.update_id)


def _summed(orders: tuple[RawOrder, ...]) -> list[tuple[Decimal, Decimal]]:
    sums: dict[Decimal, Decimal] = {}
    for order in orders:
        before = sums.get(order.price)
        size = order.quantity
        sums[order.price] = size if before is None else EXACT.add(before, size)
    return list(sums.items())
