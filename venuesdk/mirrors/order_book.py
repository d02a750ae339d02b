"""OrderBookMirror: one market's book, kept current from a base and the changes behind it.

When a book is shown, and when another base is asked for, is decided here and in what all mirrors
share; which change follows which is the business of `venuesdk.book`. No venue is known here.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any, Final

from ..book import Book, BookUpdate, BookView
from ..errors import SequenceGap
from ..models import GapReason
from ..session.subscription import Subscription
from ..session.upkeep import Upkeep
from ..timing import Deadline
from .mirror import Mirror

__all__ = ["OrderBookMirror"]

MOST_HELD: Final = 10_000
"""How many changes are held while their base is being asked for; the oldest give way."""


class OrderBookMirror(Mirror[BookView]):
    """A market's book, kept current; `view` is a `BookView`.

    A stream of whole books needs no more than the next one after a gap. Where the stream brings
    changes, their versions must leave no gap, and a base is asked for beside the stream: changes
    that come meanwhile are held, and joined to it. A base that was cut off is right as far as it
    goes; where the market has moved so far that half of a side is gone, another one is asked for,
    while what is known is shown; where all of a side is gone, nothing is.
    """

    def __init__(
        self,
        upkeep: Upkeep,
        market: str,
        read: Callable[[Any], BookUpdate],
        ask: Callable[[Deadline], BookUpdate] | None = None,
        on_book: Callable[[BookView], object] | None = None,
    ) -> None:
        super().__init__(upkeep, f"the book of {market}", on_book)
        self.market = market
        self._read = read
        self._ask_venue = ask
        self._book = Book(market)
        self._held: deque[BookUpdate] | None = deque(maxlen=MOST_HELD)
        self._unplaced: list[BookUpdate] = []
        self._known = False

    def _absorb(self, event: Any) -> BookView | None:
        update = self._read(event)
        if update.whole:
            self._book.replace(update)
            self._held, self._known = None, True
            return self._seen()
        if self._held is not None:
            # What can be placed behind no base at all would spoil every one.
            self._book.check(update, self._held[-1] if self._held else None)
            self._held.append(update)
        if not self._known:
            return None
        try:
            news = self._book.change(update)
        except SequenceGap:
            self._book.check(update)
            # It stands all the same: a base from before it lacks what was missed, too.
            self._unplaced.append(update)
            raise
        return self._deep_enough() if news else None

    def _absorb_answer(self, answer: BookUpdate) -> BookView | None:
        held = self._held
        if held is None:
            # The stream has brought a whole book since.
            return None
        book = Book(self.market)
        try:
            book.replace(answer)
            book.join(held)
        except SequenceGap as error:
            # What is held stays: a later base will meet it, for the stream itself is whole.
            self._failed(self._round, error)
            return None
        self._book, self._held, self._known = book, None, True
        # What was held may have taken as much of the base away as what comes later may.
        return self._deep_enough()

    def _deep_enough(self) -> BookView | None:
        """Return the book, as far as it is known; ask for another base where that is not far."""
        if self._held is None and self._ask_venue is not None and self._book.shallow:
            self._calm()
            self._held = deque(maxlen=MOST_HELD)
            self._want()
        if self._book.exhausted:
            # What is held goes on until the base, asked for when half was gone, has come.
            self._known = False
            self._hide()
            return None
        return self._seen()

    def _forget(self) -> None:
        self._book = Book(self.market)
        self._held = deque(self._unplaced, MOST_HELD)
        self._unplaced = []
        self._known = False

    def _ask_now(self, deadline: Deadline) -> BookUpdate | None:
        if self._ask_venue is None:
            return None
        self._attempts += 1
        return self._ask_venue(deadline)

    def _ask(self, subscription: Subscription[Any], deadline: Deadline) -> BookUpdate | None:
        if self._ask_venue is None:
            return None
        # First the stream, then its base: the other way round, changes in between are lost.
        self._upkeep.await_active(subscription, deadline)
        return self._ask_venue(deadline)

    def _comes_by_itself(self, gap: GapReason | None) -> bool:
        return self._ask_venue is None

    def _has_come(self) -> bool:
        return self._held is None

    def _seen(self) -> BookView:
        return self._book.view(self._epoch())
