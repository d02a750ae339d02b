"""Asking the user for credentials: in the caller's thread first, off the reader's later.

A credential may be a callable of the user's, which may block; the reader never runs user code.
"""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable, Mapping
from queue import Empty, SimpleQueue
from typing import TypeAlias

from ..errors import ConnectFailed, ConnectTimeout
from ..secret import Secret
from ..timing import Deadline
from .worker import Worker

__all__ = ["CredentialsKeeper"]

Credentials: TypeAlias = Mapping[str, Secret]

SLICE = 0.1
"""Seconds after which a wait for credentials notices that it was cancelled."""


class _Question:
    """One asking of the user, with a thread and a queue for the answer of its own.

    `done` is true from just before the answer: then nobody may begin to wait for it any more.
    """

    def __init__(self) -> None:
        self.answer: SimpleQueue[Credentials | BaseException] = SimpleQueue()
        self.thread: Worker | None = None
        self.done = False


class CredentialsKeeper:
    """Ask for the credentials of each connection.

    At most one thread at a time asks for the reader; while the user's callable hangs, the next
    attempt waits for the same answer. Lock: `_lock` guards which question is open.
    """

    def __init__(self, venue: str, source: Callable[[], Credentials]) -> None:
        self._venue = venue
        self._source = source
        self._lock = threading.Lock()
        self._question: _Question | None = None

    def ask(self) -> Credentials:
        """Ask on this thread; what the user's callable raises is passed on."""
        return self._source()

    def ask_elsewhere(self, deadline: Deadline) -> Credentials:
        """Ask on a thread of its own, and wait for the answer until the deadline."""
        with self._lock:
            question = self._question
            if question is None or question.done:
                question = self._question = _Question()
                question.thread = Worker(
                    functools.partial(self._ask, question), f"venuesdk-{self._venue}-credentials"
                )
                question.thread.start()
        while True:
            try:
                answer = question.answer.get(timeout=deadline.slice(SLICE))
                break
            except Empty:
                if deadline.expired():
                    raise ConnectTimeout("the credentials did not come in time") from None
        if isinstance(answer, BaseException):
            # Not chained: whatever a user's callable raises may show a credential.
            raise ConnectFailed(f"asking for the credentials raised {type(answer).__name__}")
        return answer

    @property
    def worker(self) -> Worker | None:
        """The thread that asked last, if there was one."""
        question = self._question
        return None if question is None else question.thread

    def close(self, deadline: Deadline) -> bool:
        """Wait for the thread that asks, if there is one; return False where it goes on."""
        thread = self.worker
        return thread is None or thread.ended(deadline)

    def _ask(self, question: _Question) -> None:
        answer: Credentials | BaseException
        try:
            answer = self._source()
        except BaseException as error:
            answer = error
        with self._lock:
            question.done = True
        question.answer.put(answer)
