"""``venuesdk book``: one order book, kept current, as a ladder or as JSON lines."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

import click

from .output import console, is_for_people, note, write_json
from .target import Target, target_options
from .watch import FRAME

if TYPE_CHECKING:
    from ..book import BookView
    from ..mirrors.order_book import OrderBookMirror
    from .stream import Ending, Entry, Stream

__all__ = ["MARKETS", "command", "complete"]

MARKETS = {"loopring": "LRC-ETH", "timex": "ETHAUDT"}
"""The venues that have books, each with a market that ``--sim`` has."""
STEP = 0.25
"""Seconds between two looks at what ended a stream, at the most."""
PATIENCE = 15.0
"""Seconds that ``--once`` waits for a book."""


Show: TypeAlias = "Callable[[_Kept, Ending], None]"


class _Kept(NamedTuple):
    """A book that is being kept: what happens to it, and its newest view."""

    venue: str
    market: str
    stream: Stream
    mirror: OrderBookMirror
    levels: int


def complete(
    context: click.Context, parameter: click.Parameter, incomplete: str
) -> list[str]:
    """Return the market of the simulator; no list of the real ones is known without asking."""
    market = MARKETS.get(context.params.get("venue", ""), "")
    return [market] if market and market.startswith(incomplete) else []


@click.command(
    epilog="Books: loopring (LRC-ETH), timex (ETHAUDT). Where standard output is no terminal, each "
    "book is a line of JSON, and so is each loss of it. Try: venuesdk book timex ETHAUDT --sim",
)
@functools.partial(target_options, venues=tuple(MARKETS))
@click.argument("market", shell_complete=complete)
@click.option("--levels", type=click.IntRange(1, 50), default=10, show_default=True,
              help="Prices of each side.")
@click.option("--once", is_flag=True, help="One book, and out.")
@click.option("--json", "as_json", is_flag=True, help="Lines of JSON, at a terminal too.")
@click.option("--seconds", type=click.FloatRange(min=0), help="Stop after so many seconds.")
def command(
    target: Target, market: str, levels: int, once: bool, as_json: bool, seconds: float | None
) -> None:  # fmt: skip
    """Keep the order book of MARKET: a ladder with the depth of each price, or lines of JSON.

    While the book is not known to be right, after a gap or a lost connection, none is shown.
    """
    from .stream import Ending, open_stream

    drawn = is_for_people() and not as_json
    show = _show_once(drawn) if once else _table() if drawn else _lines()
    if drawn:
        note(f"connecting to {target.place} …")
    with open_stream(target, ()) as stream:
        mirror = stream.client.keep_order_book(
            market,
            on_book=lambda view: stream.note("book", view, market),
            on_gap=lambda gap: stream.note("gap", gap, market),
        )
        show(_Kept(target.venue, market, stream, mirror, levels), Ending(seconds=seconds))


def _show_once(drawn: bool) -> Show:
    """Return what waits for one book and shows it."""
    from .ladder import ladder
    from .stream import Ending

    def show(kept: _Kept, ending: Ending) -> None:
        patience = Ending(seconds=PATIENCE)
        view = kept.mirror.view
        while view is None:
            if patience.come or ending.come:
                raise click.ClickException(f"no book of {kept.market} came in time")
            kept.stream.take(patience.slice(STEP))
            _check(kept.mirror)
            view = kept.mirror.view
        if drawn:
            screen = console()
            screen.print(ladder(view, kept.levels, screen.width))
        else:
            write_json(_record(kept, view))

    return show


def _lines() -> Show:
    """Return what writes every book that is to be trusted, and when the last one is not."""
    from .stream import head_of

    def write(kept: _Kept, ending: Ending) -> None:
        trusted = False
        while not ending.come:
            records = [_said(kept, entry) for entry in kept.stream.take(ending.slice(STEP))]
            if trusted and not kept.mirror.synchronised:
                records.append({**head_of("resynchronising", kept.venue), "market": kept.market})
            trusted = kept.mirror.synchronised
            if records:
                write_json(*records)
            _check(kept.mirror)

    return write


def _table() -> Show:
    """Return what draws the ladder; all that it needs is loaded now, before there is a stream."""
    from rich.live import Live

    from ..timing import monotonic
    from .ladder import picture
    from .notices import Notices

    def draw(kept: _Kept, ending: Ending) -> None:
        screen, notices = console(), Notices()
        heading = f"{kept.venue} {kept.market}"
        shown, since = None, monotonic()
        with Live(console=screen, auto_refresh=False, vertical_overflow="crop") as live:
            while not ending.come:
                kept.stream.rest(ending.slice(FRAME))
                notices.take(kept.stream.take(0.0))
                _check(kept.mirror)
                view = kept.mirror.view
                if view is not shown:
                    shown, since = view, monotonic()
                age, stats = monotonic() - since, kept.mirror.stats
                drawn = picture(
                    heading, view, stats, notices, age, kept.levels, (screen.width, screen.height)
                )
                live.update(drawn, refresh=True)

    return draw


def _check(mirror: OrderBookMirror) -> None:
    """Raise what ended the stream under the book, if something did."""
    with contextlib.suppress(TimeoutError):
        mirror.wait(0.0)


def _said(kept: _Kept, entry: Entry) -> dict[str, Any]:
    venue = kept.venue
    return _record(kept, entry.value) if entry.kind == "book" else entry.record(venue)


def _record(kept: _Kept, view: BookView) -> dict[str, Any]:
    from .stream import head_of

    return {
        **head_of("book", kept.venue),
        "market": view.market,
        "version": view.version,
        "epoch": view.epoch,
        **view.levels(kept.levels)._asdict(),
    }
