"""Outage: how long an engine has been away, and when to ask it again; asks nothing itself."""

from __future__ import annotations

from ..timing import Backoff, monotonic

__all__ = ["Outage"]


class Outage:
    """The failures of an engine, from the first of a row until it answers again.

    One thread uses it.
    """

    def __init__(self, rhythm: Backoff) -> None:
        self._rhythm = rhythm
        self._attempts = 0
        self._since = 0.0
        self._due = 0.0
        self._told: set[type[Exception]] = set()

    @property
    def lasts(self) -> bool:
        """Whether the engine failed, and has not answered since."""
        return bool(self._attempts)

    def failed(self, error: Exception) -> bool:
        """Count a failure; return whether its kind is new in this outage, and is to be told."""
        now = monotonic()
        if not self._attempts:
            self._since = now
        self._due = now + self._rhythm.delay(self._attempts)
        self._attempts += 1
        if type(error) in self._told:
            return False
        self._told.add(type(error))
        return True

    def ended(self) -> float:
        """Note that the engine answered; return for how many seconds it did not."""
        self._attempts = 0
        self._told.clear()
        return monotonic() - self._since

    def pause(self) -> float:
        """Return the seconds until it is to be asked again, 0.0 where that is now."""
        return max(0.0, self._due - monotonic()) if self._attempts else 0.0
