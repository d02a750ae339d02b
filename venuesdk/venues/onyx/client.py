"""OnyxClient: the blocking client of Onyx; arguments are checked here, nothing is sent here."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ...client import Client, ClientOptions, Credential, SubscribeOptions, check_options
from ...protocol.codec import Request
from .codec import OnyxCodec, read_reply
from .mirror import DashboardKey, DashboardMirror, DashboardsView
from .models import DashboardsEvent, Reply, ServerInfo, Tickers
from .topics import Channel, channel_topic, covers, tickers_topic

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from ...session.subscription import Subscription

__all__ = ["OnyxClient"]

RESERVED = frozenset({"id", "method", "token"})


class OnyxClient(
    Client, venue="onyx", codec=OnyxCodec, credentials={"token": "VENUESDK_ONYX_TOKEN"}
):
    """Talk to Onyx from any thread; every call blocks until its answer, or raises.

    `token` is the API token of the Onyx account page; without it the environment variable
    ``VENUESDK_ONYX_TOKEN`` is read. The login is automatic, on every connection. The default URL
    is the production server of the v1 JSON protocol, which the venue calls deprecated since
    January 2025.

    What a stream brings may still wait for its callback when a later request has its answer.

    The other keyword arguments are `venuesdk.ClientOptions`; those of every ``subscribe…`` are
    `venuesdk.SubscribeOptions`.
    """

    def __init__(
        self, *, token: Credential | None = None, **options: Unpack[ClientOptions]
    ) -> None:
        super().__init__({"token": token}, **options)

    def subscribe_server_info(
        self,
        callback: Callable[[ServerInfo], object] | None = None,
        **options: Unpack[SubscribeOptions],
    ) -> Subscription[ServerInfo]:
        """Start the stream of facts about this connection.

        Blocks until the venue has confirmed it. Each event is a `ServerInfo`; no document gives
        their period. Where `callback` runs, what every stream promises, and the errors, are told at
        `venuesdk.SubscribeOptions` (Onyx document, "Server Info Event").
        """
        return self._subscribe(channel_topic("server_info"), callback, options)

    def subscribe_tickers(
        self,
        callback: Callable[[Tickers], object] | None = None,
        *,
        products: Sequence[str] | None = None,
        product_groups: Sequence[str] | None = None,
        **options: Unpack[SubscribeOptions],
    ) -> Subscription[Tickers]:
        """Start the stream of tickers of some products (``["ebob"]``) or product groups.

        Blocks until the venue has confirmed it. Each event is a `Tickers`; where `callback` runs,
        and what every stream promises, is told at `venuesdk.SubscribeOptions`. At least one of
        `products` and `product_groups` is needed. The venue's present form is `products`;
        `product_groups` (``["crude"]``) is that of its first document. A ticker does not say which
        subscription it answers: one by products gets the tickers of its products and those that
        name no product; one with product groups gets the tickers of every subscription of this
        client. ``conflate=True`` keeps the newest ticker of each symbol.

        Raises `ValueError` or `TypeError` before anything is sent; `AuthenticationError` where
        the account has no permission for a product, or the product does not exist (the venue
        does not tell these apart) (Onyx document, "Subscribe Request", "Tickers Event").
        """
        if products is None and product_groups is None:
            # `product=` for `products=`: what is wrong is the name that was given.
            check_options(options)
        return self._subscribe(tickers_topic(product_groups, products), callback, options)

    def subscribe_dashboards(
        self,
        callback: Callable[[DashboardsEvent], object] | None = None,
        **options: Unpack[SubscribeOptions],
    ) -> Subscription[DashboardsEvent]:
        """Start the stream of the user's dashboards: all of them first, then each change.

        Blocks until the venue has confirmed it. Each event is a `DashboardsEvent`; where `callback`
        runs, what every stream promises, and the errors, are told at `venuesdk.SubscribeOptions`
        (Onyx document, "Dashboards Event"). A second subscription starts the stream anew, so that
        it gets the full list too; the first sees a gap, and then the full list again.
        """
        return self._subscribe(channel_topic("dashboards"), callback, options)

    def mirror_dashboards(
        self,
        on_change: Callable[[DashboardsView], object] | None = None,
        *,
        key: DashboardKey = "id",
        **options: Unpack[SubscribeOptions],
    ) -> DashboardMirror:
        """Keep the user's dashboards as they are now: the full list, and each change to it.

        Blocks until the venue has confirmed the stream; the list comes a little later, see
        `DashboardMirror.wait`. `on_change` is called with every `DashboardsView`, where callbacks
        run. No document describes a dashboard: `key` is the name of the member that tells two
        apart, or a function that returns it. Where callbacks run, and the errors, are told at
        `venuesdk.SubscribeOptions`; all of these but ``conflate`` are taken, which raises
        `ValueError`: a mirror needs every event (Onyx document, "Dashboards Event").
        """
        topic = channel_topic("dashboards")
        return DashboardMirror(self._session.upkeep, key, on_change).start(
            lambda take, chosen: self._subscribe(topic, take, chosen), options
        )

    def subscribe(
        self,
        channel: Channel,
        callback: Callable[[Any], object] | None = None,
        **options: Unpack[SubscribeOptions],
    ) -> Subscription[Any]:
        """Start any `channel`: its name, or an object of one key, ``{name: parameters}``.

        Blocks until the venue has confirmed it. Events of the documented channels are the same
        values as from the methods above; those of any other are `ChannelEvent`. Where `callback`
        runs, what every stream promises, and the errors, are told at `venuesdk.SubscribeOptions`
        (Onyx document, "Subscribe Request").
        """
        return self._subscribe(channel_topic(channel), callback, options)

    def unsubscribe(self, channel: Channel, *, timeout: float | None = None) -> None:
        """Stop a `channel` at the venue, and end the subscriptions that it leaves without events.

        Blocks until the venue has confirmed it. Of tickers, the products named stop for all; a
        subscription ends when all of its products were named. To end one subscription of several,
        close it instead. Where the venue refuses, nothing ends: `NotSubscribed` where it knows of
        no such subscription. Raises what every call raises (`venuesdk.Client`): `NotSent` at once
        while there is no connection (the request is that of later editions of the Onyx document,
        the answers those of the venue's own published tests; the first edition has neither).
        """
        channel_topic(channel)
        self._unsubscribe(
            Request("unsubscribe", {"channel": channel}),
            lambda topic: covers(channel, topic.spec),
            timeout,
        )

    def request(
        self,
        method: str,
        fields: Mapping[str, Any] | None = None,
        *,
        timeout: float | None = None,
    ) -> Reply:
        """Make any request, with `fields` beside its method, and return the venue's reply.

        Blocks until the reply. The venue hangs up on a method that it does not know: that is a
        `ConnectionLost` here, at once, and the client connects anew. It is never sent a second
        time; where the connection broke or the time ran out, ``outcome_unknown`` says so.
        Streams begun this way have no subscription, and their events go nowhere.

        Raises `ValueError` for ``auth``, which is automatic, and for fields called ``id``,
        ``method`` or ``token``; `RequestRejected` and its kin where the venue says no; and what
        every call raises (`venuesdk.Client`). Taken for a change of something whatever it is, so it
        raises `NotSent` at once while there is no connection (Onyx document, "Websocket JSON
        Protocol").
        """
        if not isinstance(method, str):
            raise TypeError(f"a method is text, not {type(method).__name__}")
        if not method or method == "auth":
            raise ValueError("the login is automatic" if method else "the method is empty")
        if fields is None:
            fields = {}
        elif not isinstance(fields, Mapping):
            raise TypeError(f"fields are an object, not {type(fields).__name__}")
        taken = RESERVED.intersection(fields)
        if taken:
            raise ValueError(f"not for fields: {', '.join(sorted(taken))}")
        return self._request(Request(method, dict(fields)), read_reply, timeout)
