"""The one-answer queues: who gets which answer, once, and who gets none."""

from __future__ import annotations

import threading
from queue import Empty

import pytest

from venuesdk.errors import ConnectionLost, RequestRejected
from venuesdk.session import slots as slots_module
from venuesdk.session.slots import Slot, Slots
from venuesdk.timing import Deadline, monotonic

PATIENCE = 5.0


def test_a_caller_gets_the_answer_that_was_put() -> None:
    """The answer may come before the wait or during it."""
    slot = Slot()
    slot.put(b"1")
    assert slot.wait(Deadline(PATIENCE)) == b"1"


def test_only_the_first_answer_counts() -> None:
    """A duplicate is never seen."""
    slot = Slot()
    slot.put(b"first")
    slot.put(b"second")
    assert slot.wait(Deadline(0)) == b"first"


def test_an_answer_that_is_an_exception_is_raised() -> None:
    """Both by waiting and by a last look."""
    for read in (lambda slot: slot.wait(Deadline(0)), Slot.take):
        slot = Slot()
        error = RequestRejected("no")
        slot.put(error)
        with pytest.raises(RequestRejected) as caught:
            read(slot)
        assert caught.value is error


def test_a_wait_ends_at_its_deadline() -> None:
    """Not before it, and with Empty."""
    started = monotonic()
    with pytest.raises(Empty):
        Slot().wait(Deadline(0.05))
    assert monotonic() - started >= 0.05
    with pytest.raises(Empty):
        Slot().take()


def test_a_long_wait_is_made_of_short_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    """So Ctrl-C can come between; the answer still comes whenever it comes, without a limit too."""
    monkeypatch.setattr(slots_module, "SLICE", 0.001)
    slot = Slot()
    timer = threading.Timer(0.05, slot.put, (b"late",))
    timer.start()
    assert slot.wait(Deadline(None)) == b"late"
    timer.join()


def test_a_slot_is_found_once_by_its_id() -> None:
    """Who answers takes it away; a second answer finds nobody."""
    slots, slot = Slots(), Slot()
    slots.open(1, slot)
    assert len(slots) == 1
    assert slots.pop(2) is None
    assert slots.pop(1) is slot
    assert slots.pop(1) is None
    assert len(slots) == 0


def test_failing_all_gives_each_its_own_exception() -> None:
    """Nobody is left waiting, and no two callers share an exception."""
    slots = Slots()
    waiting = [Slot() for _ in range(8)]
    for number, slot in enumerate(waiting):
        slots.open(number, slot)
    slots.fail_all(lambda: ConnectionLost("cut", outcome_unknown=True))
    errors = []
    for slot in waiting:
        with pytest.raises(ConnectionLost) as caught:
            slot.take()
        errors.append(caught.value)
    assert len({id(error) for error in errors}) == 8
    assert len(slots) == 0


def test_who_waits_can_be_looked_at_without_the_lock() -> None:
    """By id, with what was asked and since when; oldest first."""
    slots, before = Slots(), monotonic()
    slots.open(1, Slot("first"))
    slots.open(2, Slot())
    (one, first), (two, second) = slots.waiting()
    assert (one, first.method) == (1, "first")
    assert (two, second.method) == (2, "")
    assert before <= first.since <= second.since <= monotonic()
