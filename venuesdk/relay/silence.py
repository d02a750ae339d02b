"""Silence: since when nothing new has come of each stream; asks nothing, and tells nobody.

A read that found nothing of a stream proves that nothing was published in it since the read
before, however long ago that was: an engine keeps what nobody has had.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

from ..timing import monotonic

__all__ = ["Silence"]


class Silence:
    """The silences of `after` seconds of a reader's streams; with ``None`` there are none.

    `epochs` is, by stream, of which connection its last entry was. One thread uses it.
    """

    def __init__(self, after: float | None) -> None:
        self.after = after
        self.epochs: dict[str, int] = {}
        self._since: dict[str, float] = {}

    def ended(self, stream: str, epoch: int | None) -> None:
        """Note that something came; `epoch` is None where it does not say of which connection."""
        self._since[stream] = monotonic()
        if epoch is not None:
            self.epochs[stream] = epoch

    def begin_anew(self) -> None:
        """Let every stream have its time anew: nobody knows what could not be read."""
        self._since.clear()

    def untold(self, streams: Iterable[str]) -> list[str]:
        """Return the streams of which nothing came for too long, and that were not `told`."""
        if self.after is None:
            return []
        now = monotonic()
        return [one for one in streams if now - self._since.setdefault(one, now) >= self.after]

    def told(self, stream: str) -> None:
        """Note that this silence is told: only another is to be told again."""
        self._since[stream] = math.inf
