"""How the endurance tests run their programs: each in a process of its own.

What is counted there is counted where nothing else is, and a deadlock there takes nothing along.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

HERE = Path(__file__).parent
START = 60.0
"""Seconds beyond its own that a program may take to begin and to end."""

Program = Callable[..., dict[str, Any]]


@pytest.fixture
def program() -> Program:
    """Return what runs one of the programs here, and returns what it found; it must find no fault.

    Where the test fails, the command that does the same again stands in what pytest shows.
    """

    def run(name: str, *arguments: object, seconds: float = 0.0) -> dict[str, Any]:
        command = [sys.executable, str(HERE / name), *map(str, arguments)]
        if seconds:
            command += ["--seconds", str(seconds)]
        print(" ".join(command))
        root = str(HERE.parent.parent)
        environment = {
            **os.environ,
            "PYTHONPATH": os.pathsep.join([root, *sys.path]),
            # glibc keeps what threads have freed in arenas, up to eight for each processor, each at
            # its own high-water mark: what settles there for an hour would look like a leak.
            "MALLOC_ARENA_MAX": "1",
        }
        # A group of its own, so that its simulators end with it.
        with subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=environment,
            start_new_session=True,
        ) as process:
            try:
                output, errors = process.communicate(timeout=seconds * 1.2 + START)
            except BaseException:
                os.killpg(process.pid, signal.SIGKILL)
                print(process.communicate()[1])
                raise
        print(errors, file=sys.stderr)
        assert output, f"{name} ended with {process.returncode}, and found nothing: a deadlock?"
        found: dict[str, Any] = json.loads(output.splitlines()[-1])
        assert not found["wrong"], f"{len(found['wrong'])} faults; the first: {found['wrong'][0]}"
        assert process.returncode == 0
        return found

    return run
