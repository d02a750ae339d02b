"""What a kept book costs: one price of one side changes, and somebody looks.

``python tests/benchmarks/books.py [--seconds S]``

All in one process, round by round, on the same updates. The floor is what a book is at the least:
a dict of sizes and a sorted list of prices, without versions, checks or views. Nothing here
passes or fails: figures are for reading.
"""

from __future__ import annotations

import argparse
import sys
import time
from bisect import bisect_left
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from random import Random
from statistics import median
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent.parent))

from venuesdk.book import Book, BookUpdate  # noqa: E402

DEPTHS = (20, 50, 1000)
UPDATES = 1_000
ROUNDS = 5


class Floor:
    """A dict and a sorted list for each side."""

    def __init__(self, bids: Any, asks: Any) -> None:
        self.sizes = (dict(bids), dict(asks))
        self.prices = (sorted(self.sizes[0]), sorted(self.sizes[1]))

    def change(self, update: BookUpdate) -> None:
        for side, rows in enumerate((update.bids, update.asks)):
            sizes, prices = self.sizes[side], self.prices[side]
            for price, size in rows:
                if size:
                    if price not in sizes:
                        prices.insert(bisect_left(prices, price), price)
                    sizes[price] = size
                elif sizes.pop(price, None) is not None:
                    del prices[bisect_left(prices, price)]

    def best(self) -> Any:
        return self.prices[0][-1], self.prices[1][0]

    def top(self) -> Any:
        bids, asks = self.sizes
        return (
            [(price, bids[price]) for price in self.prices[0][:-11:-1]],
            [(price, asks[price]) for price in self.prices[1][:10]],
        )


def play(depth: int) -> tuple[BookUpdate, list[BookUpdate]]:
    """Return a whole book, and changes of it: a price in five comes or goes, the others move."""
    dice = Random(depth)
    prices = [Decimal(10_000 + step).scaleb(-2) for step in range(2 * depth)]
    sizes = [Decimal(dice.randint(1, 10**20)) for _ in range(64)]
    bids = [(price, dice.choice(sizes)) for price in prices[:depth]]
    asks = [(price, dice.choice(sizes)) for price in prices[depth:]]
    changes = []
    for version in range(1, UPDATES + 1):
        mine = dice.random() < 0.5
        price = dice.choice(prices[1 : depth - 1] if mine else prices[depth + 1 : -1])
        size = Decimal(0) if dice.random() < 0.1 else dice.choice(sizes)
        row = [(price, size)]
        bid_row, ask_row = (row, []) if mine else ([], row)
        changes.append(BookUpdate(bid_row, ask_row, first=version, last=version))
    return BookUpdate(bids, asks, whole=True, last=0), changes


def rows(whole: BookUpdate) -> dict[str, Callable[[], tuple[Callable[..., Any], ...]]]:
    """Return what is measured: for each name what makes the functions that one update runs."""

    def floor(*looks: str) -> tuple[Callable[..., Any], ...]:
        made = Floor(whole.bids, whole.asks)
        return (made.change, *(getattr(made, look) for look in looks))

    def book(*looks: Callable[[Any], Any]) -> tuple[Callable[..., Any], ...]:
        made = Book("A-B")
        made.replace(whole)
        return (made.change, *(lambda look=look: look(made.view(1)) for look in looks))

    return {
        "floor: update": floor,
        "floor: update, best": lambda: floor("best"),
        "floor: update, ten of each side": lambda: floor("top"),
        "`Book`: update": book,
        "`Book`: update, view": lambda: book(lambda view: view),
        "`Book`: update, view, best": lambda: book(lambda view: (view.best_bid, view.best_ask)),
        "`Book`: update, view, `levels(10)`": lambda: book(lambda view: view.levels(10)),
        "`Book`: update, view, `depth(10)`": lambda: book(lambda view: view.depth(10)),
    }


def measure(make: Callable[[], Any], changes: list[BookUpdate], seconds: float) -> float:
    """Return the microseconds of one update."""
    spent = count = 0
    while spent < seconds * 1e9:
        change, *looks = make()
        started = time.perf_counter_ns()
        for update in changes:
            change(update)
            for look in looks:
                look()
        spent += time.perf_counter_ns() - started
        count += len(changes)
    return spent / count / 1_000


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--seconds", type=float, default=0.2, help="for each figure and round")
    seconds = parser.parse_args().seconds
    plays = {depth: play(depth) for depth in DEPTHS}
    figures: dict[str, dict[int, list[float]]] = {}
    for _ in range(ROUNDS):
        for depth, (whole, changes) in plays.items():
            for name, make in rows(whole).items():
                found = figures.setdefault(name, {}).setdefault(depth, [])
                found.append(measure(make, changes, seconds))
    print(f"| µs per update, levels a side | {' | '.join(map(str, DEPTHS))} |")
    print("|---|" + "---:|" * len(DEPTHS))
    for name, found in figures.items():
        print(f"| {name} | {' | '.join(f'{median(found[depth]):.2f}' for depth in DEPTHS)} |")


if __name__ == "__main__":
    main()
