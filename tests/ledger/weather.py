"""The faults: what falls on the link and on the venue, at random, and how it is taken back."""

from __future__ import annotations

import contextlib
import random
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

from venuesdk.testing.faults import FaultProxy

__all__ = ["SPOILED", "Weather"]

Fault = Callable[[], "float | None"]

FULL_BUFFERS = "stalled upwards, large requests"
SPOILED = ("garbage", "flood")
"""Faults that may cost a stream an event, and not the connection."""
PAUSES = (0.01, 0.06)
"""Between the end of a fault and the next one."""
SHORT, LONG, LONGEST = (0.02, 0.15), (0.3, 0.8), (0.7, 1.3)

CUT_WAITS, CUT_WAIT = 30, 0.01
"""How often, and for how many seconds, to look whether a cut has come to its last byte."""


class Weather:
    """One thread that lets one fault after another fall, each kind in turn, in random order."""

    def __init__(self, desk: Any, proxies: list[FaultProxy], seed: int) -> None:
        self.counts: Counter[str] = Counter()
        self.heavy = threading.Event()
        """Set while large requests meet a peer that reads nothing."""
        self.spared = threading.Event()
        """Set while no caller is to be interrupted: the time of each must run out."""
        self.after: list[Callable[[], None]] = []
        """What is to be done when a fault is over."""
        self._venue = desk.venue
        self._proxies = proxies
        self._random = random.Random(seed)
        self._stop = threading.Event()
        self._kinds = dict(self._all_kinds(desk))
        self._thread = threading.Thread(target=self._fall, name="ledger-weather", daemon=True)

    @property
    def fallen(self) -> int:
        """How many faults have fallen."""
        return sum(self.counts.values())

    @property
    def kinds(self) -> list[str]:
        """The names of all faults that can fall here."""
        return list(self._kinds)

    def start(self) -> None:
        """Let the first one fall soon."""
        self._thread.start()

    def stop(self) -> None:
        """Take the last one back, and end."""
        self._stop.set()
        self._thread.join()

    @contextlib.contextmanager
    def full_buffers(self) -> Iterator[None]:
        """Let nothing be read of large requests for a while, when all else is over."""
        self.spared.set()
        self._stall_with_large_requests()
        yield
        self.counts[FULL_BUFFERS] += 1
        self._heal()
        self.spared.clear()

    def _fall(self) -> None:
        while not self._stop.is_set():
            deck = sorted(self._kinds)
            self._random.shuffle(deck)
            for kind in deck:
                if self._stop.wait(self._random.uniform(*PAUSES)):
                    break
                lasts = self._kinds[kind]()
                if lasts is not None:  # a cut for which too few bytes came has not fallen
                    self.counts[kind] += 1
                    self._stop.wait(lasts)
                self._heal()

    def _heal(self) -> None:
        self.heavy.clear()
        for proxy in self._proxies:
            proxy.heal()
        venue = self._venue
        venue.mute(False)
        venue.half_open(False)
        venue.slow(0)
        venue.reorder(0)
        venue.refuse_connections(False)
        venue.refuse_login(False)
        if "api_unavailable" in venue.faults:
            venue.api_unavailable(False)
        for action in self.after:
            action()

    # Each fault returns how many seconds it is to last, or None where it has not fallen.

    def _all_kinds(self, desk: Any) -> Iterator[tuple[str, Fault]]:
        for direction in ("up", "down"):
            for how in ("reset", "finish", "hold"):
                yield f"cut {direction} {how}", self._cut(direction, how)
        yield "reset", self._on_link(FaultProxy.reset)
        yield "finish", self._on_link(FaultProxy.finish)
        yield "black hole", self._on_link(FaultProxy.black_hole, 0.5)
        yield "black hole with FIN", self._on_link(lambda one: one.black_hole(fin=True), 0.2)
        yield "refuse", self._on_link(lambda one: (one.refuse(), one.reset()), 0.2)
        yield "latency and jitter", self._on_link(self._delay, 0.3)
        yield "bandwidth", self._on_link(lambda one: one.bandwidth(self._pick(300, 30_000)), 0.2)
        yield "slices", self._on_link(lambda one: one.slice(self._pick(1, 40), 0.0005), 0.2)
        yield FULL_BUFFERS, self._stall_with_large_requests
        yield "stalled downwards", self._on_link(lambda one: one.stall("down"), 0.5)
        yield from self._kinds_of_venue(desk)

    def _kinds_of_venue(self, desk: Any) -> Iterator[tuple[str, Fault]]:
        venue = desk.venue
        yield "drop", lambda: self._at_venue(venue.drop)
        yield "mute", lambda: self._at_venue(venue.mute, True, venue.has_http, often=0.4)
        yield "half open", lambda: self._at_venue(venue.half_open, often=0.4)
        yield "slow", lambda: self._at_venue(venue.slow, self._pick(5, 100) / 1000, often=0.2)
        yield "reorder", lambda: self._at_venue(venue.reorder, self._pick(2, 4), 0.1, often=0.3)
        yield "garbage", lambda: self._at_venue(venue.garbage)
        yield "close frame", lambda: self._at_venue(venue.close_with, self._pick(1000, 1001))
        yield "close frame, restart", lambda: self._at_venue(venue.close_with, 1012)
        yield "flood", lambda: self._at_venue(venue.flood, 300)
        yield "connections refused", self._refuse_upgrades
        yield "logins refused", self._refuse_logins
        if "api_unavailable" in venue.faults:
            yield "API unavailable", lambda: self._no_api(executes_first=False)
            yield "API unavailable, executed", lambda: self._no_api(executes_first=True)

    def _pick(self, least: int, most: int) -> int:
        return self._random.randint(least, most)

    def _span(self, often: float) -> float:
        """Return how long a fault lasts: some outlast the callers' patience, and most do not."""
        return self._random.uniform(*(LONG if self._random.random() < often else SHORT))

    def _at_venue(self, switch: Callable[..., None], *values: Any, often: float = 0.0) -> float:
        switch(*values)
        return self._span(often)

    def _on_link(self, strike: Callable[[FaultProxy], object], often: float = 0.0) -> Fault:
        def fault() -> float:
            for proxy in self._proxies:
                strike(proxy)
            return self._span(often)

        return fault

    def _cut(self, direction: str, how: str) -> Fault:
        def fault() -> float | None:
            proxy = self._random.choice(self._proxies)
            before = proxy.cuts
            proxy.cut_after(self._pick(0, 1500), direction, how)
            for _ in range(CUT_WAITS):
                if proxy.cuts > before:
                    return self._span(0.5 if how == "hold" else 0.0)
                self._stop.wait(CUT_WAIT)
            return None

        return fault

    def _delay(self, proxy: FaultProxy) -> None:
        proxy.latency(self._random.uniform(0.0, 0.3), jitter=self._random.uniform(0.0, 0.2))

    def _stall_with_large_requests(self) -> float:
        self._proxies[0].stall("up")
        self.heavy.set()
        return self._random.uniform(*LONGEST)

    def _refuse_upgrades(self) -> float:
        self._venue.refuse_connections()
        self._proxies[0].reset()
        return self._span(0.2)

    def _refuse_logins(self) -> float:
        self._venue.refuse_login()
        self._proxies[0].reset()
        return self._span(0.2)

    def _no_api(self, executes_first: bool) -> float:
        self._venue.api_unavailable(http=self._random.random() < 0.5, executes_first=executes_first)
        return self._span(0.2)
