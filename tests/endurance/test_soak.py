"""Five clients that stream and ask under faults: memory, threads and descriptors stay flat."""

from __future__ import annotations

from typing import Any

import pytest
from figures import Figures

FULL = 3600
SHORT = 180


@pytest.mark.long
@pytest.mark.timeout(FULL + 300)
def test_hours_under_faults_leave_everything_flat(
    program: Any, full: bool, figures: Figures
) -> None:
    """For an hour, where there is time: the slope of the memory is next to nothing."""
    found = program("soak.py", "--seed", 3, seconds=FULL if full else SHORT)
    slopes, ranges = found["slopes_per_hour"], found["ranges"]
    figures.add(
        "Soak",
        seconds=round(found["seconds"]),
        warm_up_s=found["warm_up"],
        events=sum(found["events"].values()),
        calls=found["calls"]["calls"],
        faults=sum(found["faults"].values()),
        reconnects=found["reconnects"],
        rss_mib="{:.1f}–{:.1f}".format(*(kib / 1024 for kib in ranges["rss"])),
        rss_slope_kib_per_hour=round(slopes["rss"]),
        threads="{:.0f}–{:.0f}".format(*ranges["threads"]),
        descriptors="{:.0f}–{:.0f}".format(*ranges["descriptors"]),
        slots="{:.0f}–{:.0f}".format(*ranges["slots"]),
        queued="{:.0f}–{:.0f}".format(*ranges["queued"]),
        worst_overrun_s=found["worst_overrun"],
    )
    assert slopes["rss"] < (FLAT_KIB_PER_HOUR if full else SETTLING_KIB_PER_HOUR)


FLAT_KIB_PER_HOUR = 1024.0
"""How much the memory may grow in an hour, once it has settled."""
SETTLING_KIB_PER_HOUR = 60 * 1024.0
"""The same while it settles, in the short form: a MiB a minute."""
