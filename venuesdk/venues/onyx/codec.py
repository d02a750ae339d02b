"""Onyx's v1 JSON protocol: requests to frames, frames to messages.

Ids are text. An answer carries ``method``, an event ``channel``. An answer's ``message`` is text
(Onyx document) or ``{"Message": text}`` (what the venue sends since April 2024), and ``error`` may
be absent. Nothing here knows what a subscriber wants, except which tickers others still need.
"""

from __future__ import annotations

from collections.abc import Generator, Hashable, Mapping, Sequence
from contextlib import suppress
from typing import Any, ClassVar, Final

from ...errors import (
    AuthenticationError,
    InvalidRequest,
    NotSubscribed,
    ProtocolError,
    RequestRejected,
    VenueError,
)
from ...protocol.catalogue import Catalogue
from ...protocol.codec import Codec, Event, Message, Rejection, Request, Response, Topic
from ...protocol.convert import Raw, Wire, decode_json, decoder, encode_json
from .catalogue import CATALOGUE
from .events import event_decoder
from .models import Reply
from .topics import Channel, covers, without

__all__ = ["OnyxCodec", "read_reply"]

ID_PREFIX: Final = "msg:"
MAX_DIGITS: Final = 18


class _Frame(Wire, frozen=True):
    """The envelope of every frame. Loosely typed: what is wrong with it is judged by id."""

    id: Any = None
    method: Any = None
    channel: Any = None
    message: Raw = Raw(b"null")
    message_type: Any = 0
    error: Any = None


_read_frame = decoder(_Frame)


class OnyxCodec(Codec):
    """What Onyx makes of requests and frames.

    It remembers which subscribes and unsubscribes are unanswered, and which channels stand, so
    that stopping some tickers does not take away what another topic asked for: the venue keeps
    one list of products for a connection, whoever asked for them.
    """

    venue: ClassVar[str] = "onyx"
    url: ClassVar[str] = "wss://ws.onyxhub.co/stream/v1"
    rejections: ClassVar[Mapping[Any, type[RequestRejected]]] = {
        "authentication required": AuthenticationError,
        "no permissions": AuthenticationError,
        "not subscribed": NotSubscribed,
        "no products specified": InvalidRequest,
        "bad request": InvalidRequest,
    }
    """How a refusal's text begins → its class: the venue has no codes."""
    catalogue: ClassVar[Catalogue] = CATALOGUE

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._asked: dict[int, Request] = {}
        self._standing: dict[Hashable, Channel] = {}

    def opening(self) -> Generator[Request, bytes, None]:
        """Yield the login; raise `AuthenticationError` where the venue refuses it."""
        try:
            yield Request("auth")
        except AuthenticationError:
            raise
        except RequestRejected as refusal:
            raise AuthenticationError(
                refusal.message, venue=self.venue, request=refusal.request
            ) from refusal

    def encode(self, id: int, request: Request) -> str:
        """Return the frame that asks `request`; its id is ``msg:`` and the number."""
        method, fields = request.method, request.fields
        if method in ("subscribe", "unsubscribe"):
            method, fields = self._remember(id, request)
        frame = {"id": f"{ID_PREFIX}{id}", "method": method, **fields}
        if method == "auth":
            return encode_json({**frame, "token": self.credentials["token"]}, reveal=True)
        return encode_json(frame)

    def decode(self, frame: bytes) -> Sequence[Message]:
        """Return the one message of a frame: an answer, or an event with its raw message."""
        envelope = _read_frame(frame)
        if envelope.method is not None or envelope.id is not None:
            return (self._answer(envelope, frame),)
        channel, kind = envelope.channel, envelope.message_type
        if type(channel) is dict and len(channel) == 1:
            (channel,) = channel
        if type(channel) is not str or type(kind) is not int:
            raise ProtocolError(
                "a frame that is neither an answer nor an event", venue=self.venue, frame=frame
            )
        return (Event(channel, bytes(envelope.message), event_decoder(channel, kind)),)

    def subscribe(self, topics: Sequence[Topic], options: Mapping[str, Any]) -> Request:
        """Return the request that starts one topic."""
        (topic,) = topics
        return Request("subscribe", {"channel": topic.spec}, topics=(topic,))

    def unsubscribe(self, topic: Topic, route: Hashable | None) -> Request | None:
        """Return the request that stops `topic`, and nothing that another topic needs."""
        return Request("unsubscribe", {"channel": topic.spec}, topics=(topic,))

    def _remember(self, id: int, request: Request) -> tuple[str, Mapping[str, Any]]:
        """Note what a subscribe or unsubscribe is about; return the method and fields to send."""
        self._asked[id] = request
        for topic in request.topics:
            if request.method == "subscribe":
                self._standing[topic.key] = topic.spec
                continue
            mine = self._standing.pop(topic.key, topic.spec)
            rest = without(mine, self._standing.values())
            if rest is not None:
                return "unsubscribe", {"channel": rest}
            # Others need all of it. To ask for it again changes nothing and brings an answer,
            # where an empty unsubscribe would bring a refusal.
            return "subscribe", {"channel": mine}
        return request.method, request.fields

    def _answer(self, envelope: _Frame, frame: bytes) -> Response | Rejection:
        id = self._number(envelope.id, frame)
        request = self._asked.pop(id, None)
        payload = bytes(envelope.message)
        error: VenueError
        if envelope.error is True:
            text = _refusal_text(payload)
            if request and request.topics and text.lower().startswith("already subscribed"):
                return Response(id, payload)
            error = self.rejection(None, text, self._class_of(text))
        elif envelope.error is None or envelope.error is False:
            if request is not None and request.method == "unsubscribe":
                self._take_away(request)
            return Response(id, payload)
        else:
            error = ProtocolError(
                f"the answer to request {id} does not say whether it is an error",
                venue=self.venue,
                outcome_unknown=True,
                frame=frame,
            )
        if request is not None:
            self._undo(request, error)
        return Rejection(id, error)

    def _number(self, id: Any, frame: bytes) -> int:
        text = id[len(ID_PREFIX) :] if isinstance(id, str) and id.startswith(ID_PREFIX) else ""
        if not (text.isascii() and text.isdecimal() and len(text) <= MAX_DIGITS):
            raise ProtocolError(
                f"an answer to {id!r:.80}, which is no id of ours", venue=self.venue, frame=frame
            )
        return int(text)

    def _class_of(self, text: str) -> type[RequestRejected]:
        start = text.lower()
        for beginning, kind in self.rejections.items():
            if start.startswith(beginning):
                return kind
        return RequestRejected

    def _take_away(self, request: Request) -> None:
        """Note what an unsubscribe of the user's own has stopped, whoever had asked for it."""
        if request.topics:
            return
        channel: Any = request.fields.get("channel")
        # A request made by its method name may hold a channel that is none of ours.
        with suppress(TypeError, ValueError):
            for key, standing in list(self._standing.items()):
                rest = None if covers(channel, standing) else without(standing, [channel])
                if rest is None:
                    del self._standing[key]
                else:
                    self._standing[key] = rest

    def _undo(self, request: Request, error: VenueError) -> None:
        for topic in request.topics:
            if request.method == "subscribe":
                self._standing.pop(topic.key, None)
            elif not isinstance(error, NotSubscribed):
                self._standing[topic.key] = topic.spec


def read_reply(payload: bytes) -> Reply:
    """Decode the ``message`` of an answer, which is text, ``{"Message": text}``, or anything."""
    body = decode_json(payload)
    text = body.get("Message") if isinstance(body, dict) else body
    return Reply(text if isinstance(text, str) else "", body)


def _refusal_text(payload: bytes) -> str:
    """Return what a refusal says; one that cannot be read is a refusal still."""
    with suppress(ProtocolError):
        text = read_reply(payload).message
        if text:
            return text
    return payload.decode("utf-8", "replace")
