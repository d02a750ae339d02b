"""Onyx's events to values: one decoder for each channel and kind of event.

The kind of an event stands outside its message. Bound here, once, it leaves the message to one
direct decoder, and the reader neither copies nor parses the rest of the frame twice.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from functools import lru_cache
from types import FunctionType
from typing import Any, Final
from weakref import WeakKeyDictionary

from ...errors import ProtocolError
from ...protocol.convert import Wire, decode_json, decoder
from .models import ChannelEvent, DashboardsEvent, MessageType, ServerInfo, Ticker, Tickers

__all__ = ["REMEMBERED", "channel_and_kind", "event_decoder"]

VENUE: Final = "onyx"

REMEMBERED: Final = 64
"""How many decoders are kept: of each channel there are as many as kinds of events."""


class _ServerInfoMessage(Wire, frozen=True):
    """The message of a server info event."""

    uid: str
    timestamp: str
    age_millis: int | Decimal


_read_tickers = decoder(tuple[Ticker, ...])
_read_server_info = decoder(_ServerInfoMessage)


_made: WeakKeyDictionary[Callable[[bytes], Any], tuple[str, int]] = WeakKeyDictionary()
"""What each decoder was made of, for as long as there is an event that holds it."""


@lru_cache(maxsize=REMEMBERED)
def event_decoder(channel: str, message_type: int) -> Callable[[bytes], Any]:
    """Return what makes the message of an event a value."""
    decode = _bound(channel, MessageType(message_type))
    _made[decode] = channel, message_type
    return decode


def channel_and_kind(decode: Callable[[bytes], Any]) -> tuple[str, int] | None:
    """Return what `event_decoder` made a decoder of, or None for one that it did not make."""
    return _made.get(decode) if isinstance(decode, FunctionType) else None


def _bound(channel: str, kind: MessageType) -> Callable[[bytes], Any]:
    if channel == "tickers":
        return lambda payload: Tickers(_read_tickers(payload), kind)
    if channel == "server_info":
        return lambda payload: _server_info(payload, kind)
    if channel == "dashboards":
        return lambda payload: _dashboards(payload, kind)
    return lambda payload: ChannelEvent(channel, decode_json(payload), kind)


def _server_info(payload: bytes, kind: MessageType) -> ServerInfo:
    message = _read_server_info(payload)
    return ServerInfo(message.uid, message.timestamp, message.age_millis, kind)


def _dashboards(payload: bytes, kind: MessageType) -> DashboardsEvent:
    message = decode_json(payload)
    dashboards = message if isinstance(message, list) else [message]
    if not all(isinstance(dashboard, dict) for dashboard in dashboards):
        raise ProtocolError("$: a dashboard is an object", venue=VENUE, frame=payload)
    full = isinstance(message, list) and kind is MessageType.NOT_SPECIFIED
    return DashboardsEvent(tuple(dashboards), kind, full)
