"""From a host and a port to a connected socket: name, TCP, proxy and TLS, under one deadline.

Every wait is cut into slices, so that a deadline cancelled from another thread ends it. What is
sent over the connection later is not known here.
"""

from __future__ import annotations

import contextlib
import socket
import ssl

from venuesdk.errors import ConnectFailed, ConnectTimeout
from venuesdk.timing import Deadline
from venuesdk.wire.endpoint import Proxy
from venuesdk.wire.proxy import open_tunnel
from venuesdk.wire.resolve import Lookup, resolve
from venuesdk.wire.sockets import SLICE, await_ready, dial, receive
from venuesdk.wire.tls import TlsEngine, explain

__all__ = ["agree_on_tls", "open_socket"]


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
    place = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    first, what = (host, port), place
    if proxy is not None:
        first, what = (proxy.host, proxy.port), f"the proxy for {place}"
    sock = dial(resolve(*first, deadline, lookup), deadline, what)
    try:
        if proxy is not None:
            open_tunnel(sock, proxy, place, deadline)
        if context is None:
            return sock, None
        tls = _handshake(sock, context, host, deadline)
        if tls is None:
            raise ConnectTimeout(f"{place} did not finish the TLS handshake in time")
        return sock, tls
    except BaseException:
        sock.close()
        raise


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
