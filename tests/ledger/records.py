"""What is written down while faults fall: calls, what streams brought, what the venue executed."""

from __future__ import annotations

import math
import threading
from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any

__all__ = ["ACKNOWLEDGED", "INTERRUPTED", "NOT_SENT", "REFUSED", "UNKNOWN", "UNTYPED",
           "Call", "Executions", "Feed"]  # fmt: skip

ACKNOWLEDGED = "acknowledged"
REFUSED = "refused"
NOT_SENT = "not_sent"
UNKNOWN = "unknown"
INTERRUPTED = "interrupted"
UNTYPED = "untyped"


@dataclass
class Call:
    """One call of a client: what it claimed in the end, and how long it took.

    A call that was interrupted never gets an outcome of its own. `tidied` is when the caller
    began to undo it by other means, after which the venue's books say nothing about it.
    """

    marker: int
    kind: str
    timeout: float
    outcome: str = INTERRUPTED
    error: str = ""
    seconds: float = 0.0
    ended: float = math.inf
    tidied: float = math.inf
    answers_another: str = ""
    writes: bool = True

    def compare(self, answer: object, wanted: object) -> None:
        """Write down an answer that belongs to another call."""
        if answer != wanted:
            self.answers_another = f"{answer!r}, not {wanted!r}"


class Executions:
    """When the venue executed what; a key is a call's kind and marker."""

    def __init__(self) -> None:
        # Guards the dictionary alone.
        self._lock = threading.Lock()
        self._at: dict[tuple[str, int], list[tuple[float, int]]] = defaultdict(list)

    def note(self, kind: str, marker: int, moment: float, connection: int = 0) -> None:
        """Write down one execution, and the connection on which it was asked for."""
        with self._lock:
            self._at[kind, marker].append((moment, connection))

    def of(self, call: Call) -> list[tuple[float, int]]:
        """Return the executions of a call, before it was undone by other means."""
        with self._lock:
            found = list(self._at.get((call.kind, call.marker), ()))
        return [one for one in found if one[0] < call.tidied]


@dataclass
class Feed:
    """What one consumer saw, in its order: numbers of events, and the reasons of gaps."""

    name: str
    seen: list[int | str] = field(default_factory=list)

    def event(self, number: int) -> None:
        """Write down an event."""
        self.seen.append(number)

    def gap(self, gap: Any) -> None:
        """Write down a gap, by its reason."""
        self.seen.append(gap.reason.value)
