"""What can be wrong with a venue's WebSocket: the upgrade, and whether frames come back.

Looked at on a connection of its own, before anybody logs in.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterator

from attrs import evolve

from ...errors import (
    AuthenticationError,
    ConnectTimeout,
    RateLimitExceeded,
    VenueError,
    VenueUnavailable,
)
from ...models import HttpRequest, HttpResponse
from ...protocol.codec import Codec, Rejection, Request, Response
from ...protocol.conversation import find_address
from ...session.redaction import redact
from ...timing import Deadline, monotonic
from ...wire.http import HttpConnection
from ...wire.websocket import WebSocketConnection
from .finding import Finding, failed, ok
from .visit import Subject, Visit

__all__ = ["heartbeat", "upgrade", "wait_advice"]

BEATS = 5


def upgrade(visit: Visit, deadline: Deadline) -> Iterator[Finding]:
    """Ask for the connection's address where the venue hands it out, and upgrade."""
    subject, endpoint = visit.subject, visit.way.endpoint
    codec = subject.codec()
    asked: list[HttpRequest] = []
    try:
        url = find_address(codec, lambda request: _fetch(subject, request, deadline, asked))
    except VenueError as error:
        yield evolve(_no_key(_masked(error, subject)), check="connection key")
        return
    except (ValueError, OSError) as error:
        advice = "Give --http-url beside --url: they belong together; and check --ca-file."
        yield evolve(failed(f"no connection key: {error}", advice), check="connection key")
        return
    if asked:
        place = subject.http_url.rstrip("/") + asked[0].url.partition("?")[0]
        yield evolve(ok(f"handed out by {place}"), check="connection key")
    try:
        visit.connection = WebSocketConnection.connect(evolve(endpoint, url=url), deadline)
    except VenueError as error:
        yield _no_upgrade(_masked(error, subject))
        return
    yield ok("accepted (101 Switching Protocols)", status=101)


def _fetch(
    subject: Subject, request: HttpRequest, deadline: Deadline, asked: list[HttpRequest]
) -> HttpResponse:
    """Ask what a connection's address needs."""
    if not subject.http_url:
        raise ValueError("the venue hands it out over HTTP, and no HTTP address is known")
    asked.append(request)
    connection = HttpConnection(
        subject.http_url,
        ca_file=subject.ca_file,
        environment_proxy=subject.environment_proxy,
        has_credentials=True,
    )
    try:
        return connection.request(request, deadline)
    finally:
        connection.close()


def _masked(error: VenueError, subject: Subject) -> VenueError:
    redact(error, subject.secrets.values())
    return error


def _no_key(error: VenueError) -> Finding:
    said = f"{type(error).__name__}: {error}"
    if isinstance(error, AuthenticationError):
        return failed(said, "The venue does not accept this client: look at key and account.")
    if isinstance(error, RateLimitExceeded):
        return failed(said, wait_advice(error.retry_after))
    if isinstance(error, VenueUnavailable):
        return failed(said, "The venue's HTTP side is down: see its status page, and wait.")
    return failed(said, "Check --http-url; the HTTP line above says more.")


def _no_upgrade(error: VenueError) -> Finding:
    status = getattr(error, "status", None)
    said = f"{type(error).__name__}: {error}"
    if isinstance(error, AuthenticationError):
        advice = (
            "Before any login: an allow-list of addresses, a blocked region, or a gateway that "
            "wants something of its own. Ask the venue whether this address may connect."
        )
        return failed(said, advice, status=error.code)
    if isinstance(error, RateLimitExceeded):
        return failed(said, wait_advice(error.retry_after), status=error.code)
    if isinstance(error, VenueUnavailable):
        advice = "The venue, or its gateway, is down: see its status page, and wait; clients retry."
        return failed(said, advice, status=status)
    if status is not None and 300 <= status < 400:
        advice = (
            "The address has moved, or a login page of your network stands in between. No redirect "
            "is followed: find the new address and give it as url=."
        )
        return failed(said, advice, status=status)
    if status is not None:
        advice = "A server answered that has no WebSocket there: check the path of the URL."
        return failed(said, advice, status=status)
    if isinstance(error, ConnectTimeout):
        advice = (
            "The server takes connections and does not answer: the venue is overloaded, or a proxy "
            "in between does not pass WebSocket upgrades. Try again, and from another network."
        )
        return failed(said, advice)
    return failed(
        said,
        "What answers is not this venue's WebSocket, or hangs up on it: check the URL, and what "
        "stands in between: a proxy or a firewall that knows no WebSocket.",
    )


def wait_advice(seconds: float | None) -> str:
    """Return what to do where a venue asks for less; `seconds` is the time that it named."""
    named = f" ({seconds:g} s, it says)" if seconds else ""
    return f"Too many connections or requests from here: stop other clients, and wait{named}."


def heartbeat(visit: Visit, deadline: Deadline) -> Iterator[Finding]:
    """Ask for signs of life on the new connection, as the client does when it is quiet."""
    connection = visit.connection
    if connection is None:
        return
    codec = visit.subject.codec()
    asks = codec.heartbeat()
    trips: list[float] = []
    try:
        connection.read(0.0)
        for id in range(1, BEATS + 1):
            started = monotonic()
            answered = (
                _ping(connection, deadline)
                if asks is None
                else _ask(connection, codec, id, asks, deadline)
            )
            if not answered:
                yield _no_beat(len(trips), deadline)
                return
            trips.append(monotonic() - started)
    except VenueError as error:
        said = f"{len(trips)} of {BEATS} pings were answered; then {type(error).__name__}"
        yield failed(
            f"{said}: {_masked(error, visit.subject)}",
            "The venue, or something in between, ends connections at once, or garbles them: see "
            "the venue's status page.",
        )
        return
    finally:
        visit.close()
    kind = "WebSocket pings" if asks is None else "pings of the venue's own kind"
    middle = statistics.median(trips) * 1000
    said = f"{BEATS} {kind}: p50 {middle:.1f} ms, longest {max(trips) * 1000:.1f} ms"
    yield ok(said, p50_ms=round(middle, 3), longest_ms=round(max(trips) * 1000, 3))


def _ping(connection: WebSocketConnection, deadline: Deadline) -> bool:
    """Ping, and wait for a control frame; return False at the deadline."""
    before, messages = connection.frames_in, 0
    connection.post_ping(b"venuesdk")
    while not deadline.expired():
        messages += len(connection.read(deadline.remaining()))
        if connection.frames_in - before > messages:
            return True
    return False


def _ask(
    connection: WebSocketConnection, codec: Codec, id: int, request: Request, deadline: Deadline
) -> bool:
    """Ask for a sign of life in the venue's own words; return False at the deadline."""
    connection.send(codec.encode(id, request), deadline)
    while not deadline.expired():
        for frame in connection.read(deadline.remaining()):
            for message in codec.decode(frame):
                if isinstance(message, (Response, Rejection)) and message.id == id:
                    return True
    return False


def _no_beat(count: int, deadline: Deadline) -> Finding:
    said = "no ping was answered" if not count else f"only {count} of {BEATS} pings were answered"
    return failed(
        f"{said} in {deadline.timeout:g} s",
        "The connection stands, and is mute: something in between holds frames back, or the venue "
        "hangs. A client would connect anew, again and again.",
    )
