"""What a client wrote, read back: the frames in the bytes of a parcel.

The client's own frames only, which are whole, final and masked; what a venue sends is read
elsewhere.
"""

from __future__ import annotations

from collections.abc import Iterator

from venuesdk.wire.frames import BINARY, CLOSE, PING, PONG, TEXT, masked

__all__ = ["NAMES", "sent_frames"]

NAMES = {TEXT: "text", BINARY: "binary", CLOSE: "close", PING: "ping", PONG: "pong"}
"""Opcode → the word for it on a tape."""

_LENGTHS = {126: 2, 127: 8}
"""The seven bits that say that a longer length follows → in how many bytes (RFC 6455, 5.2)."""


def sent_frames(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield opcode and payload of each frame."""
    at = 0
    while at < len(data):
        opcode, length = data[at] & 0x0F, data[at + 1] & 0x7F
        at += 2
        if length in _LENGTHS:
            size = _LENGTHS[length]
            length = int.from_bytes(data[at : at + size], "big")
            at += size
        mask, at = data[at : at + 4], at + 4
        yield opcode, masked(data[at : at + length], mask)
        at += length
