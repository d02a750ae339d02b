"""Address: where a Redis is, and who asks it, as one line of text says; asks nothing itself."""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import unquote, urlsplit

from ..secret import Secret

__all__ = ["parsed"]

SCHEMES: Final = ("redis", "rediss", "unix")
_DATABASE: Final = re.compile(r"(/[0-9]*)?")


def parsed(url: str) -> tuple[str, str | None, Secret | None]:
    """Return an address without credentials, and the user and the password that stood in it.

    Raises `ValueError` for what is none, without showing any of it.
    """
    if not isinstance(url, str):
        raise TypeError(f"the address of Redis is text, not {type(url).__name__}")
    try:
        parts = urlsplit(url)
        whole = parts.port is None or parts.hostname is not None
    except ValueError:
        whole = False
    if not whole:
        # What Python says of it may show a part of the password.
        raise ValueError("the address of Redis cannot be read; is its password percent-encoded?")
    if parts.scheme not in SCHEMES:
        there_are = ", ".join(f"{scheme}://" for scheme in SCHEMES)
        raise ValueError(f"the address of Redis begins with one of {there_are}")
    if parts.query or parts.fragment:
        raise ValueError("the address of Redis takes no options behind a question mark")
    if parts.scheme != "unix" and not _DATABASE.fullmatch(parts.path):
        raise ValueError("behind the host of Redis stands the number of a database, or nothing")
    user, password = (unquote(one or "") for one in (parts.username, parts.password))
    host = parts.netloc.rpartition("@")[2]
    address = f"{parts.scheme}://{host}{parts.path}"
    return address, user or None, Secret(password) if password else None
