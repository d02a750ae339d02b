"""Stacks: which threads have to do with a client, where they are, and which lock each has.

For looking from outside, while whatever is wrong goes on: no lock is kept, and none of Python's own
that the interrupted code may hold is taken. Files, lines and functions are shown, no variable.
"""

from __future__ import annotations

import os
import re
import sys
import threading
from pathlib import Path
from types import FrameType
from typing import Any

from .session import Session

__all__ = ["lock_holders", "threads_of"]

LOCK_PATIENCE = 0.1
"""Seconds after which a lock that another thread has is said to be held."""
DEEPEST = 64
"""How many frames of a stack are shown, the innermost."""
OURS = str(Path(__file__).parent.parent) + os.sep


def lock_holders(session: Session) -> dict[str, str]:
    """Return who has each lock of a session; gives up on each after a moment."""
    return {name: _holder(lock) for name, lock in _locks(session)}


def _locks(session: Session) -> list[tuple[str, Any]]:
    return [("session", session.standing.lock), ("delivery", session.delivery.lock)]


def _holder(lock: Any) -> str:
    """Return who has a lock; gives up after a moment."""
    # list.extend takes the lock and remembers it in one step: a Ctrl-C cannot come between.
    taken: list[bool] = []
    try:
        taken.extend(map(lock.acquire, (True,), (LOCK_PATIENCE,)))
    finally:
        if taken and taken[-1]:
            lock.release()
    if taken[-1]:
        return "free"
    owner = _owner(lock)
    who = "another thread" if owner is None else _name_of_thread(owner)
    return f"held by {who} for at least {LOCK_PATIENCE} s"


def _owner(lock: Any) -> int | None:
    """Return the thread that has a lock, where its text tells, as CPython's does."""
    found = re.search(r"owner=([1-9]\d*)", repr(lock))
    return None if found is None else int(found[1])


def _known_threads() -> dict[int, threading.Thread]:
    # What threading.enumerate() returns, without its lock, which the interrupted code may hold.
    known: dict[int, threading.Thread] = dict(getattr(threading, "_active", {}))
    return known


def _name_of_thread(ident: int) -> str:
    thread = _known_threads().get(ident)
    return f"thread {ident}" if thread is None else thread.name


def threads_of(session: Session) -> list[dict[str, Any]]:
    """Return the session's own threads, and all that run its callbacks, hold its locks, or call."""
    frames, known = sys._current_frames(), _known_threads()
    roles: dict[int, list[str]] = {}
    ended: list[dict[str, Any]] = []
    for worker in session.workers():
        ident = worker.ident
        # The number of a thread that has ended may be another's by now.
        if ident is not None and known.get(ident) is worker:
            roles.setdefault(ident, []).append("the client's own")
        else:
            ended.append({"name": worker.name, "role": "the client's own, not running"})
    runner = session.delivery.runner
    if runner is not None:
        roles.setdefault(runner, []).append("runs its callbacks")
    for name, lock in _locks(session):
        owner = _owner(lock)
        if owner is not None:
            roles.setdefault(owner, []).append(f"has the {name} lock")
    me = threading.get_ident()
    for ident, frame in frames.items():
        if ident != me and ident not in roles and _calls_us(frame, known.get(ident)):
            roles[ident] = ["is inside the SDK"]
    roles.setdefault(me, []).append("takes this dump")
    return [
        {
            "name": known[ident].name if ident in known else f"thread {ident}",
            "role": ", ".join(what),
            "stack": _stack(frames.get(ident)),
        }
        for ident, what in roles.items()
    ] + ended


def _calls_us(frame: FrameType | None, thread: threading.Thread | None) -> bool:
    """Return whether a thread of the user's is in our code; those of other clients are not."""
    if thread is not None and thread.name.startswith("venuesdk-"):
        return False
    while frame is not None:
        if frame.f_code.co_filename.startswith(OURS):
            return True
        frame = frame.f_back
    return False


def _stack(frame: FrameType | None) -> list[str]:
    """Return where a thread is: file, line and function, innermost last, and no variable."""
    lines: list[str] = []
    while frame is not None and len(lines) < DEEPEST:
        code = frame.f_code
        name = getattr(code, "co_qualname", code.co_name)
        lines.append(f"{code.co_filename}:{frame.f_lineno} in {name}")
        frame = frame.f_back
    return lines[::-1]
