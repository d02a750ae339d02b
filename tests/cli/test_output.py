"""How subcommands write."""

from __future__ import annotations

import io
import json
import os
import sys
from decimal import Decimal

import pytest

from venuesdk.cli.output import (
    can_ask,
    console,
    is_for_people,
    note,
    prepare,
    shows_progress,
    visible,
    write_json,
)
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


def test_letters_that_cannot_be_written_are_spelt_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """JSON stays JSON in any encoding; other text loses no letter in silence either."""
    raw = io.BytesIO()
    monkeypatch.setattr("sys.stdout", io.TextIOWrapper(raw, encoding="ascii"))
    prepare()
    write_json({"name": "ö…😀"})
    print("ö…", flush=True)
    first, second = raw.getvalue().splitlines()
    assert json.loads(first) == {"name": "ö…😀"}
    assert second == rb"\xf6\u2026"


def test_a_stream_that_is_missing_leads_nowhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """A process may be started with any of them closed."""
    for name in ("stdin", "stdout", "stderr"):
        monkeypatch.setattr(f"sys.{name}", None)
    prepare()
    for stream in (sys.stdin, sys.stdout, sys.stderr):
        with stream:
            assert stream.name == os.devnull
            assert not stream.isatty()


def test_a_note_that_cannot_be_written_fails_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """What it is about goes on, and has a status of its own."""

    class Closed(io.StringIO):
        def flush(self) -> None:
            raise BrokenPipeError

    monkeypatch.setattr("sys.stderr", Closed())
    note("a note")


def test_tables_are_for_terminals(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where standard output is no terminal nothing is drawn, and NO_COLOR takes the colours."""
    monkeypatch.setattr("sys.stdout", io.StringIO())
    assert not is_for_people()
    monkeypatch.setenv("NO_COLOR", "1")
    assert console().no_color


class FakeTerminal(io.StringIO):
    """A stream that says that it is a terminal."""

    def isatty(self) -> bool:
        return True


def test_a_terminal_that_cannot_redraw_gets_no_table(monkeypatch: pytest.MonkeyPatch) -> None:
    """A dumb one, as in an editor's shell, is treated as a pipe; bars need standard error."""
    monkeypatch.setattr("sys.stdout", FakeTerminal())
    monkeypatch.setattr("sys.stderr", FakeTerminal())
    monkeypatch.setenv("TERM", "xterm")
    assert is_for_people()
    assert shows_progress()
    monkeypatch.setenv("TERM", "dumb")
    assert not is_for_people()
    assert not shows_progress()


def test_only_somebody_at_a_terminal_can_be_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    """The question goes to standard error, the answer comes from standard input."""
    monkeypatch.setattr("sys.stderr", FakeTerminal())
    assert can_ask() is sys.stdin.isatty()
    monkeypatch.setattr("sys.stdin", FakeTerminal())
    assert can_ask()


def test_many_records_are_as_many_lines(capsys: pytest.CaptureFixture[str]) -> None:
    """They are written at once."""
    write_json({"a": 1}, {"a": 2})
    assert capsys.readouterr().out == '{"a":1}\n{"a":2}\n'


def test_what_steers_a_terminal_is_spelt_out(capsys: pytest.CaptureFixture[str]) -> None:
    """A venue's text is shown, and not obeyed; lines stay lines, and other alphabets text."""
    assert visible("a\x1b[2J\x07\rb\nДа\x9b") == "a\\x1b[2J\\x07\\x0db\nДа\\x9b"
    note("\x1b[31mred")
    assert capsys.readouterr().err == "\\x1b[31mred\n"
