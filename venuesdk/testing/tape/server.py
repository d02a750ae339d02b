"""Playing a tape as a venue: a server on loopback that says what the tape says.

It stands on the simulators' server, and shares no code with any codec.
"""

from __future__ import annotations

import heapq
import math
from functools import partial
from typing import Any
from urllib.parse import urlsplit

from venuesdk.testing.connection import Connection
from venuesdk.testing.server import SimulatedVenue
from venuesdk.testing.tape.file import Tape
from venuesdk.testing.tape.script import UNKNOWN, Cue, End, Performance, Script, check_speed
from venuesdk.testing.web import HttpReply, HttpRequest, Refusal
from venuesdk.timing import real_monotonic

__all__ = ["ServedTape", "serve_tape"]

POLICY = 1008
"""The code that a connection is closed with where the tape has no answer (RFC 6455, 7.4.1)."""
LONGEST_REASON = 123
PLAYABLE = (*range(1000, 1004), *range(1007, 1015), *range(3000, 5000))
"""Codes that may stand in a close frame."""


class _Stage:
    """What is still to be said on one connection. Used under the venue's lock."""

    __slots__ = ("alarmed", "due", "script")

    def __init__(self, script: Script) -> None:
        self.script = script
        self.due: list[tuple[float, int, Cue]] = []
        self.alarmed = math.inf


class ServedTape(SimulatedVenue):
    """A tape as a venue on loopback; made by `serve_tape`.

    It has what a simulated venue has: ``url``, ``http_url``, ``with``, faults. ``surprises`` are
    the words that clients sent and the tape does not know; each ended its connection.
    """

    def __init__(self, tape: Tape, speed: float, **options: Any) -> None:
        self._speed = check_speed(speed)
        self._performance = Performance(tape)
        self.name = tape.header.venue or "tape"  # type: ignore[misc]
        self.has_http = self._performance.asks_http  # type: ignore[misc]
        self.path = urlsplit(self._performance.url).path or "/"  # type: ignore[misc]
        super().__init__(interval=None, **options)

    @property
    def surprises(self) -> list[str]:
        """What clients said and the tape does not know, oldest first."""
        with self._guard:
            return list(self._performance.surprises)

    @property
    def progress(self) -> tuple[int, int]:
        """How many of the venue's frames were played, and how many there are."""
        with self._guard:
            return self._performance.played, self._performance.total

    def admit(self, connection: Connection) -> Refusal | None:
        """Take in as many connections as there are on the tape."""
        refusal = super().admit(connection)
        script = None if refusal else self._performance.connect()
        if script is None:
            return refusal or Refusal(503, "the tape has no further connection\n")
        connection.memory = _Stage(script)
        return None

    def opened(self, connection: Connection) -> None:
        """Say what the venue said without being asked."""
        self._add(connection, connection.memory.script.opening())

    def on_text(self, connection: Connection, text: str) -> None:
        """Say what the venue answered; end the connection where the tape has no such frame."""
        cues = connection.memory.script.take(text)
        if cues is None:
            self._performance.unknown(text)
            connection.memory.due.clear()
            connection.close(POLICY, UNKNOWN)
        else:
            self._add(connection, cues)

    def on_http(self, request: HttpRequest) -> HttpReply:
        """Answer as the venue did; 501 where the tape has no such request."""
        body = request.body.decode("utf-8", "replace")
        found = self._performance.exchange(request.method, request.path, body)
        if found is None:
            return HttpReply(501, "the tape does not know this request\n")
        if found.status is None:
            return HttpReply(502, "the request failed, as on the tape\n")
        return HttpReply(found.status, found.received, dict(found.headers))

    def _add(self, connection: Connection, cues: list[Cue]) -> None:
        stage: _Stage = connection.memory
        now = real_monotonic()
        for cue in cues:
            due = now if math.isinf(self._speed) else now + cue.delay / self._speed
            heapq.heappush(stage.due, (due, cue.number, cue))
        self._perform(connection)

    def _perform(self, connection: Connection) -> None:
        """Say what is due, and come again for the rest."""
        stage: _Stage = connection.memory
        while stage.due and stage.due[0][0] <= real_monotonic():
            _, _, cue = heapq.heappop(stage.due)
            self._performance.played += 1
            if isinstance(cue.what, End):
                stage.due.clear()
                self._end(connection, cue.what)
            else:
                connection.event(cue.what)
        if stage.due and connection.is_open and stage.due[0][0] < stage.alarmed:
            stage.alarmed = stage.due[0][0]
            self.later(stage.alarmed - real_monotonic(), partial(self._again, connection))

    def _again(self, connection: Connection) -> None:
        connection.memory.alarmed = math.inf
        self._perform(connection)

    def _end(self, connection: Connection, end: End) -> None:
        if end.code is None or end.code not in PLAYABLE:
            # What came before the end on the tape comes before it here.
            connection.hang_up()
        else:
            reason = end.reason.encode()[:LONGEST_REASON].decode("utf-8", "ignore")
            connection.close(end.code, reason)


def serve_tape(tape: Tape, speed: float = 1.0, **options: Any) -> ServedTape:
    """Return a tape as a venue on loopback, which starts with `with` or `start()`.

    A client that connects to its ``url`` (and ``http_url``, where the tape has HTTP) and says what
    was said then is answered as then, with its own ids; streams begin with their subscribe, at
    the pace of the recording, `speed` times as fast, or with ``math.inf`` at once. A frame that
    the tape does not know, or knows less often, ends the connection with code 1008 and is among
    the ``surprises``: nothing is invented. Each connection on the tape is played once, in order.

    `options` are those of `simulate` that concern the server: ``tls``, ``host``, ``port`` and
    ``http_port``. Needs the extra ``sim``. Raises ValueError for a speed that is none,
    TapeCorrupted and OSError where the tape cannot be read.
    """
    return ServedTape(tape, speed, **options)
