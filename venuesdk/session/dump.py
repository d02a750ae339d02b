"""Dump: all that a bug report needs about one client, without a credential or a payload.

It must answer where nothing else does: from a signal handler, beside a thread that is stuck with a
lock, of a client that is closed, failed or another process's. So it reads without any lock, and
tries each only to say who has it; what fails is said in its place. It changes nothing.
"""

from __future__ import annotations

import functools
import os
import sys
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timezone
from typing import Any

from attrs import asdict

from .._version import __version__
from ..protocol.feeds import Feed
from ..secret import Secret
from ..timing import monotonic, wall_clock
from ..wire.certificates import openssl
from ..wire.endpoint import Endpoint, Proxy, without_query
from .callbacks import name_of
from .journal import Entry, text_of
from .session import Session
from .stacks import lock_holders, threads_of
from .subscription import Subscription

__all__ = ["dump_of", "how_given", "text_of_dump"]

LIBRARIES = ("websocket-client", "requests", "urllib3", "attrs", "cattrs", "msgspec")
MOST_LISTED = 200
"""How many requests, and how many subscriptions, are listed; of more the first."""

Data = dict[str, Any]


def dump_of(
    session: Session,
    client: str,
    endpoint: Endpoint,
    http_url: str,
    options: Mapping[str, Any],
    credentials: Mapping[str, str],
) -> Data:
    """Return everything as plain values: dicts, lists, text, numbers and None.

    From any thread, a signal handler included; takes at most a few tenths of a second, and only
    where a lock is held. Never raises. Figures may be a moment apart.
    """
    sections: dict[str, Callable[[], object]] = {
        "versions": _versions,
        "client": lambda: {"class": client, **_standing(session)},
        "endpoint": lambda: _endpoint(endpoint, http_url),
        "credentials": lambda: dict(credentials),
        "options": lambda: {name: _option(name, value) for name, value in options.items()},
        "locks": lambda: lock_holders(session),
        "connection": lambda: _connection(session),
        "stats": lambda: _stats(session),
        "requests": lambda: _requests(session),
        "subscriptions": lambda: _subscriptions(session),
        "delivery": session.delivery.describe,
        "threads": lambda: threads_of(session),
        "state_changes": lambda: _entries(session.delivery.journal.changes),
        "errors": lambda: _entries(session.delivery.journal.errors),
    }
    data: Data = {"taken": _time(wall_clock())}
    for name, take in sections.items():
        try:
            data[name] = take()
        except Exception as error:
            data[name] = f"cannot be had: {text_of(error)}"
    # What holds a credential is left out above; this is for what others put into a name or a text.
    masked: Data = _masked(data, session.delivery.journal.mask.apply)
    return masked


def how_given(value: object, variable: str) -> str:
    """Return where a credential comes from, and nothing of it."""
    if isinstance(value, Secret):
        return "given"
    if callable(value):
        return f"asked of {name_of(value)}"
    return f"environment {variable}" if os.environ.get(variable) else "missing"


# What is in it -----------------------------------------------------------------------------------


@functools.lru_cache(maxsize=1)
def _versions() -> Data:
    from importlib.metadata import PackageNotFoundError, version

    found = {}
    for name in LIBRARIES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "not found"
    system = f" {os.uname().release} {os.uname().machine}" if hasattr(os, "uname") else ""
    return {
        "venuesdk": __version__,
        "python": " ".join(sys.version.split()),
        "platform": sys.platform + system,
        "openssl": openssl()[0],
        **found,
    }


def _standing(session: Session) -> Data:
    standing = session.standing
    return {
        "venue": standing.venue,
        "state": standing.state.value,
        "state_since": _time(standing.changed_on),
        "state_seconds": monotonic() - standing.changed_at,
        "forked": standing.forked,
    }


def _endpoint(endpoint: Endpoint, http_url: str) -> Data:
    proxy = endpoint.proxy
    return {
        "url": without_query(endpoint.url),
        "http_url": without_query(http_url),
        "proxy": None if proxy is None else proxy.url,
    }


def _option(name: str, value: object) -> object:
    """Return an option as it may be shown: of headers the names, of URLs no query."""
    if name == "headers" and isinstance(value, Mapping):
        return sorted(str(header) for header in value)
    if isinstance(value, Proxy):
        return value.url
    if isinstance(value, str) and name in ("url", "http_url"):
        return without_query(value)
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if callable(value):
        return name_of(value)
    if name in ("reconnect", "quota"):
        return repr(value)
    return str(value) if isinstance(value, os.PathLike) else type(value).__name__


def _connection(session: Session) -> Data | None:
    link, now = session.standing.link, monotonic()
    if link is None:
        return None
    connection = link.connection
    version, cipher = connection.tls or (None, None)
    return {
        "epoch": session.standing.epoch,
        "age_seconds": now - link.since,
        "last_frame_age_seconds": now - connection.last_received,
        "bytes_in": connection.bytes_in,
        "bytes_out": connection.bytes_out,
        "frames_in": connection.frames_in,
        "frames_out": connection.frames_out,
        "closed": connection.closed,
        "tls_version": version,
        "tls_cipher": cipher,
    }


def _stats(session: Session) -> Data:
    stats = asdict(session.overview.stats_now(), recurse=False)
    # They stand in a section of their own.
    del stats["subscriptions"]
    return stats


def _requests(session: Session) -> Data:
    now, waiting = monotonic(), session.overview.waiting()
    listed = [
        {"id": id, "method": slot.method, "age_seconds": now - slot.since}
        for id, slot in waiting[:MOST_LISTED]
    ]
    return {"count": len(waiting), "listed": listed}


def _subscriptions(session: Session) -> Data:
    feeds = session.overview.feeds()
    pairs = [(feed, one) for feed in feeds for one in [*feed.listeners, *feed.joining]]
    listed = [
        _subscription(feed, one)
        for feed, one in pairs[:MOST_LISTED]
        if isinstance(one, Subscription)
    ]
    return {"topics": len(feeds), "count": len(pairs), "listed": listed}


def _subscription(feed: Feed, one: Subscription[Any]) -> Data:
    return {
        "wire": feed.state.value,
        "consumer": "iterated" if one.callback is None else name_of(one.callback),
        "conflated_by_key": one.conflate,
        **asdict(one.stats),
    }


def _entries(entries: Iterable[Entry]) -> list[Data]:
    return [{"at": _time(at), "times": count, "text": text} for at, text, count in list(entries)]


# Writing it down ---------------------------------------------------------------------------------


def _time(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, timezone.utc).isoformat(timespec="milliseconds")


def _masked(value: Any, mask: Callable[[str], str]) -> Any:
    if isinstance(value, str):
        return mask(value)
    if isinstance(value, Mapping):
        return {name: _masked(one, mask) for name, one in value.items()}
    return [_masked(one, mask) for one in value] if isinstance(value, list) else value


def text_of_dump(data: Data) -> str:
    """Return a dump as text for people."""
    return "\n".join(["venuesdk dump", *_lines(data, "  ")]) + "\n"


def _lines(value: object, indent: str) -> Iterable[str]:
    if isinstance(value, Mapping):
        for name, one in value.items():
            yield from _named(name, one, indent)
    elif isinstance(value, list):
        for one in value:
            if isinstance(one, Mapping):
                first, *rest = _lines(one, indent + "  ")
                yield f"{indent}- {first.strip()}"
                yield from rest
            else:
                yield f"{indent}{_shown(one)}"


def _named(name: str, value: object, indent: str) -> Iterable[str]:
    if isinstance(value, (Mapping, list)) and value:
        yield f"{indent}{name}:"
        yield from _lines(value, indent + "  ")
    else:
        yield f"{indent}{name}: {_shown(value)}"


def _shown(value: object) -> str:
    if isinstance(value, float):
        return f"{value:.3f}"
    if value is None or value == [] or value == {}:
        return "none"
    return str(value).replace("\n", "\n      ")
