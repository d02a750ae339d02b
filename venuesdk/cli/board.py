"""Board: the live table of ``venuesdk watch``, as what it knows and as what is drawn of it.

It is told entries and asked for a picture; it knows no terminal, no client and no clock but the
one that it is given.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from decimal import Decimal
from typing import TYPE_CHECKING

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from ..models import Gap, State, StateChange
from ..timing import monotonic
from .readings import Reading, readings
from .stream import Entry

if TYPE_CHECKING:
    from ..session.subscription import SubscriptionStats

__all__ = ["LIGHTS", "Board", "age_of", "light", "price_of", "trend_of"]

LIGHTS = {
    State.CONNECTED: ("●", "green"),
    State.CONNECTING: ("○", "yellow"),
    State.NEW: ("○", "yellow"),
    State.RECONNECTING: ("◌", "yellow"),
    State.FAILED: ("✕", "red"),
    State.CLOSED: ("✕", "red"),
}
"""How each state is shown: by a sign, and by a colour beside it."""
BLOCKS = "▁▂▃▄▅▆▇█"
KEPT = 14
"""How many middles the little curve of a line goes back."""
NOTICES = 5
"""How many notices stand under the table."""
STALE = 5.0
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
        self._notices: deque[tuple[float, str, str]] = deque(maxlen=NOTICES)
        self._clock = clock
        self._began = clock()
        self._state = State.NEW
        self._epoch = 0

    def take(self, entries: Iterable[Entry]) -> None:
        """Note what has happened."""
        gaps: dict[str, list[str]] = {}
        for entry in entries:
            if entry.kind == "event":
                self._event(entry)
            elif entry.kind == "gap":
                gaps.setdefault(_gap(entry.value), []).append(entry.topic or "")
            elif entry.kind == "state":
                self._change(entry.value)
            else:
                self._notice("red", f"{type(entry.value).__name__}: {entry.value}")
        for what, topics in gaps.items():
            self._notice("yellow", f"gap in {', '.join(dict.fromkeys(topics))}: {what}")

    def picture(
        self, streams: dict[str, SubscriptionStats], room: int | None = None
    ) -> RenderableType:
        """Return what is to be drawn now, in `room` lines at the most."""
        parts: list[RenderableType] = [self._head(streams.values())]
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
        parts += [Text(), *(self._told(*notice) for notice in self._notices)]
        return Group(*parts)

    def _event(self, entry: Entry) -> None:
        lines = self._lines[entry.topic or ""]
        for reading in readings(entry.value):
            lines.setdefault(reading.name, _Line()).take(reading, self._clock())

    def _change(self, change: StateChange) -> None:
        self._state, self._epoch = change.state, change.epoch
        if change.state is State.RECONNECTING:
            attempt = f" (attempt {change.attempt})" if change.attempt else ""
            self._notice("yellow", f"reconnecting{attempt}: {change.reason}")
        elif change.state is State.FAILED:
            self._notice("red", f"failed: {change.reason}")
        elif change.state is State.CONNECTED and change.previous is State.RECONNECTING:
            self._notice("green", "connected again")

    def _notice(self, style: str, text: str) -> None:
        self._notices.append((self._clock(), style, text))

    def _told(self, at: float, style: str, text: str) -> Text:
        ago = age_of(self._clock() - at)
        line = Text.assemble((f"{ago:>6} ago  ", "dim"), (text, style))
        line.truncate(200)
        line.no_wrap = True
        return line

    def _head(self, streams: Iterable[SubscriptionStats]) -> Text:
        counts = list(streams)
        parts: list[Text | str] = [
            light(self._state),
            f"{sum(one.received for one in counts):,} events",
            f"{sum(one.dropped for one in counts):,} dropped",
            _gaps(sum(one.gaps for one in counts)),
            f"connection {self._epoch}",
            age_of(self._clock() - self._began),
        ]
        return Text("  ").join([Text(self._venue, style="bold"), *map(_text, parts)])

    def _table(self, lines: list[_Line]) -> Table:
        priced = any(line.reading.is_priced for line in lines)
        table = Table(box=None, pad_edge=False, padding=(0, 1), header_style="dim", expand=True)
        table.show_header = priced
        table.add_column("", ratio=12, no_wrap=True)
        if not priced:
            table.add_column("", ratio=60, no_wrap=True)
            table.add_column("age", ratio=7, justify="right", no_wrap=True)
            for line in lines:
                table.add_row(line.reading.name, line.reading.text, self._age(line))
            return table
        table.add_column("trend", width=KEPT + 2, no_wrap=True)
        for name in ("bid", "ask", "spread", "bp", "last"):
            table.add_column(name, ratio=6 if name == "bp" else 11, justify="right", no_wrap=True)
        table.add_column("age", ratio=7, justify="right", no_wrap=True)
        for line in lines:
            table.add_row(*self._cells(line))
        return table

    def _cells(self, line: _Line) -> list[RenderableType]:
        reading, middle = line.reading, line.reading.middle
        spread = reading.spread
        points = "" if not spread or not middle else f"{spread / middle * 10_000:.1f}"
        sides = ((reading.bid, "green"), (reading.ask, "red"), (spread, ""))
        return [
            Text(reading.name, style="bold"),
            trend_of(line.middles, line.direction),
            *(Text(price_of(one), style=style) for one, style in sides),
            points,
            price_of(reading.last) or reading.text,
            self._age(line),
        ]

    def _age(self, line: _Line) -> Text:
        age = self._clock() - line.at
        return Text(age_of(age), style="yellow" if age > STALE else "dim")


def light(state: State) -> Text:
    """Return a state as a sign and a word, coloured beside."""
    sign, style = LIGHTS[state]
    return Text(f"{sign} {state.value}", style=style)


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


def age_of(seconds: float) -> str:
    """Return a time in the unit that fits it."""
    if seconds < 100:
        return f"{max(0.0, seconds):.1f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.0f} h"


def price_of(price: Decimal | None) -> str:
    """Return a price without an exponent, with all its digits; nothing where there is none."""
    return "" if price is None else f"{price:f}"


def _title(topic: str, stats: SubscriptionStats | None, hidden: int) -> Text:
    title = Text.assemble((topic, "bold cyan"))
    if stats is not None:
        parts = [f"{stats.received:,} events"]
        parts += [f"{stats.conflated:,} conflated"] if stats.conflated else []
        parts += [f"{stats.dropped:,} dropped", _gaps(stats.gaps)]
        title.append(f"  {' · '.join(parts)}", style="dim")
    if hidden > 0:
        title.append(f"  and {hidden} more than there is room for", style="yellow")
    return title


def _gap(gap: Gap) -> str:
    lost = "an unknown number of" if gap.count is None else f"{gap.count:,}"
    return f"{gap.reason.value}, {lost} events lost"


def _gaps(count: int) -> str:
    return "1 gap" if count == 1 else f"{count:,} gaps"


def _text(part: str | Text) -> Text:
    return Text(part, style="dim") if isinstance(part, str) else part
