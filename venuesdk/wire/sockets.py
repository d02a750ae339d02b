"""Plain sockets: waiting for them, their options, and the way from addresses to a connection.

No write waits here, and no read longer than its socket was told; every other wait is bounded by a
deadline and cut into slices, so that a deadline cancelled from another thread ends it. Nothing here
resolves names.
"""

from __future__ import annotations

import contextlib
import errno
import os
import select
import socket
import struct
import sys
from collections.abc import Sequence
from typing import Any

from venuesdk.errors import ConnectFailed, ConnectTimeout
from venuesdk.timing import Deadline

__all__ = [
    "NO_WAIT",
    "SLICE",
    "Address",
    "Watch",
    "await_ready",
    "dial",
    "make_patient",
    "receive",
]

SLICE = 0.1
"""The longest single wait, in seconds, of an operation that another thread may cancel."""

Address = tuple[Any, ...]
"""One entry of what ``getaddrinfo`` returns."""

NO_WAIT: int = getattr(socket, "MSG_DONTWAIT", 0)
"""The flag of a read or write that must not wait, whatever the socket would do."""
PATIENT = sys.platform == "linux"
"""Whether a read can wait in the system for a limited time while writes to the socket never do.

On macOS a write with that flag waits all the same, and Windows has no such flag.
"""

_HAS_POLL = hasattr(select, "poll")
_IN_PROGRESS = frozenset(
    getattr(errno, name)
    for name in ("EINPROGRESS", "EWOULDBLOCK", "EAGAIN", "WSAEWOULDBLOCK")
    if hasattr(errno, name)
)


class Watch:
    """Wait until one socket is readable or writable; used by one thread at a time."""

    __slots__ = ("_mask", "_poll", "_sock")

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._mask = -1
        self._poll = select.poll() if _HAS_POLL else None

    def wait(self, timeout: float, *, read: bool = False, write: bool = False) -> tuple[bool, bool]:
        """Block for `timeout` seconds at most; return whether to read and whether to write.

        An error or a hang-up counts as both: the call that follows will say what it is.
        """
        if self._poll is None:
            return self._select(timeout, read, write)
        mask = (select.POLLIN if read else 0) | (select.POLLOUT if write else 0)
        if mask != self._mask:
            self._poll.register(self._sock, mask)
            self._mask = mask
        events = self._poll.poll(timeout * 1000.0)
        if not events:
            return False, False
        found = events[0][1]
        wrong = found & ~(select.POLLIN | select.POLLOUT) != 0
        return (
            read and (wrong or found & select.POLLIN != 0),
            write and (wrong or found & select.POLLOUT != 0),
        )

    def _select(self, timeout: float, read: bool, write: bool) -> tuple[bool, bool]:
        """Do the same where there is no poll."""
        socks = [self._sock]
        readable, writable, wrong = select.select(
            socks if read else [], socks if write else [], socks, timeout
        )
        return read and bool(readable or wrong), write and bool(writable or wrong)


def await_ready(
    sock: socket.socket, deadline: Deadline, *, read: bool = False, write: bool = False
) -> bool:
    """Block until the socket is ready, and return True; or False once the deadline has come."""
    watch = Watch(sock)
    while not deadline.expired():
        if any(watch.wait(deadline.slice(SLICE), read=read, write=write)):
            return True
    return False


def make_patient(sock: socket.socket, longest: float) -> bool:
    """Let a read wait for data so many seconds, unless it says `NO_WAIT`; return whether it will.

    Where the system cannot do that, nothing on the socket waits at all.
    """
    sock.setblocking(False)
    if PATIENT:
        whole, part = divmod(longest, 1.0)
        timeval = struct.pack("@ll", int(whole), int(part * 1e6))
        with contextlib.suppress(OSError):
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, timeval)
            sock.setblocking(True)
            return True
    return False


def receive(sock: socket.socket, timeout: float) -> bytes | None:
    """Return what arrives within `timeout` seconds, b"" at the end of the stream, else None."""
    if not any(Watch(sock).wait(timeout, read=True)):
        return None
    try:
        return sock.recv(16384)
    except BlockingIOError:
        return None


def dial(addresses: Sequence[Address], deadline: Deadline, what: str) -> socket.socket:
    """Connect to the first of `addresses` that answers, in their order, within the deadline.

    Each address gets an equal share of the time that is left, so that one that swallows packets
    does not use it all. Raises ConnectTimeout or ConnectFailed; `what` names the peer in them.
    """
    reason = "no address"
    for index, address in enumerate(addresses):
        left = deadline.remaining()
        share = Deadline(None if left is None else left / (len(addresses) - index))
        sock: socket.socket | None = None
        try:
            sock = socket.socket(address[0], address[1], address[2])
            failure = _connect(sock, address[4], deadline, share)
        except OSError as error:
            failure = error.strerror or type(error).__name__
        except BaseException:
            if sock is not None:
                sock.close()
            raise
        if failure is None and sock is not None:
            _set_options(sock)
            return sock
        if sock is not None:
            sock.close()
        if deadline.expired():
            raise ConnectTimeout(f"{what} did not answer in time")
        reason = failure or reason
    raise ConnectFailed(f"cannot connect to {what}: {reason}")


def _connect(sock: socket.socket, address: Any, deadline: Deadline, share: Deadline) -> str | None:
    """Try one address; return None once connected, else why not."""
    sock.setblocking(False)
    code = sock.connect_ex(address)
    if code in _IN_PROGRESS:
        watch = Watch(sock)
        while not any(watch.wait(min(deadline.slice(SLICE), share.slice(SLICE)), write=True)):
            if deadline.expired() or share.expired():
                return "no answer"
        code = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
    if code:
        return os.strerror(code)
    # A port of this machine that nobody listens on may be picked as our own end: then TCP
    # connects the socket to itself, and it would talk to its own echo.
    if sock.getsockname() == sock.getpeername():
        return "Connection refused"
    return None


def _set_options(sock: socket.socket) -> None:
    """Send at once, and notice a dead peer: keepalive 10/5/3 s, unacknowledged data 15 s.

    Linux counts the time of unacknowledged data from when it was first sent again, some tenths of
    a second after it was sent: a second is left for that.
    """
    options = [
        (socket.IPPROTO_TCP, "TCP_NODELAY", 1),
        (socket.SOL_SOCKET, "SO_KEEPALIVE", 1),
        (socket.IPPROTO_TCP, "TCP_KEEPIDLE", 10),
        (socket.IPPROTO_TCP, "TCP_KEEPALIVE", 10),  # macOS's name for the same
        (socket.IPPROTO_TCP, "TCP_KEEPINTVL", 5),
        (socket.IPPROTO_TCP, "TCP_KEEPCNT", 3),
        (socket.IPPROTO_TCP, "TCP_USER_TIMEOUT", 14_000),
    ]
    for level, name, value in options:
        if hasattr(socket, name):
            with contextlib.suppress(OSError):
                sock.setsockopt(level, getattr(socket, name), value)
