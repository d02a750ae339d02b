"""What a client holds after many reconnects: what it held after the first ten."""

from __future__ import annotations

from typing import Any

import pytest
from figures import Figures

from venuesdk import venues

GROWTH_KIB = 4096.0
"""How much the memory may grow: 4 KiB for each reconnect, where one connection has buffers of 64.

Objects of the product are counted, and may not become more at all; this is for all else. What
the allocator keeps between connections settles within 2 MiB.
"""


def test_a_hundred_reconnects_leave_nothing_behind(program: Any) -> None:
    """No thread, descriptor, slot or object is there that was not after the first ten."""
    assert program("reconnects.py", "--venue", "timex", "--times", 100)["reconnects"] == 100


@pytest.mark.long
@pytest.mark.timeout(300)
@pytest.mark.parametrize("tls", [False, True], ids=["ws", "wss"])
@pytest.mark.parametrize("venue", venues.names())
def test_hundreds_of_reconnects_leave_nothing_behind(
    program: Any, venue: str, tls: bool, full: bool, figures: Figures
) -> None:
    """Nor does the memory grow, and each stream was told of each gap."""
    times = 1000 if full else 300
    found = program("reconnects.py", "--venue", venue, "--times", times, *["--tls"][:tls])
    figures.add(
        "Reconnects",
        venue=venue,
        scheme="wss" if tls else "ws",
        reconnects=found["reconnects"],
        seconds=found["seconds"],
        gaps_told=found["gaps"],
        threads="{} → {}".format(*found["threads"]),
        descriptors="{} → {}".format(*found["descriptors"]),
        objects="{} → {}".format(*found["objects"]),
        slots=found["slots"],
        growth_kib=found["rss_growth_kib"],
        growth_kib_second_half=found["rss_growth_kib_second_half"],
    )
    assert found["rss_growth_kib"] < GROWTH_KIB
