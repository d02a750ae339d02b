"""Frames are as RFC 6455 writes them, and as wrong as they are asked for."""

from __future__ import annotations

import pytest

from venuesdk.testing.faults.frames import (
    BINARY,
    CLOSE,
    CONTINUATION,
    PING,
    TEXT,
    FrameSplitter,
    close_frame,
    frame,
)

# RFC 6455, 5.7.
EXAMPLES = {
    "an unmasked text": (frame(TEXT, b"Hello"), "81 05 48 65 6c 6c 6f"),
    "a masked text": (
        frame(TEXT, b"Hello", mask=bytes.fromhex("37fa213d")),
        "81 85 37 fa 21 3d 7f 9f 4d 51 58",
    ),
    "a first fragment": (frame(TEXT, b"Hel", final=False), "01 03 48 65 6c"),
    "a last fragment": (frame(CONTINUATION, b"lo"), "80 02 6c 6f"),
    "a ping": (frame(PING, b"Hello"), "89 05 48 65 6c 6c 6f"),
    "256 bytes": (frame(BINARY, bytes(256))[:4], "82 7e 01 00"),
    "64 KiB": (frame(BINARY, bytes(65536))[:10], "82 7f 00 00 00 00 00 01 00 00"),
}

# RFC 6455, 5.2: the same layout, with what it forbids.
WRONG = {
    "RSV1": (frame(TEXT, b"{}", reserved=4), "c1 02 7b 7d"),
    "RSV3": (frame(TEXT, b"", reserved=1), "91 00"),
    "opcode 3": (frame(3, b"{}"), "83 02 7b 7d"),
    "a length that is too long": (frame(TEXT, b"{}", length_bits=16), "81 7e 00 02 7b 7d"),
    "2^62 bytes": (frame(TEXT, length=1 << 62), "81 7f 40 00 00 00 00 00 00 00"),
    "2^63 bytes": (frame(TEXT, length=1 << 63), "81 7f 80 00 00 00 00 00 00 00"),
    "a fragmented ping": (frame(PING, b"x", final=False), "09 01 78"),
    "code 1005": (close_frame(1005), "88 02 03 ed"),
    "half a code": (frame(CLOSE, b"\x03"), "88 01 03"),
}


@pytest.mark.parametrize(("made", "wanted"), EXAMPLES.values(), ids=EXAMPLES)
def test_frames_are_those_of_the_rfc(made: bytes, wanted: str) -> None:
    """A frame has the bytes that RFC 6455 shows for it."""
    assert made == bytes.fromhex(wanted)


@pytest.mark.parametrize(("made", "wanted"), WRONG.values(), ids=WRONG)
def test_frames_can_be_wrong(made: bytes, wanted: str) -> None:
    """A frame breaks the one rule that it was asked to break."""
    assert made == bytes.fromhex(wanted)


def test_a_stream_is_cut_into_its_frames_wherever_it_is_torn() -> None:
    """Fed byte by byte, masked or not, long or short, each frame comes once, whole, unmasked."""
    stream = bytes.fromhex("81 85 37 fa 21 3d 7f 9f 4d 51 58  01 03 48 65 6c  80 02 6c 6f")
    long = bytes.fromhex("82 7e 01 00") + bytes(256)
    splitter = FrameSplitter()
    frames = [one for byte in stream + long for one in splitter.feed(bytes([byte]))]
    assert [(one.opcode, one.payload, one.final) for one in frames] == [
        (1, b"Hello", True),
        (1, b"Hel", False),
        (0, b"lo", True),
        (2, bytes(256), True),
    ]
    assert b"".join(one.raw for one in frames) == stream + long


def test_several_frames_come_out_of_one_gulp() -> None:
    """What stands behind the last whole frame is kept for the next gulp."""
    hello = bytes.fromhex("81 05 48 65 6c 6c 6f")
    splitter = FrameSplitter()
    assert [one.payload for one in splitter.feed(hello * 2 + hello[:3])] == [b"Hello"] * 2
    assert [one.payload for one in splitter.feed(hello[3:])] == [b"Hello"]
