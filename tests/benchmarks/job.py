"""What one client is to do in its process, and where the server is."""

from __future__ import annotations

import dataclasses
import json
import socket
import ssl
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from framing import no_delay, upgrade

__all__ = ["Job"]


@dataclass
class Job:
    """One measurement of one client; `options` are the driver's own.

    `probes` are filled by the driver: counters of the client's own that the meter reads.
    """

    driver: str
    task: str
    shape: str
    ports: dict[str, int]
    ca_file: str = ""
    tls: bool = False
    play: str = "flood"
    number: int = 0
    start: str = "1"
    seconds: float = 1.0
    callers: int = 1
    burner: bool = False
    switch_interval: float | None = None
    values: str = "typed"
    options: dict[str, Any] = field(default_factory=dict)
    probes: dict[str, Callable[[], float]] = field(default_factory=dict)

    @classmethod
    def from_json(cls, text: str) -> Job:
        """Return the job that `to_json` wrote."""
        return cls(**json.loads(text))

    def to_json(self) -> str:
        """Return all of it but what only lives in its process."""
        plain = {each.name: getattr(self, each.name) for each in dataclasses.fields(self)}
        del plain["probes"]
        return json.dumps(plain)

    @property
    def host(self) -> str:
        """Host and port of the server."""
        return f"127.0.0.1:{self.port}"

    @property
    def port(self) -> int:
        """The server's port: with TLS, or without."""
        return self.ports["wss" if self.tls else "ws"]

    def path(self, start: str | None = None) -> str:
        """Return the path that tells the server what to do."""
        return f"/{start or self.start}/{self.play}/{self.shape}/{self.number}"

    def url(self, start: str | None = None) -> str:
        """Return the address of that path."""
        return f"{'wss' if self.tls else 'ws'}://{self.host}{self.path(start)}"

    def context(self) -> ssl.SSLContext | None:
        """Return what trusts the server's certificate, or None without TLS."""
        return ssl.create_default_context(cafile=self.ca_file) if self.tls else None

    def connect(self) -> socket.socket:
        """Return a plain TCP connection to the server."""
        sock = socket.create_connection(("127.0.0.1", self.port))
        no_delay(sock)
        return sock

    def open(self) -> tuple[Any, bytes]:
        """Return a socket on which the stream begins now, and what has come of it already."""
        sock: Any = self.connect()
        context = self.context()
        if context is not None:
            sock = context.wrap_socket(sock, server_hostname="127.0.0.1")
        return sock, upgrade(sock, self.path("now"))
