"""FuzeClient: the blocking client of Fuze; arguments are checked here, nothing is sent here."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ...client import Client, ClientOptions, Credential, SubscribeOptions
from ...protocol.codec import Request
from ...protocol.convert import decode_json
from .codec import FuzeCodec
from .models import MarketData, Quote
from .topics import market_data_topic, quotes_topic

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from ...session.subscription import Subscription

__all__ = ["FuzeClient"]


class FuzeClient(
    Client,
    venue="fuze",
    codec=FuzeCodec,
    credentials={
        "api_key": "VENUESDK_FUZE_API_KEY",
        "api_secret": "VENUESDK_FUZE_API_SECRET",
    },
):
    """Talk to Fuze from any thread; every call blocks until its answer, or raises.

    The venue offers its WebSocket to enterprise customers only. The default URL is its staging
    server, the only one that it documents: for production give ``url=``. `api_key` and
    `api_secret` are read from ``VENUESDK_FUZE_API_KEY`` and ``VENUESDK_FUZE_API_SECRET`` where
    they are not given. The login is automatic, on every connection, and nothing is sent before
    the venue has answered it with ``true``.

    What a stream brings may still wait for its callback when a later request has its answer.

    The other keyword arguments are `venuesdk.ClientOptions`; those of every ``subscribe…`` are
    `venuesdk.SubscribeOptions`.
    """

    def __init__(
        self,
        *,
        api_key: Credential | None = None,
        api_secret: Credential | None = None,
        **options: Unpack[ClientOptions],
    ) -> None:
        super().__init__({"api_key": api_key, "api_secret": api_secret}, **options)

    def subscribe_quotes(
        self,
        symbol: str,
        type: str = "RFQ",
        callback: Callable[[Quote], object] | None = None,
        **options: Unpack[SubscribeOptions],
    ) -> Subscription[Quote]:
        """Start the stream of quotes of `symbol` (``"BTC_USD"``).

        Blocks until the venue has confirmed it, in its answer or by the first quote; a stream that
        stays wholly silent is a `RequestTimeout`. Each event is a `Quote`; where `callback` runs,
        and what every stream promises, is told at `venuesdk.SubscribeOptions`. ``"RFQ"`` is the
        only `type` that the venue documents. A quote names its symbol and not its type:
        subscriptions of one symbol get the quotes of all types asked for.

        No way to stop a stream is documented. After `Subscription.close` nothing more is
        delivered, and the stream is not started again on the next connection; what the venue
        still sends is dropped. A refusal that comes after the confirmation goes to ``on_error``
        and ends the subscription; where it may concern several, each sees a gap instead.

        Raises `ValueError` or `TypeError` before anything is sent; `InvalidRequest`,
        `AuthenticationError` or plain `RequestRejected` where the venue says no; `VenueUnavailable`
        where it failed (Fuze document, "Quote Request").
        """
        return self._subscribe(quotes_topic(symbol, type), callback, options)

    def subscribe_market_data(
        self,
        callback: Callable[[MarketData], object] | None = None,
        **options: Unpack[SubscribeOptions],
    ) -> Subscription[MarketData]:
        """Start the stream of market data: every asset in every event, a `MarketData`.

        Blocks, runs `callback`, is refused and ends as `subscribe_quotes` does. ``conflate=True``
        keeps the newest data of each asset, each as an event of its own (Fuze document, "Market
        Data Request").
        """
        return self._subscribe(market_data_topic(), callback, options)

    def request(
        self,
        method: str,
        params: Mapping[str, Any] | Sequence[Any] | None = None,
        *,
        timeout: float | None = None,
    ) -> Any:
        """Call any method, and return its result as plain data with exact Decimals.

        Blocks until the answer. `params` are an object or an array, and left out when ``None``; a
        `Decimal` in them is sent as text. The result is ``None`` where the venue answers with
        neither a result nor an error. The request is never sent a second time; where the connection
        broke or the time ran out, ``outcome_unknown`` says so. A stream begun this way has no
        subscription, and its events go nowhere.

        Raises `ValueError` for ``rpc.login``, which is automatic; `RequestRejected` and its kin
        with the venue's code and text; `VenueUnavailable`, with ``outcome_unknown``, where the
        venue's own handler failed; and what every call raises (`venuesdk.Client`). Taken for a
        change of something whatever it is, so it raises `NotSent` at once while there is no
        connection (Fuze document, "JSON RPC Protocol"; it shows no error, and these are those of
        the server library that it seems to use).
        """
        if not isinstance(method, str):
            raise TypeError(f"a method is text, not {method.__class__.__name__}")
        if not method or method == "rpc.login":
            raise ValueError("the login is automatic" if method else "the method is empty")
        if isinstance(params, (str, bytes)) or not isinstance(
            params, (Mapping, Sequence, type(None))
        ):
            raise TypeError(f"params are an object or an array, not {params.__class__.__name__}")
        fields = {} if params is None else {"params": params}
        return self._request(Request(method, fields), decode_json, timeout)
