"""HTTP requests with one deadline from the name lookup to the last byte; the requests door.

requests and urllib3 write the request, read the answer and keep connections alive. What they take
for a socket is our own byte stream, and what they are told of a request is its method, host and
path: query, headers and body go from our objects straight to that stream, so that no log, error
or frame of theirs can show them. Nothing here follows a redirect, keeps a cookie, reads a .netrc
or sends a request twice.
"""

from __future__ import annotations

import functools
import http.client
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from ssl import SSLContext
from types import MappingProxyType
from typing import Any, ClassVar

import requests
from requests.adapters import HTTPAdapter
from urllib3 import HTTPResponse, Retry
from urllib3.connection import HTTPSConnection
from urllib3.exceptions import HeaderParsingError
from urllib3.util.response import assert_header_parsing

from venuesdk.errors import ClientClosed, ConnectFailed, ConnectTimeout, VenueError
from venuesdk.models import HttpRequest, HttpResponse
from venuesdk.timing import Deadline
from venuesdk.wire.endpoint import USER_AGENT, Proxy
from venuesdk.wire.exchange import Exchange, Line
from venuesdk.wire.site import Site
from venuesdk.wire.stream import ByteStream
from venuesdk.wire.tls import default_context, file_context

__all__ = ["MAX_BODY", "HttpConnection"]

MAX_BODY = 16 * 1024 * 1024
"""The longest body of an answer, in decoded bytes, that is accepted unless told otherwise."""

IDLE_LANES = 8
"""How many unused lanes, with their live connections, one `HttpConnection` keeps."""

_CHUNK = 64 * 1024

_OVERHEAD = 1024 * 1024
"""Bytes of an answer that are not its body. A body is never twice as long before it is decoded as
after, unless it is made of nothing: of endless trailers, or of compressed emptiness, which costs
memory and is no byte of the body."""


class HttpConnection:
    """Send HTTP requests to one venue: any number at a time, from any thread.

    The paths of requests are appended to ``base_url``; without one, requests carry whole URLs.
    ``headers`` go with every request. ``ssl_context`` replaces the process-wide default context
    (which trusts the system's authorities), ``ca_file`` trusts only that file; give one of the
    two at most. The environment's proxies are used only with ``environment_proxy``.
    ``has_credentials`` says that secrets travel in these requests: then ``http://`` is refused
    except to this machine. ``max_body`` bounds the body of an answer, in decoded bytes; as it
    travels, an answer may take twice that and 1 MiB more.

    Each request has a lane, which is a transport with its live connections, to itself for as long
    as it lasts, so no object of requests or urllib3 is shared between threads (neither says that
    a ``Session`` may be). Lanes are kept and used again. The lock guards the two collections of
    lanes, and nothing is waited for under it.

    Raises ValueError or TypeError for what could never be used.
    """

    def __init__(
        self,
        base_url: str = "",
        *,
        headers: Mapping[str, str] = MappingProxyType({}),
        user_agent: str = USER_AGENT,
        ssl_context: SSLContext | None = None,
        ca_file: str | Path | None = None,
        proxy: Proxy | str | None = None,
        environment_proxy: bool = False,
        has_credentials: bool = False,
        max_body: int = MAX_BODY,
    ) -> None:
        if isinstance(max_body, bool) or not isinstance(max_body, int):
            raise TypeError(f"max_body is a whole number, not {type(max_body).__name__}")
        if max_body < 1:
            raise ValueError("max_body must be at least 1")
        self._site = Site(
            base_url, headers, user_agent, proxy, environment_proxy, has_credentials
        )
        self._context = _context_source(ssl_context, ca_file)
        self._max_body = max_body
        # Reentrant, for a signal handler may close what it interrupted.
        self._lock = threading.RLock()
        self._idle: list[_Lane] = []
        self._busy: dict[Exchange, _Lane] = {}
        self._closed = False

    def __repr__(self) -> str:
        state = " (closed)" if self._closed else ""
        return f"<HttpConnection {self._site.base_url!r}{state}>"

    def request(self, request: HttpRequest, deadline: Deadline) -> HttpResponse:
        """Send one request and return the answer, whatever its status, redirects included.

        Blocks until the answer is whole or the deadline has come, which counts from the name
        lookup to the last byte; ``deadline.cancel()`` ends it within about a tenth of a second.
        Callable from any thread.

        Raises ValueError or TypeError for what cannot be sent, before connecting; ConnectFailed
        or ConnectTimeout when no connection was made; NotSent when not one byte of the request
        left. From there on the outcome is unknown: RequestTimeout at the deadline; ConnectionLost
        when the connection ended, also one kept alive that the peer had closed meanwhile, since
        nothing is ever sent again; ProtocolError when the answer cannot be read or is too long.
        ClientClosed after, or during, `close`.
        """
        exchange: Exchange | None = None
        failure: BaseException
        try:
            exchange = self._site.exchange(request, deadline)
            return self._perform(exchange)
        except Exception as error:
            failure = error if exchange is None else self._explain(exchange, error)
        except BaseException as error:
            failure = error
        # Raised here, and bare: no frame, cause or context may show what was sent.
        failure.__cause__ = failure.__context__ = None
        raise failure.with_traceback(None)

    def close(self) -> None:
        """End the requests under way and close every connection; from any thread.

        Never blocks. The deadlines of requests under way are cancelled, and these raise
        ClientClosed within about a tenth of a second. Closing twice does nothing.
        """
        if self._closed:  # before the lock, which nobody may ever release in a forked child
            return
        with self._lock:
            self._closed = True
            idle, self._idle = self._idle, []
            for exchange in list(self._busy):
                exchange.deadline.cancel()
        for lane in idle:
            lane.abort()

    def abandon(self) -> None:
        """Close only the descriptors, in a forked child: no lock is taken, the parent goes on."""
        self._closed = True
        for lane in [*self._idle, *self._busy.values()]:
            for stream in lane.streams:
                stream.abandon()

    def _explain(self, exchange: Exchange, error: Exception) -> VenueError:
        if self._closed:
            return ClientClosed("the client was closed", outcome_unknown=exchange.sent)
        return exchange.explain(error)

    def _perform(self, exchange: Exchange) -> HttpResponse:
        if self._closed:  # before the lock, as in `close`
            raise ClientClosed
        finished = False
        try:
            lane = self._take(exchange)
            if self._closed:  # `close` saw either this lane or nothing of it
                raise ClientClosed
            response = lane.run(exchange, self._max_body)
            finished = True
        finally:
            # By its exchange, for Ctrl-C may come before this thread has heard of its lane.
            self._give_back(self._busy.pop(exchange, None), finished)
        return response

    def _take(self, exchange: Exchange) -> _Lane:
        """Return a lane for one request, which `close` knows of from now on."""
        with self._lock:
            lane = self._idle.pop() if self._idle else _Lane(self._context)
            lane.exchange = exchange
            self._busy[exchange] = lane
        return lane

    def _give_back(self, lane: _Lane | None, finished: bool) -> None:
        """Keep a lane whose request is over, if it is in order and there are not too many."""
        if lane is None:
            return
        lane.exchange = Exchange(Deadline(0))
        with self._lock:
            kept = finished and not self._closed and len(self._idle) < IDLE_LANES
            if kept:
                self._idle.append(lane)
        if not kept:
            lane.abort()


class _Lane(HTTPAdapter):
    """One request's way to the venue at a time: requests' transport, one connection per host.

    Of requests this is all that is used: what a ``Session`` would add are cookies, redirects,
    .netrc and the environment, and none of them belongs here.
    """

    def __init__(self, context: Callable[[], SSLContext]) -> None:
        self.context = context
        self.exchange = Exchange(Deadline(0))
        self.streams: list[ByteStream] = []
        super().__init__(pool_maxsize=1, max_retries=Retry(0, read=False))

    def open_line(self, host: str, port: int, secure: bool) -> Line:
        """Connect for the present exchange."""
        exchange = self.exchange
        if exchange.deadline.expired():
            raise exchange.fail(ConnectTimeout(f"no time left to connect to {host}"))
        context = self.context() if secure else None
        try:
            stream = ByteStream.connect(
                host, port, exchange.deadline, context=context, proxy=exchange.proxy
            )
        except ConnectFailed as error:
            raise exchange.fail(error) from None
        self.streams.append(stream)
        return Line(stream, lambda: self.exchange, self.streams.remove)

    def cert_verify(self, *_: Any, **__: Any) -> None:
        """Do nothing: requests would load its own authorities into the user's context."""

    def get_connection_with_tls_context(self, *arguments: Any, **options: Any) -> Any:
        """Return urllib3's pool, which from now on makes connections of ours."""
        pool: Any = super().get_connection_with_tls_context(*arguments, **options)
        kind = _SecureConnection if pool.scheme == "https" else _PlainConnection
        pool.ConnectionCls = functools.partial(kind, self)
        return pool

    def run(self, exchange: Exchange, max_body: int) -> HttpResponse:
        """Send the exchange's request and read the whole answer."""
        exchange.room = 2 * max_body + _OVERHEAD
        prepared = requests.Request(exchange.method, exchange.url).prepare()
        raw: HTTPResponse = self.send(prepared, stream=True).raw
        body = _read_body(raw, exchange, max_body)
        headers = {name.lower(): value for name, value in raw.headers.itermerged()}
        return HttpResponse(raw.status, headers, body)

    def abort(self) -> None:
        """Close every connection, whatever it is in the middle of."""
        for stream in [*self.streams]:
            stream.close()
        self.close()


class _SecureConnection(HTTPSConnection):
    """A connection of urllib3's whose socket is a `Line` and whose request is the exchange's."""

    debuglevel = 0
    """Kept from what a program sets to have ``http.client`` print every request: credentials."""
    secure: ClassVar[bool] = True

    def __init__(self, lane: _Lane, host: str, port: int, **_: Any) -> None:
        super().__init__(host, port)
        self.response_class = _Response
        self._lane = lane

    @property
    def is_connected(self) -> bool:
        """Whether the connection can take a request; urllib3 makes a new one if it cannot."""
        return isinstance(self.sock, Line) and self.sock.quiet

    def connect(self) -> None:
        """Connect through our own stream: proxy and TLS included."""
        self.sock: Any = self._lane.open_line(self.host, self.port, self.secure)
        self.is_verified = True

    def request(
        self, method: str, url: str, body: Any = None, headers: Any = None, **options: Any
    ) -> None:
        """Send what the exchange holds, of which urllib3 was told only `method` and `url`."""
        exchange = self._lane.exchange
        if self.sock is None:
            self.connect()
        exchange.established = True
        super().request(method, url, exchange.body, exchange.headers, **options)

    def putrequest(self, method: str, url: str, *arguments: Any, **options: Any) -> None:
        """Write the request line, with the query."""
        super().putrequest(method, self._lane.exchange.target, *arguments, **options)


class _PlainConnection(_SecureConnection):
    default_port: ClassVar[int] = 80  # type: ignore[misc]
    secure = False


class _Response(http.client.HTTPResponse):
    """Reads the head of an answer, and refuses what would be taken for something else."""

    def __init__(self, sock: Any, *arguments: Any, **options: Any) -> None:
        self._exchange: Exchange = sock.exchange
        super().__init__(sock, *arguments, **options)

    def begin(self) -> None:
        """Read the head."""
        super().begin()
        exchange = self._exchange
        if exchange.broken:  # http.client takes the end of the stream for the end of the head
            raise exchange.fail(exchange.cut("the connection ended within the answer's head"))
        why = self._fault()
        if why:
            raise exchange.fail(exchange.unreadable(why))

    def _fault(self) -> str:
        if self.status < 200:  # the answer proper would be taken for that of the next request
            return f"status {self.status} was not asked for"
        if self.headers.get("transfer-encoding", "chunked").lower() != "chunked":
            return "its transfer encoding is unknown"
        try:
            assert_header_parsing(self.headers)
        except HeaderParsingError:  # which urllib3 would log with all that the line holds
            return "it has a malformed header"
        return ""


def _read_body(raw: HTTPResponse, exchange: Exchange, max_body: int) -> bytes:
    """Read a body and decode it; stop as soon as it is known to be too long."""
    pieces: list[bytes] = []
    total = raw.length_remaining or 0
    if total <= max_body:
        total = 0
        while total <= max_body:
            piece = raw.read(_CHUNK, decode_content=True)
            if not piece:
                return b"".join(pieces)
            pieces.append(piece)
            total += len(piece)
    raise exchange.fail(exchange.unreadable(f"its body is longer than {max_body} bytes"))


def _context_source(
    ssl_context: SSLContext | None, ca_file: str | Path | None
) -> Callable[[], SSLContext]:
    """Return what makes the TLS context; the shared one is made when it is first needed."""
    if ssl_context is None:
        if ca_file is None:
            return default_context
        ssl_context = file_context(ca_file)
    elif ca_file is not None:
        raise ValueError("give ssl_context or ca_file, not both")
    elif not isinstance(ssl_context, SSLContext):
        raise TypeError("ssl_context must be an ssl.SSLContext")
    given = ssl_context
    return lambda: given
