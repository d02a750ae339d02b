"""Callers in a client's process: threads that ask, wait for the answer, and ask again."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from itertools import count
from typing import Any

from job import Job
from meter import WARM, cpu_seconds, percentiles
from ours import ORDER

__all__ = ["in_turn", "measure"]

LEAST = 200
"""How many requests are made before anything is measured."""


def in_turn(connection: Any) -> Callable[[], object]:
    """Return what sends one request and receives its answer; threads take turns at a lock."""
    lock = threading.Lock()
    ids = count(1)

    def ask() -> object:
        frame = json.dumps({"id": f"msg:{next(ids)}", "method": "order", **ORDER})
        with lock:
            connection.send(frame)
            return json.loads(connection.recv())

    return ask


def measure(job: Job, driver: Callable[[Job], Callable[[], object]]) -> dict[str, float]:
    """Let `job.callers` threads ask for `job.seconds`; return rate, cost and quantiles in us."""
    ask = driver(job)
    for _ in range(LEAST):
        ask()
    took: list[list[int]] = [[] for _ in range(job.callers)]
    failures: list[BaseException] = []

    def call(mine: list[int]) -> None:
        note, now = mine.append, time.perf_counter_ns
        try:
            while True:
                began = now()
                ask()
                note(now() - began)
        except BaseException as error:
            failures.append(error)

    for mine in took:
        threading.Thread(target=call, args=(mine,), daemon=True).start()
    time.sleep(job.seconds * WARM)
    first = [len(mine) for mine in took]
    begun, cpu = time.monotonic(), cpu_seconds()
    time.sleep(job.seconds)
    last = [len(mine) for mine in took]
    seconds, cpu = time.monotonic() - begun, cpu_seconds() - cpu
    if failures:
        raise failures[0]
    all_of_them = [
        value
        for mine, begin, end in zip(took, first, last, strict=True)
        for value in mine[begin:end]
    ]
    if not all_of_them:
        raise TimeoutError("no answer in the window")
    asked = len(all_of_them)
    return {"rate": asked / seconds, "cpu_us": cpu / asked * 1e6} | percentiles(all_of_them)
