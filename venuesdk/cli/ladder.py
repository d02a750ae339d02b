"""Ladder: a book as ``venuesdk book`` draws it; pure, of a view and a few facts.

Asks above, bids below, the spread between them. A book that is not known to be right is not drawn.
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from ..book import BookLevel, BookView
from ..mirror import MirrorStats
from .notices import Notices, age_of, price_of
from .output import counted

__all__ = ["ladder", "picture", "size_of"]

BAR = 36
"""How wide the longest bar is."""
OWN, BETTER = "█", "░"
"""What rests at a price, and what rests at all better ones."""
LONG = Decimal(10) ** 9
MOST_PLACES = 12


def picture(
    heading: str, view: BookView | None, stats: MirrorStats, notices: Notices, age: float,
    levels: int,
) -> RenderableType:  # fmt: skip
    """Return the whole picture: facts, ladder, notices."""
    if view is None:
        trust = Text("◌ resynchronising: no book to be trusted", style="bold yellow")
    else:
        trust = Text("✓ synchronised", style="green")
    version = "" if view is None or view.version is None else f"version {view.version}"
    facts = (
        version,
        f"{age_of(age)} old" if view is not None else "",
        counted(stats.updates, "update"),
        counted(stats.gaps, "gap"),
    )
    head = [Text(heading, style="bold"), notices.light, trust]
    head += [Text(fact, style="dim") for fact in facts if fact]
    return Group(Text("  ").join(head), Text(), ladder(view, levels), Text(), *notices.lines())


def ladder(view: BookView | None, levels: int) -> Table:
    """Return the `levels` best prices of each side; empty rungs where there is no book."""
    table = Table(box=None, pad_edge=False, padding=(0, 1), header_style="dim")
    table.add_column("", width=3)
    for name in ("price", "size", "total"):
        table.add_column(name, justify="right", min_width=12, no_wrap=True)
    table.add_column("depth", width=BAR, no_wrap=True)
    if view is None:
        bids, asks = _rungs("bid", (), (), levels, None), _rungs("ask", (), (), levels, None)
    else:
        sizes, totals = view.levels(levels), view.depth(levels)
        most = max((row.size for side in totals for row in side[-1:]), default=None)
        bids = _rungs("bid", sizes.bids, totals.bids, levels, most)
        asks = _rungs("ask", sizes.asks, totals.asks, levels, most)
    for rung in reversed(asks):
        table.add_row(*rung)
    table.add_row("", *_spread(view))
    for rung in bids:
        table.add_row(*rung)
    return table


def size_of(size: Decimal, places: int = 0) -> str:
    """Return an amount so that it fits its column; the exact one is in the lines of JSON."""
    return f"{size:.4e}" if abs(size) >= LONG else f"{size:.{places}f}"


def _places(numbers: Iterable[Decimal], most: int = MOST_PLACES) -> int:
    """Return how many digits behind the point show all of these numbers, or `most`."""
    exponents = (number.as_tuple().exponent for number in numbers)
    return min(most, max((-one for one in exponents if isinstance(one, int)), default=0))


def _rungs(
    side: str,
    sizes: tuple[BookLevel, ...],
    totals: tuple[BookLevel, ...],
    levels: int,
    most: Decimal | None,
) -> list[list[Text]]:
    style = "green" if side == "bid" else "red"
    digits = _places(one.price for one in sizes)
    places = _places((one.size for one in sizes), 8)
    rungs = [
        [
            Text(side, style="dim"),
            Text(f"{one.price:.{digits}f}", style=f"bold {style}"),
            Text(size_of(one.size, places)),
            Text(size_of(total.size, places), style="dim"),
            _bar(one.size, total.size, most, style),
        ]
        for one, total in zip(sizes, totals, strict=True)
    ]
    empty = [Text(side, style="dim"), Text("·", style="dim"), Text(), Text(), Text()]
    return rungs + [empty] * (levels - len(rungs))


def _bar(own: Decimal, total: Decimal, most: Decimal | None, style: str) -> Text:
    if not most:
        return Text()
    whole = max(1, round(BAR * total / most))
    full = min(whole, max(1, round(BAR * own / most)))
    return Text.assemble((OWN * full, style), (BETTER * (whole - full), f"dim {style}"))


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
