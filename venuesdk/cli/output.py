"""How subcommands write: JSON lines for programs, plain lines for pipes, rich for people.

What is asked for goes to standard output; notes about it go to standard error.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import Console

__all__ = [
    "can_ask",
    "console",
    "counted",
    "is_for_people",
    "lacking",
    "note",
    "shows_progress",
    "visible",
    "write_json",
]


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

    sys.stdout.write("".join(f"{encode_json(to_plain(dict(one)))}\n" for one in records))
    sys.stdout.flush()


def lacking(error: ImportError) -> str:
    """Return what to say where a library of the shell is missing; "" where it is another."""
    library = (error.name or "").partition(".")[0]
    if library not in ("click", "rich"):
        return ""
    return f"the shell needs {library}: pip install 'venuesdk[cli]'"


def note(text: str) -> None:
    """Write a line that is not part of the result."""
    print(visible(text), file=sys.stderr, flush=True)


def counted(count: int, what: str) -> str:
    """Return so many of something, in words that a person reads."""
    return f"{count:,} {what}" if count == 1 else f"{count:,} {what}s"


def visible(text: str) -> str:
    """Return text of a venue's so that it can only be read: what steers a terminal is spelt out."""
    return _STEERING.sub(lambda found: f"\\x{ord(found[0]):02x}", text)


_STEERING = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f]")


def console(*, stderr: bool = False) -> Console:
    """Return where rich draws; it knows ``NO_COLOR``, ``TERM`` and ``COLUMNS``."""
    from rich.console import Console

    class Drawing(Console):
        """A console that leaves it to the shell what a closed pipe means."""

        def on_broken_pipe(self) -> None:
            raise  # It is called where the BrokenPipeError is being handled.

    return Drawing(stderr=stderr, highlight=False)
