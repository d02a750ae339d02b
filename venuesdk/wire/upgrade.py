"""The upgrade: what a WebSocket library is given for a socket, and what the answer means.

No error made here holds a header, a query string or a body; the body of a refusal is not read.
Frames are not known here.
"""

from __future__ import annotations

import hashlib
from base64 import b64encode
from io import BytesIO
from typing import NoReturn

from venuesdk.errors import (
    AuthenticationError,
    ConnectFailed,
    ConnectionLost,
    ConnectTimeout,
    NetworkError,
    RateLimitExceeded,
    VenueError,
    VenueUnavailable,
)
from venuesdk.timing import Deadline
from venuesdk.wire.endpoint import Endpoint
from venuesdk.wire.head import Head, HeadError, read_head
from venuesdk.wire.sockets import SLICE
from venuesdk.wire.stream import ByteStream

__all__ = ["ACCEPTED", "UpgradeSocket", "refusal"]

_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"

ACCEPTED = (
    "HTTP/1.1 101 Switching Protocols\r\n"
    "Upgrade: websocket\r\n"
    "Connection: Upgrade\r\n"
    "Sec-WebSocket-Accept: {accept}\r\n"
    "\r\n"
)
"""All that a good answer comes to; no cookie and no other header of the server's is in it."""


def refusal(head: Head, key: str) -> VenueError | None:
    """Return why this answer makes no connection, or None where it accepts the upgrade.

    `key` is the ``Sec-WebSocket-Key`` that was sent. A redirect is a refusal like any other.
    """
    status, wait = head.status, head.retry_after()
    if status == 101:
        fault = _fault(head, key)
        return ConnectFailed(f"the upgrade was answered wrongly: {fault}") if fault else None
    if status in (401, 403):
        return AuthenticationError("the venue refused the connection", code=status)
    if status == 429:
        return RateLimitExceeded(
            "the venue asks for fewer connections", code=status, retry_after=wait
        )
    if 500 <= status < 600:
        return VenueUnavailable(
            f"the venue is not available: HTTP status {status}", status=status, retry_after=wait
        )
    what = "a redirect, which is never followed" if 300 <= status < 400 else "no upgrade"
    return ConnectFailed(f"HTTP status {status}: {what}", status=status, retry_after=wait)


def _fault(head: Head, key: str) -> str:
    """Return what is wrong with a 101, or "" (RFC 6455, section 4.1)."""
    if head.tokens("upgrade") != {"websocket"}:
        return "it does not upgrade to websocket"
    if "upgrade" not in head.tokens("connection"):
        return "its Connection header does not say upgrade"
    digest = hashlib.sha1(key.encode("ascii") + _GUID, usedforsecurity=False).digest()
    if head.all("sec-websocket-accept") != [b64encode(digest).decode("ascii")]:
        return "its Sec-WebSocket-Accept does not fit"
    if head.all("sec-websocket-extensions"):
        return "it uses an extension that was not asked for"
    if head.all("sec-websocket-protocol"):
        return "it uses a subprotocol that was not asked for"
    return ""


class UpgradeSocket:
    """What websocket-client takes for a socket: it gives the request and is played the answer.

    The library is given neither the path nor the headers, which may hold credentials: they are
    put in here, so that no trace or error of the library can show them.
    """

    def __init__(self, stream: ByteStream, endpoint: Endpoint, deadline: Deadline) -> None:
        self._stream = stream
        self._endpoint = endpoint
        self._deadline = deadline
        self._key = ""
        self._answer: BytesIO | None = None
        self.early = b""
        self.failure: VenueError | None = None

    def gettimeout(self) -> float:
        """Tell the library not to wait for this socket by itself."""
        return 0.0

    def close(self) -> None:
        """Leave the stream to its owner, who closes it."""

    def send(self, data: bytes) -> int:
        """Send the whole request, with what the library was not told and without its cookies."""
        _, *lines = data.decode("utf-8").rstrip("\r\n").split("\r\n")
        kept = []
        for line in lines:
            name, _, value = line.partition(": ")
            if name.lower() == "sec-websocket-key":
                self._key = value
            if name.lower() != "cookie":
                kept.append(line)
        try:
            self._stream.write(self._request(kept), self._deadline)
        except NetworkError as error:
            self._fail(str(error))
        return len(data)

    def _request(self, lines: list[str]) -> bytes:
        endpoint = self._endpoint
        head = [f"GET {endpoint.resource} HTTP/1.1", *lines]
        if endpoint.origin is not None:
            head.append(f"Origin: {endpoint.origin}")
        if not any(name.lower() == "user-agent" for name in endpoint.headers):
            head.append(f"User-Agent: {endpoint.user_agent}")
        head += [f"{name}: {value}" for name, value in endpoint.headers.items()]
        return "\r\n".join([*head, "", ""]).encode("latin-1")

    def recv(self, size: int) -> bytes:
        """Play the answer, once a good one has come; else raise."""
        if self._answer is None:
            self._answer = BytesIO(self._read_answer())
        return self._answer.read(size)

    def _read_answer(self) -> bytes:
        try:
            answer = read_head(self._receive, self._deadline)
        except (HeadError, ConnectionLost) as error:
            self._fail(str(error))
        if answer is None:
            self._fail("the upgrade was not answered")
        head, self.early = answer
        self.failure = refusal(head, self._key)
        if self.failure is not None:
            raise self.failure
        [accept] = head.all("sec-websocket-accept")
        return ACCEPTED.format(accept=accept).encode("ascii")

    def _receive(self, deadline: Deadline) -> bytes | None:
        view = memoryview(bytearray(16384))
        count = self._stream.read_into(view, deadline.slice(SLICE))
        return bytes(view[:count]) if count else None

    def _fail(self, reason: str) -> NoReturn:
        late = self._deadline.expired()
        host = self._endpoint.host
        if late:
            self.failure = ConnectTimeout(f"{host} did not finish the upgrade in time")
        else:
            self.failure = ConnectFailed(f"no upgrade by {host}: {reason}")
        raise self.failure
