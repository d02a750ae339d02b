"""WebSocket frames as bytes: built right or wrong, and taken apart, after RFC 6455.

It shares nothing with what a client is made of, so that a mistake there cannot be repeated here.
"""

from __future__ import annotations

import struct

from attrs import frozen

__all__ = [
    "BINARY",
    "CLOSE",
    "CONTINUATION",
    "PING",
    "PONG",
    "TEXT",
    "Frame",
    "FrameSplitter",
    "close_frame",
    "frame",
]

CONTINUATION, TEXT, BINARY = 0x0, 0x1, 0x2
CLOSE, PING, PONG = 0x8, 0x9, 0xA


def frame(
    opcode: int,
    payload: bytes = b"",
    *,
    final: bool = True,
    reserved: int = 0,
    mask: bytes | None = None,
    length: int | None = None,
    length_bits: int | None = None,
) -> bytes:
    """Return one frame, as wrong as it is asked for.

    `reserved` are the three bits RSV1 (4), RSV2 (2) and RSV3 (1). A server never sends a `mask`
    of 4 bytes. `length` is announced instead of the payload's own, in a field of `length_bits`:
    7, 16 or 64, which RFC 6455 wants to be the shortest that fits.
    """
    announced = len(payload) if length is None else length
    bits = length_bits or (7 if announced < 126 else 16 if announced < 1 << 16 else 64)
    masked = 0x80 if mask else 0
    head = bytes([(0x80 if final else 0) | reserved << 4 | opcode])
    if bits == 7:
        head += bytes([masked | announced])
    elif bits == 16:
        head += bytes([masked | 126]) + struct.pack("!H", announced)
    else:
        head += bytes([masked | 127]) + struct.pack("!Q", announced)
    if mask:
        return head + mask + _masked(payload, mask)
    return head + payload


def close_frame(code: int, reason: bytes = b"") -> bytes:
    """Return a close frame with any code, also one that may not stand there."""
    return frame(CLOSE, struct.pack("!H", code) + reason)


@frozen
class Frame:
    """One whole frame as it came: its bytes, and what they say."""

    raw: bytes
    opcode: int
    payload: bytes
    final: bool


class FrameSplitter:
    """Cuts a stream of well-formed frames, masked or not, into its frames."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, data: bytes) -> list[Frame]:
        """Take the next bytes, and return the frames that are whole now."""
        self._buffer += data
        frames = []
        while (one := self._next()) is not None:
            del self._buffer[: len(one.raw)]
            frames.append(one)
        return frames

    def _next(self) -> Frame | None:
        data = self._buffer
        if len(data) < 2:
            return None
        size, start = data[1] & 0x7F, 2
        if size >= 126:
            start = 4 if size == 126 else 10
            if len(data) < start:
                return None
            size = int.from_bytes(data[2:start], "big")
        mask = b""
        if data[1] & 0x80:
            mask = bytes(data[start : start + 4])
            start += 4
        if len(data) < start + size:
            return None
        payload = bytes(data[start : start + size])
        return Frame(
            bytes(data[: start + size]),
            data[0] & 0x0F,
            _masked(payload, mask) if mask else payload,
            bool(data[0] & 0x80),
        )


def _masked(payload: bytes, mask: bytes) -> bytes:
    repeated = (mask * (len(payload) // 4 + 1))[: len(payload)]
    return (int.from_bytes(payload, "big") ^ int.from_bytes(repeated, "big")).to_bytes(
        len(payload), "big"
    )
