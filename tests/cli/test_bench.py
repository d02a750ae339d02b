"""``venuesdk bench``: figures that were measured."""

from __future__ import annotations

import json

import pytest

from venuesdk.cli import main


def test_it_measures_and_says_what_of(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rates, round trips and start-up, each with its unit in its name; nothing was lost."""
    monkeypatch.setattr("venuesdk.cli.bench.STARTS", 1)
    assert main(["bench", "--seconds", "0.05", "--json"]) == 0
    figures = json.loads(capsys.readouterr().out)
    assert figures["inline_events_per_second"] > 1_000
    assert figures["thread_events_per_second"] > 1_000
    assert figures["inline_dropped"] == figures["thread_dropped"] == 0
    assert 0 < figures["round_trip_p50_seconds"] <= figures["round_trip_p99_seconds"] < 1
    assert figures["requests"] > 10
    assert 0 < figures["import_package_seconds"] < figures["import_client_seconds"]


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
