"""Telling: what a relay's reader has to say to its user, and on whose thread."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

from ..models import Gap, StateChange
from ..session.telling import Notice, Teller
from ..session.worker import Worker

__all__ = ["Telling"]


class Telling(Teller):
    """Runs the functions of a reader's user, all on the thread that consumes its entries.

    `gaps` counts what was told of; `changes` the state changes.
    """

    def __init__(
        self,
        on_gap: Callable[[Gap], object] | None,
        on_state: Callable[[StateChange], object] | None,
        on_error: Callable[[BaseException], object] | None,
        waiting: Callable[[], int],
    ) -> None:
        super().__init__("relay")
        self.gaps = 0
        self.changes = 0
        self._on_gap = on_gap
        self._on_state = on_state
        self._waiting = waiting
        self._worker: Worker | None = None
        if on_error is not None:
            self.error_handlers.append(on_error)

    @property
    def worker(self) -> Worker | None:
        """The thread of the reader's own, where its user gave a callback."""
        return self._worker

    def own(self, worker: Worker) -> None:
        """Let the functions run on a thread of the reader's own, which nothing may end."""
        self._worker = worker

    def begin(self) -> None:
        """Note that this is that thread."""
        self.runner = threading.get_ident()
        self._own = True

    def depth(self) -> int:
        """Return how many items wait."""
        return self._waiting()

    def notify(self, notice: Notice) -> None:
        """Tell at once: whoever reports anything here is on the consuming thread."""
        notice()

    def tell_gap(self, gap: Gap, name: str, silence: float | None = None) -> None:
        """Run ``on_gap``, or log a warning where there is none.

        `silence` is for how many seconds nothing came, where that is the gap.
        """
        self.gaps += 1
        if self._on_gap is None:
            self.journal.say_gap(name, gap, silence)
        else:
            self.call(self._on_gap, gap, name)

    def tell_change(self, change: StateChange, name: str) -> None:
        """Run ``on_state``, where there is one."""
        self.changes += 1
        if self._on_state is not None:
            self.call(self._on_state, change, name)

    def tell_end(self, error: BaseException | None, name: str) -> None:
        """Tell that a topic ended: as an error where it was not closed by its publisher."""
        if error is None:
            self.journal.say(logging.INFO, "%s was closed by its publisher", name, topic=name)
        else:
            self.tell(error)
