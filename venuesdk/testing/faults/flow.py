"""The bytes of one direction of a connection through a fault proxy, and what they suffer.

Everything here happens on the proxy's loop, and nothing here waits.
"""

from __future__ import annotations

import random
import socket
from collections import deque
from enum import Enum
from typing import TYPE_CHECKING, Final

from venuesdk.timing import real_monotonic

if TYPE_CHECKING:
    from venuesdk.testing.faults.pipe import Pipe

__all__ = ["CHUNK", "DOWN", "FINISH", "HOLD", "RESET", "UP", "Flow", "State", "Weather"]

UP: Final = "up"
DOWN: Final = "down"

RESET: Final = "reset"
FINISH: Final = "finish"
HOLD: Final = "hold"

CHUNK: Final = 65536
"""The most bytes that are read at a time."""

_QUEUED = 262144
_WRITES_AT_A_TIME = 64
_PIECES_PER_SECOND = 50


class Weather:
    """What all connections of a proxy suffer at the moment."""

    def __init__(self, seed: int, buffer: int | None) -> None:
        self.random = random.Random(seed)
        self.buffer = buffer
        self.heal()

    def heal(self) -> None:
        """End all of it."""
        self.latency = 0.0
        self.jitter = 0.0
        self.rate: float | None = None
        self.slice_size: int | None = None
        self.slice_delay = 0.0
        self.stalled: frozenset[str] = frozenset()


class State(Enum):
    """What a pipe does with bytes."""

    CONNECTING = "the target has not answered yet"
    OPEN = "they pass"
    HELD = "they stay where they are, and so do ends"
    SWALLOWING = "both ends were told that it is over, and what they still send vanishes"
    FINISHED = "both ends were told that it is over, and whoever still sends is reset"
    CLOSED = "there is nothing left"


class Flow:
    """The bytes of one direction: read from `source`, kept until they are due, sent to `sink`."""

    def __init__(self, pipe: Pipe, direction: str, source: socket.socket, sink: socket.socket):
        self.direction = direction
        self.source = source
        self.sink = sink
        self.passed = 0
        self.quota: int | None = None
        self.how = RESET
        self.ended = False
        self.finished = False
        self.blocked = False
        self._pipe = pipe
        self._queue: deque[tuple[float, memoryview]] = deque()
        self._queued = 0
        self._last_due = 0.0
        self._resume = 0.0
        self._alarm: float | None = None

    @property
    def reads(self) -> bool:
        """Whether there is room for more, and nothing forbids to take it."""
        weather = self._pipe.weather
        room = weather.buffer or _QUEUED
        return not self.ended and self._queued < room and self.direction not in weather.stalled

    def read(self) -> None:
        """Take what came, and pass on what is due."""
        try:
            data = self.source.recv(CHUNK)
        except BlockingIOError:
            return
        except OSError:
            self._pipe.cut(RESET)
            return
        self.ended = not data
        weather = self._pipe.weather
        delay = weather.latency
        if weather.jitter:
            delay += weather.random.uniform(0.0, weather.jitter)
        # Never before what came earlier: TCP keeps the order, whatever the delays.
        self._last_due = max(self._last_due, real_monotonic() + delay)
        self._queue.append((self._last_due, memoryview(data)))
        self._queued += len(data)
        self.push()

    def push(self) -> None:
        """Pass on what is due, as far as the sink takes it."""
        self._alarm = None
        self.blocked = False
        for _ in range(_WRITES_AT_A_TIME):
            if self._pipe.state is not State.OPEN or not self._queue:
                break
            moment = max(self._queue[0][0], self._resume)
            if moment > real_monotonic():
                self._wake_at(moment)
                break
            try:
                if not self._write():
                    break
            except OSError:
                self._pipe.cut(RESET)
                return
        else:
            self._wake_at(0.0)  # the other connections are served first
        self._pipe.update()

    def _wake_at(self, moment: float) -> None:
        if self._alarm is None or moment < self._alarm:
            self._alarm = moment
            self._pipe.loop.at(moment, self.push)

    def _write(self) -> bool:
        """Send the next piece; return whether there is any use in sending another."""
        due, data = self._queue.popleft()
        if not data:
            self.finished = True
            self.sink.shutdown(socket.SHUT_WR)
            return False
        try:
            sent = self.sink.send(data[: self._piece(len(data))])
        except BlockingIOError:
            self._queue.appendleft((due, data))
            self.blocked = True
            return False
        if sent < len(data):
            self._queue.appendleft((due, data[sent:]))
        self._queued -= sent
        self.passed += sent
        self._pace(sent)
        return self._count(sent)

    def _piece(self, size: int) -> int:
        weather = self._pipe.weather
        if weather.slice_size is not None:
            size = min(size, weather.slice_size)
        if weather.rate is not None:
            size = min(size, max(1, int(weather.rate / _PIECES_PER_SECOND)))
        return size if self.quota is None else min(size, self.quota)

    def _pace(self, sent: int) -> None:
        weather = self._pipe.weather
        if weather.rate is not None:
            self._resume = max(self._resume, real_monotonic()) + sent / weather.rate
        if weather.slice_size is not None and weather.slice_delay:
            self._resume = max(self._resume, real_monotonic() + weather.slice_delay)

    def _count(self, sent: int) -> bool:
        if self.quota is None:
            return True
        self.quota -= sent
        if self.quota:
            return True
        self.quota = None
        self._pipe.quota_spent(self.how)
        return False

    def resume(self) -> None:
        """Forget the delays of a weather that is over, and go on."""
        self._queue = deque((0.0, data) for _, data in self._queue)
        self._last_due = self._resume = 0.0
        self.push()
