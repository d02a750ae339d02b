"""TimexClient: the blocking client of TimeX; arguments are checked here, nothing is sent here."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from ...book import BookUpdate, BookView
from ...client import Client, ClientOptions, Credential, SubscribeOptions
from ...mirrors.order_book import OrderBookMirror
from ...protocol.codec import Request
from ...protocol.convert import decode_json
from ...secret import Secret
from ...session.subscription import Subscription
from ...timing import Deadline
from . import events, orders
from .codec import PUBLIC, REST, UNSUBSCRIBE, TimexCodec
from .mirror import grouped_update, raw_update
from .models import (
    AccountEvent,
    Balance,
    ChangedOrders,
    GroupedOrderBook,
    MarketEvent,
    Order,
    PlacedOrders,
    RawOrderBook,
    Trade,
)
from .topics import (
    AccountStream,
    account_topic,
    address_of,
    grouped_book_topic,
    pattern_topic,
    raw_book_topic,
    symbol_of,
    text_of,
    trades_topic,
)

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from .orders import Amount, When

__all__ = ["TimexClient"]

T = TypeVar("T")

ORDERS = "/trading/orders/json"


class TimexClient(
    Client,
    venue="timex",
    codec=TimexCodec,
    credentials={
        "api_id": "VENUESDK_TIMEX_API_ID",
        "api_secret": "VENUESDK_TIMEX_API_SECRET",
    },
    optional_credentials=("api_id", "api_secret"),
):
    """Talk to TimeX from any thread; every call blocks until its answer, or raises.

    `api_id` and `api_secret` are the two halves of an API key; without them the environment
    variables ``VENUESDK_TIMEX_API_ID`` and ``VENUESDK_TIMEX_API_SECRET`` are read. Patterns and
    public streams need neither: TimeX has no login, and the key goes into each request that needs
    one. Where such a request finds none it raises `ValueError`, and nothing is sent.

    Patterns, streams and payloads go to the venue word for word. Symbols and addresses that are
    arguments of their own are put into the spelling that the venue takes, upper and lower case.

    Streams and `rest` are those of the TimeX WebSocket document. The paths of `place_order` and the
    other requests are those of its HTTP interface, and go over the socket as published clients send
    them there.

    What a stream brings may still wait for its callback when a later request has its answer.

    The other keyword arguments are `venuesdk.ClientOptions`; those of every ``subscribe…`` are
    `venuesdk.SubscribeOptions`.
    """

    def __init__(
        self,
        *,
        api_id: Credential | None = None,
        api_secret: Credential | None = None,
        **options: Unpack[ClientOptions],
    ) -> None:
        super().__init__({"api_id": api_id, "api_secret": api_secret}, **options)

    # Streams -------------------------------------------------------------------------------------

    def subscribe(
        self,
        pattern: str,
        callback: Callable[[MarketEvent], object] | None = None,
        *,
        snapshot: bool = False,
        **options: Unpack[SubscribeOptions],
    ) -> Subscription[MarketEvent]:
        """Start the stream of a pattern, such as ``/orderbook.raw/ETHAUDT``.

        Blocks until the venue has confirmed it. Books and trades come as `RawOrderBook`,
        `GroupedOrderBook` and `Trade`, every other event as `Update`. With `snapshot` the first
        event is a `Snapshot`, where the venue sent one; such a subscription is not shared with
        others, and cannot be conflated.

        The venue seems to take a `pattern` for a regular expression: ``/orderbook.raw/ETHUSD`` may
        bring the book of ``ETHUSDT`` too. Where `callback` runs, what every stream promises, and
        the errors, are told at `venuesdk.SubscribeOptions` (TimeX document, "Subscribe to
        Channels", "Snapshot"; the patterns are those of published clients).
        """
        return self._subscribe(pattern_topic(pattern, snapshot), callback, options)

    def subscribe_account(
        self,
        address: str,
        callback: Callable[[AccountEvent], object] | None = None,
        *,
        snapshot: bool = False,
        **options: Unpack[SubscribeOptions],
    ) -> Subscription[AccountEvent]:
        """Start the stream of everything that happens to an account, by its wallet `address`.

        Blocks until the venue has confirmed it. Events are `OrderUpdate` and `BalanceUpdate`, any
        other an `Update`. With `snapshot` the first event is an `AccountSnapshot`, after every
        reconnection too. Nothing is ever dropped without a gap: behind one for an overflow a
        snapshot follows, asked for or not. The stream cannot be conflated. Raises `ValueError`
        where there is no key, and `AuthenticationError` where it is refused, or the account is
        another's; where `callback` runs, what every stream promises, and the other errors, are told
        at `venuesdk.SubscribeOptions` (TimeX document, "Subscribe account to Channels"; the events
        and the snapshot are as recorded).
        """
        self._need_key()
        return self._subscribe(account_topic(address, snapshot), callback, options)

    def subscribe_raw_order_book(
        self,
        market: str,
        callback: Callable[[RawOrderBook], object] | None = None,
        **options: Unpack[SubscribeOptions],
    ) -> Subscription[RawOrderBook]:
        """Start the stream of a market's book, order by order; each event is the whole book.

        Blocks until the venue has confirmed it. `market` is a symbol without a slash, such as
        ``ETHAUDT``. ``conflate=True`` keeps the newest book. Where `callback` runs, what every
        stream promises, and the errors, are told at `venuesdk.SubscribeOptions` (TimeX document,
        "Subscribe to Channels"; the pattern is that of published clients, the book as recorded).
        """
        return self._subscribe(raw_book_topic(market), callback, options)

    def subscribe_grouped_order_book(
        self,
        market: str,
        callback: Callable[[GroupedOrderBook], object] | None = None,
        **options: Unpack[SubscribeOptions],
    ) -> Subscription[GroupedOrderBook]:
        """Start the stream of a market's book, price by price; each event is the whole book.

        Blocks, takes `market`, runs `callback` and raises as `subscribe_raw_order_book` does, and
        has the same sources. ``conflate=True`` keeps the newest book.
        """
        return self._subscribe(grouped_book_topic(market), callback, options)

    def keep_order_book(
        self,
        market: str,
        *,
        grouped: bool = False,
        on_book: Callable[[BookView], object] | None = None,
        **options: Unpack[SubscribeOptions],
    ) -> OrderBookMirror:
        """Keep a market's book as it is now, price by price.

        Blocks until the venue has confirmed the stream. `market` is a symbol without a slash.
        `on_book` is called with every `BookView`, where callbacks run; sizes are in the base
        token. The raw stream is the default: its book can be asked for besides, so that there is
        one at once, and at once after a gap, however quiet the market is. A `grouped` one is
        there from its next event on. Every event is the whole book, which replaces the one
        before, as published clients take it. Where callbacks run, and the errors, are told at
        `venuesdk.SubscribeOptions`; all of these but ``conflate`` are taken, which raises
        `ValueError`.
        """
        if not isinstance(grouped, bool):
            raise TypeError(f"grouped is True or False, not {grouped!r:.80}")
        symbol = symbol_of("market", market)
        topic = grouped_book_topic(symbol) if grouped else raw_book_topic(symbol)

        def ask(deadline: Deadline) -> BookUpdate:
            return raw_update(self.raw_order_book(symbol, timeout=deadline.remaining()))

        mirror = OrderBookMirror(
            self._session.upkeep,
            symbol,
            grouped_update if grouped else raw_update,
            None if grouped else ask,
            on_book,
        )
        return mirror.start(lambda take, chosen: self._subscribe(topic, take, chosen), options)

    def subscribe_trades(
        self,
        base: str,
        quote: str,
        callback: Callable[[Trade], object] | None = None,
        **options: Unpack[SubscribeOptions],
    ) -> Subscription[Trade]:
        """Start the stream of a market's trades: of `base` for `quote`, such as ``BTC``, ``USDT``.

        Blocks, runs `callback` and raises as `subscribe_raw_order_book` does, and has the same
        sources. Each event is one `Trade`. ``conflate=True`` keeps the newest.
        """
        return self._subscribe(trades_topic(base, quote), callback, options)

    def unsubscribe(self, subscription: Subscription[Any], *, timeout: float | None = None) -> None:
        """End one subscription, at the venue too where no other one shares its stream.

        Blocks until the venue has confirmed it, where ``subscription.close()`` does not wait. Where
        the venue refuses, nothing ends. Raises `ValueError` for a `subscription` of another client,
        and what every call raises (`venuesdk.Client`) (TimeX document, "Unsubscribe to Channels").
        """
        if not isinstance(subscription, Subscription):
            raise TypeError(f"not a subscription: {type(subscription).__name__}")
        self._unsubscribe_one(subscription, timeout)

    def unsubscribe_account(self, address: str, *, timeout: float | None = None) -> None:
        """Stop an account's stream at the venue, and end all subscriptions to it.

        Blocks until the venue has confirmed it. `address` is the account's. Where the venue
        refuses, nothing ends. Raises `ValueError` for what is no address, and what every call
        raises (`venuesdk.Client`): `NotSent` at once while there is no connection (TimeX document,
        "Unsubscribe account to Channels").
        """
        account = address_of(address)
        self._unsubscribe(
            Request(UNSUBSCRIBE, {"subscriptionId": account}),
            lambda topic: isinstance(topic.spec, AccountStream) and topic.spec.account == account,
            timeout,
        )

    # Requests ------------------------------------------------------------------------------------

    def rest(self, stream: str, payload: Any = None, *, timeout: float | None = None) -> Any:
        """Make a REST request over the socket, and return the body of its answer as plain data.

        Blocks until the answer. `stream` is the HTTP method in lower case and the path, such as
        ``/get/custody/deposit-addresses``; `payload` is anything that JSON can write, ``{}`` by
        default. Numbers in the body are ints and exact `Decimal`s.

        A ``/get/…`` stream is a read: it waits for a connection, and may be sent again where it
        certainly was not. Anything else is sent once, at once: where the connection broke or the
        time ran out, ``outcome_unknown`` says that it may have been carried out. Raises
        `ValueError` where the stream needs a key and there is none, `RequestRejected` and its kin
        where the venue says no, and what every call raises (`venuesdk.Client`) (TimeX document,
        "REST message", "Error message"; the answer is that of its list of streams).
        """
        return self._rest(text_of("a stream", stream), payload, decode_json, timeout)

    def raw_order_book(
        self, market: str, limit: int | None = None, *, timeout: float | None = None
    ) -> RawOrderBook:
        """Return a market's book as it is now, order by order; at most `limit` orders a side.

        Blocks until the answer; it only reads, and needs no key. `market` is a symbol such as
        ``ETHAUDT``. Raises as `rest` does (stream and `limit` of published clients, the book as
        recorded).
        """
        symbol = symbol_of("market", market)
        payload: dict[str, Any] = {"market": symbol}
        if limit is not None:
            payload["limit"] = _count("limit", limit, 1)
        decode = events.raw_order_book_body(symbol)
        return self._rest("/get/public/orderbook/raw", payload, decode, timeout)

    def balances(self, *, timeout: float | None = None) -> tuple[Balance, ...]:
        """Return what the account holds, currency by currency.

        Blocks until the answer; it only reads. Raises as `rest` does (the stream is that of
        published clients).
        """
        return self._rest("/get/trading/balances", {}, events.balances_body, timeout)

    def open_orders(
        self, *, page: int | None = None, size: int | None = None, timeout: float | None = None
    ) -> tuple[Order, ...]:
        """Return a page of the account's open orders.

        Blocks until the answer; it only reads. `page` counts from 0; `size` is the most orders of
        one. No document says how long a page is where it is not given: go on until one is empty.
        Raises as `rest` does (stream and pages are those of published clients).
        """
        given = {"page": (page, 0), "size": (size, 1)}
        pageable = {
            name: _count(name, value, least)
            for name, (value, least) in given.items()
            if value is not None
        }
        payload = {"pageable": pageable} if pageable else {}
        return self._rest("/get/trading/orders", payload, events.open_orders_body, timeout)

    def place_order(
        self,
        symbol: str,
        side: str,
        quantity: Amount,
        price: Amount | None = None,
        *,
        type: str = "LIMIT",
        expire_time: When | None = None,
        client_order_id: str | None = None,
        timeout: float | None = None,
    ) -> PlacedOrders:
        """Place one order, and return it as the venue took it.

        Blocks until the answer. `symbol` is a market such as ``ETHAUDT``, `quantity` is in its base
        token, `price` is what one of it costs in the quote token. `side` is ``BUY`` or ``SELL``;
        `type` is ``LIMIT``, ``MARKET`` (which has no price), ``POST_ONLY`` or ``FILL_OR_KILL``.
        ``LIMIT`` and ``POST_ONLY`` need `expire_time`, an aware datetime (sent in milliseconds) or
        ISO text with a zone. Amounts are `Decimal`, int or plain decimal text, never float.

        Sent once, at once, and never again; raises as `rest` does. `RequestRejected`
        (`InsufficientFunds` and its other kin) and `NotSent` mean that there is no order. After any
        error with ``outcome_unknown`` there may be one: look for `client_order_id` in `open_orders`
        and in the account's stream (the fields are those of the venue's HTTP interface, sent as
        published clients send them; the answer is as recorded).
        """
        item = orders.new_order(symbol, side, quantity, price, type, expire_time, client_order_id)
        return self._rest(f"/post{ORDERS}", {"body": [item]}, events.orders_body, timeout)

    def amend_order(
        self,
        order_id: str,
        quantity: Amount,
        price: Amount,
        *,
        expire_time: When | None = None,
        timeout: float | None = None,
    ) -> ChangedOrders:
        """Give an open order another `quantity` and `price`, and return what became of it.

        Blocks until the answer. `order_id` is its hash at the venue; arguments are as for
        `place_order`, but `expire_time` is sent only where it is given. It does not raise where
        nothing was changed: look at ``unchanged_orders``, which then has the order's id, because it
        was filled, or because the venue does not know that id. An order that was changed goes on
        under a new id: ``changed_orders`` has both. What an error says of the outcome is as for
        `place_order`: after one with ``outcome_unknown`` the order stands under its old id or under
        a new one (request and answer are those of published clients).
        """
        item = orders.change(order_id, quantity, price, expire_time)
        return self._rest(f"/put{ORDERS}", {"body": [item]}, events.changed_orders_body, timeout)

    def cancel_order(self, order_id: str, *, timeout: float | None = None) -> ChangedOrders:
        """Cancel an open order, and return what became of it.

        Blocks until the answer. `order_id` is its hash at the venue. It does not raise where
        nothing was cancelled: look at ``unchanged_orders``, which then has the order's id, because
        it was filled, or because the venue does not know that id. Raises as `rest` does; after an
        error with ``outcome_unknown`` the order may be open or not (request and answer are those
        of published clients).
        """
        payload = {"body": [orders.cancellation(order_id)]}
        return self._rest(f"/delete{ORDERS}", payload, events.changed_orders_body, timeout)

    # ---------------------------------------------------------------------------------------------

    def _rest(
        self,
        stream: str,
        payload: Any,
        decode: Callable[[bytes], T],
        timeout: float | None,
    ) -> T:
        if not stream.startswith(PUBLIC):
            self._need_key()
        fields = {"stream": stream, "payload": {} if payload is None else payload}
        request = Request(REST, fields, read=stream.startswith("/get/"))
        return self._request(request, decode, timeout)

    def _need_key(self) -> None:
        """Refuse what cannot be sent without a key, before anything is sent."""
        for name, variable in self.credentials.items():
            if self._given.get(name) is None and not os.environ.get(variable):
                raise ValueError(f"this needs {name}= or the environment variable {variable}")

    def _resolve_credentials(self) -> Mapping[str, Secret]:
        found = super()._resolve_credentials()
        if len(found) == 1:
            raise ValueError("TimexClient needs both of api_id= and api_secret=, or neither")
        return found


def _count(argument: str, value: int, least: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError(f"{argument} is an int, not {type(value).__name__}")
    if value < least:
        raise ValueError(f"{argument} is at least {least}, not {value}")
    return value
