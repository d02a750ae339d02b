"""Custody: what a reader was handed, what of it is seen to, and what it may have missed.

Every entry is handed on at most once here, however often the engine hands it out, and is
acknowledged when its consumer has asked for the next one. Pure: no engine, no thread, no clock.
One thread at a time changes it; the counters may be read by any.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import NamedTuple, TypeAlias

from .engine import START, Position, Stored
from .runs import Runs

__all__ = ["Custody", "Emptied", "Entry", "Hole", "Item", "Silent", "Trimmed"]


class Entry(NamedTuple):
    """An entry to be seen to; `redelivered` where it was handed out before."""

    stream: str
    position: Position
    fields: dict[bytes, bytes]
    redelivered: bool


class Trimmed(NamedTuple):
    """Entries that were handed out once, and were forgotten before they were seen to."""

    stream: str
    positions: list[Position]


class Hole(NamedTuple):
    """Before the next entry of a stream others may be missing; its engine has to say whether.

    `missing` is how many at the most: all of them where it is `exact`, because both of its ends
    are of one term, and nothing else is owed. They end `before` the next entry.
    """

    stream: str
    missing: int
    exact: bool
    before: Position


class Emptied(NamedTuple):
    """The engine lost the group of a stream, and perhaps all the rest of it."""

    stream: str


class Silent(NamedTuple):
    """Nothing new has come of a stream for so many seconds; the last was of connection `epoch`."""

    stream: str
    seconds: float
    epoch: int


Item: TypeAlias = "Entry | Trimmed | Hole | Emptied | Silent"


class _Stream:
    """What is known of one stream."""

    __slots__ = ("ahead", "held", "last", "owing", "seen", "settled", "told")

    def __init__(self, given: Position, owing: bool) -> None:
        self.last = None if given == START else given
        self.owing = owing
        self.told = 0
        self.ahead = 0
        self.held: set[Position] = set()
        self.seen = Runs()
        self.settled: dict[Position, None] = {}


class Custody:
    """The entries of one reader, from the engine's hands until the engine has let go of them.

    `received` counts the entries that came, each once, `redelivered` those of them that were
    handed out before, `duplicates` how often one came again that was here already. `unsettled` are
    seen to, but the engine has not confirmed that it knows; `acknowledged` counts when it did.
    `told` is, by stream, of how many losses was told in all, where the engine is still to keep it.

    Entries are taken only while none waits.
    """

    def __init__(self) -> None:
        self.received = 0
        self.redelivered = 0
        self.duplicates = 0
        self.acknowledged = 0
        self.unsettled = 0
        self.told: dict[str, int] = {}
        self._held = 0
        self._waiting: deque[Item] = deque()
        self._streams: dict[str, _Stream] = {}

    def __len__(self) -> int:
        return len(self._waiting)

    @property
    def entries(self) -> int:
        """How many entries are here that were not seen to."""
        return self._held

    @property
    def unacknowledged(self) -> int:
        """How many entries are here, or were, without a word from the engine that it let go."""
        return self._held + self.unsettled

    # What comes ----------------------------------------------------------------------------------

    def begin(self, stream: str, given: Position, owing: bool) -> None:
        """Begin with a stream of which the group was given all up to `given`.

        `owing` is whether it lost entries before, and was not told of all of them.
        """
        self._streams[stream] = _Stream(given, owing)

    def begin_anew(self, stream: str) -> None:
        """Note that the engine lost the group, and that it begins with the oldest entry again."""
        state = self._streams[stream]
        state.last, state.told, state.owing, state.ahead = None, 0, False, 0
        self.told.pop(stream, None)
        self._waiting.append(Emptied(stream))

    def note(self, silent: Silent) -> None:
        """Take a silence, to be told of after all that is here already."""
        self._waiting.append(silent)

    def take(self, stream: str, entries: Iterable[Stored]) -> None:
        """Take entries that the group had not been given before, and look for holes."""
        state = self._streams[stream]
        for entry in entries:
            self._look_before(stream, state, entry.position)
            state.last = entry.position
            self._keep(stream, state, entry, False)

    def take_again(self, stream: str, entries: Iterable[Stored], own: bool) -> None:
        """Take entries that were handed out before, to this consumer where they are its `own`.

        Before its own there may be holes too: it may not have heard of them the first time.
        """
        state = self._streams[stream]
        for entry in entries:
            later = state.last is None or entry.position > state.last
            if own and later:
                self._look_before(stream, state, entry.position)
            if later:
                state.last = entry.position
            self._keep(stream, state, entry, True)

    def _look_before(self, stream: str, state: _Stream, position: Position) -> None:
        last = state.last
        if last is None:
            # Of a group that has had nothing yet only what was cut off can be missing.
            self._waiting.append(Hole(stream, 0, False, position))
        elif position.term > last.term:
            self._waiting.append(Hole(stream, position.seq - 1, False, position))
        elif position.term == last.term and position.seq > last.seq + 1:
            missing = position.seq - last.seq - 1
            self._waiting.append(Hole(stream, missing, not state.owing, position))
        elif state.owing:
            self._waiting.append(Hole(stream, 0, False, position))
        state.owing = False

    def _keep(self, stream: str, state: _Stream, entry: Stored, redelivered: bool) -> None:
        position = entry.position
        if position in state.held:
            self.duplicates += 1
            return
        if position in state.settled or position in state.seen:
            self.duplicates += 1
            self._settle(state, position)
            return
        last = self._waiting[-1] if self._waiting else None
        if entry.fields is not None:
            self._waiting.append(Entry(stream, position, entry.fields, redelivered))
        elif isinstance(last, Trimmed) and last.stream == stream:
            last.positions.append(position)
        else:
            self._waiting.append(Trimmed(stream, [position]))
        # Afterwards: see `mend`.
        state.held.add(position)
        self._held += 1
        self.received += 1
        self.redelivered += redelivered

    def mend(self) -> None:
        """Put right what Ctrl-C in the middle of something may have left half done."""
        for state in self._streams.values():
            state.held.clear()
        for item in self._waiting:
            if isinstance(item, (Entry, Trimmed)):
                self._streams[item.stream].held.update(_positions(item))
        self._held = sum(len(state.held) for state in self._streams.values())
        self.unsettled = sum(len(state.settled) for state in self._streams.values())

    # What goes -----------------------------------------------------------------------------------

    def next(self) -> Item | None:
        """Return what is next, which stays so until it is `done`."""
        return self._waiting[0] if self._waiting else None

    def following(self, stream: str) -> Entry | None:
        """Return the next entry of a stream, where it is here already."""
        for one in self._waiting:
            if isinstance(one, Entry) and one.stream == stream:
                return one
        return None

    def done(self, item: Item) -> None:
        """Note that what is next was seen to: it is to be acknowledged, and not to come again.

        Does nothing where something else is next: Ctrl-C may have come in between.
        """
        if self.next() is not item:
            return
        if isinstance(item, (Entry, Trimmed)):
            state = self._streams[item.stream]
            for position in _positions(item):
                self._settle(state, position)
                state.seen.add(position)
                self._release(state, position)
        self._waiting.popleft()

    def again(self, entry: Entry) -> None:
        """Note that what is next was handed on, and that nobody knows whether it was seen to."""
        if self.next() is entry:
            self._waiting[0] = entry._replace(redelivered=True)

    def _release(self, state: _Stream, position: Position) -> None:
        if position in state.held:
            state.held.remove(position)
            self._held -= 1

    # What is missing -----------------------------------------------------------------------------

    def losses(self, hole: Hole, lost: int, told: int, alone: bool) -> tuple[int, int]:
        """Return how many entries a hole says were cut off, and how many the engine lost.

        `lost` is how many the group lost by cutting, ever, and `told` of how many of these it was
        told; `alone` is whether no other consumer can have had them.
        """
        state = self._streams[hole.stream]
        # Less than before where the engine was emptied.
        state.told = min(max(state.told, told), lost)
        owed = lost - state.told
        ahead, state.ahead = state.ahead, 0
        if owed:
            # What is beyond this hole, where it is exact, belongs to the next one.
            if alone and hole.exact:
                return min(owed, hole.missing), 0
            # Where it is not, some of it may have been cut off behind it meanwhile.
            state.ahead = owed
            return owed, 0
        return 0, (max(0, hole.missing - ahead) if alone else 0)

    def tell(self, stream: str, count: int) -> None:
        """Note that so many more that were cut off were told of: the engine is to keep that."""
        state = self._streams[stream]
        state.told += count
        self.told[stream] = state.told

    # What is to be acknowledged ------------------------------------------------------------------

    def _settle(self, state: _Stream, position: Position) -> None:
        if position not in state.settled:
            state.settled[position] = None
            self.unsettled += 1

    def to_acknowledge(self, most: int) -> Iterator[tuple[str, Sequence[Position]]]:
        """Yield what is to be acknowledged, stream by stream, in pieces of `most`."""
        for stream, state in list(self._streams.items()):
            while state.settled:
                yield stream, [*islice(state.settled, most)]

    def confirm(self, stream: str, positions: Iterable[Position]) -> None:
        """Note that the engine knows; it never hands these out again, unless it forgets."""
        settled = self._streams[stream].settled
        for position in positions:
            if position in settled:
                del settled[position]
                self.unsettled -= 1
                self.acknowledged += 1


def _positions(item: Entry | Trimmed) -> Sequence[Position]:
    return [item.position] if isinstance(item, Entry) else item.positions
