"""``venuesdk simulate`` as a process: what it prints, and its fault switches."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from venuesdk import FuzeClient, State
from venuesdk.cli import main

sys.path.insert(0, __file__.rpartition("/")[0])
from terminal import Terminal  # noqa: E402

ROOT = Path(__file__).parent.parent.parent


@contextmanager
def simulator(*arguments: str) -> Iterator[tuple[subprocess.Popen[str], dict[str, str]]]:
    """Start one, and yield it with what its first lines say."""
    process = subprocess.Popen(
        [sys.executable, "-m", "venuesdk", "simulate", *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert process.stdout is not None
    try:
        facts: dict[str, str] = {}
        while "faults" not in facts:
            name, _, value = process.stdout.readline().strip().partition(" ")
            facts[name] = value.strip()
        yield process, facts
    finally:
        process.kill()
        process.communicate()


def test_it_prints_how_to_reach_the_venue_and_takes_switches() -> None:
    """The address answers; a line on standard input turns a fault on; Ctrl-C ends it cleanly."""
    with simulator("onyx", "--seed", "3") as (process, facts):
        assert {"url", "token", "faults"} <= set(facts)
        assert "drop" in facts["faults"].split()
        assert process.stdin is not None
        assert process.stdout is not None
        with connect(facts["url"]) as link:
            link.send(json.dumps({"id": "1", "method": "auth", "token": facts["token"]}))
            assert json.loads(link.recv(timeout=5))["method"] == "auth"
            process.stdin.write("close_with 1012 maintenance\n")
            process.stdin.flush()
            assert process.stdout.readline().split() == [
                "fault",
                "close_with",
                "1012",
                "maintenance",
            ]
            with pytest.raises(ConnectionClosed):
                while True:
                    link.recv(timeout=5)
            assert link.close_code == 1012
        process.send_signal(signal.SIGINT)
        assert process.wait(5) == 130


def test_an_unknown_switch_is_told_and_changes_nothing(tmp_path: Path) -> None:
    """The name is refused on standard error, and the simulator goes on."""
    with simulator("fuze") as (process, facts):
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write("explode\n\nmute\n")
        process.stdin.flush()
        assert process.stdout.readline().split() == ["fault", "mute"]
        assert facts["url"].startswith("ws://127.0.0.1:")


def test_it_can_stop_by_itself() -> None:
    """With --seconds it ends after that time, with status 0."""
    with simulator("timex", "--seconds", "0.05") as (process, _):
        assert process.wait(5) == 0


def test_programs_are_told_how_to_reach_it() -> None:
    """All of it is one line of JSON, with credentials that are made up."""
    run = subprocess.run(
        [sys.executable, "-m", "venuesdk", "simulate", "loopring", "--json", "--seconds", "0"],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=30,
        check=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    facts = json.loads(run.stdout)
    assert facts["kind"] == "serving"
    assert facts["url"].startswith("ws://127.0.0.1:")
    assert facts["http_url"].startswith("http://127.0.0.1:")
    assert "api_key" in facts["credentials"]
    assert "drop" in facts["faults"]


@pytest.mark.parametrize(
    "wrong", [["--port", "99999"], ["--port", "-1"], ["--interval", "nan"], ["--interval", "0"]]
)
def test_a_port_or_an_interval_that_there_is_not_is_a_mistake(
    wrong: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    """It is told in a line, and nothing is started."""
    assert main(["simulate", "onyx", "--seconds", "0", *wrong]) == 2
    captured = capsys.readouterr()
    assert "Error: Invalid value" in captured.err
    assert not captured.out


def test_a_person_types_switches_and_leaves_by_ctrl_c() -> None:
    """At a terminal it says how to reach it, takes what is typed, and ends with 130."""
    with Terminal("simulate", "fuze") as terminal:
        terminal.wait_for("faults  ", "refuse_login", "\n")
        facts = dict(line.split()[:2] for line in terminal.text.splitlines())
        with FuzeClient(
            url=facts["url"], api_key=facts["api_key"], api_secret=facts["api_secret"]
        ) as client:
            quotes = client.subscribe_quotes("BTC_USD")
            assert quotes.get(timeout=5).symbol == "BTC_USD"
            terminal.press("explode\nclose_with 1012\n")
            terminal.wait_for("venuesdk: ", "fault        close_with 1012")
            assert client.wait_state(State.CONNECTED, epoch=2, timeout=5)
        assert terminal.end("\x03") == 130
    assert "Traceback" not in terminal.text
