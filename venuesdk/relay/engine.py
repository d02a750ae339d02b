"""Engine: what keeps a relay's streams; the seam at which Redis may be swapped for another.

An engine is a log with consumer groups. Everything else of a relay, the queues, the lease's use,
the retries, what is typed and what is told, is written against this one class. `RedisEngine` is
the real one; `MemoryEngine`, which the tests use, is the same in a page without a server.

What an engine must promise, and no more:

- A stream is kept in the order of `Position`; an entry whose position is not above the stream's
  top is refused. So to append twice what may have been appended doubles nothing, and whoever
  writes with an older term than somebody else has written with is refused for good.
- A group gets each entry once, shared among its consumers, and keeps what was handed out until it
  is acknowledged; what one consumer leaves lying another can take over.
- An office has one holder at a time, whose terms rise.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from attrs import frozen

from .entry import Draft

__all__ = [
    "START",
    "Deposed",
    "Engine",
    "EngineFull",
    "EngineRefused",
    "EngineUnavailable",
    "GroupGone",
    "GroupLag",
    "Position",
    "RelayError",
    "Stored",
]


class RelayError(Exception):
    """Base of what goes wrong between a relay, or its reader, and the engine."""


class EngineUnavailable(RelayError):
    """The engine gave no answer: what was asked may have been done, or not."""


class EngineFull(RelayError):
    """The engine has no room: of what it was given, a part may have been stored."""


class EngineRefused(RelayError):
    """The engine said no: a wrong password, no permission, a key that is something else."""


class GroupGone(RelayError):
    """The engine has no such stream, or the stream no such group: it lost them, or forgot."""


class Deposed(RelayError):
    """Another publisher has written since: this one may write no more in its term."""


class Position(NamedTuple):
    """Where an entry stands: the publisher's term, and its number in that, from 1.

    Written ``term-seq``. With the stream it tells an entry from all others, for ever.
    """

    term: int
    seq: int

    def __str__(self) -> str:
        return f"{self.term}-{self.seq}"


START = Position(0, 0)
"""Before every entry."""


class Stored(NamedTuple):
    """An entry as it was read: its fields, or None where it was trimmed before it was read."""

    position: Position
    fields: dict[bytes, bytes] | None


@frozen
class GroupLag:
    """How far a group is behind.

    ``untaken`` entries were not handed out yet, ``None`` where the engine cannot say;
    ``unacknowledged`` were handed out and are not seen to; ``lost`` were cut off before the group
    was given them, since it was made.
    """

    stream: str
    untaken: int | None
    unacknowledged: int
    lost: int = 0


class Engine(Protocol):
    """A log with consumer groups. Every method blocks, and raises a `RelayError`.

    One engine serves one relay or one reader: its methods are called by one thread at a time, but
    for `close`, which any thread may call and which ends a call that waits.
    """

    # For a publisher -----------------------------------------------------------------------------

    def claim(self, office: str, owner: str, lease: float, term: int) -> int | None:
        """Hold or take `office` for `lease` seconds; return the term, or None: another has it.

        The owner's last term goes on where nobody else had one since, and it is not below `term`,
        the newest that the owner has heard of; else a new one begins, above that and all before.
        """

    def resign(self, office: str, owner: str) -> None:
        """Give up an office, where `owner` holds it."""

    def append(self, stream: str, first: Position, drafts: Sequence[Draft]) -> None:
        """Append entries, numbered from `first`; what is stored already is left as it is.

        Raises `Deposed` where another publisher has written with a higher term. Whatever it
        raises, a beginning of the drafts may have been stored, never one without all before it,
        and all may be given again.
        """

    def top(self, stream: str) -> Position:
        """Return the highest position ever appended, ``0-0`` where there was none."""

    def enlist(self, office: str, stream: str) -> None:
        """Let readers who ask for all streams of an office find this one too."""

    def trim(self, stream: str) -> int:
        """Forget what every group has acknowledged; return how much is left.

        Where there is no group nothing is forgotten.
        """

    def cut(self, stream: str, length: int) -> int:
        """Forget the oldest until `length` are left; return how many were not acknowledged by all.

        What a group had not been given is added to its count of `lost`.
        """

    def slowest(self, stream: str) -> tuple[str, int] | None:
        """Return the group that keeps the most from being forgotten, and how many entries.

        None where there is no group, or none that keeps anything.
        """

    def hazards(self) -> list[str]:
        """Return, in words, what of its settings may lose what it has confirmed.

        Nothing where there is none, or where it does not tell.
        """

    # For a reader --------------------------------------------------------------------------------

    def listed(self, office: str) -> list[str]:
        """Return the streams of an office, sorted."""

    def join(self, stream: str, group: str, oldest: bool) -> None:
        """Make a group where there is none, to begin with the oldest entry or with the next."""

    def given(self, stream: str, group: str) -> Position:
        """Return the highest position that the group was given, ``0-0`` where it was none yet."""

    def read(
        self, streams: Sequence[str], group: str, consumer: str, most: int, timeout: float
    ) -> list[tuple[str, list[Stored]]]:
        """Hand out entries that the group has not had, waiting up to `timeout` for the first."""

    def unfinished(
        self, stream: str, group: str, consumer: str, after: Position, most: int
    ) -> list[Stored]:
        """Return what this consumer was handed and has not acknowledged, from `after` on."""

    def adopt(self, stream: str, group: str, consumer: str, idle: float, most: int) -> list[Stored]:
        """Take over what any consumer of the group has left lying for `idle` seconds."""

    def acknowledge(self, stream: str, group: str, positions: Sequence[Position]) -> None:
        """Say that these need not be handed out again."""

    def lost(self, stream: str, group: str) -> tuple[int, int]:
        """Return how many entries were cut off before the group was given them, and `told`."""

    def told(self, stream: str, group: str, count: int) -> None:
        """Keep of how many of these the group's readers have told, in all; 0 until then."""

    def alone(self, stream: str, group: str, consumer: str) -> bool:
        """Return whether the group has no other consumer."""

    def lag(self, stream: str, group: str) -> GroupLag:
        """Return how far a group is behind."""

    def stands(self, stream: str, first: Position, last: Position) -> bool:
        """Return whether any entry from `first` to `last` is kept still."""

    def held(self, office: str) -> bool:
        """Return whether somebody holds an office now."""

    def close(self) -> None:
        """Let go of the engine; a call that waits ends with `EngineUnavailable`."""
