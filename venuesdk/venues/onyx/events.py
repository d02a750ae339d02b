"""Onyx's events to values: one decoder for each channel and kind of event.

The kind of an event stands outside its message. Bound here, once, it leaves the message to one
direct decoder, and the reader neither copies nor parses the rest of the frame twice.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal
from functools import lru_cache, partial
from typing import Any, Final

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


@lru_cache(maxsize=REMEMBERED)
def event_decoder(channel: str, message_type: int) -> Callable[[bytes], Any]:
    """Return what makes the message of an event a value."""
    return partial(_READERS.get(channel, _other), channel, MessageType(message_type))


def channel_and_kind(decode: Callable[[bytes], Any]) -> tuple[str, int] | None:
    """Return what `event_decoder` made a decoder of, or None for one that it did not make."""
    if type(decode) is not partial or decode.func not in _MADE_OF:
        return None
    channel, kind = decode.args
    return channel, int(kind)


def _tickers(channel: str, kind: MessageType, payload: bytes) -> Tickers:
    return Tickers(_read_tickers(payload), kind)


def _server_info(channel: str, kind: MessageType, payload: bytes) -> ServerInfo:
    message = _read_server_info(payload)
    return ServerInfo(message.uid, message.timestamp, message.age_millis, kind)


def _dashboards(channel: str, kind: MessageType, payload: bytes) -> DashboardsEvent:
    message = decode_json(payload)
    dashboards = message if isinstance(message, list) else [message]
    if not all(isinstance(dashboard, dict) for dashboard in dashboards):
        raise ProtocolError("$: a dashboard is an object", venue=VENUE, frame=payload)
    full = isinstance(message, list) and kind is MessageType.NOT_SPECIFIED
    return DashboardsEvent(tuple(dashboards), kind, full)


def _other(channel: str, kind: MessageType, payload: bytes) -> ChannelEvent:
    return ChannelEvent(channel, decode_json(payload), kind)


_READERS: Final[Mapping[str, Callable[[str, MessageType, bytes], Any]]] = {
    "tickers": _tickers,
    "server_info": _server_info,
    "dashboards": _dashboards,
}
"""The channel → what reads the messages of its events."""

_MADE_OF: Final = frozenset({*_READERS.values(), _other})
