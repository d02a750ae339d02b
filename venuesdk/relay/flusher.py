"""Flusher: the one thread of a relay that speaks to the engine.

It renews the leases, numbers what waits, appends it, and forgets it when the engine has confirmed
it. Whatever the engine does, the same drafts with the same positions are given again, so that
nothing is doubled and nothing is lost. It holds no lock while it asks the engine for anything. What
goes wrong is in `venuesdk.relay.trouble`, what the engine may forget in `venuesdk.relay.trimming`.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from queue import Empty, SimpleQueue

from ..models import GapReason
from ..protocol.codec import Joining
from ..session.slots import SLICE
from ..timing import Backoff, Deadline, monotonic, wall_clock
from .engine import (
    START,
    Deposed,
    Engine,
    EngineFull,
    EngineUnavailable,
    Position,
    RelayError,
)
from .entry import counted
from .lane import Lane
from .office import Office
from .trimming import Trimming
from .trouble import Trouble

__all__ = ["Flusher", "now_ns"]

TRIM_EVERY = 1.0
"""Seconds between two looks at what all groups have acknowledged."""


class Flusher:
    """What the relay's thread does.

    Lock: `_lock`, for those who wait for something to be done, which `_progress` tells of; it
    guards nothing. `_signal` wakes the thread: a queue, into which a signal handler may put while
    it interrupts just that. `wake` costs whoever calls it next to nothing while the thread is at
    work.
    """

    def __init__(
        self,
        engine: Engine,
        offices: Sequence[Office],
        *,
        batch: int,
        linger: float,
        max_length: int | None,
        reconnect: Backoff,
    ) -> None:
        self.engine = engine
        self.trouble = Trouble(offices, reconnect)
        self.undecodable = 0
        self.unpublished = 0
        self._offices = offices
        self._batch = batch
        self._linger = linger
        self._trimming = Trimming(engine, max_length)
        self._signal: SimpleQueue[None] = SimpleQueue()
        self._sleeps = False
        self._lock = threading.RLock()
        self._progress = threading.Condition(self._lock)
        self._until: Deadline | None = None
        self._trim_at = 0.0

    # On whatever thread --------------------------------------------------------------------------

    def begin(self) -> None:
        """Try for the offices once, on the caller's thread; raise what the engine raises."""
        for office in self._offices:
            office.renew(self.engine)
            self._stand(office)
        for hazard in self.engine.hazards():
            self._offices[0].say(logging.WARNING, "%s", hazard)

    def wake(self) -> None:
        """Let the thread know that something waits."""
        if self._sleeps:
            self._signal.put(None)

    def stop(self, deadline: Deadline) -> None:
        """Let the thread end when nothing waits, or at the deadline; an earlier one stays."""
        if self._until is None:
            self._until = deadline
        self._signal.put(None)

    def wait(self, done: Callable[[], bool], deadline: Deadline) -> bool:
        """Wait until something is so; return False at the deadline, or where it never will be."""
        with self._lock:
            while not done():
                if deadline.expired() or self._ended():
                    return False
                self._progress.wait(deadline.slice(SLICE))
        return True

    def end(self) -> None:
        """Give up the offices and the engine; count what is left. No thread is at work any more."""
        self.unpublished = self.left()
        with suppress(Exception):
            for office in self._offices:
                office.resign(self.engine)
        self.engine.close()
        with self._lock:
            self._progress.notify_all()

    # The thread ----------------------------------------------------------------------------------

    def run(self) -> None:
        """Publish until `stop`."""
        while not self._ended():
            try:
                busy = self._round()
                self.trouble.recovered()
            except Exception as error:  # A mistake here must not end what a desk relies on.
                self.trouble.failed(error)
                if isinstance(error, EngineFull):
                    # What all groups have acknowledged makes room. Whatever comes of it, go on.
                    with suppress(Exception):
                        self._trim()
                self._rest(self.trouble.pause())
                continue
            with self._lock:
                self._progress.notify_all()
            if not busy:
                self._sleep()
        self.end()

    def _round(self) -> bool:
        """Do once all that is due; return whether there may be more at once."""
        busy = False
        for office in self._offices:
            self._renew(office)
            for lane in office.lanes:
                # Again before each: where the engine is slow, the lease may end in between.
                self._renew(office)
                if self.trouble.waits_out(lane):
                    continue
                try:
                    busy |= self._flush(office, lane)
                    self.trouble.accepted(lane)
                except (EngineUnavailable, EngineFull):
                    raise
                except Exception as error:
                    # It may be this stream alone: the others go on.
                    self.trouble.refused(office, lane, error)
        if monotonic() >= self._trim_at:
            self._trim()
        return busy

    def _renew(self, office: Office) -> None:
        if office.renew(self.engine):
            self._stand(office)

    def _stand(self, office: Office) -> None:
        """Out of office, let what comes be forgotten: whoever is in office publishes it."""
        for lane in office.lanes:
            if office.term:
                lane.early = True
            else:
                self._forget(office, lane, office.served)

    def _forget(self, office: Office, lane: Lane, served: bool) -> None:
        """Forget what waits; one that `served` warns of it, one that merely stands by does not."""
        forgotten = lane.stand_by()
        if forgotten and served:
            text = "left to another publisher: %s of %s"
            office.say(logging.WARNING, text, counted(forgotten), lane.stream, lost=forgotten)

    def _flush(self, office: Office, lane: Lane) -> bool:
        """Append what waits in a lane, up to one batch; return whether there is more."""
        if not office.term:
            self._forget(office, lane, lane.term > 0)
            return False
        if lane.term != office.term:
            if not self._begin(office, lane):
                return True
        elif lane.doubtful and not self._look_again(office, lane):
            return True
        if lane.idle:
            return False
        lane.take(self._batch, now_ns(), partial(self._unreadable, office))
        try:
            self.engine.append(lane.stream, Position(lane.term, lane.confirmed + 1), lane.flight)
        except Deposed:
            office.depose(self.engine, self.engine.top(lane.stream).term)
            self._stand(office)
            return False
        lane.settle()
        if not lane.open:
            self._open(lane)
        if lane.private and lane.count >= lane.told_at:
            text = "%d entries wait for %s, which are never dropped: memory is the only bound"
            office.say(logging.WARNING, text, lane.count, lane.stream, waiting=lane.count)
            lane.told_at *= 2
        return not lane.idle

    def _begin(self, office: Office, lane: Lane) -> bool:
        """Begin a term in one stream; return False where that must be another one.

        What is under way then begins with an entry that no earlier publisher can write after.
        """
        top = self.engine.top(lane.stream)
        if top.term >= office.term:
            office.depose(self.engine, top.term)
            office.due = 0.0
            return False
        stored = top.seq if top.term == lane.term else 0
        lost = 0
        if top.term <= lane.term:
            # An earlier term of our own: what of it was stored, though nobody said so?
            lane.settle(max(0, stored - lane.confirmed))
            lost = lane.confirmed - stored
        elif lane.early:
            # Another has written since that came, and may have written the same.
            self._forget(office, lane, lane.term > 0)
        self.engine.enlist(office.name, lane.stream)
        continues = top > START or lane.term > 0
        lane.begin(office.term, office.state(), continues, now_ns())
        self._tell_lost(office, lane, lost)
        return True

    def _open(self, lane: Lane) -> None:
        """Let things wait again, and ask the venue anew for full states that were not published.

        Only now that no other publisher can write any more: what both of them have is not doubled.
        """
        lane.open = True
        for source in list(lane.sources):
            topic, subscription = source.topic, source.subscription
            if subscription.resync is not None and (
                topic.private or topic.joining is not Joining.SHARE
            ):
                subscription.resync(subscription)

    def _look_again(self, office: Office, lane: Lane) -> bool:
        """See whether what was confirmed is still there; where it is not, let a new term begin.

        What is under way may have been stored, read and lost as well: a reader knows its positions,
        and would pass over whatever else stood there. Of the new term it knows none.
        """
        top = self.engine.top(lane.stream)
        lane.doubtful = False
        stored = top.seq if top.term == lane.term else 0
        if top.term > lane.term or stored >= lane.confirmed:
            return True
        office.begin_anew()
        return False

    def _tell_lost(self, office: Office, lane: Lane, lost: int) -> None:
        if lost <= 0:
            return
        lane.tell_first(GapReason.LOST, lost if len(lane.sources) == 1 else None, now_ns())
        text = f"the engine lost {counted(lost)} of {lane.stream} that it had confirmed"
        office.client._report(RelayError(text))

    def _unreadable(self, office: Office, error: Exception) -> None:
        self.undecodable += 1
        office.client._report(error)

    def _trim(self) -> None:
        """Let the engine forget what it may, of every stream that is published here."""
        self._trim_at = monotonic() + TRIM_EVERY
        for office in self._offices:
            for lane in office.lanes if office.term else ():
                if not self.trouble.waits_out(lane):
                    self._trimming.trim(office, lane)

    # Waiting and ending --------------------------------------------------------------------------

    def _sleep(self) -> None:
        """Wait until something comes, or is due; then a moment more, for others to come with it."""
        self._drain()
        self._sleeps = True
        # What came before this line is seen here; what comes after it wakes.
        if not self._ended() and not self._has(1):
            now = monotonic()
            due = [self._trim_at - now, *(office.due - now for office in self._offices)]
            self._await_signal(max(0.0, min(due + self.trouble.pauses())))
        self._sleeps = False
        if self._until is None and self._linger and not self._has(self._batch):
            self._rest(self._linger)

    def _has(self, count: int) -> bool:
        """Whether so many entries wait in one lane."""
        return any(
            lane.count >= count and not self.trouble.waits_out(lane)
            for office in self._offices
            for lane in office.lanes
        )

    def _rest(self, seconds: float) -> None:
        """Wait so long, or until the thread is told to end."""
        self._drain()
        self._await_signal(seconds)

    def _await_signal(self, seconds: float) -> None:
        """Wait so long, or until a signal comes; no longer than the thread may go on."""
        until = self._until
        with suppress(Empty):
            self._signal.get(timeout=seconds if until is None else until.slice(seconds))

    def _drain(self) -> None:
        while not self._signal.empty():
            self._signal.get()

    def _ended(self) -> bool:
        """Whether the thread is to end: it was told to, and all is done, or it is time."""
        until = self._until
        return until is not None and (until.expired() or self._idle())

    def left(self) -> int:
        """Return how many entries are not confirmed."""
        return sum(office.queued for office in self._offices)

    def _idle(self) -> bool:
        return all(lane.idle for office in self._offices for lane in office.lanes)


def now_ns() -> int:
    """Return the time in nanoseconds since 1970, as entries have it."""
    return int(wall_clock() * 1e9)
