"""``venuesdk replay``: a tape as lines, or as a venue on loopback that says what it said."""

from __future__ import annotations

import base64
import math
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..timing import monotonic
from .output import console, is_for_people, note, shows_progress, visible, write_json
from .target import PORT

if TYPE_CHECKING:
    from ..testing.tape import ServedTape, Tape, TapeEntry

__all__ = ["command", "line_of", "record_of"]

STEP = 0.25
"""Seconds between two looks at a tape that is served."""
LOOK = 0.125
"""Seconds between two pictures of the bar."""


def _speed(text: str) -> float:
    """Return a speed: a number above zero, or the word max."""
    try:
        speed = math.inf if text == "max" else float(text)
    except ValueError:
        speed = 0.0
    if not speed > 0:
        raise click.BadParameter(f"{text!r} is neither a number above 0 nor max")
    return speed


@click.command()
@click.argument("path", metavar="FILE", type=click.Path(exists=True, dir_okay=False,
                                                        path_type=Path))
@click.option("--speed", type=_speed, default="1", metavar="N|max", show_default=True,
              help="So many times as fast, or as fast as possible.")
@click.option("--serve", is_flag=True, help="Be the venue, on loopback, until Ctrl-C.")
@click.option("--port", type=PORT, default=0, show_default="a free one",
              help="Where --serve listens.")
@click.option("--seconds", type=click.FloatRange(min=0), help="Stop serving after so long.")
@click.option("--json", "as_json", is_flag=True, help="Lines of JSON.")
def command(
    path: Path, speed: float, serve: bool, port: int, seconds: float | None, as_json: bool
) -> None:  # fmt: skip
    """Play the tape in FILE: print its entries, or serve it as a venue.

    A client that connects to a served tape and asks what was asked then gets the answers of then;
    any credentials will do. What the tape does not know ends the connection.
    """
    from ..testing.tape import TapeError, read_tape

    try:
        tape = read_tape(path)
        if serve:
            _serve(tape, speed, port, seconds, as_json)
        else:
            _print(tape, speed, as_json or not is_for_people())
        if tape.truncated:
            note(f"venuesdk: {path} has no end: the recording was broken off, or the file was cut")
    except TapeError as error:
        raise click.ClickException(f"{path}: {error}") from error


# ---- as lines ------------------------------------------------------------------------------------


def _print(tape: Tape, speed: float, as_json: bool) -> None:
    began = monotonic()
    first: float | None = None
    rest = threading.Event().wait
    # At a terminal the lines themselves show how far it is.
    with _bar(None if is_for_people() else tape) as show:
        for entry in tape:
            first = entry.monotonic if first is None else first
            since = entry.monotonic - first
            due = began + since / speed - monotonic()
            if due > 0:
                rest(due)
            if as_json:
                write_json(record_of(entry, since))
            else:
                click.echo(visible(line_of(entry, since)))
            show(entry.number)


def record_of(entry: TapeEntry, since: float) -> dict[str, Any]:
    """Return an entry as a line of JSON says it: without what it does not have."""
    record: dict[str, Any] = {
        "number": entry.number,
        "kind": entry.kind.value,
        "seconds": since,
        "wall": entry.wall,
        "epoch": entry.epoch,
        "frame": entry.frame,
        "text": entry.text,
    }
    if entry.binary:
        record["base64"] = base64.b64encode(entry.binary).decode()
    for name in ("refers", "code", "here", "count", "exchange"):
        value = getattr(entry, name)
        if value not in (None, 0, False):
            record[name] = value
    return record


def line_of(entry: TapeEntry, since: float) -> str:
    """Return an entry as a person reads it: when, which way, and what."""
    what = entry.text or entry.binary.hex(" ")
    if entry.frame != "text":
        what = f"({entry.frame}) {what}"
    if entry.exchange is not None:
        what = f"{entry.exchange.method} {entry.exchange.url}: {entry.exchange.status or 'failed'}"
    if entry.count:
        what = f"{entry.count:,} entries are missing here"
    if entry.refers:
        what = f"the frame of entry {entry.refers}"
    arrow = {"in": "<", "out": ">"}.get(entry.kind.value, "·")
    return f"{since:10.3f}  {arrow} {entry.kind.value:<9} {what}"


# ---- as a venue ----------------------------------------------------------------------------------


def _serve(tape: Tape, speed: float, port: int, seconds: float | None, as_json: bool) -> None:
    from ..testing.tape import serve_tape
    from ..timing import Deadline

    deadline = Deadline(seconds)
    rest = threading.Event().wait
    told = 0
    with serve_tape(tape, speed, port=port) as venue:
        _announce(venue, as_json)
        _, total = venue.progress
        try:
            with _bar(total) as show:
                while not deadline.expired():
                    rest(deadline.slice(STEP))
                    show(venue.progress[0])
                    for text in venue.surprises[told:]:
                        told += 1
                        note(f"not on the tape: {text:.200}")
        finally:
            note(f"played {venue.progress[0]:,} of {total:,} frames")


def _announce(venue: ServedTape, as_json: bool) -> None:
    facts = {"venue": venue.name, "url": venue.url, "http_url": venue.http_url}
    if as_json:
        write_json({"kind": "serving", **facts, "credentials": "any"})
        return
    for name, value in facts.items():
        if value is not None:
            click.echo(f"{name:<12} {value}")
    click.echo("credentials  any, such as the word any: the tape has none to compare with")
    click.echo("connections  each of the tape's is played once, in order")


@contextmanager
def _bar(total: int | Tape | None) -> Iterator[Callable[[int], None]]:
    """Yield what shows how far it is, on standard error where that is a terminal."""
    if total is None or not shows_progress():
        yield lambda done: None
        return
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeElapsedColumn

    columns = (BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    # What is printed to standard output goes there as it is.
    bar = Progress(
        *columns, console=console(stderr=True), redirect_stdout=False, auto_refresh=False
    )
    task = bar.add_task("", total=total if isinstance(total, int) else sum(1 for _ in total))
    shown = monotonic()

    def show(done: int) -> None:
        nonlocal shown
        bar.update(task, completed=done)
        if monotonic() - shown >= LOOK:
            bar.refresh()
            shown = monotonic()

    with bar:
        yield show
