"""The tunnel through an HTTP proxy (CONNECT), and where the environment names a proxy.

The proxy is told the host and port to reach and its own credentials, and nothing else.
"""

from __future__ import annotations

import socket
from base64 import b64encode

from venuesdk.errors import ConnectFailed, ConnectTimeout
from venuesdk.timing import Deadline
from venuesdk.wire.endpoint import USER_AGENT, Proxy
from venuesdk.wire.head import HeadError, read_head
from venuesdk.wire.sockets import SLICE, await_ready, receive

__all__ = ["environment_proxy", "open_tunnel"]


def environment_proxy(host: str, secure: bool) -> Proxy | None:
    """Return the proxy that the environment names for `host`, or None.

    ``https_proxy``, ``http_proxy``, ``all_proxy`` and ``no_proxy`` are read as curl reads them.
    Raises ConnectFailed where the environment names what is not an HTTP proxy.
    """
    # Imported here, for it is slow to import and seldom asked for.
    from urllib.request import getproxies, proxy_bypass

    proxies = getproxies()
    url = proxies.get("https" if secure else "http") or proxies.get("all")
    if not url or proxy_bypass(host):
        return None
    try:
        return Proxy.parse(url)
    except ValueError:
        raise ConnectFailed("the proxy named by the environment is not http://host:port") from None


def open_tunnel(sock: socket.socket, proxy: Proxy, authority: str, deadline: Deadline) -> None:
    """Ask the proxy at the other end of `sock` for a tunnel to `authority` (``host:port``).

    Blocks until the deadline at most. Raises ConnectFailed, or ConnectTimeout.
    """
    try:
        granted = _ask(sock, proxy, authority, deadline)
    except HeadError as error:
        raise ConnectFailed(f"the proxy gave no tunnel: {error}") from None
    except OSError as error:
        raise ConnectFailed(f"the proxy gave no tunnel: {error.strerror or 'lost'}") from None
    if not granted:
        raise ConnectTimeout("the proxy did not answer in time")


def _ask(sock: socket.socket, proxy: Proxy, authority: str, deadline: Deadline) -> bool:
    """Send the request and read the answer; return False at the deadline.

    Raises ConnectFailed where the proxy refuses.
    """
    request = memoryview(_request(proxy, authority))
    while request:
        if not await_ready(sock, deadline, write=True):
            return False
        request = request[sock.send(request) :]
    answer = read_head(lambda deadline: receive(sock, deadline.slice(SLICE)), deadline)
    if answer is None:
        return False
    head, rest = answer
    if not 200 <= head.status < 300:
        text = f"the proxy gave no tunnel: HTTP status {head.status}"
        raise ConnectFailed(text, status=head.status)
    if rest:
        raise HeadError("it sent bytes of its own into it")
    return True


def _request(proxy: Proxy, authority: str) -> bytes:
    lines = [
        f"CONNECT {authority} HTTP/1.1",
        f"Host: {authority}",
        f"User-Agent: {USER_AGENT}",
    ]
    if proxy.username is not None:
        password = proxy.password.reveal() if proxy.password is not None else ""
        login = b64encode(f"{proxy.username}:{password}".encode()).decode("ascii")
        lines.append(f"Proxy-Authorization: Basic {login}")
    return "\r\n".join([*lines, "", ""]).encode("latin-1")
