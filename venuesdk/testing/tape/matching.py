"""When two frames say the same: but for their ids, and but for credentials that a tape masks.

The wire facts of all venues that this needs are the tables here. No codec is known, so that a
mistake of a codec's is not repeated by what plays a tape to it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from venuesdk.secret import MASK

__all__ = ["Said", "is_beat", "marks_of", "same", "shown", "with_id"]

ID_NAMES = ("id", "requestId", "sequence")
"""Members by which a venue tells which request an answer is for: Fuze, Infinex and Onyx, TimeX,
Loopring."""

MARKS = ("channel", "subscriptionId", "topic", "topic:", "method", "notification")
"""Members of an event that say which stream it is of: Onyx, TimeX, Loopring, Fuze."""
SYMBOL = "symbol"
WRAPPERS = ("response", "params", "data")
"""Where the symbol of a Fuze event stands."""

BEATS = ({"op": "ping"},)
"""What a client says by itself when it hears nothing: Infinex. The others ping the WebSocket."""

TELLING = ("auth", "key", "pass", "secret", "sign", "token")
"""Words in the name of a member whose value may be a credential."""
LONGEST_SHOWN = 300

_scan = json.JSONDecoder(parse_float=str).raw_decode


class Said:
    """A frame, taken apart: its id, and all the rest for comparison."""

    __slots__ = ("id", "id_name", "rest", "text")

    def __init__(self, text: str) -> None:
        self.text = text
        self.id: Any = None
        self.id_name = ""
        try:
            # A number is what it was written as: 1.0 is not 1.00.
            self.rest: Any = json.loads(text, parse_float=str)
        except (ValueError, RecursionError):
            self.rest = text
        if isinstance(self.rest, dict):
            for name in ID_NAMES:
                if type(self.rest.get(name)) in (str, int):
                    self.id_name, self.id = name, self.rest.pop(name)
                    break

    def words(self) -> frozenset[str]:
        """Return every text in it, names of members included."""
        return frozenset(_texts(self.rest))


def same(recorded: Any, sent: Any) -> bool:
    """Return whether a value says what was recorded; a mask stands for any text."""
    if isinstance(recorded, str) and isinstance(sent, str):
        if MASK not in recorded:
            return recorded == sent
        pattern = ".*".join(map(re.escape, recorded.split(MASK)))
        return re.fullmatch(pattern, sent, re.DOTALL) is not None
    if type(recorded) is not type(sent):
        return False
    if isinstance(recorded, dict):
        return recorded.keys() == sent.keys() and all(
            same(value, sent[name]) for name, value in recorded.items()
        )
    if isinstance(recorded, list):
        return len(recorded) == len(sent) and all(map(same, recorded, sent))
    return bool(recorded == sent)


def marks_of(said: Said) -> frozenset[str]:
    """Return the texts in an event that say which stream it is of."""
    if not isinstance(said.rest, dict):
        return frozenset()
    found = {text for name in MARKS for text in _texts(said.rest.get(name))}
    return frozenset(found.union(_symbols(said.rest)))


def is_beat(text: str) -> bool:
    """Return whether a client asks for a sign of life, at its own pace, and for nothing else."""
    return Said(text).rest in BEATS


def with_id(answer: Said, id: Any) -> str:
    """Return the text of an answer with another id in it, and not one character else changed."""
    value = str(id) if isinstance(answer.id, str) else id
    start, end = _place(answer.text, answer.id_name)
    return f"{answer.text[:start]}{json.dumps(value)}{answer.text[end:]}"


def shown(text: str) -> str:
    """Return a frame for people to read: without what may be a credential, and not too long."""
    rest = json.loads(text, parse_float=str) if text[:1] == "{" and _is_json(text) else text
    plain = json.dumps(_masked(rest)) if isinstance(rest, dict) else f"{len(text)} characters"
    if len(text) <= 8:
        plain = text
    return plain if len(plain) <= LONGEST_SHOWN else f"{plain[:LONGEST_SHOWN]}…"


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True


def _masked(value: Any, telling: bool = False) -> Any:
    if isinstance(value, dict):
        return {
            name: _masked(one, telling or any(word in name.lower() for word in TELLING))
            for name, one in value.items()
        }
    if isinstance(value, list):
        return [_masked(one, telling) for one in value]
    return MASK if telling and isinstance(value, (str, int)) else value


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        for one in value:
            yield from _texts(one)
    elif isinstance(value, Mapping):
        for name, one in value.items():
            yield name
            yield from _texts(one)


def _symbols(value: Any) -> Iterator[str]:
    if isinstance(value, list):
        for one in value:
            yield from _symbols(one)
    elif isinstance(value, dict):
        if isinstance(value.get(SYMBOL), str):
            yield value[SYMBOL]
        for name in WRAPPERS:
            yield from _symbols(value.get(name))


def _place(text: str, name: str) -> tuple[int, int]:
    """Return where the value of a member of the outermost object begins and ends."""
    found = (0, 0)
    at = _past(text, text.index("{") + 1)
    while text[at] != "}":
        key, at = _scan(text, at)
        start = _past(text, _past(text, at) + 1)
        _, end = _scan(text, start)
        if key == name:
            found = (start, end)
        at = _past(text, end)
        if text[at] == ",":
            at = _past(text, at + 1)
    return found


def _past(text: str, at: int) -> int:
    """Return where the white space at a place ends."""
    while text[at] in " \t\r\n":
        at += 1
    return at
