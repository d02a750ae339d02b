"""Mirrors without a socket: what each event, gap and failure does to what is shown.

The session is a fake that runs nothing by itself, so that every order of things can be played.
With real sessions, threads and venues, `tests/venues/test_mirrors.py` does the same.
"""

from __future__ import annotations

import pickle
from decimal import Decimal

import pytest

from venuesdk.book import BookUpdate
from venuesdk.errors import ClientClosed, ProtocolError, RateLimitExceeded, SequenceGap
from venuesdk.mirror import MirrorStats, OrderBookMirror
from venuesdk.models import Gap, GapReason
from venuesdk.timing import Backoff

TOLD = [reason for reason in GapReason if reason is not GapReason.STALE]


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
    """One mirror with all that it talks to; events are `BookUpdate`s."""

    def __init__(self, *bases, on_book=None, options=None, rhythm=None):
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
        self.early = []
        self.mirror.start(self.subscribe, options or {})
        self.upkeep.settle()

    def subscribe(self, take, options):
        self.stream = FakeSubscription(take, options)
        for early in self.early:
            take(early)
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


# ---- the way in --------------------------------------------------------------------------------


def test_there_is_no_view_before_a_full_state():
    """A stream of whole books is not known until the first of them."""
    stage = Stage()
    assert stage.mirror.view is None
    assert not stage.mirror.synchronised
    with pytest.raises(TimeoutError, match="the book of A-B"):
        stage.mirror.wait(0)
    stage.push(base(1))
    assert stage.mirror.wait(0) is stage.mirror.view is stage.seen[0]
    assert stage.mirror.synchronised
    assert stage.mirror.stats == MirrorStats(True, 1, 0, 0, 0, 0)


def test_changes_start_from_the_base_that_was_asked_for():
    """Behind the subscription, on the caller's thread; what it covers is left out."""
    stage = Stage(base(10))
    assert (stage.asked, best(stage)) == (1, 99)
    stage.push(change(10, bids=[98]), change(11, bids=[100]))
    assert best(stage) == 100
    assert [view.version for view in stage.seen] == [10, 11]


def test_changes_before_the_base_are_held_and_joined():
    """Those that come while it is asked for, before the subscribe has returned too."""
    stage = Stage.__new__(Stage)
    stage.early = [change(9, bids=[97]), change(11, bids=[100])]
    upkeep = stage.upkeep = FakeUpkeep()
    stage.seen, stage.bases, stage.asked = [], [base(10)], 0
    mirror = stage.mirror = OrderBookMirror(upkeep, "A-B", lambda event: event, stage.ask)
    mirror.start(stage.subscribe, {})
    assert mirror.view is None
    upkeep.settle()
    assert (best(stage), mirror.view.version) == (100, 11)


def test_a_base_that_cannot_be_had_leaves_nothing_behind():
    """The caller gets the error, and the stream is closed."""
    refusal = RateLimitExceeded("slower")
    with pytest.raises(RateLimitExceeded):
        stage = Stage.__new__(Stage)
        stage.upkeep, stage.early, stage.bases, stage.asked = FakeUpkeep(), [], [refusal], 0
        OrderBookMirror(stage.upkeep, "A-B", lambda event: event, stage.ask).start(
            stage.subscribe, {}
        )
    assert stage.stream.closed


def test_conflation_is_refused():
    """Before anything is subscribed: a change cannot be left out."""
    with pytest.raises(ValueError, match="cannot be conflated"):
        Stage(options={"conflate": True})


@pytest.mark.parametrize("callback", [3, "on_book"])
def test_what_cannot_be_called_is_refused(callback):
    """As a callback for books, and for gaps."""
    with pytest.raises(TypeError, match="callable"):
        Stage(on_book=callback)
    with pytest.raises(TypeError, match="callable"):
        Stage(options={"on_gap": callback})


# ---- gaps --------------------------------------------------------------------------------------


@pytest.mark.parametrize("reason", TOLD)
def test_whatever_may_have_been_missed_hides_the_book(reason):
    """Until the next whole book, of a stream of whole books; no one need ask for it."""
    stage = Stage()
    stage.push(base(1))
    stage.gap(reason)
    assert stage.mirror.view is None
    assert stage.upkeep.settle() == []
    stage.push(base(5, bids=[90]))
    assert best(stage) == 90
    assert stage.mirror.stats == MirrorStats(True, 2, 1, 1, 0, 0)


@pytest.mark.parametrize("reason", TOLD)
def test_after_a_gap_changes_get_a_new_base(reason):
    """Asked for when the stream stands again, and joined to what came since."""
    stage = Stage(base(10), base(20, bids=[50]))
    stage.gap(reason)
    stage.push(change(20), change(21, bids=[60]))
    assert stage.mirror.view is None
    stage.upkeep.settle()
    assert (best(stage), stage.mirror.view.version) == (60, 21)
    assert (stage.asked, stage.upkeep.awaited) == (2, 1)


def test_silence_hides_nothing():
    """A stream that is stale has lost nothing; the user is told all the same."""
    told = []
    stage = Stage(base(10), options={"on_gap": told.append, "stale_after": 3})
    stage.gap(GapReason.STALE)
    assert best(stage) == 99
    assert [gap.reason for gap in told] == [GapReason.STALE]
    assert stage.mirror.stats.gaps == 0


def test_gaps_go_to_the_users_on_gap_or_to_the_log():
    """The book is hidden by then."""
    hidden = []
    stage = Stage(options={"on_gap": lambda gap: hidden.append(stage.mirror.view)})
    stage.push(base(1))
    stage.gap(GapReason.OVERFLOW, 3)
    assert hidden == [None]
    assert stage.stream.warned == []
    other = Stage()
    other.gap(GapReason.OVERFLOW, 3)
    assert other.stream.warned == [Gap(GapReason.OVERFLOW, 3, 1)]


def test_a_missing_version_is_reported_and_mended():
    """`SequenceGap` names what is missing and the venue; the book is not shown meanwhile."""
    stage = Stage(base(10), base(20, bids=[50]))
    stage.push(change(13, bids=[98]))
    assert stage.mirror.view is None
    (error,) = stage.upkeep.reports
    assert isinstance(error, SequenceGap)
    assert (str(error), error.venue) == ("A-B lacks versions 11 to 12", "toy")
    assert isinstance(pickle.loads(pickle.dumps(error)), SequenceGap)
    stage.upkeep.settle()
    assert best(stage) == 50
    assert stage.mirror.stats == MirrorStats(True, 2, 1, 1, 2, 0)


def test_an_impossible_size_is_reported_and_mended():
    """A change that nobody can believe makes the whole book doubtful."""
    stage = Stage(base(10), base(20, bids=[50]))
    stage.push(change(11, bids=[98], size=-1))
    assert stage.mirror.view is None
    assert isinstance(stage.upkeep.reports[0], ProtocolError)
    stage.upkeep.settle()
    assert best(stage) == 50


def test_a_connection_that_is_gone_hides_the_book_at_once():
    """Before any gap tells of it, and until one has been told on the next connection."""
    stage = Stage(base(10), base(20, bids=[50]))
    stage.upkeep.epoch = 0
    assert stage.mirror.view is None
    stage.upkeep.epoch = 2
    # What was queued before the cut is still the old connection's.
    stage.push(change(11, bids=[98]))
    assert stage.mirror.view is None
    stage.gap(GapReason.RECONNECTED, epoch=2)
    stage.upkeep.settle()
    assert (best(stage), stage.mirror.view.epoch) == (50, 2)


def test_a_base_from_before_a_gap_is_not_used():
    """Whatever it says was before what was missed: another one is asked for."""
    stage = Stage(base(10), base(20, bids=[50]), base(30, bids=[60]))
    stage.push(change(99))
    stage.upkeep.errands.pop(0)[1]()
    stage.gap(GapReason.RECONNECTED, epoch=1)
    stage.upkeep.settle()
    assert (best(stage), stage.asked) == (60, 3)


def test_a_whole_book_in_the_middle_is_taken():
    """It mends a gap by itself, and the base that was asked for comes too late."""
    stage = Stage(base(10), base(20, bids=[50]))
    stage.push(change(13))
    stage.push(base(40, bids=[70]), change(41, bids=[71]))
    assert best(stage) == 71
    stage.upkeep.settle()
    assert (best(stage), stage.asked) == (71, 1)


# ---- failures ----------------------------------------------------------------------------------


def test_a_base_older_than_what_is_held_is_asked_for_again():
    """What is held stays, so that the next one meets it."""
    stage = Stage(base(10), base(20), base(31, bids=[50]))
    stage.gap(GapReason.OVERFLOW)
    stage.push(change(30, bids=[49]), change(31, bids=[48]), change(32, bids=[51]))
    stage.upkeep.settle()
    assert best(stage) == 51
    assert stage.asked == 3
    assert [type(error) for error in stage.upkeep.reports] == [SequenceGap]
    assert stage.mirror.stats.failures == 1


@pytest.mark.parametrize("update", [change(None), change(21, 20)], ids=["none", "reversed"])
def test_a_change_that_cannot_be_placed_does_not_spoil_the_bases_to_come(update):
    """While a base is asked for, it is a gap of its own, and not held."""
    stage = Stage(base(10), base(20), base(30, bids=[50]))
    stage.gap(GapReason.OVERFLOW)
    stage.push(change(20), update, change(21))
    assert [type(error) for error in stage.upkeep.reports] == [SequenceGap]
    stage.upkeep.settle()
    assert best(stage) is not None
    assert stage.mirror.stats.failures == 0


def test_a_base_that_is_refused_is_asked_for_ever_more_slowly():
    """Each refusal is reported, and the pace is that of the backoff; the venue's wish counts."""
    rhythm = Backoff(initial=1.0, factor=2.0, maximum=8.0)
    slower = RateLimitExceeded("slower", retry_after=100.0)
    stage = Stage(base(10), *[ProtocolError("nothing")] * 6, slower, base(20), rhythm=rhythm)
    stage.gap(GapReason.OVERFLOW)
    delays = stage.upkeep.settle()
    assert stage.mirror.synchronised
    assert len(delays) == 8
    assert delays[0] == 0
    ceilings = [1, 2, 4, 8, 8, 8]
    assert all(0 <= delay <= most for delay, most in zip(delays[1:7], ceilings, strict=True))
    assert delays[7] >= 100
    assert len(stage.upkeep.reports) == 7


def test_a_state_that_is_lost_again_at_once_does_not_spin():
    """A base that comes is no success while it does not last: the pace goes on falling."""
    rhythm = Backoff(initial=1.0, factor=2.0, maximum=64.0, healthy=3600.0)
    stage = Stage(base(10), rhythm=rhythm)
    for round in range(5):
        stage.push(change(99))
        (delay,) = stage.upkeep.settle()
        assert delay <= rhythm.ceiling(round - 1)
        assert stage.mirror._attempt == round + 1
    lasting = Stage(base(10), rhythm=Backoff(healthy=0.0))
    for _ in range(5):
        lasting.push(change(99))
        assert lasting.upkeep.settle() == [0.0]


def test_while_there_is_no_connection_nothing_is_asked_for():
    """A base that fails then is not reported: the gap of the reconnection asks anew."""
    stage = Stage(base(10), ProtocolError("gone"), base(20, bids=[50]))
    stage.gap(GapReason.OVERFLOW)
    stage.upkeep.epoch = 0
    stage.upkeep.settle()
    assert (stage.upkeep.reports, stage.asked) == ([], 2)
    stage.upkeep.epoch = 2
    stage.gap(GapReason.RECONNECTED, epoch=2)
    stage.upkeep.settle()
    assert best(stage) == 50


def test_an_error_in_on_book_harms_nothing():
    """It goes up to whoever runs callbacks, and the book stays right."""

    def broken(view):
        raise LookupError(view.version)

    stage = Stage(on_book=broken)
    for version in (1, 2):
        with pytest.raises(LookupError, match=str(version)):
            stage.push(base(version))
        assert stage.mirror.view.version == version
    assert stage.mirror.stats.gaps == 0


def test_an_interrupt_in_the_middle_of_a_change_hides_the_book():
    """Ctrl-C in a pump leaves half of a change: it is passed on, and the book made anew."""

    class Interrupted:
        def __init__(self, update):
            self.update = update

        def __iter__(self):
            yield self.update.bids[0]
            raise KeyboardInterrupt

    stage = Stage(base(10), base(20, bids=[50]))
    update = change(11, bids=[100])
    with pytest.raises(KeyboardInterrupt):
        stage.push(update._replace(bids=Interrupted(update)))
    assert stage.mirror.view is None
    stage.upkeep.settle()
    assert best(stage) == 50


# ---- a base that was cut off -------------------------------------------------------------------


def test_a_book_that_has_become_shallow_is_deepened_while_it_is_shown():
    """Half of a side is gone: another base is asked for, and what is known is right meanwhile."""
    deep = base(10, bids=[99, 98, 97, 96], asks=[101, 102, 103, 104], limit=4)
    deeper = base(13, bids=[96, 95, 94, 93], asks=[101, 102, 103, 104], limit=4)
    stage = Stage(deep, deeper)
    stage.push(change(11, bids=[99, 98], size=0))
    assert stage.upkeep.settle() == []
    stage.push(change(12, bids=[97], size=0))
    assert best(stage) == 96
    stage.push(change(13), change(14, bids=[92], size=3))
    stage.upkeep.settle()
    assert [level.price for level in stage.mirror.view.bids] == [96, 95, 94, 93]
    assert stage.mirror.view.version == 14
    assert stage.mirror.stats.gaps == 0


def test_a_side_that_is_used_up_hides_the_book():
    """Nobody knows what is behind the worst price of the base: it is not shown as empty."""
    narrow = base(10, bids=[99], asks=[101], limit=1)
    stage = Stage(narrow, base(12, bids=[97], asks=[101], limit=1))
    stage.push(change(11, bids=[99], size=0))
    assert stage.mirror.view is None
    assert stage.upkeep.reports == []
    stage.push(change(12, bids=[97]), change(13, bids=[98]))
    assert stage.mirror.view is None
    stage.upkeep.settle()
    assert (best(stage), stage.mirror.view.version) == (98, 13)
    assert stage.mirror.stats.gaps == 0
    empty = Stage(base(10, bids=[99], asks=[101], limit=5))
    empty.push(change(11, bids=[99], size=0))
    assert empty.mirror.view.bids == ()


def test_a_deeper_base_that_does_not_fit_costs_nothing():
    """One that is too old is asked for again; the book that is known is shown all the while."""
    shallow = base(10, bids=[99, 98, 97, 96], asks=[101, 102, 103, 104], limit=4)
    stage = Stage(shallow, base(5), base(13, bids=[96, 95, 94, 93], limit=4))
    stage.push(change(11, bids=[99, 98, 97], size=0), change(12), change(13))
    assert len(stage.upkeep.errands) == 1
    stage.upkeep.errands.pop()[1]()
    stage.upkeep.notices.pop()()
    assert best(stage) == 96
    stage.upkeep.settle()
    assert len(stage.mirror.view.bids) == 4


# ---- the end -----------------------------------------------------------------------------------


def test_a_closed_mirror_shows_nothing_and_does_nothing():
    """Whatever still comes; `wait` says why, and closing again is no mistake."""
    stage = Stage(base(10))
    with stage.mirror as mirror:
        assert "synchronised" in repr(mirror)
    mirror.close()
    assert stage.stream.closed
    assert mirror.view is None
    assert "closed" in repr(mirror)
    stage.push(change(11))
    stage.gap(GapReason.OVERFLOW)
    assert stage.upkeep.settle() == []
    with pytest.raises(ClientClosed):
        mirror.wait()
    assert len(stage.seen) == 1


def test_the_error_that_ended_the_stream_is_raised_by_wait():
    """Each caller gets an exception object of its own, and there is nothing to see any more."""
    stage = Stage(base(10))
    stage.stream.closed, stage.stream.error = True, RateLimitExceeded("no more", code=7)
    assert stage.mirror.view is None
    caught = []
    for _ in range(2):
        with pytest.raises(RateLimitExceeded) as raised:
            stage.mirror.wait()
        caught.append(raised.value)
    assert caught[0] is not caught[1]
    assert caught[0].code == 7


def test_a_mirror_may_be_closed_from_its_own_callback():
    """Nothing of it is called afterwards."""

    def once(view):
        seen.append(view)
        stage.mirror.close()

    seen = []
    stage = Stage(on_book=once)
    stage.push(base(1), base(2))
    assert len(seen) == 1


def test_a_slow_callback_is_called_by_the_users_name_for_it():
    """What is named in warnings is not the mirror's own wrapping."""

    def my_very_own(view):
        pass

    stage = Stage(on_book=my_very_own)
    assert stage.stream.take.__qualname__ == my_very_own.__qualname__
    assert stage.stream.take.__module__ == __name__
