"""Lane: what waits for one stream of a relay, between the clients and the thread that publishes.

The readers of the clients put runs of events in, and never wait; the relay's one thread takes
drafts out, and keeps those that the engine has not confirmed. What does not fit is counted and
leaves a gap where it stood. Nothing here knows an engine.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Sequence
from typing import Final, Literal, TypeAlias

from ..models import Gap, GapReason, StateChange
from ..protocol.codec import Event
from .entry import Draft
from .source import End, Note, Run, Source, Unreadable, drafts_of

__all__ = ["Lane", "Overflow"]

Overflow: TypeAlias = Literal["oldest", "newest"]
"""What a full lane of market data drops."""

WARN_AT: Final = 65_536
"""How many entries of a private lane wait when a warning is due; then at each doubling."""
LONG: Final = 100_000
"""How many entries the engine keeps when a warning is due; then at each doubling."""
LARGEST_BATCH: Final = 1 << 20
"""Bytes of payload after which nothing more joins a batch."""


class Lane:
    """The queue of one stream.

    At most `most` events and `most_bytes` of their payloads wait; of a lane that is `private`
    there is no limit, for accounts and orders are never dropped: there `told_at` says when its
    length is worth a warning.

    Lock: `_lock` guards what waits; it is a leaf, held for moments, for it is taken under locks of
    the clients. It is reentrant, so that a signal handler may close what it interrupted. `came`
    counts what ever waited; the first `done` of it are confirmed, or were dropped. All after
    `flight` belongs to the relay's own thread: the drafts that are numbered and not `confirmed`.
    What waits is `early` where it came before the office was taken.
    """

    def __init__(self, stream: str, most: int, most_bytes: int, overflow: Overflow) -> None:
        self.stream = stream
        self.private = False
        self.open = True
        self.dropped = 0
        self.skipped = 0
        self.count = 0
        self.size = 0
        self._most = most
        self._most_bytes = most_bytes
        self._overflow = overflow
        self._lock = threading.RLock()
        self._waiting: deque[Run | Note] = deque()
        self._missing: dict[Source, int | None] = {}
        self.came = 0
        self.done = 0
        self.sources: list[Source] = []
        self.told_at = WARN_AT
        self.long_at = LONG
        self.flight: list[Draft] = []
        self.term = 0
        self.continues = False
        self.early = False
        self.confirmed = 0
        self.published = 0
        self.kept = 0
        self.forgotten = 0
        self.doubtful = False

    # On whatever thread --------------------------------------------------------------------------

    def add(self, source: Source) -> None:
        """Let a subscription's events come; a private one makes the whole lane private."""
        with self._lock:
            self.sources.append(source)
            self.private = self.private or source.topic.private

    def remove(self, source: Source) -> None:
        """Forget a subscription that has ended; what of it waits still goes out."""
        with self._lock:
            if source in self.sources:
                self.sources.remove(source)

    def put(self, source: Source, events: Sequence[Event], epoch: int, received: int) -> None:
        """Let events wait."""
        size = _size(events)
        with self._lock:
            if not self.open:
                self.skipped += len(events)
                return
            room = self.private or self._has_room(len(events), size)
            if not room and self._overflow == "newest":
                self._drop(source, len(events))
                return
            self._tell_missing(received)
            source.epoch = epoch
            self._waiting.append(Run(source, epoch, received, list(events)))
            self.came += len(events)
            self.count += len(events)
            self.size += size
            if not room:
                self._make_room(received)

    def note(self, source: Source | None, received: int, told: Gap | StateChange | End) -> None:
        """Let something else wait, behind all that does."""
        with self._lock:
            if self.open:
                self._tell_missing(received)
                self._waiting.append(Note(source, received, told))
                self.came += 1
                self.count += 1
                if not (self.private or self._has_room(0, 0)):
                    self._make_room(received)

    def _has_room(self, count: int, size: int) -> bool:
        return self.count + count <= self._most and self.size + size <= self._most_bytes

    def _drop(self, source: Source, count: int) -> None:
        self.dropped += count
        self._miss(source, count)

    def _miss(self, source: Source, count: int | None) -> None:
        """Let a gap be due; of one that takes in another nobody may know how much it stands for."""
        before = self._missing.get(source, 0)
        self._missing[source] = None if count is None or before is None else before + count

    def _make_room(self, received: int) -> None:
        """Drop the oldest, and let gaps stand in its place.

        What ended goes on waiting, and the last change of state before whatever is left.
        """
        kept: list[Note] = []
        while self._waiting and not self._has_room(0, 0):
            oldest = self._waiting.popleft()
            if isinstance(oldest, Run):
                self._shorten(oldest)
                continue
            if isinstance(oldest.told, StateChange):
                self._forget_state(kept)
            if not isinstance(oldest.told, Gap):
                kept.append(oldest)
                if len(kept) == self.count:
                    break
                continue
            self.count -= 1
            if oldest.source is not None:
                self._miss(oldest.source, oldest.told.count)
        self._waiting.extendleft(reversed(kept))
        for source, count in self._missing.items():
            gap = Gap(GapReason.OVERFLOW, count)
            self._waiting.appendleft(Note(source, received, gap))
            self.count += 1
        self._missing.clear()

    def _forget_state(self, kept: list[Note]) -> None:
        """Drop the change of state that another has followed."""
        for note in kept:
            if isinstance(note.told, StateChange):
                kept.remove(note)
                self.count -= 1
                return

    def _shorten(self, run: Run) -> None:
        """Drop the oldest events of a run, as many as need be."""
        events = run.events
        # What are too many at once, and only what is too large one by one.
        dropped = min(len(events), max(0, self.count - self._most))
        # By itself, for a signal handler may come with the call, and drop something too.
        gone = _size(events[:dropped])
        self.size -= gone
        while dropped < len(events) and self.size > self._most_bytes:
            self.size -= len(events[dropped].payload)
            dropped += 1
        self.count -= dropped
        self._drop(run.source, dropped)
        if dropped < len(events):
            self._waiting.appendleft(run._replace(events=events[dropped:]))

    def _tell_missing(self, received: int) -> None:
        """Let gaps stand behind all that waits, for what found no room there."""
        for source, count in self._missing.items():
            self._waiting.append(Note(source, received, Gap(GapReason.OVERFLOW, count)))
            self.count += 1
        self._missing.clear()

    # On the relay's thread -----------------------------------------------------------------------

    def stand_by(self) -> int:
        """Let nothing wait until it is `open` again, and forget what does; return how much."""
        with self._lock:
            self.open = False
            forgotten = self.queued
            self.skipped += forgotten
            self._waiting.clear()
            self._missing.clear()
            self.count = self.size = 0
            self.done = self.came
        self.flight.clear()
        return forgotten

    def take(self, most: int, received: int, unreadable: Unreadable) -> None:
        """Fill an empty `flight` with up to `most` drafts, in the order in which they came.

        Less where they are large. `received` is now, for gaps that have no time of their own.
        """
        if self.flight:
            return
        size = 0
        while len(self.flight) < most and size < LARGEST_BATCH:
            with self._lock:
                if not self._waiting:
                    self._tell_missing(received)
                if not self._waiting:
                    break
                taken, before = self._waiting.popleft(), self.size
                events = self._split_locked(taken, most - len(self.flight))
                size += before - self.size
            if isinstance(taken, Run):
                if taken.source.told != self.term:
                    self.flight.extend(self._continued(taken.source, taken.epoch, received))
                self.flight.extend(drafts_of(taken, events, unreadable))
            else:
                self.flight.append(taken.draft())

    def _split_locked(self, taken: Run | Note, most: int) -> list[Event]:
        """Return up to `most` events of what was taken out, and put back the rest of it."""
        if not isinstance(taken, Run):
            self.count -= 1
            return []
        events, rest = taken.events[:most], taken.events[most:]
        self.count -= len(events)
        self.size -= _size(events)
        if rest:
            self._waiting.appendleft(taken._replace(events=rest))
        return events

    def begin(self, term: int, state: StateChange, continues: bool, received: int) -> None:
        """Begin a term of the publisher, with the state of its client.

        Where it `continues` what somebody has written before, every topic begins with a gap, of the
        connection that its next event comes from: the client's present one, where none waits.
        """
        self.term = term
        self.confirmed = 0
        self.continues = continues
        self.doubtful = self.early = False
        first = [Note(None, received, state).draft()]
        with self._lock:
            self.came += 1
            sources = list(self.sources)
            waiting = [one for one in reversed(self._waiting) if isinstance(one, Run)]
            epochs = {one.source: one.epoch for one in waiting}
            for source in sources:
                source.epoch = max(source.epoch, state.epoch)
        for source in sources:
            first += self._continued(source, epochs.get(source, source.epoch), received)
        self.flight[:0] = first

    def settle(self, count: int | None = None) -> None:
        """Forget what is under way, or the first of it: the engine has it."""
        settled = len(self.flight[:count])
        self.confirmed += settled
        self.published += settled
        del self.flight[:settled]
        if not self.flight:
            with self._lock:
                if not self._missing:
                    self.done = self.came - self.count

    def tell_first(self, reason: GapReason, count: int | None, received: int) -> None:
        """Let every topic have a gap before all that is under way, of which nothing is stored."""
        gap = Gap(reason, count)
        self.flight[:0] = [source.gap(gap, received) for source in self.sources]

    def _continued(self, source: Source, epoch: int, received: int) -> list[Draft]:
        """Return what tells a topic's readers, once in a term, that there may be more missing."""
        source.told = self.term
        gap = Gap(GapReason.TAKEN_OVER, None, epoch)
        return [source.gap(gap, received)] if self.continues else []

    @property
    def queued(self) -> int:
        """How many entries the engine has not confirmed: they wait, or are under way."""
        return self.count + len(self.flight)

    @property
    def idle(self) -> bool:
        """Whether nothing waits, and nothing is under way; for the relay's own thread."""
        return not (self.count or self.flight or self._missing)


def _size(events: Sequence[Event]) -> int:
    """Return how many bytes the payloads of events have."""
    return sum([len(event.payload) for event in events])
