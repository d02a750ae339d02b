"""Whatever a peer sends, the readers of the product return it or raise errors of the product.

Here Hypothesis leads the mutations; ``harness.py`` lets coverage lead them, and what it found
stands in ``corpus`` and is replayed. The venues' codecs are led by Hypothesis in
``tests/venues/test_every_venue.py``, frame by documented frame.
"""

from __future__ import annotations

import gzip
import json
import time
import tracemalloc
import zlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from fuzzing.answers import answer
from fuzzing.mutations import Choices, changed
from fuzzing.streams import stream
from fuzzing.targets import (
    TARGETS,
    check_changed,
    decoders_of,
    fetched,
    payloads_of,
    play_decoders,
    play_frames,
    play_head,
    play_http,
    play_venue,
)
from hypothesis import example, given
from hypothesis import strategies as st
from offline import documented_frames
from tape import VENUES, Venue

from venuesdk.errors import ProtocolError
from venuesdk.protocol.codec import Event
from venuesdk.wire import frames, head, http

CORPUS = Path(__file__).with_name("corpus")
QUICK = 2.0
"""Seconds that no recorded case may take; the longest of them takes a twentieth of that."""

RECIPES = st.lists(st.integers(0, 2**32), min_size=1, max_size=8)
"""What leads the mutations of one example."""

BODIES = st.sampled_from(
    [
        b'{"key":"6b2f"}',
        b'{"resultInfo":{"code":0,"message":"SUCCESS"},"data":"6b2f"}',
        b'{"resultInfo":{"code":104105,"message":"bad key"},"data":null}',
        b"",
    ]
)
"""Bodies of the answer that Loopring gives to whoever asks for a connection key."""

for_each_venue = pytest.mark.parametrize("venue", VENUES, ids=str)


# ---- led by Hypothesis ---------------------------------------------------------------------------


def check_frames(recipe: Sequence[int]) -> None:
    """Play one stream of frames."""
    play_frames(stream(Choices(recipe)))


def check_answers(body: bytes, recipe: Sequence[int]) -> None:
    """Play one HTTP answer, also to what reads its head alone, and with its body changed."""
    play_head(answer(body, Choices(recipe)))
    play_http(answer(body, Choices(recipe)))
    play_http(answer(changed(body, Choices(recipe)), Choices(recipe)))


def check_models(venue: Venue, recipe: Sequence[int]) -> None:
    """Play each documented payload, changed, to each typed decoder of a venue."""
    for number, payload in enumerate(payloads_of(venue)):
        play_decoders(venue, changed(payload, Choices([*recipe, number])))


@given(RECIPES)
@example([])
def test_frames_are_messages_or_a_frame_error_however_they_are_cut(recipe: Sequence[int]) -> None:
    """Any bytes give the same messages and the same end in any pieces, in a bounded buffer."""
    check_frames(recipe)


@given(BODIES, RECIPES)
def test_an_http_answer_is_read_within_its_limits_or_is_an_error(
    body: bytes, recipe: Sequence[int]
) -> None:
    """Lying lengths, broken chunks, nested compression and hostile heads raise only our errors."""
    check_answers(body, recipe)


@for_each_venue
@given(recipe=RECIPES)
def test_a_typed_decoder_gives_a_value_or_a_protocol_error(
    venue: Venue, recipe: Sequence[int]
) -> None:
    """Every decoder of every venue takes any payload, changed or meant for another, as it comes."""
    check_models(venue, recipe)


@pytest.mark.long
@given(RECIPES)
def test_frames_are_messages_or_a_frame_error_tried_often(recipe: Sequence[int]) -> None:
    """The same, over many more streams."""
    check_frames(recipe)


@pytest.mark.long
@given(BODIES, RECIPES)
def test_an_http_answer_is_read_or_is_an_error_tried_often(
    body: bytes, recipe: Sequence[int]
) -> None:
    """The same, over many more answers."""
    check_answers(body, recipe)


@pytest.mark.long
@for_each_venue
@given(recipe=RECIPES)
def test_a_typed_decoder_gives_a_value_or_a_protocol_error_tried_often(
    venue: Venue, recipe: Sequence[int]
) -> None:
    """The same, over many more payloads."""
    check_models(venue, recipe)


# ---- what the fuzzer found -----------------------------------------------------------------------


def recorded() -> list[Any]:
    """Return each recorded input, with the name of its target."""
    files = sorted(path for path in CORPUS.glob("*/*") if path.is_file())
    return [pytest.param(path, id=f"{path.parent.name}-{path.name}") for path in files]


@pytest.mark.parametrize("path", recorded())
def test_a_recorded_input_is_read_or_refused_quickly(path: Path) -> None:
    """Input that once reached what no other did, or broke something, breaks nothing."""
    start = time.monotonic()
    TARGETS[path.parent.name](path.read_bytes())
    assert time.monotonic() - start < QUICK


def test_every_target_has_recorded_inputs() -> None:
    """Each reader has been fuzzed, and what reached the most of it was kept."""
    assert {path.name for path in CORPUS.iterdir()} == set(TARGETS)
    assert sum(path.stat().st_size for path in CORPUS.glob("*/*")) < 200_000


# ---- bounded memory ------------------------------------------------------------------------------


def exploding(megabytes: int, layers: int) -> bytes:
    """Return so many megabytes of nothing, compressed several times."""
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    packed = b"".join(packer.compress(bytes(1 << 20)) for _ in range(megabytes)) + packer.flush()
    for _ in range(layers - 1):
        packed = gzip.compress(packed)
    return packed


@pytest.mark.parametrize("layers", [1, 2, 3, 5, 12])
def test_compression_within_compression_does_not_fill_the_memory(layers: int) -> None:
    """What grows to 256 MiB is given up at the limit, however often it was compressed."""
    body = exploding(256, layers)
    names = b", ".join([b"gzip"] * layers)
    wire = b"HTTP/1.1 200 OK\r\nContent-Encoding: %s\r\nContent-Length: %d\r\n\r\n%s"
    tracemalloc.start()
    try:
        assert fetched(wire % (names, len(body), body), max_body=1 << 20) is None
        assert tracemalloc.get_traced_memory()[1] < 8 << 20
    finally:
        tracemalloc.stop()


# ---- it would be found ---------------------------------------------------------------------------


def _breaks(play: Callable[[], object]) -> bool:
    try:
        play()
    except Exception:
        return True
    return False


def _some_break(check: Callable[[Sequence[int]], object], examples: int = 60) -> bool:
    """Tell whether one of so many examples, as many as Hypothesis tries, finds something."""
    return any(_breaks(lambda seed=seed: check([seed])) for seed in range(examples))  # type: ignore[misc]


def test_a_reader_without_limits_would_be_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """Were the length of a message not checked, or one that is cut read otherwise, a test fails."""
    assert not _some_break(check_frames)
    with monkeypatch.context() as patch:
        patch.setattr(frames.FrameReader, "_check_size", lambda self, length: None)
        assert _some_break(check_frames)
    with monkeypatch.context() as patch:
        # A text that is not UTF-8 is noticed only when it came at once.
        patch.setattr(frames, "_is_utf8", lambda payload: len(payload) > 3)
        assert _some_break(check_frames)


@pytest.mark.long
def test_an_http_reader_that_forgets_would_be_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """Were a body read to its end, or a malformed head not refused, a test fails."""
    assert not _some_break(lambda recipe: check_answers(b"{}", recipe))
    with monkeypatch.context() as patch:
        patch.setattr(http, "_read_body", lambda raw, exchange, limit: raw.read(10 * limit))
        assert _some_break(lambda recipe: check_answers(b"{}", recipe))
    with monkeypatch.context() as patch:
        patch.setattr(head, "_BAD_VALUE", head.re.compile(b"\0"))
        patch.setattr(head.Head, "retry_after", lambda self: float(self.all("retry-after")[0]))
        assert _some_break(lambda recipe: check_answers(b"{}", recipe))


@for_each_venue
def test_a_codec_that_trusts_its_venue_would_be_found(
    venue: Venue, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Were the first member of a frame taken for granted by a codec, a test fails."""

    def trusting(self: Any, frame: bytes) -> list[Event]:
        return [Event(next(iter(json.loads(frame))), frame, lambda payload: payload)]

    prepared = next(p for p in documented_frames(venue) if p.line.frame.startswith("{"))
    monkeypatch.setattr(venue.codec, "decode", trusting)
    assert _some_break(
        lambda recipe: check_changed(prepared, lambda frame: changed(frame, Choices(recipe)))
    )
    assert _breaks(lambda: play_venue(venue, b"[["))


@for_each_venue
def test_every_decoder_of_a_venue_is_found(venue: Venue) -> None:
    """The decoders that are played are those the venue has, and refuse what is not JSON."""
    decoders = decoders_of(venue)
    assert len(decoders) >= 3
    for decode in decoders.values():
        with pytest.raises(ProtocolError):
            decode(b"{")
