"""What a tape consists of: a header and entries, and the JSON lines that they are written as.

No file, no thread and no client is known here. What stands in an entry is masked already.
"""

from __future__ import annotations

import enum
import json
from collections.abc import Mapping

from attrs import field, frozen

from venuesdk.errors import ProtocolError
from venuesdk.protocol.convert import decoder

__all__ = [
    "FORMAT",
    "START",
    "Exchange",
    "Kind",
    "TapeCorrupted",
    "TapeEntry",
    "TapeError",
    "TapeHeader",
    "read_entry",
    "read_header",
    "read_stop",
    "write_entry",
    "write_header",
    "write_stop",
]

FORMAT = 1
"""The version of the format that is written here, and the newest that can be read."""


class TapeError(Exception):
    """What goes wrong with a tape; the base of all of them."""


class TapeCorrupted(TapeError):
    """The file is no tape, or was changed; a file that was merely cut raises nothing."""


class Kind(enum.Enum):
    """What an entry tells of."""

    OPENED = "opened"
    """A connection was made; ``text`` is its URL without a query."""
    IN = "in"
    """A frame came. Those of one gulp have one time."""
    OUT = "out"
    """A frame was about to be handed to the system, which took it unless a later entry says so."""
    WITHDRAWN = "withdrawn"
    """No byte of the frame of entry ``refers`` has left; it may be sent again, by an entry of its
    own."""
    CUT = "cut"
    """The connection or the recording ended while the frame of entry ``refers`` was being sent: a
    part of it may have left, or all, or (where the recording ended, whose ``epoch`` is 0) none."""
    ENDED = "ended"
    """The connection is over; ``code`` is that of the close frame, where there was one, ``text``
    the reason, and ``here`` tells whether the client was closed."""
    HTTP = "http"
    """A request over HTTP, with its answer."""
    LOST = "lost"
    """The recorder fell behind, and ``count`` entries are missing here."""


@frozen
class Exchange:
    """One HTTP request and its answer; ``status`` is None where none came, ``error`` says why.

    ``url`` is as the client asked: usually a path on its ``http_url``. Of the headers only those
    of the answer are kept that say something of its meaning.
    """

    method: str
    url: str
    sent: str = field(repr=False)
    status: int | None = None
    headers: Mapping[str, str] = field(factory=dict)
    received: str = field(default="", repr=False)
    error: str = ""


@frozen
class TapeEntry:
    """One thing that happened: a frame that came or left, or a word about the connection.

    ``number`` counts from 1. ``monotonic`` is in seconds from an arbitrary start, ``wall`` in
    seconds since 1970 (UTC); both of when it happened, not of when it was written. ``epoch`` is
    the number of the client's connection, 0 where there is none. ``frame`` is the kind of a frame:
    ``text``, ``binary``, ``close``, ``ping`` or ``pong``; text stands in ``text``, all else in
    ``binary``. Credentials are masked.
    """

    number: int
    kind: Kind
    monotonic: float
    wall: float
    epoch: int = 0
    text: str = ""
    binary: bytes = b""
    frame: str = "text"
    refers: int = 0
    code: int | None = None
    here: bool = False
    count: int = 0
    exchange: Exchange | None = None


@frozen
class TapeHeader:
    """What a tape says of itself: its format, the venue, who wrote it, when (seconds since 1970).

    All of it is empty where the file was cut within its first line.
    """

    tape: int = 0
    venue: str = ""
    sdk: str = ""
    started: float = 0.0


@frozen
class _Stop:
    """The last line of a tape that was closed; without it the tape was cut."""

    stop: int


START = b'{"tape":'
"""How a tape begins, where it is not compressed."""

_decode_entry = decoder(TapeEntry)
_decode_header = decoder(TapeHeader)
_decode_stop = decoder(_Stop)
_quoted = json.encoder.encode_basestring


def write_entry(
    number: int, kind: Kind, monotonic: float, wall: float, epoch: int, text: str, more: str = ""
) -> str:
    """Return the line of an entry; `more` are further members, each with a comma before it.

    Written by hand, since there are thousands of them a second.
    """
    return (
        f'{{"number":{number},"kind":"{kind._value_}","monotonic":{monotonic!r},"wall":{wall!r},'
        f'"epoch":{epoch},"text":{_quoted(text)}{more}}}\n'
    )


def write_header(header: TapeHeader) -> str:
    """Return the first line of a tape."""
    started = header.started
    return (
        f'{{"tape":{header.tape},"venue":{_quoted(header.venue)},"sdk":{_quoted(header.sdk)},'
        f'"started":{started!r}}}\n'
    )


def write_stop(count: int) -> str:
    """Return the last line of a tape of `count` entries."""
    return f'{{"stop":{count}}}\n'


def read_entry(line: bytes) -> TapeEntry:
    """Return the entry of a line; raise `TapeCorrupted` where it is none."""
    try:
        return _decode_entry(line)
    except ProtocolError as error:
        raise TapeCorrupted(f"a line is no entry of a tape: {error}") from None


def read_header(line: bytes) -> TapeHeader:
    """Return the header in a line; raise `TapeCorrupted` where it is none that can be read."""
    try:
        header = _decode_header(line if line.startswith(START) else b"")
    except ProtocolError:
        raise TapeCorrupted("the file is no tape: its first line is no header") from None
    if not 1 <= header.tape <= FORMAT:
        raise TapeCorrupted(f"a tape of format {header.tape}: a newer venuesdk may read it")
    return header


def read_stop(line: bytes) -> int | None:
    """Return the count in the last line of a tape, or None where the line is an entry."""
    if not line.startswith(b'{"stop":'):
        return None
    try:
        return _decode_stop(line).stop
    except ProtocolError:
        raise TapeCorrupted("the last line of the tape cannot be read") from None
