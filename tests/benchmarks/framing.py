"""WebSocket bytes for the server and for the bare clients: the upgrade, frames, masks.

No client of a table but the floors uses it, and nothing here checks more than it needs.
"""

from __future__ import annotations

import base64
import hashlib
import os
import socket
from typing import Any

__all__ = [
    "BINARY",
    "CLOSE",
    "PING",
    "PONG",
    "TEXT",
    "accept",
    "client_frame",
    "no_delay",
    "server_frame",
    "take_client_frames",
    "upgrade",
]

TEXT = 0x1
BINARY = 0x2
CLOSE = 0x8
PING = 0x9
PONG = 0xA

GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


def server_frame(payload: bytes, opcode: int = TEXT) -> bytes:
    """Return one final frame as a server sends it."""
    length = len(payload)
    if length < 126:
        return bytes((0x80 | opcode, length)) + payload
    if length < 65536:
        return bytes((0x80 | opcode, 126)) + length.to_bytes(2, "big") + payload
    return bytes((0x80 | opcode, 127)) + length.to_bytes(8, "big") + payload


def client_frame(payload: bytes, mask: bytes, opcode: int = TEXT) -> bytes:
    """Return one final frame of less than 64 KiB as a client sends it."""
    length = len(payload)
    if length < 126:
        head = bytes((0x80 | opcode, 0x80 | length))
    else:
        head = bytes((0x80 | opcode, 0xFE)) + length.to_bytes(2, "big")
    return head + mask + _masked(payload, mask)


def take_client_frames(buffer: bytearray) -> list[tuple[int, bytes]]:
    """Remove every complete frame from what a client sent; return opcodes and payloads."""
    frames = []
    while len(buffer) >= 6:
        length, body = buffer[1] & 0x7F, 2
        if length == 126:
            length, body = int.from_bytes(buffer[2:4], "big"), 4
        elif length == 127:
            length, body = int.from_bytes(buffer[2:10], "big"), 10
        stop = body + 4 + length
        if len(buffer) < stop:
            break
        mask = bytes(buffer[body : body + 4])
        frames.append((buffer[0] & 0x0F, _masked(bytes(buffer[body + 4 : stop]), mask)))
        del buffer[:stop]
    return frames


def accept(sock: Any) -> tuple[str, bytearray]:
    """Answer a client's upgrade; return the path that it asked for and what came behind."""
    head, rest = _read_head(sock)
    first, *lines = head.split(b"\r\n")
    path = first.split()[1].decode()
    fields = {name.lower(): value for name, _, value in (line.partition(b":") for line in lines)}
    key = fields[b"sec-websocket-key"]
    digest = base64.b64encode(hashlib.sha1(key.strip() + GUID).digest())
    sock.sendall(
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Accept: " + digest + b"\r\n\r\n"
    )
    return path, rest


def upgrade(sock: Any, path: str) -> bytes:
    """Ask a server for a WebSocket; return what came behind its answer."""
    key = base64.b64encode(os.urandom(16))
    sock.sendall(
        f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\n"
        "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ".encode()
        + key
        + b"\r\n\r\n"
    )
    head, rest = _read_head(sock)
    if not head.startswith(b"HTTP/1.1 101"):
        raise ConnectionError(head[:80].decode("latin-1"))
    return bytes(rest)


def _read_head(sock: Any) -> tuple[bytes, bytearray]:
    data = bytearray()
    while b"\r\n\r\n" not in data:
        piece = sock.recv(65536)
        if not piece:
            raise ConnectionError("ended before the upgrade")
        data += piece
    head, _, rest = bytes(data).partition(b"\r\n\r\n")
    return head, bytearray(rest)


def _masked(payload: bytes, mask: bytes) -> bytes:
    length = len(payload)
    key = (mask * (length // 4 + 1))[:length]
    return (int.from_bytes(payload, "big") ^ int.from_bytes(key, "big")).to_bytes(length, "big")


def no_delay(sock: socket.socket) -> None:
    """Send what is written at once."""
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
