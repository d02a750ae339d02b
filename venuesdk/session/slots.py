"""One-answer queues: where a caller waits for the response to its request.

A slot is registered before its request is sent and removed whatever happens. Slots know nothing
of frames; who fills them decides what they hold.
"""

from __future__ import annotations

from collections.abc import Callable
from queue import Empty, SimpleQueue
from typing import TypeAlias

from ..errors import VenueError
from ..timing import Deadline, monotonic

__all__ = ["SLICE", "Empty", "Outcome", "Slot", "Slots"]

Outcome: TypeAlias = "bytes | None"

SLICE = 0.5
"""The longest time, in seconds, that any thread of a user's waits in one piece.

Windows passes Ctrl-C to Python between two waits only.
"""


class Slot:
    """The one answer that one caller waits for: to `method`, `since` then by `monotonic`."""

    __slots__ = ("_queue", "method", "since")

    def __init__(self, method: str = "") -> None:
        self.method = method
        self.since = monotonic()
        self._queue: SimpleQueue[Outcome | Exception] = SimpleQueue()

    def put(self, outcome: Outcome | Exception) -> None:
        """Give the answer; never waits. Only the first one counts."""
        self._queue.put(outcome)

    def wait(self, deadline: Deadline) -> Outcome:
        """Return the answer, raising it where it is an exception.

        Raises `queue.Empty` at the deadline. An interrupt (Ctrl-C) passes through at once.
        """
        while True:
            try:
                outcome = self._queue.get(timeout=deadline.slice(SLICE))
                break
            except Empty:
                if deadline.expired():
                    raise
        return self._open(outcome)

    def take(self) -> Outcome:
        """Return the answer that is already there, raising `queue.Empty` where there is none."""
        return self._open(self._queue.get_nowait())

    @staticmethod
    def _open(outcome: Outcome | Exception) -> Outcome:
        if isinstance(outcome, Exception):
            raise outcome
        return outcome


class Slots:
    """All slots of one session, by request id.

    Guarded by the session's lock, but for `pop`: that is one step, and a caller that is
    interrupted must be able to leave nothing behind without waiting for a lock.
    """

    __slots__ = ("_open",)

    def __init__(self) -> None:
        self._open: dict[int, Slot] = {}

    def __len__(self) -> int:
        return len(self._open)

    def open(self, id: int, slot: Slot) -> None:
        """Let `slot` get the answer to request `id`."""
        self._open[id] = slot

    def pop(self, id: int) -> Slot | None:
        """Remove and return the slot of request `id`; None where nobody waits (any more)."""
        return self._open.pop(id, None)

    def waiting(self) -> list[tuple[int, Slot]]:
        """Return who waits, by request id; needs no lock."""
        return list(self._open.copy().items())

    def fail_all(self, failure: Callable[[], VenueError]) -> None:
        """Give every waiting caller an exception of its own.

        Each of them may have sent its request already; one that finds that it did not raises
        that instead. Where this is interrupted it can be done again.
        """
        for slot in list(self._open.values()):
            slot.put(failure())
        self._open.clear()
