"""Script: what a tape lets the venue say, and after which words of the client's.

It knows neither clock nor socket: whoever plays it brings both. A frame of the venue's waits for
the one frame of the client's that brought it about: an answer for its request, by the id; an event
for the subscribe that names its stream; all else for whatever the client had sent last.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from typing import NamedTuple

from venuesdk.secret import MASK
from venuesdk.testing.tape.entries import Exchange, Kind, TapeEntry, TapeHeader
from venuesdk.testing.tape.file import Tape
from venuesdk.testing.tape.matching import Said, marks_of, same, shown, with_id

__all__ = ["UNKNOWN", "Cue", "End", "Performance", "Script", "check_speed"]

log = logging.getLogger("venuesdk.tape")

MAX_SURPRISES = 1_000
UNKNOWN = "the tape does not know this frame"
"""Why a connection ends on which the client said something that is not on the tape."""


def check_speed(speed: float) -> float:
    """Return a speed that a tape can be played at; raise ValueError for any other."""
    number = isinstance(speed, (int, float)) and not isinstance(speed, bool)
    if not number or not speed > 0:
        raise ValueError(f"a speed is a number above 0, or math.inf, not {speed!r}")
    return float(speed)


class End(NamedTuple):
    """The venue ends the connection: with a close frame where there is a code."""

    code: int | None
    reason: str


class Cue(NamedTuple):
    """One thing that the venue does, `delay` seconds after the client's frame.

    Of those that are due at one time the one with the lower `number` comes first.
    """

    delay: float
    number: int
    what: str | End


class _Asked:
    """One frame of the client's on the tape, and what it brings about."""

    __slots__ = ("brings", "said", "time", "words")

    def __init__(self, said: Said, time: float) -> None:
        self.said = said
        self.time = time
        self.words = said.words()
        self.brings: list[tuple[TapeEntry, Said | End, bool]] = []


class Script:
    """One connection on a tape. Not for several threads at once."""

    def __init__(self, entries: Iterable[TapeEntry], withdrawn: frozenset[int]) -> None:
        # Before the client has said anything, what comes waits for the connection itself.
        self._opening = _Asked(Said(""), 0.0)
        self._asked: list[_Asked] = []
        self._by_id: dict[str, _Asked] = {}
        self._streams: dict[frozenset[str], _Asked] = {}
        for entry in entries:
            self._add(entry, withdrawn)
        self._left = list(self._asked)
        self.total = sum(len(asked.brings) for asked in (self._opening, *self._asked))

    def opening(self) -> list[Cue]:
        """Return what the venue does without being asked."""
        return self._cues(self._opening, None)

    def take(self, text: str) -> list[Cue] | None:
        """Return what the venue does when the client sends `text`.

        None where the tape has no such frame, or it was sent as often already.
        """
        sent = Said(text)
        for place, asked in enumerate(self._left):
            if same(asked.said.rest, sent.rest) and asked.said.id_name == sent.id_name:
                del self._left[place]
                return self._cues(asked, sent)
        return None

    def _cues(self, asked: _Asked, sent: Said | None) -> list[Cue]:
        cues = []
        for entry, what, answers in asked.brings:
            delay = max(0.0, entry.monotonic - asked.time)
            done: str | End = what if isinstance(what, End) else what.text
            if answers and sent is not None and isinstance(what, Said):
                done = with_id(what, sent.id)
            cues.append(Cue(delay, entry.number, done))
        return cues

    def _add(self, entry: TapeEntry, withdrawn: frozenset[int]) -> None:
        if entry.kind is Kind.OPENED:
            self._opening.time = entry.monotonic
        elif entry.kind is Kind.ENDED and not entry.here:
            self._last().brings.append((entry, End(entry.code, entry.text), False))
        elif entry.frame != "text":
            return
        elif entry.kind is Kind.OUT and entry.number not in withdrawn:
            asked = _Asked(Said(entry.text), entry.monotonic)
            self._asked.append(asked)
            if asked.said.id is not None:
                self._by_id[str(asked.said.id)] = asked
            self._streams.clear()
        elif entry.kind is Kind.IN:
            self._add_frame(entry, Said(entry.text))

    def _add_frame(self, entry: TapeEntry, said: Said) -> None:
        asked = None if said.id is None else self._by_id.get(str(said.id))
        if asked is None:
            self._subscribe_to(said).brings.append((entry, said, False))
            return
        asked.brings.append((entry, said, True))
        if isinstance(said.rest, dict):
            # Where a venue hands out the name of the stream, its events carry that.
            told = {value for value in said.rest.values() if isinstance(value, str)}
            asked.words |= told
            self._streams.clear()

    def _subscribe_to(self, said: Said) -> _Asked:
        """Return the frame of the client's that speaks most of the stream of an event.

        The last of several.
        """
        marks = marks_of(said)
        found = self._streams.get(marks)
        if found is None:
            found = max(reversed(self._asked), key=lambda one: len(one.words & marks), default=None)
            found = self._streams[marks] = found or self._opening
        return found

    def _last(self) -> _Asked:
        return self._asked[-1] if self._asked else self._opening


class Performance:
    """A whole tape that is played once: its connections in order, its HTTP exchanges.

    ``surprises`` are the words that the client sent and the tape does not know, without what may
    be a credential; the newest 1,000. Of ``total`` frames of the venue's ``played`` went out. The
    tape is held in memory. Binary frames are not played: no venue sends any. Not for several
    threads at once.
    """

    def __init__(self, tape: Tape) -> None:
        self.header: TapeHeader = tape.header
        self.surprises: list[str] = []
        self.url = ""
        entries = list(tape)
        withdrawn = frozenset(one.refers for one in entries if one.kind is Kind.WITHDRAWN)
        self._exchanges = [one.exchange for one in entries if one.exchange is not None]
        self.asks_http = bool(self._exchanges)
        sent = [one.text for one in entries if one.kind is Kind.OUT]
        self.shows_masks = any(MASK in text for text in (*sent, *(x.sent for x in self._exchanges)))
        lost = sum(one.count for one in entries)
        if lost:
            log.warning("the tape is incomplete: %d entries were lost when it was recorded", lost)
        if tape.truncated:
            log.warning("the tape is incomplete: its end is missing")
        self._scripts = [Script(part, withdrawn) for part in self._connections(entries)]
        self.total = sum(script.total for script in self._scripts)
        self.played = 0

    def connect(self) -> Script | None:
        """Return the next connection, or None where the tape has no further one."""
        return self._scripts.pop(0) if self._scripts else None

    def exchange(self, method: str, url: str, body: str) -> Exchange | None:
        """Return the next exchange that asks for this, or None where there is none."""
        asked = Said(body).rest
        for place, one in enumerate(self._exchanges):
            if one.method == method and same(one.url, url) and same(Said(one.sent).rest, asked):
                return self._exchanges.pop(place)
        self.surprised(f"{method} {url.partition('?')[0]}")
        return None

    def unknown(self, text: str) -> None:
        """Note a frame that the tape does not know."""
        self.surprised(shown(text))

    def surprised(self, what: str) -> None:
        """Note something that the tape does not know."""
        self.surprises.append(what)
        del self.surprises[:-MAX_SURPRISES]

    def _connections(self, entries: Iterable[TapeEntry]) -> list[list[TapeEntry]]:
        """Return the entries of each connection; the end of one may come after another began."""
        parts: list[list[TapeEntry]] = []
        by_epoch: dict[int, list[TapeEntry]] = {}
        for entry in entries:
            if not entry.epoch:
                continue
            if entry.kind is Kind.OPENED or entry.epoch not in by_epoch:
                by_epoch[entry.epoch] = []
                parts.append(by_epoch[entry.epoch])
                self.url = self.url or entry.text
            by_epoch[entry.epoch].append(entry)
        return parts
