"""Trouble: what is wrong with a relay's engine, for whom, since when; and who has been told of it.

The whole engine may be away, or it may refuse one stream alone: then the others go on. It asks the
engine for nothing.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence

from ..timing import Backoff
from .entry import counted
from .lane import Lane
from .office import Office
from .outage import Outage

__all__ = ["Trouble"]


class Trouble:
    """The outages of one relay: of its engine, and of single streams.

    For the relay's thread alone, but `outages`, which counts them, and `lasts`. Each kind of
    failure is told once for each outage.
    """

    def __init__(self, offices: Sequence[Office], rhythm: Backoff) -> None:
        self.outages = 0
        self._offices = offices
        self._rhythm = rhythm
        self._whole = Outage(rhythm)
        self._waited: dict[Office, int] = {}
        self._dropped: dict[Office, int] = {}
        self._refusals: dict[Lane, Outage] = {}

    @property
    def lasts(self) -> bool:
        """Whether the engine cannot be used, or not for some stream."""
        return self._whole.lasts or bool(self._refusals)

    # The engine ----------------------------------------------------------------------------------

    def failed(self, error: Exception) -> None:
        """Tell of what the engine does, once for each kind."""
        if not self._whole.lasts:
            self.outages += 1
            self._dropped = {office: office.dropped for office in self._offices}
        new = self._whole.failed(error)
        self._waited = {office: office.queued for office in self._offices}
        for office in self._offices:
            # Whether the lease has ended meanwhile is the first thing to ask then.
            office.due = 0.0
            for lane in office.lanes:
                lane.doubtful = True
            if new:
                office.client._report(error)

    def pause(self) -> float:
        """Return the seconds after which the engine is to be asked again."""
        return self._whole.pause()

    def recovered(self) -> None:
        """Note that the engine did all that was asked of it; say what an outage has cost."""
        if not self._whole.lasts:
            return
        seconds = self._whole.ended()
        for office in self._offices:
            waited = self._waited[office]
            dropped = office.dropped - self._dropped[office]
            text = "the engine can be used again after %.1f s; %s waited, %d dropped meanwhile"
            facts = {"seconds": seconds, "waiting": waited, "lost": dropped}
            office.say(logging.WARNING, text, seconds, counted(waited), dropped, **facts)

    # One stream ----------------------------------------------------------------------------------

    def refused(self, office: Office, lane: Lane, error: Exception) -> None:
        """Leave one stream alone for a while, and tell of it."""
        lane.doubtful = True
        outage = self._refusals.get(lane)
        if outage is None:
            outage = self._refusals[lane] = Outage(self._rhythm)
            self.outages += 1
        if outage.failed(error):
            office.client._report(error)

    def accepted(self, lane: Lane) -> None:
        """Note that a stream was not refused."""
        self._refusals.pop(lane, None)

    def waits_out(self, lane: Lane) -> bool:
        """Return whether the engine refused this stream a moment ago."""
        outage = self._refusals.get(lane)
        return outage is not None and outage.pause() > 0

    def pauses(self) -> list[float]:
        """Return after how many seconds each refused stream is to be tried again."""
        return [outage.pause() for outage in self._refusals.values()]
