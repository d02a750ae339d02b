"""Runs: a great many positions in little memory, because most stand side by side."""

from __future__ import annotations

from bisect import bisect_right
from typing import Final

from .engine import Position

__all__ = ["Runs"]

MOST: Final = 10_000
"""How many runs are remembered of one stream; of one that no other consumer shares it is one."""
BEYOND: Final = float("inf")
"""Stands behind the end of every run."""


class Runs:
    """A set of positions, kept as its runs of consecutive ones.

    Of more than `most` runs the oldest is forgotten. Each change is one step of one list, so that
    Ctrl-C leaves nothing half done.
    """

    def __init__(self, most: int = MOST) -> None:
        self._most = most
        self._runs: list[tuple[Position, int]] = []

    def __len__(self) -> int:
        return len(self._runs)

    def __contains__(self, position: Position) -> bool:
        at = bisect_right(self._runs, (position, BEYOND)) - 1
        if at < 0:
            return False
        first, last = self._runs[at]
        return first.term == position.term and position.seq <= last

    def add(self, position: Position) -> None:
        """Put a position in; does nothing where it is in already."""
        runs, (term, seq) = self._runs, position
        after = bisect_right(runs, (position, BEYOND))
        before = after
        first, last = position, seq
        if after and runs[after - 1][0].term == term and seq <= runs[after - 1][1] + 1:
            before -= 1
            first, last = runs[before][0], max(seq, runs[before][1])
        if after < len(runs) and runs[after][0] == (term, last + 1):
            last = runs[after][1]
            after += 1
        runs[before:after] = [(first, last)]
        if len(runs) > self._most:
            del runs[0]
