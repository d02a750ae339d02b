"""Scribe: what the connections told, as lines of a tape, masked and numbered.

Used by the writing thread alone. It has no file and no queue.
"""

from __future__ import annotations

import json
from base64 import b64encode
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from typing import TypeAlias

from venuesdk.models import HttpRequest, HttpResponse
from venuesdk.testing.tape.entries import Kind, write_entry
from venuesdk.testing.tape.mask import TapeMask
from venuesdk.testing.tape.sent import NAMES, sent_frames
from venuesdk.wire.endpoint import without_query
from venuesdk.wire.frames import TEXT, Binary
from venuesdk.wire.parcel import Parcel

__all__ = ["Note", "Scribe"]

MEANINGFUL = ("content-type", "retry-after")
"""Headers of an HTTP answer that say something of what it means."""


Note: TypeAlias = "Callable[[Scribe, float, float, int], str]"
"""What makes the entries of something, of when it happened and on which connection."""

BATCH = 256
"""How many gulps are masked and written at a time."""


class Scribe:
    """Write entries; `count` is how many there are.

    It remembers the entries of parcels until these have left, or stayed, or were cut.
    """

    def __init__(self, mask: TapeMask) -> None:
        self.count = 0
        self._mask = mask
        self._writing: dict[Parcel, list[int]] = {}

    def write(
        self, waiting: deque[tuple[tuple[bytes, ...] | Note, float, float, int]]
    ) -> Iterator[str]:
        """Yield the entries of what happened, in order, and take it out of `waiting`.

        Messages, which are nearly all there is, many at a time.
        """
        while waiting:
            gulps: list[tuple[tuple[bytes, ...], float, float, int]] = []
            while waiting and len(gulps) < BATCH and type(waiting[0][0]) is tuple:
                gulps.append(waiting.popleft())  # type: ignore[arg-type]
            if gulps:
                yield self._messages(gulps)
            else:
                note, now, wall, epoch = waiting.popleft()
                yield note(self, now, wall, epoch)  # type: ignore[operator]

    def _messages(self, gulps: list[tuple[tuple[bytes, ...], float, float, int]]) -> str:
        frames = [frame for gulp in gulps for frame in gulp[0]]
        if Binary in map(type, frames):
            return "".join(
                self._frame(Kind.IN, now, wall, epoch, frame, _word(frame))
                for gulp, now, wall, epoch in gulps
                for frame in gulp
            )
        texts = iter(self._mask.apply([frame.decode() for frame in frames]))
        lines = []
        number = self.count
        for gulp, now, wall, epoch in gulps:
            for _ in gulp:
                number += 1
                lines.append(write_entry(number, Kind.IN, now, wall, epoch, next(texts)))
        self.count = number
        return "".join(lines)

    def opened(self, now: float, wall: float, epoch: int, url: str) -> str:
        """Return the entry of a connection that was made."""
        (shown,) = self._mask.apply([without_query(str(url))])
        return self._entry(Kind.OPENED, now, wall, epoch, shown)

    def signalled(
        self, now: float, wall: float, epoch: int, control: Sequence[tuple[int, bytes]]
    ) -> str:
        """Return the entries of control frames that came."""
        return "".join(
            self._frame(Kind.IN, now, wall, epoch, payload, NAMES[opcode])
            for opcode, payload in control
        )

    def leaving(self, now: float, wall: float, epoch: int, parcels: Sequence[Parcel]) -> str:
        """Return the entries of frames that are about to leave."""
        writing = {one: numbers for one, numbers in self._writing.items() if not one.done}
        lines = []
        for parcel in parcels:
            writing[parcel] = []
            for opcode, payload in sent_frames(parcel.data):
                lines.append(self._frame(Kind.OUT, now, wall, epoch, payload, NAMES[opcode]))
                writing[parcel].append(self.count)
        self._writing = writing
        return "".join(lines)

    def stayed(self, now: float, wall: float, epoch: int, parcel: Parcel) -> str:
        """Return the entries that take back what has not left; none where it was left out."""
        return self._refer(Kind.WITHDRAWN, now, wall, epoch, self._writing.pop(parcel, []))

    def cut(self, now: float, wall: float, epoch: int, parcels: Sequence[Parcel]) -> str:
        """Return the entries that say of frames that they were unfinished at the end."""
        numbers = [number for parcel in parcels for number in self._writing.pop(parcel, ())]
        return self._refer(Kind.CUT, now, wall, epoch, numbers)

    def unfinished(self, now: float, wall: float) -> str:
        """Return the entries that say of frames that nobody will tell any more what became of them.

        For the end of a recording; a frame that has left by then is none of them.
        """
        parcels = [parcel for parcel in self._writing if not parcel.done]
        return self.cut(now, wall, 0, parcels)

    def ended(
        self, now: float, wall: float, epoch: int, here: bool, code: int | None, reason: str
    ) -> str:
        """Return the entry of the end of a connection."""
        (shown,) = self._mask.apply([reason])
        more = f',"here":{json.dumps(here)},"code":{json.dumps(code)}'
        return self._entry(Kind.ENDED, now, wall, epoch, shown, more)

    def exchanged(
        self,
        now: float,
        wall: float,
        epoch: int,
        request: HttpRequest,
        response: HttpResponse | None,
        error: str,
    ) -> str:
        """Return the entry of an HTTP exchange."""
        headers = {} if response is None else response.headers
        kept = {name: headers[name] for name in MEANINGFUL if name in headers}
        parts = [
            str(request.url),
            _text(request.body or b""),
            "" if response is None else _text(response.body),
            error,
            *kept.values(),
        ]
        url, sent, received, why, *values = self._mask.apply(parts)
        exchange = {
            "method": request.method,
            "url": url,
            "sent": sent,
            "status": None if response is None else response.status,
            "headers": dict(zip(kept, values, strict=True)),
            "received": received,
            "error": why,
        }
        told = json.dumps(exchange, ensure_ascii=False)
        return self._entry(Kind.HTTP, now, wall, epoch, "", f',"exchange":{told}')

    def lost(self, now: float, wall: float, epoch: int, count: int) -> str:
        """Return the entry that says how many are missing."""
        return self._entry(Kind.LOST, now, wall, epoch, "", f',"count":{count}')

    def _frame(
        self, kind: Kind, now: float, wall: float, epoch: int, payload: bytes, word: str
    ) -> str:
        if word == NAMES[TEXT]:
            (text,) = self._mask.apply([payload.decode()])
            return self._entry(kind, now, wall, epoch, text)
        # What is no text is kept as it is, and credentials are found in any payload.
        (shown,) = self._mask.apply([payload.decode("utf-8", "surrogateescape")])
        data = b64encode(shown.encode("utf-8", "surrogateescape")).decode()
        return self._entry(kind, now, wall, epoch, "", f',"frame":"{word}","binary":"{data}"')

    def _refer(
        self, kind: Kind, now: float, wall: float, epoch: int, numbers: Sequence[int]
    ) -> str:
        return "".join(
            [self._entry(kind, now, wall, epoch, "", f',"refers":{n}') for n in numbers]
        )

    def _entry(
        self, kind: Kind, now: float, wall: float, epoch: int, text: str, more: str = ""
    ) -> str:
        self.count += 1
        return write_entry(self.count, kind, now, wall, epoch, text, more)


def _word(frame: bytes) -> str:
    return "binary" if type(frame) is Binary else "text"


def _text(body: bytes) -> str:
    return body.decode("utf-8", "replace")
