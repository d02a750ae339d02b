"""Counting what a process has: memory, threads, descriptors, and objects of the product."""

from __future__ import annotations

import gc
import os
import threading
from collections import Counter
from pathlib import Path
from typing import Any

from venuesdk.client import Client

__all__ = ["census", "descriptors", "objects", "open_slots", "rss_kib", "slope", "threads"]

_PAGE_KIB = os.sysconf("SC_PAGE_SIZE") / 1024


def rss_kib() -> float:
    """Return the resident memory of this process, in KiB."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * _PAGE_KIB


def threads() -> list[str]:
    """Return the names of all threads, but for those that look up names."""
    names = (thread.name for thread in threading.enumerate())
    return sorted(name for name in names if not name.startswith("venuesdk-dns"))


def descriptors() -> list[str]:
    """Return what every open descriptor is, without the one that this very look needs."""
    found = []
    for name in os.listdir("/proc/self/fd"):  # noqa: PTH208 - Path.iterdir keeps nothing open less
        try:
            found.append(f"{name} {os.readlink(f'/proc/self/fd/{name}')}")  # noqa: PTH115
        except OSError:
            continue
    return found


def objects() -> Counter[str]:
    """Return how many objects of each of the product's classes are alive."""
    gc.collect()
    kinds = (type(thing) for thing in gc.get_objects())
    return Counter(
        f"{kind.__module__}.{kind.__qualname__}"
        for kind in kinds
        if str(kind.__module__).startswith("venuesdk.")
    )


def open_slots(client: Client) -> int:
    """Return how many requests of a client wait for an answer, as its own table has it."""
    return len(client._session._slots)


def census() -> dict[str, Any]:
    """Count it all; objects first, since that frees what is garbage."""
    return {
        "objects": objects(),
        "threads": threads(),
        "descriptors": len(descriptors()),
        "rss": rss_kib(),
    }


def slope(times: list[float], values: list[float]) -> float:
    """Return by how much the values grow per second, by least squares."""
    middle, level = sum(times) / len(times), sum(values) / len(values)
    spread = sum((time - middle) ** 2 for time in times)
    pairs = zip(times, values, strict=True)
    return sum((time - middle) * (value - level) for time, value in pairs) / spread
