"""The callers: threads that ask and write down what they were told, interrupted at random."""

from __future__ import annotations

import contextlib
import ctypes
import itertools
import random
import signal
import threading
import time
from collections.abc import Callable
from typing import Any

from records import ACKNOWLEDGED, NOT_SENT, Call

__all__ = ["Callers"]

TIMEOUTS = (0.25, 0.5, 1.0)
LARGE = "x" * 6_000_000
"""More than the 4 MB that a send buffer of the kernel's grows to: a part of it is left over."""


class Callers:
    """Some threads and the main thread, each asking again and again until `stop`.

    The main thread gets real signals, the first of the others asynchronous exceptions: both end
    a call by KeyboardInterrupt wherever it stands.
    """

    def __init__(self, desk: Any, client: Any, weather: Any, seed: int, threads: int) -> None:
        self.calls: list[Call] = []
        self.interrupts = {"signal": 0, "asynchronous": 0}
        self._desk = desk
        self._client = client
        self._weather = weather
        self._seed = seed
        self._markers = itertools.count(1)
        self._stop = threading.Event()
        self._in_main = False
        self._in_first = False
        # Held by whoever makes a large request.
        self._large = threading.Lock()
        self._threads = [
            threading.Thread(
                target=self._ask_on_thread, args=(number,), name=f"ledger-caller-{number}"
            )
            for number in range(1, threads)
        ]

    def run(self, done: Callable[[], bool]) -> None:
        """Ask on this thread too, which must be the main one, until `done` says so."""
        before = signal.signal(signal.SIGINT, self._interrupt)
        breaker = threading.Thread(target=self._break, name="ledger-interrupts")
        for thread in (*self._threads, breaker):
            thread.start()
        try:
            self._ask(0, done)
        finally:
            self._in_main = False
            self._stop.set()
            breaker.join()
            signal.signal(signal.SIGINT, before)
        for thread in self._threads:
            thread.join(10)

    def stuck(self) -> list[str]:
        """Name the threads that have not come back."""
        return [thread.name for thread in self._threads if thread.is_alive()]

    def _interrupt(self, *_: object) -> None:
        if self._in_main:
            raise KeyboardInterrupt

    def _break(self) -> None:
        chance = random.Random(self._seed)
        first = self._threads[0]
        while not self._stop.wait(chance.uniform(0.1, 0.6)):
            if self._weather.spared.is_set():
                continue
            if chance.random() < 0.5:
                self.interrupts["signal"] += 1
                signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)
            elif self._in_first:
                self.interrupts["asynchronous"] += 1
                ctypes.pythonapi.PyThreadState_SetAsyncExc(
                    ctypes.c_ulong(first.ident or 0), ctypes.py_object(KeyboardInterrupt)
                )

    def _ask_on_thread(self, number: int) -> None:
        # The last interrupt may come when all is done.
        with contextlib.suppress(KeyboardInterrupt):
            self._ask(number, self._stop.is_set)

    def _ask(self, number: int, done: Callable[[], bool]) -> None:
        chance = random.Random(f"{self._seed}/{number}")
        while True:
            # An interrupt between two calls is as good as one inside of them.
            with contextlib.suppress(KeyboardInterrupt):
                self._in_main |= number == 0
                self._in_first |= number == 1
                while not done():
                    sent = self._one(chance)
                    time.sleep(chance.uniform(0.002, 0.02) if sent else 0.05)
                if number == 0:
                    self._in_main = False
                elif number == 1:
                    self._in_first = False
                return

    def _one(self, chance: random.Random) -> bool:
        """Make one call, and what follows from it; tell whether it left."""
        kind = chance.choice(self._desk.kinds)
        call = Call(next(self._markers), kind, chance.choice(TIMEOUTS), writes=kind != "read")
        small = "x" * chance.choice((0, 0, 900))
        self.calls.append(call)
        # One at a time: four of them would keep the processor busy, and all be late for that.
        large: list[bool] = []
        try:
            large.extend(map(self._large.acquire, (False,) if self._weather.heavy.is_set() else ()))
            padding = LARGE if large and large[0] else small
            self._make(call, padding)
        finally:
            if large and large[0]:
                self._large.release()
        further = self._desk.follow_up.get(kind)
        if further and call.outcome == ACKNOWLEDGED:
            second = Call(call.marker, further, chance.choice(TIMEOUTS))
            self.calls.append(second)
            self._make(second, padding)
            second.tidied = time.monotonic()
        self._desk.tidy(call)
        return call.outcome != NOT_SENT

    def _make(self, call: Call, padding: str) -> None:
        start = time.monotonic()
        error: BaseException | None = None
        try:
            self._desk.call(self._client, call, padding)
            outcome = ACKNOWLEDGED
        except Exception as caught:
            error, outcome = caught, self._desk.outcome_of(caught)
        call.ended = time.monotonic()
        call.seconds = call.ended - start
        call.error = "" if error is None else f"{type(error).__name__}: {error}"
        call.outcome = outcome
