"""The shell: its subcommands, and what an error becomes."""

from __future__ import annotations

import errno
import io
import os
import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.shell_completion import ShellComplete

from venuesdk import ConnectFailed, ConnectionLost, RequestRejected, VenueError
from venuesdk.cli import main
from venuesdk.cli.shell import COMMANDS, run, shell, status_of

ROOT = Path(__file__).parent.parent.parent


@pytest.mark.parametrize("name", COMMANDS)
def test_every_subcommand_has_its_own_help(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    """It is found by its name, and says how it is used."""
    assert main([name, "--help"]) == 0
    assert f"Usage: venuesdk {name}" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (RequestRejected("no", venue="onyx"), 1),
        (ConnectFailed("gone"), 3),
        (ConnectionLost("gone", outcome_unknown=True), 4),
    ],
)
def test_the_status_tells_what_became_of_a_request(error: VenueError, status: int) -> None:
    """Refused, certainly not sent, and unknown are three different things."""
    assert status_of(error) == status


@pytest.mark.parametrize(("before", "after"), [(0, 1), (4, 4)])
def test_what_could_not_be_written_at_the_end_is_a_failure(
    before: int, after: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A full disk is told in a line, and takes no other status away."""

    class Full(io.StringIO):
        def flush(self) -> None:
            raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("sys.stdout", Full())
    monkeypatch.setattr("venuesdk.cli._run", lambda arguments: before)
    assert main([]) == after
    assert capsys.readouterr().err == "venuesdk: [Errno 28] No space left on device\n"


def test_an_unknown_subcommand_is_a_mistake(capsys: pytest.CaptureFixture[str]) -> None:
    """The status is 2, and the line goes to standard error."""
    assert main(["explode"]) == 2
    assert "explode" in capsys.readouterr().err


def test_the_help_names_every_subcommand(capsys: pytest.CaptureFixture[str]) -> None:
    """With what it does, and what each exit status means."""
    assert main(["--help"]) == 0
    out = capsys.readouterr().out
    assert all(f"  {name} " in out for name in COMMANDS)
    assert "4 the outcome is unknown" in " ".join(out.split())


@pytest.mark.parametrize(
    ("arguments", "left_alone"),
    [
        (["--version"], ("rich", "msgspec", "websocket", "venuesdk.client", "venuesdk.cli.target")),
        (["--help"], ("rich", "msgspec", "websocket", "venuesdk.client", "venuesdk.cli.target")),
        (["call", "--help"], ("rich", "msgspec", "websocket", "venuesdk.client")),
    ],
)
def test_what_only_prints_loads_no_client(
    arguments: list[str], left_alone: tuple[str, ...]
) -> None:
    """So that help, and a shell that completes a line, are there at once."""
    run = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "venuesdk", *arguments],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=30,
        check=True,
    )
    loaded = {line.rpartition("|")[2].strip() for line in run.stderr.splitlines()}
    assert "click" in loaded
    assert not loaded & set(left_alone)


@pytest.mark.parametrize(
    ("line", "offered"),
    [
        ("venuesdk wa", {"watch"}),
        ("venuesdk watch o", {"onyx"}),
        ("venuesdk watch loopring t", {"ticker:LRC-ETH", "trades:LRC-ETH"}),
        ("venuesdk record fuze q", {"quotes:BTC_USD"}),
        ("venuesdk relay onyx t", {"tickers:dub"}),
        ("venuesdk call timex ca", {"cancel_order"}),
        ("venuesdk book timex E", {"ETHAUDT"}),
        ("venuesdk book lo", {"loopring"}),
        ("venuesdk book on", set()),
        ("venuesdk call timex place_order s", {"symbol=", "side="}),
        ("venuesdk call timex place_order symbol=ETHAUDT s", {"side="}),
        ("venuesdk call timex open_orders --json s", {"size="}),
        ("venuesdk call timex place_order symbol = ETHAUDT s", {"side="}),  # as bash splits it
        ("venuesdk call timex place_order symbol = s", set()),
        ("venuesdk call timex place_order symbol =", set()),
        ("venuesdk call timex place_order symbol=s", set()),
        ("venuesdk call timex nonsense s", set()),
    ],
)
def test_a_shell_completes(line: str, offered: set[str]) -> None:
    """Subcommands, venues, topics, methods, their arguments and markets."""
    words = line.split()
    found = ShellComplete(shell, {}, "venuesdk", "_VENUESDK_COMPLETE").get_completions(
        words[1:-1], words[-1]
    )
    assert {one.value for one in found} == offered


@pytest.mark.parametrize(
    ("asking", "current", "said"),
    [
        ("bash", "2", "plain,onyx\n"),
        ("zsh", "2", "plain\nonyx\n_\n"),  # kind, value, and _ for no description
        ("fish", "o", "plain,onyx\n"),
    ],
)
def test_a_shell_is_answered_as_it_asks(asking: str, current: str, said: str) -> None:
    """The installed command completes when the variable of click's own script is set."""
    answer = subprocess.run(
        [sys.executable, "-m", "venuesdk"],
        env={
            **os.environ,
            "PYTHONPATH": str(ROOT),
            "_VENUESDK_COMPLETE": f"{asking}_complete",
            "COMP_WORDS": "venuesdk watch o",
            "COMP_CWORD": current,
        },
        capture_output=True,
        text=True,
        timeout=30,
        check=True,
    )
    assert answer.stdout == said


def test_a_prompt_that_is_left_is_ctrl_c(monkeypatch: pytest.MonkeyPatch) -> None:
    """The status is that of an interrupt."""

    def left(*arguments: object, **options: object) -> None:
        raise click.exceptions.Abort

    monkeypatch.setattr(shell, "main", left)
    assert run([]) == 130


@pytest.mark.parametrize("library", ["rich.live", "click"])
def test_a_library_that_is_missing_is_named_with_its_extra(
    library: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whether it is found out at the start or when something is to be drawn."""
    monkeypatch.setitem(sys.modules, library, None)
    monkeypatch.delitem(sys.modules, "venuesdk.cli.shell")
    monkeypatch.setattr("venuesdk.cli.watch.is_for_people", lambda: True)
    assert main(["watch", "onyx", "tickers:dub", "--sim"]) == 2
    name = library.partition(".")[0]
    assert f"needs {name}: pip install 'venuesdk[cli]'" in capsys.readouterr().err
