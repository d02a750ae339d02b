"""Handing: what is in a consumer's hands; the rest is shown by the tests of the reader."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from entries import STREAM, Publisher, seen

from venuesdk.errors import ClientClosed
from venuesdk.models import Gap, GapReason
from venuesdk.relay import MemoryEngine, MemoryStore
from venuesdk.relay.custody import Custody
from venuesdk.relay.entry import Head, Kind, end_text
from venuesdk.relay.handing import Handing
from venuesdk.relay.intake import Intake
from venuesdk.relay.plan import plan_of
from venuesdk.relay.telling import Telling
from venuesdk.timing import Backoff, Deadline


class Setting:
    """What a reader has inside, without the reader."""

    def __init__(self) -> None:
        self.store = MemoryStore()
        self.publisher = Publisher(self.store)
        self.custody = Custody()
        self.stopping = threading.Event()
        self.said: list[Any] = []
        telling = Telling(self.said.append, None, self.said.append, self.custody.__len__)
        plan = plan_of("onyx:tickers", "g", "c", "venuesdk", True, 10, 60.0, Backoff())
        engine = MemoryEngine(self.store)
        intake = Intake(plan, engine, self.custody, telling, self.stopping)
        self.handing = Handing(self.custody, intake, telling, self.stopping)
        intake.join()


def test_what_is_in_hand_stays_next_until_it_is_done() -> None:
    """Whoever asks before gets it again; afterwards it is to be acknowledged."""
    setting = Setting()
    setting.publisher.tick(1, 2)
    handing = setting.handing
    assert handing.topic == ""
    assert seen([handing.next(Deadline(0)), handing.next(Deadline(0))]) == [1, 1]
    assert handing.topic == "tickers"
    handing.done()
    handing.done()
    assert seen([handing.next(Deadline(0))]) == [2]
    handing.take_back()
    handing.take_back()
    assert handing.delivered == 2
    assert seen([handing.next(Deadline(0))]) == [2]
    handing.drop()
    handing.drop()
    assert (setting.custody.unsettled, setting.custody.entries) == (1, 1)
    assert seen([handing.next(Deadline(0))]) == [2]
    assert handing.handed is not None and handing.handed.redelivered


def test_the_origin_of_a_gap_is_where_it_stands() -> None:
    """Before the event that follows it."""
    setting = Setting()
    places: list[Any] = []
    setting.handing._telling._on_gap = lambda gap: places.append(setting.handing.origin())
    setting.publisher.tick(1)
    setting.publisher.skip(2)
    setting.publisher.tick(4)
    handing = setting.handing
    handing.next(Deadline(0))
    handing.done()
    handing.next(Deadline(0))
    (place,) = places
    assert (place.stream, place.counter) == (STREAM, 4)


def test_the_end_of_a_topic_is_told_as_an_error_where_it_was_none_of_its_publishers() -> None:
    """The stream goes on: others may publish on it."""
    setting = Setting()
    setting.publisher.write(end_text(None), end_text(ValueError("no")), head=Head(Kind.END, "t"))
    setting.publisher.tick(1)
    assert seen([setting.handing.next(Deadline(0))]) == [1]
    assert [str(one) for one in setting.said] == ["ValueError: no"]


def test_the_deadline_holds_while_a_hole_waits_for_the_engine() -> None:
    """No event goes before its gap."""
    setting = Setting()
    setting.publisher.tick(1)
    setting.handing.next(Deadline(0))
    setting.handing.done()
    setting.publisher.skip(1)
    setting.publisher.tick(3)
    setting.handing._intake.bring(Deadline(0))
    setting.handing._intake._engine.close()
    with pytest.raises(TimeoutError):
        setting.handing.next(Deadline(0.05))
    assert not [one for one in setting.said if isinstance(one, Gap)]


def test_nothing_is_handed_on_once_the_reader_stops() -> None:
    """Not even what is here already."""
    setting = Setting()
    setting.publisher.tick(1, 2)
    setting.handing.next(Deadline(0))
    setting.stopping.set()
    with pytest.raises(ClientClosed):
        setting.handing.next(Deadline(0))


def test_what_cannot_be_read_leaves_a_gap_of_its_epoch() -> None:
    """And its error goes first."""
    setting = Setting()
    setting.publisher.write(b"no", head=Head(Kind.EVENT, "t", (), "tickers 1", 5))
    setting.publisher.tick(1)
    setting.handing.next(Deadline(0))
    assert setting.said[1:] == [Gap(GapReason.UNDECODABLE, 1, 5)]
    assert setting.handing.undecodable == 1
