"""The public face: five blocking, thread-safe trading clients, their errors and their values.

Everything is imported on first use, so that ``import venuesdk`` costs little.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from ._version import __version__

if TYPE_CHECKING:
    from .book import BookLevel, BookSides, BookView
    from .client import Client, ClientOptions, Credential, SubscribeOptions
    from .errors import (
        AuthenticationError,
        ClientClosed,
        ConnectFailed,
        ConnectionLost,
        ConnectTimeout,
        InsufficientFunds,
        InvalidRequest,
        NetworkError,
        NotSent,
        NotSubscribed,
        OrderNotFound,
        ProtocolError,
        RateLimitExceeded,
        ReentrantCall,
        RequestRejected,
        RequestTimeout,
        SequenceGap,
        VenueError,
        VenueUnavailable,
    )
    from .mirrors.mirror import MirrorStats
    from .mirrors.order_book import OrderBookMirror
    from .models import Gap, GapReason, State, StateChange
    from .secret import Secret
    from .session.quota import AttemptQuota
    from .session.stats import Stats
    from .session.subscription import Subscription, SubscriptionStats
    from .timing import Backoff
    from .venues.fuze import FuzeClient
    from .venues.infinex import InfinexClient
    from .venues.loopring import LoopringClient
    from .venues.onyx import OnyxClient
    from .venues.timex import TimexClient
    from .wire.endpoint import Proxy

__all__ = [
    "AttemptQuota",
    "AuthenticationError",
    "Backoff",
    "BookLevel",
    "BookSides",
    "BookView",
    "Client",
    "ClientClosed",
    "ClientOptions",
    "ConnectFailed",
    "ConnectTimeout",
    "ConnectionLost",
    "Credential",
    "FuzeClient",
    "Gap",
    "GapReason",
    "InfinexClient",
    "InsufficientFunds",
    "InvalidRequest",
    "LoopringClient",
    "MirrorStats",
    "NetworkError",
    "NotSent",
    "NotSubscribed",
    "OnyxClient",
    "OrderBookMirror",
    "OrderNotFound",
    "ProtocolError",
    "Proxy",
    "RateLimitExceeded",
    "ReentrantCall",
    "RequestRejected",
    "RequestTimeout",
    "Secret",
    "SequenceGap",
    "State",
    "StateChange",
    "Stats",
    "SubscribeOptions",
    "Subscription",
    "SubscriptionStats",
    "TimexClient",
    "VenueError",
    "VenueUnavailable",
    "__version__",
]

_HOMES = {
    "AttemptQuota": "session.quota",
    "Backoff": "timing",
    "BookLevel": "book",
    "BookSides": "book",
    "BookView": "book",
    "Client": "client",
    "ClientOptions": "client",
    "Credential": "client",
    "FuzeClient": "venues.fuze",
    "Gap": "models",
    "GapReason": "models",
    "InfinexClient": "venues.infinex",
    "LoopringClient": "venues.loopring",
    "MirrorStats": "mirrors.mirror",
    "OnyxClient": "venues.onyx",
    "OrderBookMirror": "mirrors.order_book",
    "Proxy": "wire.endpoint",
    "Secret": "secret",
    "State": "models",
    "StateChange": "models",
    "Stats": "session.stats",
    "SubscribeOptions": "client",
    "Subscription": "session.subscription",
    "SubscriptionStats": "session.subscription",
    "TimexClient": "venues.timex",
}
"""Where a public name lives, for those that are not errors."""


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f".{_HOMES.get(name, 'errors')}", __name__), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
