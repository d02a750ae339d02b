"""Handing: one entry after the other from custody to whoever consumes them.

Gaps, state changes and what cannot be read are told of on the way, each in its place.
"""

from __future__ import annotations

import threading
from typing import Any

from ..errors import ClientClosed, VenueError
from ..models import Gap, GapReason, StateChange
from ..timing import Deadline
from .custody import Custody, Emptied, Entry, Hole, Silent, Trimmed
from .engine import START
from .entry import Origin
from .intake import Intake
from .reading import NOTHING, Ending, Reading, number_in, origin_of
from .telling import Telling

__all__ = ["Handing"]


class Handing:
    """Hands on the events of one reader; one thread at a time calls it.

    `handed` is the entry that the consumer has in hand; by asking for the next it lets go of it.
    """

    def __init__(
        self, custody: Custody, intake: Intake, telling: Telling, stopping: threading.Event
    ) -> None:
        self.delivered = 0
        self.undecodable = 0
        self.handed: Entry | None = None
        self._shown: Entry | None = None
        self._custody = custody
        self._intake = intake
        self._telling = telling
        self._stopping = stopping
        self._reading = Reading()

    @property
    def topic(self) -> str:
        """The topic of the event in hand."""
        handed = self.handed
        return "" if handed is None else _topic_of(handed)

    def origin(self) -> Origin | None:
        """Return where the thing in hand comes from; any thread may ask."""
        shown = self._shown
        return None if shown is None else origin_of(shown, self._reading.key(shown.stream))

    def done(self) -> None:
        """Note that the consumer has seen to what it has in hand."""
        if self.handed is not None:
            self._custody.done(self.handed)
            self.handed = None

    def take_back(self) -> None:
        """Let what is in hand be next again: it reached nobody."""
        if self.handed is not None:
            self.handed = None
            self.delivered -= 1

    def drop(self) -> None:
        """Take back what a consumer had in hand that is no more; it was perhaps not seen to."""
        if self.handed is not None:
            self._custody.again(self.handed)
            self.handed = None

    def next(self, deadline: Deadline) -> Any:
        """Return the next event, and tell of all that stands before it.

        Raises `TimeoutError` at the deadline, and `ClientClosed` once the reader is stopping.
        """
        asked = late = False
        while True:
            if self._stopping.is_set():
                raise ClientClosed("the relay's reader is closed", venue="relay")
            self._intake.settle_due()
            item = self._custody.next()
            if isinstance(item, Entry):
                value = self._open(item)
                if value is not NOTHING:
                    self.delivered += 1
                    self.handed = item
                    return value
                self._custody.done(item)
            elif item is not None:
                late = not self._tell_of(item, deadline) and deadline.expired()
            else:
                late = asked and deadline.expired()
                if not late:
                    self._intake.bring(deadline)
                    asked = True
            if late:
                raise TimeoutError(f"no event of the relay within {deadline.timeout} s")

    def _open(self, entry: Entry) -> Any:
        """Return the event of an entry, or NOTHING where it brings none, and tell of what it is."""
        self._shown = entry
        try:
            value = self._reading.value(entry)
        except VenueError as error:
            self.undecodable += 1
            self._telling.tell(error)
            value = Gap(GapReason.UNDECODABLE, 1, number_in(entry.fields, b"epoch") or 0)
        if type(value) is Gap:
            self._telling.tell_gap(value, _topic_of(entry))
            return NOTHING
        if type(value) is StateChange:
            self._telling.tell_change(value, _topic_of(entry))
            return NOTHING
        if type(value) is Ending:
            self._telling.tell_end(value.error, _topic_of(entry))
            return NOTHING
        return value

    def _tell_of(self, item: Hole | Trimmed | Emptied | Silent, deadline: Deadline) -> bool:
        """Tell of what is missing; return False where the engine cannot be asked about it now."""
        stream = item.stream
        following = self._custody.following(stream)
        last = item.positions[-1] if isinstance(item, Trimmed) else START
        place = following or Entry(stream, last, {}, isinstance(item, Trimmed))
        if isinstance(item, Trimmed):
            self._tell_gap(GapReason.OVERFLOW, len(item.positions), place)
        elif isinstance(item, Emptied):
            self._tell_gap(GapReason.LOST, None, place)
        elif isinstance(item, Silent):
            self._shown = place
            gap = Gap(GapReason.STALE, None, item.epoch)
            self._telling.tell_gap(gap, stream, item.seconds)
        else:
            weighed = self._intake.weigh(item, deadline)
            if weighed is None:
                return False
            cut, lost = weighed
            if cut:
                self._tell_gap(GapReason.OVERFLOW, cut, place)
                self._custody.tell(stream, cut)
            if lost and not self._reading.tells_of_loss(place):
                self._tell_gap(GapReason.LOST, lost, place)
        self._custody.done(item)
        return True

    def _tell_gap(self, reason: GapReason, count: int | None, place: Entry) -> None:
        self._shown = place
        gap = Gap(reason, count, number_in(place.fields, b"epoch") or 0)
        self._telling.tell_gap(gap, place.stream)


def _topic_of(entry: Entry) -> str:
    return entry.fields.get(b"topic", b"").decode("utf-8", "replace") or entry.stream
