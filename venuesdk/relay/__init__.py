"""The relay: streams of venues for many programs and hosts, over Redis Streams.

One process holds the connections to the venues and gives its streams to a `Relay`; any number of
others read them with a `RelayReader`, typed as if they came from the venue.
"""

from __future__ import annotations

from .engine import (
    Deposed,
    Engine,
    EngineFull,
    EngineRefused,
    EngineUnavailable,
    GroupGone,
    GroupLag,
    Position,
    RelayError,
)
from .entry import Origin, RelayedError
from .memory import MemoryEngine, MemoryStore
from .publisher import LaneStats, Relay, RelayStats
from .reader import ReaderStats, RelayReader

__all__ = [
    "Deposed",
    "Engine",
    "EngineFull",
    "EngineRefused",
    "EngineUnavailable",
    "GroupGone",
    "GroupLag",
    "LaneStats",
    "MemoryEngine",
    "MemoryStore",
    "Origin",
    "Position",
    "ReaderStats",
    "Relay",
    "RelayError",
    "RelayReader",
    "RelayStats",
    "RelayedError",
]
