"""What can be wrong with a client of the venue: the login, a read that changes nothing, the end.

The client is made and used as a user's program does it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from attrs import frozen

from ...errors import (
    AuthenticationError,
    ConnectFailed,
    ConnectionLost,
    ConnectTimeout,
    RateLimitExceeded,
    RequestRejected,
    VenueError,
)
from ...timing import Deadline
from .finding import Finding, failed, ok, skipped, warning
from .upgrade import wait_advice
from .visit import Visit

__all__ = ["end", "login", "read"]

Make = Callable[[Any, float], object]


@frozen
class _Read:
    """A request that changes nothing; `key` is the credential that it needs, "" for none."""

    text: str
    make: Make
    key: str = ""


READS: Mapping[str, tuple[_Read, ...]] = {
    "infinex": (
        _Read(
            "the balances",
            lambda client, timeout: client.request(
                "/wallet/balances", {"offset": 0}, timeout=timeout
            ),
            "api_key",
        ),
        _Read(
            'networks("BTC")', lambda client, timeout: client.networks("BTC", timeout=timeout)
        ),
    ),
    "onyx": (
        _Read(
            "the channel server_info",
            lambda client, timeout: client.subscribe_server_info(timeout=timeout).close(),
        ),
    ),
    "timex": (
        _Read(
            "the balances", lambda client, timeout: client.balances(timeout=timeout), "api_secret"
        ),
        _Read(
            'raw_order_book("ETHAUDT")',
            lambda client, timeout: client.raw_order_book("ETHAUDT", 1, timeout=timeout),
        ),
    ),
}
"""What each venue is asked: with a key where there is one, for that proves the key as well.

Of Fuze and Loopring no document knows a read over the socket that asks nobody for a price.
"""

OVER_THE_SOCKET: Mapping[str, Mapping[str, Any]] = {"infinex": {"route": "websocket"}}
"""Options of clients that would go another way where the socket is gone, and say nothing."""


def login(visit: Visit, deadline: Deadline) -> Iterator[Finding]:
    """Make a client, connect and log in."""
    subject = visit.subject
    if subject.lacks:
        yield skipped(f"no {' and no '.join(subject.lacks)} to log in with")
        return
    try:
        client = visit.client = _client(visit)
        client.connect(deadline.remaining())
    except VenueError as error:
        visit.close()
        yield _no_login(error)
        return
    except ValueError as error:
        visit.close()
        # One that tells what of a text cannot be sent would show a part of it.
        said = str(error) if type(error) is ValueError else "a credential that cannot be sent"
        yield failed(said, "Look at the credentials above.")
        return
    if next(subject.codec().opening(), None) is None:
        yield ok("connected; this venue has no login: credentials go with the requests")
    else:
        yield ok("connected, and the venue accepts the credentials")


def _client(visit: Visit) -> Any:
    subject = visit.subject
    options: dict[str, Any] = {
        "timeout": subject.timeout,
        "ca_file": subject.ca_file,
        "environment_proxy": subject.environment_proxy,
        # What no caller waits for is told at the end.
        "on_error": visit.troubles.append,
        **OVER_THE_SOCKET.get(subject.venue, {}),
        **subject.secrets,
    }
    if not subject.usual:
        options |= {"url": subject.url, "http_url": subject.http_url}
    make: Any = subject.client_class
    return make(**{name: value for name, value in options.items() if value})


def _no_login(error: VenueError) -> Finding:
    said = f"{type(error).__name__}: {error}"
    if isinstance(error, AuthenticationError):
        return failed(
            f"the venue says: {error}",
            "The credentials are not accepted: check that they are of this venue and this "
            "environment (live, test), that the key is active, and that this address may use it.",
        )
    if isinstance(error, RateLimitExceeded):
        return failed(said, wait_advice(error.retry_after))
    if isinstance(error, ConnectTimeout):
        return failed(
            said, "The venue takes connections and does not answer logins: see its status page."
        )
    if isinstance(error, (ConnectFailed, ConnectionLost)):
        return failed(
            said,
            "The venue ended the connection instead of answering: some do so with credentials "
            "that they do not know; else see its status page.",
        )
    return failed(said, "The venue's answer is not what its documents say: see its status page.")


def read(visit: Visit, deadline: Deadline) -> Iterator[Finding]:
    """Ask something that changes nothing, with the key where there is one."""
    client, subject = visit.client, visit.subject
    if client is None:
        yield skipped("nobody is logged in")
        return
    known = subject.secrets
    fitting = [one for one in READS.get(subject.venue, ()) if not one.key or one.key in known]
    if not fitting:
        yield skipped("no document of this venue describes a read that is harmless")
        return
    chosen = fitting[0]
    try:
        chosen.make(client, deadline.slice(subject.timeout))
    except AuthenticationError as error:
        yield failed(
            f"{chosen.text}: the venue says: {error}",
            "The credentials are not accepted, or may not do this: check key and permissions.",
        )
    except RequestRejected as error:
        yield warning(
            f"{chosen.text}: the venue says: {error}",
            "It answers, so the way is good; it does not like this request.",
        )
    except VenueError as error:
        yield failed(
            f"{chosen.text}: {type(error).__name__}: {error}",
            "The venue takes the login and does not serve requests: see its status page.",
        )
    else:
        yield ok(f"{chosen.text}: answered", request=chosen.text)


def end(visit: Visit, deadline: Deadline) -> Iterator[Finding]:
    """Close the client, and tell what went over its connection."""
    client, visit.client = visit.client, None
    if client is None:
        yield skipped("nobody is logged in")
        return
    stats = client.stats()
    client.close()
    said = (
        f"{stats.bytes_in:,} bytes in (frames: {stats.frames_in}), "
        f"{stats.bytes_out:,} out (frames: {stats.frames_out}); "
    )
    facts = {"bytes_in": stats.bytes_in, "bytes_out": stats.bytes_out}
    if stats.epoch > 1 or stats.state != "connected":
        yield warning(
            f"{said}the connection was lost meanwhile",
            "The venue, or something in between, does not keep connections: run this again, and "
            "look at what the venue says.",
            **facts,
        )
        return
    if visit.troubles:
        first = visit.troubles[0]
        yield warning(
            f"{said}errors meanwhile: {len(visit.troubles)}, the first "
            f"{type(first).__name__}: {first}",
            "The venue sends what its documents do not describe: tell whoever keeps the SDK.",
            **facts,
        )
        return
    yield ok(f"{said}closed", **facts)
