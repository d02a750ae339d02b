"""What holds for every venue, whoever wrote it: found by the registry, so a new one is tested too.

First each line of the venues' tapes (their format: ``tests/tapes/README.md``), then each client
against its simulator. A further venue needs its folder, its simulator and its tape; a line here
only where `STREAMS` or `SHOWN` ask for one.
"""

from __future__ import annotations

import contextlib
import enum
import functools
import inspect
import json
import queue
import re
import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any

import pytest
from fuzzing.mutations import HOSTILE, Choices, changed, places, put
from fuzzing.targets import check_changed
from hypothesis import given
from hypothesis import strategies as st
from offline import Prepared, codec_of, documented_frames, perform, recording, written
from tape import FIRST_DOCUMENT, VENUES, Call, Line, Malformed, Venue, once, read_line

from venuesdk.errors import (
    AuthenticationError,
    ClientClosed,
    ConnectFailed,
    NotSent,
    ProtocolError,
    RequestRejected,
    RequestTimeout,
    VenueError,
)
from venuesdk.models import GapReason, State
from venuesdk.protocol.codec import Codec, Event, Heartbeat, Rejection, Response
from venuesdk.protocol.conversation import Opening
from venuesdk.secret import Secret
from venuesdk.testing import SimulatedVenue, simulate
from venuesdk.timing import Backoff, Deadline

PATIENCE = 5.0
"""Seconds that anything may take which should happen at once."""

# How the stream is started that the simulator sends events of, where that is not the first
# `subscribe…` call of the venue's tape. A new venue needs no row where that one brings events.
STREAMS: dict[str, Callable[..., Any]] = {
    "loopring": lambda client, **options: client.subscribe(
        {"topic": "orderbook", "market": "LRC-ETH", "level": 0, "count": 5, "snapshot": True},
        **options,
    ),
    "timex": lambda client, **options: client.subscribe_raw_order_book("ETHAUDT", **options),
}

# How many frames the venue's first document shows in each direction, samples that differ in their
# words alone counted once; a tape may not have fewer of them. 1 where there is no row.
SHOWN: dict[str, dict[str, int]] = {
    "fuze": {"out": 5, "in": 0},
    "infinex": {"out": 3, "in": 5},
    "loopring": {"out": 2, "in": 14},
    "onyx": {"out": 5, "in": 9},
    "timex": {"out": 6, "in": 7},
}

# The addresses that the venues' documents name, over the socket and over HTTP; where the first
# document has none (Onyx), or an older one (Loopring), another official document or client has.
ADDRESSES: dict[str, tuple[str, str | None]] = {
    "fuze": ("wss://staging-ws.api.fuze.finance", None),
    "infinex": ("wss://mux.infinex.cc", "https://api.infinex.cc"),
    "loopring": ("wss://ws.api3.loopring.io/v3/ws", "https://api3.loopring.io"),
    "onyx": ("wss://ws.onyxhub.co/stream/v1", None),
    "timex": ("wss://plasma-relay-backend.timex.io/socket/relay", None),
}

STREAMING = [venue for venue in VENUES if venue.streams]
LOGGING_IN = [venue for venue in VENUES if venue.logs_in]


def for_each(which: Sequence[Venue]) -> pytest.MarkDecorator:
    """Run a test once for each venue of a list."""
    return pytest.mark.parametrize("venue", which, ids=str)


def tape_lines() -> Iterator[Any]:
    """Yield each line of each tape, not yet read, under an id of its own."""
    for venue in VENUES:
        with contextlib.suppress(OSError, ValueError, IndexError, Malformed):
            for number, text in venue.tape.texts.items():
                yield pytest.param(venue, text, id=f"{venue}-{number}")


# ---- comparing ---------------------------------------------------------------------------------


def read_json(text: str | bytes, number: Callable[[str], Any]) -> Any:
    """Read JSON without losing a digit, a member, or the difference between 1 and true."""

    def tagged(digits: str) -> tuple[str, Any]:
        return "number", number(digits)

    return json.loads(
        text,
        parse_int=tagged,
        parse_float=tagged,
        parse_constant=tagged,
        object_pairs_hook=once,
    )


def plain(value: Any) -> Any:
    """Return a value of the product as a tape writes it."""
    if isinstance(value, Decimal):
        return str(value)
    if isinstance(value, enum.Enum):
        return value.value
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if isinstance(value, Mapping):
        return {name: plain(item) for name, item in value.items()}
    return value


def at(value: Any, path: str) -> Any:
    """Return what stands at a dotted path: attributes, keys, indices, and ``#`` for the length."""
    for step in path.split("."):
        if step == "#":
            value = len(value)
        elif isinstance(value, Mapping):
            value = value[step]
        elif isinstance(value, (list, tuple)) and step.isdecimal():
            value = value[int(step)]
        else:
            value = getattr(value, step)
    return plain(value)


def check_fields(value: Any, fields: Mapping[str, Any]) -> None:
    """Check what stands at dotted paths, and that it is of the same type."""
    found = {path: at(value, path) for path in fields}
    assert found == fields
    assert {path: type(item) for path, item in found.items()} == {
        path: type(item) for path, item in fields.items()
    }


def without(frame: str, ignored: frozenset[str]) -> Any:
    """Return a frame for comparison, as it is where it is not JSON."""
    try:
        members = read_json(frame, str)
    except ValueError:
        return frame
    return {name: value for name, value in members.items() if name not in ignored}


# ---- replaying ---------------------------------------------------------------------------------


def replay_out(venue: Venue, line: Line) -> None:
    """Check that a call sends the frame of the line."""
    assert line.call is not None
    text = written(venue, line.call, venue.tape.credentials)
    assert without(text, line.ignore) == without(line.frame, line.ignore)


def replay_in(venue: Venue, line: Line) -> None:
    """Check that the line's frame is decoded to what it expects."""
    prepared = Prepared(venue, line)
    codec = prepared.codec()
    kind = line.expect[0]["kind"] if line.expect else ""
    if kind == "login":
        replay_login(codec, prepared, line.expect[0]["error"])
        return
    frame = prepared.ask(codec).encode()
    if kind == "protocol_error":
        with pytest.raises(ProtocolError) as caught:
            codec.decode(frame)
        assert type(caught.value) is ProtocolError
        return
    messages = list(codec.decode(frame))
    assert len(messages) == len(line.expect), messages
    for message, expected in zip(messages, line.expect, strict=True):
        CHECKS[expected["kind"]](message, expected, prepared)


def replay_login(codec: Codec, prepared: Prepared, error: str | None) -> None:
    """Let the frame answer the first request of the login."""
    opening = Opening(codec)
    request = opening.step()
    assert request is not None, "there is no login"
    codec.encode(1, request)
    frame = prepared.ask(codec).encode()
    (answer,) = (message for message in codec.decode(frame) if message[0] == 1)
    outcome = answer.error if isinstance(answer, Rejection) else answer.payload
    try:
        opening.step(outcome)
    except VenueError as refused:
        assert type(refused).__name__ == error
    else:
        assert error is None


def check_response(message: Any, expected: Mapping[str, Any], prepared: Prepared) -> None:
    """Check an answer, and what the call that it answers makes of it."""
    assert type(message) is Response and message.id == expected["id"], message
    if "payload" in expected:
        wanted = json.dumps(expected["payload"])
        assert read_json(message.payload, Decimal) == read_json(wanted, Decimal)
    if "result" in expected:
        (call,) = (call for call in prepared.line.setup if call.id == message.id)
        client = recording(prepared.venue, prepared.venue.tape.credentials)
        client.reply = message.payload
        check_fields(perform(prepared.venue, client, call), expected["result"])
    if "route" in expected:
        assert plain(message.route) == expected["route"]


def check_rejection(message: Any, expected: Mapping[str, Any], prepared: Prepared) -> None:
    """Check a refusal, and its exact class."""
    assert type(message) is Rejection and message.id == expected["id"], message
    assert type(message.error).__name__ == expected["error"], repr(message.error)
    assert message.error.venue == prepared.venue.name
    for name in {"code", "message", "outcome_unknown"} & expected.keys():
        value = getattr(message.error, name)
        assert value == expected[name] and type(value) is type(expected[name])


def check_event(message: Any, expected: Mapping[str, Any], prepared: Prepared) -> None:
    """Check an event, and its decoded value."""
    assert type(message) is Event, message
    if "route" in expected:
        assert plain(message.route) == expected["route"]
    if "error" in expected:
        with pytest.raises(VenueError) as caught:
            message.decode(message.payload)
        assert type(caught.value).__name__ == expected["error"]
        return
    value = message.decode(message.payload)
    assert type(value).__name__ == expected["type"]
    check_fields(value, expected.get("fields", {}))


def check_heartbeat(message: Any, expected: Mapping[str, Any], prepared: Prepared) -> None:
    """Check a sign of life."""
    assert type(message) is Heartbeat, message
    if "answer" in expected:
        assert message.answer == expected["answer"]


CHECKS: dict[str, Callable[[Any, Mapping[str, Any], Prepared], None]] = {
    "response": check_response,
    "rejection": check_rejection,
    "event": check_event,
    "heartbeat": check_heartbeat,
}


@pytest.mark.parametrize(("venue", "text"), list(tape_lines()))
def test_a_frame_of_the_documents_means_what_the_tape_says(venue: Venue, text: str) -> None:
    """A documented frame is written by its call, and decoded to what it means, to the digit."""
    line = read_line(text)
    (replay_out if line.direction == "out" else replay_in)(venue, line)


OUT = {
    "source": "Onyx document",
    "direction": "out",
    "frame": "{}",
    "expect": {"id": 1, "call": "subscribe", "arguments": {}},
}
IN = {
    "source": "observed, a frame",
    "direction": "in",
    "frame": "{}",
    "expect": {"kind": "response", "id": 1},
}
ASKED = {"id": 1, "call": "subscribe", "arguments": {}}


@pytest.mark.parametrize(
    "line",
    [
        '{"source": "Onyx document",',
        '{"source": "Onyx document", "source": "observed, a frame"}',
        "[]",
        {**OUT, "source": "our own encoder"},
        {**OUT, "source": "document"},
        {**OUT, "source": "observed"},
        {**OUT, "direction": "up"},
        {**OUT, "frame": {}},
        {**OUT, "comment": "?"},
        {**OUT, "setup": []},
        {**OUT, "expect": {"id": 1, "call": "subscribe"}},
        {**OUT, "expect": {"id": "1", "call": "subscribe", "arguments": {}}},
        {**OUT, "expect": {"id": True, "call": "subscribe", "arguments": {}}},
        {**IN, "expect": {"kind": "reply"}},
        {**IN, "expect": {"kind": "response"}},
        {**IN, "expect": {"kind": "response", "id": 1, "field": {}}},
        {**IN, "expect": {"kind": "rejection", "id": 1}},
        {**IN, "expect": {"kind": "event", "fields": {}}},
        {**IN, "expect": {"kind": "login"}},
        {**IN, "expect": [{"kind": "protocol_error"}, {"kind": "heartbeat"}]},
        {**IN, "expect": "response"},
        {**IN, "setup": [{"id": 1, "call": "subscribe"}]},
        {**IN, "setup": [ASKED, ASKED]},
        {**IN, "setup": [ASKED], "answers": {"id": 2}},
    ],
    ids=str,
)
def test_a_malformed_line_of_a_tape_is_refused(line: Any) -> None:
    """A line that does not follow the format fails, and is not taken for one that says little."""
    assert read_line(json.dumps(OUT)) and read_line(json.dumps(IN))
    with pytest.raises(Malformed):
        read_line(line if isinstance(line, str) else json.dumps(line))


@for_each(VENUES)
def test_the_tape_covers_the_venue(venue: Venue) -> None:
    """A tape has the frames of the first document, every public call, and every kind of answer."""
    lines = venue.tape.lines
    assert set(venue.tape.credentials) == set(venue.client.credentials)
    for direction, least in SHOWN.get(venue.name, {"out": 1, "in": 1}).items():
        own = {
            line.frame
            for line in lines
            if line.direction == direction and FIRST_DOCUMENT.match(line.source)
        }
        assert len(own) >= least, f"{venue}: {len(own)} frames {direction} of the first document"
    called = {call.method for line in lines for call in (*line.setup, line.call) if call}
    assert not venue.methods.keys() - called, "never called by the tape"
    kinds = {message["kind"] for line in lines for message in line.expect}
    needed = {"response", "rejection"}
    needed |= {"event"} if venue.streams else set()
    assert not needed - kinds
    if venue.logs_in:
        ends = {m["error"] for line in lines for m in line.expect if m["kind"] == "login"}
        assert {None, "AuthenticationError"} <= ends


# ---- frames that are not quite those of the documents ------------------------------------------

RECIPES = st.lists(st.integers(0, 2**32), min_size=1, max_size=16)
"""What leads the mutations of a frame."""


def check_recipe(venue: Venue, recipe: Sequence[int]) -> None:
    """Play every documented frame, changed by a recipe."""
    for prepared in documented_frames(venue):
        check_changed(prepared, lambda frame: changed(frame, Choices(recipe)))


@for_each(VENUES)
def test_whatever_stands_in_a_frame_is_a_value_or_a_venue_error(venue: Venue) -> None:
    """Hostile JSON at every single place of every documented frame raises only our errors.

    And whatever it was taken for, the codec still reads the frame that should have come.
    """
    failed = []
    for number, prepared in enumerate(documented_frames(venue)):
        # A codec chooses its ids anew each time, so the places are those of the tape's frame.
        for path in places(prepared.line.frame.encode()):
            for fragment in (None, *HOSTILE):
                try:
                    check_changed(prepared, lambda frame, at=path, by=fragment: put(frame, at, by))
                except Exception as error:
                    failed.append(f"{number} {path} {fragment!r:.40}: {error!r:.200}")
    assert not failed, f"{len(failed)} failed:\n" + "\n".join(failed[:12])


@for_each(VENUES)
@given(recipe=RECIPES)
def test_a_frame_that_is_not_quite_right_is_a_value_or_a_venue_error(
    venue: Venue, recipe: Sequence[int]
) -> None:
    """No change to a documented frame makes a codec raise anything but errors of the product.

    Members are taken away, renamed, repeated, swapped, retyped, nested and grown, ids made falsy,
    text cut and spelt otherwise; and the codec still reads the frame that should have come.
    """
    check_recipe(venue, recipe)


@pytest.mark.long
@for_each(VENUES)
@given(recipe=RECIPES)
def test_a_frame_that_is_not_quite_right_is_a_value_or_a_venue_error_tried_often(
    venue: Venue, recipe: Sequence[int]
) -> None:
    """The same, over many more changes."""
    check_recipe(venue, recipe)


# ---- events that another process reads ----------------------------------------------------------


def read_elsewhere(venue: Venue, event: Event, seen: dict[str, Any]) -> None:
    """Check that an event's payload and its decoder's name are enough to read it."""
    name = venue.codec.catalogue.name(event.decode)
    assert name is not None, (
        f"{venue}: {event.decode} has no name that another process could find it by: put it into "
        f"`{venue.codec.__name__}.catalogue`, a `Catalogue` (venuesdk/protocol/catalogue.py)"
    )
    assert seen.setdefault(name, event.decode) is event.decode, f"{venue}: two are called {name!r}"
    found = venue.codec.catalogue.decoder(name)
    assert found is not None, f"{venue}: {name!r} is the name of nothing"
    assert outcome_of(found, event.payload) == outcome_of(event.decode, event.payload)
    moment = venue.codec.catalogue.time_ns(name, event.payload)
    assert moment is None or type(moment) is int


def outcome_of(decode: Callable[[bytes], Any], payload: bytes) -> Any:
    """Return the value of a payload, or what is said of one that cannot be read."""
    try:
        return decode(payload)
    except VenueError as error:
        return type(error), str(error)


def documented_events(venue: Venue) -> Iterator[Event]:
    """Yield the events of the documents, but for those by which a venue refuses a stream."""
    for prepared in documented_frames(venue):
        if any(message.get("error") for message in prepared.line.expect):
            continue
        codec = prepared.codec()
        frame = prepared.ask(codec).encode()
        with contextlib.suppress(ProtocolError):
            yield from (message for message in codec.decode(frame) if type(message) is Event)


@for_each(STREAMING)
def test_another_process_can_read_the_events_of_the_documents(venue: Venue) -> None:
    """Each has a decoder with a name of its own, and decoded by that name it is equal."""
    seen: dict[str, Any] = {}
    for event in documented_events(venue):
        read_elsewhere(venue, event, seen)
    assert seen


@for_each(STREAMING)
def test_another_process_can_read_what_a_client_receives(
    venue: Venue, start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every event of every stream is read from its payload and its decoder's name alone.

    And a topic is told by plain text: its kind, and the words that make its narrowing again.
    """
    arrived: list[Event] = []
    decode = venue.codec.decode

    def decode_and_keep(codec: Codec, frame: bytes) -> Sequence[Any]:
        messages = decode(codec, frame)
        # What becomes of an event takes its route away, so that this is one of its own.
        arrived.extend(
            Event(one.route, one.payload, one.decode) for one in messages if type(one) is Event
        )
        return messages

    monkeypatch.setattr(venue.codec, "decode", decode_and_keep)
    sim = start(venue)
    with client_of(venue, sim) as client:
        subscriptions: list[Any] = []
        for call in venue.tape.calls:
            if call.method.startswith("subscribe"):
                with contextlib.suppress(VenueError):
                    found = perform(venue, client, call)
                    subscriptions += found if isinstance(found, list) else [found]
        # Last, since a subscribe may be one that ends all others.
        subscriptions.append(start_stream(venue, client))
        sim.tick(3)
        subscriptions[-1].get(timeout=PATIENCE)
        # What the venue sent before its answer has arrived before it.
        speak(venue, client)
    assert arrived
    seen: dict[str, Any] = {}
    for event in arrived:
        read_elsewhere(venue, event, seen)
    for topic in (subscription.topic for subscription in subscriptions):
        assert re.fullmatch(r"[a-z0-9._-]+", topic.kind)
        words = () if topic.narrow is None else topic.narrow.words
        assert type(words) is tuple
        assert venue.codec.catalogue.narrowing(words) == topic.narrow


@for_each(STREAMING)
@given(recipe=RECIPES)
def test_a_time_is_a_number_or_none(venue: Venue, recipe: Sequence[int]) -> None:
    """Whatever a payload holds, whoever asks for its time gets no exception."""
    catalogue = venue.codec.catalogue
    for event in documented_events_once(venue):
        name = catalogue.name(event.decode) or ""
        moment = catalogue.time_ns(name, changed(event.payload, Choices(recipe)))
        assert moment is None or type(moment) is int


@functools.cache
def documented_events_once(venue: Venue) -> list[Event]:
    """Return the events of the documents, which nothing changes."""
    return list(documented_events(venue))


# ---- the class ---------------------------------------------------------------------------------


@for_each(VENUES)
def test_a_venue_is_called_the_same_everywhere(venue: Venue) -> None:
    """Folder, client, codec, simulator and environment variables share the venue's name."""
    assert venue.client.venue == venue.codec.venue == venue.name
    assert simulate(venue.name).name == venue.name
    assert venue.client.__name__ in venue.package.__all__
    assert venue.codec.url.startswith("wss://")
    assert (venue.codec.http_url or "https://").startswith("https://")
    for name, variable in venue.client.credentials.items():
        assert variable == f"VENUESDK_{venue.name.upper()}_{name.upper()}"
        assert variable in (venue.client.__doc__ or "")
    assert venue.client.optional_credentials <= set(venue.client.credentials)
    assert set(simulate(venue.name).credentials) == set(venue.client.credentials)


@for_each([venue for venue in VENUES if venue.name in ADDRESSES])
def test_a_venue_is_where_its_documents_say(venue: Venue) -> None:
    """Without ``url=`` and ``http_url=`` the addresses are those that the venue publishes."""
    assert (venue.codec.url, venue.codec.http_url) == ADDRESSES[venue.name]


@for_each(VENUES)
def test_every_refusal_in_the_table_is_a_rejection(venue: Venue) -> None:
    """The classes that the venue's codes stand for are refusals, with their code and venue."""
    for code, kind in venue.codec.rejections.items():
        assert issubclass(kind, RequestRejected)
        error = venue.codec({}).rejection(code, "no")
        assert type(error) is kind and (error.code, error.venue) == (code, venue.name)
        assert not error.outcome_unknown


@for_each(VENUES)
def test_every_public_method_says_that_it_blocks_and_takes_a_timeout(venue: Venue) -> None:
    """A method's text says that it blocks, and its signature says for how long it may."""
    assert venue.client.__doc__ and venue.methods
    for name, method in venue.methods.items():
        text = inspect.getdoc(method) or ""
        parameters = inspect.signature(method).parameters
        options = [one for one in parameters.values() if one.kind is one.VAR_KEYWORD]
        assert re.match(r"[A-Z].*[.:]$", text.partition("\n\n")[0], re.DOTALL), f"{name}: no text"
        assert re.search(r"\bblocks\b", text, re.IGNORECASE), f"{name} does not say that it blocks"
        if options:
            assert options[0].annotation == "Unpack[SubscribeOptions]", name
        else:
            assert parameters["timeout"].default is None, name
            assert parameters["timeout"].kind is inspect.Parameter.KEYWORD_ONLY, name


@for_each(VENUES)
def test_unknown_options_are_refused(venue: Venue, canaries: Any) -> None:
    """A misspelt option is a `TypeError`, at the constructor and at a subscription."""
    credentials = dict.fromkeys(venue.client.credentials, "text")
    with pytest.raises(TypeError, match="retries"):
        venue.client(**credentials, retries=3)  # type: ignore[call-arg]
    for name in venue.client.credentials:
        with pytest.raises(TypeError, match=name):
            venue.client(**{**credentials, name: 7})
    if venue.streams:
        with pytest.raises(TypeError, match="on_gaps"):
            start_stream(venue, venue.client(**credentials), on_gaps=print)


@for_each(VENUES)
def test_credentials_do_not_leave_this_machine_in_clear(venue: Venue) -> None:
    """A plain address that is not this machine is refused before anything is sent to it."""
    credentials = dict.fromkeys(venue.client.credentials, "a-credential")
    # Loopring takes the two addresses only together.
    here = {} if venue.codec.http_url is None else {"http_url": "http://127.0.0.1:1"}
    with pytest.raises(ValueError, match="ws://"):
        venue.client(**credentials, **here, url="ws://192.0.2.1/")
    if here:
        with pytest.raises(ValueError, match="http://"):
            venue.client(**credentials, url="ws://127.0.0.1:1/", http_url="http://192.0.2.1")


# ---- against the simulators --------------------------------------------------------------------

FAST = Backoff(initial=0.01, maximum=0.05)


@functools.cache
def _options_of(name: str) -> frozenset[str]:
    return frozenset(inspect.signature(type(simulate(name)).__init__).parameters)


@pytest.fixture
def start(canaries: Any) -> Iterator[Callable[..., SimulatedVenue]]:
    """Start simulators whose credentials are canaries; they end with the test."""
    with contextlib.ExitStack() as stack:

        def start(venue: Venue, **options: Any) -> SimulatedVenue:
            shared = _options_of(venue.name) & vars(canaries).keys()
            secrets = {name: getattr(canaries, name) for name in shared}
            options = {"interval": None, **secrets, **options}
            return stack.enter_context(simulate(venue.name, **options))

        yield start


Start = Callable[..., SimulatedVenue]


def client_of(venue: Venue, sim: SimulatedVenue, **options: Any) -> Any:
    """Return a client of a simulator, not connected yet."""
    places: dict[str, Any] = {"url": sim.url}
    if venue.asks_first:
        places["http_url"] = sim.http_url
    defaults = {"timeout": PATIENCE, "reconnect": FAST, **places, **sim.credentials}
    return venue.client(**{**defaults, **options})


def start_stream(venue: Venue, client: Any, **options: Any) -> Any:
    """Start the stream that the simulator sends events of; return its subscription."""
    if venue.name in STREAMS:
        found = STREAMS[venue.name](client, **options)
    else:
        call = next(call for call in venue.tape.calls if call.method.startswith("subscribe"))
        found = perform(venue, client, call, **options)
    return found[0] if isinstance(found, list) else found


def next_event(venue: Venue, events: queue.Queue[Any]) -> Any:
    """Return the next thing that a callback put away."""
    try:
        return events.get(timeout=PATIENCE)
    except queue.Empty:
        pytest.fail(f"{venue}: the stream brings nothing; does it need a row in STREAMS?")


def speak(venue: Venue, client: Any) -> None:
    """Let the client ask something that the venue answers, be it with a no."""
    with contextlib.suppress(RequestRejected):
        perform(venue, client, venue.tape.calls[0])


def threads_of(venue: Venue) -> list[str]:
    """Return the names of the venue's clients' threads."""
    return [
        thread.name
        for thread in threading.enumerate()
        if thread.name.startswith(f"venuesdk-{venue}-")
    ]


def said(sim: SimulatedVenue) -> str:
    """Return all that a venue was told, over either side."""
    texts = [text for _, text in sim.received]
    for request in sim.http_received:
        texts.append(f"{request.path} {dict(request.headers)} {request.body!r}")
    return "\n".join(texts)


@for_each(VENUES)
def test_connect_and_close(venue: Venue, start: Start) -> None:
    """A client connects, answers for its state, and closes quickly without leaving a thread."""
    sim = start(venue)
    client = client_of(venue, sim)
    assert client.state is State.NEW
    with client:
        assert client.connected and client.stats().epoch == 1
        assert f"venuesdk-{venue}-reader" in threads_of(venue)
        speak(venue, client)
        begun = time.monotonic()
    assert time.monotonic() - begun < 2
    assert client.state is State.CLOSED
    assert not threads_of(venue)
    client.close()
    with pytest.raises(ClientClosed):
        client.connect()


@for_each(LOGGING_IN)
@pytest.mark.parametrize("wrong", ["refused", "wrong credentials"])
def test_a_refused_login_is_an_authentication_error(venue: Venue, start: Start, wrong: str) -> None:
    """A login that the venue refuses is raised by `connect`, and nothing goes on behind it."""
    sim = start(venue)
    credentials = {name: f"{name}-of-nobody" for name in sim.credentials}
    if wrong == "refused":
        sim.refuse_login()
        credentials = sim.credentials
    with contextlib.closing(client_of(venue, sim, **credentials)) as client:
        with pytest.raises(AuthenticationError) as caught:
            client.connect()
        assert caught.value.venue == venue.name and not caught.value.outcome_unknown
        assert not client.connected
        assert f"venuesdk-{venue}-reader" not in threads_of(venue)


@for_each(VENUES)
def test_where_nobody_answers_the_connection_has_failed(venue: Venue, start: Start) -> None:
    """A port without a venue, and an address that is not the venue's, are `ConnectFailed`."""
    sim = start(venue)
    with socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))
        url = f"ws://127.0.0.1:{reserved.getsockname()[1]}/"
        with contextlib.closing(client_of(venue, sim, url=url)) as client:
            with pytest.raises(ConnectFailed) as caught:
                client.connect()
            assert caught.value.venue == venue.name and not caught.value.outcome_unknown
            assert client.state is State.NEW
    sim.refuse_connections(status=404)
    with contextlib.closing(client_of(venue, sim)) as client, pytest.raises(ConnectFailed):
        client.connect()


@for_each(VENUES)
def test_calls_need_a_connection(venue: Venue, start: Start) -> None:
    """Before `connect` a call was certainly not sent; after `close` the client says so."""
    sim = start(venue)
    client = client_of(venue, sim)
    for call in venue.tape.calls:
        with pytest.raises(NotSent):
            perform(venue, client, call)
    client.close()
    for call in venue.tape.calls:
        with pytest.raises(ClientClosed):
            perform(venue, client, call)
    assert not sim.accepted


@for_each(VENUES)
def test_every_call_ends_at_its_timeout(venue: Venue, start: Start) -> None:
    """A venue that says nothing holds no caller for longer than `timeout=`."""
    sim = start(venue)
    calls = {call.method: call for call in venue.tape.calls}
    for call in calls.values():
        sim.mute(False)
        with client_of(venue, sim) as client:
            sim.mute()
            begun = time.monotonic()
            with pytest.raises(RequestTimeout) as caught:
                perform(venue, client, call, timeout=0.05)
            assert 0.05 <= time.monotonic() - begun < 1
            assert isinstance(caught.value, TimeoutError) and caught.value.venue == venue.name


@for_each(VENUES)
def test_a_cut_connection_heals(venue: Venue, start: Start) -> None:
    """A lost connection is made anew, and the client says so in its states and its counters."""
    sim = start(venue)
    states: queue.Queue[Any] = queue.Queue()
    with client_of(venue, sim, on_state=states.put) as client:
        sim.drop()
        seen = []
        while [change.state for change in seen].count(State.CONNECTED) < 2:
            seen.append(next_event(venue, states))
        assert State.RECONNECTING in [change.state for change in seen]
        assert seen[-1].epoch == client.stats().epoch == 2
        assert client.stats().reconnects == 1
        speak(venue, client)
        assert sim.accepted == 2


@for_each(STREAMING)
def test_a_stream_goes_on_after_a_cut_and_tells_of_the_gap(venue: Venue, start: Start) -> None:
    """After a reconnect the gap is told before the next event, without anybody subscribing."""
    sim = start(venue, interval=0.01)
    seen: queue.Queue[tuple[str, Any]] = queue.Queue()
    with client_of(venue, sim) as client:
        start_stream(
            venue,
            client,
            callback=lambda event: seen.put(("event", event)),
            on_gap=lambda gap: seen.put(("gap", gap)),
        )
        assert next_event(venue, seen)[0] == "event"
        sim.drop()
        kind = "event"
        while kind == "event":
            kind, gap = next_event(venue, seen)
        assert (gap.reason, gap.epoch) == (GapReason.RECONNECTED, 2)
        assert next_event(venue, seen)[0] == "event"
        (counted,) = client.stats().subscriptions
        assert counted.gaps == 1 and counted.delivered >= 2


@for_each(VENUES)
def test_two_clients_do_not_disturb_each_other(venue: Venue, start: Start) -> None:
    """What happens to one client of a process, another one of the same venue does not notice."""
    near, far = start(venue), start(venue)
    events: queue.Queue[Any] = queue.Queue()
    with client_of(venue, near) as first, client_of(venue, far) as second:
        if venue.streams:
            start_stream(venue, first)
            start_stream(venue, second, callback=events.put)
        near.drop()
        first.close()
        speak(venue, second)
        if venue.streams:
            far.tick()
            next_event(venue, events)
        assert second.connected and second.stats().epoch == 1 and far.accepted == 1
        assert not near.wait_for(lambda sim: sim.connections, timeout=0)


@for_each(STREAMING)
@pytest.mark.parametrize("delivery", ["thread", "inline", "pump", "post", "none"])
def test_events_arrive_where_they_were_asked_for(venue: Venue, start: Start, delivery: str) -> None:
    """The four deliveries run callbacks on their threads; without one, `get` takes the events."""
    sim = start(venue, interval=0.01)
    seen: queue.Queue[tuple[str, Any]] = queue.Queue()
    posted: queue.Queue[Callable[[], None]] = queue.Queue()
    option = {"post": posted.put, "none": "thread"}.get(delivery, delivery)

    def callback(event: Any) -> None:
        seen.put((threading.current_thread().name, event))

    with client_of(venue, sim, delivery=option) as client:
        if delivery == "none":
            subscription = start_stream(venue, client)
            assert subscription.get(timeout=PATIENCE) is not None
            assert next(iter(subscription)) is not None
            return
        start_stream(venue, client, callback=callback)
        deadline = Deadline(PATIENCE)
        while delivery == "pump" and seen.empty() and not deadline.expired():
            client.pump(timeout=deadline.remaining())
        while delivery == "post" and seen.empty() and not deadline.expired():
            next_event(venue, posted)()
        runner, event = next_event(venue, seen)
    own = threading.current_thread().name
    expected = {"thread": f"venuesdk-{venue}-dispatch", "inline": f"venuesdk-{venue}-reader"}
    assert runner == expected.get(delivery, own)
    assert event is not None


# ---- credentials -------------------------------------------------------------------------------


def carriers(venue: Venue, canaries: Any) -> dict[str, Call | None]:
    """Return which call sends each credential; None where the login does."""
    secrets = {name: getattr(canaries, name) for name in venue.client.credentials}
    found: dict[str, Call | None] = {}
    client = recording(venue, secrets)
    codec = codec_of(client)
    request = Opening(codec).step()
    opening = codec.encode(1, request) if request is not None else ""
    for name, value in secrets.items():
        if value in opening:
            found[name] = None
            continue
        found[name] = next(
            call for call in venue.tape.calls if value in written(venue, call, secrets)
        )
    return found


FORMS: dict[str, Callable[[str], Any]] = {
    "text": lambda value: value,
    "secret": Secret,
    "callable": lambda value: lambda: value,
    "callable of a secret": lambda value: lambda: Secret(value),
    "environment": lambda value: None,
}


@for_each(VENUES)
@pytest.mark.parametrize("form", FORMS)
def test_credentials_reach_the_venue_in_whatever_form(
    venue: Venue, start: Start, canaries: Any, monkeypatch: pytest.MonkeyPatch, form: str
) -> None:
    """Text, a `Secret`, a callable of either, and the environment all give the venue the same."""
    sim = start(venue)
    credentials = {name: FORMS[form](value) for name, value in sim.credentials.items()}
    for name, value in sim.credentials.items() if form == "environment" else ():
        monkeypatch.setenv(venue.client.credentials[name], value)
    with client_of(venue, sim, **credentials) as client:
        for call in carriers(venue, canaries).values():
            if call is not None:
                with contextlib.suppress(VenueError):
                    perform(venue, client, call)
    told = said(sim)
    assert [name for name, value in sim.credentials.items() if value not in told] == []


@for_each(VENUES)
def test_a_missing_credential_is_named(venue: Venue, start: Start, canaries: Any) -> None:
    """What cannot be done without a credential says which one, and where it may come from."""
    sim = start(venue)
    optional = venue.client.optional_credentials
    for name in venue.client.credentials.keys() - optional:
        variable = venue.client.credentials[name]
        without_it = contextlib.closing(client_of(venue, sim, **{name: None}))
        named = pytest.raises(ValueError, match=rf"{name}=.*{variable}")
        with without_it as client, named:
            client.connect()
        assert not sim.accepted
    if not optional:
        return
    secrets = {name: getattr(canaries, name) for name in venue.client.credentials}
    refused = 0
    with client_of(venue, sim, **dict.fromkeys(venue.client.credentials)) as client:
        for call in venue.tape.calls:
            frame = written(venue, call, secrets)
            if not any(secret in frame for secret in secrets.values()):
                continue
            before = len(sim.received)
            try:
                perform(venue, client, call)
            except ValueError as error:
                refused += 1
                assert any(f"{name}=" in str(error) for name in optional)
                assert any(venue.client.credentials[name] in str(error) for name in optional)
                assert len(sim.received) == before
            except RequestRejected:
                continue
    assert refused


@for_each(VENUES)
def test_no_credential_is_shown(venue: Venue, start: Start, canaries: Any) -> None:
    """Neither a client nor its counters, errors, states, subscriptions or logs show a credential.

    The suite looks at every log record and error anyway; here all calls of the tape are made.
    """
    sim = start(venue, interval=0.01)
    shown: list[Any] = []
    with client_of(venue, sim, on_state=shown.append, on_error=shown.append) as client:
        if venue.streams:
            shown.append(start_stream(venue, client))
        for call in venue.tape.calls:
            try:
                shown.append(perform(venue, client, call))
            except VenueError as error:
                shown.append(error)
        sim.push("{not json")
        sim.drop()
        shown += [client, client.stats(), vars(client).get("_options")]
    sim.refuse_login()
    with contextlib.closing(client_of(venue, sim)) as client:
        try:
            client.connect()
        except VenueError as error:
            shown.append(error)
        shown.append(client)
    told = said(sim)
    assert all(value in told for value in sim.credentials.values())
    assert [thing for thing in shown if canaries.found_in(thing)] == []


# ---- TLS ---------------------------------------------------------------------------------------


@for_each(VENUES)
@pytest.mark.parametrize("option", ["ca_file", "ssl_context"])
def test_tls_end_to_end(venue: Venue, start: Start, tls: Any, option: str) -> None:
    """Over ``wss://`` a client works with an authority that it was told to trust."""
    sim = start(venue, tls=tls.server_context)
    assert sim.url.startswith("wss://")
    trust = {"ca_file": tls.ca_file, "ssl_context": tls.client_context}[option]
    with client_of(venue, sim, **{option: trust}) as client:
        speak(venue, client)
        assert client.connected and client.stats().bytes_in


@for_each(VENUES)
def test_an_unknown_authority_is_not_trusted(venue: Venue, start: Start, tls: Any) -> None:
    """A certificate of an authority that nobody trusts is `ConnectFailed`, before any secret."""
    sim = start(venue, tls=tls.server_context)
    with contextlib.closing(client_of(venue, sim)) as client, pytest.raises(ConnectFailed):
        client.connect()
    assert not sim.received and not sim.http_received
