"""WebSocket bytes, right and wrong: frames by the RFC's picture, with any part of them amiss.

Led by `Choices`, as the mutations of frames are. Nothing here knows the product.
"""

from __future__ import annotations

import struct

from fuzzing.mutations import Choices

__all__ = ["stream"]

TEXTS = (
    *(b"", b"x", b'{"id":1}', "grüße €😀".encode(), b"x" * 125, b"x" * 126, b"x" * 127),
    *(b"x" * 99, b"x" * 100, b"x" * 101, b"x" * 300, b"x" * 65_534, b"x" * 65_536),
    *(b"\xff", b"\xc3", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\xe2\x82", b"ok\xf0\x9f\x98"),
)
CLOSES = (
    *(b"", b"\x03", b"\x03\xe8", b"\x03\xe8bye", b"\x03\xed", b"\x03\xe7", b"\x13\x88", b"\0\0"),
    *(b"\x03\xe8\xff", b"\x03\xe8" + b"x" * 123, b"\x0f\xa0" + b"\xc3\xbc" * 61, b"\x0b\xb8"),
)


def _head(first: int, length: int, choose: Choices) -> bytes:
    """Return a head whose length may be lied about, or be longer than it need be."""
    mask = 0x80 if choose.below(40) == 0 else 0
    if choose.below(25) == 0:
        length = choose.of([0, length + 1, 2**16, 2**31, 2**62, 2**63, 2**64 - 1])
    form = choose.below(25)
    if form == 0 or length > 65_535:
        return struct.pack("!BBQ", first, mask | 127, length)
    if form == 1 or length > 125:
        return struct.pack("!BBH", first, mask | 126, length)
    return bytes((first, mask | length))


def stream(choose: Choices) -> bytes:
    """Return some frames, which may or may not be a stream that the RFC allows."""
    wire = bytearray()
    inside = False
    for _ in range(choose.below(9)):
        kind = choose.below(30)
        final = choose.below(3) > 0
        if kind < 20:
            opcode = 0 if inside else choose.of([1, 1, 2])
            inside = not final
            payload = choose.of(TEXTS)
            if payload and choose.below(3) == 0:
                cut = choose.below(len(payload))
                wire += _head(opcode, cut, choose) + payload[:cut]
                opcode, payload = 0, payload[cut:]
        elif kind < 27:
            opcode, final, payload = choose.of([9, 10]), choose.below(9) > 0, choose.of(TEXTS[:6])
        elif kind < 29:
            opcode, final, payload = 8, True, choose.of(CLOSES)
        else:
            opcode, payload = choose.below(16), choose.noise(20)
        reserved = choose.of([0] * 80 + [0x40, 0x20, 0x10, 0x70])
        wire += _head((0x80 if final else 0) | reserved | opcode, len(payload), choose) + payload
    if choose.below(3) == 0:
        del wire[choose.below(len(wire) + 1) :]
    return bytes(wire)
