"""The stage of the demo: it prints, times and judges, and passes nothing over."""

from __future__ import annotations

import pytest

from venuesdk.cli import stage as stages
from venuesdk.cli.stage import Arrivals, SceneFailed, Stage
from venuesdk.errors import InvalidRequest, RequestRejected
from venuesdk.models import Gap, GapReason


def test_a_call_is_printed_with_its_typed_result() -> None:
    """The line names the venue, the kind of step, the call and what it returned."""
    lines: list[str] = []
    stage = Stage("onyx", lines.append)
    assert stage.call("ping()", lambda: ("pong", 1)) == ("pong", 1)
    assert lines == ["onyx      call     ping() → ('pong', 1)"]


def test_a_long_line_is_cut_to_what_a_terminal_shows() -> None:
    """It ends in an ellipsis and is never wider than the demo's width."""
    lines: list[str] = []
    Stage("onyx", lines.append).say("event", "x" * 500)
    assert len(lines[0]) == stages.WIDTH
    assert lines[0].endswith("…")


def test_a_refusal_must_be_of_the_expected_kind() -> None:
    """The right one is returned; another exception passes; an answer instead is a failure."""
    stage = Stage("onyx", lambda line: None)

    def refuse() -> None:
        raise InvalidRequest("no such thing")

    assert stage.refused("asking", RequestRejected, refuse).message == "no such thing"
    with pytest.raises(ZeroDivisionError):
        stage.refused("asking", RequestRejected, lambda: 1 / 0)
    with pytest.raises(SceneFailed, match="was not refused"):
        stage.refused("asking", RequestRejected, lambda: "fine")


def test_what_must_hold_fails_the_scene_where_it_does_not() -> None:
    """A false condition is never passed over."""
    stage = Stage("onyx", lambda line: None)
    stage.must(True, "this holds")
    with pytest.raises(SceneFailed, match="this does not"):
        stage.must([], "this does not")


def test_what_does_not_arrive_fails_the_scene(monkeypatch: pytest.MonkeyPatch) -> None:
    """Waiting for an event ends with a failure that names it."""
    monkeypatch.setattr(stages, "PATIENCE", 0.01)
    with pytest.raises(SceneFailed, match="a quote did not come"):
        Arrivals().next("a quote")


def test_gaps_are_printed_and_kept() -> None:
    """A gap that the client tells of can be waited for."""
    lines: list[str] = []
    stage = Stage("onyx", lines.append)
    gap = Gap(GapReason.RECONNECTED, None, 2)
    stage.gap(gap)
    assert stage.gaps.next("the gap") is gap
    assert "reconnected" in lines[0]
