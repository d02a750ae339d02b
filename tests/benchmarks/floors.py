"""The floors: what any client must do at the least, in one loop on a bare socket.

They read into one large buffer, slice the frames out of it, and decode them. They connect, and do
nothing else: no pings, no fragments, no limits, no second connection.
"""

from __future__ import annotations

import ssl
from collections.abc import Callable
from typing import Any

from decoding import ONE_PASS, TWO_PASSES
from framing import server_frame, upgrade
from job import Job
from shapes import payloads

__all__ = ["one_pass", "receive_only", "slice_only", "typed"]

BUFFER = 256 * 1024
PLAIN = 0x81
"""The first byte of a whole text frame; the server sends no other."""

Receive = Callable[[memoryview], int]
OnEvent = Callable[[Any], object]


def typed(job: Job, on_event: OnEvent) -> None:
    """Receive, slice, and decode to the models: envelope first, then what is in it."""
    _run(job, TWO_PASSES[job.shape], on_event)


def one_pass(job: Job, on_event: OnEvent) -> None:
    """Receive, slice, and decode to the models, knowing beforehand what comes."""
    _run(job, ONE_PASS[job.shape], on_event)


def slice_only(job: Job, on_event: OnEvent) -> None:
    """Receive and slice; nothing looks into the payloads."""
    _run(job, None, on_event)


def receive_only(job: Job, on_event: OnEvent) -> None:
    """Receive, and count what came by its bytes: all that the server and the kernel can do."""
    receive, _ = _begin(job)
    view = memoryview(bytearray(BUFFER))
    frames = [server_frame(payload) for payload in payloads(job.shape)]
    length = sum(map(len, frames)) / len(frames)
    total = 0
    job.probes["events"] = lambda: total / length
    while True:
        count = receive(view)
        if not count:
            return
        total += count


def _run(job: Job, decode: Callable[[bytes], Any] | None, on_event: OnEvent) -> None:
    receive, rest = _begin(job)
    buffer = bytearray(BUFFER)
    view = memoryview(buffer)
    end = len(rest)
    view[:end] = rest
    while True:
        count = receive(view[end:])
        if not count:
            return
        end += count
        data = bytes(view[:end])
        position = 0
        while end - position >= 4:
            if data[position] != PLAIN:
                raise ValueError(f"a frame begins with {data[position]:#x}")
            length, body = data[position + 1], position + 2
            if length == 126:
                length, body = data[body] << 8 | data[body + 1], position + 4
            stop = body + length
            if stop > end:
                break
            payload = data[body:stop]
            on_event(payload if decode is None else decode(payload))
            position = stop
        end -= position
        buffer[:end] = data[position:]


def _begin(job: Job) -> tuple[Receive, bytes]:
    """Return what receives into a buffer, and what came behind the upgrade."""
    sock = job.connect()
    context = job.context()
    if context is None:
        return sock.recv_into, upgrade(sock, job.path("now"))
    tls = MemoryTls(sock, context)
    return tls.receive, upgrade(tls, job.path("now"))


class MemoryTls:
    """TLS on a `ssl.MemoryBIO`: one read of the socket brings many records."""

    def __init__(self, sock: Any, context: ssl.SSLContext) -> None:
        self._sock = sock
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._incoming, self._outgoing, server_hostname="127.0.0.1")
        self._buffer = bytearray(BUFFER)
        self._view = memoryview(self._buffer)
        while True:
            try:
                self._tls.do_handshake()
                break
            except ssl.SSLWantReadError:
                self._flush()
                self._fill()
        self._flush()

    def sendall(self, data: bytes) -> None:
        self._tls.write(data)
        self._flush()

    def recv(self, size: int) -> bytes:
        view = memoryview(bytearray(size))
        return bytes(view[: self.receive(view)])

    def receive(self, view: memoryview) -> int:
        """Fill `view` with as much as there is, waiting for the first of it only."""
        read, want = self._tls.read, ssl.SSLWantReadError
        total, size = 0, len(view)
        while total < size:
            try:
                count = read(size - total, view[total:])
            except want:
                if total:
                    break
                self._fill()
                continue
            if not count:
                break
            total += count
        return total

    def _fill(self) -> None:
        count = self._sock.recv_into(self._view)
        if count:
            self._incoming.write(self._view[:count])
        else:
            self._incoming.write_eof()

    def _flush(self) -> None:
        data = self._outgoing.read()
        if data:
            self._sock.sendall(data)
