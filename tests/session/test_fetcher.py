"""The HTTP side: made when it is first used, and closed for good."""

from __future__ import annotations

import threading
from datetime import datetime, timedelta, timezone
from email.utils import format_datetime
from typing import Any

import pytest

from venuesdk.errors import ClientClosed, ConnectFailed
from venuesdk.models import HttpRequest, HttpResponse
from venuesdk.session.fetcher import Fetcher
from venuesdk.timing import Deadline

PATIENCE = 5.0
REQUEST = HttpRequest("GET", "/key")


class Http:
    """An HTTP connection that answers everything, or fails."""

    def __init__(self, error: Exception | None = None) -> None:
        self.error = error
        self.headers: dict[str, str] = {}
        self.closed = 0
        self.abandoned = 0

    def request(self, request: HttpRequest, deadline: Deadline) -> HttpResponse:
        if self.error is not None:
            raise self.error
        return HttpResponse(200, self.headers, request.url.encode())

    def close(self) -> None:
        self.closed += 1

    def abandon(self) -> None:
        self.abandoned += 1


def test_the_connection_is_made_once_when_it_is_first_used() -> None:
    """Not before."""
    made: list[Any] = []

    def make() -> Any:
        made.append(Http())
        return made[-1]

    fetch = Fetcher("toy", make)
    assert made == []
    for _ in range(2):
        assert fetch(REQUEST, Deadline(PATIENCE)).body == b"/key"
    assert len(made) == 1


def test_an_error_says_which_venue_it_is_of() -> None:
    """Where it did not say so itself."""
    fetch = Fetcher("toy", lambda: Http(ConnectFailed("refused")))  # type: ignore[arg-type,return-value]
    with pytest.raises(ConnectFailed) as caught:
        fetch(REQUEST, Deadline(PATIENCE))
    assert caught.value.venue == "toy"


def test_closing_ends_the_connection_and_refuses_requests() -> None:
    """Also where there never was one."""
    http = Http()
    fetch = Fetcher("toy", lambda: http)  # type: ignore[arg-type,return-value]
    fetch(REQUEST, Deadline(PATIENCE))
    fetch.close()
    assert http.closed == 1
    unused = Fetcher("toy", lambda: Http())  # type: ignore[arg-type,return-value]
    unused.close()
    for one in (fetch, unused):
        with pytest.raises(ClientClosed) as caught:
            one(REQUEST, Deadline(PATIENCE))
        assert caught.value.outcome_unknown is False


def test_two_threads_that_come_first_share_one_connection() -> None:
    """It is made outside the lock, so both make one; the one too many is closed."""
    both = threading.Barrier(2)
    made: list[Http] = []

    def make() -> Any:
        both.wait(PATIENCE)
        made.append(Http())
        return made[-1]

    fetch = Fetcher("toy", make)
    threads = [
        threading.Thread(target=fetch, args=(REQUEST, Deadline(PATIENCE))) for _ in range(2)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE)
    assert [http.closed for http in made].count(1) == 1
    fetch.close()
    assert all(http.closed == 1 for http in made)


def test_a_close_while_the_connection_is_made_refuses_the_request() -> None:
    """It does not wait for the making."""
    fetch: Fetcher

    def make() -> Any:
        fetch.close()
        return Http()

    fetch = Fetcher("toy", make)
    with pytest.raises(ClientClosed):
        fetch(REQUEST, Deadline(PATIENCE))


def test_a_forked_child_closes_descriptors_and_refuses_without_the_lock() -> None:
    """Whoever held it in the parent will never let go of it here."""
    http = Http()
    fetch = Fetcher("toy", lambda: http)  # type: ignore[arg-type,return-value]
    Fetcher("toy", lambda: http).abandon()  # type: ignore[arg-type,return-value]
    assert http.abandoned == 0
    fetch(REQUEST, Deadline(PATIENCE))
    refused = threading.Event()

    def child() -> None:
        fetch.abandon()
        with pytest.raises(ClientClosed):
            fetch(REQUEST, Deadline(PATIENCE))
        refused.set()

    with fetch._lock:
        thread = threading.Thread(target=child)
        thread.start()
        assert refused.wait(PATIENCE)
    thread.join()
    assert http.abandoned == 1


@pytest.mark.parametrize(
    ("given", "seconds"),
    [
        ("7", "7"),
        (" 7 ", "7"),
        ("999999999", "86400"),
        ("Thu, 01 Jan 1970 00:00:00 GMT", "0"),
        ("soon", "soon"),
    ],
)
def test_a_time_that_the_venue_names_is_in_seconds(given: str, seconds: str) -> None:
    """A date too, and a day at most (RFC 9110, 10.2.3); what means nothing stays as it is."""
    http = Http()
    http.headers = {"retry-after": given, "other": "x"}
    response = Fetcher("toy", lambda: http)(REQUEST, Deadline(PATIENCE))  # type: ignore[arg-type, return-value]
    assert response.headers == {"retry-after": seconds, "other": "x"}


def test_a_date_that_the_venue_names_is_counted_from_now() -> None:
    """In whole seconds, rounded up."""
    http = Http()
    date = datetime.now(timezone.utc) + timedelta(hours=1)
    http.headers = {"retry-after": format_datetime(date, usegmt=True)}
    response = Fetcher("toy", lambda: http)(REQUEST, Deadline(PATIENCE))  # type: ignore[arg-type, return-value]
    assert 3595 <= int(response.headers["retry-after"]) <= 3600
