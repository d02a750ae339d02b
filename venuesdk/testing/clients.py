"""Clients of simulated venues: made to fit them, cut off from them, and brought back.

What stands here needs no test framework. The venue lives in `venuesdk.testing.server`.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from venuesdk import venues
from venuesdk.client import Client, clients
from venuesdk.models import State
from venuesdk.testing.server import SimulatedVenue
from venuesdk.timing import Backoff

__all__ = ["client_class", "client_of", "cut_connection", "kept_away"]

RECONNECT = Backoff(initial=0.05, maximum=0.2)
"""The rhythm of a client that is being tested: nobody wants to wait for the usual one."""


def client_of(venue: SimulatedVenue, **options: Any) -> Any:
    """Return the client of a simulated venue, with its address and credentials; not connected.

    `options` are the client's own, and go before what is chosen here: the venue's ``url``,
    ``http_url`` and credentials, a ``timeout`` of five seconds, and a quick ``reconnect``. The
    venue must be started. Raises ValueError where there is no client of that venue.
    """
    kind = client_class(venue.name)
    chosen: dict[str, Any] = {"url": venue.url, "timeout": 5.0, "reconnect": RECONNECT}
    if venue.has_http:
        chosen["http_url"] = venue.http_url
    return kind(**chosen | venue.credentials | options)


def client_class(venue: str) -> type[Any]:
    """Return the class of the clients of that venue; raise ValueError where there is none."""
    if venue in venues.names():
        venues.load(venue)
    kinds = clients()
    if venue not in kinds:
        raise ValueError(f"no client of {venue!r}; there are {', '.join(sorted(kinds))}")
    return kinds[venue]


def cut_connection(venue: SimulatedVenue, client: Client, timeout: float = 5.0) -> None:
    """Cut every connection of the venue, and wait until `client` has a new one.

    Blocks for `timeout` seconds at the longest; then raises TimeoutError. Raises RuntimeError
    where the client was not connected, and what ends the client where it does not come back:
    `AuthenticationError` where the venue refuses the login, `ClientClosed`. When it returns the
    client is logged in; that its subscriptions are confirmed anew may take a moment more.
    """
    epoch = _epoch_of(client)
    venue.drop()
    _await_return(client, epoch, timeout)


@contextmanager
def kept_away(venue: SimulatedVenue, client: Client, timeout: float = 5.0) -> Iterator[None]:
    """Cut every connection of the venue, and let none come back inside of the ``with``.

    It begins when `client` has noticed, and ends when it is back. Each of the two blocks for
    `timeout` seconds at the longest, and raises as `cut_connection` does. Meanwhile the venue
    answers every attempt with 503.
    """
    epoch = _epoch_of(client)
    venue.refuse_connections()
    try:
        if not client.wait_state(State.RECONNECTING, timeout=timeout):
            raise TimeoutError(f"{client!r} has not noticed within {timeout:g} s that it was cut")
        yield
    finally:
        venue.refuse_connections(False)
    _await_return(client, epoch, timeout)


def _epoch_of(client: Client) -> int:
    """Return the number of the client's connection."""
    if client.state is not State.CONNECTED:
        raise RuntimeError(f"{client!r} has no connection that could be cut")
    return client.stats().epoch


def _await_return(client: Client, epoch: int, timeout: float) -> None:
    if not client.wait_state(State.CONNECTED, timeout=timeout, epoch=epoch + 1):
        raise TimeoutError(f"{client!r} has not come back within {timeout:g} s")
