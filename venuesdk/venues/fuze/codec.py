"""Fuze's JSON-RPC 2.0: requests to frames, frames to messages.

A request has an id from 1 up; its answer has ``result``, ``error``, or neither. Streams come in
frames without an id: ``{"method", "response"}`` (Fuze document) or ``{"notification", "params"}``
(npm ``rpc-websockets``, the server that the venue seems to run). Which of them was started by
which answer is decided here and nowhere else.
"""

from __future__ import annotations

from collections.abc import Generator, Hashable, Mapping, Sequence
from typing import Any, ClassVar, Final, NoReturn

from ...errors import AuthenticationError, ProtocolError, RequestRejected, VenueError
from ...protocol.catalogue import Catalogue
from ...protocol.codec import Codec, Ended, Event, Message, Rejection, Request, Response, Topic
from ...protocol.convert import decode_json, encode_json
from .catalogue import CATALOGUE
from .frames import (
    Envelope,
    Frame,
    absent,
    read_envelope,
    read_frame,
    read_head,
    read_market_data,
    read_members,
    read_quote,
    refusal_of,
    refusal_of_envelope,
)
from .refusals import CODES, VENUE, refusal
from .topics import MARKET_DATA, QUOTES, Route, quote_route

__all__ = ["FuzeCodec"]

LOGIN: Final = "rpc.login"
MAX_DIGITS: Final = 18

NOTIFICATIONS: Final = {"quotes": QUOTES}
"""Names under which a stream has been seen as a notification, beside its method's own."""


class FuzeCodec(Codec):
    """What Fuze makes of requests and frames.

    It remembers which requests are unanswered, and which streams have not brought a frame yet.
    No document says how a stream's request is answered, so each way counts: ``true``, an answer
    with neither result nor error, an answer that is the first quote, or no answer but the
    stream's first frame. An answer that comes after that frame says nothing more, unless it is a
    refusal: then it is raised where the stream's next event would be decoded.
    """

    venue: ClassVar[str] = VENUE
    url: ClassVar[str] = "wss://staging-ws.api.fuze.finance"
    silent: ClassVar[bool] = True
    rejections: ClassVar[Mapping[Any, type[RequestRejected]]] = CODES
    catalogue: ClassVar[Catalogue] = CATALOGUE

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._unanswered: dict[int, Route | None] = {}
        self._implied: dict[int, Route] = {}
        self._streams: dict[Route, None] = {}
        self._unproven: dict[Hashable, list[int]] = {}

    def opening(self) -> Generator[Request, bytes, None]:
        """Yield the login; raise `AuthenticationError` where the venue answers it ``false``."""
        try:
            answer = yield Request(LOGIN)
        except AuthenticationError:
            raise
        except RequestRejected as refused:
            raise AuthenticationError(
                refused.message, venue=self.venue, code=refused.code, request=refused.request
            ) from refused
        if answer == b"false":
            raise AuthenticationError("the venue answered the login with false", venue=self.venue)
        if answer != b"true":
            raise ProtocolError(
                "the login was answered neither true nor false", venue=self.venue, frame=answer
            )

    def encode(self, id: int, request: Request) -> str:
        """Return the frame that asks `request`; its id is the number itself."""
        frame = {"jsonrpc": "2.0", "method": request.method, **request.fields, "id": id}
        login = request.method == LOGIN
        if login:
            key, secret = self.credentials["api_key"], self.credentials["api_secret"]
            frame["params"] = {"apiKey": key, "apiSecret": secret}
        text = encode_json(frame, reveal=login)
        self._unanswered[id] = None
        for topic in request.topics:
            route: Any = topic.route
            self._unanswered[id] = route
            self._streams[route] = None
            self._unproven.setdefault(route, []).append(id)
        return text

    def subscribe(self, topics: Sequence[Topic], options: Mapping[str, Any]) -> Request:
        """Return the request that starts one stream."""
        (topic,) = topics
        route: Any = topic.route
        parameters = {} if topic.spec is None else {"params": topic.spec}
        return Request(route[0], parameters, topics=(topic,))

    def unsubscribe(self, topic: Topic, route: Hashable | None) -> None:
        """Return None: no document has a way to stop a stream, but to close the connection."""
        return

    def decode(self, frame: bytes) -> Sequence[Message]:
        """Return what a frame says; a batch says what its members say, in order."""
        if frame[:1] != b"{" and frame.lstrip()[:1] == b"[":
            return self._batch(frame)
        return self._messages(frame)

    def _batch(self, frame: bytes) -> list[Message]:
        messages: list[Message] = []
        unreadable: list[ProtocolError] = []
        members = [bytes(member) for member in read_members(frame)]
        for member in members:
            try:
                messages += self._messages(member)
            except ProtocolError as error:
                unreadable.append(error)
                # Raising would lose the answers beside it. This event has no reader, and is
                # counted as such.
                messages.append(Event("unreadable", member, decode_json))
        if len(unreadable) == len(members) > 0:
            raise unreadable[0]
        return messages

    def _messages(self, frame: bytes) -> Sequence[Message]:
        content = read_frame(frame)
        if content.response is not None:
            return self._enveloped(content.method, content.response, frame)
        if content.notification is not None:
            return self._notified(content.notification, bytes(content.params), frame)
        unanswering = absent(bytes(content.error)) and not bytes(content.result)
        if content.method is not None and unanswering:
            return self._notified(content.method, bytes(content.params), frame)
        return self._answered(content, frame)

    # Streams -------------------------------------------------------------------------------------

    def _notified(self, name: Any, payload: bytes, frame: bytes) -> Sequence[Message]:
        if payload[:1] == b"[":
            members = read_members(payload)
            payload = bytes(members[0]) if len(members) == 1 else payload
        method = NOTIFICATIONS.get(name, name) if isinstance(name, str) else name
        if payload[:1] == b"{":
            envelope = read_envelope(payload)
            if envelope.code is not None:
                return self._enveloped(method, envelope, frame)
        return self._streamed(method, payload, frame)

    def _enveloped(self, method: Any, envelope: Envelope, frame: bytes) -> Sequence[Message]:
        if envelope.refused:
            return self._stream_refused(method, envelope, frame)
        return self._streamed(method, bytes(envelope.data), frame)

    def _streamed(self, method: Any, payload: bytes, frame: bytes) -> Sequence[Message]:
        if method == QUOTES:
            symbol = read_head(payload).symbol
            if type(symbol) is not str:
                raise ProtocolError("a quote without a symbol", venue=self.venue, frame=frame)
            event = Event(quote_route(symbol), payload, read_quote)
        elif method == MARKET_DATA:
            event = Event((MARKET_DATA, ""), payload, read_market_data)
        elif isinstance(method, str):
            return (Event(method, payload, decode_json),)
        else:
            raise ProtocolError("a frame of no method", venue=self.venue, frame=frame)
        if self._unproven and event.route in self._unproven:
            return (*self._proven(event.route), event)
        return (event,)

    def _proven(self, route: Any) -> list[Response]:
        """Note that a stream flows, and answer the requests for it that wait for an answer."""
        answers: list[Response] = []
        for id in self._unproven.pop(route):
            if id in self._unanswered:
                del self._unanswered[id]
                self._implied[id] = route
                answers.append(Response(id, b"true"))
        return answers

    def _stream_refused(self, method: Any, envelope: Envelope, frame: bytes) -> Sequence[Message]:
        """Tell whom a refusal concerns: such a frame names its method, and often no more.

        Those who have had no frame yet come first: a request that is unanswered is refused by it.
        Else it ends the one stream that can be meant. Where several can, or the venue says that it
        failed, each gets it as an event that cannot be decoded, for its readers may be missing
        something and nobody can say who.
        """
        code, text = refusal_of_envelope(envelope)
        mine = [route for route in self._streams if route[0] == method]
        waiting = [route for route in mine if route in self._unproven]
        if len(waiting) == 1:
            unanswered = self._unanswered.keys() & self._unproven.pop(waiting[0])
            for id in unanswered:
                del self._unanswered[id]
            if unanswered:
                return [Rejection(id, refusal(code, text)) for id in sorted(unanswered)]
        if not mine:
            raise ProtocolError(
                f"{method!r:.80} was refused: {text}", venue=self.venue, frame=frame
            )
        meant = waiting or mine
        error = refusal(code, text)
        if len(meant) == 1 and isinstance(error, RequestRejected):
            return self._over(meant[0], error)
        return [_refused_event(route, code, text, frame) for route in meant]

    def _over(self, route: Route, error: VenueError) -> Sequence[Message]:
        """Forget a stream that the venue refused after it was taken for confirmed."""
        self._streams.pop(route, None)
        self._unproven.pop(route, None)
        return (Ended(route, error),)

    # Answers -------------------------------------------------------------------------------------

    def _answered(self, content: Frame, frame: bytes) -> Sequence[Message]:
        error, result = bytes(content.error), bytes(content.result)
        id = self._number(content.id, error, frame)
        route = self._unanswered.pop(id, None)
        late = self._implied.pop(id, None)
        try:
            refused = _refused(error, result, stream=bool(route or late))
            if late is not None:
                if refused is not None:
                    return self._over(late, refusal(*refused))
                return self._first_event(late, result, frame)
            if refused is not None:
                self._forget(route, id)
                return (Rejection(id, refusal(*refused)),)
            answer = Response(id, result or b"null")
            return (
                (answer,) if route is None else (answer, *self._first_event(route, result, frame))
            )
        except ProtocolError as unreadable:
            self._forget(route, id)
            unreadable.outcome_unknown = True
            return (Rejection(id, unreadable),)

    def _number(self, id: Any, error: bytes, frame: bytes) -> int:
        """Return the number of the request that an answer belongs to.

        The venue refuses what it could not read with the id null. Where only one request is
        unanswered it can mean no other; else nobody can say, and the refusal is reported.
        """
        if id is None and not absent(error) and len(self._unanswered) == 1:
            return next(iter(self._unanswered))
        text = str(id) if type(id) in (int, str) else ""
        if text.isascii() and text.isdecimal() and len(text) <= MAX_DIGITS:
            return int(text)
        detail = "" if absent(error) else f": {error.decode('utf-8', 'replace')}"
        raise ProtocolError(
            f"an answer to {id!r:.80}, which is no id of ours{detail:.200}",
            venue=self.venue,
            frame=frame,
        )

    def _first_event(self, route: Route, result: bytes, frame: bytes) -> Sequence[Message]:
        """Return the event that the result of a stream's request brings, where it is one."""
        if result[:1] != b"{":
            return ()
        envelope = read_envelope(result)
        payload = result if envelope.code is None else bytes(envelope.data)
        if payload[:1] != b"{":
            return ()
        head = read_head(payload)
        known = isinstance(head.symbol, str) if route[0] == QUOTES else head.timestamp is not None
        return self._streamed(route[0], payload, frame) if known else ()

    def _forget(self, route: Route | None, id: int) -> None:
        """Let a refused stream wait for its first frame no more."""
        left = [other for other in self._unproven.pop(route, ()) if other != id]
        if left:
            self._unproven[route] = left


def _refused(error: bytes, result: bytes, stream: bool) -> tuple[int | str | None, str] | None:
    """Return what an answer refuses with, if it does; a stream's refusal may be its result."""
    if not absent(error):
        return refusal_of(error)
    if stream and result == b"false":
        return None, "the venue answered the request with false"
    if stream and result[:1] == b"{":
        envelope = read_envelope(result)
        if envelope.code is not None and envelope.refused:
            return refusal_of_envelope(envelope)
    return None


def _refused_event(route: Route, code: int | str | None, text: str, frame: bytes) -> Event:
    def refuse(payload: bytes) -> NoReturn:
        raise refusal(code, text)

    return Event(route, frame, refuse)
