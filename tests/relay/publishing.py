"""A relay to try things on: of a client that speaks to nobody, on an engine that fails as told."""

from __future__ import annotations

from typing import Any

from faulty import FaultyEngine
from sources import STREAM, Feed, onyx, texts

from venuesdk.relay import MemoryEngine, MemoryStore, Relay
from venuesdk.timing import Backoff, Deadline

__all__ = ["QUICK", "Setting"]

QUICK = Backoff(initial=0.001, maximum=0.01)


class Setting:
    """A relay of one client that speaks to nobody, on an engine that fails when it is told to."""

    def __init__(self, store: MemoryStore | None = None, **options: Any) -> None:
        self.store = store or MemoryStore()
        self.engine = FaultyEngine(MemoryEngine(self.store))
        self.client = onyx()
        self._errors: list[BaseException] = []
        self.client.on_error(self._errors.append)
        options = {"linger": 0.0, "reconnect": QUICK, "lease": 60.0, **options}
        self.relay = Relay(self.client, self.engine, **options)
        self.feed = Feed(self.relay, self.client)

    @property
    def errors(self) -> list[BaseException]:
        """Return what ``on_error`` was told so far."""
        self.client.pump()
        return self._errors

    def publish(self, count: int) -> None:
        """Give the relay so many more events, and wait until the engine has all that came."""
        self.feed.give(count)
        assert self.relay.flush(5)

    def end_lease(self) -> None:
        """Let whoever is in office have renewed nothing for too long, and this one notice."""
        with self.store.lock:
            self.store.offices.clear()
        self.look_again()

    def look_again(self) -> None:
        """Let this publisher try for the office now."""
        (office,) = self.relay._offices.values()
        office.due = 0.0
        self.relay._flusher._signal.put(None)

    def await_open(self) -> None:
        """Wait until what comes is published: until then another publisher may write as well."""
        (lane,) = self.relay._all_lanes()
        assert self.relay._flusher.wait(lambda: lane.open and lane.published > 0, Deadline(5))

    def entries(self) -> list[str]:
        """Return what stands in the stream, in short."""
        with self.store.lock:
            kept = self.store.streams.get(STREAM)
            return [] if kept is None else list(texts(kept.entries))

    def close(self) -> None:
        self.relay.close()
        self.client.close()
