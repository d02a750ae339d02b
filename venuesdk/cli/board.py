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
from .notices import Notices, age_of, one_line, price_of
from .output import counted, visible
from .readings import Reading, readings
from .stream import Entry

if TYPE_CHECKING:
    from ..session.subscription import SubscriptionStats

__all__ = ["Board", "trend_of"]

BLOCKS = "▁▂▃▄▅▆▇█"
KEPT = 14
"""How many middles the little curve of a line goes back."""
COLUMNS = ("bid", "ask", "spread", "bp", "last", "what")
WIDE, NARROW, TINY = 100, 76, 45
"""How many characters a line must have for all of the curve, for all of the columns, and for them
to have a width at the least: in a narrower one what does not fit ends with a sign of that."""
CURVE = 5
"""How many middles the curve has where the line is not wide."""
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
        self,
        streams: Mapping[str, SubscriptionStats],
        room: int | None = None,
        width: int = WIDE,
    ) -> RenderableType:
        """Return what is to be drawn now, in `room` lines of `width` at the most.

        Where that is narrow, columns are left out, and never cut: half a price is a wrong one.
        """
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
                parts.append(self._table(shown, width))
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
        head = Text("  ").join([*parts, *(Text(fact, style="dim") for fact in facts)])
        return one_line(head)

    def _table(self, lines: list[_Line], width: int) -> Table:
        table = Table(box=None, pad_edge=False, padding=(0, 1), header_style="dim", expand=True)
        table.add_column("", ratio=1, no_wrap=True)
        rows = [[Text(visible(line.reading.name), style="bold")] for line in lines]
        if any(line.reading.is_priced for line in lines):
            curve = KEPT if width >= WIDE else CURVE if width >= NARROW else 0
            table.add_column("trend" if curve else "", width=2 + curve, no_wrap=True)
            for row, line in zip(rows, lines, strict=True):
                middles = list(line.middles)[-curve:] if curve else ()
                row.append(trend_of(middles, line.direction))
            prices = [_prices(line) for line in lines]
            filled = [name for name in COLUMNS if any(one[name] for one in prices)]
            for name in filled if width >= NARROW else filled[:2]:
                least = None if width < TINY else 5 if name == "bp" else 9
                table.add_column(name, min_width=least, justify="right", no_wrap=True)
                for row, one in zip(rows, prices, strict=True):
                    row.append(one[name])
        else:
            table.show_header = False
            table.add_column("", ratio=4, no_wrap=True)
            for row, line in zip(rows, lines, strict=True):
                row.append(Text(visible(line.reading.text)))
        least = None if width < TINY else 6
        table.add_column("age", min_width=least, justify="right", no_wrap=True)
        for row, line in zip(rows, lines, strict=True):
            table.add_row(*row, self._age(line))
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


def _prices(line: _Line) -> dict[str, Text]:
    """Return the cells of `COLUMNS`, empty where there is nothing to say."""
    reading, middle, spread = line.reading, line.reading.middle, line.reading.spread
    points = "" if not spread or not middle else f"{spread / middle * 10_000:.1f}"
    return {
        "bid": Text(price_of(reading.bid), style="green"),
        "ask": Text(price_of(reading.ask), style="red"),
        "spread": Text(price_of(spread)),
        "bp": Text(points),
        "last": Text(price_of(reading.last)),
        "what": Text(visible(reading.text)),
    }


def _title(topic: str, stats: SubscriptionStats | None, hidden: int) -> Text:
    parts = [] if stats is None else [counted(stats.received, "event")]
    if stats is not None:
        parts += [f"{stats.conflated:,} conflated"] if stats.conflated else []
        parts += [f"{stats.dropped:,} dropped", counted(stats.gaps, "gap")]
    more = f"  {hidden} more lines than there is room for" if hidden > 0 else ""
    counts = f"  {' · '.join(parts)}"
    return one_line(Text.assemble((topic, "bold cyan"), (more, "yellow"), (counts, "dim")))
