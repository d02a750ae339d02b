"""How events reach callbacks: the queue between the reader and whoever runs user code.

One first-in-first-out line for all callbacks of a client keeps arrival order. What stands in the
line is a turn, of so many items of one subscription, or a notice (a state change, an error).
Who works the line off is the business of the delivery's kind, in `venuesdk.session.modes`.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterable
from contextlib import suppress
from itertools import count
from queue import Empty, SimpleQueue
from typing import Any, TypeAlias

from ..errors import ClientClosed, ReentrantCall
from ..models import Gap
from ..protocol.codec import Event
from ..timing import Deadline, monotonic
from .callbacks import name_of
from .inbox import Item, Totals, popped
from .subscription import NOTHING, Subscription
from .telling import Notice, Teller

__all__ = ["CHUNK", "Delivery", "Notice", "Run"]

Run: TypeAlias = "tuple[Subscription[Any], list[Event]]"
"""Events of one subscription that came one after the other."""

CHUNK = 128
FAR_BEHIND = 4_096
"""How many items may wait before the reader gives way to whoever works the line off."""
WAY = 0.02
"""Seconds that the reader gives way at the most, each time; an answer may come so much later."""
HELPED = 64
"""How many items must have been worked off meanwhile for it to have been of use."""
READ_ON = 0.2
"""Seconds for which the reader does not give way again where it was of none."""


class _Turn:
    """A place in the line: so many items of one subscription."""

    __slots__ = ("count", "subscription")

    def __init__(self, subscription: Subscription[Any], count: int) -> None:
        self.subscription = subscription
        self.count = count


class Delivery(Teller):
    """The line of what is to be told to the user; the base of the four kinds.

    Lock: `lock` guards the line and the queues of all subscriptions of the client. No user code
    runs, and nothing waits, under it. It may be taken under the session's lock, never the other
    way round. It is reentrant, so that a signal handler that closes the client cannot wait for
    the very code that it interrupted.

    While `_gives_way` the reader waits for a word in `_way` that enough of the line was worked off.
    """

    def __init__(self, venue: str) -> None:
        super().__init__(venue)
        self.epoch = 0
        self.forked = False
        self.totals = Totals()
        self.numbers = count(1)
        self._line: deque[_Turn | Notice] = deque()
        self._due = 0
        self._taken: deque[tuple[Subscription[Any] | None, deque[Item] | Notice]] = deque()
        self._gives_way = False
        self._reads_on_until = 0.0
        self._way: SimpleQueue[None] = SimpleQueue()
        self._closed = False

    # For the session -----------------------------------------------------------------------------

    def put(self, runs: Iterable[Run]) -> None:
        """Queue runs of events in arrival order; never waits. Only the reader calls it."""
        conflated: list[Run] = []
        with self.lock:
            for subscription, events in runs:
                if subscription.conflate:
                    conflated.append((subscription, events))
                else:
                    subscription.offer_locked(events)
        for subscription, events in conflated:
            for event in events:
                rows = subscription.split(event)
                # Without rows too: an event came, whatever was left of it.
                with self.lock:
                    subscription.offer_newest_locked(rows)
        # What nobody's callback waits for is in no line.
        if self._line:
            self.wake()

    def put_gap(self, subscription: Subscription[Any], gap: Gap) -> None:
        """Queue a gap behind what a subscription has queued; never waits."""
        with self.lock:
            subscription.offer_gap_locked(gap)
        self.wake()

    def notify(self, notice: Notice) -> None:
        """Queue something to be told to the user; never waits."""
        with self.lock:
            self._line.append(notice)
            self._due += 1
        self.wake()

    def announce_locked(self, subscription: Subscription[Any]) -> None:
        """Put a subscription into the line, for as many items as wait in it and are not there."""
        more = subscription.inbox.pending_locked() - subscription.tokens
        if more <= 0:
            return
        last = self._line[-1] if self._line else None
        if type(last) is _Turn and last.subscription is subscription:
            last.count += more
        else:
            self._line.append(_Turn(subscription, more))
        # Afterwards: interrupted here, there is a turn too many and none too few.
        subscription.tokens += more
        self._due += more

    def depth(self) -> int:
        """Return how many items wait for a callback."""
        # A copy, for a signal handler may close the client meanwhile.
        taken = list(self._taken)
        return self._due + sum(len(work) if isinstance(work, deque) else 1 for _, work in taken)

    def check_fork(self) -> None:
        """Raise where this is a forked child. Takes no lock: it may be held for ever there."""
        if self.forked:
            raise ClientClosed("this client belongs to the parent process", venue=self.venue)

    def describe(self) -> dict[str, Any]:
        """Return how the line stands, for a person to read; takes no lock."""
        running, since = self.running, self.running_since
        return {
            "kind": type(self).__name__,
            "items_waiting": self.depth(),
            "errors_waiting": len(self._reported),
            "running": None if running is None else name_of(running),
            "running_seconds": None if running is None else monotonic() - since,
            "closed": self._closed,
        }

    # What the kinds differ in --------------------------------------------------------------------

    def start(self) -> None:
        """Begin to work the line off."""

    def rest(self, deadline: Deadline) -> None:
        """Leave no thread behind until the next `start`; what is in the line is told first."""

    def waits_here(self) -> bool:
        """Return whether whatever this thread waits for would wait for this thread."""
        return False

    def wake(self) -> None:
        """Let whoever works the line off know that there is something in it."""

    def flush(self, more: bool = False) -> None:
        """Do what the reader does for callbacks between two gulps: here, give way where it must.

        Both need the interpreter. A reader that has always `more` in hand would leave the other too
        little of it, and the bound of the queues would cut off what a slower reader loses nothing
        of. Callbacks that are slow by themselves are not helped by it: then it reads on.
        """
        waiting = self._due
        if not more or waiting < FAR_BEHIND or monotonic() < self._reads_on_until:
            return
        with suppress(Empty):
            # What came too late for the last time.
            self._way.get_nowait()
        self._gives_way = True
        if self._due >= FAR_BEHIND:
            try:
                self._way.get(timeout=WAY)
            except Empty:
                if waiting - self._due < HELPED:
                    self._reads_on_until = monotonic() + READ_ON
        self._gives_way = False

    def refuse_reentrant(self, call: str) -> None:
        """Raise `ReentrantCall` where `call` would wait for the thread that makes it."""
        if self.waits_here():
            raise self._reentrant(call, 'inside a callback of delivery="inline"')

    def pump(self, timeout: float | None, max_events: int | None) -> int:
        """Work the line off on the calling thread, where that is the delivery's kind."""
        raise ValueError('pump() needs delivery="pump"')

    def close(self, deadline: Deadline) -> None:
        """Stop; what is left of the line is told if that takes no waiting."""
        self._closed = True
        self.wake()

    # Working the line off ------------------------------------------------------------------------

    def run_some(
        self, limit: int = CHUNK, own: bool = False, until: float | None = None
    ) -> int:
        """Run up to `limit` items of the line on this thread; return how many there were.

        None begins later than `until`, by `monotonic`, but for the first. Returns 0 where another
        thread is at it. On a thread of the client's `own` no exception whatever gets out; on a
        user's thread Ctrl-C does, and what is left waits for the next run.
        """
        me = threading.get_ident()
        if self.runner == me:
            return 0
        count = 0
        try:
            with self.lock:
                if self.runner is not None:
                    return 0
                self.runner = me
                self._own = own
            self._take(limit)
            while self._taken and count < limit:
                if until is None:
                    count += self._run(limit - count)
                elif not count or monotonic() < until:
                    count += self._run(1)
                else:
                    break
        finally:
            if self.runner == me:
                self.runner = None
            if self._gives_way and self._due < FAR_BEHIND // 2:
                self._gives_way = False
                self._way.put(None)
        return count

    def _take(self, limit: int) -> None:
        """Take what is next off the line, where nothing is left from the last time."""
        taken = self._taken
        if taken:
            return
        with self.lock:
            line = self._line
            while line and limit > 0:
                turn = line[0]
                if type(turn) is not _Turn:
                    taken.extend(zip((None,), popped(line, 1), strict=False))
                    self._due -= 1
                    limit -= 1
                    continue
                items: deque[Item] = deque()
                taken.append((turn.subscription, items))
                most = turn.count if turn.count < limit else limit
                turn.subscription.inbox.take_some_locked(most, items, self.epoch)
                # Where there is nothing, because it was dropped, all of the turn is void.
                count = len(items) or turn.count
                turn.count -= count
                turn.subscription.tokens -= count
                self._due -= count
                if not turn.count:
                    line.popleft()
                limit -= len(items)
            if not line:
                # Ctrl-C may have come between taking and counting.
                self._due = 0

    def _run(self, most: int) -> int:
        """Run up to `most` of what was taken; return how many items there were."""
        subscription, work = self._taken[0]
        if subscription is None:
            try:
                self._taken.popleft()
            except BaseException:
                # Ctrl-C, before it was told.
                if not self._taken or self._taken[0][1] is not work:
                    self._taken.appendleft((None, work))
                raise
            self._run_notice(work)  # type: ignore[arg-type]
            return 1
        before = len(work)  # type: ignore[arg-type]
        self._run_items(subscription, work, most)  # type: ignore[arg-type]
        if not work:
            self._taken.popleft()
        return before - len(work)  # type: ignore[arg-type]

    def _run_notice(self, notice: Notice) -> None:
        try:
            notice()
        except BaseException as error:
            if self._passes(error):
                raise
            self.tell(error)

    def _run_items(self, subscription: Subscription[Any], items: deque[Item], most: int) -> None:
        """Open up to `most` items, and call the subscription's callback with what they bring.

        An item is taken out when the user's code begins, and not before: where Ctrl-C comes
        earlier, it is there for the next run. One loop over many items, for this is where the
        time of an event goes that the decoder does not need.
        """
        callback, clock, slow_after = subscription.callback, monotonic, self.slow_after
        plain = subscription.topic.narrow is None
        outer = self.running, self.running_since
        self.running = callback
        until = max(0, len(items) - most)
        try:
            while len(items) > until:
                item = items[0]
                try:
                    if plain and type(item) is Event:
                        # What `open` does for nearly all there is, without a call.
                        subscription.payload = payload = item.payload
                        value = item.decode(payload)
                    else:
                        value = self._open(subscription, item)
                except Exception:
                    # Once more, by the way that tells of what cannot be read.
                    value = self._open(subscription, item)
                self.running_since = started = clock()
                items.popleft()
                if value is NOTHING or callback is None or subscription.closed:
                    continue
                try:
                    callback(value)
                except BaseException as error:
                    if self._passes(error):
                        raise
                    ended = clock()
                    self.tell(error)
                    # What telling takes is not the callback's.
                    started += clock() - ended
                seconds = clock() - started
                self.callback_seconds += seconds
                subscription.callback_seconds += seconds
                subscription.delivered += 1
                if seconds > slow_after:
                    self._warn_of_slow(callback, seconds, subscription.topic.name)
        except BaseException:
            # Ctrl-C: the item in hand may have gone with it, before the callback had it.
            if subscription.broken is not None:
                subscription.broken()
            raise
        finally:
            self.running, self.running_since = outer

    def _open(self, subscription: Subscription[Any], item: Item) -> Any:
        """Return the value of any item, or NOTHING, and tell of what is not as it should be."""
        try:
            return NOTHING if subscription.closed else subscription.open(item)
        except Exception as error:
            self.tell(error)
            return NOTHING

    def _reentrant(self, call: str, advice: str) -> ReentrantCall:
        return ReentrantCall(f"{call} would wait for itself here: {advice}", venue=self.venue)
