"""Judging: what became of entries that a reader misses.

Others of the group may have been handed them, or another reader of the same name; they may have
been cut off; or the engine may have lost them. Only the last two are losses.
"""

from __future__ import annotations

import logging
from typing import Final

from ..timing import monotonic
from .asking import Asking
from .custody import Custody, Hole
from .engine import Engine, Position
from .plan import Plan
from .telling import Telling

__all__ = ["Judging"]

SHARED_FOR: Final = 5.0
"""Seconds for which a group that has other consumers is not asked whether it still has."""
NAMESAKE_FOR: Final = 3_600.0
"""Seconds for which another reader of this consumer's name counts as there, once it was found."""


class Judging:
    """Asks the engine what a hole in a stream means; the consumer's thread alone uses it."""

    def __init__(
        self, plan: Plan, engine: Engine, asking: Asking, custody: Custody, telling: Telling
    ) -> None:
        self._plan = plan
        self._engine = engine
        self._asking = asking
        self._custody = custody
        self._telling = telling
        self._shared_until: dict[str, float] = {}
        self._namesake_named = False

    def weigh(self, hole: Hole) -> tuple[int, int]:
        """Return how many entries a hole says were cut off, and how many the engine lost.

        Raises what the engine raises.
        """
        lost, told = self._asking.ask(self._engine.lost, hole.stream, self._plan.group)
        alone = self._is_alone(hole.stream) and not self._is_anothers(hole)
        return self._custody.losses(hole, lost, told, alone)

    def _is_alone(self, stream: str) -> bool:
        now = monotonic()
        if now < self._shared_until.get(stream, now):
            return False
        plan = self._plan
        alone = self._asking.ask(self._engine.alone, stream, plan.group, plan.consumer)
        if not alone:
            self._shared_until[stream] = now + SHARED_FOR
        return alone

    def _is_anothers(self, hole: Hole) -> bool:
        """Return whether somebody else was handed what is missing, under this consumer's name.

        What still stands was not lost, and was not handed to this reader.
        """
        if not hole.missing:
            return False
        term, seq = hole.before
        first, last = Position(term, seq - hole.missing), Position(term, seq - 1)
        if not self._asking.ask(self._engine.stands, hole.stream, first, last):
            return False
        self._shared_until[hole.stream] = monotonic() + NAMESAKE_FOR
        if not self._namesake_named:
            self._namesake_named = True
            plan = self._plan
            text = "another reader is called %r in group %r too: names are for one process each"
            self._telling.journal.say(
                logging.WARNING, text, plan.consumer, plan.group, topic=hole.stream
            )
        return True
