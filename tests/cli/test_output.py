"""How subcommands write."""

from __future__ import annotations

import io
import json
from decimal import Decimal

import pytest

from venuesdk.cli.output import console, is_for_people, note, write_json
from venuesdk.models import Gap, GapReason


def test_a_record_is_one_line_of_json(capsys: pytest.CaptureFixture[str]) -> None:
    """Decimals keep every digit as text, models become objects; notes are not among them."""
    write_json({"price": Decimal("0.10"), "gap": Gap(GapReason.RECONNECTED, None, 2)})
    note("a note")
    captured = capsys.readouterr()
    assert json.loads(captured.out) == {
        "price": "0.10",
        "gap": {"reason": "reconnected", "count": None, "epoch": 2},
    }
    assert captured.out.count("\n") == 1
    assert captured.err == "a note\n"


def test_tables_are_for_terminals(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where standard output is no terminal nothing is drawn, and NO_COLOR takes the colours."""
    monkeypatch.setattr("sys.stdout", io.StringIO())
    assert not is_for_people()
    monkeypatch.setenv("NO_COLOR", "1")
    assert console().no_color
