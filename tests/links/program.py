"""Programs on the hosts of a link: they obey lines of JSON, and report in lines of JSON.

Every line that a program reports has ``what`` and ``at``, the monotonic clock, which is one for
the whole machine. Its end of standard input is a program's end.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

__all__ = ["Here", "Line", "Place", "Program", "commands", "report"]

Line = dict[str, Any]


class Place(Protocol):
    """Where a program runs."""

    def command(self, *command: str) -> list[str]:
        """Return the command line that runs `command` there."""


class Here:
    """This very host, in the place of one of a network's."""

    def command(self, *command: str) -> list[str]:
        """Return the command line that runs `command` here."""
        return [*command]


_writing = threading.Lock()


def report(what: str, **told: Any) -> None:
    """Say what happened; called in a program, from any of its threads."""
    line = json.dumps({"what": what, "at": time.monotonic(), **told}, default=str)
    with _writing:
        sys.stdout.write(f"{line}\n")
        sys.stdout.flush()


def commands() -> Any:
    """Yield the commands that a program is given, until there will be none."""
    # Ctrl-C at the terminal is for the test run, which ends its programs itself.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    for line in sys.stdin:
        yield json.loads(line)


class Program:
    """A Python program on a host, and all that it has reported.

    It must be started on the main thread, and may be used from any.
    """

    def __init__(self, host: Place, script: Path, log: Path, **setting: Any) -> None:
        self.name = log.stem
        self.lines: list[Line] = []
        self._log = log
        self._changed = threading.Condition()
        self._ended = False
        top = Path(__file__).parents[2]
        path = os.pathsep.join([str(top), str(top / "tests"), os.environ.get("PYTHONPATH", "")])
        kept = {name: value for name, value in os.environ.items() if "proxy" not in name.lower()}
        with log.open("wb") as errors:
            self._process = subprocess.Popen(
                host.command(sys.executable, str(script), json.dumps(setting)),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
                env={**kept, "PYTHONPATH": path, "PYTHONUNBUFFERED": "1"},
            )
        self._thread = threading.Thread(target=self._listen, name=f"hears-{self.name}", daemon=True)
        self._thread.start()

    def _listen(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            with self._changed:
                self.lines.append(json.loads(line))
                self._changed.notify_all()
        with self._changed:
            self._ended = True
            self._changed.notify_all()

    def tell(self, do: str, **details: Any) -> float:
        """Give a command; return when, by the monotonic clock."""
        at = time.monotonic()
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps({"do": do, **details}) + "\n")
        self._process.stdin.flush()
        return at

    def find(self, what: str, since: float = 0.0, **details: Any) -> list[Line]:
        """Return the lines so far that say `what`, with these details, not before `since`."""
        with self._changed:
            return [line for line in self.lines if _fits(line, what, since, details)]

    def look_for(
        self, what: str, within: float, since: float = 0.0, **details: Any
    ) -> Line | None:
        """Return the first such line, waiting for it; None where it does not come in time."""

        def found() -> Line | None:
            fitting = (line for line in self.lines if _fits(line, what, since, details))
            return next(fitting, None)

        with self._changed:
            self._changed.wait_for(lambda: found() or self._ended, within)
            return found()

    def await_line(self, what: str, within: float, since: float = 0.0, **details: Any) -> Line:
        """Return the first such line, waiting for it; fail where it does not come in time."""
        line = self.look_for(what, within, since, **details)
        if line is None:
            sought = f"{what!r} {details or ''}".rstrip()
            raise AssertionError(f"{self.name}: no {sought} in {within} s\n{self.story()}")
        return line

    def ask(self, do: str, within: float = 10.0, **details: Any) -> Line:
        """Give a command, and return the line that answers it: ``what`` it was told to do."""
        return self.await_line(do, within, self.tell(do, **details))

    def story(self) -> str:
        """Return the last of what it reported and logged, for people to read."""
        lines = [json.dumps(line) for line in self.lines if line["what"] != "event"]
        return "\n".join([*lines[-40:], *self.logged().splitlines()[-40:]])

    def logged(self) -> str:
        """Return all that it logged, or printed as it failed."""
        return self._log.read_text(errors="replace")

    def told(self) -> str:
        """Return all that it reported and logged."""
        return "\n".join([*map(json.dumps, self.lines), self.logged()])

    def stop(self) -> float:
        """Let the program stand still, as it is, and return when that was.

        Its kernel goes on acknowledging. Returns when the last of its threads stands.
        """
        at = time.monotonic()
        self._process.send_signal(signal.SIGSTOP)
        os.waitid(os.P_PID, self._process.pid, os.WSTOPPED | os.WNOWAIT)
        return at

    def go_on(self) -> float:
        """Let it go on, and return when that was."""
        at = time.monotonic()
        self._process.send_signal(signal.SIGCONT)
        return at

    def exit_within(self, seconds: float) -> float:
        """Wait for its end, and return when that was; fail where it does not end in time."""
        try:
            status = self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"{self.name} is still there\n{self.story()}") from None
        at = time.monotonic()
        assert status == 0, f"{self.name} ended with {status}\n{self.story()}"
        return at

    def close(self) -> None:
        """End the program, whatever it is in the middle of."""
        self._process.kill()
        self._process.wait(10.0)
        self._thread.join(10.0)
        for stream in (self._process.stdin, self._process.stdout):
            if stream is not None:
                _close_quietly(stream.close)


def _close_quietly(close: Callable[[], object]) -> None:
    try:
        close()
    except OSError:
        # A command that nobody read any more.
        return


def _fits(line: Line, what: str, since: float, details: dict[str, Any]) -> bool:
    return (
        line["what"] == what
        and line["at"] >= since
        and all(line.get(name) == value for name, value in details.items())
    )
