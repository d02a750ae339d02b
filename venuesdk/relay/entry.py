"""Entry: what stands in a stream of a relay, and how it is written.

All values are text or bytes that any other program can read as well: an event's payload is the
venue's own JSON, gaps and state changes are JSON of ours. The names here stand in stored data:
they may be added to, and never change their meaning. Nothing here knows an engine.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

from attrs import field, frozen

from ..models import Gap, GapReason, State, StateChange
from ..protocol.convert import decode_json, encode_json
from ..protocol.times import datetime_from_ns

__all__ = [
    "FIELDS",
    "Draft",
    "Head",
    "Kind",
    "Origin",
    "RelayedError",
    "counted",
    "end_of",
    "end_text",
    "fields_of",
    "gap_of",
    "gap_text",
    "state_of",
    "state_text",
    "words_of",
]

FIELDS: Final = ("kind", "topic", "narrow", "decoder", "epoch", "received", "at", "payload")
"""The fields of every entry, in this order; one that says nothing is empty."""


class Kind:
    """The kinds of entries."""

    EVENT: Final = "event"
    GAP: Final = "gap"
    STATE: Final = "state"
    END: Final = "end"
    """A topic ended; the payload says why, where it was not closed by its publisher."""


@frozen
class Head:
    """What many entries have in common, so that an engine may prepare it once.

    `narrow` are the words of the topic's narrowing and `decoder` the name of the decoder, both as
    the venue's catalogue knows them; `epoch` is the number of the client's connection.
    """

    kind: str
    topic: str = ""
    narrow: tuple[str, ...] = ()
    decoder: str = ""
    epoch: int = 0

    def fields(self) -> tuple[bytes, ...]:
        """Return the first of `FIELDS` as they are written."""
        narrow = encode_json(list(self.narrow)) if self.narrow else ""
        texts = (self.kind, self.topic, narrow, self.decoder, str(self.epoch))
        return tuple(text.encode() for text in texts)


class Draft(NamedTuple):
    """One entry before it has its position.

    `received` is when the client had it and `at` the venue's own time of it, where that is known,
    both in nanoseconds since 1970.
    """

    head: Head
    received: int
    at: int | None
    payload: bytes


@frozen
class Origin:
    """Where an event, a gap or a state change of a reader comes from.

    ``venue``, ``term`` and ``counter`` are its identity, with ``stream``; no other entry ever has
    the same. ``epoch`` is the number of the publisher's connection to the venue. ``received_ns``
    is when the publisher had it, ``venue_time_ns`` the venue's own time where its payload says
    one, in nanoseconds since 1970. ``redelivered`` is true where it was handed out before, to
    this consumer or another: it may have been seen to already. ``payload`` is the venue's JSON.
    """

    venue: str
    shard: str
    stream: str
    topic: str
    term: int
    counter: int
    epoch: int
    received_ns: int
    venue_time_ns: int | None
    redelivered: bool = False
    payload: bytes = field(default=b"", repr=False)

    @property
    def received(self) -> dt.datetime:
        """The aware UTC time at which the publisher had it."""
        return datetime_from_ns(self.received_ns)

    @property
    def venue_time(self) -> dt.datetime | None:
        """The aware UTC time that the venue gave it, or None."""
        return None if self.venue_time_ns is None else datetime_from_ns(self.venue_time_ns)


def fields_of(draft: Draft) -> dict[bytes, bytes]:
    """Return all fields of an entry, by name, as an engine keeps them."""
    at = b"" if draft.at is None else b"%d" % draft.at
    values = (*draft.head.fields(), b"%d" % draft.received, at, draft.payload)
    return dict(zip((name.encode() for name in FIELDS), values, strict=True))


def gap_text(gap: Gap) -> bytes:
    """Return the payload of a gap."""
    return encode_json({"reason": gap.reason.value, "count": gap.count}).encode()


def gap_of(payload: bytes, epoch: int) -> Gap:
    """Return the gap of a payload; raise `ValueError` or `ProtocolError` for what is none."""
    data = _members(payload)
    count = data.get("count")
    if count is not None and type(count) is not int:
        raise ValueError("the count of a gap is a number")
    return Gap(GapReason(data.get("reason")), count, epoch)


def end_text(error: BaseException | None) -> bytes:
    """Return the payload of a topic's end."""
    return encode_json({"error": _text_of(error)}).encode()


def end_of(payload: bytes) -> RelayedError | None:
    """Return why a topic ended, or None where its publisher closed it."""
    error = _members(payload).get("error")
    return None if error is None else RelayedError(str(error))


def state_text(change: StateChange) -> bytes:
    """Return the payload of a state change; of its error only the class and the text."""
    return encode_json(
        {
            "state": change.state.value,
            "previous": change.previous.value,
            "reason": _plain(change.reason),
            "attempt": change.attempt,
            "error": _text_of(change.error),
        }
    ).encode()


def state_of(payload: bytes, epoch: int) -> StateChange:
    """Return the state change of a payload; its error is a `RelayedError` with the same text."""
    data = _members(payload)
    error = data.get("error")
    attempt = data.get("attempt")
    return StateChange(
        State(data.get("state")),
        State(data.get("previous")),
        str(data.get("reason", "")),
        attempt if type(attempt) is int else 0,
        epoch,
        None if error is None else RelayedError(str(error)),
    )


class RelayedError(Exception):
    """What a publisher's client met; here only its text, for the error itself stayed there."""


def _text_of(error: BaseException | None) -> str | None:
    return None if error is None else _plain(f"{type(error).__name__}: {error}")


def _plain(text: str) -> str:
    """Return text that can be written: a venue may send half of a surrogate pair."""
    return text.encode(errors="backslashreplace").decode()


def _members(payload: bytes) -> Mapping[str, Any]:
    data = decode_json(payload)
    if not isinstance(data, dict):
        raise ValueError("not an object")
    return data


def words_of(text: bytes) -> Sequence[str]:
    """Return the words of a narrowing as they were written."""
    if not text:
        return ()
    words = decode_json(text)
    if not isinstance(words, list) or not all(isinstance(word, str) for word in words):
        raise ValueError("the words of a narrowing are a list of text")
    return words


def counted(entries: int) -> str:
    """Return so many entries, in words that a person reads."""
    return "1 entry" if entries == 1 else f"{entries} entries"
