"""How subcommands write: JSON lines for programs, plain lines for pipes, rich for people.

What is asked for goes to standard output; notes about it go to standard error.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any

from rich.console import Console

from ..protocol.convert import encode_json, to_plain

__all__ = ["console", "is_for_people", "note", "write_json"]


def is_for_people() -> bool:
    """Return whether standard output is a terminal, where tables may be drawn and redrawn."""
    return sys.stdout.isatty()


def write_json(record: Mapping[str, Any]) -> None:
    """Write one line of JSON, at once: models become objects, and money text."""
    sys.stdout.write(encode_json(to_plain(dict(record))) + "\n")
    sys.stdout.flush()


def note(text: str) -> None:
    """Write a line that is not part of the result."""
    print(text, file=sys.stderr, flush=True)


def console(*, stderr: bool = False) -> Console:
    """Return where rich draws; it knows ``NO_COLOR``, ``TERM`` and ``COLUMNS``."""
    return Console(stderr=stderr, highlight=False)
