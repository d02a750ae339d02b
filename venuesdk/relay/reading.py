"""Reading: an entry of a stream made what it was before it was relayed: an event, a gap, a change.

Pure: it knows entries and the venues' catalogues, and no engine.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple

from ..client import clients
from ..errors import ProtocolError, VenueError
from ..models import Gap, GapReason, StateChange
from ..venues import load
from .custody import Entry
from .entry import Kind, Origin, RelayedError, end_of, gap_of, state_of, words_of
from .keys import Key, key_of

__all__ = ["NOTHING", "Ending", "Reading", "number_in", "origin_of"]

NOTHING: Any = object()
"""What is left of an event of which its topic's narrowing keeps nothing."""

REMEMBERED: Final = 1_000
"""How many pairs of a decoder and a narrowing are kept."""

_EVENT, _GAP, _STATE, _END = (
    kind.encode() for kind in (Kind.EVENT, Kind.GAP, Kind.STATE, Kind.END)
)

Means = tuple[Callable[[bytes], Any], Callable[[Any], Any] | None]
"""What makes a payload a typed value, and what keeps of that what was asked for."""


class Ending(NamedTuple):
    """The end of a topic; `error` is why, where its publisher did not close it."""

    error: RelayedError | None


class Reading:
    """Makes entries typed values, with what it learned from those before.

    One thread uses it.
    """

    def __init__(self) -> None:
        self._keys: dict[str, Key] = {}
        self._means: dict[tuple[str, bytes, bytes], Means] = {}

    def key(self, stream: str) -> Key:
        """Return what a stream's key says."""
        key = self._keys.get(stream)
        if key is None:
            key = self._keys[stream] = key_of(stream)
        return key

    def value(self, entry: Entry) -> Any:
        """Return the event, `Gap`, `StateChange` or `Ending` of an entry, or `NOTHING`.

        Raises a `VenueError`, most often a `ProtocolError`, for what cannot be read: an entry that
        no relay wrote, or a newer one, or a payload that its decoder does not take.
        """
        fields = entry.fields
        try:
            kind = fields[b"kind"]
            if kind == _EVENT:
                return self._event(self.key(entry.stream).venue, fields)
            return _message(kind, fields)
        except VenueError:
            raise
        except KeyError as error:
            raise self._unreadable(entry, f"it has no field {error}") from None
        except Exception as error:
            raise self._unreadable(entry, f"{type(error).__name__}: {error}") from error

    def tells_of_loss(self, entry: Entry) -> bool:
        """Return whether an entry is its publisher's own word that the engine lost some."""
        if entry.fields.get(b"kind") != _GAP:
            return False
        try:
            return bool(self.value(entry).reason is GapReason.LOST)
        except VenueError:
            return False

    def _event(self, venue: str, fields: Mapping[bytes, bytes]) -> Any:
        names = (venue, fields[b"decoder"], fields[b"narrow"])
        means = self._means.get(names)
        if means is None:
            means = _means_of(*names)
            if len(self._means) >= REMEMBERED:
                self._means.clear()
            self._means[names] = means
        decode, narrow = means
        value = decode(fields[b"payload"])
        if narrow is not None:
            value = narrow(value)
            if value is None:
                return NOTHING
        return value

    def _unreadable(self, entry: Entry, why: str) -> ProtocolError:
        return ProtocolError(
            f"entry {entry.position} of {entry.stream} cannot be read: {why:.200}",
            venue=self.key(entry.stream).venue,
            frame=entry.fields.get(b"payload", b""),
        )


def origin_of(entry: Entry, key: Key) -> Origin:
    """Return where an entry comes from, as far as it says so."""
    fields = entry.fields
    return Origin(
        venue=key.venue,
        shard=key.shard,
        stream=entry.stream,
        topic=fields.get(b"topic", b"").decode("utf-8", "replace"),
        term=entry.position.term,
        counter=entry.position.seq,
        epoch=number_in(fields, b"epoch") or 0,
        received_ns=number_in(fields, b"received") or 0,
        venue_time_ns=number_in(fields, b"at"),
        redelivered=entry.redelivered,
        payload=fields.get(b"payload", b""),
    )


def number_in(fields: Mapping[bytes, bytes], name: bytes) -> int | None:
    """Return the whole number in a field, or None where there is none."""
    text = fields.get(name, b"")
    return int(text) if len(text) <= 20 and text.removeprefix(b"-").isdigit() else None


def _message(kind: bytes, fields: Mapping[bytes, bytes]) -> Gap | StateChange | Ending:
    epoch = number_in(fields, b"epoch") or 0
    if kind == _GAP:
        return gap_of(fields[b"payload"], epoch)
    if kind == _STATE:
        return state_of(fields[b"payload"], epoch)
    if kind == _END:
        return Ending(end_of(fields[b"payload"]))
    raise ValueError(f"its kind is {kind!r:.40}, which this version does not know")


def _means_of(venue: str, decoder: bytes, narrow: bytes) -> Means:
    load(venue)
    catalogue = clients()[venue].codec.catalogue
    decode = catalogue.decoder(decoder.decode())
    if decode is None:
        raise ValueError(f"its decoder is {decoder!r:.80}, which this version does not know")
    return decode, catalogue.narrowing(words_of(narrow))
