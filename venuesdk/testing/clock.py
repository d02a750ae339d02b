"""FakeClock: let time pass for the SDK, without waiting for it.

What is moved is the SDK's own judgement of time, in every client of the process: deadlines of
calls, heartbeats and dead links, silent streams (``stale_after``), the pauses between two
attempts to reconnect, and how often a host may be knocked at.

What is not moved: the kernel (TCP's own timeouts), simulated venues and `FaultProxy` (how late
they answer, how often their market moves), ``time.monotonic()`` and ``time.time()`` in your own
code, and the warning about a ``post`` that runs nothing. Whatever is sent takes the time that it
takes.
"""

from __future__ import annotations

import math
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from types import TracebackType
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from venuesdk import timing
from venuesdk.models import State
from venuesdk.session import reader
from venuesdk.session.session import Session, sessions
from venuesdk.timing import Deadline, real_monotonic

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = ["FakeClock"]

STEP = 0.5
"""Seconds that pass at once: of a longer time in which it did not look a reader counts no silence.

(`venuesdk.session.staleness`: 0.25 seconds between two looks, and 0.5 by which one may be late.)
"""
BREATH = 0.025
"""Real seconds that each step takes at the least: in these, venues answer what clients ask."""
GLANCE = 0.02
"""Real seconds after which whoever waits looks at the clock, while it is a fake one."""
PATIENCE = 1.0
"""Real seconds that a step waits for a reader which does not look: it runs a callback, maybe."""


class FakeClock:
    """A clock that runs as the real one does, and can be put forward.

    ``with FakeClock() as clock:`` replaces the SDK's clock in the whole process, for clients that
    are there already too; there can be one at a time. Begin it before you connect, and end it
    when the clients are closed: at its end time goes back by what it was put forward, so that a
    client which lives on notices silence later by so much, once.

    Meanwhile all that waits looks at the clock fifty times a second. The clock that everybody
    reads in production is untouched: there is no cost outside the block.

    Threads: any may put it forward. Lock: `_lock` guards how far it was put forward, and which
    session has judged what time; nobody waits for anything else under it.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._looked = threading.Condition(self._lock)
        self._ahead = 0.0
        self._judged: WeakKeyDictionary[Session, float] = WeakKeyDictionary()
        self._undo: ExitStack | None = None

    def now(self) -> float:
        """Return the time, in seconds, by which the SDK judges."""
        return real_monotonic() + self._ahead

    def advance(self, seconds: float) -> None:
        """Let `seconds` pass, half a second at a time; returns when every client has seen them.

        Between two steps each connected client judges what has become due, and there is a moment
        of real time for what it then sends to be answered: a venue that is well keeps its
        clients through an hour of this, a mute one loses them after 15 seconds. Takes a twentieth
        of the time that passes, and a second more where a reader does not look, because an
        ``inline`` callback runs: then it goes on without that client.

        What was judged is done: a dead connection is given up, a `Gap` is on its way to its
        callback. A caller that waits for an answer sees its deadline within 0.02 seconds, one
        that waited before the block began within half a second.
        """
        _check(seconds)
        steps = math.ceil(seconds / STEP)
        held_up: set[Session] = set()
        for _ in range(steps):
            due = self._put_forward(seconds / steps)
            held_up |= self._await_looks(due, held_up)

    def jump(self, seconds: float) -> None:
        """Let `seconds` pass at once, as for a machine that was asleep; returns when that is seen.

        Deadlines and pauses are over, but for one that another thread was only about to begin.
        Silence that nobody was awake for counts as the SDK counts it: hardly for a silent stream,
        and a quiet connection is asked for a sign of life before it is given up.
        """
        _check(seconds)
        self._await_looks(self._put_forward(seconds), set())

    # Who looks at it -----------------------------------------------------------------------------

    def _put_forward(self, seconds: float) -> float:
        """Move the clock, and return what time it is then."""
        with self._lock:
            if self._undo is None:
                raise RuntimeError("the clock does not run: use it as `with FakeClock() as clock:`")
            due = self.now() + seconds
            self._ahead += seconds
        return due

    def _await_looks(self, due: float, held_up: set[Session]) -> set[Session]:
        """Wait until every connected session has judged that time; return those that did not.

        Those that are `held_up` already are not waited for.
        """
        began = real_monotonic()
        with self._lock:
            while True:
                spent = real_monotonic() - began
                behind = set(self._behind_locked(due)) - held_up
                limit = PATIENCE if behind else BREATH
                if spent >= limit:
                    return behind
                # One that loses its connection looks no more, and nobody says so.
                self._looked.wait(min(limit - spent, BREATH))

    def _behind_locked(self, due: float) -> Iterator[Session]:
        for session in sessions():
            standing = session.standing
            connected = standing.link is not None and standing.state is State.CONNECTED
            if connected and self._judged.get(session, -math.inf) < due:
                yield session

    def _note(self, session: Session, now: float) -> None:
        with self._lock:
            self._judged[session] = now
            self._looked.notify_all()

    # In the SDK's place --------------------------------------------------------------------------

    def __enter__(self) -> Self:
        if timing.monotonic is not real_monotonic:
            raise RuntimeError("there is another clock in the SDK's place already")
        with ExitStack() as undo:
            undo.enter_context(_reading(self.now))
            undo.enter_context(_replaced(reader, "TICK", GLANCE))
            undo.enter_context(_replaced(Deadline, "slice", _glancing(Deadline.slice)))
            undo.enter_context(_replaced(Session, "look", self._noting(Session.look)))
            self._undo = undo.pop_all()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        with self._lock:
            undo, self._undo = self._undo, None
        if undo is not None:
            undo.close()
        # For a thread that still has it in hand.
        self._ahead = 0.0

    def _noting(self, look: Callable[[Session, float], None]) -> Callable[[Session, float], None]:
        """Return the last of a reader's judgements, after which it is noted what time it saw."""

        def noting(session: Session, now: float) -> None:
            look(session, now)
            self._note(session, now)

        return noting


def _check(seconds: float) -> None:
    if isinstance(seconds, bool) or not isinstance(seconds, (int, float)):
        raise TypeError(f"what is to pass is a number of seconds, not {seconds!r}")
    if not 0 <= seconds < math.inf:
        raise ValueError(f"time does not go back, nor end: {seconds!r}")


def _glancing(slice: Callable[[Deadline, float], float]) -> Callable[[Deadline, float], float]:
    """Return how long to wait in one piece, which is never long."""

    def glancing(deadline: Deadline, longest: float) -> float:
        return slice(deadline, min(longest, GLANCE))

    return glancing


@contextmanager
def _reading(read: Callable[[], float]) -> Iterator[None]:
    """Let every module of the SDK read that clock.

    Modules keep the clock by name, so that reading it costs one call and no look-up: each that
    has the one gets the other. A module that is loaded meanwhile takes its clock from `timing`,
    and so the fake one, which is looked for at the end.
    """
    _exchange(real_monotonic, read)
    try:
        yield
    finally:
        _exchange(read, real_monotonic)


def _exchange(old: Callable[[], float], new: Callable[[], float]) -> None:
    for name, module in list(sys.modules.items()):
        ours = name.partition(".")[0] == "venuesdk"
        if ours and vars(module).get("monotonic") is old:
            vars(module)["monotonic"] = new


@contextmanager
def _replaced(owner: Any, name: str, value: Any) -> Iterator[None]:
    before = getattr(owner, name)
    setattr(owner, name, value)
    try:
        yield
    finally:
        setattr(owner, name, before)
