"""The command ``venuesdk``: the process around it, and nothing of what its subcommands do."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

__all__ = ["main"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command with `arguments` (those of the process by default); return its status."""
    try:
        from .shell import run
    except ImportError as error:
        from .output import lacking, note

        if not lacking(error):
            raise
        note(f"venuesdk: {lacking(error)}")
        return 2
    try:
        status = run(arguments)
        sys.stdout.flush()
        return status
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        # Whoever read our output went away; there is nobody left to tell.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141
