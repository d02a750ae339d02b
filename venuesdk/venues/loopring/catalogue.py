"""What another process needs to read Loopring's pushes: names and times; all of it stored.

A decoder has the name of the topic that it was written for, be it used for others too:
``mixorder`` is read as ``orderbook``.
"""

from __future__ import annotations

from typing import Final

from ...protocol.catalogue import Catalogue
from ...protocol.convert import Wire, decoder
from ...protocol.times import NS_PER_MS
from .events import DECODERS, topic_update
from .times import milliseconds

__all__ = ["CATALOGUE"]

OWN: Final = (
    "account",
    "ammpool",
    "blockgen",
    "candlestick",
    "depth",
    "order",
    "orderbook",
    "ticker",
    "trade",
)
"""The topics whose names decoders have."""

OTHER: Final = "topic"
"""The name of what reads a push of any topic."""


class _Push(Wire, frozen=True):
    """A push, as far as its time."""

    ts: int


_read_push = decoder(_Push, strict=False)


def _push_time(frame: bytes) -> int:
    return milliseconds(_read_push(frame).ts) * NS_PER_MS


CATALOGUE: Final = Catalogue(
    {**{name: DECODERS[name] for name in OWN}, OTHER: topic_update},
    times=dict.fromkeys((*OWN, OTHER), _push_time),
)
