"""The program that a fault case runs: one client, one scenario, one report as JSON on stdout.

It is a process of its own, so that its memory, threads and descriptors are those of the client
alone, and so that a client that hangs can be killed. It reads its orders as JSON from stdin.
"""

from __future__ import annotations

import json
import logging
import resource
import sys
import threading
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))
sys.path.insert(0, str(Path(__file__).parent.parent.parent))

import loopback  # noqa: E402
from canaries import CANARIES  # noqa: E402
from faults.scenarios import SCENARIOS  # noqa: E402
from faults.stage import Stage  # noqa: E402
from faults.venue_scenarios import VENUE_SCENARIOS  # noqa: E402

ADDRESS_SPACE = 2 << 30
SETTLE = 2.0


class Listening(logging.Handler):
    """Keeps the names of the canaries that any log record of the process shows."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.leaks: set[str] = set()

    def emit(self, record: logging.LogRecord) -> None:
        self.leaks.update(CANARIES.found_in(f"{record.getMessage()} {vars(record)!r}"))
        if record.exc_info and record.exc_info[1] is not None:
            self.leaks.update(CANARIES.found_in(record.exc_info[1]))


def descriptors() -> int:
    """Return how many descriptors are open."""
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


def ours() -> list[str]:
    """Return the names of the product's threads; one that a name look-up holds may stay."""
    return [
        thread.name
        for thread in threading.enumerate()
        if thread.name.startswith("venuesdk-") and not thread.name.startswith("venuesdk-dns")
    ]


def main() -> None:
    """Play the scenario, and print what came of it."""
    resource.setrlimit(resource.RLIMIT_AS, (ADDRESS_SPACE, ADDRESS_SPACE))
    loopback.guard()
    orders = json.load(sys.stdin)
    listening = Listening()
    logging.basicConfig(level=logging.DEBUG, handlers=[listening])
    stage = Stage(orders)
    before = descriptors()
    {**SCENARIOS, **VENUE_SCENARIOS}[orders["scenario"]](stage)
    stage.close()
    # What a scenario leaves open on purpose is not waited for.
    deadline = time.monotonic() + (0.0 if stage.report.get("left_open") else SETTLE)
    while (ours() or descriptors() > before) and time.monotonic() < deadline:
        time.sleep(0.01)
    report = stage.report
    report["threads"] = ours()
    report["descriptors"] = descriptors() - before
    report["outside"] = loopback.outside
    report["leaks"] = sorted(listening.leaks | stage.leaks)
    report["ended"] = time.monotonic()
    print(json.dumps(report), flush=True)


if __name__ == "__main__":
    main()
