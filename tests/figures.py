"""Figures: what a test measured, collected into tables that the run prints at its end."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

__all__ = ["Figures"]


class Figures:
    """The tables of one run, in the order in which they were begun."""

    def __init__(self) -> None:
        self._tables: dict[str, list[dict[str, Any]]] = {}

    def add(self, table: str, /, **row: Any) -> None:
        """Add a row to the table of that name; its columns are those of the table's first row."""
        self._tables.setdefault(table, []).append(row)

    def lines(self) -> Iterator[str]:
        """Yield every table as Markdown, ready to be copied."""
        for name, rows in self._tables.items():
            columns = list(rows[0])
            yield from ("", f"### {name}", "", "| " + " | ".join(columns) + " |")
            yield "|" + "---|" * len(columns)
            for row in rows:
                yield "| " + " | ".join(_cell(row.get(column, "")) for column in columns) + " |"

    def write(self, path: Path) -> None:
        """Write every row as one line of JSON, with the name of its table."""
        rows = [{"table": name, **row} for name, rows in self._tables.items() for row in rows]
        path.write_text("".join(f"{json.dumps(row, default=str)}\n" for row in rows))


def _cell(value: Any) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value)
