"""Onyx, simulated: the version 1 JSON stream of the Onyx document.

The envelope, the three channels and their events are the document's; the texts of responses are
those that the venue's own published tests expect. "Invented" marks what neither says.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from typing import Any

from attrs import Factory, define

from venuesdk.testing.server import Connection, SimulatedVenue
from venuesdk.testing.sims.onyx_feed import CONTRACTS, GROUPS, Feed

__all__ = ["SimulatedOnyx"]

# No document gives the code with which the venue hangs up (invented).
HANG_UP = 1008
ORDER_FIELDS = frozenset({"symbol", "exchange", "side", "amount", "price", "timestamp_millis"})
INTERNAL_CHANNELS = ("rfq", "product_risk")
MESSAGE_FORMS = ("object", "string")
TICKER_FORMS = ("full", "mid", "plain")


@define
class _Memory:
    """What the venue knows of one connection."""

    uid: str
    since: float
    authenticated: bool = False
    channels: set[str] = Factory(set)
    products: set[str] = Factory(set)
    groups: set[str] = Factory(set)


class SimulatedOnyx(SimulatedVenue):
    """Onyx on loopback.

    Options: `token`; `auth_deadline`, the seconds until an unauthenticated connection is closed;
    `message_form`, "object" for `{"Message": text}` (what the venue sends) or "string" for the
    bare text (what the document shows); `error_field=False` leaves `error` out of successes;
    `early_events=True` sends the first event of a subscription before its response;
    `ticker_form`, "full", "mid" (no bid and ask) or "plain" (no mid and product, as in the
    document).
    """

    name = "onyx"
    path = "/stream/v1"

    def __init__(
        self,
        *,
        token: str = "simulated-onyx-token",
        auth_deadline: float = 5.0,
        message_form: str = "object",
        error_field: bool = True,
        early_events: bool = False,
        ticker_form: str = "full",
        **options: Any,
    ) -> None:
        super().__init__(**options)
        if message_form not in MESSAGE_FORMS:
            raise ValueError(f"message_form is one of {MESSAGE_FORMS}, not {message_form!r}")
        if ticker_form not in TICKER_FORMS:
            raise ValueError(f"ticker_form is one of {TICKER_FORMS}, not {ticker_form!r}")
        self.token = token
        self.credentials = {"token": token}
        self.auth_deadline = auth_deadline
        self.message_form = message_form
        self.error_field = error_field
        self.early_events = early_events
        self.feed = Feed(f"{self.seed}/onyx", self.random, self.clock, ticker_form)
        self.market = self.feed.market

    def opened(self, connection: Connection) -> None:
        """Start the clock that ends a connection without a login."""
        uid = f"{self.random.getrandbits(128):032x}"
        memory = connection.memory = _Memory(uid, self.clock())

        def judge() -> None:
            if not memory.authenticated:
                connection.close(HANG_UP)

        self.later(self.auth_deadline, judge)

    def on_text(self, connection: Connection, text: str) -> None:
        """Answer a request, or hang up where the method is none of the venue's."""
        try:
            request = json.loads(text)
        except (ValueError, RecursionError):
            request = None
        method = request.get("method") if isinstance(request, dict) else None
        answer = self._methods().get(method) if isinstance(method, str) else None
        if answer is None:
            connection.close(HANG_UP)
        elif not isinstance(request.get("id"), str):
            self._respond(connection, request, "bad request", error=True)
        elif method != "auth" and not connection.memory.authenticated:
            text = f"authentication required for method {method}"
            self._respond(connection, request, text, error=True)
        else:
            answer(connection, request)

    def step(self) -> None:
        """Move the prices, and change one dashboard."""
        self.feed.step()

    def events_for(self, connection: Connection) -> Iterable[object]:
        """Return the events of every channel that the connection has subscribed to."""
        memory: _Memory = connection.memory
        if "server_info" in memory.channels:
            yield self.feed.server_info(memory.uid, memory.since)
        tickers = self.feed.tickers(
            memory.products.union(*(GROUPS[group] for group in memory.groups))
        )
        if tickers is not None:
            yield tickers
        if "dashboards" in memory.channels:
            yield self.feed.dashboard_change()
        if "snapshots" in memory.channels:
            yield self.feed.snapshot_change()

    # -- methods

    def _methods(self) -> dict[str, Callable[[Connection, dict[str, Any]], None]]:
        return {
            "auth": self._auth,
            "subscribe": self._subscribe,
            "unsubscribe": self._unsubscribe,
            "order": self._order,
        }

    def _auth(self, connection: Connection, request: dict[str, Any]) -> None:
        if not isinstance(request.get("token"), str):
            self._respond(connection, request, "bad request", error=True)
        elif self.login_refused or request["token"] != self.token:
            # Both texts of auth are invented: no document has them.
            self._respond(connection, request, "invalid token", error=True)
        else:
            connection.memory.authenticated = True
            self._respond(connection, request, "authenticated")

    def _order(self, connection: Connection, request: dict[str, Any]) -> None:
        # What a well-formed order is answered with is in no document (invented).
        known = request.keys() >= ORDER_FIELDS
        text = "orders are not simulated" if known else "bad request"
        self._respond(connection, request, text, error=True)

    def _subscribe(self, connection: Connection, request: dict[str, Any]) -> None:
        memory: _Memory = connection.memory
        channel = request.get("channel")
        if channel in ("server_info", "dashboards", "snapshots") and isinstance(channel, str):
            if channel in memory.channels:
                text = f"already subscribed to {channel}"
                self._respond(connection, request, text, error=True)
                return
            memory.channels.add(channel)
            first = self.feed.first(channel)
            if self.early_events and first:
                connection.event(first)
            self._respond(connection, request, f"subscribed to {channel}")
            if first and not self.early_events:
                connection.event(first)
            return
        wanted = self._wanted(connection, request)
        if wanted is None:
            return
        products, groups = wanted
        memory.products.update(products)
        memory.groups.update(groups)
        self._respond(connection, request, f"subscribed to tickers for {_said(products, groups)}")

    def _unsubscribe(self, connection: Connection, request: dict[str, Any]) -> None:
        memory: _Memory = connection.memory
        channel = request.get("channel")
        if channel in ("server_info", "dashboards", "snapshots") and isinstance(channel, str):
            if channel in memory.channels:
                memory.channels.remove(channel)
                self._respond(connection, request, f"unsubscribed from {channel}")
            else:
                self._respond(connection, request, f"not subscribed to {channel}", error=True)
            return
        wanted = self._wanted(connection, request)
        if wanted is None:
            return
        products, groups = wanted
        names = ", ".join([*products, *groups])
        if set(products) <= memory.products and set(groups) <= memory.groups:
            memory.products.difference_update(products)
            memory.groups.difference_update(groups)
            # Version 2's text; version 1's is in no document, nor is its refusal.
            self._respond(connection, request, f"unsubscribed from {names}")
        else:
            self._respond(connection, request, f"not subscribed to {names}", error=True)

    def _wanted(
        self, connection: Connection, request: dict[str, Any]
    ) -> tuple[list[str], list[str]] | None:
        """Return the products and groups of a `tickers` channel, or answer why there are none."""
        channel = request.get("channel")
        problem = "bad request"
        if isinstance(channel, dict) and len(channel) == 1:
            ((name, parameters),) = channel.items()
            if name in INTERNAL_CHANNELS and isinstance(parameters, dict):
                problem = f"no permissions for channel {name}"  # invented
            elif name == "tickers" and isinstance(parameters, dict):
                products = parameters.get("products", [])
                groups = parameters.get("product_groups", [])
                problem = _refused(products, CONTRACTS, "product")
                problem = problem or _refused(groups, GROUPS, "product group")
                if not problem and not products and not groups:
                    problem = "no products specified"
                if not problem:
                    return products, groups
        self._respond(connection, request, problem, error=True)
        return None

    def _respond(
        self, connection: Connection, request: dict[str, Any], text: str, error: bool = False
    ) -> None:
        message = text if self.message_form == "string" else {"Message": text}
        response = {"id": request.get("id"), "method": request["method"], "message": message}
        if error or self.error_field:
            response["error"] = error
        connection.respond(response)


def _said(products: list[str], groups: list[str]) -> str:
    """Name what was subscribed to; only the text of one product is known, the rest invented."""
    parts = [f"product {', '.join(products)}"] if products else []
    return " and ".join(parts + ([f"product group {', '.join(groups)}"] if groups else []))


def _refused(names: object, known: Iterable[str], word: str) -> str:
    """Return why a list of names is refused; empty where it is not."""
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        return "bad request"
    for name in names:
        if name not in known:
            return f"no permissions for {word} {name} or {word} does not exist"
    return ""
