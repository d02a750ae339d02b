"""What plays do to a client that sends, as a raw socket sees it."""

from __future__ import annotations

import time
from typing import Any

import pytest

from venuesdk.testing.faults import MARK, answering, cutting_under

ANSWER = bytes([0x81, len(MARK)]) + MARK


def _fills_up(caller: Any) -> bool:
    """Send until nothing more is taken."""
    caller.socket.settimeout(0.3)
    try:
        for _ in range(2000):
            caller.socket.sendall(bytes(65536))
    except TimeoutError:
        return True
    return False


def test_it_reads_nothing(echo: str, staged: Any) -> None:
    """After the mark what the client sends fills the buffers, until no more is taken."""
    _, caller = staged("deaf", upstream=echo)
    caller.upgrade()
    caller.say(MARK)
    assert caller.is_silent()
    assert _fills_up(caller)


def test_it_reads_nothing_and_sends_pings(echo: str, staged: Any) -> None:
    """Pings of 125 bytes come without end, and nothing is read."""
    _, caller = staged("deaf_and_streaming", upstream=echo)
    caller.upgrade()
    caller.say(MARK)
    assert caller.read(1270) == (b"\x89\x7d" + b"x" * 125) * 10
    assert _fills_up(caller)


def test_it_reads_nothing_for_a_while(echo: str, staged: Any) -> None:
    """Half a second later the answer comes, and everything goes on."""
    _, caller = staged("deaf_for_a_while", upstream=echo)
    caller.upgrade()
    begun = time.monotonic()
    caller.say(MARK)
    assert caller.read(len(ANSWER)) == ANSWER
    assert time.monotonic() - begun > 0.4
    caller.say(b"on")
    assert caller.read(4) == b"\x81\x02on"


def test_it_answers_twice(echo: str, staged: Any) -> None:
    """The marked request's answer comes two times, the next one's once."""
    _, caller = staged("answered_twice", upstream=echo)
    caller.upgrade()
    caller.say(MARK)
    caller.say(b"on")
    assert caller.read(2 * len(ANSWER) + 4) == ANSWER * 2 + b"\x81\x02on"


def test_it_answers_late(echo: str, staged: Any) -> None:
    """The answer comes two seconds later, before all others."""
    _, caller = staged("answered_late", upstream=echo)
    caller.upgrade()
    begun = time.monotonic()
    caller.say(MARK)
    caller.say(b"on")
    assert caller.read(len(ANSWER) + 4) == ANSWER + b"\x81\x02on"
    assert time.monotonic() - begun > 1.9


def test_it_executes_and_is_cut(echo: str, staged: Any) -> None:
    """The venue has answered, which the client never sees."""
    server, caller = staged("executed_then_cut", upstream=echo)
    caller.upgrade()
    caller.say(MARK)
    with pytest.raises(ConnectionResetError):
        caller.rest()


def test_it_answers_what_it_was_told(echo: str, staged: Any) -> None:
    """The texts come one frame each, in order, and then the venue's own answers."""
    _, caller = staged(answering(b"{}", b"[]"), upstream=echo)
    caller.upgrade()
    caller.say(MARK)
    assert caller.read(8) == b"\x81\x02{}\x81\x02[]"
    caller.say(b"on")
    assert caller.read(4) == b"\x81\x02on"


def test_it_withholds_some_requests(echo: str, staged: Any) -> None:
    """Only the last of them brings the close frame, with code 1001."""
    _, caller = staged(cutting_under(2), upstream=echo)
    caller.upgrade()
    caller.say(MARK)
    assert caller.is_silent()
    caller.say(MARK)
    assert caller.read(4) == b"\x88\x02\x03\xe9"
