"""Keys: what the streams of a relay are called, and the offices that they belong to.

An office is one venue, or one shard of it, published by one publisher at a time. What stands in
braces decides in a Redis Cluster on which node a key lies: all keys of an office on the same. The
names stand in stored data; both ends of a relay make and read them here, and nowhere else.
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple

__all__ = [
    "PREFIX",
    "Key",
    "Wanted",
    "key_of",
    "office_of",
    "place_of",
    "stream_of",
    "wanted_of",
]

PREFIX: Final = "venuesdk"
"""How all keys begin where nothing else was asked for."""

_NAME = re.compile(r"[A-Za-z0-9_-]+")
_DOTTED = re.compile(r"[A-Za-z0-9._-]+")
_OFFICE = re.compile(r"([^:{}]*):\{([^:{}.]*)(?:\.([^:{}]+))?\}")


class Key(NamedTuple):
    """What a stream's key says: whose it is, and of which kind its channels are."""

    prefix: str
    venue: str
    shard: str
    kind: str

    @property
    def office(self) -> str:
        """The office that the stream belongs to."""
        return office_of(self.prefix, self.venue, self.shard)

    def __str__(self) -> str:
        return stream_of(self.office, self.kind)


class Wanted(NamedTuple):
    """What a reader asks for: one kind of a venue or its shard, or all kinds, where it is empty."""

    venue: str
    shard: str
    kind: str

    def office(self, prefix: str) -> str:
        """Return the office that it belongs to, of those whose keys begin so."""
        return office_of(prefix, self.venue, self.shard)


def place_of(venue: str, shard: str) -> str:
    """Return how a reader asks for a venue, ``onyx``, or for its shard, ``onyx.eu``."""
    return f"{venue}.{shard}" if shard else venue


def office_of(prefix: str, venue: str, shard: str = "") -> str:
    """Return the name of an office: ``venuesdk:{onyx}``, or with a shard ``venuesdk:{onyx.eu}``.

    Raises `ValueError` for a name with anything but letters, digits, ``_``, ``-`` and, in a prefix
    or a shard, dots.
    """
    _check("a prefix", prefix, _DOTTED)
    _check("a venue", venue, _NAME)
    if shard:
        _check("a shard", shard, _DOTTED)
    return f"{prefix}:{{{place_of(venue, shard)}}}"


def stream_of(office: str, kind: str) -> str:
    """Return the key of the stream of one channel kind: ``venuesdk:{onyx}:tickers``.

    Raises `ValueError` for an office that is none, or a kind with anything but letters, digits,
    dots, ``_`` and ``-``.
    """
    _office(office)
    _check("a kind of channel", kind, _DOTTED)
    return f"{office}:{kind}"


def key_of(stream: str) -> Key:
    """Return what a stream's key says; raise `ValueError` for one that no relay made."""
    office, _, kind = stream.rpartition(":")
    prefix, venue, shard = _office(office)
    _check("a kind of channel", kind, _DOTTED)
    return Key(prefix, venue, shard, kind)


def wanted_of(text: str) -> Wanted:
    """Return what a reader asks for: ``onyx``, ``onyx:tickers`` or ``onyx.eu:tickers``.

    Raises `ValueError` for any other text.
    """
    if not isinstance(text, str):
        raise TypeError(f"a stream is asked for by text such as 'onyx:tickers', not {text!r}")
    place, colon, kind = text.partition(":")
    venue, dot, shard = place.partition(".")
    _check("a venue", venue, _NAME)
    if dot:
        _check("a shard", shard, _DOTTED)
    if colon:
        _check("a kind of channel", kind, _DOTTED)
    return Wanted(venue, shard, kind)


def _office(office: str) -> tuple[str, str, str]:
    found = _OFFICE.fullmatch(office)
    if found is None:
        raise ValueError(f"{office!r} is no office of a relay, such as 'venuesdk:{{onyx}}'")
    prefix, venue, shard = found.group(1), found.group(2), found.group(3) or ""
    office_of(prefix, venue, shard)
    return prefix, venue, shard


def _check(what: str, name: str, allowed: re.Pattern[str]) -> None:
    if not isinstance(name, str):
        raise TypeError(f"{what} is named by text, not {name!r}")
    if not allowed.fullmatch(name):
        raise ValueError(f"{what} cannot be named {name!r}: letters, digits, '_', '-' and dots")
