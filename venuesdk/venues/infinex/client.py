"""InfinexClient: the blocking client of Infinex; it chooses the route of each request.

The rule of that choice: nothing that changes the account is sent over HTTP where a byte of it may
already have left on the socket.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final, TypeVar

from ...client import Client, ClientOptions, Credential
from ...errors import (
    AuthenticationError,
    ClientClosed,
    ConnectionLost,
    NotSent,
    ProtocolError,
    RequestRejected,
    VenueError,
    VenueUnavailable,
)
from ...models import State
from ...protocol.codec import Request
from ...protocol.convert import Wire, decode_json, decoder, encode_json
from ...session.redaction import sealed
from ...timing import Deadline
from .codec import PING, REQ, InfinexCodec
from .models import Network
from .routes import check_path, http_request, needs_key, only_reads, read_answer, takes_key

if TYPE_CHECKING:
    from typing_extensions import Self, Unpack

__all__ = ["InfinexClient"]

T = TypeVar("T")

ROUTES: Final = ("auto", "websocket", "http")
KEY_VARIABLE: Final = "VENUESDK_INFINEX_API_KEY"


class _NetworkRow(Wire, frozen=True):
    """One value of ``networks``; its key is the network's name."""

    description: str
    icon_url: str


class _NetworksBody(Wire, frozen=True):
    """The body of ``/wallet/networks``; where there are none, the venue may send a list."""

    networks: dict[str, _NetworkRow] | list[_NetworkRow]


_read_networks_body = decoder(_NetworksBody)


class InfinexClient(
    Client,
    venue="infinex",
    codec=InfinexCodec,
    credentials={"api_key": KEY_VARIABLE},
    optional_credentials=("api_key",),
):
    """Talk to Infinex from any thread; every call blocks until its answer, or raises.

    `api_key` is put into the parameters of the paths that need it, and of those that no document
    knows; without it the environment variable ``VENUESDK_INFINEX_API_KEY`` is read, and public
    paths work with neither.

    `route` says how requests travel. ``"websocket"`` uses the socket alone, ``"http"`` opens no
    socket: nothing needs `connect` then. ``"auto"`` uses the socket, and HTTP while that is down;
    there `connect` also returns when the socket cannot be had, and goes on trying behind it.
    What only reads is asked over HTTP too where the socket failed under it, or said that the API
    is unavailable. An order or a withdrawal is not: where a byte of it may have left, you get the
    error, with ``outcome_unknown``.

    A socket and an HTTP side of different venues must not be mixed: where only one of `url` and
    `http_url` is given, ``"auto"`` uses that one alone.

    The venue's documents describe no limit of requests, and no order of their answers.

    The other keyword arguments are `venuesdk.ClientOptions`.
    """

    def __init__(
        self,
        *,
        api_key: Credential | None = None,
        route: str = "auto",
        **options: Unpack[ClientOptions],
    ) -> None:
        if route not in ROUTES:
            raise ValueError(f"route is one of {', '.join(ROUTES)}, not {route!r}")
        if route == "auto" and bool(options.get("url")) != bool(options.get("http_url")):
            route = "websocket" if options.get("url") else "http"
        self._route = route
        first_connect = "background" if route == "auto" else "raise"
        super().__init__({"api_key": api_key}, first_connect=first_connect, **options)

    @property
    def route(self) -> str:
        """How requests travel: ``auto``, ``websocket`` or ``http``."""
        return self._route

    def connect(self, timeout: float | None = None) -> Self:
        """Connect, and return the client.

        Blocks for `timeout` seconds at the longest (the client's by default). Does nothing with
        ``route="http"``. With ``route="auto"`` a socket that cannot be had is no error: the client
        goes on trying, and requests travel over HTTP meanwhile. Else raises `ConnectFailed` or
        `ConnectTimeout`.
        """
        if self._route == "http":
            if self.state is State.CLOSED:
                raise ClientClosed("the client was closed", venue=self.venue)
            return self
        try:
            return super().connect(timeout)
        except AuthenticationError:
            # The socket asks for no credentials, so this is a gateway's refusal of the upgrade.
            if self._route != "auto":
                raise
            return self

    def ping(self, *, timeout: float | None = None) -> None:
        """Ask the venue for a sign of life over the socket.

        Blocks until it comes; waits for a connection first. Raises `ValueError` with
        ``route="http"``, which has no socket, and what every call raises (`venuesdk.Client`)
        (Infinex document, "Ping").
        """
        if self._route == "http":
            raise ValueError('a ping needs a socket, and route="http" has none')
        self._request(Request(PING, read=True), _nothing, timeout)

    def request(
        self,
        path: str,
        params: Mapping[str, Any] | None = None,
        *,
        timeout: float | None = None,
    ) -> dict[str, Any]:
        """Call the API at `path` (``"/spot/open_orders/new"``), and return the body of its answer.

        Blocks until the answer. `params` are those of the venue's API document, without
        ``api_key``; write amounts and prices as `Decimal` or text. The body is the same on either
        route, ``success`` included; amounts are text, as the venue sends them, and numbers that
        are no integers are exact Decimals.

        Raises `ValueError` or `TypeError` before anything is sent, also where the path needs a key
        and there is none. Raises `RequestRejected` and its kin where the API says no
        (`TwoFactorRequired` where it wants a second factor); `VenueUnavailable` where it could not
        be reached behind its gateway; a `NetworkError` otherwise, as every call does
        (`venuesdk.Client`). ``outcome_unknown`` is true wherever the request may have been carried
        out; it is never sent twice then, unless it only reads.
        """
        return self._call(self._req(path, params), decode_json, timeout)

    def networks(self, asset: str, *, timeout: float | None = None) -> tuple[Network, ...]:
        """Return the networks that an asset can be moved on, in the venue's order.

        Blocks until the answer; it only reads, and needs no key. `asset` is its symbol, such as
        ``USDT``. Raises as `request` does (Infinex document, ``/wallet/networks``).
        """
        if not isinstance(asset, str):
            raise TypeError(f"an asset is text, not {type(asset).__name__}")
        if not asset:
            raise ValueError("an asset cannot be empty")
        return self._call(self._req("/wallet/networks", {"asset": asset}), _read_networks, timeout)

    def _req(self, path: str, params: Mapping[str, Any] | None) -> Request:
        """Check a request as far as that is possible before it is sent."""
        check_path(path)
        if params is not None and not isinstance(params, Mapping):
            raise TypeError(f"params is a mapping, not {type(params).__name__}")
        post = dict(params or {})
        if "api_key" in post:
            raise ValueError("api_key is put in by the client: give it to the constructor")
        encode_json(post)
        if needs_key(path) and not self._has_key():
            raise ValueError(f"{path} needs api_key= or the environment variable {KEY_VARIABLE}")
        fields = {"url": path, "post": post} if post else {"url": path}
        return Request(REQ, fields, read=only_reads(path))

    def _has_key(self) -> bool:
        return self._given["api_key"] is not None or bool(os.environ.get(KEY_VARIABLE))

    # The routes ----------------------------------------------------------------------------------

    def _call(self, request: Request, decode: Callable[[bytes], T], timeout: float | None) -> T:
        deadline = self._deadline(timeout)
        if self._route == "websocket":
            return self._request_until(request, decode, deadline)
        # A client that failed has no socket and will not get one: as good as one that is down.
        if self._route == "auto" and self.state is not State.FAILED:
            try:
                return self._request_until(request, decode, deadline, wait=False)
            except (NotSent, ConnectionLost, VenueUnavailable) as error:
                if not _may_go_over_http(error, request) or deadline.expired():
                    raise
        return self._over_http(request, decode, deadline)

    @sealed
    def _over_http(self, request: Request, decode: Callable[[bytes], T], deadline: Deadline) -> T:
        credentials = self._resolve_credentials() if takes_key(request.fields["url"]) else {}
        try:
            response = self._http(http_request(request, credentials), deadline)
            return self._read(read_answer(response, request.read), decode, request)
        except VenueError as error:
            if isinstance(error, RequestRejected):
                error.request = request
            raise self._redacted(error)  # noqa: B904 - the same error


def _may_go_over_http(error: VenueError, request: Request) -> bool:
    """Return whether a request that failed on the socket may be asked over HTTP.

    That it was not sent makes it safe for everything; anything else only for what changes nothing.
    """
    return request.read or isinstance(error, NotSent)


def _nothing(payload: bytes) -> None:
    return None


def _read_networks(payload: bytes) -> tuple[Network, ...]:
    networks = _read_networks_body(payload).networks
    if isinstance(networks, dict):
        return tuple(Network(name, row.description, row.icon_url) for name, row in networks.items())
    if networks:
        raise ProtocolError("the networks have no names", venue="infinex", frame=payload)
    return ()
