"""websockets.sync, the threaded client of websockets, with msgspec."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from callers import in_turn
from decoding import TWO_PASSES
from growing import memory_of
from job import Job
from starting import watch
from websockets.sync.client import connect

__all__ = ["idle", "memory", "requests", "stream"]


def stream(job: Job, on_event: Callable[[Any], object]) -> None:
    """Receive in a loop, as bytes, and decode each to the models."""
    decode = TWO_PASSES[job.shape]
    with _connect(job, "now") as connection:
        while True:
            on_event(decode(connection.recv(decode=False)))


def requests(job: Job) -> Callable[[], object]:
    """Return what sends one request and receives its answer."""
    return in_turn(_connect(job, "1"))


def idle(job: Job) -> dict[str, float]:
    """Connect clients, and do nothing; return the processor time of each in the window."""
    return watch(job, [_connect(job, "1") for _ in range(job.options["clients"])])


def memory(job: Job) -> dict[str, float]:
    """Return the memory of each idle client beyond the first."""
    return memory_of(job.options["clients"], lambda: _connect(job, "1"))


def _connect(job: Job, start: str) -> Any:
    return connect(job.url(start), ssl=job.context(), compression=None)
