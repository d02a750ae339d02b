"""Catalogue: the names under which another process finds a venue's decoders and narrowings.

An event that leaves the process goes as its raw payload, the name of its decoder and the words of
its topic's narrowing; whoever reads it makes the typed value of them. What stands here is text
that is stored: a name is never changed and never used for anything else. No venue is known here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final, Protocol, TypeAlias

from ..errors import ProtocolError

__all__ = ["Catalogue", "Decode", "Narrowing", "ReadTime"]

Decode: TypeAlias = Callable[[bytes], Any]
"""Makes a payload a typed value."""

ReadTime: TypeAlias = Callable[[bytes], int | None]
"""Reads the venue's time, in nanoseconds since 1970; raises `ProtocolError` where it cannot."""

MOST_NS: Final = 2**63
"""Beyond this a number is no time, and fits no field that keeps one."""

_NOTHING: Final[Mapping[str, Any]] = MappingProxyType({})


class Narrowing(Protocol):
    """What keeps of a decoded value what a topic asked for: a value itself, equal by its words."""

    @property
    def words(self) -> tuple[str, ...]:
        """Its name and what it was made of: `Catalogue.narrowing` makes an equal one of them."""

    def __call__(self, value: Any, /) -> Any:
        """Return what was asked for of `value`, or None where nothing is left."""


class Catalogue:
    """The decoders and narrowings of one venue, by names that other processes know them by.

    `decoders` are by name, and no two names are for one of them: what is stored would depend on
    which was met first. `times` are, by the same names, what reads a payload's time; payloads of
    a name without one have none. `narrowings` are, by the first of their words, what makes one of
    all its words, raising `ValueError` where it cannot.

    Never changes once made: any thread may use it. Where a venue's decoders are made as they are
    needed, its own class tells their names.
    """

    def __init__(
        self,
        decoders: Mapping[str, Decode] = _NOTHING,
        *,
        times: Mapping[str, ReadTime] = _NOTHING,
        narrowings: Mapping[str, Callable[[Sequence[str]], Narrowing]] = _NOTHING,
    ) -> None:
        self._decoders = dict(decoders)
        self._names = {decode: name for name, decode in decoders.items()}
        twice = sorted(name for name, decode in decoders.items() if self._names[decode] != name)
        if twice:
            raise ValueError(f"what {', '.join(twice)} names has another name already")
        self._times = dict(times)
        self._narrowings = dict(narrowings)

    def name(self, decode: Decode) -> str | None:
        """Return the name of an event's decoder, or None where it has none.

        It is found by identity. What has none decodes only here: Fuze's refusal of a stream.
        """
        return self._names.get(decode)

    def decoder(self, name: str) -> Decode | None:
        """Return the decoder of that name, or None where a newer publisher's is not known here."""
        return self._decoders.get(name)

    def narrowing(self, words: Sequence[str]) -> Narrowing | None:
        """Return the narrowing that has these words, or None for no words: nothing is narrowed.

        Raises `ValueError` for words that are not known.
        """
        if not words:
            return None
        if isinstance(words, str) or not all(isinstance(word, str) for word in words):
            raise ValueError(f"the words of a narrowing are text, one by one, not {words!r:.80}")
        make = self._narrowings.get(words[0])
        if make is None:
            raise ValueError(f"no narrowing is called {words[0]!r:.80}")
        try:
            return make(words)
        except ValueError as exc:
            raise ValueError(f"these make no narrowing: {words!r:.80}: {exc}") from exc

    def time_ns(self, name: str, payload: bytes) -> int | None:
        """Return the venue's time of the event, in nanoseconds since 1970.

        Of the payload only that is decoded. Never raises: None where the payload has no time or
        cannot be read, and where the name is unknown.
        """
        read = self._times.get(name)
        if read is None:
            return None
        try:
            moment = read(payload)
        except ProtocolError:
            return None
        return moment if moment is not None and -MOST_NS <= moment < MOST_NS else None
