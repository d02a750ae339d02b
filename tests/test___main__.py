"""The command, as ``python -m venuesdk``."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from venuesdk import __version__
from venuesdk.cli import main

ROOT = Path(__file__).parent.parent


def test_the_module_is_the_command() -> None:
    """It knows its version and ends with 0."""
    result = subprocess.run(
        [sys.executable, "-m", "venuesdk", "--version"],
        capture_output=True,
        text=True,
        timeout=30,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        check=True,
    )
    assert result.stdout.strip() == f"venuesdk {__version__}"


def test_without_a_command_it_says_how_to_use_it(capsys: pytest.CaptureFixture[str]) -> None:
    """The usage goes to standard error, and the status is that of a usage error."""
    assert main([]) == 2
    assert "Usage: venuesdk" in capsys.readouterr().err


def test_without_the_shell_s_libraries_it_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The extra is named, and the status is 2."""
    monkeypatch.delitem(sys.modules, "venuesdk.cli.shell", raising=False)
    monkeypatch.setitem(sys.modules, "click", None)
    assert main(["demo"]) == 2
    assert "venuesdk[cli]" in capsys.readouterr().err


def test_a_missing_extra_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Where the simulators' library is not installed, the command says what to install."""
    monkeypatch.setitem(sys.modules, "websockets", None)
    monkeypatch.setitem(sys.modules, "websockets.sync.server", None)
    assert main(["simulate", "onyx", "--seconds", "0.05"]) == 2
    assert "venuesdk[sim]" in capsys.readouterr().err
