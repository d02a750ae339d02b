"""What the venue says waits for the words of the client's that brought it about."""

from __future__ import annotations

from typing import Any

import pytest

from venuesdk.testing.tape.entries import Kind, TapeEntry
from venuesdk.testing.tape.script import MAX_SURPRISES, Cue, End, Performance, Script


class Told:
    """Entries of a tape, a tenth of a second apart."""

    def __init__(self, epoch: int = 1) -> None:
        self.entries: list[TapeEntry] = []
        self.epoch = epoch

    def add(self, kind: Kind, text: str = "", **more: Any) -> Told:
        number = len(self.entries) + 1
        self.entries.append(
            TapeEntry(number, kind, number / 10, 0.0, more.pop("epoch", self.epoch), text, **more)
        )
        return self

    def script(self, *withdrawn: int) -> Script:
        return Script(self.entries, frozenset(withdrawn))


def texts(cues: list[Cue] | None) -> list[str]:
    """Return what is said."""
    assert cues is not None
    return [cue.what for cue in cues if isinstance(cue.what, str)]


def test_an_answer_waits_for_its_request_and_gets_its_id() -> None:
    """As long after it as it came then; requests may come in another order."""
    told = Told().add(Kind.OPENED).add(Kind.OUT, '{"id":1,"op":"a"}').add(
        Kind.OUT, '{"id":2,"op":"b"}'
    )  # fmt: skip
    script = told.add(Kind.IN, '{"id":2,"ok":"b"}').add(Kind.IN, '{"id":1,"ok":"a"}').script()
    assert script.opening() == []
    (cue,) = script.take('{"id":8,"op":"b"}') or []
    assert (round(cue.delay, 6), cue.what) == (0.1, '{"id":8,"ok":"b"}')
    (cue,) = script.take('{"id":9,"op":"a"}') or []
    assert (round(cue.delay, 6), cue.what) == (0.3, '{"id":9,"ok":"a"}')


def test_a_frame_is_known_as_often_as_it_was_sent() -> None:
    """In the order of the tape; afterwards it is unknown, and so is any other."""
    told = Told().add(Kind.OUT, '{"id":1,"op":"a"}').add(Kind.IN, '{"id":1,"ok":1}')
    script = told.add(Kind.OUT, '{"id":2,"op":"a"}').add(Kind.IN, '{"id":2,"ok":2}').script()
    assert texts(script.take('{"id":5,"op":"a"}')) == ['{"id":5,"ok":1}']
    assert texts(script.take('{"id":6,"op":"a"}')) == ['{"id":6,"ok":2}']
    assert script.take('{"id":7,"op":"a"}') is None
    assert script.take('{"id":8,"op":"b"}') is None


def test_events_wait_for_the_subscribe_that_names_them() -> None:
    """Of several that were sent before, it is the one with the words of the event."""
    told = Told().add(Kind.OUT, '{"id":1,"method":"subscribe","channel":"tickers"}')
    told.add(Kind.OUT, '{"id":2,"method":"subscribe","channel":"server_info"}')
    told.add(Kind.IN, '{"channel":"tickers","message":1}')
    told.add(Kind.IN, '{"channel":"server_info","message":2}')
    script = told.add(Kind.IN, '{"channel":"tickers","message":3}').script()
    assert texts(script.take('{"id":1,"method":"subscribe","channel":"server_info"}')) == [
        '{"channel":"server_info","message":2}'
    ]
    assert len(texts(script.take('{"id":2,"method":"subscribe","channel":"tickers"}'))) == 2


def test_events_wait_for_the_answer_that_named_their_stream() -> None:
    """Where the venue hands out names, the subscribe is found by its answer."""
    told = Told().add(Kind.OUT, '{"requestId":"x-1","pattern":"a"}')
    told.add(Kind.OUT, '{"requestId":"x-2","pattern":"b"}')
    told.add(Kind.IN, '{"requestId":"x-1","subscriptionId":"s1"}')
    told.add(Kind.IN, '{"requestId":"x-2","subscriptionId":"s2"}')
    script = told.add(Kind.IN, '{"subscriptionId":"s1","message":{}}').script()
    assert len(texts(script.take('{"requestId":"y-9","pattern":"b"}'))) == 1
    assert texts(script.take('{"requestId":"y-8","pattern":"a"}')) == [
        '{"requestId":"y-8","subscriptionId":"s1"}',
        '{"subscriptionId":"s1","message":{}}',
    ]


def test_what_names_nothing_waits_for_the_last_word_or_for_nobody() -> None:
    """A greeting comes with the connection, a text ping after whatever was said before it."""
    told = Told().add(Kind.OPENED).add(Kind.IN, "ping").add(Kind.OUT, "pong").add(Kind.IN, "ping")
    script = told.script()
    assert texts(script.opening()) == ["ping"]
    assert texts(script.take("pong")) == ["ping"]


def test_what_was_withdrawn_is_not_known() -> None:
    """It never left; the one that left in its place is."""
    told = Told().add(Kind.OUT, '{"id":1,"op":"a"}').add(Kind.WITHDRAWN, refers=1)
    script = told.add(Kind.OUT, '{"id":1,"op":"a"}').add(Kind.IN, '{"id":1,"ok":1}').script(1)
    assert script.take('{"requestId":"3","op":"a"}') is None
    assert texts(script.take('{"id":3,"op":"a"}')) == ['{"id":3,"ok":1}']
    assert script.take('{"id":4,"op":"a"}') is None


def test_the_venue_ends_what_it_ended_and_the_client_what_it_did() -> None:
    """With the code that it had, or with none; what the client ended nobody ends for it."""
    told = Told().add(Kind.OUT, "hello").add(Kind.ENDED, "bye", code=1001)
    (cue,) = told.script().take("hello") or []
    assert cue.what == End(1001, "bye")
    (cut,) = Told().add(Kind.ENDED).script().opening()
    assert cut.what == End(None, "")
    assert Told().add(Kind.ENDED, here=True).script().opening() == []


def test_control_frames_are_not_played() -> None:
    """They are the WebSocket's, and each end has its own."""
    told = Told().add(Kind.IN, frame="ping", binary=b"x").add(Kind.OUT, frame="pong", binary=b"x")
    assert told.script().opening() == []


def test_a_tape_is_played_connection_by_connection() -> None:
    """An end that is told late belongs to its own; one number may be given out twice."""
    told = Told().add(Kind.OPENED, "ws://h/p").add(Kind.IN, "a").add(Kind.OPENED).add(Kind.IN, "b")
    told.add(Kind.OPENED, epoch=2).add(Kind.ENDED).add(Kind.IN, "c", epoch=2)
    performance = Performance(Tape(told.entries))  # type: ignore[arg-type]
    scripts = [performance.connect() for _ in range(3)]
    said = [[cue.what for cue in script.opening()] for script in scripts if script]
    assert said == [["a"], ["b", End(None, "")], ["c"]]
    assert performance.connect() is None
    assert (performance.url, performance.total) == ("ws://h/p", 4)


def test_of_very_many_surprises_the_newest_are_kept() -> None:
    """A client that goes wrong for days takes no memory."""
    performance = Performance(Tape())  # type: ignore[arg-type]
    for number in range(MAX_SURPRISES + 1):
        performance.surprised(str(number))
    assert performance.surprises == [str(number) for number in range(1, MAX_SURPRISES + 1)]


class Tape(list[TapeEntry]):
    """As much of a tape as is played."""

    header: Any = None
    truncated = False


def test_a_tape_on_which_something_is_missing_is_played_with_a_warning(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Whoever plays it may wait for what nobody wrote down."""
    told = Told().add(Kind.IN, "a").add(Kind.LOST, epoch=0, count=7)
    Performance(Tape(told.entries))  # type: ignore[arg-type]
    assert "7 entries were lost" in caplog.text
    assert "its end is missing" not in caplog.text
    cut = Tape(told.entries)
    cut.truncated = True
    Performance(cut)  # type: ignore[arg-type]
    assert "its end is missing" in caplog.text
