"""RedisEngine: a relay's streams on Redis Streams.

Entries are written with ids of their own, ``term-seq``. Redis refuses an id that is not above the
stream's top, in one step with storing it, and the whole of what an engine promises of positions
follows from that. Beside a stream ``KEY`` there is ``KEY/lost``, how many entries each group never
had, and ``KEY/told``, of how many of these it was told; beside an office ``KEY/lease``,
``KEY/term`` and ``KEY/streams``. All keys of one office have one hash tag, so that they share a
slot of a Redis Cluster.
"""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Concatenate, Final, ParamSpec, TypeVar

from ..timing import Deadline
from .commands import Commands
from .engine import (
    START,
    Deposed,
    EngineUnavailable,
    GroupGone,
    GroupLag,
    Position,
    Stored,
)
from .entry import Draft
from .reaching import (
    Given,
    NoPermissionError,
    RedisError,
    ResponseError,
    client_of,
    error_of,
)
from .scripts import CLAIM, CUT, RESIGN

__all__ = ["RedisEngine"]

P = ParamSpec("P")
R = TypeVar("R")

MULTI: Final = b"*1\r\n$5\r\nMULTI\r\n"
EXEC: Final = b"*1\r\n$4\r\nEXEC\r\n"
LONGEST_BLOCK: Final = 0.5
"""Seconds that one read waits inside of Redis at the most, so that a close is never late."""
CUT_AT_ONCE: Final = 500
"""How many entries one step of cutting looks at: Redis does nothing else meanwhile."""
IDLE: Final = 3_600_000
"""Milliseconds after which a consumer that has asked for nothing counts as gone."""


def _translating(
    call: Callable[Concatenate[RedisEngine, P], R],
) -> Callable[Concatenate[RedisEngine, P], R]:
    """Raise a `RelayError` for what redis-py raises, without a trace that may show a password."""

    @functools.wraps(call)
    def translated(self: RedisEngine, /, *arguments: P.args, **named: P.kwargs) -> R:
        self.check_open()
        try:
            return call(self, *arguments, **named)
        except (RedisError, OSError) as error:
            failure = error_of(error)
        finally:
            self.tidy()
        raise failure

    return translated


class RedisEngine:
    """Keep a relay's streams in one Redis, 6.2 or newer.

    `url` is ``redis://host:port/db``, ``rediss://`` for TLS, verified against the system's
    authorities or `ca_file`, or ``unix:///path``. A password may stand in it, or be given as
    `password`: text, a `Secret`, or a callable that is asked for each connection; neither is shown
    by anything. `timeout` bounds each answer of Redis, in seconds.

    Connects when it is first used, and anew after every failure; it never tries anything twice by
    itself. Redis Sentinel and Cluster are not asked: give the address that follows the primary.
    """

    def __init__(
        self,
        url: str,
        *,
        password: Given = None,
        ca_file: str | os.PathLike[str] | None = None,
        timeout: float = 5.0,
    ) -> None:
        self._client, self.place = client_of(url, password, ca_file, timeout)
        self._pool = self._client.connection_pool
        self._claim = self._client.register_script(CLAIM)
        self._resign = self._client.register_script(RESIGN)
        self._cut = self._client.register_script(CUT)
        self._commands = Commands()
        self._closed = False

    def __repr__(self) -> str:
        return f"<RedisEngine {self.place}>"

    # For a publisher -----------------------------------------------------------------------------

    @_translating
    def claim(self, office: str, owner: str, lease: float, term: int) -> int | None:
        """Hold or take an office for `lease` seconds; return the term, or None."""
        keys = (f"{office}/lease", f"{office}/term")
        answer = self._claim(keys=keys, args=(owner, int(lease * 1000), term))
        return None if answer is None else int(answer)

    @_translating
    def resign(self, office: str, owner: str) -> None:
        """Give up an office, where `owner` holds it."""
        self._resign(keys=(f"{office}/lease",), args=(owner,))

    @_translating
    def append(self, stream: str, first: Position, drafts: Sequence[Draft]) -> None:
        """Append entries; what is stored already is left as it is."""
        commands = self._commands.of(stream, first, drafts)
        refusals = self._together(commands)
        old = [one for one in refusals if "equal or smaller" in str(one)]
        if len(old) < len(refusals):
            raise next(one for one in refusals if one not in old)
        if old:
            self._check_top(stream, Position(first.term, first.seq + len(drafts) - 1))

    def _check_top(self, stream: str, last: Position) -> None:
        """Raise unless what was refused for its position stands in the stream already."""
        top = self.top(stream)
        if top.term > last.term:
            raise Deposed(f"{stream} has entries of term {top.term}, after {last.term}")
        if top < last:
            raise EngineUnavailable(f"{stream} stands at {top} and refused what is after it")

    def _together(self, commands: Sequence[bytes]) -> list[ResponseError]:
        """Send commands as one transaction, and return the answers that say no.

        In a mere pipeline one entry may be refused for want of memory, and the next be stored, for
        room was made in between: the first could not be stored any more.
        """
        refusals: list[ResponseError] = []
        connection = self._pool.get_connection()
        whole = False
        try:
            connection.send_packed_command([b"".join((MULTI, *commands, EXEC))])
            for _ in range(len(commands) + 2):
                try:
                    answer = connection.read_response()
                except ResponseError as error:
                    refusals.append(error)
            whole = True
        finally:
            if not whole:
                # What is still to come on it would be taken for other answers.
                connection.disconnect()
            self._pool.release(connection)
        if refusals:
            return refusals
        return [one for one in answer if isinstance(one, ResponseError)]

    @_translating
    def top(self, stream: str) -> Position:
        """Return the highest position ever appended."""
        try:
            return _position(self._client.xinfo_stream(stream)["last-generated-id"])
        except ResponseError as error:
            if "no such key" in str(error):
                return START
            raise

    @_translating
    def enlist(self, office: str, stream: str) -> None:
        """Let readers who ask for all streams of an office find this one too."""
        self._client.sadd(f"{office}/streams", stream)

    @_translating
    def trim(self, stream: str) -> int:
        """Forget what every group has acknowledged; return how much is left."""
        needed = [position for position, _ in self._needed(stream)]
        if needed:
            self._client.xtrim(stream, minid=str(min(needed)), approximate=False)
        return int(self._client.xlen(stream))

    def _needed(self, stream: str) -> Iterator[tuple[Position, Mapping[str, Any]]]:
        """Yield of each group the lowest position that it has not acknowledged, or not had."""
        for group in self._groups(stream):
            held = group["pending"] and self._client.xpending(stream, group["name"])["min"]
            if held:
                yield _position(held), group
            else:
                # Also where all was acknowledged meanwhile: what was given since is after this.
                given = _position(group["last-delivered-id"])
                yield Position(given.term, given.seq + 1), group

    @_translating
    def slowest(self, stream: str) -> tuple[str, int] | None:
        """Return the group that keeps the most from being forgotten, and how many entries.

        From the group that needs the oldest entry on, all that there is was kept for it: a stream
        is trimmed to just that.
        """
        needed = min(self._needed(stream), key=lambda one: one[0], default=None)
        behind = int(self._client.xlen(stream))
        if needed is None or not behind or needed[0] > self.top(stream):
            return None
        return needed[1]["name"].decode("utf-8", "backslashreplace"), behind

    @_translating
    def cut(self, stream: str, length: int) -> int:
        """Forget the oldest until `length` are left; return how many somebody still needed."""
        needed, more = 0, 1
        while more:
            keys = (stream, f"{stream}/lost")
            some, more = self._cut(keys=keys, args=(length, CUT_AT_ONCE))
            needed += int(some)
        return needed

    @_translating
    def hazards(self) -> list[str]:
        """Return what is said of an eviction policy that takes streams, or leases, for a cache."""
        try:
            memory = self._client.info("memory")
        except NoPermissionError:
            return []
        policy = memory.get("maxmemory_policy", "noeviction")
        if not memory.get("maxmemory") or policy == "noeviction":
            return []
        return [
            f"Redis deletes keys when its memory is full (maxmemory-policy {policy}): whole streams"
            " may vanish; let it be noeviction"
        ]

    # For a reader --------------------------------------------------------------------------------

    @_translating
    def listed(self, office: str) -> list[str]:
        """Return the streams of an office, sorted."""
        return sorted(name.decode() for name in self._client.smembers(f"{office}/streams"))

    @_translating
    def join(self, stream: str, group: str, oldest: bool) -> None:
        """Make a group where there is none."""
        try:
            self._client.xgroup_create(stream, group, id="0" if oldest else "$", mkstream=True)
        except ResponseError as error:
            if not str(error).startswith("BUSYGROUP"):
                raise

    @_translating
    def given(self, stream: str, group: str) -> Position:
        """Return the highest position that the group was given."""
        return _position(self._group(stream, group)["last-delivered-id"])

    @_translating
    def read(
        self, streams: Sequence[str], group: str, consumer: str, most: int, timeout: float
    ) -> list[tuple[str, list[Stored]]]:
        """Hand out entries that the group has not had, waiting up to `timeout` for the first."""
        deadline = Deadline(timeout)
        wanted = dict.fromkeys(streams, ">")
        while True:
            self.check_open()
            # Nought would mean for ever.
            block = max(1, int(deadline.slice(LONGEST_BLOCK) * 1000)) if timeout else None
            answer = self._client.xreadgroup(group, consumer, wanted, count=most, block=block)
            found = [(name.decode(), _stored(entries)) for name, entries in answer or ()]
            if found or deadline.expired():
                return found

    @_translating
    def unfinished(
        self, stream: str, group: str, consumer: str, after: Position, most: int
    ) -> list[Stored]:
        """Return what this consumer was handed and has not acknowledged, from `after` on."""
        answer = self._client.xreadgroup(group, consumer, {stream: str(after)}, count=most)
        return [entry for _, entries in answer or () for entry in _stored(entries)]

    @_translating
    def adopt(
        self, stream: str, group: str, consumer: str, idle: float, most: int
    ) -> list[Stored]:
        """Take over what any consumer of the group has left lying for `idle` seconds."""
        found: list[Stored] = []
        cursor = b"0-0"
        while len(found) < most:
            answer = self._client.xautoclaim(
                stream, group, consumer, int(idle * 1000), cursor, count=most - len(found)
            )
            cursor, entries = answer[:2]
            found += _stored(entries)
            # What was trimmed is no longer pending either, from Redis 7 on.
            found += [Stored(_position(id), None) for id in (answer[2] if answer[2:] else ())]
            if cursor == b"0-0":
                break
        return sorted(found, key=lambda entry: entry.position)

    @_translating
    def acknowledge(self, stream: str, group: str, positions: Sequence[Position]) -> None:
        """Say that these need not be handed out again."""
        if positions:
            self._client.xack(stream, group, *map(str, positions))

    @_translating
    def lost(self, stream: str, group: str) -> tuple[int, int]:
        """Return how many entries were cut off before the group was given them, and `told`."""
        told = self._client.hget(f"{stream}/told", group)
        return self._lost(stream, group), int(told or 0)

    @_translating
    def told(self, stream: str, group: str, count: int) -> None:
        """Keep of how many of these the group's readers have told."""
        self._client.hset(f"{stream}/told", group, count)

    @_translating
    def alone(self, stream: str, group: str, consumer: str) -> bool:
        """Return whether the group has no other consumer that has lately asked for anything."""
        others = (
            one
            for one in self._client.xinfo_consumers(stream, group)
            if one["name"] != consumer.encode()
        )
        return all(one["idle"] >= IDLE for one in others)

    @_translating
    def lag(self, stream: str, group: str) -> GroupLag:
        """Return how far a group is behind."""
        found = self._group(stream, group)
        untaken = found.get("lag")
        if untaken is not None:
            # Redis goes on counting what was cut off.
            untaken = min(untaken, int(self._client.xlen(stream)))
        return GroupLag(stream, untaken, found["pending"], self._lost(stream, group))

    @_translating
    def stands(self, stream: str, first: Position, last: Position) -> bool:
        """Return whether any entry from `first` to `last` is kept still."""
        return bool(self._client.xrange(stream, str(first), str(last), count=1))

    @_translating
    def held(self, office: str) -> bool:
        """Return whether somebody holds an office now."""
        return bool(self._client.exists(f"{office}/lease"))

    def close(self) -> None:
        """Let go of the connection; a read that waits ends within half a second."""
        self._closed = True
        self.tidy()

    def check_open(self) -> None:
        """Raise where the engine was closed."""
        if self._closed:
            raise EngineUnavailable("the engine was closed")

    def tidy(self) -> None:
        """Leave no connection open where the engine was closed, but one that is in use."""
        if self._closed:
            self._pool.disconnect(inuse_connections=False)

    def _lost(self, stream: str, group: str) -> int:
        return int(self._client.hget(f"{stream}/lost", group) or 0)

    def _group(self, stream: str, name: str) -> Mapping[str, Any]:
        for found in self._groups(stream):
            if found["name"] == name.encode():
                return found
        raise GroupGone(f"{stream} has no group {name}")

    def _groups(self, stream: str) -> list[Mapping[str, Any]]:
        try:
            groups: list[Mapping[str, Any]] = self._client.xinfo_groups(stream)
            return groups
        except ResponseError as error:
            if "no such key" in str(error):
                return []
            raise


def _position(id: bytes) -> Position:
    term, _, seq = id.partition(b"-")
    return Position(int(term), int(seq))


def _stored(entries: Iterable[tuple[bytes, dict[bytes, bytes] | None]]) -> list[Stored]:
    return [Stored(_position(id), fields or None) for id, fields in entries]
