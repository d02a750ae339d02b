"""Ladder: a book as ``venuesdk book`` draws it; pure, of a view and a few facts.

Asks above, bids below, the spread between them. A book that is not known to be right is not drawn.
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import TypeAlias

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from ..book import BookLevel, BookView
from ..mirrors.mirror import MirrorStats
from .notices import Notices, age_of, one_line, price_of
from .output import counted

__all__ = ["ladder", "picture", "size_of"]

BAR = 36
"""How wide the longest bar is."""
SHORTEST = 6
BESIDE = 46
"""How many characters stand beside a bar, at the least."""
TINY = BESIDE + SHORTEST
"""Below this there are prices and sizes alone, and what does not fit ends with a sign of that."""
WIDE = BAR + BESIDE
EMPTY = (Text(), Text(), Text())
OWN, BETTER = "█", "░"
"""What rests at a price, and what rests at all better ones."""
Levels: TypeAlias = tuple[BookLevel, ...]
LONG = Decimal(10) ** 9
MOST_PLACES = 12


def picture(
    heading: str,
    view: BookView | None,
    stats: MirrorStats,
    notices: Notices,
    age: float,
    levels: int,
    size: tuple[int, int] = (WIDE, 1_000),
) -> RenderableType:
    """Return the whole picture: facts, ladder, notices; within a width and a height."""
    width, height = size
    if view is None:
        trust = Text("◌ resynchronising: no book to be trusted", style="bold yellow")
    else:
        trust = Text("✓ synchronised", style="green")
    facts = [
        "" if view is None or view.version is None else f"version {view.version}",
        "" if view is None else f"{age_of(age)} old",
        counted(stats.updates, "update"),
        counted(stats.gaps, "gap"),
    ]
    head = [Text(heading, style="bold"), notices.light, trust]
    head += [Text(fact, style="dim") for fact in facts if fact]
    # What is not a rung: head, names, middle, two empty lines, and the one that the cursor is on.
    rungs = max(1, (height - 6 - len(notices)) // 2)
    drawn = ladder(view, min(levels, rungs), width)
    return Group(one_line(Text("  ").join(head)), Text(), drawn, Text(), *notices.lines())


def ladder(view: BookView | None, levels: int, width: int = WIDE) -> Table:
    """Return the `levels` best prices of each side; empty rungs where there is no book."""
    bar = max(SHORTEST, min(BAR, width - BESIDE))
    table = Table(box=None, pad_edge=False, padding=(0, 1), header_style="dim")
    fits = width >= TINY
    shown = 5 if fits else 3
    table.add_column("", width=3 if fits else None, no_wrap=True)
    for name in ("price", "size", "total")[: shown - 1]:
        table.add_column(name, justify="right", min_width=10 if fits else None, no_wrap=True)
    if fits:
        table.add_column("depth", width=bar, no_wrap=True)
    sides = {"bid": _Side("green"), "ask": _Side("red")}
    if view is not None:
        sizes, totals = view.levels(levels), view.depth(levels)
        most = max((side[-1].size for side in totals if side), default=Decimal(0))
        sides["bid"].climb(sizes.bids, totals.bids, most, bar)
        sides["ask"].climb(sizes.asks, totals.asks, most, bar)
    for name in ("ask", "bid"):
        rungs = sides[name].rungs
        rungs += [[Text("·", style="dim"), *EMPTY]] * (levels - len(rungs))
        for rung in reversed(rungs) if name == "ask" else rungs:
            table.add_row(*[Text(name, style="dim"), *rung][:shown])
        if name == "ask":
            table.add_row(*[Text(), *_spread(view)][:shown])
    return table


class _Side:
    """The rungs of one side, best price first."""

    def __init__(self, style: str) -> None:
        self._style = style
        self.rungs: list[list[Text]] = []

    def climb(self, sizes: Levels, totals: Levels, most: Decimal, bar: int) -> None:
        """Make a rung of each level: its price, its size, what is there up to it, and a bar."""
        digits = _places(one.price for one in sizes)
        places = _places((one.size for one in sizes), 8)
        for one, total in zip(sizes, totals, strict=True):
            whole = max(1, round(bar * total.size / most)) if most else 0
            own = min(whole, max(1, round(bar * one.size / most))) if most else 0
            depth = ((OWN * own, self._style), (BETTER * (whole - own), f"dim {self._style}"))
            self.rungs.append(
                [
                    Text(f"{one.price:.{digits}f}", style=f"bold {self._style}"),
                    Text(size_of(one.size, places)),
                    Text(size_of(total.size, places), style="dim"),
                    Text.assemble(*depth),
                ]
            )


def size_of(size: Decimal, places: int = 0) -> str:
    """Return an amount so that it fits its column; the exact one is in the lines of JSON."""
    return f"{size:.4e}" if abs(size) >= LONG else f"{size:.{places}f}"


def _places(numbers: Iterable[Decimal], most: int = MOST_PLACES) -> int:
    """Return how many digits behind the point show all of these numbers, or `most`."""
    exponents = (number.as_tuple().exponent for number in numbers)
    return min(most, max((-one for one in exponents if isinstance(one, int)), default=0))


def _spread(view: BookView | None) -> list[Text]:
    if view is None or view.spread is None or view.mid is None:
        return [Text(), Text(), Text(), Text("no spread", style="dim")]
    points = f"{view.spread / view.mid * 10_000:.1f} bp" if view.mid else ""
    what = "crossed" if view.crossed else "spread"
    return [
        Text(price_of(view.mid.normalize()), style="bold"),
        Text("middle", style="dim"),
        Text(),
        Text(f"{what} {price_of(view.spread)}  {points}", style="bold"),
    ]
