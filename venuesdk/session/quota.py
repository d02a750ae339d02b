"""How often a venue's host is knocked at: a bound on reconnecting, over all clients of the process.

A backoff spreads the attempts of one client; of a hundred that were cut off at once it still
makes a storm. Nothing here waits or connects; it says who may go, and who waits how long.
"""

from __future__ import annotations

import math
import os
import threading
from collections.abc import Callable
from types import TracebackType
from weakref import WeakSet, WeakValueDictionary

from ..timing import monotonic

__all__ = ["AttemptQuota", "Place", "quota_of"]

RATE = 10.0
BURST = 20
WHOLE = 1.0 - 1e-9
"""As much of a token as counts for one: the sum of many small parts never is quite a whole."""


class AttemptQuota:
    """At most `rate` attempts to reconnect in a second, after at most `burst` at once.

    A bucket that holds `burst` tokens and gets `rate` new ones a second. Every attempt to connect
    *again* takes one, and waits where there is none, in the order in which they came; a
    ``connect()`` that a user calls never waits, but takes a token too where there is one. Whatever
    an attempt comes to (a key over HTTP, the upgrade, the login) is one attempt.

    All clients of the process that connect to one host and port share one quota of 10 a second and
    20 at once. Give several clients one `AttemptQuota` of your own as ``quota=`` to let them share
    that instead. Any thread may use it. Raises `ValueError` or `TypeError` for numbers that no
    bucket can have. `clock` is what it measures seconds by.

    Lock: `_lock` guards the tokens and the line; it is reentrant, for a signal handler may close
    what it interrupted.
    """

    def __init__(
        self,
        rate: float = RATE,
        burst: int = BURST,
        clock: Callable[[], float] = lambda: monotonic(),
    ) -> None:
        for name, value in (("rate", rate), ("burst", burst)):
            if isinstance(value, bool) or not isinstance(value, (int, float)):
                raise TypeError(f"{name} is a number, not {value!r}")
        if not isinstance(burst, int):
            raise TypeError(f"burst is a whole number, not {burst!r}")
        if not 0 < rate < math.inf:
            raise ValueError(f"rate must be more than 0, not {rate!r}")
        if burst < 1:
            raise ValueError(f"burst must be at least 1, not {burst!r}")
        self.rate = rate
        self.burst = burst
        self._clock = clock
        self._tokens = float(burst)
        self._filled_at = clock()
        self._line: list[Place] = []
        self._lock = threading.RLock()
        _QUOTAS.add(self)

    def __repr__(self) -> str:
        return f"AttemptQuota(rate={self.rate!r}, burst={self.burst!r})"

    @property
    def tokens(self) -> float:
        """How many attempts could begin now."""
        with self._lock:
            return self._fill()

    @property
    def waiting(self) -> int:
        """How many attempts wait for their turn."""
        return len(self._line)

    def spend(self) -> None:
        """Take a token where there is one, for an attempt that does not wait."""
        with self._lock:
            self._tokens = max(0.0, self._fill() - 1.0)

    def line_up(self) -> Place:
        """Return a place at the end of the line; use it with ``with``, which gives it up again."""
        with self._lock:
            place = Place(self)
            self._line.append(place)
            return place

    def _fill(self) -> float:
        now = self._clock()
        grown = (now - self._filled_at) * self.rate
        self._filled_at = now
        self._tokens = min(float(self.burst), self._tokens + max(0.0, grown))
        return self._tokens

    def _take(self, place: Place) -> float:
        with self._lock:
            # Who stands before this one has tokens of its own coming, though it may still sleep.
            wanted = self._line.index(place) + WHOLE
            tokens = self._fill()
            if tokens < wanted:
                return (wanted - tokens) / self.rate
            self._tokens = max(0.0, tokens - 1.0)
            self._line.remove(place)
            return 0.0

    def _leave(self, place: Place) -> None:
        with self._lock:
            if place in self._line:
                self._line.remove(place)

    def _begin_anew(self) -> None:
        """In a forked child: no lock is held by, and no place belongs to, any thread there."""
        self._lock = threading.RLock()
        self._line = []


class Place:
    """One attempt's place in the line of a quota."""

    __slots__ = ("_quota",)

    def __init__(self, quota: AttemptQuota) -> None:
        self._quota = quota

    def take(self) -> float:
        """Take a token and return 0.0, or return the seconds after which to ask again.

        Those before may give up, so asking sooner may bring a turn sooner. Call it no more when
        it has returned 0.0.
        """
        return self._quota._take(self)

    def __enter__(self) -> Place:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._quota._leave(self)


_QUOTAS: WeakSet[AttemptQuota] = WeakSet()
_OF_HOSTS: WeakValueDictionary[tuple[str, int], AttemptQuota] = WeakValueDictionary()
_registering = threading.Lock()


def quota_of(host: str, port: int) -> AttemptQuota:
    """Return the one quota of a host and port that all clients of this process share.

    It is forgotten with the last client that has it, when nobody is left to knock.
    """
    with _registering:
        key = host.lower(), port
        quota = _OF_HOSTS.get(key)
        if quota is None:
            quota = _OF_HOSTS[key] = AttemptQuota()
        return quota


def _begin_anew() -> None:
    global _registering
    _registering = threading.Lock()
    for quota in list(_QUOTAS):
        quota._begin_anew()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_begin_anew)
