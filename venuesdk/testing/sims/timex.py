"""The simulated TimeX: subscriptions by pattern, one account, REST over the socket.

Requests, rejections and event shapes follow the TimeX documents and messages recorded from it.
Texts of rejections are invented, except ``Access denied``, ``Validation error`` and that of an
insufficient balance. Its sockets are the server's; its books, orders, events and REST streams
live in the modules beside it.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal
from typing import Any

from attrs import frozen

from venuesdk.testing.market import Market
from venuesdk.testing.server import Connection, SimulatedVenue
from venuesdk.testing.sims import timex_shapes as shapes
from venuesdk.testing.sims.timex_books import Books
from venuesdk.testing.sims.timex_events import Events, account_event, account_news, message
from venuesdk.testing.sims.timex_ledger import Ledger, Refused
from venuesdk.testing.sims.timex_patterns import Pattern, check_spelling, read_pattern
from venuesdk.testing.sims.timex_rest import RestStreams
from venuesdk.testing.sims.timex_times import Stamps

__all__ = ["SimulatedTimex"]

_DENIED = "Access denied"

# Invented, but for two amounts that were recorded.
_BALANCES = {
    "BTC": "2",
    "USDT": "100000",
    "ETH": "50",
    "USD": "100000",
    "AUDT": "111.672571309375",
    "EOS": "1000",
    "LTC": "0",
    "TIME": "0.00123249098837567187",
}


@frozen
class _Subscription:
    """One subscription of one connection: to a pattern, or, without one, to an account."""

    id: str
    topic: str
    pattern: Pattern | None


class SimulatedTimex(SimulatedVenue):
    """TimeX on loopback; options beside those of every venue:

    `api_id` and `api_secret`, the client's credentials. `event_before_response`: the first event
    of a subscription is sent before its ``SUBSCRIBED``, since nothing promises the other order.
    `numeric_amounts`: token amounts in trades are JSON numbers of up to 29 digits rather than
    texts; both were seen. `balances`: amounts per currency, over those that the account starts
    with.

    `orders` is the account's ledger; `account` its address, lower case.
    """

    name = "timex"
    path = "/socket/relay"

    def __init__(
        self,
        *,
        api_id: str = "simulated-timex-id",
        api_secret: str = "simulated-timex-secret",
        event_before_response: bool = False,
        numeric_amounts: bool = False,
        balances: Mapping[str, str | Decimal] | None = None,
        **options: Any,
    ) -> None:
        super().__init__(**options)
        self.api_id = api_id
        self.api_secret = api_secret
        # The address that the TimeX document shows.
        self.account = "0xb18e6e42cd252b78731f4eec48a7d1cf6a0b3849"
        self.credentials = {"api_id": api_id, "api_secret": api_secret}
        self.market = Market(self.seed, shapes.MARKETS, depth=10)
        amounts = {**_BALANCES, **(balances or {})}
        start = {currency: Decimal(amount) for currency, amount in amounts.items()}
        self.orders = Ledger(shapes.PAIRS, start, self.random)
        self._stamps = Stamps(self.clock)
        self._books = Books(self.seed, self.market, self.orders, self._stamps)
        self._events = Events(self.market, self._books, self._stamps, numeric_amounts)
        self._rest = RestStreams(self.account, self.orders, self.market, self._books, self._stamps)
        self._event_first = event_before_response
        self._news: list[dict[str, Any]] = []
        self._answers: Mapping[str, Callable[[Connection, dict[str, Any]], None]] = {
            "SUBSCRIBE": self._subscribe,
            "ACCOUNT_SUBSCRIBE": self._subscribe_account,
            "UNSUBSCRIBE": self._unsubscribe,
            "REST": self._answer_rest,
        }

    def publish(
        self, pattern: str, event: object, payload: object = None, id: int | None = None
    ) -> int:
        """Send a ``MESSAGE`` of any content to whoever subscribed to exactly this pattern.

        Returns to how many subscriptions it went. It has an id only where `id` is given.
        """
        body = {"event": event, "payload": payload}
        count = 0
        with self._guard:
            for connection in self.open_connections():
                for one in connection.memory:
                    if one.topic == pattern:
                        connection.event(message(one.id, body if id is None else {"id": id} | body))
                        count += 1
        return count

    # -- hooks

    def opened(self, connection: Connection) -> None:
        """Start without subscriptions: they end with their connection."""
        connection.memory = []

    def on_text(self, connection: Connection, text: str) -> None:
        """Answer one request; whatever is wrong with it is answered with ``status: ERROR``."""
        try:
            request = json.loads(text, parse_float=Decimal)
        except (ValueError, RecursionError):
            request = None
        if not isinstance(request, dict):
            connection.respond(_error(None, "Message is not readable"))
            return
        kind = request.get("type")
        answer = self._answers.get(kind) if isinstance(kind, str) else None
        try:
            if answer is None:
                raise Refused(f"Unsupported operation: {kind}")
            answer(connection, request)
        except Refused as refused:
            connection.respond(_error(_echo(request), refused.args[0]))

    def step(self) -> None:
        """Move the markets; resting orders fill where a market reaches them, or expire."""
        self.market.step()
        now = self._stamps.now()
        outcomes = [self.orders.expire(now)]
        for symbol in self.market.symbols:
            self._books.age(symbol)
            walk = self.market[symbol]
            outcomes.append(self.orders.meet(symbol, walk.bids(), walk.asks(), now))
        self._news = account_news(self.orders, outcomes)

    def events_for(self, connection: Connection) -> Iterable[object]:
        """Return an event of each streamed pattern, and the account's news."""
        for one in connection.memory:
            if one.pattern is None:
                yield from (account_event(one.id, payload) for payload in self._news)
            elif one.pattern.streamed:
                yield self._events.of(one.pattern, one.id)

    # -- requests

    def _subscribe(self, connection: Connection, request: dict[str, Any]) -> None:
        pattern = read_pattern(request.get("pattern"))
        subscription = _Subscription(self._new_id(), pattern.text, pattern)
        if self._event_first and pattern.streamed:
            connection.event(self._events.of(pattern, subscription.id))
        self._subscribed(connection, request, subscription, lambda: self._events.snapshot(pattern))

    def _subscribe_account(self, connection: Connection, request: dict[str, Any]) -> None:
        account = request.get("account")
        check_spelling({"account": account})
        self._check_auth(request)
        if account != self.account:
            raise Refused(_DENIED)
        subscription = _Subscription(self._new_id(), account, None)
        if self._event_first:
            payload = {"balance": shapes.balance(self.orders, "AUDT")}
            connection.event(account_event(subscription.id, payload))
        self._subscribed(
            connection,
            request,
            subscription,
            lambda: shapes.account_snapshot(self.orders, self.market.symbols),
        )

    def _subscribed(
        self,
        connection: Connection,
        request: dict[str, Any],
        subscription: _Subscription,
        snapshot: Callable[[], object],
    ) -> None:
        connection.memory.append(subscription)
        payload = {"snapshot": snapshot()} if request.get("snapshot") is True else None
        connection.respond(_answer("SUBSCRIBED", request, subscription.id, payload))

    def _unsubscribe(self, connection: Connection, request: dict[str, Any]) -> None:
        wanted = request.get("subscriptionId")
        if isinstance(wanted, str) and wanted.lower().startswith("0x"):
            check_spelling({"account": wanted})
        kept = [
            one
            for one in connection.memory
            if wanted != one.id and (one.pattern is not None or wanted != one.topic)
        ]
        if len(kept) == len(connection.memory):
            raise Refused(f"Subscription not found: {wanted}")
        connection.memory = kept
        # An account's address comes back as it was sent, although its subscription has an id.
        connection.respond(_answer("UNSUBSCRIBED", request, wanted, None))

    def _answer_rest(self, connection: Connection, request: dict[str, Any]) -> None:
        stream = request.get("stream")
        if not (isinstance(stream, str) and stream.startswith("/get/public/")):
            self._check_auth(request)
        body, outcomes = self._rest.answer(stream, request.get("payload"))
        connection.respond({"requestId": _echo(request), "status": "SUCCESS", "responseBody": body})
        news = account_news(self.orders, outcomes)
        for other in self.open_connections():
            for one in other.memory:
                if one.pattern is None:
                    for payload in news:
                        other.event(account_event(one.id, payload))

    def _check_auth(self, request: dict[str, Any]) -> None:
        auth = request.get("auth")
        if self.login_refused or auth != {"id": self.api_id, "secret": self.api_secret}:
            raise Refused(_DENIED)

    def _new_id(self) -> str:
        return str(uuid.UUID(int=self.random.getrandbits(128), version=4))


def _echo(request: dict[str, Any]) -> str | None:
    """Return the request's id as the venue gives it back: as text, whatever it was."""
    identity = request.get("requestId")
    return None if identity is None else str(identity)


def _error(identity: str | None, text: str) -> dict[str, Any]:
    return {"requestId": identity, "status": "ERROR", "message": text}


def _answer(kind: str, request: dict[str, Any], subscription: Any, payload: Any) -> dict[str, Any]:
    return {
        "type": kind,
        "requestId": _echo(request),
        "subscriptionId": subscription,
        "payload": payload,
    }
