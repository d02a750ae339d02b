"""What plays send to a client that is connected, as raw bytes and as a strict peer sees it."""

from __future__ import annotations

import contextlib
import time
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from venuesdk.testing.faults import MARK

# The bytes of RFC 6455, 5.2 and 7.4, or of what it forbids.
BYTES = {
    "closed_1000": "88 05 03 e8 62 79 65",
    "closed_1001": "88 05 03 e9 62 79 65",
    "closed_1012": "88 05 03 f4 62 79 65",
    "closed_1013": "88 05 03 f5 62 79 65",
    "closed_4000": "88 05 0f a0 62 79 65",
    "closed_without_code": "88 00",
    "over_the_limit": "81 7f 00 00 00 00 40 00 00 00 78",
    "length_2_62": "81 7f 40 00 00 00 00 00 00 00 78",
    "length_2_63": "81 7f 80 00 00 00 00 00 00 05 78",
    "streamed_2_62": "81 7f 40 00 00 00 00 00 00 00 78 78",
    "endless_fragments": "01 01 5b 00 7e 03 e8 78 78",
    "endless_empty_fragments": "01 00 00 00 00 00",
    "bad_utf8": "81 0a 7b 22 61 22 3a 22 ff fe 22 7d",
    "cut_utf8": "81 08 7b 22 61 22 3a 22 e2 82",
    "masked": "81 82 61 62 63 64 1a 1f",
    "reserved_bit": "c1 02 7b 7d",
    "reserved_opcode": "83 02 7b 7d",
    "reserved_control": "8b 00",
    "long_control": "89 7e 00 7e 78",
    "fragmented_control": "09 01 78",
    "long_pong": "8a 7e 00 c8 78",
    "stray_continuation": "80 02 7b 7d",
    "interrupted_fragments": "01 01 7b 81 01 7d",
    "bad_close_code": "88 02 03 ed",
    "bad_close_reason": "88 04 03 e8 ff fe",
    "one_byte_close": "88 01 03",
    "long_form_length": "81 7e 00 02 7b 7d",
    "binary": "82 03 00 01 ff",
    "data_after_close": "88 02 03 e8 81 16 7b",
    "ping_flood": "89 05 66 6c 6f 6f 64 89 05",
    "half_frame_then_silence": "81 64 78",
}


@pytest.mark.parametrize(("name", "wanted"), BYTES.items(), ids=BYTES)
def test_it_is_honest_until_the_mark_then_sends_this(
    name: str, wanted: str, echo: str, staged: Any
) -> None:
    """Before the mark the venue answers; what comes after it begins with exactly these bytes."""
    _, caller = staged(name, upstream=echo)
    assert caller.upgrade().startswith(b"HTTP/1.1 101 ")
    caller.say(b"hello")
    assert caller.read(7) == b"\x81\x05hello"
    caller.say(b"and now " + MARK)
    data = bytes.fromhex(wanted)
    assert caller.read(len(data)) == data


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("masked", 1002),
        ("reserved_bit", 1002),
        ("reserved_opcode", 1002),
        ("long_control", 1002),
        ("fragmented_control", 1002),
        ("stray_continuation", 1002),
        ("interrupted_fragments", 1002),
        ("bad_close_code", 1002),
        ("bad_utf8", 1007),
        ("cut_utf8", 1007),
        ("length_2_62", 1009),
        ("endless_fragments", 1009),
    ],
)
def test_a_strict_peer_hangs_up(name: str, code: int, echo: str, staged: Any) -> None:
    """A client that is not ours closes with the code that RFC 6455 names for the mistake."""
    server, _ = staged(name, upstream=echo)
    with connect(server.url, compression=None, close_timeout=0.1) as client:
        client.send(MARK.decode())
        end = time.monotonic() + 5.0
        while client.protocol.close_sent is None and time.monotonic() < end:
            with contextlib.suppress(TimeoutError, ConnectionClosed):
                client.recv(0.02)
        said = client.protocol.close_sent
    assert said is not None
    assert said.code == code


def test_what_it_sends_stands_between_two_frames(echo: str, staged: Any) -> None:
    """Told to strike, without a mark, it does so at once."""
    server, caller = staged("reserved_control", upstream=echo)
    caller.upgrade()
    caller.say(b"hello")
    assert caller.read(7) == b"\x81\x05hello"
    server.strike()
    assert caller.read(2) == b"\x8b\x00"


def test_silence_keeps_the_connection(echo: str, staged: Any) -> None:
    """After the mark neither an answer nor an end comes, and what is sent is still read."""
    server, caller = staged("silence", upstream=echo)
    caller.upgrade()
    caller.say(MARK)
    caller.say(b"are you there")
    assert caller.is_silent()
    assert server.peers[0].bytes_in > 50


def test_an_answer_comes_in_two_halves(echo: str, staged: Any) -> None:
    """The halves are a while apart, and make the venue's own frame."""
    _, caller = staged("half_frame_then_rest", upstream=echo)
    caller.upgrade()
    caller.say(MARK)
    frame = bytes([0x81, len(MARK)]) + MARK
    assert caller.read(len(frame) // 2) == frame[: len(frame) // 2]
    assert caller.is_silent(0.1)
    assert caller.read(len(frame) - len(frame) // 2) == frame[len(frame) // 2 :]
    caller.say(b"on")
    assert caller.read(4) == b"\x81\x02on"


@pytest.mark.parametrize("name", ["half_frame_then_finish", "half_frame_then_cut"])
def test_half_a_frame_is_the_last(name: str, echo: str, staged: Any) -> None:
    """Fifty bytes of a frame of a hundred, then the end of the stream."""
    _, caller = staged(name, upstream=echo)
    caller.upgrade()
    caller.say(MARK)
    assert caller.rest() == b"\x81\x64" + b"x" * 48


def test_half_a_frame_and_a_reset(echo: str, staged: Any) -> None:
    """The stream does not end in order."""
    _, caller = staged("half_frame_then_reset", upstream=echo)
    caller.upgrade()
    caller.say(MARK)
    with pytest.raises(ConnectionResetError):
        caller.rest()


def test_a_frame_is_dripped(echo: str, staged: Any) -> None:
    """Its bytes come one by one, with pauses between."""
    _, caller = staged("dripped_frame", upstream=echo)
    caller.upgrade()
    caller.say(MARK)
    begun = time.monotonic()
    assert caller.read(3) == b"\x81\x7e\xea"
    assert time.monotonic() - begun > 0.3
