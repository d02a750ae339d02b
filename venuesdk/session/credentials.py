"""Asking the user for credentials: in the caller's thread first, off the reader's later.

A credential may be a callable of the user's, which may block; the reader never runs user code.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from queue import Empty, SimpleQueue
from typing import TypeAlias

from ..errors import ConnectFailed, ConnectTimeout
from ..secret import Secret
from ..timing import Deadline

__all__ = ["CredentialsKeeper"]

Credentials: TypeAlias = Mapping[str, Secret]

SLICE = 0.1


class CredentialsKeeper:
    """Ask for the credentials of each connection.

    At most one thread at a time asks for the reader; while the user's callable hangs, the next
    attempt waits for the same answer. `_lock` guards the reference to that thread's answer.
    """

    def __init__(self, venue: str, source: Callable[[], Credentials]) -> None:
        self._venue = venue
        self._source = source
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._answers: SimpleQueue[Credentials | Exception] = SimpleQueue()

    def ask(self) -> Credentials:
        """Ask on this thread; what the user's callable raises is passed on."""
        return self._source()

    def ask_elsewhere(self, deadline: Deadline) -> Credentials:
        """Ask on a thread of its own, and wait for the answer until the deadline."""
        with self._lock:
            if self._thread is None or not self._thread.is_alive():
                while not self._answers.empty():
                    self._answers.get_nowait()
                self._thread = threading.Thread(
                    target=self._ask, name=f"venuesdk-{self._venue}-credentials", daemon=True
                )
                self._thread.start()
        while True:
            try:
                answer = self._answers.get(timeout=deadline.slice(SLICE))
            except Empty:
                if deadline.expired():
                    raise ConnectTimeout("the credentials did not come in time") from None
                continue
            if isinstance(answer, Exception):
                raise ConnectFailed(
                    f"asking for the credentials raised {type(answer).__name__}"
                ) from None
            return answer

    def close(self, deadline: Deadline) -> None:
        """Wait for the thread that asks, if there is one."""
        thread = self._thread
        if thread is not None and thread is not threading.current_thread():
            thread.join(deadline.remaining())

    def _ask(self) -> None:
        try:
            self._answers.put(self._source())
        except Exception as error:
            self._answers.put(error)
