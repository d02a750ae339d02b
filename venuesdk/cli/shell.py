"""The shell: which subcommands there are, and what an error becomes on a terminal.

A subcommand is a module of this package that has a `command`; it is imported when it is asked for.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from importlib import import_module
from typing import Any

import click

from .._version import __version__
from ..errors import NetworkError, NotSent, RequestRejected, VenueError
from .output import lacking, note

__all__ = ["COMMANDS", "INTERRUPTED", "NOT_SENT", "REFUSED", "UNKNOWN", "run", "shell", "status_of"]

COMMANDS = {
    "watch": "Show streams: a live table, or lines of JSON.",
    "book": "Keep one order book: a ladder, or lines of JSON.",
    "call": "Make one request, and print its typed answer.",
    "record": "Record streams onto a tape.",
    "relay": "Publish streams to Redis, for any number of programs.",
    "replay": "Play a tape: print it, or serve it as a venue.",
    "bench": "Measure what the library does on this machine.",
    "topics": "List what one can watch and record.",
    "demo": "Run the clients against the built-in simulators, and print what happened.",
    "doctor": "Say what is wrong on the way to a venue, and what to do.",
    "simulate": "Run one simulated venue on loopback until Ctrl-C.",
}
"""What each subcommand does, in the order of the help."""

REFUSED = 1
USAGE = 2
NOT_SENT = 3
UNKNOWN = 4
INTERRUPTED = 130


class _NobodyReadsError(Exception):
    """Standard output is a pipe that was closed; click would end the process for an OSError."""


@contextmanager
def _told_apart() -> Iterator[None]:
    try:
        yield
    except BrokenPipeError as gone:
        raise _NobodyReadsError from gone


class _Commands(click.Group):
    """The subcommands, each imported when it is run or when its own help is asked for."""

    def make_context(self, *arguments: Any, **options: Any) -> click.Context:
        with _told_apart():
            return super().make_context(*arguments, **options)

    def invoke(self, ctx: click.Context) -> Any:
        with _told_apart():
            return super().invoke(ctx)

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = import_module(f".{cmd_name}", __package__).command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List them by what `COMMANDS` says, which imports none of them."""
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.group(
    cls=_Commands,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Exit status: 0 done, 1 refused or failed, 2 a mistake in the command, 3 certainly not "
    "sent, 4 the outcome is unknown, or could not be written, 130 Ctrl-C. Completion for bash "
    '(zsh, fish likewise): eval "$(_VENUESDK_COMPLETE=bash_source venuesdk)"',
)
@click.version_option(__version__, prog_name="venuesdk", message="%(prog)s %(version)s")
def shell() -> None:
    """Blocking, thread-safe clients of five trading venues."""


def run(arguments: Sequence[str] | None) -> int:
    """Run one subcommand and return the status; an error becomes one line on standard error."""
    if "_VENUESDK_COMPLETE" in os.environ:
        from .completion import use

        use()
    try:
        status = shell.main(arguments, prog_name="venuesdk", standalone_mode=False)
        return status if isinstance(status, int) else 0
    except _NobodyReadsError as gone:
        raise BrokenPipeError from gone
    except click.exceptions.Abort:
        # A prompt that was left; Ctrl-C anywhere else comes out as itself.
        return INTERRUPTED
    except click.ClickException as mistake:
        with suppress(OSError):  # the status tells as much
            mistake.show()
        return mistake.exit_code
    except VenueError as error:
        _tell(f"{type(error).__name__}: {error}")
        return status_of(error)
    except ImportError as error:
        _tell(lacking(error) or str(error))
        return USAGE
    except BrokenPipeError:
        raise
    except OSError as error:
        _tell(str(error))
        # A file that was named wrongly, or a disk that is full.
        return REFUSED if error.filename is None else USAGE
    except (ValueError, TypeError) as error:
        _tell(str(error))
        return USAGE


def status_of(error: VenueError) -> int:
    """Return the exit status that tells what became of a request."""
    if error.outcome_unknown:
        return UNKNOWN
    if isinstance(error, RequestRejected):
        return REFUSED
    return NOT_SENT if isinstance(error, (NetworkError, NotSent)) else REFUSED


def _tell(text: str) -> None:
    note(f"venuesdk: {text}")
