"""Whom a subcommand talks to, and where its credentials come from."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner

from venuesdk.cli.target import Target, target_options
from venuesdk.testing import simulate


@click.command()
@target_options
@click.option("--loud", is_flag=True)
def show(target: Target, loud: bool) -> None:
    """Say who it would be."""
    with target.client() as client:
        client.connect()
        click.echo(f"{client!r} {loud}")


@click.command()
@functools.partial(target_options, venue_required=False)
def show_any(target: Target) -> None:
    """Say whether there is one, and which credentials were pointed at."""
    click.echo(f"{target.venue!r} {sorted(target.given()) if target.venue else ''}")


def invoke(*arguments: str, **options: Any) -> Any:
    """Run it, and return what click says of it."""
    return CliRunner().invoke(show, arguments, **options)


def test_a_simulator_needs_no_credentials() -> None:
    """--sim starts one for the command, and the command's own options stay what they were."""
    assert invoke("onyx", "--sim", "--loud").output == "<OnyxClient connected> True\n"


@pytest.mark.parametrize("kind", ["env", "file"])
def test_a_credential_is_found_where_it_is_said_to_be(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A variable of any name, or a file without its line break; neither is printed."""
    with simulate("onyx") as venue:
        token = venue.credentials["token"]
        (tmp_path / "token").write_text(f"{token}\n")
        monkeypatch.setenv("MY_TOKEN", token)
        source = f"file:{tmp_path / 'token'}" if kind == "file" else "env:MY_TOKEN"
        result = invoke("onyx", "--url", venue.url, "--credential", f"token={source}")
    assert result.output == "<OnyxClient connected> False\n"
    assert token not in result.output


def test_a_credential_in_clear_is_refused_and_not_repeated() -> None:
    """What is no source may be the credential itself."""
    result = invoke("onyx", "--credential", "token=hunter2hunter2")
    assert result.exit_code == 2
    assert "env:VARIABLE" in result.output
    assert "hunter2" not in result.output


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--credential", "tokn=env:A"), "token"),
        (("--credential", "token=env:NOT_SET_ANYWHERE"), "NOT_SET_ANYWHERE"),
        (("--credential", "token=prompt"), "no terminal"),
        ((), "VENUESDK_ONYX_TOKEN"),
        (("--sim", "--timeout", "0"), "--timeout"),
        (("--sim", "--url", "ws://127.0.0.1:1"), "--sim"),
    ],
)
def test_a_mistake_is_told_before_anything_is_sent(arguments: tuple[str, ...], said: str) -> None:
    """An unknown name, an empty source, no terminal to ask at, none at all, an address too many."""
    result = invoke("onyx", *arguments)
    assert result.exit_code == 2
    assert said in result.output


@pytest.mark.parametrize(
    ("target", "said"),
    [
        (Target("onyx", simulated=True), "a simulated onyx"),
        (Target("onyx"), "onyx"),
        (Target("loopring", options={"url": "wss://u:p@a:1/b?wsApiKey=c"}), "loopring wss://a:1/b"),
    ],
)
def test_a_place_is_told_without_what_may_be_a_key(target: Target, said: str) -> None:
    """An address may hold a key in its query, or a password before its host."""
    assert target.place == said


def test_a_source_that_cannot_be_read_is_told_by_its_name(tmp_path: Path) -> None:
    """A file that there is not is a mistake, and not a traceback."""
    with simulate("onyx") as venue:
        missing = tmp_path / "nothing"
        result = invoke("onyx", "--url", venue.url, "--credential", f"token=file:{missing}")
    assert isinstance(result.exception, OSError)
    assert "nothing" in str(result.exception)


def test_a_venue_need_not_be_named_where_a_command_says_so(
    monkeypatch: pytest.MonkeyPatch, canaries: Any
) -> None:
    """Then the target has none; and only what was pointed at is read, nothing is asked for."""
    monkeypatch.setenv("MY_KEY", canaries.api_key)
    assert CliRunner().invoke(show_any, []).output == "'' \n"
    result = CliRunner().invoke(show_any, ["fuze", "--credential", "api_key=env:MY_KEY"])
    assert result.output == "'fuze' ['api_key']\n"
    assert CliRunner().invoke(show, []).exit_code == 2
