"""Office: who publishes a venue, and since when; kept by a lease that ends if it is not renewed.

Nothing here decides what to write. It is a relay's own thread's alone, but for `term` and `lanes`,
which any thread may read.
"""

from __future__ import annotations

import logging
from typing import Any

from ..client import Client
from ..models import StateChange
from ..timing import monotonic
from .engine import Engine
from .lane import Lane

__all__ = ["Office"]

RENEWALS = 3
"""How often a lease is renewed in its time."""
_STANDS_BY = (
    "stands by: another publisher is in office for %s; other topics or another account need a shard"
    " of their own"
)


class Office:
    """One venue, or a shard of it, as one publisher sees it.

    `term` is the publisher's own while it is in office, else 0; `known` is the newest term that it
    has heard of, its own or another's: it never has one below. `served` is whether it ever was in
    office.
    """

    def __init__(self, name: str, client: Client, owner: str, lease: float) -> None:
        self.name = name
        self.client = client
        self.lanes: tuple[Lane, ...] = ()
        self.term = 0
        self.known = 0
        self.served = False
        self._stands_by = False
        self._owner = owner
        self._lease = lease
        self.due = 0.0

    def renew(self, engine: Engine) -> bool:
        """Keep or take the office, where that is due; return whether that changed anything."""
        if monotonic() < self.due:
            return False
        before = self.term
        asked = monotonic()
        term = engine.claim(self.name, self._owner, self._lease, self.known)
        # The lease may have begun long before a slow answer came.
        self.due = asked + self._lease / RENEWALS
        self.term = term or 0
        self.known = max(self.known, self.term)
        if self.term and not before:
            self.say(logging.INFO, "publishes %s in term %d", self.name, self.term)
        elif before and not self.term:
            self.say(logging.WARNING, "another publisher has taken over %s", self.name)
        elif not (self.term or self._stands_by):
            self.say(logging.INFO, _STANDS_BY, self.name)
        self.served = self.served or bool(self.term)
        self._stands_by = not self.term
        return self.term != before

    def depose(self, engine: Engine, newer: int) -> None:
        """Leave the office to whoever has written in term `newer`, and try for it again later."""
        self.say(logging.WARNING, "another publisher has written to %s", self.name)
        self.term = 0
        self.known = max(self.known, newer + 1)
        # It may be that there is nobody: then the next term is above that one.
        engine.resign(self.name, self._owner)

    def begin_anew(self) -> None:
        """Let a new term begin with the next renewal, which is due at once."""
        self.known = max(self.known, self.term + 1)
        self.due = 0.0

    def resign(self, engine: Engine) -> None:
        """Let the next one in at once."""
        if self.term:
            self.term = 0
            engine.resign(self.name, self._owner)

    @property
    def queued(self) -> int:
        """How many entries are not confirmed."""
        return sum(lane.queued for lane in self.lanes)

    @property
    def dropped(self) -> int:
        """How many events found no room, ever."""
        return sum(lane.dropped for lane in self.lanes)

    def state(self) -> StateChange:
        """Return where the client stands, as a term begins with it."""
        client = self.client
        state = client.state
        return StateChange(state, state, "a publisher's term begins", 0, client._delivery.epoch)

    def say(self, level: int, text: str, *arguments: Any, **facts: Any) -> None:
        """Log something to the client's own logger."""
        self.client._delivery.journal.say(level, text, *arguments, **facts)
