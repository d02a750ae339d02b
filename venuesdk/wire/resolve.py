"""Host names to addresses, in helper threads: a name server that hangs must not hang a caller.

At most eight helpers exist at a time, whatever the number of clients. They are daemons; one that
is stuck in the system's resolver stays until that gives up. Nothing here opens a connection.
"""

from __future__ import annotations

import contextlib
import ipaddress
import os
import socket
import threading
from collections.abc import Callable
from queue import Empty, SimpleQueue
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

_free: SimpleQueue[int] = SimpleQueue()


def _refill() -> None:
    """Start with every helper's number free; in a forked child none of the threads exist."""
    global _free
    _free = SimpleQueue()
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
    numbers: list[int] = []
    answers: SimpleQueue[list[Address] | BaseException] = SimpleQueue()
    ask = lookup or socket.getaddrinfo

    def give_back() -> None:
        # Once: the helper and an interrupted caller may both do it.
        with contextlib.suppress(IndexError):
            free.put(numbers.pop())

    def look_up() -> None:
        answer: list[Address] | BaseException
        try:
            answer = list(ask(host, port, type=socket.SOCK_STREAM))
        except BaseException as error:
            answer = error
        give_back()
        answers.put(answer)

    try:
        if not _move(free, numbers, deadline):
            raise ConnectTimeout(f"no time left to look up {host}: all helpers are busy")
        name = f"venuesdk-dns-{numbers[0]}"
        threading.Thread(target=look_up, name=name, daemon=True).start()
    except RuntimeError:
        give_back()
        raise ConnectFailed(f"cannot look up {host}: no thread can be started") from None
    except BaseException:
        give_back()
        raise
    arrived: list[list[Address] | BaseException] = []
    if not _move(answers, arrived, deadline):
        raise ConnectTimeout(f"no answer in time to what the address of {host} is")
    (found,) = arrived
    if isinstance(found, BaseException):
        detail = getattr(found, "strerror", None) or type(found).__name__
        raise ConnectFailed(f"no address for {host}: {detail}")
    if not found:
        raise ConnectFailed(f"no address for {host}")
    return found


def _move(source: SimpleQueue[_Item], into: list[_Item], deadline: Deadline) -> bool:
    """Move the next item; return False once the deadline has come or was cancelled."""
    while True:
        try:
            # In one step: Ctrl-C never finds an item that has left the one and is not in the other.
            into.extend(map(source.get, (True,), (deadline.slice(SLICE),)))
            return True
        except Empty:
            if deadline.expired():
                return False
