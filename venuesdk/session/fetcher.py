"""Fetcher: the HTTP side of a client, made when it is first used.

Most clients never ask anything over HTTP: the connection is not there before the first request.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Callable
from typing import Protocol

from attrs import evolve

from ..errors import ClientClosed, VenueError
from ..models import HttpRequest, HttpResponse
from ..timing import Deadline
from ..wire.head import Head

__all__ = ["Fetcher", "Http"]


class Http(Protocol):
    """What asks over HTTP; `venuesdk.wire.http.HttpConnection` tells what each means."""

    def request(self, request: HttpRequest, deadline: Deadline) -> HttpResponse:
        """Return the response, whatever its status."""

    def close(self) -> None:
        """End every request under way, and refuse new ones."""

    def abandon(self) -> None:
        """Close only descriptors, in a forked child."""


class Fetcher:
    """Ask over HTTP, from any thread, until closed.

    `_lock` guards the connection and whether it is closed; no request is made under it.
    """

    def __init__(self, venue: str, make: Callable[[], Http]) -> None:
        self._venue = venue
        self._make = make
        self._lock = threading.Lock()
        self._connection: Http | None = None
        self._closed = False

    def __call__(self, request: HttpRequest, deadline: Deadline) -> HttpResponse:
        """Return the response, whatever its status; raise a `NetworkError` where there is none.

        Blocks until the deadline at the longest. A relative URL is a path on the client's
        ``http_url``. A ``Retry-After`` is in whole seconds, a day at most, also where the venue
        gave a date: who reads it has no clock.
        """
        connection = self._connect()
        try:
            return _in_seconds(connection.request(request, deadline))
        except VenueError as error:
            error.venue = error.venue or self._venue
            raise

    def close(self) -> None:
        """End every request under way, and refuse new ones."""
        with self._lock:
            self._closed = True
            connection = self._connection
        if connection is not None:
            connection.close()

    def abandon(self) -> None:
        """In a forked child: close descriptors, and refuse every request. Takes no lock."""
        self._closed = True
        if self._connection is not None:
            self._connection.abandon()

    def _connect(self) -> Http:
        """Return the connection; make it, outside the lock, where there is none."""
        made: Http | None = None
        while True:
            # Looked at before the lock, which nobody may ever release in a forked child.
            if self._closed:
                raise ClientClosed("the client was closed", venue=self._venue)
            with self._lock:
                if self._connection is None and not self._closed:
                    self._connection = made
                connection = self._connection
            if connection is not None:
                if made is not None and made is not connection:
                    made.close()
                return connection
            if not self._closed:
                made = self._make()


def _in_seconds(response: HttpResponse) -> HttpResponse:
    asked = response.headers.get("retry-after")
    if asked is None:
        return response
    seconds = Head(response.status, (("retry-after", asked.strip()),)).retry_after()
    if seconds is None:
        return response
    return evolve(response, headers={**response.headers, "retry-after": f"{math.ceil(seconds)}"})
