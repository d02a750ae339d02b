"""What a peer does to a client that connects: no answer, a wrong one, or one without end."""

from __future__ import annotations

import contextlib

from venuesdk.testing.faults.peer import Peer
from venuesdk.testing.faults.play import Play, play

__all__ = [
    "dripped_upgrade",
    "endless_error_body",
    "endless_head",
    "endless_line",
    "finish_at_once",
    "garbage_answer",
    "honest",
    "many_headers",
    "missing_error_body",
    "plain_text_on_tls",
    "proxy_garbage",
    "proxy_hangs",
    "proxy_wants_login",
    "redirecting_to",
    "refused_401",
    "refused_403",
    "refused_429",
    "refused_503",
    "reset_at_once",
    "silent",
    "stalled_handshake",
    "unrequested_extension",
    "unrequested_protocol",
    "wrong_accept",
]

_DRIP = 0.2


@play
def honest(peer: Peer) -> None:
    """Pass everything on between the client and the venue."""
    peer.relay()


@play
def silent(peer: Peer) -> None:
    """Take the connection, read what comes, and never say anything."""
    peer.socket.settimeout(None)
    while peer.socket.recv(65536):
        continue


@play
def stalled_handshake(peer: Peer) -> None:
    """Take the connection, and never read nor write: a TLS handshake gets no answer."""
    peer.hold()


@play
def plain_text_on_tls(peer: Peer) -> None:
    """Answer a TLS handshake with an HTTP response in the clear."""
    peer.socket.recv(65536)
    peer.socket.sendall(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")
    peer.socket.recv(65536)


@play
def dripped_upgrade(peer: Peer) -> None:
    """Answer the upgrade one byte at a time: no read ever waits long."""
    peer.read_head()
    peer.drip(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n" * 100, _DRIP)


@play
def endless_head(peer: Peer) -> None:
    """Answer the upgrade with headers that never end."""
    peer.read_head()
    peer.send(b"HTTP/1.1 101 Switching Protocols\r\n")
    index = 0
    while True:
        index += 1
        peer.send(f"X-{index}: {'x' * 200}\r\n".encode())


@play
def endless_line(peer: Peer) -> None:
    """Answer the upgrade with a header line that never ends."""
    peer.read_head()
    peer.send(b"HTTP/1.1 101 Switching Protocols\r\nX-Long: ")
    while True:
        peer.send(b"x" * 4096)


@play
def many_headers(peer: Peer) -> None:
    """Accept the upgrade, with a thousand short headers more."""
    peer.accept(*[f"X-{index}: 1" for index in range(1000)])
    peer.drain()


def _refusing(status: str, *headers: str) -> Play:
    def refuse(peer: Peer) -> None:
        peer.read_head()
        peer.respond(status, "Content-Length: 0", *headers)
        peer.drain()

    number = status.partition(" ")[0]
    refuse.__name__ = f"refused_{number}"
    refuse.__doc__ = f"Refuse the upgrade with {status}."
    return play(refuse)


refused_401 = _refusing("401 Unauthorized")
refused_403 = _refusing("403 Forbidden")
refused_429 = _refusing("429 Too Many Requests", "Retry-After: 1")
refused_503 = _refusing("503 Service Unavailable", "Retry-After: 1")


@play
def endless_error_body(peer: Peer) -> None:
    """Refuse the upgrade with a body that is said to be 10 GB long, and send it."""
    peer.read_head()
    peer.respond("500 Internal Server Error", "Content-Length: 10000000000")
    while True:
        peer.send(b"x" * 65536)


@play
def missing_error_body(peer: Peer) -> None:
    """Refuse the upgrade with a body that is announced and never sent."""
    peer.read_head()
    peer.respond("500 Internal Server Error", "Content-Length: 1000")
    peer.drain()


@play
def finish_at_once(peer: Peer) -> None:
    """Close the connection instead of answering the upgrade."""
    peer.read_head()
    peer.finish()
    peer.drain()


@play
def reset_at_once(peer: Peer) -> None:
    """Reset the connection instead of answering the upgrade."""
    peer.read_head()
    peer.cut(reset=True)


@play
def garbage_answer(peer: Peer) -> None:
    """Answer the upgrade with bytes that are no HTTP."""
    peer.read_head()
    peer.send(bytes(range(256)) * 4)
    peer.finish()
    peer.drain()


@play
def wrong_accept(peer: Peer) -> None:
    """Accept the upgrade of somebody else."""
    peer.accept(key="s3pPLMBiTxaQ9kYGzzhZRbK+xOo=")
    peer.drain()


@play
def unrequested_protocol(peer: Peer) -> None:
    """Accept the upgrade, with a subprotocol that nobody asked for."""
    peer.accept("Sec-WebSocket-Protocol: chat")
    peer.drain()


@play
def unrequested_extension(peer: Peer) -> None:
    """Accept the upgrade, with a compression that nobody asked for."""
    peer.accept("Sec-WebSocket-Extensions: permessage-deflate")
    peer.drain()


def redirecting_to(url: str, status: str = "302 Found") -> Play:
    """Return a play that answers the upgrade with a redirect to `url`, under that `status`."""

    def redirect(peer: Peer) -> None:
        peer.read_head()
        peer.respond(status, f"Location: {url}", "Content-Length: 0")
        peer.drain()

    return redirect


@play
def proxy_wants_login(peer: Peer) -> None:
    """As a proxy: want a login for the tunnel."""
    peer.read_head()
    peer.respond("407 Proxy Authentication Required", "Proxy-Authenticate: Basic",
                 "Content-Length: 0")
    peer.drain()


@play
def proxy_hangs(peer: Peer) -> None:
    """As a proxy: never answer the request for a tunnel."""
    peer.read_head()
    peer.drain()


@play
def proxy_garbage(peer: Peer) -> None:
    """As a proxy: answer the request for a tunnel with what is no HTTP."""
    peer.read_head()
    with contextlib.suppress(OSError):
        peer.send(b"\x05\x00SOCKS, rather\r\n\r\n")
        peer.finish()
    peer.drain()
