"""Host names to addresses, in helper threads: a name server that hangs must not hang a caller.

At most eight helpers exist at a time, whatever the number of clients. They are daemons; one that
is stuck in the system's resolver stays until that gives up. Nothing here opens a connection.
"""

from __future__ import annotations

import contextlib
import ipaddress
import os
import queue
import socket
import threading
from collections.abc import Callable
from typing import Any, TypeVar

from venuesdk.errors import ConnectFailed, ConnectTimeout
from venuesdk.timing import Deadline
from venuesdk.wire.sockets import SLICE, Address

__all__ = ["HELPERS", "Lookup", "resolve"]

HELPERS = 8
"""The largest number of helper threads in a process."""

Lookup = Callable[..., list[Any]]
"""What asks the system: ``socket.getaddrinfo``, or a stand-in with its arguments."""

_Item = TypeVar("_Item")

_free: queue.SimpleQueue[int] = queue.SimpleQueue()


def _refill() -> None:
    """Start with every helper's number free; in a forked child none of the threads exist."""
    global _free
    _free = queue.SimpleQueue()
    for number in range(1, HELPERS + 1):
        _free.put(number)


_refill()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_refill)


def resolve(
    host: str, port: int, deadline: Deadline, lookup: Lookup | None = None
) -> list[Address]:
    """Return the addresses of `host`, in the order in which to try them.

    Blocks until the deadline at most. An address needs no helper and is returned as it is.
    Raises ConnectFailed where there is no such host and ConnectTimeout at the deadline.
    """
    with contextlib.suppress(ValueError):
        ipaddress.ip_address(host)
        return list(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM))
    free = _free
    number = _next(free, deadline)
    if number is None:
        raise ConnectTimeout(f"no time left to look up {host}: all helpers are busy")
    answers: queue.SimpleQueue[list[Address] | BaseException] = queue.SimpleQueue()
    ask = lookup or socket.getaddrinfo

    def look_up() -> None:
        answer: list[Address] | BaseException
        try:
            answer = list(ask(host, port, type=socket.SOCK_STREAM))
        except BaseException as error:
            answer = error
        free.put(number)
        answers.put(answer)

    try:
        threading.Thread(target=look_up, name=f"venuesdk-dns-{number}", daemon=True).start()
    except RuntimeError:
        free.put(number)
        raise ConnectFailed(f"cannot look up {host}: no thread can be started") from None
    found = _next(answers, deadline)
    if found is None:
        raise ConnectTimeout(f"no answer in time to what the address of {host} is")
    if isinstance(found, BaseException):
        detail = getattr(found, "strerror", None) or type(found).__name__
        raise ConnectFailed(f"no address for {host}: {detail}")
    if not found:
        raise ConnectFailed(f"no address for {host}")
    return found


def _next(source: queue.SimpleQueue[_Item], deadline: Deadline) -> _Item | None:
    """Return the next item, or None once the deadline has come or was cancelled."""
    while True:
        try:
            return source.get(timeout=deadline.slice(SLICE))
        except queue.Empty:
            if deadline.expired():
                return None
