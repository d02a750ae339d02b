"""Readers to try things on, of what a publisher of the tests wrote; nothing here is a test."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

from entries import STREAM, Publisher, seen

from venuesdk.models import Gap, StateChange
from venuesdk.relay import MemoryEngine, MemoryStore, Position, RelayReader
from venuesdk.relay.engine import Engine
from venuesdk.timing import Backoff

__all__ = ["GROUP", "PATIENCE", "Setting", "eventually", "take"]

GROUP = "books"
PATIENCE = 5.0
AT_ONCE = Backoff(initial=0.001, maximum=0.002)


class Setting:
    """A store, what was published in it, and the readers that a test makes."""

    def __init__(self) -> None:
        self.store = MemoryStore()
        self.publisher = Publisher(self.store)
        self.gaps: list[Gap] = []
        self.changes: list[StateChange] = []
        self.errors: list[BaseException] = []
        self.readers: list[RelayReader] = []

    def reader(
        self,
        engine: Engine | None = None,
        consumer: str = "one",
        streams: Any = "onyx:tickers",
        **options: Any,
    ) -> RelayReader:
        """Return a reader, not started, that tells this setting of everything."""
        told = {
            "on_gap": self.gaps.append,
            "on_state": self.changes.append,
            "on_error": self.errors.append,
            "reconnect": AT_ONCE,
        }
        reader = RelayReader(
            engine or MemoryEngine(self.store), GROUP, consumer, streams, **(told | options)
        )
        self.readers.append(reader)
        return reader

    def held(self) -> set[Position]:
        """Return what the engine takes for handed out and not acknowledged."""
        return set(self.store.streams[STREAM].groups[GROUP].held)

    def crash(self, reader: RelayReader) -> None:
        """Let a reader end as a program does that is killed: nothing more reaches the engine."""
        reader._engine.close()


def take(reader: RelayReader, count: int) -> list[int]:
    """Return the numbers of the next ticker events."""
    return seen(reader.get(PATIENCE) for _ in range(count))


def eventually(condition: Callable[[], object]) -> None:
    """Wait until something is so."""
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, "it never came to be"
        threading.Event().wait(0.005)
