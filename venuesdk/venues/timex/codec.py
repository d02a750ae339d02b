"""TimeX's WebSocket protocol: requests to frames, frames to messages.

Ids are text: a random prefix and the number. An answer or event has a ``type``; the answer to a
``REST`` request and every refusal have a ``status`` instead (TimeX document, and messages recorded
from the venue), so the type is looked at first. Credentials stand inside each request that needs
them, and are put there by `TimexCodec.encode` alone.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Hashable, Mapping, Sequence
from secrets import token_hex
from typing import Any, ClassVar, Final

from ...errors import ProtocolError, RequestRejected, VenueError, VenueUnavailable
from ...protocol.catalogue import Catalogue
from ...protocol.codec import Codec, Event, Message, Rejection, Request, Response, Topic
from ...protocol.convert import Raw, Wire, decode_json, decoder, encode_json
from . import events
from .catalogue import CATALOGUE
from .refusals import CODES, FAILURES, class_of
from .topics import AccountStream, PatternStream

__all__ = ["PUBLIC", "REST", "UNSUBSCRIBE", "TimexCodec"]

SUBSCRIBE: Final = "SUBSCRIBE"
ACCOUNT_SUBSCRIBE: Final = "ACCOUNT_SUBSCRIBE"
UNSUBSCRIBE: Final = "UNSUBSCRIBE"
REST: Final = "REST"

PUBLIC: Final = "/get/public/"
"""How streams begin that need no credentials."""

REMEMBERED: Final = 4096
MAX_DIGITS: Final = 18
REQUEST_ID: Final = re.compile(rb'"requestId"\s*:\s*"([0-9a-f]{8}-\d+)"')


class _EventHead(Wire, frozen=True):
    """All that must be known of an event to choose its decoder, wherever in it that stands."""

    type: str | None = None


class _MessageHead(Wire, frozen=True):
    """The ``message`` of an event, as far as the envelope goes."""

    event: _EventHead | None = None


class _Envelope(Wire, frozen=True, rename="camel"):
    """What every frame has some of; ``message`` is an object in events, and text in refusals."""

    type: str | None = None
    request_id: str | int | None = None
    subscription_id: str | None = None
    status: str | None = None
    message: _MessageHead | str | None = None
    code: Any = None
    payload: Raw = Raw(b"null")
    response_body: Raw = Raw(b"null")


class _AccountHead(Wire, frozen=True):
    """What an account event tells of."""

    balance: Raw = Raw(b"null")
    order: Raw = Raw(b"null")


class _SnapshotHead(Wire, frozen=True):
    """The payload of an answer to a subscribe."""

    snapshot: Raw = Raw(b"null")


_read_envelope = decoder(_Envelope)
_read_account = decoder(_AccountHead)
_read_snapshot = decoder(_SnapshotHead)
_decoder_of = events.MESSAGE_DECODERS.get


class TimexCodec(Codec):
    """What TimeX makes of requests and frames.

    It remembers what was asked, since the meaning of an answer may depend on it, and which
    subscriptions of which account stand, since an account's address stops all of them.
    """

    venue: ClassVar[str] = "timex"
    url: ClassVar[str] = "wss://plasma-relay-backend.timex.io/socket/relay"
    rejections: ClassVar[Mapping[Any, type[RequestRejected]]] = CODES
    catalogue: ClassVar[Catalogue] = CATALOGUE

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._prefix = f"{token_hex(4)}-"
        self._asked: dict[int, Request] = {}
        self._accounts: dict[str, list[Hashable]] = {}

    def encode(self, id: int, request: Request) -> str:
        """Return the frame that asks `request`.

        Raises `ValueError` where it needs credentials and there are none.
        """
        frame: dict[str, Any] = {"type": request.method, "requestId": f"{self._prefix}{id}"}
        if request.method == REST:
            text = self._encode_rest(frame, request)
        elif request.method == ACCOUNT_SUBSCRIBE:
            account, snapshot = request.fields["account"], request.fields["snapshot"]
            frame |= {"account": account, "auth": self._auth(), "snapshot": snapshot}
            text = encode_json(frame, reveal=True)
        else:
            text = encode_json(frame | dict(request.fields))
        self._asked[id] = request
        if len(self._asked) > REMEMBERED:
            # Requests that were never answered.
            del self._asked[next(iter(self._asked))]
        return text

    def decode(self, frame: bytes) -> Sequence[Message]:
        """Return what a frame says: an answer, an event, or an answer with its first event."""
        try:
            envelope = _read_envelope(frame)
        except ProtocolError as error:
            return (self._strange(frame, error),)
        kind, route = envelope.type, envelope.subscription_id
        if kind == "MESSAGE" and route is not None:
            message = envelope.message
            event = message.event if type(message) is _MessageHead else None
            decode = _decoder_of(event.type if event is not None else None)
            return (Event(route, frame, decode or events.message_update),)
        if kind == "ACCOUNT_SUBSCRIPTION" and route is not None:
            return _account_events(route, bytes(envelope.payload))
        if envelope.request_id is not None or envelope.status is not None:
            return self._answer(envelope, frame)
        if kind is not None and route is not None:
            return (Event(route, frame, events.frame_update),)
        raise self._unreadable("a frame that is neither an answer nor an event", frame)

    def subscribe(self, topics: Sequence[Topic], options: Mapping[str, Any]) -> Request:
        """Return the request that starts one topic.

        An account's stream that lost events brings a snapshot, whether one was asked for or not.
        """
        (topic,) = topics
        stream: PatternStream | AccountStream = topic.spec
        if options.get("resync") and isinstance(stream, AccountStream):
            stream = stream._replace(snapshot=True)
        method = SUBSCRIBE if isinstance(stream, PatternStream) else ACCOUNT_SUBSCRIBE
        return Request(method, stream._asdict(), topics=(topic,))

    def unsubscribe(self, topic: Topic, route: Hashable | None) -> Request | None:
        """Return the request that stops `topic`.

        An account is named by its address (TimeX document, "Unsubscribe account"). That stops all
        of its subscriptions, so one of several is named by its own id, as patterns are.
        """
        target: Any = route
        if isinstance(topic.spec, AccountStream):
            account = topic.spec.account
            standing = self._accounts.get(account, [])
            if route in standing:
                standing.remove(route)
            if not standing and not self._asking(account):
                target = account
        if target is None:
            return None
        return Request(UNSUBSCRIBE, {"subscriptionId": target}, topics=(topic,))

    def _encode_rest(self, frame: dict[str, Any], request: Request) -> str:
        stream = request.fields["stream"]
        frame["stream"] = stream
        if self.credentials or not stream.startswith(PUBLIC):
            frame["auth"] = self._auth()
        # The caller's payload is written by itself: a Secret in it is a mistake, and is refused.
        payload = encode_json(request.fields["payload"])
        return f'{encode_json(frame, reveal=True)[:-1]},"payload":{payload}}}'

    def _auth(self) -> dict[str, Any]:
        try:
            return {"id": self.credentials["api_id"], "secret": self.credentials["api_secret"]}
        except KeyError:
            pass
        raise ValueError("this needs api_id= and api_secret=")

    def _asking(self, account: str) -> bool:
        """Return whether a subscribe to `account` is unanswered."""
        return any(
            request.method == ACCOUNT_SUBSCRIBE and request.fields["account"] == account
            for request in self._asked.values()
        )

    # Answers -------------------------------------------------------------------------------------

    def _answer(self, envelope: _Envelope, frame: bytes) -> Sequence[Message]:
        id = self._number(envelope.request_id)
        if id is None:
            raise self._unreadable(_nobody(envelope), frame)
        request = self._asked.pop(id, None)
        kind, status = envelope.type, (envelope.status or "").upper()
        if kind == "SUBSCRIBED":
            return self._subscribed(id, request, envelope, frame)
        if kind == "UNSUBSCRIBED":
            if request is not None:
                self._accounts.pop(request.fields.get("subscriptionId", ""), None)
            return (Response(id, bytes(envelope.payload)),)
        if status == "ERROR":
            text = envelope.message if isinstance(envelope.message, str) else _text_in(frame)
            return (Rejection(id, self._refusal(envelope.code, text, request)),)
        if status == "SUCCESS":
            return (Response(id, bytes(envelope.response_body)),)
        reason = f"the answer to request {id} does not say whether it is an error"
        return (Rejection(id, self._unreadable(reason, frame, outcome_unknown=True)),)

    def _subscribed(
        self, id: int, request: Request | None, envelope: _Envelope, frame: bytes
    ) -> Sequence[Message]:
        route, payload = envelope.subscription_id, bytes(envelope.payload)
        if not route:
            reason = f"the answer to request {id} names no subscription"
            return (Rejection(id, self._unreadable(reason, frame, outcome_unknown=True)),)
        decode: Callable[[bytes], Any] = events.pattern_snapshot
        if request is not None and request.method == ACCOUNT_SUBSCRIBE:
            self._accounts.setdefault(request.fields["account"], []).append(route)
            decode = events.account_snapshot
        response = Response(id, payload, route)
        try:
            snapshot = bytes(_read_snapshot(payload).snapshot) if payload != b"null" else payload
        except ProtocolError:
            # Whoever consumes the stream learns what is wrong with it.
            snapshot = payload
        if snapshot == b"null":
            return (response,)
        return response, Event(route, snapshot, decode)

    def _refusal(self, code: Any, text: str, request: Request | None) -> VenueError:
        number = self._number(code)
        if number in FAILURES:
            return VenueUnavailable(f"{text} ({number})", venue=self.venue, outcome_unknown=True)
        kind = class_of(number, text, request)
        return self.rejection(code if number is None else number, text, kind)

    def _strange(self, frame: bytes, error: ProtocolError) -> Message:
        """Return what can still be said of a frame whose envelope cannot be read."""
        error.venue = self.venue
        try:
            data = decode_json(frame)
        except ProtocolError:
            found = REQUEST_ID.search(frame)
            data = {"requestId": found[1].decode()} if found else None
        if not isinstance(data, dict):
            raise error
        id, route = self._number(data.get("requestId")), data.get("subscriptionId")
        if id is not None:
            request = self._asked.pop(id, None)
            if data.get("status") == "ERROR":
                return Rejection(id, self._refusal(data.get("code"), _text_in(frame), request))
            error.outcome_unknown = True
            return Rejection(id, error)
        if not isinstance(route, str):
            raise error
        known = data.get("type") == "MESSAGE"
        return Event(route, frame, events.message_update if known else events.frame_update)

    def _number(self, id: Any) -> int | None:
        """Return the number in an id of ours, or in a bare number, be it text or not."""
        if type(id) is int:
            return id
        text = id.removeprefix(self._prefix) if isinstance(id, str) else ""
        return int(text) if text.isascii() and text.isdigit() and len(text) <= MAX_DIGITS else None

    def _unreadable(
        self, reason: str, frame: bytes, *, outcome_unknown: bool = False
    ) -> ProtocolError:
        return ProtocolError(reason, venue=self.venue, outcome_unknown=outcome_unknown, frame=frame)


def _account_events(route: str, payload: bytes) -> Sequence[Message]:
    """Return the event of an account, or both where the venue put two into one frame."""
    try:
        head = _read_account(payload)
    except ProtocolError:
        return (Event(route, payload, events.account_update),)
    found = []
    if bytes(head.order) != b"null":
        found.append(Event(route, payload, events.order_update))
    if bytes(head.balance) != b"null":
        found.append(Event(route, payload, events.balance_update))
    return found or (Event(route, payload, events.account_update),)


def _nobody(envelope: _Envelope) -> str:
    text = envelope.message
    said = f": {text}" if isinstance(text, str) else ""
    return f"an answer to {envelope.request_id!r:.80}, which is no id of ours{said}"


def _text_in(frame: bytes) -> str:
    """Return the text of a refusal that did not come as text."""
    try:
        message = decode_json(frame).get("message")
        return "" if message is None else encode_json(message)
    except (ProtocolError, TypeError, ValueError):
        return ""
