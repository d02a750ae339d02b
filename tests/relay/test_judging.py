"""Judging: what the engine is asked about entries that are missing, and what that means."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import pytest
from entries import STREAM, Publisher
from faulty import FaultyEngine

from venuesdk.relay import EngineUnavailable, MemoryEngine, MemoryStore, Position
from venuesdk.relay.asking import Asking
from venuesdk.relay.custody import Custody, Hole
from venuesdk.relay.judging import NAMESAKE_FOR, SHARED_FOR, Judging
from venuesdk.relay.plan import plan_of
from venuesdk.relay.telling import Telling
from venuesdk.testing import FakeClock
from venuesdk.timing import Backoff

HOLE = Hole(STREAM, 2, True, Position(7, 4))
"""Entries 2 and 3 are missing."""


class Setting:
    """A reader that had entry 1 and has found a hole before entry 4."""

    def __init__(self) -> None:
        store = MemoryStore()
        self.publisher = Publisher(store)
        self.engine = FaultyEngine(MemoryEngine(store))
        self.custody = Custody()
        self.group = self._join(store)
        plan = plan_of("onyx:tickers", "g", "c", "venuesdk", True, 10, None, Backoff())
        telling = Telling(None, None, [].append, self.custody.__len__)
        asking = Asking(Backoff(), telling, threading.Event())
        self.judging = Judging(plan, self.engine, asking, self.custody, telling)

    def _join(self, store: MemoryStore) -> Any:
        self.publisher.tick(1)
        self.engine.join(STREAM, "g", True)
        self.engine.read([STREAM], "g", "c", 10, 0)
        self.custody.begin(STREAM, Position(7, 1), False)
        self.engine.calls.clear()
        return store.streams[STREAM].groups["g"]


@pytest.fixture
def clock() -> Iterator[FakeClock]:
    """Return a clock that the test moves."""
    with FakeClock() as one:
        yield one


def test_what_nobody_else_can_have_and_does_not_stand_any_more_is_lost() -> None:
    """The engine is asked what was cut off, who else is there, and what still stands."""
    setting = Setting()
    assert setting.judging.weigh(HOLE) == (0, 2)
    assert setting.engine.calls == ["lost", "alone", "stands"]


def test_what_was_cut_off_is_not_lost_by_the_engine() -> None:
    """However many are missing."""
    setting = Setting()
    setting.group.lost = 2
    assert setting.judging.weigh(HOLE) == (2, 0)


def test_a_group_with_others_is_not_asked_about_them_for_every_hole(clock: FakeClock) -> None:
    """Most of its holes are theirs; a while later they may have gone."""
    setting = Setting()
    setting.group.consumers.add("other")
    for _ in range(3):
        assert setting.judging.weigh(HOLE) == (0, 0)
    assert setting.engine.calls == ["lost", "alone", "lost", "lost"]
    setting.group.consumers.discard("other")
    clock.jump(SHARED_FOR)
    assert setting.judging.weigh(HOLE) == (0, 2)


def test_what_still_stands_was_handed_to_another_of_this_name(
    clock: FakeClock, caplog: pytest.LogCaptureFixture
) -> None:
    """It is warned of once; for an hour no hole counts as a loss, then it is looked at again."""
    setting = Setting()
    setting.publisher.tick(2, 4)
    for _ in range(2):
        assert setting.judging.weigh(HOLE) == (0, 0)
    assert setting.engine.calls == ["lost", "alone", "stands", "lost"]
    clock.jump(NAMESAKE_FOR)
    setting.engine.cut(STREAM, 0)
    setting.group.lost = 0
    assert setting.judging.weigh(HOLE) == (0, 2)
    said = [one.message for one in caplog.records if "names are for one" in one.message]
    assert said == ["another reader is called 'c' in group 'g' too: names are for one process each"]


def test_without_an_answer_nothing_is_judged() -> None:
    """The hole stays to be asked about; what was asked before is not remembered as an answer."""
    setting = Setting()
    setting.engine.fail("stands", EngineUnavailable("no answer"))
    with pytest.raises(EngineUnavailable):
        setting.judging.weigh(HOLE)
    assert setting.judging.weigh(HOLE) == (0, 2)
