"""What 32 threads do to ten clients at random: nothing hangs, nothing is lost, nothing leaks."""

from __future__ import annotations

from typing import Any

import pytest
from figures import Figures

SCHEMES = pytest.mark.parametrize("tls", [False, True], ids=["ws", "wss"])


@pytest.mark.long
@pytest.mark.timeout(300)
@SCHEMES
def test_threads_may_do_anything_at_any_time(program: Any, tls: bool, figures: Figures) -> None:
    """The same, for a minute: no deadlock, no lost slot, no leaked thread."""
    seconds = 60
    found = program("stress.py", "--seed", 7, *["--tls"][:tls], seconds=seconds)
    counts = found["counts"]
    figures.add(
        "Concurrency stress",
        scheme="wss" if tls else "ws",
        seed=found["seed"],
        seconds=seconds,
        threads=found["threads"],
        steps=found["steps"],
        calls=counts["call"],
        subscriptions=counts["subscribe"],
        clients=counts["clients"],
        cuts=counts["faults"],
        deadlocks=0,
        slots_lost=found["slots_lost"],
        threads_left=found["threads_left"],
        descriptors_left=found["descriptors_left"],
        late=found["late"],
        worst_overrun_s=found["worst_overrun"],
    )
