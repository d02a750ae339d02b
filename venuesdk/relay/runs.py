"""Runs: a great many positions in little memory, because most stand side by side."""

from __future__ import annotations

from bisect import bisect_right
from typing import Final

from .engine import Position

__all__ = ["Runs"]

MOST: Final = 10_000
"""How many runs are remembered of one stream; of one that no other consumer shares it is one."""


class Runs:
    """A set of positions, kept as its runs of consecutive ones.

    Of more than `most` runs the oldest is forgotten.
    """

    def __init__(self, most: int = MOST) -> None:
        self._most = most
        self._firsts: list[Position] = []
        self._lasts: list[int] = []

    def __len__(self) -> int:
        return len(self._firsts)

    def __contains__(self, position: Position) -> bool:
        at = bisect_right(self._firsts, position) - 1
        same = at >= 0 and self._firsts[at].term == position.term
        return same and position.seq <= self._lasts[at]

    def add(self, position: Position) -> None:
        """Put a position in; does nothing where it is in already."""
        firsts, lasts = self._firsts, self._lasts
        after = bisect_right(firsts, position)
        at, term, seq = after - 1, position.term, position.seq
        joins = at >= 0 and firsts[at].term == term
        if joins and seq <= lasts[at]:
            return
        follows = joins and seq == lasts[at] + 1
        precedes = after < len(firsts) and firsts[after] == (term, seq + 1)
        if follows and precedes:
            lasts[at] = lasts.pop(after)
            del firsts[after]
        elif follows:
            lasts[at] = seq
        elif precedes:
            firsts[after] = position
        else:
            firsts.insert(after, position)
            lasts.insert(after, seq)
            if len(firsts) > self._most:
                del firsts[0], lasts[0]
