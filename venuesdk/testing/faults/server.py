"""HostileServer: a peer on raw sockets that does to each connection what it is told."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
from typing import TYPE_CHECKING
from urllib.parse import urlsplit, urlunsplit

from venuesdk.testing.faults.checks import check_port, check_url
from venuesdk.testing.faults.peer import Peer
from venuesdk.testing.faults.play import Play, needs_venue, play_named

# For the plays that they hold.
from venuesdk.testing.faults.plays import connecting, receiving, sending, web  # noqa: F401

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = ["HostileServer", "UnansweredPort"]

_HOST = "127.0.0.1"
_PATIENCE = 2.0


class HostileServer:
    """Plays one part to each connection on loopback: ``HostileServer("endless_head")``.

    The first connection gets the first of `plays`, the second the second, and so on; each is a
    name in `venuesdk.testing.faults.PLAYS` or a function of a `Peer`. The last one is played to
    all that come after it. Without any, every connection is ``honest``.

    Plays that need a venue behind them, ``honest`` among them, stand between the client and
    `upstream`: a ``ws://`` URL such as a simulator's, or for the plays of HTTP an ``http://`` one
    such as its ``http_url``. An upstream in TLS is not supported. With `tls` (an `ssl.SSLContext`
    for a server) the client's side is encrypted. Every method may be called from any thread;
    `close` leaves no thread, and a port that refuses.

    Raises TypeError for a play that is neither a name nor a function, ValueError for a name that
    no play has, for an upstream that cannot be, and where there is none and a play needs one.
    """

    def __init__(
        self,
        *plays: str | Play,
        upstream: str | None = None,
        tls: ssl.SSLContext | None = None,
        port: int = 0,
    ) -> None:
        self._plays = [_play(one) for one in plays or ("honest",)]
        _check_upstream(upstream, self._plays)
        check_port(port, least=0)
        if tls is not None and not isinstance(tls, ssl.SSLContext):
            raise TypeError(f"tls is an ssl.SSLContext, not {tls!r}")
        self._upstream = upstream
        self._tls = tls
        self._closing = threading.Event()
        # Guards the two lists; nothing else happens under it.
        self._lock = threading.Lock()
        self._peers: list[Peer] = []
        self._threads: list[threading.Thread] = []
        self._socket = socket.create_server((_HOST, port), backlog=128)
        self.port: int = self._socket.getsockname()[1]
        self._accepting = threading.Thread(
            target=self._accept, name="venuesdk-fault-server", daemon=True
        )
        self._accepting.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def url(self) -> str:
        """The URL for a WebSocket client, with the path of the upstream."""
        path = urlsplit(self._upstream or "").path or "/"
        return f"{'wss' if self._tls else 'ws'}://{_HOST}:{self.port}{path}"

    @property
    def http_url(self) -> str:
        """The URL for an HTTP client, without a slash at its end."""
        return f"{'https' if self._tls else 'http'}://{_HOST}:{self.port}"

    @property
    def peers(self) -> list[Peer]:
        """Every connection so far, ended or not, in the order in which they came."""
        with self._lock:
            return list(self._peers)

    @property
    def accepted(self) -> int:
        """How many connections came so far."""
        return len(self.peers)

    def url_of(self, url: str) -> str:
        """Return `url`, a venue's, with this server's scheme, host and port in it."""
        parts = urlsplit(url)
        return urlunsplit(parts._replace(scheme=urlsplit(self.url).scheme,
                                         netloc=f"{_HOST}:{self.port}"))

    def strike(self) -> None:
        """Let every play that relays, and waits to be told, go on to what it does then."""
        for peer in self.peers:
            peer.strike()

    def close(self) -> None:
        """Cut every connection, and wait for the threads; idempotent."""
        self._closing.set()
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        self._accepting.join(_PATIENCE)
        for peer in self.peers:
            peer.strike()
            peer.cut()
        with self._lock:
            threads = list(self._threads)
        for thread in threads:
            thread.join(_PATIENCE)

    def _accept(self) -> None:
        while True:
            try:
                sock, _ = self._socket.accept()
            except OSError:
                return
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with self._lock:
                number = len(self._peers) + 1
                peer = Peer(sock, number, self._upstream, self._tls, self._closing)
                thread = threading.Thread(
                    target=self._perform,
                    args=(peer,),
                    name=f"venuesdk-fault-server-{number}",
                    daemon=True,
                )
                self._peers.append(peer)
                self._threads.append(thread)
                thread.start()

    def _perform(self, peer: Peer) -> None:
        play = self._plays[min(peer.number, len(self._plays)) - 1]
        try:
            play(peer)
        except (OSError, ssl.SSLError):
            pass  # The client left, which is how most of these plays end.
        finally:
            peer.end()


def _play(one: str | Play) -> Play:
    if isinstance(one, str):
        return play_named(one)
    if not callable(one):
        raise TypeError(f"a play is a name or a function of a Peer, not {one!r}")
    return one


def _check_upstream(upstream: str | None, plays: list[Play]) -> None:
    if upstream is None:
        names = [getattr(one, "__name__", "a play") for one in plays if needs_venue(one)]
        if names:
            raise ValueError(f"{', '.join(names)}: a play that relays needs upstream=")
    elif check_url(upstream, "ws", "http", "wss", "https").scheme in ("wss", "https"):
        raise ValueError(f"an upstream in TLS is not supported: {upstream!r}")


class UnansweredPort:
    """A port that answers no attempt to connect, neither with a yes nor with a no.

    Its queue of connections is full, and nobody takes one out; so the kernel drops every SYN.
    """

    def __init__(self) -> None:
        self._socket = socket.create_server((_HOST, 0), backlog=0)
        self._port: int = self._socket.getsockname()[1]
        self._fillers: list[socket.socket] = []
        for _ in range(3):
            filler = socket.socket()
            filler.setblocking(False)
            with contextlib.suppress(BlockingIOError):
                filler.connect((_HOST, self._port))
            self._fillers.append(filler)

    @property
    def port(self) -> int:
        """The port; RuntimeError after `close`, when it would answer."""
        if self._socket.fileno() < 0:
            raise RuntimeError("the port was closed, and belongs to nobody: make another")
        return self._port

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the port and what fills it."""
        for one in (*self._fillers, self._socket):
            one.close()
