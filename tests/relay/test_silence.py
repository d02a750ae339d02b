"""Silence: a reader tells once of each, and of none that is none."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from entries import STREAM, Publisher, seen
from faulty import FaultyEngine

from venuesdk.models import Gap, GapReason
from venuesdk.relay import EngineUnavailable, MemoryEngine, MemoryStore, RelayReader
from venuesdk.relay import silence as silence_module
from venuesdk.relay.silence import Silence
from venuesdk.testing import FakeClock
from venuesdk.timing import Backoff

STALE = Gap(GapReason.STALE, None, 1)
OFFICE = "venuesdk:{onyx}"
DASHBOARDS = f"{OFFICE}:dashboards"


class Setting:
    """A reader that is told of silences of ten seconds, and what it says."""

    def __init__(self, **options: Any) -> None:
        self.store = MemoryStore()
        self.publisher = Publisher(self.store)
        self.engine = FaultyEngine(MemoryEngine(self.store))
        self.gaps: list[Gap] = []
        given: dict[str, Any] = {"stale_after": 10.0, "on_gap": self.gaps.append}
        self.reader = RelayReader(
            self.engine,  # type: ignore[arg-type]
            "g",
            "one",
            "onyx:tickers",
            on_error=[].append,
            reconnect=Backoff(initial=0.001, maximum=0.001),
            **given | options,
        )

    def wait(self, count: int = 1) -> None:
        """Ask for events so often that are not there."""
        for _ in range(count):
            with pytest.raises(TimeoutError):
                self.reader.get(0)


@pytest.fixture
def clock() -> Iterator[FakeClock]:
    """Return the clock of all that waits."""
    with FakeClock() as made:
        yield made


def test_each_silence_is_told_once_and_never_early(clock: FakeClock) -> None:
    """Any entry ends one; the gap is of the connection that the last entry was of."""
    setting = Setting()
    setting.publisher.tick(1)
    with setting.reader as reader:
        assert seen([reader.get(0)]) == [1]
        setting.wait()
        clock.jump(9)
        setting.wait()
        assert setting.gaps == []
        clock.jump(1.1)
        setting.wait(2)
        assert setting.gaps == [STALE]
        clock.jump(60)
        setting.wait()
        assert setting.gaps == [STALE]
        setting.publisher.tick(2)
        assert seen([reader.get(0)]) == [2]
        clock.jump(10.1)
        setting.wait(2)
        assert setting.gaps == [STALE, STALE]
        assert reader.origin is not None and reader.origin.stream == STREAM
        assert reader.stats.gaps == 2


def test_a_reader_of_a_stream_that_never_began_is_told(clock: FakeClock) -> None:
    """It waits for a publisher that perhaps nobody has started."""
    with (setting := Setting()).reader:
        clock.jump(10.1)
        setting.wait(2)
        assert setting.gaps == [Gap(GapReason.STALE, None, 0)]


def test_what_came_while_nobody_asked_is_no_silence(clock: FakeClock) -> None:
    """However long the consumer was busy with something else."""
    with (setting := Setting()).reader as reader:
        setting.publisher.tick(1, 2)
        clock.jump(100)
        assert seen([reader.get(0), reader.get(0)]) == [1, 2]
        setting.wait(2)
        assert setting.gaps == []


def test_one_stream_may_be_silent_beside_another(clock: FakeClock) -> None:
    """The gap goes before what came of the other afterwards."""
    with (setting := Setting()).reader as reader:
        reader._intake._begin(DASHBOARDS, True)
        clock.jump(10.1)
        setting.publisher.tick(1)
        assert seen([reader.get(0)]) == [1]
        setting.wait(2)
        assert setting.gaps == [Gap(GapReason.STALE, None, 0)]
        assert reader.origin is not None and reader.origin.stream == DASHBOARDS


def test_an_outage_of_the_engine_is_no_silence(clock: FakeClock) -> None:
    """Nothing could be read then; afterwards the time begins anew."""
    with (setting := Setting()).reader:
        setting.engine.fail("read", EngineUnavailable("no answer"))
        setting.wait()
        clock.jump(10.1)
        setting.wait(2)
        assert setting.gaps == []
        clock.jump(10.1)
        setting.wait(2)
        assert [gap.reason for gap in setting.gaps] == [GapReason.STALE]


def test_where_nobody_takes_it_it_is_logged(
    clock: FakeClock, caplog: pytest.LogCaptureFixture
) -> None:
    """With how long it was."""
    with caplog.at_level(logging.WARNING), (setting := Setting(on_gap=None)).reader:
        clock.jump(10.1)
        setting.wait(2)
    assert f"{STREAM} is stale: nothing came for 10 s" in caplog.messages


def test_a_callback_is_told_while_nothing_comes() -> None:
    """By the thread of the reader's own, within a second or so."""
    told = threading.Event()
    options = {"stale_after": 0.05, "on_gap": lambda gap: told.set(), "callback": print}
    with Setting(**options).reader:
        assert told.wait(5)


def test_a_reader_that_did_not_ask_for_it_is_told_of_nothing(clock: FakeClock) -> None:
    """A quiet market is no gap."""
    with (setting := Setting(stale_after=None)).reader:
        clock.jump(1000)
        setting.wait(2)
        assert setting.gaps == []


def test_a_stream_is_told_of_until_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that nothing is lost by Ctrl-C in between."""
    now = [0.0]
    monkeypatch.setattr(silence_module, "monotonic", lambda: now[0])
    silence = Silence(10.0)
    silence.ended(STREAM, 4)
    now[0] = 10.0
    assert silence.untold([STREAM]) == silence.untold([STREAM]) == [STREAM]
    silence.told(STREAM)
    assert silence.untold([STREAM]) == []
    silence.ended(STREAM, None)
    assert silence.epochs == {STREAM: 4}


def test_who_publishes_may_be_asked() -> None:
    """By venue and shard, each once."""
    setting = Setting()
    other = MemoryEngine(setting.store)
    wanted = ["onyx:tickers", "onyx:dashboards", "onyx.eu"]
    with RelayReader(MemoryEngine(setting.store), "g", "one", wanted) as reader:
        assert reader.publishing() == {"onyx": False, "onyx.eu": False}
        other.claim(OFFICE, "somebody", 60.0, 0)
        assert reader.publishing() == {"onyx": True, "onyx.eu": False}
        other.resign(OFFICE, "somebody")
        assert reader.publishing() == {"onyx": False, "onyx.eu": False}
    setting.reader.close()
