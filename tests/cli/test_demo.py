"""The demo: the main job of the product, run as a user runs it."""

from __future__ import annotations

import json
import sys

import pytest

from venuesdk.cli import demo, main
from venuesdk.cli.scenes import SCENES
from venuesdk.cli.stage import Row, SceneFailed, Stage

sys.path.insert(0, __file__.rpartition("/")[0])
from terminal import Terminal  # noqa: E402


@pytest.mark.parametrize("venue", sorted(SCENES))
def test_every_scene_does_what_it_must(venue: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit status 0, a line of the table, exact decimals, and the steps that the venue has."""
    assert main(["demo", "--venue", venue]) == 0
    out = capsys.readouterr().out
    assert "Every step did what it must" in out
    assert "FAILED" not in out
    if venue != "infinex":
        assert "healed" in out
        assert "Decimal('" in out or venue == "loopring"
        assert "callback" in out
    else:
        assert "over HTTP" in out
    assert "refused" in out


def test_a_step_that_fails_is_the_exit_status(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The failing scene is named, the others still run, and the status is 1."""

    def broken(stage: Stage, client: object, venue: object) -> None:
        raise SceneFailed("the sky is green: it is not so")

    monkeypatch.setitem(SCENES, "fuze", broken)
    monkeypatch.setattr(demo, "SCENES", {name: SCENES[name] for name in ("fuze", "onyx")})
    assert main(["demo"]) == 1
    out = capsys.readouterr().out
    assert "FAILED: fuze: SceneFailed: the sky is green" in out
    assert "onyx      healed" in out


def test_a_real_address_is_met_with_credentials_from_the_environment(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """With --url only the harmless steps are made, and nothing of the credential is printed."""
    from venuesdk.testing import simulate

    with simulate("onyx", seed=1, interval=0.05) as venue:
        monkeypatch.setenv("VENUESDK_ONYX_TOKEN", venue.credentials["token"])
        assert main(["demo", "--venue", "onyx", "--url", venue.url]) == 0
        out = capsys.readouterr().out
        assert venue.credentials["token"] not in out
        assert "ticker" in out.lower()
        assert "cut" not in out


def test_programs_get_steps_and_counts(capsys: pytest.CaptureFixture[str]) -> None:
    """Each a line of JSON, told apart by its kind."""
    assert main(["demo", "--venue", "fuze", "--json"]) == 0
    records = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    *steps, counts = records
    assert {one["kind"] for one in steps} == {"step"}
    assert {one["step"] for one in steps} >= {"login", "call", "event", "refused"}
    assert counts["kind"] == "counts"
    assert counts["counts"]["venue"] == "fuze"
    assert counts["counts"]["calls"] > 1


def test_a_missing_credential_is_a_failure_that_says_which(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The environment variable is named, and the status is 1."""
    monkeypatch.delenv("VENUESDK_ONYX_TOKEN", raising=False)
    assert main(["demo", "--venue", "onyx", "--url", "wss://127.0.0.1:1/"]) == 1
    assert "VENUESDK_ONYX_TOKEN" in capsys.readouterr().out


def test_an_address_needs_a_venue(capsys: pytest.CaptureFixture[str]) -> None:
    """--url alone says nothing about the client to use."""
    assert main(["demo", "--url", "wss://127.0.0.1:1/"]) == 2
    assert "--venue" in capsys.readouterr().err


def test_the_table_has_a_line_for_each_venue() -> None:
    """Columns are as wide as their widest cell, and a missing round trip is a dash."""
    rows = [Row("onyx", 1, 20_000, 0, 1, 1, 0.5), Row("infinex", 100, 0, 2, 0, 0, None)]
    lines = demo._table(rows).splitlines()
    assert len({len(line) for line in lines}) == 1
    assert lines[1].split() == ["onyx", "1", "20000", "0", "1", "1", "0.50", "ms"]
    assert lines[2].split() == ["infinex", "100", "0", "2", "0", "0", "-"]


def test_a_person_sees_the_steps_and_the_table() -> None:
    """At a terminal, with the whole of each line, and nothing beside them."""
    with Terminal("demo", "--venue", "fuze") as terminal:
        assert terminal.end() == 0
    first, *_, last = terminal.text.splitlines()
    assert first.startswith("fuze      login    <FuzeClient connected> at ws://127.0.0.1:")
    assert "\nvenue  calls  events  rejections  reconnects  gaps  p50 round trip\n" in terminal.text
    assert last.startswith("Every step did what it must (")


def test_ctrl_c_leaves_the_demo_in_the_middle() -> None:
    """The scene that plays is closed; no table is made up, and no traceback is shown."""
    with Terminal("demo") as terminal:
        terminal.wait_for("infinex   login")
        assert terminal.end("\x03") == 130
    assert "Traceback" not in terminal.text
    assert "FAILED" not in terminal.text
    assert "Every step" not in terminal.text
