"""Turns: one thread at a time."""

from __future__ import annotations

import threading

import pytest

from venuesdk.relay.turns import Turns
from venuesdk.timing import Deadline


def test_one_at_a_time_in_the_order_in_which_they_came() -> None:
    """Who has had a turn and wants another stands behind those who wait."""
    turns, order, waits = Turns(), [], threading.Event()

    def other() -> None:
        waits.set()
        with turns.turn(Deadline(5)):
            order.append("other")

    thread = threading.Thread(target=other)
    with turns.turn(Deadline(5)):
        thread.start()
        waits.wait(5)
        while len(turns._line) < 2:
            threading.Event().wait(0.001)
        order.append("first")
    with turns.turn(Deadline(5)):
        order.append("again")
    thread.join(5)
    assert order == ["first", "other", "again"]


def test_a_turn_that_does_not_come_is_given_up() -> None:
    """At the deadline; nobody waits for who has gone."""
    turns = Turns()
    errors: list[str | None] = []

    def ask() -> None:
        try:
            with turns.turn(Deadline(0)):
                errors.append(None)
        except TimeoutError as error:
            errors.append(str(error))

    other = threading.Thread(target=ask)
    with turns.turn(Deadline(5)):
        other.start()
        other.join(5)
    with turns.turn(Deadline(0)):
        assert errors == ["another thread is still asking the engine"]


def test_what_an_interrupt_left_in_the_line_keeps_nobody_waiting() -> None:
    """Neither the thread that left it there, nor others where that thread has ended."""
    turns = Turns()
    ended = threading.Thread(target=turns._line.append, args=(threading.current_thread(),))
    ended.start()
    ended.join(5)
    turns._line.append(ended)
    with turns.turn(Deadline(0)):
        assert list(turns._line) == [threading.current_thread()]
    assert not turns._line


def test_an_interrupt_gives_the_turn_back() -> None:
    """Whatever ends what was asked."""
    turns = Turns()
    with pytest.raises(KeyboardInterrupt), turns.turn(Deadline(0)):
        raise KeyboardInterrupt
    with turns.turn(Deadline(0)):
        pass
