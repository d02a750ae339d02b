"""Board: the live table of ``venuesdk watch``, as what it knows and as what is drawn of it.

It is told entries and asked for a picture; it knows no terminal, no client and no clock but the
one that it is given.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal
from typing import TYPE_CHECKING

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from ..timing import monotonic
from .notices import Notices, age_of, price_of
from .output import counted, visible
from .readings import Reading, readings
from .stream import Entry

if TYPE_CHECKING:
    from ..session.subscription import SubscriptionStats

__all__ = ["Board", "trend_of"]

BLOCKS = "▁▂▃▄▅▆▇█"
KEPT = 14
"""How many middles the little curve of a line goes back."""
OLD = 5.0
"""Seconds after which a line counts as old."""


class _Line:
    """One instrument of one topic: what was said last, and how it came there."""

    def __init__(self) -> None:
        self.reading = Reading("")
        self.at = 0.0
        self.direction = 0
        self.middles: deque[Decimal] = deque(maxlen=KEPT)

    def take(self, reading: Reading, now: float) -> None:
        before, middle = self.reading.middle, reading.middle
        if before is not None and middle is not None and middle != before:
            self.direction = 1 if middle > before else -1
        if middle is not None:
            self.middles.append(middle)
        self.reading, self.at = reading, now


class Board:
    """The table of one client's topics; for one thread."""

    def __init__(
        self, venue: str, topics: Iterable[str], clock: Callable[[], float] = monotonic
    ) -> None:
        self._venue = venue
        self._lines: dict[str, dict[str, _Line]] = {topic: {} for topic in topics}
        self._notices = Notices(clock)
        self._clock = clock
        self._began = clock()

    def take(self, entries: list[Entry]) -> None:
        """Note what has happened."""
        now = self._clock()
        for entry in entries:
            if entry.kind == "event":
                lines = self._lines[entry.topic or ""]
                for reading in readings(entry.value):
                    lines.setdefault(reading.name, _Line()).take(reading, now)
        self._notices.take(entries)

    def picture(
        self, streams: Mapping[str, SubscriptionStats], room: int | None = None
    ) -> RenderableType:
        """Return what is to be drawn now, in `room` lines at the most."""
        parts: list[RenderableType] = [self._head(list(streams.values()))]
        # The head, the notices, and what each topic needs of its own.
        spare = None if room is None else room - 3 - len(self._notices) - 3 * len(self._lines)
        for topic, lines in self._lines.items():
            shown = list(lines.values())
            if spare is not None:
                shown = shown[: max(1, spare)]
                spare -= len(shown)
            parts += [Text(), _title(topic, streams.get(topic), len(lines) - len(shown))]
            if shown:
                parts.append(self._table(shown))
        parts += [Text(), *self._notices.lines()]
        return Group(*parts)

    def _head(self, counts: list[SubscriptionStats]) -> Text:
        facts = (
            counted(sum(one.received for one in counts), "event"),
            f"{sum(one.dropped for one in counts):,} dropped",
            counted(sum(one.gaps for one in counts), "gap"),
            f"connection {self._notices.epoch}",
            age_of(self._clock() - self._began),
        )
        parts = [Text(self._venue, style="bold"), self._notices.light]
        return Text("  ").join([*parts, *(Text(fact, style="dim") for fact in facts)])

    def _table(self, lines: list[_Line]) -> Table:
        priced = any(line.reading.is_priced for line in lines)
        table = Table(box=None, pad_edge=False, padding=(0, 1), header_style="dim", expand=True)
        table.show_header = priced
        table.add_column("", ratio=12, no_wrap=True)
        if priced:
            table.add_column("trend", width=KEPT + 2, no_wrap=True)
            for name in ("bid", "ask", "spread", "bp", "last"):
                ratio = 6 if name == "bp" else 11
                table.add_column(name, ratio=ratio, justify="right", no_wrap=True)
        else:
            table.add_column("", ratio=60, no_wrap=True)
        table.add_column("age", ratio=7, justify="right", no_wrap=True)
        for line in lines:
            cells = _priced(line) if priced else (Text(visible(line.reading.text)),)
            table.add_row(Text(visible(line.reading.name), style="bold"), *cells, self._age(line))
        return table

    def _age(self, line: _Line) -> Text:
        age = self._clock() - line.at
        return Text(age_of(age), style="yellow" if age > OLD else "dim")


def trend_of(middles: Iterable[Decimal], direction: int) -> Text:
    """Return where a price goes, as an arrow, and where it was, as a little curve."""
    values = list(middles)
    arrow, style = {1: ("▲", "green"), -1: ("▼", "red"), 0: ("·", "dim")}[direction]
    curve = ""
    if values:
        low, width = min(values), max(values) - min(values)
        top = len(BLOCKS) - 1
        curve = "".join(BLOCKS[int((one - low) * top / width) if width else 3] for one in values)
    return Text.assemble((arrow, style), " ", (curve, "cyan"))


def _priced(line: _Line) -> list[Text]:
    reading, middle, spread = line.reading, line.reading.middle, line.reading.spread
    points = "" if not spread or not middle else f"{spread / middle * 10_000:.1f}"
    return [
        trend_of(line.middles, line.direction),
        Text(price_of(reading.bid), style="green"),
        Text(price_of(reading.ask), style="red"),
        Text(price_of(spread)),
        Text(points),
        Text(price_of(reading.last) or visible(reading.text)),
    ]


def _title(topic: str, stats: SubscriptionStats | None, hidden: int) -> Text:
    title = Text(topic, style="bold cyan")
    if stats is not None:
        parts = [counted(stats.received, "event")]
        parts += [f"{stats.conflated:,} conflated"] if stats.conflated else []
        parts += [f"{stats.dropped:,} dropped", counted(stats.gaps, "gap")]
        title = Text.assemble(title, (f"  {' · '.join(parts)}", "dim"))
    if hidden > 0:
        title.append(f"  and {hidden} more than there is room for", style="yellow")
    return title
