"""Loopback alone: whatever else a process of the tests speaks to is refused, and written down."""

from __future__ import annotations

import ipaddress
import socket
import sys
from typing import Any

__all__ = ["OutsideLoopback", "guard", "outside"]

outside: list[str] = []
"""What was refused, since the code under test may well catch what is raised."""


class OutsideLoopback(RuntimeError):
    """A test tried to speak to something that is not this machine."""


def guard() -> None:
    """Refuse from now on every name looked up and address used beyond loopback.

    A name of the domain that is reserved for names that do not exist is answered as a name server
    would, and asked of none.
    """
    sys.addaudithook(_refuse_outside)


def _is_loopback(host: object) -> bool:
    """Tell whether a host, as the socket module takes it, is this machine; None names no host."""
    if host is None:
        return True
    text = host.decode("ascii", "replace") if isinstance(host, bytes) else str(host)
    if text == "localhost":
        return True
    try:
        return ipaddress.ip_address(text.partition("%")[0]).is_loopback
    except ValueError:
        return False


def _refuse_outside(event: str, arguments: tuple[Any, ...]) -> None:
    if not event.startswith("socket."):
        return
    host: object = None
    if event in ("socket.connect", "socket.bind", "socket.sendto", "socket.sendmsg"):
        endpoint, address = arguments[:2]
        if endpoint.family in (socket.AF_INET, socket.AF_INET6) and address:
            host = address[0]
    elif event in ("socket.getaddrinfo", "socket.gethostbyname", "socket.gethostbyaddr"):
        host = arguments[0]
        if str(host).endswith(".invalid"):
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
    if not _is_loopback(host):
        outside.append(f"{event} {host!r}")
        raise OutsideLoopback(f"{event} {host!r}: tests speak to loopback alone")
