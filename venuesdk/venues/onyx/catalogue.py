"""What another process needs to read Onyx's events: names, times, narrowings; all of it stored.

The name of a decoder is its channel and the number of its ``message_type``: ``tickers 1``.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

from ...protocol.catalogue import Catalogue, Decode
from ...protocol.convert import Wire, decoder
from ...protocol.times import NS_PER_MS, parse_time_ns
from .events import REMEMBERED, channel_and_kind, event_decoder
from .topics import OfProducts

__all__ = ["CATALOGUE", "OnyxCatalogue"]

KIND: Final = re.compile(r"-?[0-9]{1,4300}")
"""The number of a kind; of more digits Python makes no number, and no frame brings one."""


class OnyxCatalogue(Catalogue):
    """A catalogue of what is made as it is needed: any channel may come, with any kind of event."""

    def name(self, decode: Decode) -> str | None:
        """Return the channel and the number of the kind, or None for what is no event's decoder."""
        return _name_of(decode)

    def decoder(self, name: str) -> Decode | None:
        """Return the decoder of the channel and kind that `name` says; None where it says none."""
        return _decoder_named(name)

    def time_ns(self, name: str, payload: bytes) -> int | None:
        """Return the venue's time of the event, in nanoseconds since 1970; never raises.

        Of tickers it is the newest of all rows; dashboards, and channels that have no model, have
        none.
        """
        return super().time_ns(name.rpartition(" ")[0], payload)


@lru_cache(maxsize=REMEMBERED)
def _name_of(decode: Decode) -> str | None:
    made_of = channel_and_kind(decode)
    return None if made_of is None else f"{made_of[0]} {made_of[1]}"


@lru_cache(maxsize=REMEMBERED)
def _decoder_named(name: str) -> Decode | None:
    channel, space, kind = name.rpartition(" ")
    return event_decoder(channel, int(kind)) if space and KIND.fullmatch(kind) else None


class _Row(Wire, frozen=True):
    """A ticker, as far as its time."""

    timestamp_millis: int


class _Info(Wire, frozen=True):
    """A server info message, as far as its time."""

    timestamp: str


_read_rows = decoder(tuple[_Row, ...])
_read_info = decoder(_Info)


def _newest_row(payload: bytes) -> int | None:
    newest = None
    for row in _read_rows(payload):
        if newest is None or row.timestamp_millis > newest:
            newest = row.timestamp_millis
    return None if newest is None else newest * NS_PER_MS


def _info_time(payload: bytes) -> int:
    return parse_time_ns(_read_info(payload).timestamp)


CATALOGUE: Final = OnyxCatalogue(
    times={"tickers": _newest_row, "server_info": _info_time},  # by channel, whatever the kind
    narrowings={OfProducts.NAME: OfProducts.of},
)
