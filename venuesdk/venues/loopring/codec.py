"""Loopring's protocol: requests to frames; replies, pushes and pings to messages.

A reply has ``op`` or ``result``, a push neither. The heartbeat is the text ``ping``, which is no
JSON. One sub or unSub is in flight on a connection, so that a reply without ``sequence`` is its.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Hashable, Mapping, Sequence
from contextlib import suppress
from typing import Any, ClassVar, Final

from ...errors import (
    AuthenticationError,
    InvalidRequest,
    NotSubscribed,
    ProtocolError,
    RequestRejected,
)
from ...models import HttpRequest, HttpResponse
from ...protocol.catalogue import Catalogue
from ...protocol.codec import Codec, Event, Heartbeat, Message, Rejection, Request, Response, Topic
from ...protocol.convert import Raw, Wire, decode_json, decoder, encode_json
from . import events
from .address import KEY_PATH, with_key
from .catalogue import CATALOGUE
from .configs import Config, Key, key_of, matching, name_of, needs_api_key, stops

__all__ = ["SUB", "UNSUB", "LoopringCodec", "LoopringV2Codec", "leave_request"]

SUB: Final = "sub"
UNSUB: Final = "unSub"
PING: Final = b"ping"
PONG: Final = Heartbeat("pong")

REMEMBERED: Final = 1_000
"""How many spellings of pushed topics are remembered."""

Targets = tuple[tuple[Hashable, Callable[[bytes], Any]], ...]


class _Frame(Wire, frozen=True):
    """The envelope of every frame but a ping. Loosely typed: replies are judged one by one."""

    op: Any = None
    sequence: Any = None
    result: Any = None
    topic: Raw = Raw(b"")
    topics: Raw = Raw(b"")


_read_frame = decoder(_Frame)


class LoopringCodec(Codec):
    """What Loopring's v3 makes of requests and frames.

    It remembers the request in flight, and which topics stand: pushes name their topic, in full
    or in part, and what was found for one spelling of it is remembered too.
    """

    venue: ClassVar[str] = "loopring"
    url: ClassVar[str] = "wss://ws.api3.loopring.io/v3/ws"
    http_url: ClassVar[str | None] = "https://api3.loopring.io"
    serial: ClassVar[bool] = True
    grouped: ClassVar[bool] = True
    rejections: ClassVar[Mapping[Any, type[RequestRejected]]] = {
        102034: InvalidRequest,
        104100: InvalidRequest,
        104101: InvalidRequest,
        104102: InvalidRequest,
        104103: InvalidRequest,
        104104: AuthenticationError,
        104105: AuthenticationError,
        104106: InvalidRequest,
        104107: InvalidRequest,
        104108: InvalidRequest,
        104109: InvalidRequest,
        104110: InvalidRequest,
        104111: InvalidRequest,
        104112: AuthenticationError,
        104113: NotSubscribed,
        104114: AuthenticationError,
        104115: InvalidRequest,
        104116: InvalidRequest,
    }
    catalogue: ClassVar[Catalogue] = CATALOGUE

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._in_flight: tuple[int, Request] | None = None
        self._added: list[Key] = []
        self._standing: dict[Key, None] = {}
        self._targets: dict[bytes, Targets] = {}

    def address(self) -> Generator[HttpRequest, HttpResponse, str]:
        """Ask for a connection key, which is good for one connection, and put it into the URL."""
        response = yield HttpRequest("GET", KEY_PATH)
        return with_key(self.connect_url, response)

    def encode(self, id: int, request: Request) -> str:
        """Return the frame that asks `request`; its number is the ``sequence``.

        Raises `ValueError` where a topic needs the ``apiKey`` and there is none.
        """
        configs: Sequence[Config] = request.fields["topics"]
        frame: dict[str, Any] = {"op": request.method, "sequence": id}
        if needs_api_key(configs):
            if "api_key" not in self.credentials:
                raise ValueError("account and order topics need api_key=")
            frame["apiKey"] = self.credentials["api_key"]
        # No document says what its absence means.
        frame["unsubscribeAll"] = request.fields["unsubscribeAll"]
        frame["topics"] = configs
        self._remember(id, request)
        return encode_json(frame, reveal=True)

    def decode(self, frame: bytes) -> Sequence[Message]:
        """Return what a frame says: one answer, one sign of life, or one event for each topic."""
        if frame == PING:
            return (PONG,)
        envelope = _read_frame(frame)
        if envelope.op is None and envelope.result is None:
            topic = bytes(envelope.topic)
            targets = self._targets.get(topic)
            if targets is None:
                targets = self._find(topic, frame)
            return [Event(route, frame, decode) for route, decode in targets]
        return (self._answer(envelope, frame),)

    def subscribe(self, topics: Sequence[Topic], options: Mapping[str, Any]) -> Request:
        """Return the one request that starts `topics`."""
        fields = {
            "unsubscribeAll": bool(options.get("unsubscribe_all")),
            "topics": [topic.spec for topic in topics],
        }
        return Request(SUB, fields, topics=tuple(topics))

    def unsubscribe(self, topic: Topic, route: Hashable | None) -> Request | None:
        """Return the request that stops `topic`."""
        return leave_request([topic.spec], False)

    # Replies -------------------------------------------------------------------------------------

    def _answer(self, envelope: _Frame, frame: bytes) -> Response | Rejection:
        pending = self._in_flight
        sequence = envelope.sequence
        if type(sequence) is int and (pending is None or sequence != pending[0]):
            # Too late: its caller has gone, and whatever it was about is not known any more.
            return self._verdict(sequence, envelope, frame)
        if pending is None:
            raise ProtocolError(
                "a reply without a sequence while nothing was asked", venue=self.venue, frame=frame
            )
        self._in_flight = None
        id, request = pending
        verdict = self._verdict(id, envelope, frame)
        self._settle(request, isinstance(verdict, Response))
        return verdict

    def _verdict(self, id: int, envelope: _Frame, frame: bytes) -> Response | Rejection:
        result = envelope.result
        status = result.get("status") if isinstance(result, dict) else None
        if not isinstance(status, str):
            return Rejection(
                id,
                ProtocolError(
                    f"the reply to request {id} has no status",
                    venue=self.venue,
                    outcome_unknown=True,
                    frame=frame,
                ),
            )
        if status.casefold() == "ok":
            return Response(id, bytes(envelope.topics) or bytes(envelope.topic))
        error = result.get("error")
        if not isinstance(error, dict):
            error = {}
        code, text = error.get("code"), error.get("message")
        if isinstance(code, str) and code.isascii() and code.isdecimal():
            code = int(code[:18])
        if type(code) is not int:
            code = None
        return Rejection(id, self.rejection(code, text if isinstance(text, str) else status))

    # What stands ---------------------------------------------------------------------------------

    def _remember(self, id: int, request: Request) -> None:
        self._in_flight = (id, request)
        self._added = []
        if request.method == SUB:
            keys = map(key_of, request.fields["topics"])
            self._added = [key for key in keys if key not in self._standing]
            # Before the reply: a push may be right behind it.
            self._standing.update(dict.fromkeys(self._added))
            self._targets.clear()

    def _settle(self, request: Request, done: bool) -> None:
        """Let stand what stands after the reply to `request`."""
        configs: Sequence[Config] = request.fields["topics"]
        gone: Callable[[Key], bool]
        if request.method == SUB:
            kept = set(map(key_of, configs))
            if not done:
                gone = set(self._added).__contains__
            elif request.fields["unsubscribeAll"]:
                gone = lambda key: key not in kept  # noqa: E731
            else:
                return
        elif not done:
            return
        elif request.fields["unsubscribeAll"]:
            gone = lambda key: True  # noqa: E731
        else:
            gone = stops(configs)
        self._standing = {key: None for key in self._standing if not gone(key)}
        self._targets.clear()

    def _find(self, topic: bytes, frame: bytes) -> Targets:
        """Return where pushes of this spelling of a topic go, and what decodes them."""
        if not topic:
            raise ProtocolError(
                "a frame that is neither a reply nor a push", venue=self.venue, frame=frame
            )
        pushed = decode_json(topic)
        routes: Sequence[Hashable] = ()
        decode: Callable[[bytes], Any] = events.topic_update
        if isinstance(pushed, dict):
            # What is nested too deeply to be compared matches nothing.
            with suppress(ValueError):
                routes = matching(pushed, self._standing)
            decode = events.DECODERS.get(name_of(pushed), decode)
        targets = tuple((route, decode) for route in routes or (topic,))
        if len(self._targets) >= REMEMBERED:
            self._targets.clear()
        self._targets[topic] = targets
        return targets


class LoopringV2Codec(LoopringCodec):
    """What the venue's first version makes of them: an address of its own, without a key."""

    url: ClassVar[str] = "wss://ws.loopring.io/v2/ws"

    def address(self) -> Generator[HttpRequest, HttpResponse, str]:
        """Return the address as it is."""
        return self.connect_url
        yield  # makes this a generator


def leave_request(configs: Sequence[Config], unsubscribe_all: bool) -> Request:
    """Return the request that stops the topics of `configs`, or all there are."""
    return Request(UNSUB, {"unsubscribeAll": unsubscribe_all, "topics": list(configs)})
