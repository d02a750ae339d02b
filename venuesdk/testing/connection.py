"""One client's connection as a venue sees it: responses, events, and the venue's memory of it.

Nothing here knows a venue's messages, nor how bytes travel.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from venuesdk.testing.link import Link
from venuesdk.testing.schedule import Alarm

__all__ = ["Connection", "encode"]


def encode(message: object) -> str:
    """Return a message as the text of a frame; text is left as it is."""
    if isinstance(message, str):
        return message
    return json.dumps(message, separators=(",", ":"), ensure_ascii=False)


class Connection(Link):
    """One client's connection; `memory` is whatever the venue wants to remember of it.

    Sending only queues, and a connection that is closed swallows what is sent to it.
    """

    memory: Any = None
    later: Callable[[float, Callable[[], None]], Alarm]

    _held: tuple[str, ...] = ()
    _impatience: Alarm | None = None
    _hold: tuple[int, float] = (0, 0.0)

    def event(self, message: object) -> None:
        """Send what answers no request."""
        self.send_text(encode(message))

    def respond(self, message: object) -> None:
        """Send the answer to a request; the `reorder` fault may hold it back."""
        count, patience = self._hold
        if not count:
            self.send_text(encode(message))
            return
        self._held = (*self._held, encode(message))
        if len(self._held) >= count:
            self._release()
        elif len(self._held) == 1:
            self._impatience = self.later(patience, self._release)

    def hold_back(self, count: int, patience: float) -> None:
        """Hold back that many responses at a time; 0 releases them and ends it."""
        self._hold = (count, patience)
        if len(self._held) >= count:
            self._release()

    def _release(self) -> None:
        held, self._held = self._held, ()
        if self._impatience is not None:
            # Else it would cut short the patience with those that are held back next.
            self._impatience.cancel()
        for text in reversed(held):
            self.send_text(text)
