"""Choose the inputs that are worth keeping: those that reach what no kept one does, smallest first.

    python tests/fuzzing/distil.py frames found 8

copies at most eight files of the directory ``found`` to ``corpus/frames``: each reaches a step from
line to line of the product that neither the documented frames nor a smaller input of them reach.
Those that reach most come first; where none does, the longest is kept.
"""

from __future__ import annotations

import hashlib
import logging
import sys
from collections.abc import Iterable
from pathlib import Path
from types import FrameType
from typing import Any

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE.parent), str(HERE.parent.parent)]

from fuzzing.seeds import seeds_of  # noqa: E402
from fuzzing.targets import TARGETS  # noqa: E402

PRODUCT = str(HERE.parent.parent / "venuesdk")
LONGEST = 8_000

Step = tuple[str, int, int]


def reached(name: str, data: bytes) -> set[Step]:
    """Return the steps from line to line that an input takes through the product."""
    steps: set[Step] = set()

    def enter(frame: FrameType, event: str, argument: Any) -> Any:
        if not frame.f_code.co_filename.startswith(PRODUCT):
            return None
        here, before = frame.f_code.co_filename, frame.f_lineno

        def line(frame: FrameType, event: str, argument: Any) -> Any:
            nonlocal before
            steps.add((f"{here} {event}", before, frame.f_lineno))
            before = frame.f_lineno
            return line

        return line

    sys.settrace(enter)
    try:
        TARGETS[name](data)
    finally:
        sys.settrace(None)
    return steps


def distilled(name: str, inputs: Iterable[bytes], most: int) -> list[bytes]:
    """Return the inputs to keep."""
    known: set[Step] = set()
    for seed in seeds_of(name):
        known |= reached(name, seed)
    gained: list[tuple[int, bytes]] = []
    data = b""
    for data in sorted(inputs, key=len):
        new = reached(name, data) - known
        if new:
            known |= new
            gained.append((len(new), data))
    gained.sort(key=lambda pair: -pair[0])
    return [data for _, data in gained[:most]] or [data]


def main() -> None:
    """Distil the directory that the command line names."""
    logging.disable()
    name, directory, most = sys.argv[1:]
    files = [path for path in Path(directory).iterdir() if path.stat().st_size <= LONGEST]
    target = HERE / "corpus" / name
    target.mkdir(parents=True, exist_ok=True)
    for data in distilled(name, [path.read_bytes() for path in files], int(most)):
        (target / hashlib.sha1(data, usedforsecurity=False).hexdigest()[:12]).write_bytes(data)


if __name__ == "__main__":
    main()
