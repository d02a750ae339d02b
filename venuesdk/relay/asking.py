"""Asking: every question to the engine, by one thread at a time, and what becomes of failures."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import Final, ParamSpec, TypeVar

from ..session.journal import text_of
from ..timing import Backoff, Deadline
from .engine import EngineUnavailable, RelayError
from .outage import Outage
from .telling import Telling
from .turns import Turns

__all__ = ["LONGEST_WAIT", "Asking"]

P = ParamSpec("P")
R = TypeVar("R")

LONGEST_WAIT: Final = 1.0
"""Seconds that anything is waited for in one piece; something else may have to be done."""
LONGEST_TURN: Final = 10.0
"""Seconds that a thread waits for others who ask."""


class Asking:
    """Asks an engine in turns, and tells once of each outage and of its end."""

    def __init__(self, rhythm: Backoff, telling: Telling, stopping: threading.Event) -> None:
        self._telling = telling
        self._stopping = stopping
        self._turns = Turns()
        self._outage = Outage(rhythm)

    def ask(self, call: Callable[P, R], *arguments: P.args, **named: P.kwargs) -> R:
        """Return what the engine answers, when it is this thread's turn; raises what it raises."""
        try:
            with self._turns.turn(Deadline(LONGEST_TURN)):
                return call(*arguments, **named)
        except TimeoutError as error:
            raise EngineUnavailable(str(error)) from error

    def served(self) -> None:
        """Note that the engine did all that was asked of it: an outage has ended, if there was one.

        Not before: one that answers some questions and refuses others is still out.
        """
        if self._outage.lasts:
            seconds = self._outage.ended()
            text = "the engine answers again, after %.1f s"
            self._telling.journal.say(logging.WARNING, text, seconds, seconds=seconds)

    def failed(self, error: Exception) -> None:
        """Note that the engine failed; tell of it where this kind is new in this outage.

        What is no `RelayError`, such as what a callable for a password raised, is told of even
        where there is no ``on_error``.
        """
        if self._outage.failed(error):
            kind, text = type(error).__name__, "the engine cannot be read: %s; trying again"
            self._telling.journal.say(logging.WARNING, text, text_of(error), error=kind)
            if self._telling.error_handlers or not isinstance(error, RelayError):
                self._telling.tell(error)

    def pause(self) -> float:
        """Return the seconds until the engine is to be asked again."""
        return self._outage.pause()

    def rested(self, deadline: Deadline) -> bool:
        """Wait until the engine may be asked again; return whether it may be by the deadline.

        Never longer than `LONGEST_WAIT`, and no longer than until the reader stops.
        """
        pause = self._outage.pause()
        if pause:
            self._stopping.wait(deadline.slice(min(pause, LONGEST_WAIT)))
        return not self._stopping.is_set() and not self._outage.pause()
