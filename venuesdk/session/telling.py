"""Telling: running what is the user's, and what becomes of what it raises.

An error that no caller waits for goes to ``on_error``; where nobody takes it, to the log and to
`threading.excepthook`, so that no setting hides it. In which order things are told, and on which
thread, is decided in `venuesdk.session.delivery`.
"""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable
from typing import Any, TypeAlias

from ..secret import Secret
from ..timing import monotonic
from .callbacks import name_of
from .journal import Facts, Journal
from .redaction import redact
from .worker import Worker

__all__ = ["Notice", "Teller"]

Notice: TypeAlias = Callable[[], object]

SLOW_CALLBACK = 0.25
MAX_REPORTS = 1_000
"""How many errors wait for ``on_error`` before further ones are only counted."""


class Teller:
    """Run the user's functions, one at a time, and tell of errors; the base of every delivery.

    `runner` is the thread that runs callbacks now; `running` is the callback, and `running_since`
    when it began, by `monotonic`. One that takes more than `slow_after` seconds is named in a
    warning. `secrets` are the credentials of the connection, which no error may show. `_reported`
    are the errors whose turn has not come, under `lock`; a close may tell them before it does.
    """

    def __init__(self, venue: str) -> None:
        self.venue = venue
        self.lock = threading.RLock()
        self.journal = Journal(venue)
        self.journal.passes = self._passes
        self.secrets: tuple[Secret, ...] = ()
        self.error_handlers: list[Callable[[BaseException], object]] = []
        self.running: Callable[..., object] | None = None
        self.running_since = 0.0
        self.runner: int | None = None
        self._own = False
        self.slow_after = SLOW_CALLBACK
        self.callback_seconds = 0.0
        self.slow_callbacks = 0
        self._reported: deque[BaseException] = deque()
        self._unreported = 0

    # What the delivery adds ----------------------------------------------------------------------

    @property
    def worker(self) -> Worker | None:
        """The thread that runs callbacks, where it is the delivery's own."""
        return None

    def depth(self) -> int:
        """Return how many items wait for a callback."""
        raise NotImplementedError

    def notify(self, notice: Notice) -> None:
        """Queue something to be told to the user; never waits."""
        raise NotImplementedError

    # Errors --------------------------------------------------------------------------------------

    def report(self, error: BaseException) -> None:
        """Queue an error for ``on_error``, without any credential in it; never waits."""
        redact(error, self.secrets)
        self.journal.note_error(error)
        with self.lock:
            if len(self._reported) >= MAX_REPORTS:
                self._unreported += 1
                return
            self._reported.append(error)
        self.notify(self._tell_reported)

    def tell(self, error: BaseException, where: str = "") -> None:
        """Tell of an error here and now; `where` names what raised it, if not the callback."""
        running = self.running if self.runner == threading.get_ident() else None
        if not where and running is not None:
            where = name_of(running)
        self.journal.note_error(error, where)
        self._tell(error, where)

    def _tell(self, error: BaseException, where: str = "") -> None:
        """Hand an error to ``on_error``; where nobody took it, to the log and the threads' hook."""
        handlers = list(self.error_handlers)
        failures = 0

        def failed(failure: BaseException) -> None:
            nonlocal failures
            failures += 1
            kind = type(failure).__name__
            self.journal.say(logging.ERROR, "on_error itself raised", cause=failure, error=kind)
            self.journal.hook(failure)

        for handler in handlers:
            self._call(handler, error, failed)
        if failures == len(handlers):
            self.journal.say_error(error, where)
            self.journal.hook(error)

    def tell_untold(self) -> None:
        """At the end of a close: see to the errors whose turn in the line may never come.

        Those that no ``on_error`` waits for need no thread of the user's to be told.
        """
        if self.error_handlers:
            waiting, worker = len(self._reported), self.worker
            # A thread that is there still, inside a callback, will come to them.
            if waiting and (worker is None or not worker.is_alive()):
                text = "closed while %d errors wait for on_error"
                self.journal.say(logging.WARNING, text, waiting, lost=waiting)
            return
        while self._reported:
            self._tell_reported()

    def _tell_reported(self) -> None:
        """Tell of the error that was reported first, unless a close did it meanwhile."""
        with self.lock:
            error = self._reported.popleft() if self._reported else None
            unreported, self._unreported = self._unreported, 0
        if unreported:
            text = "%d errors before this one were not reported"
            self.journal.say(logging.WARNING, text, unreported, lost=unreported)
        if error is not None:
            self._tell(error)

    # The user's functions ------------------------------------------------------------------------

    def call(self, callback: Callable[[Any], object], value: Any, topic: str = "") -> None:
        """Run one callback here, and report what it raises. A slow one is named in a warning."""
        self.callback_seconds += self._call(callback, value, self.tell, topic)

    def _call(
        self,
        callback: Callable[[Any], object],
        value: Any,
        failed: Callable[[BaseException], object],
        topic: str = "",
    ) -> float:
        """Run what is the user's, hand on what it raises; return the seconds that it took."""
        # Another thread than the runner comes here too: to tell of an error that its own code met.
        runs = self.runner == threading.get_ident()
        outer = self.running, self.running_since
        started, ended = monotonic(), 0.0
        if runs:
            self.running, self.running_since = callback, started
        try:
            callback(value)
        except BaseException as error:
            if self._passes(error):
                raise
            ended = monotonic()
            failed(error)
        finally:
            if runs:
                self.running, self.running_since = outer
        seconds = (ended or monotonic()) - started
        if seconds > self.slow_after:
            self._warn_of_slow(callback, seconds, topic)
        return seconds

    def _warn_of_slow(self, callback: Callable[[Any], object], seconds: float, topic: str) -> None:
        self.slow_callbacks += 1
        name, waiting = name_of(callback), self.depth()
        facts: Facts = {"callback": name, "seconds": seconds, "waiting": waiting}
        if topic:
            facts["topic"] = topic
        text = "slow callback: %s took %.0f ms with %d items waiting"
        self.journal.say(logging.WARNING, text, name, seconds * 1000, waiting, **facts)

    def warn_of_running(self) -> None:
        """Log the callback that a close did not wait for."""
        running, since = self.running, self.running_since
        name = name_of(running) if running is not None else "not known"
        facts: Facts = {"callback": name}
        if running is not None:
            facts["seconds"] = monotonic() - since
        text = "closed while a callback is still running: %s"
        self.journal.say(logging.WARNING, text, name, **facts)

    def _passes(self, error: BaseException) -> bool:
        """Return whether an exception belongs to the thread that callbacks run on."""
        own = self._own and self.runner == threading.get_ident()
        return not isinstance(error, Exception) and not own
