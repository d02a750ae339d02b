"""Frames are sliced strictly, whatever the way the bytes are cut; what is sent, peers can read."""

from __future__ import annotations

import contextlib
import struct
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st
from websocket import ABNF
from websockets import frames as peer_frames
from websockets.protocol import SERVER, Protocol

from venuesdk.wire import frames
from venuesdk.wire.frames import (
    Binary,
    FrameError,
    FrameReader,
    encode_close,
    encode_frame,
    is_close_code,
)


def frame(
    opcode: int, payload: bytes, *, fin: bool = True, rsv: int = 0, mask: bool = False
) -> bytes:
    """Build one server frame by the RFC's picture, in its shortest form."""
    first = (0x80 if fin else 0) | rsv << 4 | opcode
    second = 0x80 if mask else 0
    if len(payload) < 126:
        head = struct.pack("!BB", first, second | len(payload))
    elif len(payload) < 65536:
        head = struct.pack("!BBH", first, second | 126, len(payload))
    else:
        head = struct.pack("!BBQ", first, second | 127, len(payload))
    return head + (b"\0\0\0\0" if mask else b"") + payload


def read_in_pieces(reader: FrameReader, data: bytes, sizes: list[int]) -> list[bytes]:
    """Feed `data` in pieces of the given sizes, over and over."""
    messages, position, turn = [], 0, 0
    while position < len(data):
        size = sizes[turn % len(sizes)] if sizes else len(data)
        messages += reader.feed(data[position : position + size])
        position += size
        turn += 1
    return messages


texts = st.one_of(
    st.text(max_size=300),
    st.integers(120, 130).map(lambda n: "x" * n),
    st.sampled_from([65534, 65535, 65536, 70000]).map(lambda n: "y" * n),
)
controls = st.tuples(st.sampled_from([0x9, 0xA]), st.binary(max_size=125))


@st.composite
def streams(draw):
    """Draw a valid byte stream, the messages and the control frames that are in it."""
    wire, messages, control = bytearray(), [], []

    def maybe_control() -> None:
        if draw(st.booleans()):
            opcode, payload = draw(controls)
            control.append((opcode, payload))
            wire.extend(frame(opcode, payload))

    for _ in range(draw(st.integers(0, 6))):
        maybe_control()
        text = draw(st.booleans())
        payload = draw(texts).encode() if text else draw(st.binary(max_size=400))
        cuts = draw(st.lists(st.integers(0, len(payload)), max_size=3))
        edges = [0, *sorted(cuts), len(payload)]
        for turn, (start, stop) in enumerate(zip(edges, edges[1:], strict=False)):
            opcode = (0x1 if text else 0x2) if turn == 0 else 0x0
            wire.extend(frame(opcode, payload[start:stop], fin=turn == len(edges) - 2))
            if turn < len(edges) - 2:
                maybe_control()
        messages.append((text, payload))
    return bytes(wire), messages, control


@given(streams(), st.lists(st.integers(1, 5000), min_size=1, max_size=5))
def test_any_split_gives_the_same_messages(stream, sizes):
    """However a valid stream is cut, the same messages and control frames come out, in order."""
    wire, messages, control = stream
    reader = FrameReader()
    found = read_in_pieces(reader, wire, sizes)
    assert [(not isinstance(item, Binary), bytes(item)) for item in found] == messages
    assert reader.take_control() == control
    assert not reader.attention


@given(streams(), st.data())
def test_any_mutation_gives_messages_or_a_frame_error(stream, data):
    """A damaged stream gives messages, and then a FrameError at most, with a code of the RFC."""
    wire = bytearray(stream[0])
    for _ in range(data.draw(st.integers(1, 5))):
        if wire:
            wire[data.draw(st.integers(0, len(wire) - 1))] = data.draw(st.integers(0, 255))
    reader = FrameReader(max_message=1000, max_fragments=3)
    try:
        found = read_in_pieces(reader, bytes(wire), data.draw(st.just([7, 100, 1])))
    except FrameError as error:
        assert error is reader.error
        found = []
    assert all(len(message) <= 1000 for message in found)
    if reader.error is not None:
        assert reader.error.close_code in (1002, 1007, 1009)
        assert reader.ended


@given(st.binary(max_size=2000))
def test_noise_gives_messages_or_a_frame_error(noise):
    """Bytes that were never frames raise nothing but FrameError."""
    reader = FrameReader()
    try:
        reader.feed(noise)
    except FrameError as error:
        assert error.text


BAD = {
    "a masked frame": (frame(0x1, b"x", mask=True), 1002),
    "RSV1": (frame(0x1, b"x", rsv=4), 1002),
    "RSV2": (frame(0x1, b"x", rsv=2), 1002),
    "RSV3 on a ping": (frame(0x9, b"x", rsv=1), 1002),
    **{f"reserved opcode {code}": (frame(code, b""), 1002) for code in (3, 4, 5, 6, 7)},
    **{f"reserved opcode {code}": (frame(code, b""), 1002) for code in range(0xB, 0x10)},
    "a fragmented ping": (frame(0x9, b"", fin=False), 1002),
    "a fragmented close": (frame(0x8, b"", fin=False), 1002),
    "a ping of 126 bytes": (frame(0x9, b"p" * 126), 1002),
    "a close of 65536 bytes": (b"\x88\x7f" + (65536).to_bytes(8, "big"), 1002),
    "a continuation of nothing": (frame(0x0, b"x"), 1002),
    "a new message inside another": (frame(0x1, b"a", fin=False) + frame(0x1, b"b"), 1002),
    "a binary inside a text": (frame(0x1, b"a", fin=False) + frame(0x2, b"b"), 1002),
    "125 in 16 bits": (b"\x81\x7e\x00\x7d" + b"x" * 125, 1002),
    "65535 in 64 bits": (b"\x81\x7f" + (65535).to_bytes(8, "big"), 1002),
    "a length with its top bit set": (b"\x81\x7f" + (2**63 + 5).to_bytes(8, "big"), 1002),
    "a length of 2**62": (b"\x82\x7f" + (2**62).to_bytes(8, "big"), 1009),
    "a close of one byte": (frame(0x8, b"\x03"), 1002),
    **{
        f"close code {code}": (frame(0x8, struct.pack("!H", code)), 1002)
        for code in (0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65535)
    },
    "a close reason that is not UTF-8": (frame(0x8, b"\x03\xe8\xff"), 1007),
    "text that is not UTF-8": (frame(0x1, b"\xff"), 1007),
    "text with a surrogate": (frame(0x1, b"\xed\xa0\x80"), 1007),
    "text that ends inside a letter": (frame(0x1, b"ab\xc3"), 1007),
    "fragments that end inside a letter": (
        frame(0x1, b"\xc3", fin=False) + frame(0x0, b"\xa9\xe2\x82"),
        1007,
    ),
}


@pytest.mark.parametrize("name", BAD)
@pytest.mark.parametrize("size", [1, 10_000])
def test_violation_has_its_close_code(name, size):
    """Each violation of RFC 6455 raises FrameError with the close code that belongs to it."""
    wire, code = BAD[name]
    reader = FrameReader()
    with pytest.raises(FrameError) as caught:
        read_in_pieces(reader, wire, [size])
    assert caught.value.close_code == code
    with pytest.raises(FrameError):
        reader.received(0)


@pytest.mark.parametrize("name", BAD)
def test_messages_before_a_violation_are_not_lost(name):
    """What was complete before a violation is delivered first; the error comes at the next call."""
    wire, code = BAD[name]
    reader = FrameReader()
    assert reader.feed(frame(0x1, b"one") + frame(0x2, b"two") + wire) == [b"one", b"two"]
    assert reader.attention
    assert reader.error is not None
    assert reader.error.close_code == code
    with pytest.raises(FrameError):
        reader.feed(frame(0x1, b"three"))


def test_letters_cut_between_fragments_are_whole_again():
    """UTF-8 is checked at the message's end, so a letter may be cut between fragments."""
    euro = "€".encode()
    wire = frame(0x1, euro[:1], fin=False) + frame(0x0, b"", fin=False) + frame(0x0, euro[1:])
    assert FrameReader().feed(wire) == [euro]


@pytest.mark.parametrize("limit", [10, 70_000])
def test_a_message_longer_than_the_limit_is_refused_on_its_header(limit):
    """A message of `max_message` passes; one byte more is 1009 before its payload is there."""
    assert FrameReader(limit).feed(frame(0x2, b"x" * limit)) == [b"x" * limit]
    whole = frame(0x1, b"x" * (limit + 1))
    reader = FrameReader(limit)
    with pytest.raises(FrameError) as caught:
        reader.feed(whole[: len(whole) - limit - 1])
    assert caught.value.close_code == 1009


def test_fragments_are_added_up_against_the_limit():
    """The limit holds for the whole message, and is checked on the header of each fragment."""
    reader = FrameReader(max_message=10)
    assert reader.feed(frame(0x1, b"123456", fin=False)) == []
    with pytest.raises(FrameError) as caught:
        reader.feed(frame(0x0, b"78901")[:2])
    assert caught.value.close_code == 1009


def test_fragments_are_counted():
    """A message in more than `max_fragments` frames is 1009, even when they are all empty."""
    reader = FrameReader(max_fragments=3)
    ok = frame(0x1, b"", fin=False) + frame(0x0, b"", fin=False) + frame(0x0, b"")
    assert reader.feed(ok + ok) == [b"", b""]
    with pytest.raises(FrameError) as caught:
        reader.feed(frame(0x1, b"", fin=False) + frame(0x0, b"", fin=False) * 3)
    assert caught.value.close_code == 1009


def test_a_declared_length_allocates_nothing():
    """Memory grows with the bytes that arrive, not with the length that a header declares."""
    reader = FrameReader(max_message=2**40)
    reader.feed(b"\x82\x7f" + (2**40).to_bytes(8, "big") + b"x" * 1000)
    assert len(reader.get_buffer()) <= 2 * frames.FIRST_BUFFER


def test_a_long_message_grows_the_buffer_and_gives_the_memory_back():
    """A message of several megabytes arrives whole, and its buffer is not kept."""
    payload = bytes(range(256)) * 12_000
    reader = FrameReader()
    assert reader.feed(frame(0x2, payload) + frame(0x1, b"next")) == [payload, b"next"]
    assert reader.feed(frame(0x1, b"more")) == [b"more"]
    assert len(reader.get_buffer()) <= frames.LARGE_BUFFER


def test_the_buffer_grows_to_a_mebibyte_under_load():
    """When each read fills the buffer, the next one is larger, up to one MiB."""
    reader, one = FrameReader(), frame(0x1, b"x" * 1000)
    wire, position, messages = one * 5000, 0, 0
    largest = 0
    while position < len(wire):
        buffer = reader.get_buffer()
        largest = max(largest, len(buffer))
        piece = wire[position : position + len(buffer)]
        buffer[: len(piece)] = piece
        messages += len(reader.received(len(piece)))
        while reader.more:
            messages += len(reader.received(0))
        position += len(piece)
    assert messages == 5000
    assert frames.LARGE_BUFFER - 2000 < largest <= frames.LARGE_BUFFER


def received(reader: FrameReader, wire: bytes) -> Iterator[list[bytes]]:
    """Hand in all of `wire` at once; yield the messages as the reader portions them out."""
    reader.get_buffer()[: len(wire)] = wire
    yield reader.received(len(wire))
    while reader.more:
        yield reader.received(0)


def test_very_many_messages_come_in_portions():
    """What one large read brought is cut in windows: in order, each message whole and once."""
    reader = FrameReader()
    reader.feed(frame(0x1, b"x" * 1000) * 5000)
    texts = [b"%d" % number * (1 + number % 300) for number in range(700)]
    wire = b"".join(frame(0x1, each) for each in texts)
    assert 4 * frames.WINDOW < len(wire) < len(reader.get_buffer())
    portions = list(received(reader, wire))
    assert len(portions) > 4
    assert [each for portion in portions for each in portion] == texts
    for portion in portions:
        assert sum(map(len, portion)) <= frames.WINDOW


def test_a_message_longer_than_a_window_comes_among_others():
    """It is no portion of its own alone, and those before and behind it keep their places."""
    reader = FrameReader()
    reader.feed(frame(0x1, b"x" * 1000) * 5000)
    texts = [b"a" * 10, b"b" * (3 * frames.WINDOW), b"c" * 10, b"d" * frames.WINDOW, b"e"]
    portions = received(reader, b"".join(frame(0x1, each) for each in texts))
    assert [each for portion in portions for each in portion] == texts


@pytest.mark.parametrize("end", [frame(0x8, b"\x03\xe8"), b"\xff\x00"])
def test_the_end_comes_behind_every_portion(end):
    """A close frame or a violation behind very many messages loses none of them."""
    reader = FrameReader()
    reader.feed(frame(0x1, b"x" * 1000) * 5000)
    wire = frame(0x1, b"y" * 1000) * 300
    count = 0
    with contextlib.suppress(FrameError):
        for portion in received(reader, wire + end + wire):
            count += len(portion)
            assert reader.ended is (count == 300)
    assert count == 300
    assert reader.ended
    assert not reader.more


def test_data_after_a_close_frame_is_dropped():
    """Nothing that comes behind a close frame is read, in the same gulp or later."""
    reader = FrameReader()
    close = frame(0x8, struct.pack("!H", 4001) + "schluß".encode())
    wire = frame(0x1, b"a") + close + frame(0x1, b"b") + b"\xff\xff\xff"
    assert reader.feed(wire) == [b"a"]
    assert reader.closed == (4001, "schluß")
    assert reader.attention
    assert reader.feed(frame(0x1, b"c") * 100_000) == []
    assert reader.take_control() == []


def test_an_empty_close_frame_has_no_code():
    """A close frame may be empty; then there is no code."""
    reader = FrameReader()
    assert reader.feed(frame(0x8, b"")) == []
    assert reader.closed == (None, "")


def test_control_frames_between_fragments_do_not_disturb_the_message():
    """Pings and pongs inside a fragmented message are taken by the side."""
    reader = FrameReader()
    wire = frame(0x2, b"a", fin=False) + frame(0x9, b"p") + frame(0xA, b"q") + frame(0x0, b"b")
    [message] = reader.feed(wire)
    assert isinstance(message, Binary)
    assert message == b"ab"
    assert reader.attention
    assert reader.take_control() == [(0x9, b"p"), (0xA, b"q")]
    assert not reader.attention


@pytest.mark.parametrize("length", [0, 1, 3, 125, 126, 65535, 65536, 65537, 200_003])
@pytest.mark.parametrize("opcode", [0x1, 0x2])
def test_what_is_encoded_is_what_websocket_client_encodes(opcode, length):
    """Our frames are byte for byte those of websocket-client, given the same mask."""
    payload = (b"0123456789abcdef" * (length // 16 + 1))[:length]
    theirs = ABNF.create_frame(payload, opcode)
    theirs.get_mask_key = lambda count: b"\x01\x80\xfe\x7f"
    assert encode_frame(opcode, payload, b"\x01\x80\xfe\x7f") == theirs.format()


@given(
    st.text(max_size=400),
    st.sampled_from([None, 1000, 1002, 4999]),
    st.binary(min_size=4, max_size=4),
)
def test_a_close_frame_is_what_websockets_reads(reason, code, mask):
    """A close frame carries the code and as much of the reason as fits, never half a letter."""
    wire = encode_close(code, reason, mask)
    assert wire[0] == 0x88
    length = wire[1] & 0x7F
    assert wire[1] & 0x80
    assert length == len(wire) - 6 <= 125
    payload = bytes(byte ^ mask[index % 4] for index, byte in enumerate(wire[6:]))
    close = peer_frames.Close.parse(payload)
    assert close.code == (peer_frames.CloseCode.NO_STATUS_RCVD if code is None else code)
    assert code is None or reason.startswith(close.reason) or "?" in close.reason


def test_close_codes_are_those_that_websockets_accepts():
    """The codes that may stand in a close frame are those that the websockets package accepts."""
    for code in range(5100):
        theirs = code in peer_frames.EXTERNAL_CLOSE_CODES or 3000 <= code < 5000
        assert is_close_code(code) == theirs, code


def test_it_reads_what_websockets_writes():
    """Frames made by the websockets package for a client come out as they went in."""
    peer = Protocol(SERVER)
    peer.send_text("grüße".encode())
    peer.send_binary(b"\0" * 70_000)
    peer.send_text(b"a", fin=False)
    peer.send_continuation(b"b", fin=True)
    peer.send_ping(b"?")
    reader = FrameReader()
    found = reader.feed(b"".join(peer.data_to_send()))
    assert found == ["grüße".encode(), b"\0" * 70_000, b"ab"]
    assert reader.take_control() == [(0x9, b"?")]
