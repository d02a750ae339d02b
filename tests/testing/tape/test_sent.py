"""What a client wrote is read back as it was."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from websockets.frames import Frame, Opcode

from venuesdk.testing.tape.sent import NAMES, sent_frames

LENGTHS = st.integers(120, 130).map(bytes)
PAYLOADS = st.one_of(st.binary(max_size=200), LENGTHS, st.just(bytes(70000)))


@given(st.lists(st.tuples(st.sampled_from(sorted(NAMES)), PAYLOADS), max_size=5))
def test_frames_of_another_library_are_read(frames: list[tuple[int, bytes]]) -> None:
    """Opcode and payload of each, whatever its length and mask, with several in one parcel."""
    data = b"".join(
        Frame(Opcode(opcode), payload[:125] if opcode >= 8 else payload).serialize(mask=True)
        for opcode, payload in frames
    )
    wanted = [(opcode, payload[:125] if opcode >= 8 else payload) for opcode, payload in frames]
    assert list(sent_frames(data)) == wanted
