"""The wall clock jumps under a client, which judges by the monotonic one: nothing happens.

The client is a process of its own, whose wall clock alone is set; it needs no second host.
"""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from links.program import Here, Program

pytestmark = pytest.mark.long

LIMIT = 20.0
JUMPS = (3_600.0, -7_200.0, 10 * 365 * 86_400.0, -20 * 365 * 86_400.0)
"""Seconds: an hour forward, two back, and decades either way."""
MARGIN = 0.5

HERE = Path(__file__).parent


class Stage:
    """A venue, and clients in processes whose wall clocks can be set."""

    def __init__(self, stack: ExitStack, folder: Path, tls: Any) -> None:
        self._stack, self._folder, self._ca_file = stack, folder, tls.ca_file
        certificate = folder / "far.pem"
        issued = tls.authority.issue_cert("127.0.0.1")
        issued.private_key_and_cert_chain_pem.write_to_path(str(certificate))
        setting = {"certificate": str(certificate), "venues": ["timex"], "interval": 0.05}
        self.venue = self._start("far", address="127.0.0.1", **setting)
        self._place = self.venue.await_line("listening", LIMIT)["places"]["timex"]

    def trader(self) -> Program:
        """Start a client, connected."""
        options = {"ca_file": str(self._ca_file), **self._place["credentials"]}
        options["url"] = f"wss://127.0.0.1:{self._place['port']}{self._place['path']}"
        near = self._start("near", venue="timex", options=options, clock=True)
        near.await_line("ready", LIMIT)
        assert near.ask("connect", timeout=LIMIT)["error"] is None
        return near

    def _start(self, name: str, **setting: Any) -> Program:
        log = self._folder / f"{name}.log"
        program = Program(Here(), HERE / f"{name}.py", log, **setting)
        self._stack.callback(program.close)
        return program


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory, tls: Any) -> Iterator[Stage]:
    """Return a venue; it and its clients end with this module."""
    with ExitStack() as stack:
        yield Stage(stack, tmp_path_factory.mktemp("clock"), tls)


def jump(near: Program, by: float) -> None:
    """Set the clock, and see that it is set."""
    before = near.ask("clock", by=0.0)
    after = near.ask("clock", by=by)
    assert abs(after["now"] - before["now"] - by) < LIMIT


def test_a_wall_clock_that_jumps_disturbs_no_stream(stage: Stage) -> None:
    """While a stream comes in and calls are made, the clock may jump: nothing comes of it."""
    near = stage.trader()
    assert near.ask("subscribe")["error"] is None
    since = near.tell("trade", id="order", calls=40, timeout=LIMIT)
    for by in JUMPS:
        jump(near, by)
        event = near.await_line("event", LIMIT, near.ask("stats")["at"])
        near.await_line("event", LIMIT, event["at"] + 0.05)
    near.await_line("trade", LIMIT, since)
    stats = near.ask("stats")
    calls = near.find("read", since) + near.find("write", since)
    assert len(calls) == 4 * 40
    assert [line for line in calls if line["error"] is not None] == []
    assert (stats["state"], stats["gaps"], stats["reconnects"]) == ("connected", 0, 0)
    assert near.find("trouble") == []
    assert [line["state"] for line in near.find("state")] == ["connecting", "connected"]


def test_a_wall_clock_that_jumps_calls_for_no_heartbeat(stage: Stage) -> None:
    """An idle client neither sends a heartbeat nor gives up, however long it seems to have been."""
    near = stage.trader()
    assert near.ask("read", timeout=LIMIT)["error"] is None
    before = near.ask("stats")
    for by in JUMPS:
        jump(near, by)
        # Longer than the reader ever waits before it looks at the clock again.
        assert near.look_for("state", 0.4, near.ask("stats")["at"]) is None
    assert near.ask("stats")["frames_out"] == before["frames_out"]


@pytest.mark.skipif(not hasattr(signal, "SIGSTOP"), reason="no process can be stopped here")
@pytest.mark.parametrize("by", [3_600.0, -3_600.0])
def test_a_wall_clock_that_jumps_changes_no_timeout(stage: Stage, by: float) -> None:
    """A call that waits in vain ends when its time is up, wherever the clock has gone meanwhile."""
    near = stage.trader()
    stage.venue.stop()
    since = near.tell("read", id="in vain", timeout=1.0)
    jump(near, by)
    outcome = near.await_line("read", LIMIT, since, id="in vain")
    stage.venue.go_on()
    assert outcome["error"] == "RequestTimeout"
    assert 0.95 <= outcome["seconds"] <= 1.0 + MARGIN
    assert near.ask("read", timeout=LIMIT)["error"] is None
    assert near.ask("stats")["state"] == "connected"
