"""What a peer does to a client that is connected: wrong frames, endless ones, none at all.

Each of them is honest until the client sends a frame with `MARK` in it, or until it is told to
strike. What it then sends stands between two of the venue's frames.
"""

from __future__ import annotations

from venuesdk.testing.faults.frames import (
    BINARY,
    CONTINUATION,
    PING,
    PONG,
    TEXT,
    close_frame,
    frame,
)
from venuesdk.testing.faults.peer import Peer
from venuesdk.testing.faults.play import Play, play

__all__ = [
    "MARK",
    "dripped_frame",
    "endless_empty_fragments",
    "endless_fragments",
    "half_frame_then_cut",
    "half_frame_then_finish",
    "half_frame_then_reset",
    "half_frame_then_rest",
    "half_frame_then_silence",
    "ping_flood",
    "silence",
    "streamed_2_62",
]

MARK = b"strike-now"
"""A client's frame that has these bytes in it is the sign for most plays to begin."""

_DRIP = 0.2
_HALF = frame(TEXT, b"x" * 100)[:50]


@play
def silence(peer: Peer) -> None:
    """Answer nothing any more, but keep reading."""
    peer.relay(MARK)
    peer.drain()


@play
def half_frame_then_rest(peer: Peer) -> None:
    """Send the answer in two halves, a while apart."""
    held = peer.relay(MARK)
    if held is not None:
        peer.forward(held)
    answer = peer.answer().raw
    peer.send(answer[: len(answer) // 2])
    peer.pause(0.3)
    peer.send(answer[len(answer) // 2 :])
    peer.relay()


@play
def half_frame_then_finish(peer: Peer) -> None:
    """Send half a frame, then a FIN."""
    peer.relay(MARK)
    peer.send(_HALF)
    peer.finish()
    peer.drain()


@play
def half_frame_then_cut(peer: Peer) -> None:
    """Send half a frame, then a FIN without a word of it in TLS."""
    peer.relay(MARK)
    peer.send(_HALF)
    peer.cut()


@play
def half_frame_then_reset(peer: Peer) -> None:
    """Send half a frame, then a RST."""
    peer.relay(MARK)
    peer.send(_HALF)
    peer.cut(reset=True)


@play
def half_frame_then_silence(peer: Peer) -> None:
    """Send half a frame, and nothing more."""
    peer.relay(MARK)
    peer.send(_HALF)
    peer.drain()


@play
def dripped_frame(peer: Peer) -> None:
    """Send a frame one byte at a time: there is always a sign of life."""
    peer.relay(MARK)
    peer.drip(frame(TEXT, b"x" * 60_000), _DRIP)


@play
def ping_flood(peer: Peer) -> None:
    """Send pings without end."""
    peer.relay(MARK)
    while True:
        peer.send(frame(PING, b"flood") * 100)
        peer.pause(0.01)


def _sending(name: str, text: str, *parts: bytes) -> Play:
    def send(peer: Peer) -> None:
        peer.relay(MARK)
        for part in parts:
            peer.send(part)
        peer.drain()

    send.__name__, send.__doc__ = name, text
    return play(send)


for _code in (1000, 1001, 1012, 1013, 4000):
    _sending(f"closed_{_code}", f"Close with code {_code}.", close_frame(_code, b"bye"))
_sending("closed_without_code", "Close without a code.", frame(0x8))

_sending("over_the_limit", "Announce a message of 1 GiB.", frame(TEXT, b"x", length=1 << 30))
_sending("length_2_62", "Announce 2^62 bytes.", frame(TEXT, b"x", length=1 << 62))
_sending(
    "length_2_63",
    "Announce 2^63 + 5 bytes, which is illegal.",
    frame(TEXT, b"x", length=(1 << 63) + 5),
)


@play
def streamed_2_62(peer: Peer) -> None:
    """Announce 2^62 bytes, and begin to send them."""
    peer.relay(MARK)
    peer.send(frame(TEXT, b"", length=1 << 62))
    while True:
        peer.send(b"x" * 65536)


@play
def endless_fragments(peer: Peer) -> None:
    """Begin a message, and go on with fragments that never end."""
    peer.relay(MARK)
    peer.send(frame(TEXT, b"[", final=False))
    while True:
        peer.send(frame(CONTINUATION, b"x" * 1000, final=False) * 50)


@play
def endless_empty_fragments(peer: Peer) -> None:
    """Begin a message, and go on with empty fragments that never end."""
    peer.relay(MARK)
    peer.send(frame(TEXT, b"", final=False))
    while True:
        peer.send(frame(CONTINUATION, b"", final=False) * 1000)


_sending("bad_utf8", "Send a text that is no UTF-8.", frame(TEXT, b'{"a":"\xff\xfe"}'))
_sending("cut_utf8", "Send a text that ends inside a character.", frame(TEXT, b'{"a":"\xe2\x82'))
_sending("masked", "Mask a frame, as only clients do.", frame(TEXT, b"{}", mask=b"abcd"))
_sending("reserved_bit", "Set RSV1, as compression would.", frame(TEXT, b"{}", reserved=4))
_sending("reserved_opcode", "Use opcode 3.", frame(3, b"{}"))
_sending("reserved_control", "Use opcode 11.", frame(11, b""))
_sending("long_control", "Send a ping of 126 bytes.", frame(PING, b"x" * 126))
_sending("fragmented_control", "Send a ping in fragments.", frame(PING, b"x", final=False))
_sending("long_pong", "Send a pong of 200 bytes.", frame(PONG, b"x" * 200))
_sending("stray_continuation", "Go on with no message.", frame(CONTINUATION, b"{}"))
_sending(
    "interrupted_fragments",
    "Begin a message inside another.",
    frame(TEXT, b"{", final=False) + frame(TEXT, b"}"),
)
_sending("bad_close_code", "Close with 1005, which nobody may send.", close_frame(1005))
_sending(
    "bad_close_reason",
    "Close with a reason that is no UTF-8.",
    close_frame(1000, b"\xff\xfe"),
)
_sending("one_byte_close", "Close with half a code.", frame(0x8, b"\x03"))
_sending("long_form_length", "Send 2 bytes with a length of 16 bits.",
         frame(TEXT, b"{}", length_bits=16))
_sending("binary", "Send a binary message where texts are spoken.", frame(BINARY, b"\x00\x01\xff"))
_sending(
    "data_after_close",
    "Send a message behind a close frame.",
    close_frame(1000) + frame(TEXT, b'{"behind":"the close"}'),
)
