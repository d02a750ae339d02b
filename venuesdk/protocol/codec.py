"""The words of a conversation with a venue, and Codec: what one venue makes of them.

A codec turns requests into frames and frames into messages. It is pure: it holds no socket, no
thread, no lock and no clock. One codec object serves one connection, so it may remember what that
connection taught it (subscription ids, what is in flight) and forgets it by being thrown away.

The words:

- `Request`: what a caller asks, without any credential and without an id.
- `Response`, `Rejection`: the venue's answer to one request.
- `Event`: one item of a stream, still raw, with the decoder that makes it a value.
- `Ended`: the venue's word that a stream is over.
- `Heartbeat`: a sign of life that may want an answer.
- `Topic`: what one subscribes to: a hashable key, its wire form, and how its events are treated.
"""

from __future__ import annotations

import enum
import re
from collections.abc import Callable, Generator, Hashable, Iterable, Mapping, Sequence
from typing import Any, ClassVar, Final, NamedTuple, TypeAlias

from attrs import field, frozen

from ..errors import RequestRejected, VenueError
from ..models import HttpRequest, HttpResponse
from ..secret import Secret
from .catalogue import Catalogue, Narrowing
from .convert import MutableWire

__all__ = [
    "Codec",
    "Ended",
    "Event",
    "Heartbeat",
    "Joining",
    "Message",
    "Pulse",
    "Rejection",
    "Request",
    "Response",
    "Topic",
]


_PARTS: Final = re.compile(r"[a-z0-9_]+(?:[.-][a-z0-9_]+)*")
"""What of a topic's name may stand in its kind."""


class Joining(enum.Enum):
    """What a further subscription to a topic that is already on the wire does."""

    SHARE = "share"
    """It shares the stream as it is: every event stands for itself."""
    OWN = "own"
    """It gets a subscription of its own on the wire, and with it its own initial state."""
    RESTART = "restart"
    """The stream is stopped and started, so that all get the full state; the others see a gap."""


@frozen
class Topic:
    """What one subscribes to.

    Two topics with one `key` are one subscription on the wire. `spec` is what the codec needs to
    write it. `route` says where its events arrive; ``None`` means that the venue names the route
    in its response. `narrow` keeps of a decoded value what the topic asked for, or returns
    ``None`` where nothing is left; of its words another process makes it again. `split` cuts a
    decoded value into values of the same type, one for each conflation key. A `private` topic
    (account, orders) never drops silently.
    """

    key: Hashable
    name: str = field(eq=False)
    spec: Any = field(eq=False, repr=False)
    route: Hashable | None = field(default=None, eq=False)
    joining: Joining = field(default=Joining.SHARE, eq=False)
    private: bool = field(default=False, eq=False)
    narrow: Narrowing | None = field(default=None, eq=False, repr=False)
    split: Callable[[Any], Iterable[tuple[Hashable, Any]]] | None = field(
        default=None, eq=False, repr=False
    )

    @property
    def kind(self) -> str:
        """The kind of channel: lower-case text of ``[a-z0-9._-]``, never empty, and stored.

        It is the first word of the name, or the first segment where that is a path or a pattern
        of paths: ``tickers``, ``orderbook.raw``. What may not stand in a kind parts it
        (``^/(order|trade)`` is ``order-trade``); where nothing is left it is ``other``.
        """
        word = "".join(self.name.lower().split()[:1])
        segment = word.lstrip("^/").partition("/")[0].replace("\\.", ".")
        return "-".join(_PARTS.findall(segment)) or "other"


@frozen
class Request:
    """What a caller asks of the venue; it never holds a credential.

    `method` is the venue's own word for it and `fields` its parameters. A `read` changes nothing
    at the venue: it may wait for a connection, and be sent again when it was certainly not sent.
    `topics` are those that a subscribe or unsubscribe is about.
    """

    method: str
    fields: Mapping[str, Any] = field(factory=dict)
    read: bool = False
    topics: tuple[Topic, ...] = ()


class Response(NamedTuple):
    """The venue's answer to request `id`; `payload` is its raw result.

    `route` is the route that the answer hands out to the topic that was subscribed to.
    """

    id: int
    payload: bytes
    route: Hashable | None = None


class Rejection(NamedTuple):
    """The venue's refusal of request `id`, as the exception that its caller will get.

    Usually a `RequestRejected`; a gateway's word is `VenueUnavailable`, and an answer that can be
    matched but not read is a `ProtocolError` with ``outcome_unknown``.
    """

    id: int
    error: VenueError


class Event(MutableWire):
    """One item of a stream: where it goes, its raw payload, and what makes it a typed value.

    The `route` is taken away once it has served: what waits needs it no more. There are many of
    them, and many may wait: a wire type is made faster than a tuple, takes less, and the collector
    does not look at it.
    """

    route: Hashable
    payload: bytes
    decode: Callable[[bytes], Any]


class Ended(NamedTuple):
    """The venue ended a stream by itself; `error` says why, and is what its listeners get."""

    route: Hashable
    error: VenueError


class Heartbeat(NamedTuple):
    """A sign of life from the venue; `answer` is the exact text that it wants back, if any."""

    answer: str | None = None


Message: TypeAlias = Response | Rejection | Event | Ended | Heartbeat


@frozen
class Pulse:
    """The rhythm of the heartbeat, in seconds.

    After `quiet` seconds without a byte from the venue the client asks for one; after `patience`
    more it takes the connection for dead.
    """

    quiet: float = 10.0
    patience: float = 5.0


class Codec:
    """What one venue makes of requests and frames; the base of every venue's codec.

    Called only by the session, under the session's lock, so it needs none of its own.
    """

    venue: ClassVar[str]
    url: ClassVar[str]
    http_url: ClassVar[str | None] = None
    pulse: ClassVar[Pulse] = Pulse()
    rejections: ClassVar[Mapping[Any, type[RequestRejected]]] = {}
    """The venue's error code or text → the class that its refusal is raised as."""
    serial: ClassVar[bool] = False
    """Only one subscribe or unsubscribe may be in flight on a connection."""
    grouped: ClassVar[bool] = False
    """One subscribe request may carry several topics, and succeeds or fails as a whole."""
    silent: ClassVar[bool] = False
    """A subscribe may stay without any answer on a quiet stream, and is no fault then."""
    catalogue: ClassVar[Catalogue] = Catalogue()
    """The names of the decoders that its events have, and of its topics' narrowings."""

    def __init__(
        self, credentials: Mapping[str, Secret], url: str = "", http_url: str = ""
    ) -> None:
        self.credentials = credentials
        self.connect_url = url or self.url
        self.connect_http_url = http_url or self.http_url or ""

    def address(self) -> Generator[HttpRequest, HttpResponse, str]:
        """Yield the HTTP requests that must come first, and return the URL to connect to.

        A relative `HttpRequest.url` is a path on the client's ``http_url``.
        """
        return self.connect_url
        yield  # makes this a generator: most venues ask nothing first

    def opening(self) -> Generator[Request, bytes, None]:
        """Yield the requests of the login one by one, and receive the payload of each response.

        Raises `AuthenticationError` where a response means that the login was refused.
        """
        return
        yield  # makes this a generator: most venues have no login

    def encode(self, id: int, request: Request) -> str:
        """Return the frame that asks `request` as number `id` (from 1, never used twice)."""
        raise NotImplementedError

    def decode(self, frame: bytes) -> Sequence[Message]:
        """Return what `frame` says, in order.

        Raises `ProtocolError` where it cannot be read and cannot be matched to a request.
        """
        raise NotImplementedError

    def heartbeat(self) -> Request | None:
        """Return the request that asks for a sign of life, or None for a WebSocket ping."""
        return None

    def subscribe(self, topics: Sequence[Topic], options: Mapping[str, Any]) -> Request:
        """Return the request that starts `topics`: one, or several where `grouped`.

        `options` are the caller's, for the wire. ``resync`` among them means that a listener
        missed events of a private topic: where the venue can send the full state, ask for it.
        """
        raise NotImplementedError

    def unsubscribe(self, topic: Topic, route: Hashable | None) -> Request | None:
        """Return the request that stops `topic`, or None where the venue has none."""
        return None

    def rejection(
        self, code: Any, message: str, kind: type[RequestRejected] | None = None
    ) -> RequestRejected:
        """Return the refusal for a venue's `code`, of the class that its table names."""
        cls = kind or self.rejections.get(code, RequestRejected)
        return cls(message, venue=self.venue, code=code)
