"""One desk per venue: how to ask for something that the venue executes, and how it is known to.

Where a venue has books (`orders`), these are the truth. Where it has none, what it answered is:
the answer is looked at inside the venue, before any fault touches it.
"""

from __future__ import annotations

import json
import re
import ssl
import time
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any, ClassVar

from judge import SPAN
from records import NOT_SENT, REFUSED, UNKNOWN, UNTYPED, Call, Executions, Feed
from websockets.exceptions import PayloadTooBig, ProtocolError

from venuesdk import FuzeClient, InfinexClient, LoopringClient, OnyxClient, TimexClient
from venuesdk.errors import AuthenticationError, RequestRejected, VenueError
from venuesdk.testing import simulate
from venuesdk.testing.transport import TlsTransport

__all__ = ["DESKS", "Desk"]

MARKER = re.compile(r'"marker":\s*(\d+)')
PRICED_HIGH = 10**12
"""What an order that must be refused has above its marker."""


class Desk:
    """A simulated venue with its books, and the client's calls that end up in them."""

    venue_name: ClassVar[str]
    client_class: ClassVar[Any]
    options: ClassVar[dict[str, Any]] = {}
    kinds: ClassVar[tuple[str, ...]] = ("write", "write", "write", "refused", "read")
    follow_up: ClassVar[dict[str, str]] = {}
    replayed: ClassVar[frozenset[str]] = frozenset()

    def __init__(self, tls: Any, seed: int, interval: float) -> None:
        self.executions = Executions()
        self.venue = simulate(
            self.venue_name, tls=tls, seed=seed, interval=interval, **self.options
        )
        self._numbers: dict[int, int] = {}
        self._made: dict[int, Any] = {}
        self.corrupted: list[str] = []
        self._watch_streams()
        self._watch_books()
        self._watch_frames()

    # -- the truth

    def _watch_frames(self) -> None:
        """Write down what no healthy client sends: torn frames, and text that is not JSON."""
        on_text, closed = self.venue.on_text, self.venue.closed

        def read(connection: Any, text: str) -> None:
            try:
                json.loads(text if text != "pong" else "{}")
            except ValueError as error:
                self.corrupted.append(f"connection {connection.number}: {error}: {text[:200]}")
            on_text(connection, text)

        def ended(connection: Any) -> None:
            error = connection._protocol.parser_exc
            if isinstance(error, (ProtocolError, PayloadTooBig, UnicodeDecodeError)):
                self.corrupted.append(f"connection {connection.number}: {error!r}")
            closed(connection)

        receive = TlsTransport.receive

        def decrypted(transport: TlsTransport) -> bytes:
            try:
                return receive(transport)
            except ssl.SSLEOFError:
                raise  # a cut within a record, as the proxy makes them
            except ssl.SSLError as error:
                self.corrupted.append(f"TLS: {error!r}")
                raise

        self.venue.on_text, self.venue.closed = read, ended
        TlsTransport.receive = decrypted  # type: ignore[method-assign]

    def _watch_streams(self) -> None:
        """Number the events of the watched stream as they are sent, per connection."""
        events_for = self.venue.events_for

        def numbered(connection: Any) -> Iterator[object]:
            for message in events_for(connection):
                if self.venue._weather.muted:
                    return  # what a muted venue does not say was never sent
                number = self._numbers.get(connection.number, connection.number * SPAN) + 1
                if self._stamp(message, number):
                    self._numbers[connection.number] = number
                yield message

        self.venue.events_for = numbered

    @property
    def newest(self) -> int:
        """The number of the newest event that was sent."""
        return max(self._numbers.values(), default=0)

    def _stamp(self, message: Any, number: int) -> bool:
        """Put a number into an event of the watched stream; tell whether it is one."""
        return False

    def number_of(self, event: Any) -> int | None:
        """Return the number of an event as the client delivers it."""
        raise NotImplementedError

    def _watch_books(self) -> None:
        """Write down what the venue does for whom."""
        on_text = self.venue.on_text

        def watched(connection: Any, text: str) -> None:
            found = MARKER.search(text)
            if found is None:
                on_text(connection, text)
                return
            respond = connection.respond

            def noted(message: Any) -> None:
                if self._accepted(message):
                    kind = self._kind_of(message)
                    self.executions.note(kind, int(found[1]), time.monotonic(), connection.number)
                respond(message)

            connection.respond = noted
            try:
                on_text(connection, text)
            finally:
                del connection.respond

        self.venue.on_text = watched

    def _accepted(self, answer: Any) -> bool:
        raise NotImplementedError

    def _kind_of(self, answer: Any) -> str:
        return "write"

    # -- the client

    def client(self, url: str, http_url: str | None, **options: Any) -> Any:
        """Return a client of the venue at these addresses."""
        if http_url is not None:
            options["http_url"] = http_url
        return self.client_class(url=url, **self.venue.credentials, **options)

    def subscribe(self, client: Any, callback: Callable[[Any], None] | None, feed: Feed) -> Any:
        """Start the watched stream; None where the venue has none."""
        raise NotImplementedError

    def call(self, client: Any, call: Call, padding: str) -> None:
        """Make the call; what it raises is its outcome."""
        raise NotImplementedError

    def outcome_of(self, error: Exception) -> str:
        """Return what an error claims about the call that raised it."""
        if not isinstance(error, VenueError):
            return UNTYPED
        if error.outcome_unknown:
            return UNKNOWN
        return REFUSED if isinstance(error, RequestRejected) else NOT_SENT

    def tidy(self, call: Call) -> None:
        """Undo what a call has left behind at the client; nothing by default."""

    def leftovers(self) -> set[int]:
        """Return the markers of what the venue still does for a client that asked it to stop."""
        return set()


NETWORKS = {"USDT": ["ETH", "TRX"], "ETH": ["ETH"], "BTC": ["BTC"], "BPX": []}
"""What Infinex answers a question about an asset with."""


class InfinexDesk(Desk):
    """Orders through either door; the truth is the exchange's. There are no streams.

    An answer to an order has the order's number; one to a question, the networks of its asset.
    """

    venue_name = "infinex"
    client_class = InfinexClient

    def _watch_books(self) -> None:
        orders = self.venue.exchange.orders

        class Book(list):  # type: ignore[type-arg]
            """The exchange's list of orders, with an eye on it."""

            def append(book, order: Any) -> None:  # noqa: N805
                marker = int(order.amount)
                kind = "refused" if marker >= PRICED_HIGH else "write"
                self.executions.note(kind, marker % PRICED_HIGH, time.monotonic())
                list.append(book, order)

        self.venue.exchange.orders = Book(orders)

    def subscribe(self, client: Any, callback: Any, feed: Feed) -> Any:
        return None

    def call(self, client: Any, call: Call, padding: str) -> None:
        if call.kind == "read":
            asset, networks = list(NETWORKS.items())[call.marker % len(NETWORKS)]
            params = {"asset": asset, "note": padding}
            answer = client.request("/wallet/networks", params, timeout=call.timeout)
            call.compare(list(answer["networks"]), networks)
            return
        amount = call.marker + (PRICED_HIGH if call.kind == "refused" else 0)
        params = {
            "pair": "BPX/USDT",
            "side": "BUY",
            "type": "LIMIT",
            "time_in_force": "FOK",
            "price": "0.00000001" if call.kind == "write" else "1000000",
            "amount": str(amount),
            "resp_type": "RESULT",
            "note": padding,
        }
        answer = client.request("/spot/open_orders/new", params, timeout=call.timeout)
        obid = answer["obid"]
        order = self.venue.orders[obid - 955]
        call.compare(int(order.amount), amount)


MARKETS = ("BTCUSDT", "ETHAUDT", "ETHBTC", "LTCUSDT")
"""Those of TimeX whose books are asked for."""


class TimexDesk(Desk):
    """Orders over the socket; the truth is the account's ledger. The stream is of trades.

    An answer to an order has the client's own id of it; one to a question, its market.
    """

    venue_name = "timex"
    client_class = TimexClient
    options: ClassVar[dict[str, Any]] = {"balances": {"USDT": Decimal(10) ** 12}}

    def _stamp(self, message: Any, number: int) -> bool:
        if message.get("type") != "MESSAGE":
            return False
        message["message"]["event"]["data"]["id"] = number
        return True

    def number_of(self, event: Any) -> int | None:
        return int(event.id)

    def _watch_books(self) -> None:
        place = self.venue.orders.place

        def watched(asked: Any, *arguments: Any) -> Any:
            kind, _, marker = asked.client_order_id.partition("-")
            self.executions.note(kind, int(marker), time.monotonic())
            return place(asked, *arguments)

        self.venue.orders.place = watched

    def subscribe(self, client: Any, callback: Any, feed: Feed) -> Any:
        return client.subscribe_trades("BTC", "USDT", callback, on_gap=feed.gap, timeout=5)

    def call(self, client: Any, call: Call, padding: str) -> None:
        if call.kind == "read":
            market = MARKETS[call.marker % len(MARKETS)]
            # The answer itself does not say of which market it is; each of its orders does.
            bids = client.raw_order_book(market, timeout=call.timeout).bids
            call.compare({order.market for order in bids}, {market})
            return
        name = f"{call.kind}-{call.marker}"
        item = {
            "symbol": "BTCUSDT",
            "side": "BUY",
            "type": "MARKET" if call.kind == "write" else "LIMIT",
            "quantity": "0.0001" if call.kind == "write" else "1000000000000",
            "price": None if call.kind == "write" else "1000",
            "expireIn": 60,
            "clientOrderId": name,
            "note": padding,
        }
        payload = {"body": [item]}
        answer = client.rest("/post/trading/orders/json", payload, timeout=call.timeout)
        call.compare(answer["orders"][0]["clientOrderId"], name)


class LoopringDesk(Desk):
    """The venue has no orders here, so its ledger is of subscribes and unsubscribes.

    An answer names its topics, but nothing of it reaches the caller, who gets the subscription
    that was asked for: a swapped answer shows only where one of the two is a no.
    """

    venue_name = "loopring"
    client_class = LoopringClient
    kinds = ("subscribe",)
    follow_up: ClassVar[dict[str, str]] = {"subscribe": "unsubscribe"}
    replayed = frozenset({"subscribe"})

    def _stamp(self, message: Any, number: int) -> bool:
        if message["topic"]["topic"] != "trade":
            return False
        message["data"][0][1] = str(number)
        return True

    def number_of(self, event: Any) -> int | None:
        return int(event.trades[0].trade_id)

    def _accepted(self, answer: Any) -> bool:
        return bool(answer["result"]["status"] == "ok")

    def _kind_of(self, answer: Any) -> str:
        return "subscribe" if answer["op"] == "sub" else "unsubscribe"

    def subscribe(self, client: Any, callback: Any, feed: Feed) -> Any:
        topic = {"topic": "trade", "market": "LRC-ETH"}
        return client.subscribe(topic, callback=callback, on_gap=feed.gap, timeout=5)[0]

    def call(self, client: Any, call: Call, padding: str) -> None:
        # A subscribe is queued and not waited for, and the queue takes a megabyte.
        note = padding[:200_000]
        topic = {"topic": "ticker", "market": "LRC-ETH", "marker": call.marker, "note": note}
        if call.kind == "unsubscribe":
            client.unsubscribe(topic, timeout=call.timeout)
        else:
            (made,) = client.subscribe(topic, callback=_ignore, timeout=call.timeout)
            self._made[call.marker] = made

    def tidy(self, call: Call) -> None:
        made = self._made.pop(call.marker, None)
        if made is not None:
            made.close()

    def leftovers(self) -> set[int]:
        return {
            int(one.topic.settings["marker"])
            for connection in self.venue.open_connections()
            for one in connection.memory.subscriptions.values()
            if "marker" in one.topic.settings
        }


FUZE_METHODS = {"write": "quote_request", "refused": "no_such_method", "read": "__listMethods"}


class FuzeDesk(Desk):
    """Requests that start a stream of another symbol; the truth is the venue's own answer.

    That answer is ``true`` and tells nothing more, so that of two such answers none can be called
    another's; among those to questions, which are lists, and refusals, it can.
    """

    venue_name = "fuze"
    client_class = FuzeClient
    kinds = ("write", "write", "write", "refused", "read")

    def _stamp(self, message: Any, number: int) -> bool:
        data = (message.get("response") or {}).get("data") or {}
        if data.get("symbol") != "BTC_USD":
            return False
        data["buyPrice"] = number
        return True

    def number_of(self, event: Any) -> int | None:
        # The venue sends the first quote of a stream by itself, with a price and no number.
        return int(event.buy_price) if event.buy_price >= SPAN else None

    def _accepted(self, answer: Any) -> bool:
        return answer.get("result") is True

    def subscribe(self, client: Any, callback: Any, feed: Feed) -> Any:
        return client.subscribe_quotes("BTC_USD", "RFQ", callback, on_gap=feed.gap, timeout=5)

    def call(self, client: Any, call: Call, padding: str) -> None:
        params = {"symbol": "ETH_USD", "type": "RFQ", "note": padding, "marker": call.marker}
        answer = client.request(FUZE_METHODS[call.kind], params, timeout=call.timeout)
        call.compare(type(answer), list if call.kind == "read" else bool)


def _tickers(product: str) -> dict[str, Any]:
    return {"tickers": {"products": [product]}}


ONYX_ASKED: dict[str, list[tuple[str, Any, str]]] = {
    "write": [
        ("subscribe", _tickers(name), f"subscribed to tickers for product {name}")
        for name in ("ebob", "brt", "dub")
    ],
    "refused": [
        ("unsubscribe", _tickers("gasarb"), "not subscribed to gasarb"),
        ("unsubscribe", "dashboards", "not subscribed to dashboards"),
        ("unsubscribe", "snapshots", "not subscribed to snapshots"),
    ],
}
"""What Onyx is asked, of which channel, and what it says to that."""


class OnyxDesk(Desk):
    """Requests for products; the truth is the venue's own answer, which names the product.

    It refuses to end what was never begun, and names that too.
    """

    venue_name = "onyx"
    client_class = OnyxClient
    kinds = ("write", "write", "write", "refused")

    def _stamp(self, message: Any, number: int) -> bool:
        if message["channel"] != "server_info":
            return False
        message["message"]["age_millis"] = number
        return True

    def number_of(self, event: Any) -> int | None:
        return int(event.age_millis)

    def _accepted(self, answer: Any) -> bool:
        return answer.get("error") is False

    def subscribe(self, client: Any, callback: Any, feed: Feed) -> Any:
        return client.subscribe_server_info(callback, on_gap=feed.gap, timeout=5)

    def call(self, client: Any, call: Call, padding: str) -> None:
        choice = ONYX_ASKED[call.kind]
        method, channel, text = choice[call.marker % len(choice)]
        fields = {"note": padding, "marker": call.marker, "channel": channel}
        try:
            said = client.request(method, fields, timeout=call.timeout).message
        except AuthenticationError:
            raise  # the login was refused, and with it every call until there is another
        except RequestRejected as refusal:
            call.compare(refusal.message, text)
            raise
        call.compare(said, text)


def _ignore(event: object) -> None:
    """Take an event of a stream that is not watched."""


DESKS: dict[str, type[Desk]] = {
    desk.venue_name: desk for desk in (InfinexDesk, TimexDesk, LoopringDesk, FuzeDesk, OnyxDesk)
}
