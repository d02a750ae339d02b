"""MemoryEngine: an engine without a server, in one process; what the tests of a relay use.

Nothing is kept beyond the process. It is also the shortest account of what an engine does, for
whoever writes one for another server.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from ..timing import Deadline, monotonic, wall_clock
from .engine import START, Deposed, EngineUnavailable, GroupGone, GroupLag, Position, Stored
from .entry import Draft, fields_of

__all__ = ["MemoryEngine", "MemoryStore"]


class _Group:
    """How far one group is: what it has had, and who holds what since when."""

    def __init__(self, given: Position) -> None:
        self.given = given
        self.consumers: set[str] = set()
        self.held: dict[Position, tuple[str, float]] = {}
        self.lost = 0
        self.told = 0

    @property
    def needed(self) -> Position:
        """The lowest position that it has not acknowledged, or has not had."""
        return min(self.held, default=Position(self.given.term, self.given.seq + 1))


class _Stream:
    """One stream: its entries by position, in order, and its groups."""

    def __init__(self) -> None:
        self.entries: dict[Position, dict[bytes, bytes]] = {}
        self.top = START
        self.groups: dict[str, _Group] = {}

    def trim(self, before: Position) -> None:
        for position in [one for one in self.entries if one < before]:
            del self.entries[position]


class MemoryStore:
    """What several engines share, as several programs share one server.

    Lock: `lock` guards all of it; `changed` is its condition, for those who wait for entries.
    """

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.changed = threading.Condition(self.lock)
        self.streams: dict[str, _Stream] = {}
        self.lists: dict[str, set[str]] = {}
        self.offices: dict[str, tuple[str, float]] = {}
        self.terms: dict[str, tuple[int, str]] = {}


class MemoryEngine:
    """An engine on a `MemoryStore`; any thread may use it."""

    def __init__(self, store: MemoryStore) -> None:
        self._store = store
        self._closed = False

    # For a publisher -----------------------------------------------------------------------------

    def claim(self, office: str, owner: str, lease: float, term: int) -> int | None:
        """Hold or take an office for `lease` seconds; return the term, or None."""
        with self._open() as store:
            holder, until = store.offices.get(office, ("", 0.0))
            if until <= monotonic():
                holder = ""
            if holder not in ("", owner):
                return None
            last, whose = store.terms.get(office, (0, ""))
            if whose != owner or last < term:
                last = max(int(wall_clock() * 1000), last + 1, term + 1)
                store.terms[office] = (last, owner)
            store.offices[office] = (owner, monotonic() + lease)
            return last

    def resign(self, office: str, owner: str) -> None:
        """Give up an office, where `owner` holds it."""
        with self._open() as store:
            if store.offices.get(office, ("", 0.0))[0] == owner:
                del store.offices[office]

    def append(self, stream: str, first: Position, drafts: Sequence[Draft]) -> None:
        """Append entries; what is stored already is left as it is."""
        with self._open() as store:
            kept = store.streams.setdefault(stream, _Stream())
            if kept.top.term > first.term:
                raise Deposed(f"{stream} has entries of term {kept.top.term}")
            for seq, draft in enumerate(drafts, first.seq):
                position = Position(first.term, seq)
                if position > kept.top:
                    kept.entries[position] = fields_of(draft)
                    kept.top = position
            store.changed.notify_all()

    def top(self, stream: str) -> Position:
        """Return the highest position ever appended."""
        with self._open() as store:
            return store.streams[stream].top if stream in store.streams else START

    def enlist(self, office: str, stream: str) -> None:
        """Let readers who ask for all streams of an office find this one too."""
        with self._open() as store:
            store.lists.setdefault(office, set()).add(stream)

    def trim(self, stream: str) -> int:
        """Forget what every group has acknowledged; return how much is left."""
        with self._open() as store:
            kept = store.streams.get(stream)
            if kept is None:
                return 0
            if kept.groups:
                kept.trim(min(group.needed for group in kept.groups.values()))
            return len(kept.entries)

    def cut(self, stream: str, length: int) -> int:
        """Forget the oldest until `length` are left; return how many somebody still needed."""
        with self._open() as store:
            kept = store.streams.get(stream)
            gone = [] if kept is None else list(kept.entries)[: -length or None]
            if kept is None or not gone:
                return 0
            needed = 0
            for position in gone:
                del kept.entries[position]
                late = [group for group in kept.groups.values() if group.given < position]
                for group in late:
                    group.lost += 1
                held = any(position in group.held for group in kept.groups.values())
                needed += bool(late or held)
            return needed

    def slowest(self, stream: str) -> tuple[str, int] | None:
        """Return the group that keeps the most from being forgotten, and how many entries."""
        with self._open() as store:
            kept = store.streams.get(stream)
            if kept is None or not kept.groups:
                return None
            name, group = min(kept.groups.items(), key=lambda one: one[1].needed)
            behind = sum(position >= group.needed for position in kept.entries)
            return (name, behind) if behind else None

    def hazards(self) -> list[str]:
        """Return nothing: it is lost with the process, as all of it knows."""
        return []

    # For a reader --------------------------------------------------------------------------------

    def listed(self, office: str) -> list[str]:
        """Return the streams of an office, sorted."""
        with self._open() as store:
            return sorted(store.lists.get(office, ()))

    def join(self, stream: str, group: str, oldest: bool) -> None:
        """Make a group where there is none."""
        with self._open() as store:
            kept = store.streams.setdefault(stream, _Stream())
            kept.groups.setdefault(group, _Group(START if oldest else kept.top))

    def given(self, stream: str, group: str) -> Position:
        """Return the highest position that the group was given."""
        with self._open() as store:
            return self._group(store, stream, group)[1].given

    def read(
        self, streams: Sequence[str], group: str, consumer: str, most: int, timeout: float
    ) -> list[tuple[str, list[Stored]]]:
        """Hand out entries that the group has not had."""
        deadline = Deadline(timeout)
        while True:
            with self._open() as store:
                found = [(one, self._take(store, one, group, consumer, most)) for one in streams]
                if any(entries for _, entries in found) or deadline.expired():
                    return [(one, entries) for one, entries in found if entries]
                store.changed.wait(deadline.remaining())

    def _take(
        self, store: MemoryStore, stream: str, name: str, consumer: str, most: int
    ) -> list[Stored]:
        kept, group = self._group(store, stream, name)
        group.consumers.add(consumer)
        taken = [Stored(*one) for one in kept.entries.items() if one[0] > group.given][:most]
        now = monotonic()
        for entry in taken:
            group.given = entry.position
            group.held[entry.position] = (consumer, now)
        return taken

    def unfinished(
        self, stream: str, group: str, consumer: str, after: Position, most: int
    ) -> list[Stored]:
        """Return what this consumer was handed and has not acknowledged."""
        with self._open() as store:
            kept, mine = self._group(store, stream, group)
            held = sorted(one for one, (who, _) in mine.held.items() if who == consumer)
            wanted = [one for one in held if one > after][:most]
            return [Stored(one, kept.entries.get(one)) for one in wanted]

    def adopt(
        self, stream: str, group: str, consumer: str, idle: float, most: int
    ) -> list[Stored]:
        """Take over what any consumer of the group has left lying."""
        with self._open() as store:
            kept, mine = self._group(store, stream, group)
            since = monotonic() - idle
            left = sorted(one for one, (_, when) in mine.held.items() if when <= since)[:most]
            for position in left:
                mine.held[position] = (consumer, monotonic())
            return [Stored(one, kept.entries.get(one)) for one in left]

    def acknowledge(self, stream: str, group: str, positions: Sequence[Position]) -> None:
        """Say that these need not be handed out again."""
        with self._open() as store:
            _, mine = self._group(store, stream, group)
            for position in positions:
                mine.held.pop(position, None)

    def lost(self, stream: str, group: str) -> tuple[int, int]:
        """Return how many entries were cut off before the group was given them, and `told`."""
        with self._open() as store:
            mine = self._group(store, stream, group)[1]
            return mine.lost, mine.told

    def told(self, stream: str, group: str, count: int) -> None:
        """Keep of how many of these the group's readers have told."""
        with self._open() as store:
            self._group(store, stream, group)[1].told = count

    def alone(self, stream: str, group: str, consumer: str) -> bool:
        """Return whether the group has no other consumer."""
        with self._open() as store:
            return self._group(store, stream, group)[1].consumers <= {consumer}

    def lag(self, stream: str, group: str) -> GroupLag:
        """Return how far a group is behind."""
        with self._open() as store:
            kept, mine = self._group(store, stream, group)
            untaken = sum(one > mine.given for one in kept.entries)
            return GroupLag(stream, untaken, len(mine.held), mine.lost)

    def stands(self, stream: str, first: Position, last: Position) -> bool:
        """Return whether any entry from `first` to `last` is kept still."""
        with self._open() as store:
            kept = store.streams.get(stream)
            return kept is not None and any(first <= one <= last for one in kept.entries)

    def held(self, office: str) -> bool:
        """Return whether somebody holds an office now."""
        with self._open() as store:
            return store.offices.get(office, ("", 0.0))[1] > monotonic()

    def close(self) -> None:
        """Let go; a call that waits ends."""
        with self._store.lock:
            self._closed = True
            self._store.changed.notify_all()

    @contextmanager
    def _open(self) -> Iterator[MemoryStore]:
        with self._store.lock:
            if self._closed:
                raise EngineUnavailable("the engine was closed")
            yield self._store

    def _group(self, store: MemoryStore, stream: str, group: str) -> tuple[_Stream, _Group]:
        try:
            kept = store.streams[stream]
            return kept, kept.groups[group]
        except KeyError:
            raise GroupGone(f"{stream} has no group {group}") from None
