"""Trimming: let the engine forget what every group has seen to, and say who keeps it from that."""

from __future__ import annotations

import logging

from .engine import Engine, EngineRefused, GroupGone
from .entry import counted
from .lane import Lane
from .office import Office

__all__ = ["Trimming"]


class Trimming:
    """Trims the streams of one relay; the relay's thread's alone.

    With `max_length` it is lossy: beyond so many entries the oldest go, whoever needs them.
    """

    def __init__(self, engine: Engine, max_length: int | None) -> None:
        self._engine = engine
        self._max_length = max_length
        self._untrimmed: set[Lane] = set()

    def trim(self, office: Office, lane: Lane) -> None:
        """Trim one stream; what cannot be trimmed, which is told once, can be published."""
        try:
            self._trim(office, lane)
            self._untrimmed.discard(lane)
        except (EngineRefused, GroupGone) as error:
            if lane not in self._untrimmed:
                self._untrimmed.add(lane)
                office.client._report(error)
        # Redis may have lost something while nobody asked it for anything.
        lane.doubtful = True

    def _trim(self, office: Office, lane: Lane) -> None:
        left = lane.kept = self._engine.trim(lane.stream)
        if self._max_length is not None and left > self._max_length:
            needed = self._engine.cut(lane.stream, self._max_length)
            lane.kept = self._max_length
            lane.forgotten += needed
            if needed:
                text = "forgotten, though some group still needed them: %s of %s"
                office.say(logging.WARNING, text, counted(needed), lane.stream, lost=needed)
        elif left >= lane.long_at:
            self._warn_of_length(office, lane, left)
            lane.long_at *= 2

    def _warn_of_length(self, office: Office, lane: Lane, left: int) -> None:
        """Say who keeps a stream long, and what ends that."""
        slowest = self._engine.slowest(lane.stream)
        if slowest is None:
            why = "no group reads it, and nothing is forgotten until one does"
        else:
            group, behind = slowest
            why = (
                f"group {group} has not acknowledged {counted(behind)}; where it reads no more: "
                f"XGROUP DESTROY '{lane.stream}' {group}"
            )
        text = "%s holds %s: %s"
        office.say(logging.WARNING, text, lane.stream, counted(left), why, waiting=left)
