"""Tapes: the documented frames of each venue, and what they mean, read and checked.

The format is told in ``tests/tapes/README.md``. What is done with them stands in ``offline.py``.
"""

from __future__ import annotations

import functools
import inspect
import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

from venuesdk import venues
from venuesdk.client import Client, clients
from venuesdk.protocol.codec import Codec

__all__ = [
    "FIRST_DOCUMENT",
    "VENUES",
    "Call",
    "Line",
    "Malformed",
    "Tape",
    "Venue",
    "once",
    "read_line",
]

TAPES = Path(__file__).parent / "tapes"

# What the source of a line begins with; the tapes' README says what each means.
FIRST_DOCUMENT = re.compile(r"[A-Z]\w* document\b")
SOURCE = re.compile(
    rf"{FIRST_DOCUMENT.pattern}|another {FIRST_DOCUMENT.pattern}"
    r"|(?:observed|inferred|rpc-websockets), \S"
)


# ---- the venues --------------------------------------------------------------------------------


@dataclass(frozen=True)
class Venue:
    """One venue, with all that the checks ask of it."""

    name: str
    client: type[Client]
    package: ModuleType

    def __str__(self) -> str:
        return self.name

    @property
    def codec(self) -> type[Codec]:
        return self.client.codec

    @property
    def logs_in(self) -> bool:
        """Whether there is a login: whether its codec says something first."""
        return self.codec.opening is not Codec.opening

    @property
    def asks_first(self) -> bool:
        """Whether something is fetched over HTTP before each connection."""
        return self.codec.address is not Codec.address

    @property
    def methods(self) -> dict[str, Callable[..., Any]]:
        """The public methods that the venue's own class defines, but for those it overrides."""
        return {
            name: method
            for name, method in vars(self.client).items()
            if inspect.isfunction(method) and name[0] != "_" and not hasattr(Client, name)
        }

    @property
    def streams(self) -> bool:
        return any(name.startswith("subscribe") for name in self.methods)

    @property
    def tape(self) -> Tape:
        return read_tape(TAPES / f"{self.name}.jsonl")


def every_venue() -> list[Venue]:
    """Return the venues that have a folder, each with its registered client."""
    packages = {name: venues.load(name) for name in venues.names()}
    registered = clients()
    return [Venue(name, registered[name], package) for name, package in packages.items()]


# ---- reading a tape ----------------------------------------------------------------------------


class Malformed(Exception):
    """A line of a tape does not follow the format."""


KINDS: dict[str, tuple[set[str], set[str]]] = {
    "response": ({"id"}, {"payload", "result", "route"}),
    "rejection": ({"id", "error"}, {"code", "message", "outcome_unknown"}),
    "event": (set(), {"type", "fields", "route", "error"}),
    "heartbeat": (set(), {"answer"}),
    "protocol_error": (set(), set()),
    "login": ({"error"}, set()),
}
"""The kinds of expected messages: their members that must be there, and those that may."""

MEMBER_TYPES: dict[str, Any] = {
    "id": int,
    "source": str,
    "direction": str,
    "frame": str,
    "call": str,
    "arguments": dict,
    "ignore": list,
    "setup": list,
    "answers": dict,
    "result": dict,
    "fields": dict,
    "type": str,
    "outcome_unknown": bool,
    "error": (str, type(None)),
    "answer": (str, type(None)),
}


class Call(NamedTuple):
    """A public call of a client, whose request is number `id`."""

    id: int
    method: str
    arguments: Mapping[str, Any]


@dataclass(frozen=True)
class Line:
    """One line of a tape, checked."""

    source: str
    direction: str
    frame: str
    expect: Sequence[Mapping[str, Any]] = ()
    call: Call | None = None
    ignore: frozenset[str] = frozenset()
    setup: Sequence[Call] = ()
    answers: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Tape:
    """A venue's frames: the credentials in them, and the lines, by their number, not yet read."""

    credentials: Mapping[str, str]
    texts: Mapping[int, str]

    @property
    def lines(self) -> list[Line]:
        return [read_line(text) for text in self.texts.values()]

    @property
    def out(self) -> list[Line]:
        return [line for line in self.lines if line.direction == "out"]

    @property
    def calls(self) -> list[Call]:
        """The public calls that send something, each once; the login is none."""
        calls = [line.call for line in self.out if line.call and line.call.method != "opening"]
        # What ends a subscription needs one first.
        alone = [call for call in calls if "'$': 'subscription'" not in str(call.arguments)]
        return [call for n, call in enumerate(alone) if call[1:] not in [c[1:] for c in alone[:n]]]


def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return the members of a JSON object, none of which may stand twice."""
    members = dict(pairs)
    if len(members) < len(pairs):
        raise Malformed(f"a member stands twice: {[name for name, _ in pairs]}")
    return members


def _members(thing: Any, needed: set[str], allowed: set[str]) -> Mapping[str, Any]:
    """Return an object of a tape, which has what it needs and nothing unknown."""
    if not isinstance(thing, dict):
        raise Malformed(f"not an object: {thing!r:.200}")
    missing, unknown = needed - thing.keys(), thing.keys() - needed - allowed
    if missing or unknown:
        raise Malformed(f"missing: {sorted(missing)}, unknown: {sorted(unknown)}")
    for name, value in thing.items():
        kind = MEMBER_TYPES.get(name, object)
        if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
            raise Malformed(f"{name} cannot be {value!r:.200}")
    return thing


def _call(thing: Any, allowed: set[str] = frozenset()) -> Call:  # type: ignore[assignment]
    members = _members(thing, {"id", "call", "arguments"}, set(allowed))
    return Call(members["id"], members["call"], members["arguments"])


def _message(thing: Any) -> Mapping[str, Any]:
    if not isinstance(thing, dict) or thing.get("kind") not in KINDS:
        raise Malformed(f"no kind of message: {thing!r:.200}")
    needed, allowed = KINDS[thing["kind"]]
    message = _members(thing, needed | {"kind"}, allowed)
    if message["kind"] == "event" and ("type" in message) == ("error" in message):
        raise Malformed("an event has a type or an error")
    return message


def read_line(text: str) -> Line:
    """Return a line of a tape; raise `Malformed` for one that does not follow the format."""
    try:
        data = json.loads(text, object_pairs_hook=once)
    except ValueError as error:
        raise Malformed(f"not JSON: {error}") from error
    needed = {"source", "direction", "frame", "expect"}
    line = _members(data, needed, {"setup", "answers"})
    if not SOURCE.match(line["source"]):
        raise Malformed(f"not a source: {line['source']!r}")
    source, direction, frame, expect = map(line.get, ("source", "direction", "frame", "expect"))
    if direction == "out":
        _members(data, needed, set())
        call = _call(expect, {"ignore"})
        return Line(source, direction, frame, call=call, ignore=frozenset(expect.get("ignore", ())))
    if direction != "in":
        raise Malformed(f"no direction: {direction!r}")
    messages = [_message(thing) for thing in (expect if isinstance(expect, list) else [expect])]
    if len(messages) > 1 and any(m["kind"] in ("login", "protocol_error") for m in messages):
        raise Malformed("a login and a protocol error stand alone")
    setup = [_call(thing) for thing in line.get("setup", ())]
    answers = line.get("answers", {})
    if len({call.id for call in setup}) < len(setup):
        raise Malformed("two requests of the setup have the same number")
    if not set(answers.values()) <= {call.id for call in setup}:
        raise Malformed("it answers a request that is not in the setup")
    return Line(source, direction, frame, messages, setup=setup, answers=answers)


@functools.cache
def read_tape(path: Path) -> Tape:
    """Return a tape, its first line read."""
    texts = path.read_text(encoding="utf-8").splitlines()
    first = _members(json.loads(texts[0]), {"credentials"}, set())
    return Tape(first["credentials"], dict(enumerate(texts[1:], 2)))


VENUES = every_venue()
