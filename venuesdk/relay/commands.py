"""Commands: entries as Redis is told to add them, in the bytes of its protocol; sends nothing.

What the entries of one head have in common is written once, with places for all the rest.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from .engine import Position
from .entry import FIELDS, Draft, Head

__all__ = ["Commands"]

REMEMBERED: Final = 1_000
"""How many heads are kept prepared."""


class Commands:
    """Writes commands that add entries, and remembers how those of a head begin; for one thread."""

    def __init__(self) -> None:
        self._prepared: dict[tuple[str, Head], bytes] = {}

    def of(self, stream: str, first: Position, drafts: Sequence[Draft]) -> list[bytes]:
        """Return what adds these entries, numbered from `first`."""
        term, commands = first.term, []
        prepared, last = b"", None
        for seq, (head, received, at, payload) in enumerate(drafts, first.seq):
            if head is not last:
                last = head
                prepared = self._prepared.get((stream, head)) or self._prepare(stream, head)
            id = b"%d-%d" % (term, seq)
            when = b"" if at is None else b"%d" % at
            commands.append(
                prepared % (len(id), id, received, len(when), when, len(payload), payload)
            )
        return commands

    def _prepare(self, stream: str, head: Head) -> bytes:
        """Return the command that adds an entry with this head, with places for all the rest."""
        names = [name.encode() for name in FIELDS]
        key, fixed = stream.encode(), head.fields()
        pairs = b"".join(map(_bulk, _interleaved(names, fixed)))
        received, at, payload = map(_bulk, names[len(fixed) :])
        text = b"*%d\r\n%b%b" % (3 + 2 * len(names), _bulk(b"XADD"), _bulk(key))
        places = b"$%d\r\n%b\r\n"
        # A time in nanoseconds has 19 digits from 2001 to 2286.
        prepared = b"%b%b%b%b$19\r\n%%019d\r\n%b%b%b%b" % (
            _escaped(text), places, _escaped(pairs), received, at, places, payload, places
        )  # fmt: skip
        if len(self._prepared) >= REMEMBERED:
            self._prepared.clear()
        self._prepared[(stream, head)] = prepared
        return prepared


def _bulk(value: bytes) -> bytes:
    return b"$%d\r\n%b\r\n" % (len(value), value)


def _escaped(value: bytes) -> bytes:
    return value.replace(b"%", b"%%")


def _interleaved(names: Sequence[bytes], values: Sequence[bytes]) -> Iterable[bytes]:
    for name, value in zip(names, values, strict=False):
        yield from (name, value)
