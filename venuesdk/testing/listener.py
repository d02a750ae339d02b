"""The listening socket of a simulated venue: accepts, numbers and ends its connections."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
from collections.abc import Callable

from venuesdk.testing.connection import Connection
from venuesdk.testing.link import Owner, Weather
from venuesdk.testing.schedule import Alarm
from venuesdk.timing import real_monotonic

__all__ = ["Listener"]

_CLOSE_GRACE = 0.3
_CUT_PATIENCE = 1.0


class Listener:
    """Accepts connections on one daemon thread until it is closed."""

    def __init__(
        self,
        address: tuple[str, int],
        owner: Owner,
        weather: Weather,
        tls: ssl.SSLContext | None,
        later: Callable[[float, Callable[[], None]], Alarm],
        thread_name: str,
    ) -> None:
        self._owner = owner
        self._weather = weather
        self._tls = tls
        self._later = later
        self._thread_name = thread_name
        # Guards the list of connections; nothing else happens under it.
        self._lock = threading.Lock()
        self._links: list[Connection] = []
        self._socket = socket.create_server(address, backlog=128)
        self.port: int = self._socket.getsockname()[1]
        self._thread = threading.Thread(
            target=self._accept, name=f"{thread_name}-accept", daemon=True
        )
        self._thread.start()

    @property
    def links(self) -> list[Connection]:
        """The connections that have not ended, oldest first, open or not."""
        with self._lock:
            return [link for link in self._links if not link.ended]

    def close(self) -> None:
        """Say goodbye with 1001, cut whoever does not answer, and end every thread."""
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        self._thread.join()
        links = self.links
        for link in links:
            link.close(1001, "going away")
        silent = self._weather.muted or self._weather.stalled
        deadline = real_monotonic() + (0.0 if silent else _CLOSE_GRACE)
        for link in links:
            link.join(max(0.0, deadline - real_monotonic()))
        for link in links:
            link.drop()
        for link in links:
            link.join(_CUT_PATIENCE)

    def _accept(self) -> None:
        while True:
            try:
                sock, _ = self._socket.accept()
            except OSError:
                return
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            link = Connection(sock, self._owner, self._weather, self._tls, self._thread_name)
            link.later = self._later
            with self._lock:
                self._links = [old for old in self._links if not old.ended] + [link]
            link.start()
