"""What windows are shown on, and how the programs that show them are run.

There is one Tk root, and one Qt application, to a process; so each program here is run in one of
its own, and reports what it saw as the last line that it prints, in JSON.
"""

from __future__ import annotations

import functools
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
PATIENCE = 40.0
"""Seconds after which a program hangs."""

HARMLESS = ("propagateSizeHints", "XDG_RUNTIME_DIR")
"""Words in what Qt says of platforms that lack something."""

Run = Callable[..., dict[str, Any]]


@pytest.fixture(scope="session")
def display() -> Iterator[str]:
    """Return the name of an X display that nobody else looks at."""
    server = shutil.which("Xvfb")
    if server is None:
        pytest.skip("there is no Xvfb to show windows on")
    command = [server, "-displayfd", "1", "-screen", "0", "1280x1024x24", "-dpi", "96"]
    with subprocess.Popen(
        [*command, "-nolisten", "tcp"],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as process:
        assert process.stdout is not None
        number = process.stdout.readline().strip()
        if not number:
            pytest.skip("Xvfb does not start here")
        yield f":{number}"
        process.terminate()


@pytest.fixture(scope="session")
def tk_environment(display: str) -> dict[str, str]:
    """Return what a program with a Tk window needs in its environment."""
    environment = {"DISPLAY": display}
    _skip_without("import tkinter; tkinter.Tk()", environment)
    return environment


@pytest.fixture(scope="session")
def qt_environment(request: pytest.FixtureRequest) -> Callable[[str], dict[str, str]]:
    """Return what gives a program with a Qt window its environment, by platform."""

    @functools.cache
    def environment(platform: str) -> dict[str, str]:
        chosen = {"QT_QPA_PLATFORM": platform}
        if platform == "xcb":
            chosen["DISPLAY"] = request.getfixturevalue("display")
        _skip_without("from PySide6.QtWidgets import QApplication; QApplication([])", chosen)
        return chosen

    return environment


def _skip_without(program: str, environment: Mapping[str, str]) -> None:
    """Skip where a toolkit does not even start, with what it says itself."""
    result = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        env={**os.environ, **environment},
        check=False,
    )
    if result.returncode:
        pytest.skip(f"not here: {program}: {(result.stderr.splitlines() or ['no reason'])[-1]}")


@pytest.fixture(scope="session")
def run_program() -> Run:
    """Return what runs a program of this folder, and returns what it reported.

    It must exit with 0 and write nothing to standard error: Tk and Qt report there what went wrong
    in a callback of theirs.
    """

    def run(name: str, *arguments: object, environment: Mapping[str, str]) -> dict[str, Any]:
        command = [sys.executable, "-X", "dev", "-W", "error", str(HERE / name)]
        result = subprocess.run(
            [*command, *map(str, arguments)],
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            env={**os.environ, "PYTHONPATH": str(ROOT), **environment},
            check=False,
        )
        lines = result.stderr.splitlines()
        noise = [line for line in lines if not any(word in line for word in HARMLESS)]
        assert (result.returncode, noise) == (0, []), result.stdout + result.stderr
        report: dict[str, Any] = json.loads(result.stdout.splitlines()[-1])
        return report

    return run
