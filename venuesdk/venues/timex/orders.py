"""What an order request to TimeX says, made from checked arguments; nothing is sent here.

Amounts go out as text, digit by digit. Mistakes that can be seen without the venue are
`ValueError` and `TypeError`.
"""

from __future__ import annotations

import datetime as dt
import re
from decimal import Decimal
from typing import Any, Final, TypeAlias

from ...errors import ProtocolError
from ...protocol.times import parse_time_ns
from .topics import symbol_of, text_of

__all__ = ["Amount", "When", "cancellation", "change", "new_order"]

Amount: TypeAlias = Decimal | int | str
"""An exact amount; never a float. Text is digits with an optional fraction, such as ``0.50``."""

When: TypeAlias = dt.datetime | str
"""An aware datetime, or ISO text with a zone, which goes to the venue as it is."""

# A Decimal takes more: underscores, spaces, other scripts' digits, exponents. None of them is how
# an amount is meant to be written, so such text is rather a mistake than a number.
_PLAIN: Final = re.compile(r"[+-]?[0-9]+(?:\.[0-9]+)?")
_ZONE: Final = re.compile(r"[Zz]|[+-][0-9]{2}:?[0-9]{2}")

SIDES: Final = ("BUY", "SELL")
TYPES: Final = ("LIMIT", "MARKET", "POST_ONLY", "FILL_OR_KILL")
RESTING: Final = ("LIMIT", "POST_ONLY")
"""Types of orders that the venue takes only with an end."""


def new_order(
    symbol: str,
    side: str,
    quantity: Amount,
    price: Amount | None,
    type: str,
    expire_time: When | None,
    client_order_id: str | None,
) -> dict[str, Any]:
    """Return the item that places an order."""
    kind = _one_of("type", type, TYPES)
    if kind == "MARKET" and price is not None:
        raise ValueError("a MARKET order has no price")
    if kind != "MARKET" and price is None:
        raise ValueError(f"a {kind} order needs a price")
    if expire_time is None and kind in RESTING:
        raise ValueError(f"the venue takes a {kind} order only with expire_time=")
    item: dict[str, Any] = {
        # A price of nought is how the venue writes that there is none.
        "price": Decimal(0) if price is None else _amount("price", price),
        "quantity": _amount("quantity", quantity),
        "side": _one_of("side", side, SIDES),
        "type": kind,
        "symbol": symbol_of("symbol", symbol),
    }
    if client_order_id is not None:
        item["clientOrderId"] = text_of("client_order_id", client_order_id)
    if expire_time is not None:
        item["expireTime"] = _time_text(expire_time)
    return item


def change(
    order_id: str, quantity: Amount, price: Amount, expire_time: When | None
) -> dict[str, Any]:
    """Return the item that gives an open order another quantity, price and end."""
    item: dict[str, Any] = {
        "id": text_of("order_id", order_id),
        "price": _amount("price", price),
        "quantity": _amount("quantity", quantity),
    }
    if expire_time is not None:
        item["expireTime"] = _time_text(expire_time)
    return item


def cancellation(order_id: str) -> dict[str, Any]:
    """Return the item that cancels an open order."""
    return {"id": text_of("order_id", order_id)}


def _amount(argument: str, value: Amount) -> Decimal:
    if isinstance(value, bool) or not isinstance(value, (Decimal, int, str)):
        raise TypeError(f"{argument} is a Decimal, an int or text, not {value.__class__.__name__}")
    if isinstance(value, str) and not _PLAIN.fullmatch(value):
        raise ValueError(f"{argument} is not a plain decimal number: {value!r}")
    amount = Decimal(value)
    if not (amount.is_finite() and amount > 0):
        raise ValueError(f"{argument} must be more than 0, not {value!r}")
    return amount


def _one_of(argument: str, value: str, known: tuple[str, ...]) -> str:
    upper = text_of(argument, value).upper()
    if upper not in known:
        raise ValueError(f"{argument} is one of {', '.join(known)}, not {value!r}")
    return upper


def _time_text(when: When) -> str:
    if isinstance(when, str):
        try:
            parse_time_ns(when)
        except ProtocolError:
            raise ValueError(f"expire_time is not an ISO time: {when!r}") from None
        # What follows the date and the time of day: the fraction, and the zone where there is one.
        if not _ZONE.search(when, len("2022-09-12T10:20:30")):
            raise ValueError(f"expire_time needs a time zone: {when!r}")
        return when
    if not isinstance(when, dt.datetime):
        raise TypeError(f"expire_time is a datetime or text, not {when.__class__.__name__}")
    if when.utcoffset() is None:
        raise ValueError("expire_time needs a time zone")
    text = when.astimezone(dt.timezone.utc).isoformat(timespec="milliseconds")
    return text.replace("+00:00", "Z")
