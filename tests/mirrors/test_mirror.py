"""Mirrors without a socket: what each event, gap and failure does to what is shown.

Here is what all of them share, played with books; what is a book's own is in the file beside it.
With real sessions, threads and venues, `tests/venues/test_mirrors.py` does the same.
"""

from __future__ import annotations

import pytest
from mirroring import TOLD, Stage, base, best, change

from venuesdk.errors import ClientClosed, ProtocolError, RateLimitExceeded
from venuesdk.mirrors.mirror import MirrorStats
from venuesdk.models import Gap, GapReason
from venuesdk.timing import Backoff

# ---- the way in --------------------------------------------------------------------------------


def test_there_is_no_view_before_a_full_state():
    """A stream of whole books is not known until the first of them."""
    stage = Stage()
    assert stage.mirror.view is None
    assert not stage.mirror.synchronised
    with pytest.raises(TimeoutError, match="the book of A-B"):
        stage.mirror.wait(0)
    announced = stage.upkeep.announced
    stage.push(base(1))
    assert stage.upkeep.announced > announced
    assert stage.mirror.wait(0) is stage.mirror.view is stage.seen[0]
    assert stage.mirror.synchronised
    assert stage.mirror.stats == MirrorStats(True, 1, 0, 0, 0, 0)


def test_a_base_that_cannot_be_had_leaves_nothing_behind():
    """The caller gets the error, and the stream is closed."""
    refusal = RateLimitExceeded("slower")
    stage = Stage.__new__(Stage)
    with pytest.raises(RateLimitExceeded):
        stage.__init__(refusal)
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


def test_a_state_from_before_a_gap_at_the_very_beginning_is_not_used():
    """Even where the subscribe has yet to return: there may be another connection since."""
    early = [Gap(GapReason.RECONNECTED, None, 1)]
    stage = Stage(base(10), base(20, bids=[50]), early=early)
    assert [view.version for view in stage.seen] == [20]
    assert stage.upkeep.awaited == 1
    assert stage.stream.warned == early


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


# ---- failures ----------------------------------------------------------------------------------


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
        stage.gap(GapReason.OVERFLOW)
        (delay,) = stage.upkeep.settle()
        assert delay <= rhythm.ceiling(round - 1)
        assert stage.mirror._attempt == round + 1
    lasting = Stage(base(10), rhythm=Backoff(healthy=0.0))
    for _ in range(5):
        lasting.gap(GapReason.OVERFLOW)
        assert lasting.upkeep.settle() == [0.0]


def test_a_new_connection_is_no_reason_to_wait():
    """How often there is one is the client's own pace; only losses on one count."""
    stage = Stage(base(10), rhythm=Backoff(initial=3600.0, maximum=3600.0, healthy=3600.0))
    stage.gap(GapReason.OVERFLOW)
    assert stage.upkeep.settle() == [0.0]
    stage.gap(GapReason.RECONNECTED)
    assert stage.upkeep.settle() == [0.0]
    stage.gap(GapReason.OVERFLOW)
    assert stage.upkeep.settle() > [0.0]


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


# ---- the end -----------------------------------------------------------------------------------


def test_a_closed_mirror_shows_nothing_and_does_nothing():
    """Whatever still comes; `wait` says why, and closing again is no mistake."""
    stage = Stage(base(10))
    with stage.mirror as mirror:
        assert "synchronised" in repr(mirror)
    announced = stage.upkeep.announced
    mirror.close()
    assert stage.upkeep.announced > announced
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
    before = stage.upkeep.announced
    stage.stream.ended()
    assert stage.upkeep.announced > before
    assert stage.mirror.closed
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
