"""Rounds of figures to tables: medians with their range, ratios of one round, as Markdown."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from statistics import median
from typing import Any, TypeAlias

__all__ = ["Rows", "Table", "against", "beaten_by", "middle", "number", "ratio", "spread"]

Columns: TypeAlias = "Sequence[tuple[str, Callable[[Table, str], str]]]"
"""The head of each column, and what writes its cells."""
Rows: TypeAlias = "dict[str, list[dict[str, float]]]"
"""The name of a row → what each round found; empty where the client could not be measured."""


class Table:
    """One table: its rows by name, round by round, and why some have none."""

    def __init__(self, section: str, title: str, columns: Columns = ()) -> None:
        self.section = section
        self.columns = columns
        self.title = title
        self.rows: Rows = {}
        self.reasons: dict[str, str] = {}
        self.failed: set[str] = set()
        self.notes: list[str] = []
        self.first = "client"

    def add(self, name: str, found: dict[str, float]) -> None:
        """Add one round of one row."""
        self.rows.setdefault(name, []).append(found)

    def skip(self, name: str, reason: str) -> None:
        """Say why a row has no figures."""
        self.rows.setdefault(name, [])
        self.reasons[name] = reason

    def fail(self, name: str, reason: str) -> None:
        """Say why a row has no figures of one round; that round keeps its place."""
        self.add(name, {})
        self.failed.add(name)
        self.reasons[name] = reason

    def middle(self, name: str, figure: str) -> float | None:
        """Return the median of a row's figure."""
        values = [found[figure] for found in self.rows.get(name, ()) if figure in found]
        return median(values) if values else None

    def ratio(self, name: str, other: str, figure: str) -> float | None:
        """Return the median of the rounds' ratios of one row to another.

        A round's two figures were measured one after the other, so that a machine that becomes
        slower in the middle of a run bends the ratios less than it bends the figures.
        """
        pairs = zip(self.rows.get(name, ()), self.rows.get(other, ()), strict=False)
        return ratio([(mine.get(figure), theirs.get(figure)) for mine, theirs in pairs])

    def as_json(self) -> dict[str, Any]:
        """Return all that was found."""
        return {
            "section": self.section,
            "title": self.title,
            "rounds": self.rows,
            "reasons": self.reasons,
            "failed": sorted(self.failed),
            "notes": self.notes,
        }

    def markdown(self) -> str:
        """Return the table, with what there is to say about it below."""
        columns = self.columns
        lines = [f"### {self.title}", ""]
        lines.append("| " + " | ".join([self.first, *(head for head, _ in columns)]) + " |")
        lines.append("|---|" + "---:|" * len(columns))
        for name, rounds in self.rows.items():
            cells = [write(self, name) if any(rounds) else "" for _, write in columns]
            if not any(rounds):
                word = "failed" if name in self.failed else "skipped"
                cells[0] = f"{word}: {self.reasons.get(name, 'it was not run')}"
            lines.append("| " + " | ".join([name, *cells]) + " |")
        lines += ["", *self.notes]
        lines += [f"{name}: {why}" for name, why in self.reasons.items() if any(self.rows[name])]
        return "\n".join(lines).rstrip() + "\n"


def ratio(pairs: Sequence[tuple[float | None, float | None]]) -> float | None:
    """Return the median of the quotients that there are."""
    found = [mine / theirs for mine, theirs in pairs if mine is not None and theirs]
    return median(found) if found else None


def number(value: float | None, digits: int = 3) -> str:
    """Return a figure with a few significant digits, thousands set apart."""
    if value is None:
        return ""
    if abs(value) >= 1000:
        places = max(0, len(str(int(abs(value)))) - digits)
        return f"{round(value, -places):,.0f}"
    return f"{value:.{digits}g}" if abs(value) < 100 else f"{value:.0f}"


def spread(figure: str) -> Callable[[Table, str], str]:
    """Return what writes a row's median with its least and its most."""

    def write(table: Table, name: str) -> str:
        values = [found[figure] for found in table.rows[name] if figure in found]
        if not values:
            return ""
        if len(values) == 1:
            return number(values[0])
        return f"{number(median(values))} ({number(min(values))}–{number(max(values))})"

    return write


def middle(figure: str, scale: float = 1.0, unit: str = "") -> Callable[[Table, str], str]:
    """Return what writes a row's median alone."""

    def write(table: Table, name: str) -> str:
        value = table.middle(name, figure)
        return "" if value is None else number(value * scale) + unit

    return write


def against(other: str, figure: str) -> Callable[[Table, str], str]:
    """Return what writes how many times another row's figure this row's is."""

    def write(table: Table, name: str) -> str:
        return number(table.ratio(name, other, figure))

    return write


def beaten_by(other: str, figure: str) -> Callable[[Table, str], str]:
    """Return what writes how many times this row's figure another row's is."""

    def write(table: Table, name: str) -> str:
        return number(table.ratio(other, name, figure))

    return write
