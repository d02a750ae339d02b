"""The pictures of ``watch`` and ``book`` for the README, of real clients at the simulators.

A program: ``python tests/cli/pictures.py`` writes ``docs/watch.svg`` and ``docs/book.svg``.
"""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

from rich.console import Console, RenderableType
from rich.terminal_theme import TerminalTheme

from venuesdk.cli.board import Board
from venuesdk.cli.ladder import picture
from venuesdk.cli.notices import Notices
from venuesdk.cli.stream import Entry, Stream
from venuesdk.cli.topics import find
from venuesdk.client import clients
from venuesdk.testing import simulate
from venuesdk.timing import Backoff, Deadline
from venuesdk.venues import load

DOCS = Path(__file__).parent.parent.parent / "docs"
QUICK = Backoff(initial=0.01, maximum=0.02)
THEME = TerminalTheme(
    (22, 27, 34),
    (201, 209, 217),
    [(72, 79, 88), (248, 81, 73), (63, 185, 80), (210, 153, 34),
     (88, 166, 255), (188, 140, 255), (57, 197, 207), (201, 209, 217)],
)  # fmt: skip


class Clock:
    """A time that goes on by itself, evenly."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


def client_of(venue: Any, name: str) -> Any:
    """Return a client of a simulated venue, which is pumped."""
    load(name)
    addresses = {"url": venue.url}
    if venue.http_url is not None:
        addresses["http_url"] = venue.http_url
    return clients()[name](
        delivery="pump", reconnect=QUICK, **addresses, **venue.credentials
    )


def take(stream: Stream, kind: str) -> list[Entry]:
    """Take what happened, until something of this kind is among it."""
    entries: list[Entry] = []
    deadline = Deadline(8)
    while kind not in [one.kind for one in entries]:
        assert not deadline.expired(), entries
        entries += stream.take(0.1)
    return entries


def watch() -> RenderableType:
    """Return the table of some topics, after a lost connection."""
    clock = Clock()
    with simulate("onyx", seed=11, interval=None) as venue, client_of(venue, "onyx") as client:
        stream = Stream(client)
        topics = [find("onyx", text) for text in ("tickers:brt,dub", "tickers:ebob,gasarb")]
        stream.subscribe([*topics, find("onyx", "dashboards")], conflate=False)
        board = Board("onyx", stream.subscriptions, clock)
        board.take(take(stream, "event"))
        for step in range(24):
            clock.now += 0.5
            venue.tick(3)
            board.take(take(stream, "event"))
            if step == 8:
                venue.drop()
                board.take(take(stream, "gap"))
        clock.now += 0.2
        return board.picture({text: one.stats for text, one in stream.subscriptions.items()})


def book() -> RenderableType:
    """Return the ladder of one book."""
    clock = Clock()
    with simulate("timex", seed=5, interval=None) as venue, client_of(venue, "timex") as client:
        stream = Stream(client)
        mirror = client.keep_order_book(
            "ETHAUDT", on_book=lambda view: stream.note("book", view, "ETHAUDT")
        )
        notices = Notices(clock)
        for _ in range(12):
            venue.tick(1)
            notices.take(take(stream, "book"))
        assert mirror.view is not None
        return picture("timex ETHAUDT", mirror.view, mirror.stats, notices, 0.1, 8)


def svg(drawn: RenderableType, title: str, width: int) -> str:
    """Return a picture of a terminal with this in it."""
    console = Console(record=True, width=width, file=io.StringIO(), force_terminal=True,
                      color_system="truecolor")  # fmt: skip
    console.print(drawn)
    return console.export_svg(title=title, theme=THEME, unique_id=title.split()[1])


PICTURES = {
    "watch.svg": lambda: svg(watch(), "venuesdk watch onyx tickers:brt,dub …", 104),
    "book.svg": lambda: svg(book(), "venuesdk book timex ETHAUDT", 86),
}

if __name__ == "__main__":
    DOCS.mkdir(exist_ok=True)
    for name, draw in PICTURES.items():
        (DOCS / name).write_text(draw(), encoding="utf-8")
        print(DOCS / name, (DOCS / name).stat().st_size)
