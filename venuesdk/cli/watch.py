"""``venuesdk watch``: streams as a live table for people, and as JSON lines for programs."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeAlias

import click

from .output import console, is_for_people, note, write_json
from .target import Target, target_options
from .topics import complete, find_all

if TYPE_CHECKING:
    from rich.console import RenderableType

    from .stream import Ending, Stream

__all__ = ["FRAME", "command"]

Show: TypeAlias = "Callable[[Stream, Ending], None]"

FRAME = 0.125
"""Seconds between two pictures of the table, at the least."""


@click.command(
    epilog="Topics: venuesdk topics VENUE. Where standard output is no terminal, each event, gap, "
    "change of state and error is a line of JSON, told apart by its kind. "
    "Try: venuesdk watch onyx tickers:brt,dub dashboards --sim",
)
@target_options
@click.argument("topics", metavar="TOPIC...", nargs=-1, required=True, shell_complete=complete)
@click.option("--json", "as_json", is_flag=True, help="Lines of JSON, at a terminal too.")
@click.option("--count", type=click.IntRange(min=1), help="Stop after so many events.")
@click.option("--seconds", type=click.FloatRange(min=0), help="Stop after so many seconds.")
def command(
    target: Target,
    topics: tuple[str, ...],
    as_json: bool,
    count: int | None,
    seconds: float | None,
) -> None:
    """Show streams until Ctrl-C: a live table, or lines of JSON.

    The table shows the newest value of each instrument, at most eight times a second. Lines
    leave nothing out: what is lost is a line too.
    """
    wanted = find_all(target.venue, topics)
    from .stream import Ending, open_stream

    drawn = is_for_people() and not as_json
    show = _table(target.venue) if drawn else _lines(target.venue)
    if drawn:
        note(f"connecting to {target.place} …")
    with open_stream(target, wanted, conflate=drawn) as stream:
        show(stream, Ending(count, seconds))


def _lines(venue: str) -> Show:
    """Return what writes every entry as a line."""

    def write(stream: Stream, ending: Ending) -> None:
        while not ending.come:
            entries = ending.admit(stream.take(ending.slice(0.25)))
            if entries:
                write_json(*(entry.record(venue) for entry in entries))

    return write


def _table(venue: str) -> Show:
    """Return what draws the table; all that it needs is loaded now, before there is a stream."""
    from rich.live import Live

    from .board import Board

    def draw(stream: Stream, ending: Ending) -> None:
        screen = console()
        board = Board(venue, stream.subscriptions)

        def picture() -> RenderableType:
            counts = {text: one.stats for text, one in stream.subscriptions.items()}
            return board.picture(counts, screen.height, screen.width)

        with Live(
            picture(), console=screen, auto_refresh=False, vertical_overflow="crop"
        ) as live:
            while not ending.come:
                stream.rest(ending.slice(FRAME))
                board.take(ending.admit(stream.take(0.0)))
                live.update(picture(), refresh=True)

    return draw
