"""From a host and a port to a connected socket: name, TCP, proxy and TLS, under one deadline.

Every wait is cut into slices, so that a deadline cancelled from another thread ends it. What is
sent over the connection later is not known here.
"""

from __future__ import annotations

import contextlib
import socket
import ssl
from collections.abc import Sequence

from venuesdk.errors import ConnectFailed, ConnectTimeout
from venuesdk.timing import Deadline
from venuesdk.wire.endpoint import Proxy
from venuesdk.wire.proxy import open_tunnel
from venuesdk.wire.resolve import Lookup, resolve
from venuesdk.wire.sockets import SLICE, Address, await_ready, dial, receive
from venuesdk.wire.tls import TlsEngine, explain

__all__ = ["agree_on_tls", "open_socket", "open_way"]


def open_socket(
    host: str,
    port: int,
    deadline: Deadline,
    *,
    context: ssl.SSLContext | None = None,
    proxy: Proxy | None = None,
    lookup: Lookup | None = None,
) -> tuple[socket.socket, TlsEngine | None]:
    """Connect, and agree on TLS where there is a `context`; return the socket and its TLS.

    Blocks until the deadline at most. The socket is non-blocking. Through a proxy the name is
    looked up by the proxy. Raises ConnectFailed or ConnectTimeout; then nothing is left open.
    """
    first = (host, port) if proxy is None else (proxy.host, proxy.port)
    sock = open_way(resolve(*first, deadline, lookup), host, port, deadline, proxy)
    try:
        if context is None:
            return sock, None
        tls = _handshake(sock, context, host, deadline)
        if tls is None:
            place = _place(host, port)
            raise ConnectTimeout(f"{place} did not finish the TLS handshake in time")
        return sock, tls
    except BaseException:
        sock.close()
        raise


def open_way(
    addresses: Sequence[Address],
    host: str,
    port: int,
    deadline: Deadline,
    proxy: Proxy | None = None,
) -> socket.socket:
    """Connect to the first of `addresses` that answers; through a proxy, whose they are then.

    Blocks until the deadline at most. What comes next on the socket is heard by `host` itself.
    Raises ConnectFailed or ConnectTimeout; then nothing is left open.
    """
    place = _place(host, port)
    if proxy is None:
        return dial(addresses, deadline, place)
    sock = dial(addresses, deadline, f"the proxy for {place}")
    try:
        open_tunnel(sock, proxy, place, deadline)
    except BaseException:
        sock.close()
        raise
    return sock


def _place(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _handshake(
    sock: socket.socket, context: ssl.SSLContext, host: str, deadline: Deadline
) -> TlsEngine | None:
    """Agree on TLS with the peer; return None at the deadline."""
    try:
        return agree_on_tls(sock, context, host, deadline)
    except (OSError, ValueError) as error:
        raise ConnectFailed(f"no TLS with {host}: {explain(error)}") from None


def agree_on_tls(
    sock: socket.socket, context: ssl.SSLContext, host: str, deadline: Deadline
) -> TlsEngine | None:
    """Agree on TLS with the peer at the other end of `sock`; return None at the deadline.

    Raises ConnectFailed where the peer hangs up, and otherwise what went wrong as it is: OSError,
    which ``ssl.SSLError`` is, or ValueError for a host that no certificate can be for.
    """
    tls = TlsEngine(context, host)
    try:
        while True:
            done = tls.handshake()
            if not _send_all(sock, tls.output(), deadline):
                return None
            if done:
                return tls
            data = None
            while data is None:
                if deadline.expired():
                    return None
                data = receive(sock, deadline.slice(SLICE))
            if not data:
                raise ConnectFailed(f"{host} hung up during the TLS handshake")
            tls.feed(data)
    except ssl.SSLError:
        # The peer learns from the alert why it is left.
        with contextlib.suppress(OSError):
            sock.send(tls.output())
        raise


def _send_all(sock: socket.socket, data: bytes, deadline: Deadline) -> bool:
    rest = memoryview(data)
    while rest:
        if not await_ready(sock, deadline, write=True):
            return False
        rest = rest[sock.send(rest) :]
    return True
