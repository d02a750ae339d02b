"""Kept books without a socket: bases, the changes that are held for them, and where they end."""

from __future__ import annotations

import pickle

import pytest
from mirroring import TOLD, Stage, base, best, change

from venuesdk.errors import ProtocolError, SequenceGap
from venuesdk.mirrors.mirror import MirrorStats
from venuesdk.models import GapReason
from venuesdk.timing import Backoff


def test_changes_start_from_the_base_that_was_asked_for():
    """Behind the subscription, on the caller's thread; what it covers is left out."""
    stage = Stage(base(10))
    assert (stage.asked, best(stage)) == (1, 99)
    stage.push(change(10, bids=[98]), change(11, bids=[100]))
    assert best(stage) == 100
    assert [view.version for view in stage.seen] == [10, 11]


def test_changes_before_the_base_are_held_and_joined():
    """Those that come while it is asked for, before the subscribe has returned too."""
    stage = Stage(base(10), early=[change(9, bids=[97]), change(11, bids=[100])])
    assert (best(stage), stage.mirror.view.version) == (100, 11)


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
    stage.push(change(50))
    stage.upkeep.errands.pop(0)[1]()
    stage.push(base(60, bids=[80]))
    stage.upkeep.settle()
    assert (best(stage), stage.asked) == (80, 2)
    assert stage.mirror.stats.gaps == 2


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


def test_a_base_older_than_the_change_that_told_of_a_gap_is_not_shown():
    """That change was seen: a base from before it is known to be wrong, and asked for again."""
    stage = Stage(base(10), base(13), base(15, bids=[50]))
    stage.push(change(15))
    stage.upkeep.settle()
    assert [view.version for view in stage.seen] == [10, 15]
    assert best(stage) == 50
    stage.gap(GapReason.RECONNECTED)
    stage.bases = [base(3, bids=[49])]
    stage.upkeep.settle()
    assert best(stage) == 49


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


def test_changes_that_count_anew_while_a_base_is_asked_for_begin_the_wait_anew():
    """Those of the old count could never meet a base of the new one: they are given up, with it."""
    stage = Stage(base(10), base(3), base(4, bids=[50]))
    stage.gap(GapReason.OVERFLOW)
    stage.push(change(5000), change(5001), change(5001), change(1), change(5, bids=[51]))
    (error,) = stage.upkeep.reports
    assert str(error) == "A-B goes back from version 5001 to 1"
    stage.upkeep.settle()
    assert (best(stage), stage.mirror.view.version) == (51, 5)


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


def test_a_book_that_moves_slowly_is_deepened_at_once_each_time():
    """Where the last base held for long, the next one is not asked for any later for its sake."""
    bases = [base(10 * n, bids=[99, 98], asks=[101, 102], limit=2) for n in range(1, 5)]
    stage = Stage(*bases, rhythm=Backoff(initial=3600.0, maximum=3600.0, healthy=0.0))
    for version in (11, 21, 31):
        stage.push(change(version, bids=[99, 98], size=0))
        assert stage.upkeep.settle() == [0.0]
        assert best(stage) == 99


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


def test_a_base_that_is_used_up_by_what_was_held_is_not_shown():
    """The join may take all of a side away, as any later change may: another base is asked for."""
    narrow = base(10, bids=[99], asks=[101], limit=1)
    early = [change(11, bids=[99], size=0), change(12, bids=[98])]
    stage = Stage(narrow, base(12, bids=[98], asks=[101], limit=1), early=early)
    assert [(view.version, view.best_bid.price) for view in stage.seen] == [(12, 98)]
    assert stage.mirror.stats.attempts == 2


def test_a_base_that_what_was_held_makes_shallow_is_shown_and_deepened():
    """Half of a side went before it was joined: it is right, and another one is asked for."""
    deep = base(10, bids=[99, 98, 97, 96], asks=[101, 102, 103, 104], limit=4)
    deeper = base(11, bids=[96, 95, 94, 93], asks=[101, 102, 103, 104], limit=4)
    stage = Stage(deep, deeper, early=[change(11, bids=[99, 98, 97], size=0)])
    assert [len(view.bids) for view in stage.seen] == [1, 4]


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


