"""A watchdog for threads that should always get on: where one does not, the process ends.

It writes the stacks of all threads first. A second one, in C, watches the watchdog: it bites even
where no Python code runs any more.
"""

from __future__ import annotations

import faulthandler
import os
import sys
import threading
import time

__all__ = ["STALLED", "Watchdog"]

STALLED = 86
"""With which status a process ends in which a thread did not get on."""


class Watchdog:
    """Look every half second whether each thread has made a step within `patience` seconds."""

    def __init__(self, patience: float) -> None:
        self._patience = patience
        self._steps: dict[str, float] = {}
        self._doing: dict[str, str] = {}
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="watchdog", daemon=True)

    def __enter__(self) -> Watchdog:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._thread.join()
        faulthandler.cancel_dump_traceback_later()

    def step(self, name: str, doing: str) -> None:
        """Note that a thread goes on, and what with."""
        self._doing[name] = doing
        self._steps[name] = time.monotonic()

    def leave(self, name: str) -> None:
        """Note that a thread has nothing more to do."""
        self._steps.pop(name, None)

    def _watch(self) -> None:
        while not self._done.wait(0.5):
            faulthandler.dump_traceback_later(2 * self._patience, exit=True)
            now = time.monotonic()
            for name, when in list(self._steps.items()):
                if now - when > self._patience:
                    self._bite(name, now - when)

    def _bite(self, name: str, seconds: float) -> None:
        doing = self._doing.get(name)
        print(f"{name} has not got on for {seconds:.1f} s: {doing}", file=sys.stderr, flush=True)
        faulthandler.dump_traceback(all_threads=True)
        os._exit(STALLED)
