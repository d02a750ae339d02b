"""Intake: in which order an engine is asked, and how often."""

from __future__ import annotations

import threading

import pytest
from entries import STREAM, Publisher
from faulty import FaultyEngine

from venuesdk.relay import EngineUnavailable, GroupGone, MemoryEngine, MemoryStore
from venuesdk.relay import intake as intake_module
from venuesdk.relay.custody import Custody, Hole
from venuesdk.relay.intake import Intake
from venuesdk.relay.plan import plan_of
from venuesdk.relay.telling import Telling
from venuesdk.timing import Backoff, Deadline


class Setting:
    """An intake on an engine that can fail."""

    def __init__(self, streams: str = "onyx:tickers", adopt_after: float | None = 60.0) -> None:
        self.store = MemoryStore()
        self.publisher = Publisher(self.store)
        self.engine = FaultyEngine(MemoryEngine(self.store))
        self.custody = Custody()
        self.stopping = threading.Event()
        self.telling = Telling(None, None, [].append, self.custody.__len__)
        rhythm = Backoff(initial=0.001, maximum=0.001)
        self.intake = Intake(
            plan_of(streams, "g", "c", "venuesdk", True, 10, adopt_after, rhythm),
            self.engine,
            self.custody,
            self.telling,
            self.stopping,
        )

    def bring(self) -> list[str]:
        """Let it bring something; return what it asked for that."""
        self.engine.calls.clear()
        self.intake.bring(Deadline(0))
        return self.engine.calls

    def work_off(self) -> int:
        """See to all that came; return how many items that were."""
        count = 0
        while (item := self.custody.next()) is not None:
            self.custody.done(item)
            count += not isinstance(item, Hole)
        return count


def test_what_is_unfinished_comes_first_then_what_was_left_then_what_is_new() -> None:
    """Later only what is new, for as long as nothing happens."""
    setting = Setting()
    setting.intake.join()
    assert setting.engine.calls == ["join", "lost", "given", "listed"]
    assert setting.bring() == ["unfinished", "adopt", "read"]
    assert setting.bring() == ["read"]
    setting.publisher.tick(1, 3)
    assert setting.bring() == ["read"]
    assert setting.work_off() == 3
    assert setting.bring() == ["acknowledge", "read"]


def test_after_a_failure_it_asks_again_for_what_is_unfinished() -> None:
    """It may have been handed something without hearing of it."""
    setting = Setting(adopt_after=None)
    setting.intake.join()
    setting.bring()
    setting.publisher.tick(1, 2)
    setting.engine.fail("read", EngineUnavailable("no answer"), done=True)
    assert setting.bring() == ["read"]
    assert len(setting.custody) == 0
    while not setting.custody.entries:
        setting.bring()
    assert setting.engine.calls == ["unfinished"]
    assert setting.custody.redelivered == 2


def test_joining_again_after_it_was_interrupted_does_what_is_left() -> None:
    """No stream is begun twice."""
    setting = Setting("onyx")
    for stream in (STREAM, "venuesdk:{onyx}:x"):
        setting.publisher.engine.enlist("venuesdk:{onyx}", stream)
    setting.engine.fail("given", GroupGone("interrupted"))
    with pytest.raises(GroupGone):
        setting.intake.join()
    setting.engine.calls.clear()
    setting.intake.join()
    setting.intake.join()
    assert setting.engine.calls == ["listed", *["join", "lost", "given"] * 2, "listed"]
    assert [lag.stream for lag in setting.intake.lag()] == sorted([STREAM, "venuesdk:{onyx}:x"])


@pytest.mark.parametrize(
    ("asked", "listed", "said"),
    [
        (
            "onyx:ticker",
            ["dashboards", "tickers"],
            ["nobody has published 'ticker' of onyx yet; there are: dashboards, tickers"],
        ),
        ("loopring:book", [], ["nobody has published loopring yet"]),
        ("onyx.eu:tickers", [], ["nobody has published onyx.eu yet"]),
        ("onyx", [], ["nobody has published onyx yet"]),
        ("onyx", ["tickers"], []),
        ("onyx:tickers", ["tickers"], []),
    ],
)
def test_what_nobody_has_published_is_named_once_and_waited_for(
    asked: str, listed: list[str], said: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    """It may be mistyped, or its publisher comes later."""
    setting = Setting(asked)
    for kind in listed:
        setting.publisher.engine.enlist("venuesdk:{onyx}", f"venuesdk:{{onyx}}:{kind}")
    for _ in range(2):
        setting.intake.join()
    setting.bring()
    assert caplog.messages == said
    assert all(record.levelname == "WARNING" for record in caplog.records)


def test_a_group_that_is_lost_again_and_again_is_not_asked_in_a_circle() -> None:
    """It waits a while between two."""
    setting = Setting()
    setting.intake.join()
    waits: list[float] = []
    setting.stopping.wait = waits.append  # type: ignore[method-assign, assignment]
    setting.engine.fail("read", *[GroupGone("gone")] * 3)
    for _ in range(3):
        setting.intake.bring(Deadline(5))
    assert len(waits) == 2
    assert all(0.5 < wait <= 1.0 for wait in waits)


def test_the_engine_is_to_keep_once_what_was_told_of() -> None:
    """At once, though nothing is to be acknowledged; and what it keeps is owed to nobody."""
    setting = Setting()
    setting.intake.join()
    setting.custody.tell(STREAM, 3)
    for _ in range(2):
        setting.intake.settle_due()
    assert setting.engine.calls.count("told") == 1
    setting.store.streams[STREAM].groups["g"].lost = 3
    setting.intake._streams.clear()
    setting.intake._begin(STREAM, True)
    assert not setting.custody._streams[STREAM].owing


def test_nothing_is_asked_where_there_is_no_stream_yet(monkeypatch: pytest.MonkeyPatch) -> None:
    """It waits until it is time to look again."""
    monkeypatch.setattr(intake_module, "LOOK_EVERY", 0.0)
    setting = Setting("onyx")
    setting.intake.join()
    assert setting.bring() == ["listed"]
    setting.publisher.tick(1)
    setting.publisher.engine.enlist("venuesdk:{onyx}", STREAM)
    setting.bring()
    assert setting.work_off() == 1


def test_the_end_acknowledges_and_lets_go(caplog: pytest.LogCaptureFixture) -> None:
    """Where it cannot, it says how much is in doubt."""
    setting = Setting()
    setting.intake.join()
    setting.publisher.tick(1, 2)
    setting.bring()
    setting.work_off()
    setting.engine.fail("acknowledge", EngineUnavailable("no answer"))
    setting.intake.end()
    assert "close" in setting.engine.calls
    assert "not confirmed 2 acknowledgements: EngineUnavailable" in caplog.text
