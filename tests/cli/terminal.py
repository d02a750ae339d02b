"""Terminal: the command as a person runs it, on a pseudo-terminal, and what the person sees."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Mapping
from pathlib import Path
from typing import IO

__all__ = ["ROOT", "Terminal", "environment", "plain"]

ROOT = Path(__file__).parent.parent.parent
PATIENCE = 15.0
# The terminal becomes the one that Ctrl-C comes from: a session's first process opens it by name.
BOOTSTRAP = (
    "import os, sys\n"
    "os.close(os.open(os.ttyname(0), os.O_RDWR))\n"
    "os.execv(sys.executable, [sys.executable, '-m', 'venuesdk', *sys.argv[1:]])\n"
)
ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\x1b\][^\x07]*\x07|\r")


def plain(text: str) -> str:
    """Return what a terminal shows, without what it is told."""
    return ESCAPES.sub("", text)


def environment(more: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return the environment of a command, with nothing of the developer's own terminal in it."""
    clean = {
        name: value
        for name, value in os.environ.items()
        if name not in ("NO_COLOR", "FORCE_COLOR", "COLUMNS", "LINES")
    }
    return {**clean, "PYTHONPATH": str(ROOT), "TERM": "xterm-256color", **(more or {})}


class Terminal:
    """One run of ``venuesdk`` on a terminal; it is killed at the end, if it is still there.

    Standard output goes to the file `output` instead, where there is one.
    """

    def __init__(
        self,
        *arguments: str,
        env: Mapping[str, str] | None = None,
        size: tuple[int, int] = (40, 110),
        output: IO[str] | None = None,
    ) -> None:
        self._ours, theirs = pty.openpty()
        self.theirs = theirs
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", *size, 0, 0))
        self.modes = termios.tcgetattr(theirs)
        self._process = subprocess.Popen(
            [sys.executable, "-S", "-E", "-c", BOOTSTRAP, *arguments],
            stdin=theirs,
            stdout=theirs if output is None else output,
            stderr=theirs,
            env=environment(env),
            start_new_session=True,
        )
        self.raw = ""
        self.began = time.monotonic()

    def __enter__(self) -> Terminal:
        return self

    def __exit__(self, *_: object) -> None:
        if self._process.poll() is None:
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        os.close(self.theirs)
        os.close(self._ours)

    @property
    def pid(self) -> int:
        """The process that runs the command."""
        return self._process.pid

    @property
    def lasted(self) -> float:
        """How many seconds it has been running."""
        return time.monotonic() - self.began

    @property
    def text(self) -> str:
        """What was shown so far."""
        return plain(self.raw)

    def wait_for(self, *texts: str) -> None:
        """Wait until all of these were shown; fail, and show what was, where they are not."""
        deadline = time.monotonic() + PATIENCE
        while not all(text in self.text for text in texts):
            assert time.monotonic() < deadline, f"no {texts} in:\n{self.text}"
            if not self._read(0.2):
                assert self._process.poll() is None, f"ended without {texts}:\n{self.text}"

    def press(self, keys: str) -> None:
        """Type something."""
        os.write(self._ours, keys.encode())

    def end(self, keys: str = "") -> int:
        """Wait for the end of the command, reading on; return its status.

        `keys` are pressed now, and again for as long as they do not help: a Ctrl-C in the very
        instant before Python's ``input()`` begins to read is seen only with the next key.
        """
        deadline = time.monotonic() + PATIENCE
        again = time.monotonic()
        while self._process.poll() is None:
            assert time.monotonic() < deadline, f"still there:\n{self.text}"
            if keys and time.monotonic() >= again:
                self.press(keys)
                again += 4.0
            self._read(0.05)
        while self._read(0.0):
            continue
        return self._process.returncode

    def _read(self, timeout: float) -> bool:
        ready, _, _ = select.select([self._ours], [], [], timeout)
        if not ready:
            return False
        try:
            data = os.read(self._ours, 65536)
        except OSError:  # Linux says so where nobody holds the other end
            return False
        self.raw += data.decode(errors="replace")
        return bool(data)
