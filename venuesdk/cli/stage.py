"""Stage: where one venue's part of the demo is played, timed, printed and judged.

It knows no venue. A step that does not do what it must raises `SceneFailed`; nothing is passed
over.
"""

from __future__ import annotations

import statistics
import threading
from collections.abc import Callable
from queue import Empty, SimpleQueue
from typing import Any, TypeVar

from attrs import frozen

from ..errors import VenueError
from ..models import Gap
from ..session.stats import Stats
from ..timing import monotonic

__all__ = ["Arrivals", "Row", "SceneFailed", "Stage"]

T = TypeVar("T")
E = TypeVar("E", bound=BaseException)

PATIENCE = 8.0
WIDTH = 150


class SceneFailed(Exception):
    """A step of the demo did not do what it must."""


@frozen
class Row:
    """One line of the table at the end."""

    venue: str
    calls: int
    events: int
    rejections: int
    reconnects: int
    gaps: int
    round_trip_ms: float | None


class Arrivals(SimpleQueue[Any]):
    """What a callback was called with, in order."""

    def next(self, what: str) -> Any:
        """Return what arrives next; raise `SceneFailed` where nothing does."""
        try:
            return self.get(timeout=PATIENCE)
        except Empty:
            raise SceneFailed(f"{what} did not come within {PATIENCE:g} s") from None


class Stage:
    """The steps of one venue's scene. `say` prints one line; any thread may call it."""

    def __init__(self, venue: str, print_line: Callable[[str], object]) -> None:
        self._venue = venue
        self._print = print_line
        self._lock = threading.Lock()
        self._round_trips: list[float] = []
        self._calls = 0
        self._rejections = 0
        self.gaps = Arrivals()

    def say(self, kind: str, text: object) -> None:
        """Print one line, cut to what a terminal shows."""
        line = f"{self._venue:<9} {kind:<8} {text}"
        with self._lock:
            self._print(line if len(line) <= WIDTH else f"{line[: WIDTH - 1]}…")

    def call(self, what: str, function: Callable[[], T], show: bool = True) -> T:
        """Make a blocking call, time it, and print its typed result."""
        started = monotonic()
        result = function()
        self._round_trips.append(monotonic() - started)
        self._calls += 1
        self.say("call", f"{what} → {result!r}" if show else what)
        return result

    def measure(self, what: str, function: Callable[[], object], times: int = 20) -> None:
        """Make a blocking call many times, for the median of its round trip."""
        trips: list[float] = []
        for _ in range(times):
            started = monotonic()
            function()
            trips.append(monotonic() - started)
        self._round_trips = trips
        self._calls += times
        self.say("call", f"{what}, {times} times: p50 {statistics.median(trips) * 1000:.2f} ms")

    def refused(self, what: str, kind: type[E], function: Callable[[], object]) -> E:
        """Make a call that must be refused with `kind`, and print the refusal."""
        self._calls += 1
        try:
            result = function()
        except kind as error:
            self._rejections += 1
            unknown = isinstance(error, VenueError) and error.outcome_unknown
            self.say("refused", f"{what} → {type(error).__name__}: {error}")
            self.must(not unknown or kind.__name__ != "RequestRejected", "a refusal is certain")
            return error
        raise SceneFailed(f"{what} was not refused: {result!r}")

    def event(self, arrivals: Arrivals, what: str) -> Any:
        """Wait for the next event of a stream, and print it."""
        event = arrivals.next(what)
        self.say("event", event)
        return event

    def gap(self, gap: Gap) -> None:
        """Take a gap; give this to ``on_gap``."""
        self.say("gap", gap)
        self.gaps.put(gap)

    def must(self, condition: object, what: str) -> None:
        """Raise `SceneFailed` where `condition` does not hold."""
        if not condition:
            raise SceneFailed(f"{what}: it is not so")

    def row(self, stats: Stats) -> Row:
        """Return the line of the table for this scene."""
        return Row(
            self._venue,
            self._calls,
            stats.events,
            self._rejections,
            stats.reconnects,
            stats.gaps,
            statistics.median(self._round_trips) * 1000 if self._round_trips else None,
        )
