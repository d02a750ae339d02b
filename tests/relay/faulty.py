"""FaultyEngine: an engine whose calls fail when they are told to, before or after their work."""

from __future__ import annotations

import threading
from collections import defaultdict, deque
from collections.abc import Callable
from typing import Any

from venuesdk.relay import EngineFull

__all__ = ["FaultyEngine"]


class FaultyEngine:
    """Hand every call on to another engine, but for those that are to fail.

    `fail` lets the next calls of a name raise, before anything was done or after it; `always` lets
    each one raise until it is None again; with `room` the next append stores so many and is full
    then; `hold` keeps calls of a name waiting until it is set.
    `calls` are the names of all calls.
    """

    def __init__(self, engine: Any) -> None:
        self.engine = engine
        self.calls: list[str] = []
        self.always: Exception | None = None
        self.room: int | None = None
        self._before: dict[str, deque[Exception]] = defaultdict(deque)
        self._after: dict[str, deque[Exception]] = defaultdict(deque)
        self._held: dict[str, threading.Event] = {}
        self.reached = threading.Event()
        self.failed = threading.Condition()
        self.failures = 0

    def fail(self, name: str, *errors: Exception, done: bool = False) -> None:
        """Let the next calls of `name` raise `errors`, one each; where `done`, after doing it."""
        (self._after if done else self._before)[name].extend(errors)

    def hold(self, name: str) -> threading.Event:
        """Keep calls of `name` waiting until what is returned is set; `reached` tells of one."""
        self.reached.clear()
        self._held[name] = threading.Event()
        return self._held[name]

    def await_failures(self, count: int, timeout: float = 10.0) -> None:
        """Wait until so many calls have failed."""
        with self.failed:
            assert self.failed.wait_for(lambda: self.failures >= count, timeout)

    def __getattr__(self, name: str) -> Callable[..., Any]:
        method = getattr(self.engine, name)

        def call(*arguments: Any, **named: Any) -> Any:
            self.calls.append(name)
            if name in self._held:
                self.reached.set()
                assert self._held[name].wait(20)
            if self.always is not None and name != "close":
                self._fail(self.always)
            if self._before[name]:
                self._fail(self._before[name].popleft())
            result = method(*arguments, **named)
            if self._after[name]:
                self._fail(self._after[name].popleft())
            return result

        return call

    def append(self, stream: str, first: Any, drafts: Any) -> None:
        """Append, or only a part."""
        room, self.room = self.room, None
        if room is not None:
            self.engine.append(stream, first, drafts[:room])
            self._fail(EngineFull("no room"))
        self.__getattr__("append")(stream, first, drafts)

    def _fail(self, error: Exception) -> None:
        with self.failed:
            self.failures += 1
            self.failed.notify_all()
        raise error
