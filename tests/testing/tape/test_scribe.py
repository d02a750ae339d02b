"""What the connections told becomes entries: numbered, masked, each in its place."""

from __future__ import annotations

import functools
from collections import deque
from typing import Any

import pytest

from venuesdk.models import HttpRequest, HttpResponse
from venuesdk.secret import MASK, Secret
from venuesdk.testing.tape.entries import Kind, TapeEntry, read_entry
from venuesdk.testing.tape.mask import TapeMask
from venuesdk.testing.tape.scribe import Scribe
from venuesdk.wire.frames import BINARY, PING, PONG, TEXT, Binary, encode_frame
from venuesdk.wire.parcel import Parcel

AT = {"now": 1.5, "wall": 2.5, "epoch": 3}


@pytest.fixture
def scribe(canaries: Any) -> Scribe:
    """Return a scribe that masks the token."""
    mask = TapeMask()
    mask.learn([Secret(canaries.token)])
    return Scribe(mask)


def entries(lines: str) -> list[TapeEntry]:
    """Read lines back."""
    return [read_entry(line.encode()) for line in lines.splitlines(keepends=True)]


def parcel(*frames: tuple[int, bytes]) -> Parcel:
    """Return a parcel of frames."""
    return Parcel(b"".join(encode_frame(opcode, data, b"mask") for opcode, data in frames))


def test_a_gulp_becomes_an_entry_for_each_frame_with_one_time(scribe: Any, canaries: Any) -> None:
    """Text as text with its credentials masked, binary as bytes, masked too."""
    frames = [b'{"a":1}', canaries.token.encode(), Binary(b"\xff" + canaries.token.encode())]
    (lines,) = scribe.write(deque([(tuple(frames), 1.5, 2.5, 3)]))
    first, second, third = entries(lines)
    assert first == TapeEntry(1, Kind.IN, 1.5, 2.5, 3, '{"a":1}')
    assert second.text == MASK
    assert (third.frame, third.binary) == ("binary", b"\xff" + MASK.encode())


def test_a_credential_that_is_no_ascii_is_masked_in_bytes_too() -> None:
    """And what stands around it, which is no text, stays what it was."""
    mask = TapeMask()
    mask.learn([Secret("pässwörd")])
    payload = b"\x03\xe8\xff" + "pässwörd".encode() + b"\x80"
    (found,) = entries(Scribe(mask).signalled(control=[(PING, payload)], **AT))
    assert found.binary == b"\x03\xe8\xff" + MASK.encode() + b"\x80"


def test_every_frame_of_a_parcel_is_an_entry(scribe: Scribe) -> None:
    """Pongs may share one; what is no text is kept as bytes."""
    parcels = [parcel((TEXT, "é".encode())), parcel((PONG, b"1"), (PONG, b"2"), (BINARY, b"\0"))]
    found = entries(scribe.leaving(parcels=parcels, **AT))
    assert [(one.number, one.frame) for one in found] == [
        (1, "text"), (2, "pong"), (3, "pong"), (4, "binary")
    ]  # fmt: skip
    assert found[0].text == "é"
    assert [one.binary for one in found[1:]] == [b"1", b"2", b"\0"]


def test_what_stayed_takes_its_entries_back(scribe: Scribe) -> None:
    """Each by its number, once; one that was never written down is not taken back."""
    left, stayed = parcel((TEXT, b"a")), parcel((PONG, b"1"), (PONG, b"2"))
    scribe.leaving(parcels=[left, stayed], **AT)
    found = entries(scribe.stayed(parcel=stayed, **AT))
    assert [(one.kind, one.refers) for one in found] == [(Kind.WITHDRAWN, 2), (Kind.WITHDRAWN, 3)]
    assert scribe.stayed(parcel=stayed, **AT) == ""
    assert scribe.stayed(parcel=parcel((TEXT, b"b")), **AT) == ""
    (again,) = entries(scribe.leaving(parcels=[stayed], **AT))[:1]
    assert again.number == 6


def test_what_was_cut_is_told_after_the_next_connection_too(scribe: Scribe) -> None:
    """Whoever wrote it may leave the connection late."""
    cut = parcel((TEXT, b"a"))
    scribe.leaving(parcels=[cut], **AT)
    scribe.opened(1.0, 2.0, 4, "ws://127.0.0.1/")
    (found,) = entries(scribe.cut(parcels=[cut], **AT))
    assert (found.kind, found.refers, found.epoch) == (Kind.CUT, 1, 3)


def test_what_is_unfinished_when_the_recording_ends_is_told(scribe: Scribe) -> None:
    """Nobody knows whether it left; nothing is said of what had left by then, or had stayed."""
    parcels = done, stayed, _ = [parcel((TEXT, b"a")) for _ in range(3)]
    scribe.leaving(parcels=parcels, **AT)
    done.done = True
    scribe.stayed(parcel=stayed, **AT)
    (found,) = entries(scribe.unfinished(1.0, 2.0))
    assert (found.kind, found.refers, found.epoch) == (Kind.CUT, 3, 0)


def test_what_has_left_is_forgotten(scribe: Scribe) -> None:
    """A month of requests takes no memory."""
    parcels = [parcel((TEXT, b"a")) for _ in range(5)]
    for one in parcels:
        scribe.leaving(parcels=[one], **AT)
        one.done = True
    assert list(scribe._writing) == parcels[-1:]


def test_words_about_a_connection(scribe: Scribe, canaries: Any) -> None:
    """Its URL has no query; its end tells code, reason and whose it was; pings are kept."""
    (opened,) = entries(scribe.opened(1.0, 2.0, 3, f"wss://host/path?key={canaries.token}"))
    assert opened.text == "wss://host/path?…"
    (ended,) = entries(scribe.ended(here=False, code=1001, reason=canaries.token, **AT))
    assert (ended.here, ended.code, ended.text) == (False, 1001, MASK)
    (ping,) = entries(scribe.signalled(control=[(PING, b"x")], **AT))
    assert (ping.kind, ping.frame, ping.binary) == (Kind.IN, "ping", b"x")
    (lost,) = entries(scribe.lost(1.0, 2.0, 0, 17))
    assert (lost.kind, lost.count) == (Kind.LOST, 17)


def test_an_exchange_keeps_what_was_said_and_no_credential(scribe: Scribe, canaries: Any) -> None:
    """Nor any header but those that say what the answer means."""
    request = HttpRequest("POST", "/x", {"Authorization": canaries.token}, canaries.token.encode())
    headers = {"content-type": "application/json", "set-cookie": canaries.token}
    response = HttpResponse(200, headers, f'{{"echo":"{canaries.token}"}}'.encode())
    line = scribe.exchanged(1.0, 2.0, 0, request, response, "")
    assert not canaries.found_in(line)
    exchange = entries(line)[0].exchange
    assert exchange is not None
    assert (exchange.method, exchange.url, exchange.sent) == ("POST", "/x", MASK)
    assert exchange.headers == {"content-type": "application/json"}
    assert exchange.received == f'{{"echo":"{MASK}"}}'
    failed = entries(scribe.exchanged(1.0, 2.0, 0, request, None, "NotSent: no"))[0].exchange
    assert failed is not None
    assert (failed.status, failed.error) == (None, "NotSent: no")


def test_all_that_waits_is_written_in_its_order(scribe: Scribe) -> None:
    """Gulps together, whatever stands between them in its place; nothing is left waiting."""
    gulps: list[Any] = [((b"a", b"b"), 1.0, 2.0, 3)] * 300
    waiting = deque([*gulps, (functools.partial(Scribe.lost, count=5), 3.0, 4.0, 0), *gulps[:1]])
    found = entries("".join(scribe.write(waiting)))
    assert not waiting
    assert [one.number for one in found] == list(range(1, 604))
    assert [one.text for one in found] == ["a", "b"] * 300 + [""] + ["a", "b"]
    assert (found[600].kind, found[600].count) == (Kind.LOST, 5)
