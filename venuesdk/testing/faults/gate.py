"""The place where a fault proxy is found: one port that listens, or refuses, and is never lost."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Callable

from venuesdk.testing.faults.loop import Loop

__all__ = ["Gate", "bound_buffers"]

_BACKLOG = 128


class Gate:
    """Listens on one port while it is open; all but its construction happens on the loop."""

    def __init__(
        self,
        host: str,
        port: int,
        buffer: int | None,
        loop: Loop,
        accepted: Callable[[socket.socket], None],
    ) -> None:
        self._address = (host, port)
        self._family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self._buffer = buffer
        self._loop = loop
        self._accepted = accepted
        # A socket that is bound and does not listen refuses, and keeps the port for later.
        self._place = self._bound()
        self.port: int = self._place.getsockname()[1]
        self._address = (host, self.port)
        self._listener: socket.socket | None = None

    def open(self) -> None:
        """Accept connections."""
        if self._listener is None:
            self._listener = self._bound()
            self._listener.listen(_BACKLOG)
            self._loop.watch(self._listener, self._accept)

    def shut(self) -> None:
        """Refuse connections, those included that nobody has accepted yet."""
        if self._listener is not None:
            self._loop.watch(self._listener)
            self._listener.close()
            self._listener = None

    def close(self) -> None:
        """Give up the port."""
        self.shut()
        self._place.close()

    def _accept(self) -> None:
        assert self._listener is not None
        with contextlib.suppress(OSError):  # whoever it was has left already
            sock, _ = self._listener.accept()
            self._accepted(sock)

    def _bound(self) -> socket.socket:
        sock = socket.socket(self._family)
        sock.setblocking(False)
        for option in ("SO_REUSEADDR", "SO_REUSEPORT"):
            if hasattr(socket, option):
                sock.setsockopt(socket.SOL_SOCKET, getattr(socket, option), 1)
        # What is accepted inherits them, and only from here do they bound the TCP window.
        bound_buffers(sock, self._buffer)
        try:
            sock.bind(self._address)
        except OSError:
            sock.close()
            raise
        return sock


def bound_buffers(sock: socket.socket, size: int | None) -> None:
    """Bound what the kernel takes in advance, each way; None leaves that to the kernel."""
    if size is not None:
        for option in (socket.SO_RCVBUF, socket.SO_SNDBUF):
            sock.setsockopt(socket.SOL_SOCKET, option, size)
