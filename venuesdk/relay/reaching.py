"""Redis, seen from a relay: how it is reached, and what its refusals mean.

What redis-py raises becomes one of a relay's own errors here, and never shows a password.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from ..secret import Secret, resolve
from ..timing import Deadline
from .address import parsed
from .engine import EngineFull, EngineRefused, EngineUnavailable, GroupGone, RelayError

try:
    from redis import ConnectionPool, Redis
    from redis.backoff import NoBackoff
    from redis.credentials import CredentialProvider
    from redis.exceptions import (
        AuthenticationError,
        BusyLoadingError,
        NoPermissionError,
        OutOfMemoryError,
        ReadOnlyError,
        RedisError,
        ResponseError,
    )
    from redis.retry import Retry
except ImportError as error:
    raise ImportError(
        "the relay needs the redis package: pip install 'venuesdk[relay]'"
    ) from error

__all__ = ["Given", "NoPermissionError", "RedisError", "ResponseError", "client_of", "error_of"]

Given = str | Secret | Callable[[], str | Secret] | None
"""A password as users give it."""
IN_SCRIPT: Final = re.compile(r"(?:ERR )?Error running script.*?-([A-Z]+) ", re.DOTALL)
"""What Redis 6.2 answers for a script of which a command was refused."""
WITHOUT_ROOM: Final = ("OOM", "MISCONF")
AWAY: Final = ("READONLY", "LOADING", "MASTERDOWN", "CLUSTERDOWN", "TRYAGAIN", "NOREPLICAS", "BUSY")
"""How the answers of a server begin that will soon be able to, or of one that another replaced."""


def client_of(
    url: str, password: Given, ca_file: str | os.PathLike[str] | None, timeout: float
) -> tuple[Any, str]:
    """Return a client with one connection, not made yet, and its address without a password."""
    address, user, inside = parsed(url)
    if password is None:
        password = inside
    elif isinstance(password, str):
        password = Secret(password)
    options: dict[str, Any] = {
        "protocol": 2,
        "retry": Retry(NoBackoff(), 0),
        "retry_on_error": [],
        "socket_timeout": Deadline(timeout).timeout,
        "socket_connect_timeout": timeout,
        "socket_keepalive": True,
        "max_connections": 1,
    }
    if password is not None:
        options["credential_provider"] = _Password(user, password)
    if address.startswith("rediss"):
        options |= {"ssl_cert_reqs": "required", "ssl_check_hostname": True}
        if ca_file is not None:
            options["ssl_ca_certs"] = str(Path(ca_file))
    elif ca_file is not None:
        raise ValueError("ca_file is for rediss://")
    if address.startswith("unix"):
        del options["socket_keepalive"]
    return Redis(connection_pool=ConnectionPool.from_url(address, **options)), address


class _Password(CredentialProvider):
    """What redis-py asks for the user and the password of each connection."""

    def __init__(
        self, user: str | None, password: Secret | Callable[[], str | Secret]
    ) -> None:
        self._user = user
        self._password = password

    def get_credentials(self) -> tuple[str] | tuple[str, str]:
        password = resolve(self._password).reveal()
        return (password,) if self._user is None else (self._user, password)


def error_of(error: Exception) -> RelayError:
    """Return what an exception of redis-py means for whoever called."""
    text = str(error)[:200]
    if type(error) is not ResponseError:
        text = f"{type(error).__name__}: {text}"
    if isinstance(error, (AuthenticationError, NoPermissionError)):
        return EngineRefused(text)
    if not isinstance(error, ResponseError):
        return EngineUnavailable(text)
    inside = IN_SCRIPT.match(text)
    word = text.partition(" ")[0] if inside is None else inside[1]
    if isinstance(error, OutOfMemoryError) or word in WITHOUT_ROOM:
        return EngineFull(text)
    if isinstance(error, (ReadOnlyError, BusyLoadingError)) or word in AWAY:
        return EngineUnavailable(text)
    if word == "NOGROUP" or "no such key" in text:
        return GroupGone(text)
    return EngineRefused(text)
