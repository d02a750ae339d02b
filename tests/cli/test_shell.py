"""The shell: its subcommands, and what an error becomes."""

from __future__ import annotations

import pytest

from venuesdk import ConnectFailed, ConnectionLost, RequestRejected, VenueError
from venuesdk.cli import main
from venuesdk.cli.shell import COMMANDS, status_of


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


def test_an_unknown_subcommand_is_a_mistake(capsys: pytest.CaptureFixture[str]) -> None:
    """The status is 2, and the line goes to standard error."""
    assert main(["explode"]) == 2
    assert "explode" in capsys.readouterr().err
