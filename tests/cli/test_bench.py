"""``venuesdk bench``: figures that were measured."""

from __future__ import annotations

import json
import sys
import time
import uuid
from collections.abc import Callable
from pathlib import Path

import pytest

from venuesdk.cli import main

sys.path.insert(0, __file__.rpartition("/")[0])
from terminal import Terminal  # noqa: E402


def test_it_measures_and_says_what_of(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rates, round trips and start-up, each with its unit in its name; nothing was lost."""
    monkeypatch.setattr("venuesdk.cli.bench.STARTS", 1)
    assert main(["bench", "--seconds", "0.3", "--json"]) == 0
    figures = json.loads(capsys.readouterr().out)
    assert figures["inline_events_per_second"] > 0
    assert figures["thread_events_per_second"] > 0
    assert figures["inline_dropped"] == figures["thread_dropped"] == 0
    assert 0 < figures["round_trip_p50_seconds"] <= figures["round_trip_p99_seconds"] < 1
    assert figures["requests"] > 10
    # Without the interpreter's start the package's import may be less than noise, and nought then.
    assert figures["import_package_seconds"] < figures["import_client_seconds"]


def test_people_are_told_what_it_does_not_say(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The table ends with what the figures are not."""
    measured = {
        "machine": "CPython, 2 processors",
        **dict.fromkeys(("inline_events_per_second", "thread_events_per_second"), 200_000.4),
        **dict.fromkeys(("inline_dropped", "thread_dropped"), 0),
        "requests": 1_000,
        "round_trip_p50_seconds": 0.000_15,
        "round_trip_p99_seconds": 0.000_3,
        "import_package_seconds": 0.01,
        "import_client_seconds": 0.19,
    }
    monkeypatch.setattr("venuesdk.cli.bench.measure", lambda seconds: measured)
    assert main(["bench"]) == 0
    out = " ".join(capsys.readouterr().out.split())
    assert "200,000 /s" in out
    assert "150 µs" in out
    assert "190 ms" in out
    assert "no network, no TLS, no venue" in out


def processes_with(mark: str) -> list[int]:
    """Return the processes that have such a mark in their environment."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            marked = mark.encode() in (process / "environ").read_bytes()
        except OSError:  # of another user, or gone meanwhile
            continue
        if marked:
            found.append(int(process.name))
    return found


def until(done: Callable[[], bool]) -> bool:
    """Wait until it is done; return whether it ever was."""
    deadline = time.monotonic() + 10
    while not done() and time.monotonic() < deadline:
        time.sleep(0.01)
    return done()


def test_a_person_sees_how_long_it_takes_and_the_figures() -> None:
    """At a terminal, a table with units, and what the figures are not."""
    with Terminal("bench", "--seconds", "0.05") as terminal:
        assert terminal.end() == 0
    assert terminal.text.startswith("measuring for about 3 s …")
    for row in ("events to a callback", "round trip, median", "import of a client"):
        assert row in terminal.text
    assert "Both processes share its" in terminal.text


@pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="needs Linux's /proc")
def test_ctrl_c_leaves_no_server_behind() -> None:
    """The benchmark ends with 130 while it measures, and its server process with it."""
    mark = f"venuesdk-bench-{uuid.uuid4()}"
    with Terminal("bench", "--seconds", "5", env={"VENUESDK_TEST_MARK": mark}) as terminal:
        terminal.wait_for("measuring for about 18 s")
        # The server is there, and the threads of a client that listens to it.
        threads = Path(f"/proc/{terminal.pid}/task")
        assert until(lambda: len(processes_with(mark)) == 2 and len(list(threads.iterdir())) > 1)
        assert terminal.end("\x03") == 130
        assert until(lambda: processes_with(mark) == [])
    assert "Traceback" not in terminal.text
    assert "/s" not in terminal.text
