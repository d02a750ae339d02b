"""The shapes of Fuze's frames, and what a refusal says in any of its forms; no state, no ids.

Everything that is not needed to tell whom a frame is for stays raw.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any, Final

from attrs import fields

from ...errors import ProtocolError
from ...protocol.convert import Raw, Wire, decode_json, decoder, show_json
from .models import MarketData, Policies, Quote

__all__ = [
    "Envelope",
    "Frame",
    "Head",
    "absent",
    "read_envelope",
    "read_frame",
    "read_head",
    "read_market_data",
    "read_members",
    "read_quote",
    "refusal_of",
    "refusal_of_envelope",
]

ABSENT: Final = Raw(b"")


class Envelope(Wire, frozen=True):
    """What a stream frame wraps its data in, as the venue's REST answers do."""

    code: Any = None
    data: Raw = ABSENT
    error: Any = None

    @property
    def refused(self) -> bool:
        """Whether it says no."""
        return self.error is not None or self.code not in (200, None)


class Frame(Wire, frozen=True):
    """The members of every kind of frame. Loosely typed: what is wrong is judged by id."""

    id: Any = None
    method: Any = None
    result: Raw = ABSENT
    error: Raw = ABSENT
    response: Envelope | None = None
    notification: Any = None
    params: Raw = ABSENT


class Head(Wire, frozen=True):
    """What tells which stream some data belong to."""

    symbol: Any = None
    timestamp: Any = None


class _QuoteData(Wire, frozen=True, rename="camel"):
    """A quote, by the venue's names."""

    symbol: str
    buy_price: Decimal
    sell_price: Decimal


read_frame = decoder(Frame)
read_envelope = decoder(Envelope)
read_head = decoder(Head)
read_members = decoder(list[Raw])
_read_quote = decoder(_QuoteData)
read_market_data = decoder(
    MarketData,
    rename={
        MarketData: {"timestamp_millis": "timestamp", "assets": "data"},
        Policies: {field.name: field.name.upper() for field in fields(Policies)},
    },
)


def read_quote(payload: bytes) -> Quote:
    """Decode a quote. It is the busiest event, and flat: its constructor is the shortest way."""
    data = _read_quote(payload)
    return Quote(data.symbol, data.buy_price, data.sell_price)


def absent(value: bytes) -> bool:
    """Return whether a raw member is missing or null."""
    return value in (b"", b"null")


def refusal_of(error: bytes) -> tuple[int | str | None, str]:
    """Return the code and the message of an ``error``: an object, a text, or whatever it is."""
    raw = error.decode("utf-8", "replace")
    try:
        value = decode_json(error)
    except ProtocolError:
        return None, raw  # The venue said no all the same.
    if isinstance(value, str):
        return None, value
    if not isinstance(value, dict):
        return None, raw
    code, message, data = value.get("code"), value.get("message"), value.get("data")
    if not isinstance(message, str):
        message = raw
    elif data is not None:
        # Where the venue's handler failed, the message is only the name of the error's class.
        message = f"{message}: {data if isinstance(data, str) else show_json(data)}"
    return code if isinstance(code, (int, str)) else None, message


def refusal_of_envelope(envelope: Envelope) -> tuple[int | str | None, str]:
    """Return the code and the message of an envelope that says no."""
    code = envelope.code if isinstance(envelope.code, (int, str)) else None
    if envelope.error is None:
        return code, "the venue gave no reason"
    text = envelope.error if isinstance(envelope.error, str) else show_json(envelope.error)
    return code, text
