"""What another process needs to read Fuze's stream frames: names and times; all of it stored.

What ends a stream is raised where its next event would be decoded; that has no name, since it
means nothing to a process without the connection.
"""

from __future__ import annotations

from typing import Final

from ...protocol.catalogue import Catalogue
from ...protocol.convert import Wire, decode_json, decoder
from ...protocol.times import NS_PER_MS
from .frames import read_market_data, read_quote

__all__ = ["CATALOGUE"]


class _Dated(Wire, frozen=True):
    """Market data, as far as their time."""

    timestamp: int


_read_dated = decoder(_Dated)


def _market_data_time(payload: bytes) -> int:
    return _read_dated(payload).timestamp * NS_PER_MS


CATALOGUE: Final = Catalogue(
    # A quote has no time, and no document tells of any other method's data.
    {"quote": read_quote, "market_data": read_market_data, "json": decode_json},
    times={"market_data": _market_data_time},
)
