"""Intake: what a reader asks of its engine, and in which order; it brings entries into custody.

First comes what this consumer was handed and has not seen to, then what others left lying, then
what is new. An engine that fails is asked again, for as long as it takes, with what is in hand
kept; afterwards the reader asks first for what it may have been handed without hearing of it.
"""

from __future__ import annotations

import logging
import threading
from typing import Final

from ..session.journal import text_of
from ..timing import Deadline, monotonic
from .asking import LONGEST_WAIT, Asking
from .custody import Custody, Hole, Silent
from .engine import START, Engine, GroupGone, GroupLag, Position
from .judging import Judging
from .keys import Wanted, key_of, place_of, stream_of
from .plan import Plan
from .reading import number_in
from .silence import Silence
from .telling import Telling

__all__ = ["Intake"]

PIECE: Final = 500
"""How many acknowledgements go at once, and how many wait for that at the most."""
SETTLE_AFTER: Final = 1.0
"""Seconds that an acknowledgement waits for others."""
LOOK_EVERY: Final = 5.0
"""Seconds between two looks for streams that were not there before."""


class Intake:
    """Brings entries of one reader from the engine into custody, and acknowledges them.

    The consumer's thread calls it; but `lag`, `publishing`, `interrupt` and `end` are for any.
    `waiting` is set while nothing is under way but the wait for new entries.
    """

    def __init__(
        self,
        plan: Plan,
        engine: Engine,
        custody: Custody,
        telling: Telling,
        stopping: threading.Event,
    ) -> None:
        self.waiting = False
        self._plan = plan
        self._engine = engine
        self._custody = custody
        self._telling = telling
        self._stopping = stopping
        self._asking = Asking(plan.reconnect, telling, stopping)
        self._judging = Judging(plan, engine, self._asking, custody, telling)
        self._streams: list[str] = []
        self._unfinished: dict[str, Position] = {}
        self._adopting: list[str] = []
        self._adopt_due = 0.0
        self._look_due = 0.0
        self._settled_at = 0.0
        self._astray = False
        self._gone: set[str] = set()
        self._rejoined = float("-inf")
        self._checked: set[Wanted] = set()
        self._silence = Silence(plan.stale_after)

    # Joining -------------------------------------------------------------------------------------

    def join(self) -> None:
        """Join the group of every stream that is asked for; raises what the engine raises."""
        for wanted in self._plan.wanted:
            if wanted.kind:
                office = wanted.office(self._plan.prefix)
                self._begin(stream_of(office, wanted.kind), self._plan.oldest)
        self._look(self._plan.oldest)
        for wanted in self._plan.wanted:
            self._warn_where_absent(wanted)

    def _warn_where_absent(self, wanted: Wanted) -> None:
        """Say that nobody has published something yet: it may be mistyped, or its time to come."""
        if wanted in self._checked:
            return
        office = wanted.office(self._plan.prefix)
        streams = self._asking.ask(self._engine.listed, office)
        self._checked.add(wanted)
        kinds = [key_of(stream).kind for stream in streams if _is_of(stream, office)]
        name = place_of(wanted.venue, wanted.shard)
        if not kinds:
            text = "nobody has published %s yet"
            self._telling.journal.say(logging.WARNING, text, name, topic=office)
        elif wanted.kind and wanted.kind not in kinds:
            text = "nobody has published %r of %s yet; there are: %s"
            there_are, topic = ", ".join(kinds), stream_of(office, wanted.kind)
            self._telling.journal.say(
                logging.WARNING, text, wanted.kind, name, there_are, topic=topic
            )

    def _look(self, oldest: bool = True) -> None:
        """Join the streams that are there now, of those who are asked for as a whole.

        One that comes later is read from its oldest entry: all of it came since the reader began.
        """
        if monotonic() < self._look_due:
            return
        for wanted in self._plan.wanted:
            if not wanted.kind:
                office = wanted.office(self._plan.prefix)
                for stream in self._asking.ask(self._engine.listed, office):
                    if _is_of(stream, office):
                        self._begin(stream, oldest)
        self._look_due = monotonic() + LOOK_EVERY

    def _begin(self, stream: str, oldest: bool) -> None:
        if stream in self._streams:
            return
        group = self._plan.group
        self._asking.ask(self._engine.join, stream, group, oldest)
        # In this order: what is cut off in between is found as well.
        lost, told = self._asking.ask(self._engine.lost, stream, group)
        given = self._asking.ask(self._engine.given, stream, group)
        self._custody.begin(stream, given, lost > told)
        self._unfinished[stream] = START
        self._streams.append(stream)
        self._silence.ended(stream, None)

    def _rejoin(self) -> None:
        """Join again, from the oldest entry, wherever the engine lost the group."""
        group = self._plan.group
        for stream in self._streams:
            try:
                self._asking.ask(self._engine.given, stream, group)
            except GroupGone:
                self._gone.add(stream)
        for stream in sorted(self._gone):
            self._asking.ask(self._engine.join, stream, group, True)
            self._custody.begin_anew(stream)
            self._gone.remove(stream)
            text = "the engine lost group %s of %s: it begins with the oldest entry again"
            self._telling.journal.say(logging.WARNING, text, group, stream, topic=stream)
        self._rejoined = monotonic()
        self._astray = False

    # Bringing ------------------------------------------------------------------------------------

    def bring(self, deadline: Deadline) -> None:
        """Bring something into custody; return without, where there is nothing for a while.

        Waits a second at the longest, and not beyond the deadline; where the engine is away, until
        it is time to ask it again. Nothing must wait in custody.
        """
        try:
            if self._asking.rested(deadline):
                self._go_round(deadline)
        except GroupGone:
            self._astray = True
            pause = self._rejoined + LONGEST_WAIT - monotonic()
            if pause > 0:
                self._stopping.wait(deadline.slice(pause))
        except Exception as error:
            self._failed(error)
        except BaseException:
            self._start_over()
            raise

    def _go_round(self, deadline: Deadline) -> None:
        if self._astray:
            self._rejoin()
        self.settle()
        self._look()
        if not (self._resume() or self._adopt()):
            self._read(deadline)
        self._asking.served()

    def _resume(self) -> bool:
        """Ask for what this consumer has not seen to; return whether there was anything new."""
        plan = self._plan
        while self._unfinished:
            stream, after = next(iter(self._unfinished.items()))
            entries = self._asking.ask(
                self._engine.unfinished, stream, plan.group, plan.consumer, after, plan.batch
            )
            if not entries:
                del self._unfinished[stream]
                continue
            self._custody.take_again(stream, entries, own=True)
            self._unfinished[stream] = entries[-1].position
            if self._custody.entries:
                return True
        return False

    def _adopt(self) -> bool:
        """Take over what was left lying, when it is time; return whether there was anything."""
        plan = self._plan
        if plan.adopt_after is None or not self._streams:
            return False
        if not self._adopting and monotonic() >= self._adopt_due:
            self._adopting = list(self._streams)
            self._adopt_due = monotonic() + plan.adopt_after / 2
        while self._adopting:
            stream = self._adopting[0]
            entries = self._asking.ask(
                self._engine.adopt, stream, plan.group, plan.consumer, plan.adopt_after, plan.batch
            )
            self._custody.take_again(stream, entries, own=False)
            if len(entries) < plan.batch:
                del self._adopting[0]
            if self._custody.entries:
                return True
        return False

    def _read(self, deadline: Deadline) -> None:
        plan, wait = self._plan, deadline.slice(LONGEST_WAIT)
        if len(self._custody):
            # That the engine was emptied is told at once, with the next event where there is one.
            wait = 0.0
        if plan.adopt_after is not None:
            wait = min(wait, max(0.0, self._adopt_due - monotonic()))
        self.waiting = True
        try:
            if self._stopping.is_set():
                return
            if not self._streams:
                self._stopping.wait(wait)
                return
            found = self._asking.ask(
                self._engine.read, self._streams, plan.group, plan.consumer, plan.batch, wait
            )
        finally:
            self.waiting = False
        for stream, entries in found:
            self._custody.take(stream, entries)
            self._silence.ended(stream, number_in(entries[-1].fields or {}, b"epoch"))
        for stream in self._silence.untold(self._streams):
            epoch = self._silence.epochs.get(stream, 0)
            self._custody.note(Silent(stream, self._silence.after or 0.0, epoch))
            self._silence.told(stream)

    # Acknowledging -------------------------------------------------------------------------------

    def settle_due(self) -> None:
        """Acknowledge what was seen to, where it is time for that; never waits for an engine."""
        unsettled, told = self._custody.unsettled, self._custody.told
        if not (unsettled or told) or self._asking.pause():
            return
        if not told and unsettled < PIECE and monotonic() < self._settled_at + SETTLE_AFTER:
            return
        try:
            self.settle()
        except GroupGone:
            self._astray = True
            self._settled_at = monotonic()
        except Exception as error:
            self._failed(error)

    def settle(self) -> None:
        """Acknowledge all that was seen to and told of; raises what the engine raises."""
        for stream, count in list(self._custody.told.items()):
            self._asking.ask(self._engine.told, stream, self._plan.group, count)
            self._custody.told.pop(stream, None)
        for stream, positions in self._custody.to_acknowledge(PIECE):
            self._asking.ask(self._engine.acknowledge, stream, self._plan.group, positions)
            self._custody.confirm(stream, positions)
        self._settled_at = monotonic()

    # Judging -------------------------------------------------------------------------------------

    def weigh(self, hole: Hole, deadline: Deadline) -> tuple[int, int] | None:
        """Return how many entries a hole says were cut off, and how many the engine lost.

        None where the engine cannot be asked now.
        """
        if not self._asking.rested(deadline):
            return None
        try:
            return self._judging.weigh(hole)
        except GroupGone:
            # Of that there is another gap to come.
            self._astray = True
            return 0, 0
        except Exception as error:
            self._failed(error)
            return None

    def lag(self) -> list[GroupLag]:
        """Return how far the group is behind, stream by stream; raises what the engine raises."""
        group = self._plan.group
        return [self._asking.ask(self._engine.lag, one, group) for one in list(self._streams)]

    def publishing(self) -> dict[str, bool]:
        """Return by venue, or its shard, whether anybody publishes it; raises as `lag` does."""
        found: dict[str, bool] = {}
        for wanted in self._plan.wanted:
            name = place_of(wanted.venue, wanted.shard)
            if name not in found:
                office = wanted.office(self._plan.prefix)
                found[name] = self._asking.ask(self._engine.held, office)
        return found

    def _failed(self, error: Exception) -> None:
        if not self._stopping.is_set():
            self._start_over()
            self._silence.begin_anew()
            self._asking.failed(error)

    def _start_over(self) -> None:
        """Ask for what is unfinished again: some may have been handed out without our knowing."""
        self._custody.mend()
        self._unfinished = dict.fromkeys(self._streams, START)

    # The end -------------------------------------------------------------------------------------

    def interrupt(self) -> None:
        """End the wait for new entries, if that is all that is under way; from any thread."""
        if self.waiting:
            self._engine.close()

    def end(self) -> None:
        """Acknowledge what was seen to, and let go of the engine; raises nothing of the engine's.

        From any thread, once the reader is stopping; may block for as long as the engine does.
        """
        cause: Exception | None = None
        try:
            self.settle()
        except Exception as error:
            cause = error
        finally:
            self._engine.close()
        left = self._custody.unsettled
        if left:
            text = "closed while the engine has not confirmed %d acknowledgements: %s"
            why = "" if cause is None else text_of(cause)
            self._telling.journal.say(logging.WARNING, text, left, why, waiting=left)


def _is_of(stream: str, office: str) -> bool:
    """Return whether a relay made this key, and for this office."""
    try:
        return key_of(stream).office == office
    except ValueError:
        return False
