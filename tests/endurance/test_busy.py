"""Two senders beside a busy stream over wss: the race that CPython's own TLS sockets lose."""

from __future__ import annotations

import platform
from typing import Any

import pytest
from figures import Figures

TABLE = "Two senders on a busy wss stream"


@pytest.mark.long
@pytest.mark.timeout(900)
def test_a_busy_tls_connection_does_not_end_by_itself(
    program: Any, full: bool, figures: Figures
) -> None:
    """It is the only one that was made; beside it, what websocket-client makes of the same."""
    found = program("busy.py", seconds=600 if full else 45)
    others = program("busy.py", "--plain", seconds=60 if full else 15)
    for one in (found, others):
        figures.add(
            TABLE,
            client=one["client"],
            python=platform.python_version(),
            seconds=one["seconds"],
            events=one["events"],
            answers=one["answers"],
            connections=one["connections"],
            lost=one["lost"],
            slowest_call_s=one.get("slowest", ""),
        )
