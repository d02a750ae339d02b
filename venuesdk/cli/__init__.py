"""The command ``venuesdk``: the process around it, and nothing of what its subcommands do."""

from __future__ import annotations

import contextlib
import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import FrameType

__all__ = ["main"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command with `arguments` (those of the process by default); return its status.

    The signals that ask a process to end do what Ctrl-C does: everything is closed first.
    """
    from .output import abandon, prepare

    prepare()
    asked_to_end: list[int] = []
    try:
        with _ending_by_signals(asked_to_end):
            status = _flushed(_run(arguments))
    except KeyboardInterrupt:
        status = 130
    except BrokenPipeError:
        # Whoever read our output went away; there is nobody left to tell.
        abandon()
        return 141
    return 128 + asked_to_end[0] if asked_to_end and status == 130 else status


def _run(arguments: Sequence[str] | None) -> int:
    try:
        from .shell import run
    except ImportError as error:
        from .output import lacking, note

        if not lacking(error):
            raise
        note(f"venuesdk: {lacking(error)}")
        return 2
    return run(arguments)


def _flushed(status: int) -> int:
    """Return the status, or that of a failure where what was written last did not go out."""
    from .output import abandon, note

    try:
        sys.stdout.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        note(f"venuesdk: {error}")
        abandon()
        return status or 1
    return status


@contextmanager
def _ending_by_signals(received: list[int]) -> Iterator[None]:
    """Let what would end the process at once interrupt it, and note which signal it was."""

    def interrupt(number: int, frame: FrameType | None) -> None:
        received.append(number)
        raise KeyboardInterrupt

    before = {}
    for name in ("SIGTERM", "SIGHUP"):  # Windows has but the first
        number = getattr(signal, name, None)
        # One that is ignored, as under nohup, or handled by who calls us, stays so.
        if number is not None and signal.getsignal(number) is signal.SIG_DFL:
            with contextlib.suppress(ValueError):  # not in the main thread
                before[number] = signal.signal(number, interrupt)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
