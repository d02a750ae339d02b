"""Infinex, simulated: the multiplexing socket and the HTTP API, two doors to one exchange.

The socket's envelope is the Infinex document's. "Invented" marks what no document says.
"""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urlsplit

from venuesdk.testing.server import Connection, HttpReply, HttpRequest, SimulatedVenue
from venuesdk.testing.sims.infinex_api import Api, UnknownEndpoint
from venuesdk.testing.sims.infinex_exchange import Exchange, Order
from venuesdk.testing.switches import FAULTS

__all__ = ["SimulatedInfinex"]

# The form of the gateway's errors is known: an object, and no `success` beside it.
BROKEN = {"error": {"code": "INTERNAL_SERVER_ERROR", "msg": "Internal server error"}}
NO_ENDPOINT = {"error": {"code": "INVALID_ENDPOINT", "msg": "Invalid endpoint"}}
NO_METHOD = {"error": {"code": "METHOD_NOT_ALLOWED", "msg": "Method not allowed"}}


class SimulatedInfinex(SimulatedVenue):
    """Infinex on loopback, with its HTTP side.

    Options: `api_key`, which is 64 lower-case hexadecimal digits at the venue, and `code_2fa`,
    the second factor that a withdrawal wants. `orders` has every order that was ever taken in,
    with the door it came through, so that a test can count what really happened.
    """

    name = "infinex"
    path = "/"
    has_http = True
    faults = (*FAULTS, "api_unavailable")

    def __init__(
        self,
        *,
        api_key: str = "5a" * 32,
        code_2fa: str = "123456",
        **options: Any,
    ) -> None:
        super().__init__(**options)
        self.api_key = api_key
        self.credentials = {"api_key": api_key}
        self.exchange = Exchange(f"{self.seed}/infinex", self.clock)
        self.market = self.exchange.market
        self._api = Api(self.exchange, api_key, code_2fa)
        self._unavailable = False
        self._http_unavailable = False
        self._executes_first = False

    @property
    def http_url(self) -> str:
        """The base of the HTTP side, without a slash at its end; the venue must be started."""
        return self._http_base()

    @property
    def orders(self) -> list[Order]:
        """Every order that was taken in, through either door, oldest first."""
        with self._guard:
            return list(self.exchange.orders)

    def api_unavailable(
        self, on: bool = True, http: bool = True, executes_first: bool = False
    ) -> None:
        """Lose the API behind the doors: `API unavailable` on the socket, 500 over HTTP.

        With `http=False` the HTTP door stays well. With `executes_first` a request is carried
        out before its answer is lost, which the one who asked cannot know.
        """
        with self._guard:
            self._unavailable = on
            self._http_unavailable = on and http
            self._executes_first = on and executes_first

    def on_text(self, connection: Connection, text: str) -> None:
        """Answer one frame of the socket."""
        try:
            message = json.loads(text)
        except (ValueError, RecursionError):
            message = None
        if not isinstance(message, dict):
            message = {}
        # What is echoed where there is no id is invented.
        reply: dict[str, Any] = {"class": "resp", "id": message.get("id"), "success": True}
        problem = _problem(message)
        if problem is None and message["op"] == "req":
            post = message.get("post") or {}
            body = self._call("websocket", message["url"], post, self._unavailable)
            if body is None:
                problem = "API unavailable"
            else:
                reply["body"] = body
        if problem is not None:
            reply |= {"success": False, "error": problem}
        connection.respond(reply)

    def on_http(self, request: HttpRequest) -> HttpReply:
        """Answer one HTTP request; GET with a body works too, as clients have found."""
        if request.method not in ("POST", "GET"):
            return HttpReply(405, NO_METHOD)
        try:
            post = json.loads(request.body) if request.body else {}
        except (ValueError, RecursionError):
            post = None
        if not isinstance(post, dict):
            # A body that is no object reaches the API as nothing (the text is inferred).
            return HttpReply(200, {"success": False, "error": "Missing data"})
        body = self._call("http", request.path, post, self._http_unavailable)
        if body is None:
            return HttpReply(500, BROKEN)
        return HttpReply(404 if body is NO_ENDPOINT else 200, body)

    def step(self) -> None:
        """Move the market, and fill the open orders that it reaches."""
        self.exchange.step()

    def _call(
        self, route: str, url: str, post: dict[str, Any], unavailable: bool
    ) -> dict[str, Any] | None:
        """Return the body of an answer; nothing where the API is not to be reached."""
        if unavailable and not self._executes_first:
            return None
        self._api.login_refused = self.login_refused
        try:
            # The venue's own web page sent whole URLs, the document shows paths.
            body = self._api.call(route, urlsplit(url).path, post)
        except UnknownEndpoint:
            body = NO_ENDPOINT
        return None if unavailable else body


def _problem(message: dict[str, Any]) -> str | None:
    """Return what is wrong with a frame's form; that each case has this text is inferred."""
    identifier = message.get("id")
    well = (
        isinstance(identifier, (int, str))
        and not isinstance(identifier, bool)
        and message.get("op") in ("ping", "req")
    )
    if well and message["op"] == "req":
        # PHP cannot tell an empty object from an empty list, so both are accepted.
        post = message.get("post", {})
        url = message.get("url")
        well = isinstance(url, str) and url != "" and (isinstance(post, dict) or post == [])
    return None if well else "Missing data"
