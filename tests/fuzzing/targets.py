"""What holds whatever a peer sends: one function for each reader of the product.

Each takes the bytes that a peer sent, and raises `AssertionError` or whatever the product raises
that is none of its own errors. No socket, no thread and no choice is in them, so that the same
bytes do the same thing each time. Hypothesis, the fuzzer and the recorded cases all call these.
"""

from __future__ import annotations

import contextlib
import enum
import functools
import itertools
import sys
import types
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from unittest import mock

from offline import Prepared, documented_frames
from tape import VENUES, Venue

from venuesdk.errors import ConnectionLost, ProtocolError, VenueError
from venuesdk.models import HttpRequest, HttpResponse
from venuesdk.protocol.codec import Ended, Event, Heartbeat, Rejection, Response
from venuesdk.timing import Deadline
from venuesdk.wire import frames, http
from venuesdk.wire.endpoint import Endpoint
from venuesdk.wire.frames import Binary, FrameError, FrameReader
from venuesdk.wire.head import MAX_HEAD, MAX_HEADERS, HeadError, read_head
from venuesdk.wire.http import HttpConnection
from venuesdk.wire.upgrade import refusal

__all__ = [
    "TARGETS",
    "check_changed",
    "check_message",
    "decoders_of",
    "payloads_of",
    "play_decoders",
    "play_frames",
    "play_head",
    "play_http",
    "play_venue",
]

# ---- frames --------------------------------------------------------------------------------------

SMALL_BUFFER = 128
LARGE_BUFFER = 512
"""Sizes of the buffer under test: small ones, so that short input reaches what long input does.

The first holds the longest control frame, as the real one does.
"""

LIMITS = ((100, 4), (65_536, 1000))
"""Longest message and most fragments: below a length of 65,536 no frame takes the short way."""


@contextmanager
def small_buffers() -> Iterator[None]:
    """Let a FrameReader begin with a buffer that a few frames fill, and look no further at once."""
    sizes = {"FIRST_BUFFER": SMALL_BUFFER, "LARGE_BUFFER": LARGE_BUFFER, "WINDOW": SMALL_BUFFER}
    with mock.patch.multiple(frames, **sizes):
        yield


Outcome = tuple[list[tuple[type, bytes]], list[tuple[int, bytes]], Any, Any]


def _read(wire: bytes, sizes: Iterator[int], limits: tuple[int, int]) -> Outcome:
    """Return all that a reader makes of bytes that come in pieces, and where it ends."""
    max_message, max_fragments = limits
    reader = FrameReader(max_message, max_fragments)
    messages: list[bytes] = []
    control: list[tuple[int, bytes]] = []
    position = 0
    while position < len(wire) and not reader.ended:
        buffer = reader.get_buffer()
        assert len(buffer) > 0
        # A message and its header, and as much again that came with it; twice, to grow by doubling.
        assert len(reader._buffer) <= 4 * (max_message + 14) + 2 * LARGE_BUFFER
        assert len(reader._partial) <= max_message
        count = min(len(buffer), len(wire) - position, next(sizes))
        buffer[:count] = wire[position : position + count]
        position += count
        try:
            messages += reader.received(count)
            while reader.more:
                messages += reader.received(0)
        except FrameError as error:
            assert error is reader.error
        control += reader.take_control()
    assert all(len(message) <= max_message for message in messages)
    assert all(len(payload) <= 125 and opcode in (9, 10) for opcode, payload in control)
    if reader.error is not None:
        assert reader.error.close_code in (1002, 1007, 1009)
        assert reader.error.text and reader.attention
        for _ in range(2):  # it stays so, and nothing more is taken in
            with contextlib.suppress(FrameError):
                raise AssertionError(reader.feed(b"\x81\x01x"))
    for message in messages:
        assert type(message) is Binary or message.decode() is not None
    error = reader.error and (reader.error.close_code, reader.error.text)
    return [(type(one), bytes(one)) for one in messages], control, reader.closed, error


def play_frames(wire: bytes) -> None:
    """Read bytes as frames: however they are cut, they say the same, and no buffer outgrows it."""
    with small_buffers():
        for limits in LIMITS:
            whole = _read(wire, itertools.repeat(sys.maxsize), limits)
            for sizes in ((1,), (2, 1, 63, 5), (128,), (400, 3)):
                assert _read(wire, itertools.cycle(sizes), limits) == whole, sizes


# ---- HTTP ----------------------------------------------------------------------------------------

KEY = "dGhlIHNhbXBsZSBub25jZQ=="
"""The key of the example in RFC 6455, section 1.3."""


def play_head(wire: bytes) -> None:
    """Read bytes as the head of an answer: it is one, or a `HeadError`, however they are cut."""
    outcomes = []
    wire = wire[: 2 * MAX_HEAD]
    for step in (len(wire) or 1, 7) if len(wire) > 5_000 else (len(wire) or 1, 1, 3):
        pieces = [wire[start : start + step] for start in range(0, len(wire), step)]
        feed = iter([*pieces, b""])
        try:
            read = read_head(lambda deadline, feed=feed: next(feed), Deadline(None))  # type: ignore[misc]
        except HeadError as error:
            assert str(error)
            outcomes.append(None)
            continue
        assert read is not None
        head, behind = read
        rest = behind + b"".join(feed)
        assert wire.endswith(rest) and len(wire) - len(rest) <= MAX_HEAD + 4
        assert 100 <= head.status <= 999 and len(head.headers) <= MAX_HEADERS
        wait = head.retry_after()
        assert wait is None or 0.0 <= wait <= 86_400.0
        refused = refusal(head, KEY)
        assert refused is None or isinstance(refused, VenueError)
        outcomes.append((head, rest))
    # A head beyond a limit is refused when it is seen to be, which the pieces may change.
    if len(wire) < MAX_HEAD and wire.count(b"\n") < MAX_HEADERS:
        assert all(outcome == outcomes[0] for outcome in outcomes)


class Recorded:
    """What takes the place of a byte stream: it says what it was given, and then hangs up."""

    def __init__(self, wire: bytes, step: int) -> None:
        self._wire = memoryview(wire)
        self._step = step
        self._asked = False
        self.closed = False

    def write(self, data: bytes, deadline: Deadline) -> None:
        self._asked = True

    def read_into(self, view: memoryview, timeout: float | None) -> int:
        if not self._asked:
            return 0
        count = min(len(view), len(self._wire), self._step)
        if not count:
            raise ConnectionLost("the peer closed the connection")
        view[:count] = self._wire[:count]
        self._wire = self._wire[count:]
        return count

    def close(self) -> None:
        self.closed = True


MAX_BODY = 10_000


def fetched(wire: bytes, step: int = sys.maxsize, max_body: int = MAX_BODY) -> HttpResponse | None:
    """Return what is read of bytes that answer a request, or None where they cannot be read."""
    streams: list[Recorded] = []

    def connect(*_: Any, **__: Any) -> Recorded:
        streams.append(Recorded(wire, step))
        return streams[-1]

    with mock.patch.object(http.ByteStream, "connect", connect):
        connection = HttpConnection("http://127.0.0.1:1", max_body=max_body)
        try:
            response = connection.request(HttpRequest("GET", "/key"), Deadline(60))
        except (ProtocolError, ConnectionLost) as error:
            assert error.outcome_unknown and str(error)
            assert error.__cause__ is None and error.__context__ is None
            response = None
        finally:
            connection.close()
    assert len(streams) == 1, "a request was sent twice"
    assert streams[0].closed
    return response


def play_http(wire: bytes) -> None:
    """Read bytes as the answer to a request: it is one within its limits, or an error of ours."""
    whole = fetched(wire)
    assert fetched(wire, 7) == whole or len(wire) > 50_000
    if whole is None:
        return
    assert 200 <= whole.status <= 999 and len(whole.body) <= MAX_BODY
    assert all(name == name.lower() for name in whole.headers)
    for venue in VENUES:
        if venue.asks_first:
            play_address(venue, whole)


def play_address(venue: Venue, response: HttpResponse) -> None:
    """Give an answer to what a venue asks first: an address comes of it, or an error."""
    steps = documented_frames(venue)[0].codec().address()
    next(steps)
    try:
        steps.send(response)
    except VenueError as error:
        assert not error.outcome_unknown
    except StopIteration as end:
        Endpoint(end.value)


# ---- codecs --------------------------------------------------------------------------------------


def ready(prepared: Prepared) -> tuple[Any, bytes]:
    """Return a codec that expects a documented frame, and that frame."""
    codec = prepared.codec()
    if prepared.line.expect and prepared.line.expect[0]["kind"] == "login":
        codec.encode(1, next(codec.opening()))
    return codec, prepared.ask(codec).encode()


def check_changed(prepared: Prepared, change: Callable[[bytes], bytes]) -> None:
    """Play a changed frame to a codec that expects the original, and then the original."""
    codec, good = ready(prepared)
    _check_decoded(prepared, codec, change(good))
    # What the frame was taken for, the next one is read: the codec has not lost its way.
    messages = codec.decode(prepared.ask(codec).encode()) if _is_readable(prepared) else ()
    for message in messages:
        check_message(message, prepared)
    kinds = [type(message) for message in messages]
    assert len(kinds) >= len(prepared.line.expect) or not _is_readable(prepared), kinds


def _is_readable(prepared: Prepared) -> bool:
    return not any(wanted["kind"] == "protocol_error" for wanted in prepared.line.expect)


def _check_decoded(prepared: Prepared, codec: Any, frame: bytes) -> None:
    try:
        messages = codec.decode(frame)
    except ProtocolError as error:
        assert str(error) and error.venue in (prepared.venue.name, "", None)
        return
    for message in messages:
        check_message(message, prepared)


def check_message(message: Any, prepared: Prepared) -> None:
    """Check that whatever was decoded is a message, and brings a value or an error of ours."""
    with contextlib.suppress(VenueError):
        if type(message) is Event:
            hash(message.route)
            touch(message.decode(message.payload))
        elif type(message) is Response:
            assert type(message.id) is int
            hash(message.route)
            client = prepared.clients.get(message.id)
            if client is not None and client.read is not None:
                touch(client.read(message.payload))
        elif type(message) is Rejection:
            assert type(message.id) is int
            assert isinstance(message.error, VenueError)
            assert str(message.error) or message.error
        elif type(message) is Ended:
            hash(message.route)
            assert isinstance(message.error, VenueError)
        else:
            assert type(message) is Heartbeat
            assert message.answer is None or type(message.answer) is str


def touch(value: Any) -> None:
    """Look at everything that a value has, and compute all that it computes when asked."""
    assert repr(value)
    _touch(value)


def _touch(value: Any) -> None:
    if isinstance(value, Mapping):
        value = list(value.values())
    if isinstance(value, (list, tuple)):
        for item in value:
            _touch(item)
    for attribute in getattr(type(value), "__attrs_attrs__", ()):
        _touch(getattr(value, attribute.name))
    for family in type(value).__mro__:
        if family.__module__.startswith("venuesdk.") and not issubclass(family, enum.Enum):
            for name, member in vars(family).items():
                if isinstance(member, property):
                    with contextlib.suppress(VenueError):
                        getattr(value, name)


@functools.cache
def states_of(venue: Venue) -> list[Prepared]:
    """Return one documented frame for each state that a codec of the venue is in before it."""
    found: dict[str, Prepared] = {}
    for prepared in documented_frames(venue):
        line = prepared.line
        login = bool(line.expect) and line.expect[0]["kind"] == "login"
        found.setdefault(f"{login} {line.setup}", prepared)
    return list(found.values())


@contextmanager
def without_chance(venue: Venue) -> Iterator[None]:
    """Let the venue's codec choose the same names every time, so that a frame can fit them."""
    module = sys.modules[venue.codec.__module__]
    chance = mock.patch.object(module, "token_hex", lambda count: "00" * count)
    with chance if hasattr(module, "token_hex") else contextlib.nullcontext():
        yield


def frames_of(venue: Venue) -> list[bytes]:
    """Return the venue's documented frames, as they answer a codec without chance."""
    with without_chance(venue):
        return [ready(prepared)[1] for prepared in documented_frames(venue)]


def play_venue(venue: Venue, frame: bytes) -> None:
    """Play one frame to a codec of the venue in each state that its documents know."""
    with without_chance(venue):
        for prepared in states_of(venue):
            check_changed(prepared, lambda _: frame)


# ---- models --------------------------------------------------------------------------------------


@functools.cache
def decoders_of(venue: Venue) -> dict[str, Callable[[bytes], Any]]:
    """Return every typed decoder that the modules of a venue have, by one of its places."""
    found: dict[Callable[[bytes], Any], str] = {}
    for name, thing in _named_things(venue):
        if isinstance(thing, types.FunctionType) and thing.__qualname__ == DECODER:
            found[thing] = name
    return {name: decode for decode, name in found.items()}


DECODER = "decoder.<locals>.decode"
"""What the functions are called that `venuesdk.protocol.convert.decoder` makes."""


def _named_things(venue: Venue) -> Iterator[tuple[str, Any]]:
    for module_name, module in sorted(sys.modules.items()):
        if module_name.startswith(f"{venue.package.__name__}."):
            for name, thing in vars(module).items():
                yield f"{module_name}.{name}", thing
                if isinstance(thing, Mapping):
                    yield from ((f"{module_name}.{name}[{k!r}]", v) for k, v in thing.items())


@functools.cache
def payloads_of(venue: Venue) -> list[bytes]:
    """Return what stands in the venue's documented frames for a typed decoder to read."""
    found: dict[bytes, None] = {}
    for prepared in documented_frames(venue):
        codec, frame = ready(prepared)
        with contextlib.suppress(ProtocolError):
            for message in codec.decode(frame):
                if isinstance(message, (Event, Response)):
                    found[message.payload] = None
        found[frame] = None
    return list(found)


def play_decoders(venue: Venue, payload: bytes) -> None:
    """Give one payload to every typed decoder of a venue: a value, or a `ProtocolError`."""
    for decode in decoders_of(venue).values():
        with contextlib.suppress(ProtocolError):
            touch(decode(payload))


TARGETS: Mapping[str, Callable[[bytes], None]] = {
    "frames": play_frames,
    "head": play_head,
    "http": play_http,
    **{venue.name: functools.partial(play_venue, venue) for venue in VENUES},
    **{f"{venue.name}-models": functools.partial(play_decoders, venue) for venue in VENUES},
}
"""What may be fuzzed, by name."""
