"""Threads and locks, looked at from outside: who has what, and where each is."""

from __future__ import annotations

import threading
from collections.abc import Callable
from queue import SimpleQueue
from typing import Any

import pytest

from venuesdk.session import stacks as stacks_module
from venuesdk.session.stacks import lock_holders, threads_of

PATIENCE = 5.0


def named(desk: Any, name: str) -> dict[str, Any]:
    """Return what is said of the one thread with a name."""
    (found,) = [one for one in threads_of(desk.session) if one["name"] == name]
    return found


@pytest.mark.parametrize("which", ["session", "delivery"])
def test_the_thread_that_is_stuck_with_a_lock_is_named_with_its_stack(
    which: str, desk: Any, hold: Callable[[Any], None]
) -> None:
    """And the other lock is said to be free."""
    hold(desk.session.standing.lock if which == "session" else desk.delivery.lock)
    holders = lock_holders(desk.session)
    assert holders.pop(which) == "held by stuck-thread for at least 0.1 s"
    assert list(holders.values()) == ["free"]
    stuck = named(desk, "stuck-thread")
    assert stuck["role"] == f"has the {which} lock"
    assert any(line.endswith("stuck") for line in stuck["stack"])


def test_a_lock_is_left_as_it_was(desk: Any) -> None:
    """Also where the very thread that has it looks, as a signal handler may."""
    lock = desk.session.standing.lock
    with lock:
        assert lock_holders(desk.session) == {"session": "free", "delivery": "free"}
        assert "count=1" in repr(lock)
    assert repr(lock).startswith("<unlocked")


def test_the_clients_own_threads_are_there_and_those_of_others_are_not(
    desk: Any, open_desk: Any
) -> None:
    """Each client has threads of the same names."""
    open_desk().connect()
    assert "reader.py" in "".join(named(desk, "venuesdk-toy-reader")["stack"])
    assert named(desk, "venuesdk-toy-dispatch")["role"] == "the client's own"
    assert "takes this dump" in named(desk, threading.current_thread().name)["role"]


def test_a_thread_that_has_ended_has_no_stack(desk: Any) -> None:
    """Its number may be that of another one by now."""
    desk.close()
    for worker in desk.session.workers():
        worker._ident = threading.get_ident()
    ended = named(desk, "venuesdk-toy-reader")
    assert ended == {"name": "venuesdk-toy-reader", "role": "the client's own, not running"}


def test_a_very_deep_stack_is_cut_and_the_innermost_stays(desk: Any) -> None:
    """A recursion without end is the fault that one wants to see the end of."""
    found: SimpleQueue[list[str]] = SimpleQueue()

    def dig(depth: int) -> None:
        if depth:
            dig(depth - 1)
        else:
            found.put(named(desk, "digger")["stack"])

    digger = threading.Thread(target=dig, args=(200,), name="digger")
    digger.start()
    stack = found.get(timeout=PATIENCE)
    digger.join(PATIENCE)
    assert len(stack) == stacks_module.DEEPEST
    assert stack[-1].endswith("in threads_of")
