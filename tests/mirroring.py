"""A stage for mirrors without a socket: whoever tests one sees what it asks for and shows.

The session is a fake that runs nothing by itself, so that every order of things can be played.
"""

from __future__ import annotations

from decimal import Decimal

from venuesdk.book import BookUpdate
from venuesdk.mirrors.order_book import OrderBookMirror
from venuesdk.models import Gap, GapReason

TOLD = [reason for reason in GapReason if reason is not GapReason.STALE]
"""Gaps after which something may be missing."""


class FakeUpkeep:
    """A session's upkeep that does what a test tells it to, when it tells it to."""

    venue = "toy"
    timeout = 5.0

    def __init__(self):
        self.epoch = 1
        self.notices = []
        self.errands = []
        self.reports = []
        self.announced = 0
        self.awaited = 0

    def here(self, notice):
        self.notices.append(notice)

    def later(self, seconds, errand):
        self.errands.append((seconds, errand))

    def report(self, error):
        self.reports.append(error)

    def announce(self):
        self.announced += 1

    def await_active(self, subscription, deadline):
        self.awaited += 1

    def wait_for(self, look, deadline):
        return look()

    def settle(self):
        """Do all that is due, and all that comes of it; return the delays that were asked for."""
        delays = []
        while self.notices or self.errands:
            if self.notices:
                self.notices.pop(0)()
            else:
                seconds, errand = self.errands.pop(0)
                delays.append(seconds)
                errand()
        return delays


class FakeSubscription:
    """A subscription that only remembers."""

    began = 1

    def __init__(self, take, options):
        self.take = take
        self.on_gap = options["on_gap"]
        self.closed = False
        self.error = None
        self.warned = []

    def close(self):
        self.closed = True

    def warn_of(self, gap):
        self.warned.append(gap)


class Stage:
    """One mirror with all that it talks to; events are `BookUpdate`s.

    What comes `early` comes before its subscribe has returned.
    """

    def __init__(self, *bases, early=(), on_book=None, options=None, rhythm=None):
        self.upkeep = FakeUpkeep()
        self.bases = list(bases)
        self.asked = 0
        self.seen = []
        self.mirror = OrderBookMirror(
            self.upkeep, "A-B", lambda event: event, self.ask if bases else None,
            self.seen.append if on_book is None else on_book,
        )  # fmt: skip
        if rhythm is not None:
            self.mirror.rhythm = rhythm
        self.early = early
        self.mirror.start(self.subscribe, options or {})
        self.upkeep.settle()

    def subscribe(self, take, options):
        self.stream = FakeSubscription(take, options)
        for early in self.early:
            (self.stream.on_gap if isinstance(early, Gap) else take)(early)
        return self.stream

    def ask(self, deadline):
        self.asked += 1
        base = self.bases.pop(0) if len(self.bases) > 1 else self.bases[0]
        if isinstance(base, Exception):
            raise base
        return base

    def push(self, *updates):
        for update in updates:
            self.stream.take(update)

    def gap(self, reason, count=None, epoch=1):
        self.stream.on_gap(Gap(reason, count, epoch))


def rows(*prices, size=1):
    """Write rows of one size."""
    return [(Decimal(price), Decimal(size)) for price in prices]


def base(version, bids=(99,), asks=(101,), limit=None):
    """Write a whole book."""
    return BookUpdate(rows(*bids), rows(*asks), whole=True, last=version, limit=limit)


def change(first, last=None, bids=(), size=1):
    """Write a change."""
    return BookUpdate(rows(*bids, size=size), [], first=first, last=last or first)


def best(stage):
    """Return the price of the best bid that is shown, or None where nothing is."""
    view = stage.mirror.view
    return None if view is None else view.best_bid.price
