"""How subcommands write: JSON lines for programs, plain lines for pipes, rich for people.

What is asked for goes to standard output; notes about it go to standard error.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import Console

__all__ = [
    "abandon",
    "can_ask",
    "console",
    "counted",
    "is_for_people",
    "lacking",
    "note",
    "prepare",
    "shows_progress",
    "visible",
    "write_json",
]


def prepare() -> None:
    """Make the standard streams such that a subcommand can rely on them.

    One that the process was started without leads nowhere: else the first socket would get its
    descriptor, and what is written there would go to a venue. What cannot be written in the
    encoding of standard output is spelt out, and ends nothing.
    """
    for name in ("stdin", "stdout", "stderr"):
        if getattr(sys, name) is None:
            mode = "r" if name == "stdin" else "w"
            nowhere = Path(os.devnull).open(mode, encoding="utf-8")  # noqa: SIM115
            setattr(sys, name, nowhere)
    if getattr(sys.stdout, "errors", "") == "strict":
        sys.stdout.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]


def abandon() -> None:
    """Let standard output lead nowhere: what it still holds would fail again at the end."""
    with contextlib.suppress(OSError):  # one without a descriptor holds nothing
        descriptor = sys.stdout.fileno()
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, descriptor)
        os.close(nowhere)


def is_for_people() -> bool:
    """Return whether standard output is a terminal, where tables may be drawn and redrawn."""
    return sys.stdout.isatty() and os.environ.get("TERM") != "dumb"


def can_ask() -> bool:
    """Return whether there is somebody at a terminal who can answer a question."""
    return sys.stdin.isatty() and sys.stderr.isatty()


def shows_progress() -> bool:
    """Return whether standard error is a terminal, where a bar may be drawn and redrawn."""
    return sys.stderr.isatty() and os.environ.get("TERM") != "dumb"


def write_json(*records: Mapping[str, Any]) -> None:
    """Write a line of JSON for each record, at once: models become objects, and money text."""
    from ..protocol.convert import encode_json, to_plain

    text = "".join(f"{encode_json(to_plain(dict(one)))}\n" for one in records)
    if not (sys.stdout.encoding or "utf").lower().startswith("utf"):
        text = _BEYOND.sub(lambda found: json.dumps(found[0])[1:-1], text)
    sys.stdout.write(text)
    sys.stdout.flush()


def lacking(error: ImportError) -> str:
    """Return what to say where a library of the shell is missing; "" where it is another."""
    library = (error.name or "").partition(".")[0]
    if library not in ("click", "rich"):
        return ""
    return f"the shell needs {library}: pip install 'venuesdk[cli]'"


def note(text: str) -> None:
    """Write a line that is not part of the result; where that fails, nobody is left to tell."""
    with contextlib.suppress(OSError):
        print(visible(text), file=sys.stderr, flush=True)


def counted(count: int, what: str, many: str = "") -> str:
    """Return so many of something, in words that a person reads."""
    return f"{count:,} {what}" if count == 1 else f"{count:,} {many or f'{what}s'}"


def visible(text: str) -> str:
    """Return text of a venue's so that it can only be read: what steers a terminal is spelt out."""
    return _STEERING.sub(lambda found: f"\\x{ord(found[0]):02x}", text)


_STEERING = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f]")
_BEYOND = re.compile(r"[^\x00-\x7f]")
"""What JSON text can spell out where it cannot be written."""


def console(*, stderr: bool = False) -> Console:
    """Return where rich draws; it knows ``NO_COLOR``, ``TERM`` and ``COLUMNS``."""
    from rich.console import Console

    class Drawing(Console):
        """A console that leaves it to the shell what a closed pipe means."""

        def on_broken_pipe(self) -> None:
            raise  # It is called where the BrokenPipeError is being handled.

    return Drawing(stderr=stderr, highlight=False)
