"""``venuesdk watch``, on a terminal and into a pipe."""

from __future__ import annotations

import json
import subprocess
import sys
import termios
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from venuesdk.cli import main
from venuesdk.cli.watch import FRAME
from venuesdk.testing import simulate

sys.path.insert(0, __file__.rpartition("/")[0])
from terminal import ROOT, Terminal, environment  # noqa: E402

SHOW_CURSOR = "\x1b[?25h"


def test_a_terminal_gets_a_table_that_is_redrawn_eight_times_a_second_at_most() -> None:
    """Under a flood too; it ends by itself, and gives the terminal back as it was."""
    with simulate("onyx", interval=0.002) as venue:
        token = venue.credentials["token"]
        with Terminal(
            "watch", "onyx", "tickers:brt", "dashboards", "--url", venue.url, "--seconds", "0.8",
            env={"VENUESDK_ONYX_TOKEN": token},
        ) as terminal:  # fmt: skip
            assert terminal.end() == 0
            assert "● connected" in terminal.text
            assert "brtm25" in terminal.text
            assert "conflated" in terminal.text
            assert token not in terminal.raw
            # One picture begins with the head; the first and the last stand outside of the rhythm.
            assert 3 <= terminal.raw.count("● connected") <= 0.8 / FRAME + 2
            assert terminal.raw.rstrip().endswith(SHOW_CURSOR)


def test_a_lost_connection_is_seen_and_ctrl_c_ends_it_cleanly() -> None:
    """The state, the gap and the return are on the screen; the status is 130, without a trace."""
    with simulate("onyx") as venue, Terminal(
        "watch", "onyx", "tickers:brt", "--url", venue.url,
        env={"VENUESDK_ONYX_TOKEN": venue.credentials["token"], "NO_COLOR": "1"},
    ) as terminal:  # fmt: skip
        terminal.wait_for("brtm25")
        venue.drop()
        terminal.wait_for("reconnecting: ", "connected again", "gap in tickers:brt: reconnected")
        assert terminal.end("\x03") == 130
        assert "Traceback" not in terminal.text
        assert terminal.raw.rstrip().endswith(SHOW_CURSOR)
        assert termios.tcgetattr(terminal.theirs) == terminal.modes
        # Bold and dim may stay; colours may not.
        assert "\x1b[32m" not in terminal.raw


def test_a_pipe_gets_lines_of_json(capsys: pytest.CaptureFixture[str]) -> None:
    """So many events as were asked for, and changes of state as records of their own."""
    assert main(["watch", "onyx", "tickers:dub", "server_info", "--sim", "--count", "3"]) == 0
    records = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [one["kind"] for one in records][:2] == ["state", "state"]
    events = [one for one in records if one["kind"] == "event"]
    assert len(events) == 3
    assert {one["topic"] for one in events} <= {"tickers:dub", "server_info"}
    assert records[-1] == events[-1]


@contextmanager
def piped(*arguments: str) -> Iterator[subprocess.Popen[str]]:
    """Run the command with its output in a pipe."""
    process = subprocess.Popen(
        [sys.executable, "-m", "venuesdk", *arguments],
        cwd=ROOT,
        env=environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


@pytest.mark.parametrize(
    ("arguments", "lines"),
    [
        (["watch", "onyx", "tickers:dub", "--sim"], 1),
        (["--help"], 0),
        (["call", "timex", "balances", "--sim"], 0),
    ],
)
def test_a_closed_pipe_ends_it_without_a_word(arguments: list[str], lines: int) -> None:
    """As in ``venuesdk watch … | head -1``, whether lines, help or pictures are written."""
    with piped(*arguments) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        for _ in range(lines):
            assert json.loads(process.stdout.readline())["kind"] == "state"
        process.stdout.close()
        assert process.wait(10) == 141
        assert process.stderr.read() == ""


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        (["infinex", "ticker:BTC", "--sim"], 2, "no streams"),
        (["onyx", "nonsense", "--sim"], 2, "there are tickers:PRODUCT"),
        (["onyx", "--sim"], 2, "TOPIC"),
        (["onyx", "tickers:unobtainium", "--sim"], 1, "AuthenticationError"),
        (["onyx", "tickers:dub"], 2, "VENUESDK_ONYX_TOKEN"),
    ],
)
def test_what_cannot_be_watched_is_told(
    arguments: list[str], status: int, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """A mistake is 2, a refusal of the venue 1."""
    assert main(["watch", *arguments]) == status
    assert said in capsys.readouterr().err


def test_a_venue_that_is_not_there_is_certainly_not_reached(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], canaries: Any
) -> None:
    """The status is 3, and no credential is in what is told."""
    monkeypatch.setenv("VENUESDK_ONYX_TOKEN", canaries.token)
    assert main(["watch", "onyx", "tickers:dub", "--url", "ws://127.0.0.1:1/?a=b"]) == 3
    captured = capsys.readouterr()
    assert "ConnectFailed" in captured.err
    assert not canaries.found_in(captured.out + captured.err)
